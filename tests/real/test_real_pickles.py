"""Pickles that torch and joblib wrote years ago are followed to their end."""

import pytest

from pacha.formats.inspect import inspect
from pacha.formats.inspection import FileSource
from tests.real.conftest import Real

BADGE = "pickle: loading it runs code"


@pytest.mark.parametrize(
    ("member", "packing"),
    [
        ("joblib_0.11.0_pickle_py36_np111.pkl", None),
        ("joblib_0.10.0_pickle_py27_np17.pkl", None),
        ("joblib_0.11.0_pickle_py36_np111.pkl.gzip", "gzip"),
        ("joblib_0.11.0_pickle_py36_np111.pkl.bz2", "bz2"),
        ("joblib_0.11.0_pickle_py36_np111.pkl.xz", "xz"),
        ("joblib_0.11.0_pickle_py36_np111.pkl.lzma", "lzma"),
        ("joblib_0.10.0_compressed_pickle_py35_np19.gz", "zlib"),
    ],
)
def test_files_that_joblib_wrote_are_walked_to_their_end(real: Real, member: str, packing: str | None) -> None:
    """Four arrays, one of them of objects; then there is nothing that was not followed."""
    with FileSource(str(real("joblib", f"joblib/test/data/{member}"))) as source:
        found = inspect("m.joblib" if packing else "m.pkl", source)
    assert found is not None and found.warnings == (BADGE,)
    assert found.summary["tensors"] == 4 and found.summary.get("compression") == packing
    assert "joblib.numpy_pickle.NumpyArrayWrapper" in found.detail["imports"]


@pytest.mark.parametrize(("net", "channels"), [("alex", 64), ("squeeze", 64), ("vgg", 64)])
def test_tensors_of_a_state_dict_in_the_old_layout(real: Real, net: str, channels: int) -> None:
    with FileSource(str(real("lpips", f"lpips/weights/v0.1/{net}.pth"))) as source:
        found = inspect("m.pth", source)
    assert found is not None and found.warnings == (BADGE,)
    first = found.detail["tensors"][0]
    assert (first["name"], first["dtype"], first["shape"]) == ("lin0.model.1.weight", "F32", [1, channels, 1, 1])


def test_a_real_torchscript_archive_has_no_suspicious_import(real: Real) -> None:
    with FileSource(str(real("silero-vad", "silero_vad/data/silero_vad.jit"))) as source:
        found = inspect("m.jit", source)
    assert found is not None and found.summary["tensors"] == 33
    assert [warning.split(":")[0] for warning in found.warnings] == ["pickle", "code"]
