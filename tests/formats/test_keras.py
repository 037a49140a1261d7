"""Keras and HDF5 files are read as h5py reads them; what is not read is said."""

import io
import json
import zipfile
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.canonical import encode_compact
from pacha.formats.inspect import inspect
from pacha.formats.inspection import BytesSource, Inspection

CONFIG = {"class_name": "Sequential", "config": {"layers": [
    {"class_name": "Dense", "config": {"name": f"dense_{n}"}} for n in range(100)
]}}  # fmt: skip


def of(name: str, data: bytes) -> Inspection:
    found = inspect(name, BytesSource(data))
    assert found is not None
    encode_compact({"summary": dict(found.summary), "detail": dict(found.detail), "warnings": list(found.warnings)})
    return found


def hdf5_file(libver: Any = "earliest", layers: int = 3) -> bytes:
    out = io.BytesIO()
    with h5py.File(out, "w", libver=libver) as file:
        file.attrs["keras_version"], file.attrs["backend"] = "3.1.0", b"jax"
        file.attrs["model_config"] = json.dumps(CONFIG).encode()
        file.attrs["layer_names"] = [b"one", b"second"]
        file.attrs["words"] = np.array(["x", "yy"], dtype=h5py.string_dtype())
        file.attrs["count"], file.attrs["rate"], file.attrs["nothing"] = -3, 1.5, h5py.Empty("f")
        for number in range(layers):
            group = file.create_group(f"model_weights/dense_{number}/dense_{number}")
            group["kernel:0"] = np.full((3, 4), number, "f4")
            group["bias:0"] = np.ones(4, "f2")
        file.create_dataset("packed", data=np.zeros((100, 100), "i8"), chunks=(10, 10), compression="gzip")
        file["flags"], file["scalar"], file["big"] = np.array([True]), 1.0, np.ones(2, ">u4")
    return out.getvalue()


def keras_file(method: int = zipfile.ZIP_STORED, config: Any = CONFIG) -> bytes:
    weights, out = io.BytesIO(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file["layers/dense/vars/0"] = np.arange(12, dtype="f4").reshape(3, 4)
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.1.0", "date_saved": "2026-11-24"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return out.getvalue()


@pytest.mark.parametrize(("libver", "layers"), [("earliest", 3), ("earliest", 500), ("v108", 3), ("latest", 3)])
def test_every_dataset_is_listed_as_h5py_lists_it(libver: str, layers: int) -> None:
    data = hdf5_file(libver, layers)
    found = of("m.h5", data)
    theirs: dict[str, h5py.Dataset] = {}
    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(lambda name, item: theirs.update({name: item}) if isinstance(item, h5py.Dataset) else None)
        rows = {row["name"]: row for row in found.detail["tensors"]}
        if layers > 8 and libver != "earliest":
            return
        assert set(rows) == set(theirs)
        for name, item in theirs.items():
            assert tuple(rows[name]["shape"]) == item.shape and rows[name].get("offset") == item.id.get_offset()
    assert {row["dtype"] for row in rows.values()} == {"F32", "F16", "I64", "BOOL", "F64", "U32"}
    assert not found.warnings and found.format == "keras"


@pytest.mark.parametrize("libver", ["earliest", "latest"])
def test_the_attributes_of_the_root_are_read(libver: str) -> None:
    found = of("m.hdf5", hdf5_file(libver))
    assert found.detail["metadata"] == {
        "keras_version": "3.1.0", "backend": "jax", "layer_names": ["one", "second"], "words": ["x", "yy"],
        "count": -3, "rate": 1.5, "nothing": None,
    }  # fmt: skip
    assert found.summary["architecture"] == "Sequential" and found.summary["layers"] == 100
    assert found.summary["metadata"] == {"keras_version": "3.1.0", "backend": "jax"}


def test_what_lies_in_a_fractal_heap_or_elsewhere_is_said_to_be_unread() -> None:
    assert "not followed: groups in a fractal heap are not read" in of("m.h5", hdf5_file("latest", 20)).warnings
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file["far"] = h5py.ExternalLink("/etc/passwd", "x")
        file["loop"] = h5py.SoftLink("/loop")
        file["self"] = file["/"]
        file["a"] = np.ones(1)
        file["b"] = file["a"]
    found = of("m.h5", out.getvalue())
    assert "external: links to other files or places are not followed" in found.warnings
    assert [row["name"] for row in found.detail["tensors"]] == ["a"] and found.format == "hdf5"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_weights_inside_a_keras_archive_are_listed(method: int) -> None:
    data = keras_file(method)
    found = of("m.keras", data)
    (row,) = found.detail["tensors"]
    assert (row["name"], row["dtype"], row["shape"]) == ("layers/dense/vars/0", "F32", [3, 4])
    assert found.summary["parameters"] == 12 and found.summary["layers"] == 100 and not found.warnings
    if method == zipfile.ZIP_STORED:
        assert np.frombuffer(data, "<f4", 12, row["offset"]).tolist() == list(range(12))
    else:
        assert "offset" not in row


@pytest.mark.parametrize(
    "layer",
    [
        {"class_name": "Lambda", "config": {"name": "x"}},
        {"class_name": "Custom>Lambda", "config": {"name": "x"}},
        {"class_name": "TimeDistributed", "config": {"name": "t", "layer": {"class_name": "Lambda", "config": {}}}},
        {"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda", "config": {"name": "x"}}]}},
    ],
)
def test_code_in_a_lambda_layer_is_named_wherever_it_is(layer: dict[str, Any]) -> None:
    config = {"class_name": "Sequential", "config": {"layers": [layer]}}
    assert of("m.keras", keras_file(config=config)).warnings[0].startswith("code: ")
    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        file.attrs["model_config"] = json.dumps(config)
    assert of("m.h5", out.getvalue()).warnings[0].startswith("code: ")


def test_a_configuration_that_is_none_is_told() -> None:
    for config in ([1], "x", {"class_name": 3, "config": [[[]]]}):
        of("m.keras", keras_file(config=config))
    assert "no table" in of("m.keras", keras_file(config=[])).warnings[0]


def test_a_file_that_is_cut_is_told() -> None:
    data = hdf5_file()
    assert "ends at" in of("m.h5", data[:-100]).warnings[0]
    for length in range(0, len(data), 97):
        of("m.h5", data[:length])
    archive = keras_file()
    for length in range(0, len(archive), 61):
        of("m.keras", archive[:length])


MADE = {"earliest": hdf5_file(), "latest": hdf5_file("latest")}


@pytest.mark.parametrize("libver", MADE)
@given(st.data())
def test_any_flipped_bytes_are_an_inspection(libver: str, data: st.DataObject) -> None:
    raw = bytearray(MADE[libver])
    # Weights are most of a file; its structure is where there are bytes that are not zero.
    places = [at for at, byte in enumerate(raw) if byte][:8_000]
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.sampled_from(places))] = data.draw(st.integers(0, 255))
    of("m.h5", bytes(raw))
