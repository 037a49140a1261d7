"""Inspectors of models: what the public libraries write is read as they read it; anything else is one clear warning."""

import collections
import gzip
import io
import json
import pickle
import struct
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper
from safetensors import safe_open
from safetensors.numpy import save

from pacha.base.canonical import encode_compact
from pacha.formats.inspect import inspect, inspectors
from pacha.formats.inspection import BytesSource, Inspection
from pacha.formats.sniff import FORMATS
from pacha.formats.tensors import structure


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


class _Stand:
    """Objects that pickle as those of torch do: the globals' names without the library."""

    def __init__(self) -> None:
        self.modules: dict[str, types.ModuleType | None] = {}

    def __enter__(self) -> "_Stand":
        for name in ("torch", "torch._utils"):
            self.modules[name] = sys.modules.get(name)
            sys.modules[name] = types.ModuleType(name)

        class FloatStorage:
            pass

        def _rebuild_tensor_v2(*arguments: object) -> None:
            return None

        FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
        _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
        sys.modules["torch"].FloatStorage = self.storage = FloatStorage  # type: ignore[attr-defined]
        sys.modules["torch._utils"]._rebuild_tensor_v2 = self.rebuild = _rebuild_tensor_v2  # type: ignore[attr-defined]
        return self

    def __exit__(self, *rest: object) -> None:
        for name, module in self.modules.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def torch_file(protocol: int = 2) -> bytes:
    """A checkpoint as torch.save lays it out."""
    out = io.BytesIO()
    with _Stand() as stand:

        class Storage:
            def __init__(self, key: str) -> None:
                self.key = key

        class Tensor:
            def __init__(self, key: str, shape: tuple[int, ...]) -> None:
                self.key, self.shape = key, shape

            def __reduce__(self) -> object:
                state = (Storage(self.key), 0, self.shape, (1,), False, collections.OrderedDict())
                return (stand.rebuild, state)

        class Pickler(pickle.Pickler):
            def persistent_id(self, item: object) -> object:
                return ("storage", stand.storage, item.key, "cpu", 6) if isinstance(item, Storage) else None

        state = collections.OrderedDict([("layer.weight", Tensor("0", (2, 3))), ("layer.bias", Tensor("1", (2,)))])
        body = io.BytesIO()
        Pickler(body, protocol).dump({"state_dict": state, "epoch": 3})
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", body.getvalue())
        archive.writestr("archive/data/0", bytes(24))
        archive.writestr("archive/data/1", bytes(8))
        archive.writestr("archive/version", "3\n")
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


def test_apr_and_tflite() -> None:
    found = of("m.apr", b"APR\0" + struct.pack("<III", 1, 5, 5) + b"llama")
    assert found.summary == {"format": "apr", "version": 1, "flags": ["compressed", "signed"], "architecture": "llama"}
    assert of("m.tflite", struct.pack("<I", 16) + b"TFL3" + bytes(32)).format == "tflite"


def test_an_ending_that_lies_is_told() -> None:
    found = of("m.safetensors", npy := numpy_file())
    assert found.format == "npy" and found.warnings[0] == "named like safetensors, and holds npy" and npy


def test_files_of_other_kinds_are_nobodys() -> None:
    assert inspect("notes.txt", BytesSource(b"hello")) is None


MAKERS: dict[str, Callable[[], bytes]] = {
    "m.safetensors": safetensors_file, "m.onnx": onnx_file, "a.npy": numpy_file, "a.npz": npz_file,
    "m.pt": torch_file, "m.keras": keras_file, "m.pkl": lambda: pickle.dumps({"a": [1, 2, "x"] * 3}),
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
