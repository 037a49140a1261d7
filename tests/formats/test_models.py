"""Inspectors of models: what the public libraries write is read as they read it; anything else is one clear warning."""

import gzip
import io
import json
import pickle
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import gguf
import joblib
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from safetensors import safe_open
from safetensors.numpy import save

from pacha.base.canonical import encode_compact
from pacha.formats import bounds
from pacha.formats.inspect import inspect, inspectors
from pacha.formats.inspection import BytesSource, Inspection
from pacha.formats.sniff import FORMATS
from pacha.formats.tensors import structure
from tests.formats.torch_files import legacy_file, torch_file


def of(name: str, data: bytes) -> Inspection:
    found = inspect(name, BytesSource(data))
    assert found is not None
    encode_compact({"summary": dict(found.summary), "detail": dict(found.detail), "warnings": list(found.warnings)})
    return found


def safetensors_file() -> bytes:
    tensors = {"b": np.ones((3, 2), np.float16), "a": np.zeros((4,), np.int64), "empty": np.zeros((0, 3), np.float32)}
    return save(tensors, metadata={"format": "pt"})


def gguf_file(tmp_path: Path) -> bytes:
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(2048)
    writer.add_float32("llama.rope.freq_base", 10000.5)
    writer.add_array("tokenizer.ggml.tokens", [f"t{number}" for number in range(100)])
    writer.add_array("numbers", list(range(40)))
    writer.add_tensor("blk.0.w", np.ones((2, 3), np.float32))
    writer.add_tensor("blk.1.w", np.ones((5,), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def onnx_file() -> bytes:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["z"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor("w", TensorProto.FLOAT, [3, 2], np.arange(6, dtype=np.float32).tobytes(), raw=True)],
    )  # fmt: skip
    model = helper.make_model(graph, producer_name="tests", opset_imports=[helper.make_opsetid("", 17)])
    helper.set_model_props(model, {"author": "Ada"})
    data: bytes = model.SerializeToString()
    return data


def numpy_file() -> bytes:
    out = io.BytesIO()
    np.save(out, np.arange(6, dtype="<f4").reshape(2, 3))
    return out.getvalue()


def npz_file() -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, w=np.ones((10, 10)), b=np.zeros(3, np.int8))
    return out.getvalue()


def keras_file() -> bytes:
    out = io.BytesIO()
    layers = [
        {"class_name": "Dense", "config": {"name": "first", "units": 3}},
        {"class_name": "Lambda", "config": {"name": "trick", "function": "..."}},
    ]
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.1.0"}))
        archive.writestr("config.json", json.dumps({"class_name": "Sequential", "config": {"layers": layers}}))
        archive.writestr("model.weights.h5", b"\x89HDF\r\n\x1a\n")
    return out.getvalue()


def hdf5_file(tmp_path: Path) -> bytes:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["w"] = np.ones(3)
    return (tmp_path / "m.h5").read_bytes()


def test_every_format_of_the_table_has_an_inspector() -> None:
    assert {format.name for format in FORMATS} - {"recipe"} == set(inspectors())


def test_safetensors_as_its_own_library_reads_it(tmp_path: Path) -> None:
    data = safetensors_file()
    found = of("m.safetensors", data)
    (tmp_path / "m.safetensors").write_bytes(data)
    with safe_open(tmp_path / "m.safetensors", "numpy") as theirs:
        expected = {name: list(theirs.get_slice(name).get_shape()) for name in theirs.keys()}  # noqa: SIM118
        assert found.detail["metadata"] == theirs.metadata()
    assert {row["name"]: row["shape"] for row in found.detail["tensors"]} == expected
    assert found.summary["parameters"] == 10 and found.summary["dtypes"] == {"I64": 1, "F16": 1, "F32": 1}
    assert found.summary["structure"] == structure(found.detail["tensors"]) and not found.warnings


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, "does not take"),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}, "hole"),
        ({"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 8]}}, "does not take"),
        ({"w": {"dtype": "X9", "shape": [1], "data_offsets": [0, 8]}}, "unknown dtype"),
        ({"w": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}}, "shape"),
        ({"w": {"dtype": "F32", "shape": [1]}}, "lacks"),
        ({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, "end at 4 of 8"),
        ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
          "b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, "over another"),
    ],
)  # fmt: skip
def test_a_lying_safetensors_header_is_told(header: dict[str, object], said: str) -> None:
    raw = json.dumps(header).encode()
    found = of("m.safetensors", struct.pack("<Q", len(raw)) + raw + bytes(8))
    assert found.warnings[0].startswith("malformed: ") and said in found.warnings[0]


def test_hostile_safetensors_headers_are_refused_in_bounds() -> None:
    for raw in (b'{"w":' * 100_000, b'{"a":1,"a":2}', b"[" * 1_000_000, b"\xff\xfe", b"3", b'{"w": NaN}'):
        assert "malformed" in of("m.safetensors", struct.pack("<Q", len(raw)) + raw).warnings[0]
    assert "malformed" in of("m.safetensors", struct.pack("<Q", 2**63) + b"{}").warnings[0]


def test_gguf_with_all_its_key_values(tmp_path: Path) -> None:
    data = gguf_file(tmp_path)
    found = of("m.gguf", data)
    theirs = gguf.GGUFReader(tmp_path / "m.gguf")
    keys = {key for key in theirs.fields if not key.startswith("GGUF.")}
    assert set(found.detail["metadata"]) == keys
    assert found.summary["architecture"] == "llama" and found.summary["metadata"]["general.name"] == "tiny"
    assert found.detail["metadata"]["llama.context_length"] == 2048
    assert found.detail["metadata"]["tokenizer.ggml.tokens"] == {"count": 100, "first": [f"t{n}" for n in range(16)]}
    assert found.detail["metadata"]["numbers"]["count"] == 40
    expected = {item.name: [int(size) for size in reversed(item.shape)] for item in theirs.tensors}
    assert {row["name"]: row["shape"] for row in found.detail["tensors"]} == expected
    assert found.summary["dtypes"] == {"F32": 1, "F16": 1}


def test_gguf_counts_that_lie_end_soon() -> None:
    for tensors, pairs in ((2**63, 0), (0, 2**63), (10, 10)):
        assert "malformed" in of("m.gguf", b"GGUF" + struct.pack("<IQQ", 3, tensors, pairs)).warnings[0]
    array = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**62)
    assert "malformed" in of("m.gguf", array).warnings[0]
    nested = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<I", 9)
    assert "malformed" in of("m.gguf", nested + struct.pack("<IQ", 9, 1) * 1_000).warnings[0]


def test_onnx_as_its_own_library_reads_it() -> None:
    data = onnx_file()
    found, theirs = of("m.onnx", data), onnx.load_from_string(data)
    assert found.summary["ir_version"] == theirs.ir_version and found.summary["opsets"] == {"ai.onnx": 17}
    assert found.summary["producer"] == "tests" and found.detail["metadata"] == {"author": "Ada"}
    graph = found.detail["graph"]
    assert graph["operators"] == {"MatMul": 1, "Relu": 1} and graph["name"] == "g"
    assert graph["inputs"] == [{"name": "x", "dtype": "F32", "shape": ["batch", 3]}]
    (row,) = found.detail["tensors"]
    assert (row["name"], row["dtype"], row["shape"], row["bytes"]) == ("w", "F32", [3, 2], 24)
    assert data[row["offset"] : row["offset"] + 24] == theirs.graph.initializer[0].raw_data


def test_npy_and_npz() -> None:
    found = of("a.npy", numpy_file())
    assert (found.summary["shape"], found.summary["dtypes"], found.summary["order"]) == ([2, 3], {"<f4": 1}, "c")
    many = of("a.npz", npz_file())
    assert {row["name"]: row["shape"] for row in many.detail["tensors"]} == {"w": [10, 10], "b": [3]}
    out = io.BytesIO()
    np.save(out, np.array([{}, 3], dtype=object), allow_pickle=True)
    assert of("a.npy", out.getvalue()).warnings[0].startswith("pickle: ")


def test_an_npy_header_is_never_run() -> None:
    header = b"{'descr': __import__('os').system('touch /tmp/never'), 'fortran_order': False, 'shape': (1,)}\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    assert "malformed" in of("a.npy", data).warnings[0] and not Path("/tmp/never").exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_the_tensors_of_a_torch_checkpoint_are_listed_without_loading_it(protocol: int) -> None:
    found = of("m.pt", torch_file(protocol))
    rows = {row["name"]: (row["dtype"], row["shape"]) for row in found.detail["tensors"]}
    assert rows == {"state_dict.layer.weight": ("F32", [2, 3]), "state_dict.layer.bias": ("F32", [2])}
    assert found.warnings == ("pickle: loading it runs code",) and found.summary["parameters"] == 8
    assert "torch._utils._rebuild_tensor_v2" in found.detail["imports"]


class _Canary:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return (open, (self.path, "w"))


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", ["m.pkl", "m.pt", "m.joblib", "zip.pt", "m.pkl.gz.joblib"])
def test_a_pickle_that_runs_code_is_named_and_does_not_run(tmp_path: Path, protocol: int, name: str) -> None:
    canary = tmp_path / "canary"
    data = pickle.dumps({"model": _Canary(str(canary)), "x": [1, 2]}, protocol)
    if name == "m.pt" and protocol < 2:
        name = "m.pkl"  # torch never wrote these
    if name == "zip.pt":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("archive/data.pkl", data)
        data = out.getvalue()
    if ".gz" in name:
        data = gzip.compress(data)
    found = of(name, data)
    assert not canary.exists()
    assert any("suspicious import: " in warning and "open" in warning for warning in found.warnings)
    pickle.loads(pickle.dumps(_Canary(str(canary))))
    assert canary.exists(), "the canary itself must be able to sing"


def test_keras_and_hdf5(tmp_path: Path) -> None:
    found = of("m.keras", keras_file())
    assert found.summary["architecture"] == "Sequential" and found.summary["metadata"] == {"keras_version": "3.1.0"}
    assert [layer["class"] for layer in found.detail["layers"]] == ["Dense", "Lambda"]
    assert found.warnings[0].startswith("code: ")
    old = of("m.h5", hdf5_file(tmp_path))
    assert old.format == "hdf5" and not old.warnings
    assert "malformed" in of("m.h5", hdf5_file(tmp_path)[:-100]).warnings[0]


def tflite_file() -> bytes:
    """A FlatBuffer by hand: a table with a version and a description."""
    table = struct.pack("<HHHHHH", 12, 12, 4, 0, 0, 8) + struct.pack("<iII", 12, 3, 4) + struct.pack("<I", 4) + b"tiny"
    return struct.pack("<I", 20) + b"TFL3" + table


def skops_file() -> bytes:
    schema = {"__class__": "SVC", "__module__": "sklearn.svm._classes", "content": [
        {"__class__": "ndarray", "__module__": "numpy"}, {"__class__": "system", "__module__": "posix"}
    ]}  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("0.npy", numpy_file())
        archive.writestr("schema.json", json.dumps(schema))
    return out.getvalue()


def joblib_file() -> bytes:
    out = io.BytesIO()
    joblib.dump({"x": np.ones(5), "y": [1, "a"]}, out)
    return out.getvalue()


def test_apr_tflite_and_skops() -> None:
    found = of("m.apr", b"APR\0" + struct.pack("<III", 1, 5, 5) + b"llama")
    assert found.summary == {"format": "apr", "version": 1, "flags": ["compressed", "signed"], "architecture": "llama"}
    lite = of("m.tflite", tflite_file())
    assert lite.summary == {"format": "tflite", "schema_version": 3, "metadata": {"description": "tiny"}}
    assert "malformed" in of("m.tflite", struct.pack("<I", 2**31) + b"TFL3" + bytes(32)).warnings[0]
    safe = of("m.skops", skops_file())
    assert safe.summary["architecture"] == "sklearn.svm._classes.SVC"
    assert safe.warnings == ("suspicious import: posix.system",)


def test_what_is_inside_the_nodes_of_onnx_counts(tmp_path: Path) -> None:
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=helper.make_tensor("", TensorProto.FLOAT, [4], [1, 2, 3, 4])),
         helper.make_node("Constant", [], ["one"], value=helper.make_tensor("", TensorProto.FLOAT, [], [1])),
         helper.make_node("Add", ["c", "w"], ["out"])],
        "then", [], [helper.make_tensor_value_info("out", TensorProto.FLOAT, [4])],
        [helper.make_tensor("w", TensorProto.FLOAT, [4], [0, 0, 0, 0])],
    )  # fmt: skip
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.BOOL, [])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])],
    )  # fmt: skip
    found = of("m.onnx", helper.make_model(graph).SerializeToString())
    assert found.detail["graph"]["operators"] == {"Add": 2, "Constant": 4, "If": 1}
    assert found.detail["graph"]["subgraphs"] == 2 and found.summary["nodes"] == 1
    assert [row["name"] for row in found.detail["tensors"]] == ["y/w", "y/w", "y/c", "y/c"]
    assert found.summary["parameters"] == 16


def test_weights_of_onnx_in_other_files_are_named() -> None:
    model = onnx.load_from_string(onnx_file())
    (weight,) = model.graph.initializer
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for place, warned in (("weights.bin", False), ("../../etc/passwd", True), ("/etc/passwd", True)):
        del weight.external_data[:]
        weight.external_data.add(key="location", value=place)
        found = of("m.onnx", model.SerializeToString())
        assert found.detail["graph"]["external"] == [place] and bool(found.warnings) is warned


def test_a_lying_onnx_tensor_is_told() -> None:
    model = onnx.load_from_string(onnx_file())
    model.graph.initializer[0].dims[0] = 2**40
    assert "does not take" in of("m.onnx", model.SerializeToString()).warnings[0]


def test_a_detail_that_is_too_long_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "DETAIL_BYTES_MAX", 20_000)
    data = save({f"{number:0>90}": np.zeros(1, np.int8) for number in range(500)}, metadata={"a": "b"})
    found = of("m.safetensors", data)
    assert found.detail["truncated"] and found.summary["tensors"] == 500 and found.detail["metadata"] == {"a": "b"}
    assert 15_000 < len(encode_compact(dict(found.detail))) <= 20_000


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"1,", b'"a":[],', b"[[[["])
def test_a_header_of_brackets_does_not_fill_the_memory(piece: bytes) -> None:
    raw = b"[" + piece * ((30 << 20) // len(piece))
    data = struct.pack("<Q", len(raw)) + raw
    tracemalloc.start()
    assert "malformed" in of("m.safetensors", data).warnings[0]
    assert tracemalloc.get_traced_memory()[1] < 5 * len(raw)
    tracemalloc.stop()


def test_an_ending_that_lies_is_told() -> None:
    found = of("m.safetensors", npy := numpy_file())
    assert found.format == "npy" and found.warnings[0] == "named like safetensors, and holds npy" and npy


def test_files_of_other_kinds_are_nobodys() -> None:
    assert inspect("notes.txt", BytesSource(b"hello")) is None


MAKERS: dict[str, Callable[[], bytes]] = {
    "m.safetensors": safetensors_file, "m.onnx": onnx_file, "a.npy": numpy_file, "a.npz": npz_file,
    "m.pt": torch_file, "m.keras": keras_file, "m.pkl": lambda: pickle.dumps({"a": [1, 2, "x"] * 3}),
    "old.pth": lambda: legacy_file({"a": (2, 3), "b": (4,)}), "m.skops": lambda: skops_file(),
    "array.joblib": lambda: joblib_file(), "m.tflite": lambda: tflite_file(),
    "m.apr": lambda: b"APR\0" + struct.pack("<III", 1, 5, 5) + b"llama",
    "m.joblib": lambda: gzip.compress(pickle.dumps({"a": 1})),
}  # fmt: skip


@pytest.mark.parametrize("name", MAKERS)
def test_every_cut_of_a_file_is_an_inspection(name: str) -> None:
    data = MAKERS[name]()
    for length in range(0, len(data), max(1, len(data) // 400)):
        of(name, data[:length])


@pytest.mark.parametrize("name", [*MAKERS, "m.gguf"])
@given(st.data())
def test_any_flipped_bytes_are_an_inspection(name: str, data: st.DataObject) -> None:
    raw = bytearray(GGUF if name == "m.gguf" else MADE[name])
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    of(name, bytes(raw))


MADE = {name: make() for name, make in MAKERS.items()}
#: A GGUF file by hand: one text, one tensor.
GGUF = (
    b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + struct.pack("<Q", 20) + b"general.architecture" + struct.pack("<IQ", 8, 5)
    + b"llama" + struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 4, 0, 0) + bytes(64)
)  # fmt: skip
