"""Pickles are followed and never loaded: what they would import and make is told, whatever somebody did to hide it."""

import bz2
import collections
import gzip
import io
import lzma
import pickle
import pickletools
import struct
import sys
import tracemalloc
import types
import zipfile
import zlib
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joblib.numpy_pickle import NumpyArrayWrapper

from pacha.base.canonical import encode_compact
from pacha.formats.inspect import inspect
from pacha.formats.inspection import BytesSource, Inspection
from pacha.formats.pickle_codes import CODES
from pacha.formats.pickle_machine import STEPS_MAX, Followed, follow
from pacha.formats.pickle_safety import is_harmless
from pacha.formats.pickle_values import Imported
from pacha.formats.stream import UNPACKED_BYTES_MAX, Stream
from tests.formats.torch_files import MAGIC_NUMBER, legacy_file, torch_file


def of(name: str, data: bytes) -> Inspection:
    found = inspect(name, BytesSource(data))
    assert found is not None
    encode_compact({"summary": dict(found.summary), "detail": dict(found.detail), "warnings": list(found.warnings)})
    return found


def seen_in(data: bytes) -> Followed:
    seen = Followed()
    follow(Stream(BytesSource(data)), seen)
    return seen


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=300) | st.binary(max_size=300)
    | st.complex_numbers() | st.builds(bytearray, st.binary(max_size=20)) | st.sampled_from([len, dict, zlib.crc32]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    | st.tuples(inner, inner) | st.builds(collections.OrderedDict, st.dictionaries(st.text(max_size=5), inner)),
    max_leaves=12,
)  # fmt: skip


def test_the_table_of_opcodes_is_that_of_the_standard_library() -> None:
    assert {code: name for code, (name, _) in CODES.items()} == {ord(op.code): op.name for op in pickletools.opcodes}


@given(values, st.integers(0, 5))
def test_every_opcode_and_import_of_a_pickle_is_seen(value: object, protocol: int) -> None:
    data = pickle.dumps(value, protocol)
    seen = seen_in(data)
    assert seen.fault is None
    theirs = list(pickletools.genops(data))
    assert seen.opcodes == collections.Counter(opcode.name for opcode, _, _ in theirs)
    if protocol < 4:
        named = {tuple(str(argument).split(" ", 1)) for opcode, argument, _ in theirs if opcode.name == "GLOBAL"}
        assert {(found.module, found.name) for found in seen.imports if found is not None} == named


@given(st.binary(max_size=200))
def test_any_bytes_are_followed_to_an_end(data: bytes) -> None:
    seen_in(data)
    seen_in(pickle.dumps({"a": [1, "b"]}) + data)


def hidden(*opcodes: bytes) -> bytes:
    return b"\x80\x04" + b"".join(opcodes) + b")R."


def word(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"cposix\nsystem\n)R.",
        b"(S'posix'\nS'system'\n\x93)R.",
        hidden(word("posix"), word("system"), b"\x93"),
        # Through the memo, past other texts, with the stack put in order by POP, DUP and marks.
        hidden(word("posix"), b"\x94", word("system"), b"\x94", word("collections"), word("OrderedDict"), b"00\x93"),
        hidden(word("system"), b"q\x070", word("posix"), b"(", word("x"), word("y"), b"1h\x07\x93"),
        hidden(b"Vposix\n", b"Vsystem\n", b"\x93"),
        b"(iposix\nsystem\n.",
        b"(cposix\nsystem\no.",
        # It is broken later: what came before has run by then.
        b"cposix\nsystem\n(S'id'\ntR\xff\xff\xff",
        b"cposix\nsystem\n(S'id'\ntR",
    ],
)
@pytest.mark.parametrize("name", ["m.pkl", "m.pt", "m.joblib"])
def test_an_import_is_found_however_it_is_spelled(data: bytes, name: str) -> None:
    found = of(name, data)
    assert "suspicious import: posix.system" in found.warnings and "posix.system" in found.detail["imports"]
    assert found.warnings[0] == "pickle: loading it runs code"


@pytest.mark.parametrize(
    "opcodes",
    [
        [word("posix"), b"(", word("sys"), word("tem"), b"tR", b"\x93"],
        [b"\x82\x01"],
        [b"h\x09h\x09\x93"],
        [b"S'po\\x73ix'\n", b"S'system'\n", b"\x93"],
        [b"X" + struct.pack("<I", 5_000) + b"posix" * 1_000, word("system"), b"\x93"],
    ],
)
def test_a_name_that_cannot_be_told_is_suspicious(opcodes: list[bytes]) -> None:
    found = of("m.pkl", b"\x80\x04" + word("a") + b"\x94\x94\x94" + b"N0" + hidden(*opcodes)[2:])
    assert any(warning.startswith(("suspicious import: (", "not followed")) for warning in found.warnings) or (
        "malformed" in found.warnings[0]
    )


@pytest.mark.parametrize(
    ("module", "name", "harmless"),
    [
        ("builtins", "set", True), ("__builtin__", "set", True), ("builtins", "eval", False), ("os", "system", False),
        ("torch", "FloatStorage", True), ("torch", "load", False), ("torch.hub", "load", False),
        ("sklearn.svm._classes", "SVC", True), ("sklearn.svm", "os.system", False), ("sklearn.externals.joblib", "load", False),
        ("pandas.core.computation.eval", "eval", False), ("pandas.core.frame", "DataFrame", True),
        ("numpy._core.multiarray", "scalar", True), ("numpy.core.multiarray", "_reconstruct", True),
        ("numpy", "load", False), ("numpy.testing._private.utils", "runstring", False), ("__main__", "Net", False),
        ("torch.storage", "_load_from_bytes", False), ("functools", "partial", False), ("builtins", "getattr", False),
        ("torch.nn.modules.linear", "Linear", True), ("sklearn\nsvm", "SVC", False), ("", "", False),
    ],
)  # fmt: skip
def test_only_what_is_known_is_harmless(module: str, name: str, harmless: bool) -> None:
    assert is_harmless(Imported(module, name)) is harmless


class _Model:
    """An estimator as scikit-learn's are kept."""

    def __init__(self) -> None:
        self.coef_ = np.arange(6.0).reshape(3, 2)
        self.names = np.array(["a", {"b": 1}], dtype=object)
        self.columns = np.asfortranarray(np.ones((4, 5), np.float32))
        self.rows = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])


ROWS = {
    "model.coef_": ("<f8", [3, 2]), "model.names": ("object", [2]), "model.columns": ("<f4", [4, 5]),
    "model.rows": ("|V12", [1]),
}  # fmt: skip


def rows_of(found: Inspection) -> dict[str, tuple[str, list[int]]]:
    return {row["name"]: (row["dtype"], row["shape"]) for row in found.detail["tensors"]}


@pytest.mark.parametrize("packing", [0, "zlib", "gzip", "bz2", "lzma", "xz"])
def test_the_arrays_of_a_joblib_file_are_listed(packing: Any) -> None:
    out = io.BytesIO()
    joblib.dump({"model": _Model(), "after": {"x": 1}}, out, compress=packing)
    found = of("m.joblib", out.getvalue())
    assert rows_of(found) == ROWS and found.format == "joblib"
    assert found.summary.get("compression") == (packing or None)
    unusual = [warning for warning in found.warnings[1:]]
    assert len(unusual) == 1 and unusual[0].endswith("_Model")
    if not packing:
        row = found.detail["tensors"][0]
        there = np.frombuffer(out.getvalue(), "<f8", 6, row["offset"])
        assert there.tolist() == list(range(6)) and row["bytes"] == 48


@pytest.mark.parametrize("protocol", range(6))
def test_the_arrays_of_a_plain_pickle_are_listed(protocol: int) -> None:
    found = of("m.pkl", pickle.dumps({"model": _Model()}, protocol))
    expected = {**ROWS, "model.names": ("object", [2])}
    assert rows_of(found) == expected
    assert of("m.pkl", pickle.dumps(_Model(), protocol)).summary["architecture"].endswith("_Model")


def test_an_array_between_the_opcodes_hides_nothing_from_another_reader() -> None:
    code = b"cposix\nsystem\n(S'id'\ntR."
    wrapper = NumpyArrayWrapper(np.ndarray, (len(code),), "C", np.dtype("u1"), numpy_array_alignment_bytes=None)
    before = pickle.dumps(wrapper, 4)[:-1]
    assert "suspicious import: posix.system" in of("m.pkl", before + code + b".").warnings
    out = io.BytesIO()
    joblib.dump({"x": np.frombuffer(b"c\x01\x02\nrubbish\n".ljust(32, b"N"), np.uint8)}, out)
    assert of("m.joblib", out.getvalue()).warnings == ("pickle: loading it runs code",)


def test_what_unpacks_to_more_than_is_looked_at_is_said() -> None:
    body = b"\x80\x04\x8e" + struct.pack("<Q", UNPACKED_BYTES_MAX) + bytes(UNPACKED_BYTES_MAX)
    packed = zlib.compress(body, 1)
    tracemalloc.start()
    found = of("m.joblib", packed)
    assert tracemalloc.get_traced_memory()[1] < len(packed) + (16 << 20)
    tracemalloc.stop()
    assert any("unpacks to more than" in warning for warning in found.warnings)


def test_several_packed_streams_in_a_row_are_one() -> None:
    data = pickle.dumps({"f": _Model}, 2)
    for pack in (gzip.compress, bz2.compress, lzma.compress):
        found = of("m.joblib", pack(data[:10]) + pack(data[10:]))
        assert any("_Model" in warning for warning in found.warnings)


def test_lz4_is_named_and_not_read() -> None:
    found = of("m.joblib", b"\x04\x22\x4d\x18" + bytes(20))
    assert found.warnings == ("pickle: loading it runs code", "not followed: it is packed with lz4")


def test_a_pickle_under_any_name_is_told_and_noise_is_not() -> None:
    found = of("weights.dat", pickle.dumps({"f": print}, 4))
    assert found.format == "pickle" and "suspicious import: builtins.print" in found.warnings
    assert inspect("noise.dat", BytesSource(b"\x80\x04" + bytes(range(200, 255)))) is None
    misnamed = of("m.safetensors", pickle.dumps({"f": print}, 4))
    assert misnamed.warnings[:2] == ("named like safetensors, and holds pickle", "pickle: loading it runs code")


def test_pickles_behind_the_first_one_are_followed_too() -> None:
    found = of("m.pkl", pickle.dumps([1]) + pickle.dumps(print))
    assert "suspicious import: builtins.print" in found.warnings


def test_structures_that_multiply_or_hold_themselves_stay_small() -> None:
    # Each list holds the one before twice, two hundred times over.
    doubling = (
        b"\x80\x04]\x94"
        + b"".join(
            b"](h\x00h\x00e\x94"
            if n == 0
            else b"](" + b"j" + struct.pack("<I", n) * 1 + b"j" + struct.pack("<I", n) + b"e\x94"
            for n in range(200)
        )
        + b"."
    )
    loop = b"\x80\x04]\x94h\x00a."
    deep = b"\x80\x04" + b"]" * 100_000 + b"a" * 99_999 + b"."
    tracemalloc.start()
    for data in (doubling, loop, deep):
        of("m.pkl", data)
        of("m.pt", data)
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


def test_a_pickle_without_end_is_looked_at_so_far() -> None:
    found = of("m.pkl", b"\x80\x04" + b"N0" * (STEPS_MAX // 2 + 1) + b".")
    assert "not followed: it has more than" in found.warnings[1]


@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_of_a_checkpoint_lie_where_it_says(protocol: int) -> None:
    data = torch_file(protocol)
    found = of("m.pt", data)
    rows = {row["name"]: row for row in found.detail["tensors"]}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name, member in (
            ("state_dict.layer.weight", "archive/data/0"),
            ("state_dict.layer.bias", "archive/data/1"),
        ):
            row = rows[name]
            assert data[row["offset"] : row["offset"] + row["bytes"]] == archive.read(member)


def test_a_checkpoint_is_known_by_its_first_member() -> None:
    found = of("weights.bin", torch_file())
    assert found.format == "pytorch" and found.summary["tensors"] == 2


def test_a_tensor_beyond_its_storage_is_told() -> None:
    assert "reaches beyond its storage" in of("m.pt", torch_file(shape=(20, 3))).warnings[0]
    assert "reaches beyond its storage" in of("m.pt", torch_file(strides=(2**40, 1))).warnings[0]
    assert "strides" in of("m.pt", torch_file(strides=(1,))).warnings[0]


def test_the_older_layout_of_pytorch_has_its_tensors_in_place() -> None:
    data = legacy_file({"a.weight": (2, 3), "b": (4,)})
    found = of("m.pth", data)
    assert found.summary["layout"] == "pickles" and found.warnings == ("pickle: loading it runs code",)
    rows = {row["name"]: row for row in found.detail["tensors"]}
    assert rows["a.weight"]["shape"] == [2, 3] and rows["b"]["bytes"] == 16
    for number, name in enumerate(("a.weight", "b")):
        row = rows[name]
        there = np.frombuffer(data, "<f4", row["bytes"] // 4, row["offset"])
        assert set(there.tolist()) == {float(number)}
    assert "its storages" in of("m.pth", data[:-4]).warnings[0]
    assert MAGIC_NUMBER == 0x1950A86A20F9469CFC6C


def test_a_module_is_read_through_its_parts() -> None:
    """`torch.save(model)` keeps parameters, buffers and modules, which a state dict leaves out of names."""
    module = types.ModuleType("torch.nn.modules.linear")
    parts = module.__name__.split(".")
    parents = [".".join(parts[: end + 1]) for end in range(len(parts))]
    sys.modules.update({name: types.ModuleType(name) for name in parents} | {module.__name__: module})
    try:
        kind = type("Linear", (), {"__module__": module.__name__})
        module.Linear = kind  # type: ignore[attr-defined]
        layer, net = kind(), kind()
        layer.__dict__ = {"_parameters": collections.OrderedDict(weight=np.ones((2, 2), np.float32)), "_modules": {}}
        net.__dict__ = {"_parameters": {}, "_modules": collections.OrderedDict(first=layer)}
        data = pickle.dumps(net, 2)
    finally:
        for name in parents:
            del sys.modules[name]
    found = of("m.pkl", data)
    assert rows_of(found) == {"first.weight": ("<f4", [2, 2])}
    assert found.summary["architecture"] == "torch.nn.modules.linear.Linear"
    assert found.warnings == ("pickle: loading it runs code",)


def test_objects_in_an_array_of_numpy_are_followed() -> None:
    out = io.BytesIO()
    np.save(out, np.array([print, 1], dtype=object), allow_pickle=True)
    assert "suspicious import: builtins.print" in of("a.npy", out.getvalue()).warnings
    out = io.BytesIO()
    np.savez(out, x=np.array([print, 1], dtype=object), y=np.ones(3))
    found = of("a.npz", out.getvalue())
    assert "suspicious import: builtins.print" in found.warnings
    row = next(row for row in found.detail["tensors"] if row["name"] == "y")
    assert np.frombuffer(out.getvalue(), "<f8", 3, row["offset"]).tolist() == [1, 1, 1]
