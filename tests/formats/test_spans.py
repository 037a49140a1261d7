"""Where tensors lie: as the formats' own libraries say, and nothing that is not in the file."""

import contextlib
import io
import json
import pickle
import struct
import tempfile
import zipfile
from pathlib import Path

import joblib
import numpy
import onnx
import onnx.helper
import onnx.numpy_helper
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.base.spans import ELEMENT_BYTES, Span
from pacha.formats.beside import Beside, beside
from pacha.formats.inspection import BytesSource
from pacha.formats.spans import ELEMENTS, element_of, tensor_spans
from pacha.worktree.cutting import plan
from tests.formats import torch_files
from tests.formats.test_keras import hdf5_file, keras_file
from tests.formats.test_models import gguf_file


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]]) -> bytes:
    header, body = {}, b""
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + body


def spans(name: str, data: bytes) -> tuple[Span, ...]:
    return tensor_spans(name, BytesSource(data))


def test_safetensors_name_element_and_place() -> None:
    data = safetensors({"b": ("F32", [3], b"x" * 12), "a": ("BF16", [4], b"y" * 8), "e": ("F32", [0], b"")})
    found = spans("m.safetensors", data)
    assert [(span.name, span.element, data[span.start : span.start + span.length]) for span in found] == [
        ("b", "f32", b"x" * 12),
        ("a", "bf16", b"y" * 8),
    ]


def test_arrays_of_numpy_alone_and_stored_in_an_archive() -> None:
    array = numpy.arange(1_000, dtype="<f8")
    alone, archive, packed = io.BytesIO(), io.BytesIO(), io.BytesIO()
    numpy.save(alone, array)
    numpy.savez(archive, first=array, second=array.astype("<f2"))
    numpy.savez_compressed(packed, first=array)
    (span,) = spans("a.npy", alone.getvalue())
    assert alone.getvalue()[span.start : span.start + span.length] == array.tobytes() and span.element == "f64"
    first, second = spans("a.npz", archive.getvalue())
    assert archive.getvalue()[first.start : first.start + first.length] == array.tobytes()
    assert (first.element, second.element, second.length) == ("f64", "f16", 2_000)
    assert spans("a.npz", packed.getvalue()) == ()


@pytest.mark.parametrize("name", ["notes.txt", "m.safetensors", "m.pt", "m.gguf", "m.onnx", "m.h5", "a.npz", "a.npy"])
def test_what_is_not_that_format_has_none(name: str) -> None:
    assert spans(name, b"") == ()
    assert spans(name, b"neither a header nor anything else" * 100) == ()


@given(
    st.lists(
        st.tuples(st.sampled_from(["F32", "U8", "BOOL", "F4"]), st.integers(-9, 900), st.integers(-9, 900)),
        max_size=6,
    ),
    st.binary(max_size=800),
)
def test_whatever_a_header_says_spans_are_apart_and_inside(rows: list[tuple[str, int, int]], body: bytes) -> None:
    header = {
        f"t{number}": {"dtype": dtype, "shape": [max(0, (end - begin) // 4)], "data_offsets": [begin, end]}
        for number, (dtype, begin, end) in enumerate(rows)
    }
    raw = json.dumps(header).encode()
    data = struct.pack("<Q", len(raw)) + raw + body
    at = 0
    for span in spans("m.safetensors", data):
        assert at <= span.start < span.start + span.length <= len(data)
        assert span.element is None or span.element in ELEMENT_BYTES
        at = span.start + span.length


def test_a_zip_that_is_no_model_has_none() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("notes.txt", b"x" * 1_000)
    assert spans("m.pt", archive.getvalue()) == ()
    assert spans("m.zip", archive.getvalue()) == ()


def test_a_type_with_its_largest_byte_first_is_an_integer_of_its_width() -> None:
    for dtype, element in {
        ">f4": "i32",
        ">c16": "i64",
        "<c8": "f32",
        "|b1": "i8",
        "<M8[ns]": "i64",
        "<U3": None,
    }.items():
        out = io.BytesIO()
        numpy.save(out, numpy.zeros(9, dtype))
        (span,) = spans("a.npy", out.getvalue())
        assert (span.element, span.length) == (element, 9 * numpy.dtype(dtype).itemsize)


def test_arrays_of_objects_have_no_spans() -> None:
    alone, archive = io.BytesIO(), io.BytesIO()
    numpy.save(alone, numpy.array([{}, None], dtype=object))
    numpy.savez(archive, o=numpy.array([{}, None], dtype=object), n=numpy.zeros(4))
    assert spans("a.npy", alone.getvalue()) == ()
    assert [span.name for span in spans("a.npz", archive.getvalue())] == ["n"]


def test_a_file_under_another_name_is_known_by_its_first_bytes() -> None:
    data = safetensors({"a": ("I8", [9], b"y" * 9)})
    assert spans("3f2a", data) == spans("m.pt", data) == spans("m.safetensors", data) != ()
    out = io.BytesIO()
    numpy.save(out, numpy.zeros(4))
    assert spans("m.safetensors", out.getvalue()) == spans("a.npy", out.getvalue()) != ()


def test_tensors_of_pytorch_by_their_names() -> None:
    data = torch_files.torch_file()
    weight, bias = spans("m.pt", data)
    assert [(span.name, span.element) for span in (weight, bias)] == [
        ("state_dict.layer.weight", "f32"),
        ("state_dict.layer.bias", "f32"),
    ]
    assert data[weight.start :][: weight.length] == numpy.arange(6, dtype="<f4").tobytes()
    assert data[bias.start :][: bias.length] == numpy.ones(2, "<f4").tobytes()


def test_tensors_of_the_older_layout_of_pytorch() -> None:
    data = torch_files.legacy_file({"w": (5, 3), "b": (7,)})
    assert [(span.name, data[span.start :][: span.length], span.element) for span in spans("m.pt", data)] == [
        ("w", bytes(60), "f32"),
        ("b", numpy.ones(7, "<f4").tobytes(), "f32"),
    ]


def test_a_storage_whose_tensor_has_no_place_of_its_own_is_named_by_its_member() -> None:
    data = torch_files.torch_file(shape=(2, 2), strides=(3, 1))
    assert [(span.name, span.length, span.element) for span in spans("m.pt", data)] == [
        ("archive/data/0", 24, "f32"),
        ("state_dict.layer.bias", 8, "f32"),
    ]


def test_arrays_that_joblib_puts_between_the_opcodes() -> None:
    out = io.BytesIO()
    array = numpy.arange(3_000, dtype="<f4")
    joblib.dump({"first": array, "second": array.astype("<f8")}, out)
    first, second = spans("m.joblib", out.getvalue())
    assert out.getvalue()[first.start : first.start + first.length] == array.tobytes()
    assert (first.element, second.element) == ("f32", "f64")
    assert spans("m.pkl", pickle.dumps([1, 2, 3])) == ()


def test_initializers_of_onnx_inside_the_model_and_beside_it(tmp_path: Path) -> None:
    arrays = {"w": numpy.arange(600, dtype="<f4"), "v": numpy.ones(500, "<f2"), "b": numpy.ones(3, "<f4")}
    tensors = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
    graph = onnx.helper.make_graph([], "g", [], [], initializer=tensors)
    inside = onnx.helper.make_model(graph).SerializeToString()
    found = spans("m.onnx", inside)
    assert {span.name: inside[span.start :][: span.length] for span in found} == {
        name: array.tobytes() for name, array in arrays.items()
    }
    assert {span.name: span.element for span in found} == {"w": "f32", "v": "f16", "b": "f32"}
    path = tmp_path / "m.onnx"
    onnx.save(onnx.load_from_string(inside), path, save_as_external_data=True, location="m.data", size_threshold=100)
    model, data = path.read_bytes(), (tmp_path / "m.data").read_bytes()
    there = models({"m.onnx": model}).spans("m.data", len(data))
    assert [(span.name, data[span.start :][: span.length]) for span in there] == [
        (name, arrays[name].tobytes()) for name in ("w", "v")
    ]
    deeper = models({"a/m.onnx": model, "b/none.onnx": b"no model"})
    assert deeper.spans("a/m.data", len(data)) == there
    assert deeper.spans("b/m.data", len(data)) == deeper.spans("m.data", len(data)) == ()
    assert deeper.spans("a/m.data", 100) == ()


def models(found: dict[str, bytes]) -> Beside:
    return Beside(found, lambda path: contextlib.nullcontext(BytesSource(found[path])))


def external(location: str, offset: str = "0", length: str = "400", name: str = "w") -> bytes:
    """A model whose one tensor lies wherever it says."""
    tensor = onnx.TensorProto(name=name, data_type=1, dims=[100], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=value)
    return onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], initializer=[tensor])).SerializeToString()


@pytest.mark.parametrize(
    "location",
    ["../w", "/w", "a/../../w", "..", "", ".", "\\w", "a\\..\\w", "w\0", "file:///w", "//w", "m/../w", "C:\\w"],
)
def test_a_model_names_no_file_outside_its_folder(location: str) -> None:
    found = models({"m/m.onnx": external(location)})
    assert all(found.spans(path, 1_000) == () for path in ("w", "m/w", "/w", "m", ".", ""))
    assert models({"m/m.onnx": external("./w")}).spans("m/w", 1_000), "the control"


@pytest.mark.parametrize(("offset", "length"), [("-1", "400"), ("601", "400"), ("0", "0"), ("9" * 19, "4"), ("x", "4")])
def test_a_place_that_is_none_has_no_span(offset: str, length: str) -> None:
    assert models({"m.onnx": external("w", offset, length)}).spans("w", 1_000) == ()


def test_models_that_name_each_other_or_the_same_bytes_have_spans_apart() -> None:
    found = models({"a.onnx": external("b.onnx"), "b.onnx": external("a.onnx"), "c.onnx": external("b.onnx", "200")})
    assert [(span.start, span.length) for span in found.spans("b.onnx", 1_000)] == [(0, 400)]
    assert len(found.spans("a.onnx", 1_000)) == 1


def test_each_model_is_read_once_and_not_before_it_is_needed() -> None:
    opened = []

    def open_model(path: str) -> contextlib.nullcontext[BytesSource]:
        opened.append(path)
        return contextlib.nullcontext(BytesSource(external("w")))

    found = Beside(["m.onnx", "w", "n.onnx"], open_model)
    assert opened == []
    for _ in range(3):
        found.spans("w", 1_000)
    assert opened == ["m.onnx", "n.onnx"]


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_a_model_names_lies_below_its_folder(folder: str, location: str) -> None:
    place = beside("top/" + folder.replace("/", "") + "x/m.onnx", location)
    assert place is None or place.startswith("top/" + folder.replace("/", "") + "x")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_whatever_bytes_of_a_model_are_changed_spans_beside_are_apart_and_inside(draw: st.DataObject) -> None:
    data = bytearray(external("w", "12", "300"))
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at : at + 4] = draw.draw(st.binary(min_size=1, max_size=8))
    assert held(models({"m.onnx": bytes(data)}).spans("w", 1_000), 1_000)


def test_datasets_of_hdf5_in_one_piece_alone_and_in_an_archive() -> None:
    data = SAMPLES["m.h5"]
    found = {span.name: (data[span.start :][: span.length], span.element) for span in spans("m.h5", data)}
    assert found["model_weights/dense_2/dense_2/kernel:0"] == (numpy.full((3, 4), 2, "<f4").tobytes(), "f32")
    assert found["model_weights/dense_2/dense_2/bias:0"] == (numpy.ones(4, "<f2").tobytes(), "f16")
    assert "packed" not in found
    data = SAMPLES["m.keras"]
    (span,) = spans("m.keras", data)
    assert data[span.start :][: span.length] == numpy.arange(12, dtype="<f4").tobytes()
    assert spans("m.keras", keras_file(zipfile.ZIP_DEFLATED)) == ()


def test_tensors_of_gguf() -> None:
    data = SAMPLES["m.gguf"]
    assert [(span.name, data[span.start :][: span.length], span.element) for span in spans("m.gguf", data)] == [
        ("blk.0.w", numpy.ones((2, 3), "<f4").tobytes(), "f32"),
        ("blk.1.w", numpy.ones(5, "<f2").tobytes(), "f16"),
    ]


def test_quantized_blocks_of_gguf_are_of_no_element() -> None:
    assert [element_of(dtype) for dtype in ("Q4_K", "Q8_0", "F32", "BF16", "I8")] == [None, None, "f32", "bf16", "i8"]
    assert {element_of(dtype) for dtype in ELEMENTS} <= set(ELEMENT_BYTES)


def test_columns_of_parquet_by_their_row_groups() -> None:
    data = SAMPLES["t.parquet"]
    told = pyarrow.parquet.ParquetFile(io.BytesIO(data)).metadata
    columns = [told.row_group(group).column(column) for group in range(3) for column in range(2)]
    assert [(span.start, span.length) for span in spans("t.parquet", data)] == [
        (column.dictionary_page_offset, column.total_compressed_size) for column in columns
    ]
    assert all(span.is_content and span.element is None for span in spans("t.parquet", data))
    assert spans("t", data) == spans("t.parquet", data)


def varint(value: int) -> bytes:
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def parquet_footer(places: list[tuple[int, int, int]], *, elsewhere: bool = False) -> bytes:
    """One row group whose columns have a size, a place of data and one of a dictionary."""
    path = b"\x18\x01x\x2c" if elsewhere else b"\x3c"
    columns = [
        path + b"\x76" + varint(size) + b"\x26" + varint(data) + b"\x26" + varint(dictionary) + b"\0\0"
        for size, data, dictionary in places
    ]
    group = b"\x19\xfc" + bytes([len(columns)]) + b"".join(columns) + b"\0"
    return b"\x49\x1c" + group + b"\0"


def parquet_file(footer: bytes, body: bytes = bytes(96)) -> bytes:
    return b"PAR1" + body + footer + struct.pack("<I", len(footer)) + b"PAR1"


def test_a_column_without_a_dictionary_or_in_another_file() -> None:
    assert [
        (s.start, s.length) for s in spans("t.parquet", parquet_file(parquet_footer([(9, 4, 0), (5, 40, 20)])))
    ] == [
        (4, 9),
        (20, 5),
    ]
    assert spans("t.parquet", parquet_file(parquet_footer([(9, 4, 0)], elsewhere=True))) == ()
    for place in [(9, 0, 0), (-1, 4, 0), (0, 4, 0), (9, -4, -4), (2**62, 4, 0), (9, 2**62, 0)]:
        assert spans("t.parquet", parquet_file(parquet_footer([place]))) == ()


def test_a_footer_that_lies_of_its_counts_or_is_too_deep_has_no_spans() -> None:
    for footer in [b"", b"\x49\xfc\xff\xff\xff\xff\x0f", b"\x49\x1c" * 200, b"\x1c" * 500, b"\x49\xfc" + b"\xff" * 12]:
        assert spans("t.parquet", parquet_file(footer)) == ()
    data = parquet_file(parquet_footer([(9, 4, 0)]))
    assert spans("t.parquet", data[:-8] + struct.pack("<I", 2**31) + b"PAR1") == ()
    assert spans("t.parquet", data[:-4] + b"PARE") == ()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(*[st.integers(-9, 120) | st.integers(-(2**63), 2**63 - 1)] * 3), max_size=9))
def test_whatever_a_footer_says_columns_are_apart_and_inside(places: list[tuple[int, int, int]]) -> None:
    data = parquet_file(parquet_footer(places))
    assert held(spans("t.parquet", data), len(data))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_that_claim_to_be_a_footer_have_spans_inside_or_none(footer: bytes) -> None:
    data = parquet_file(footer)
    found = spans("t.parquet", data)
    assert held(found, len(data))
    assert sum(cut.length for cut in plan(len(data), found)) == len(data)


def samples() -> dict[str, bytes]:
    """A small file of each format."""
    archive = io.BytesIO()
    numpy.savez(archive, first=numpy.arange(9), second=numpy.ones((2, 2), "<f2"))
    packed = io.BytesIO()
    joblib.dump({"first": numpy.arange(30)}, packed)
    graph = onnx.helper.make_graph(
        [], "g", [], [], initializer=[onnx.numpy_helper.from_array(numpy.arange(6, dtype="<f4"), "w")]
    )
    return {
        "m.safetensors": safetensors({"b": ("F32", [3], b"x" * 12), "a": ("BF16", [4], b"y" * 8)}),
        "m.npz": archive.getvalue(),
        "m.pt": torch_files.torch_file(),
        "old.pt": torch_files.legacy_file({"w": (5, 3), "b": (7,)}),
        "m.joblib": packed.getvalue(),
        "m.onnx": onnx.helper.make_model(graph).SerializeToString(),
        "m.h5": hdf5_file(),
        "m.keras": keras_file(),
        "m.gguf": gguf_bytes(),
        "t.parquet": parquet(pyarrow.table({"a": range(900), "b": ["x", None, "yz"] * 300}), row_group_size=400),
    }


def parquet(table: pyarrow.Table, **options: int) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, **options)
    return out.getvalue()


def gguf_bytes() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return gguf_file(Path(folder))


SAMPLES = samples()


def held(found: tuple[Span, ...], size: int) -> bool:
    """Tells whether spans are sorted, apart and inside."""
    at = 0
    for span in found:
        if not at <= span.start < span.start + span.length <= size:
            return False
        at = span.start + span.length
    return True


def test_what_the_property_asks_can_fail() -> None:
    assert not held((Span(name="a", start=0, length=9, element=None),), 8)
    assert not held(
        (Span(name="a", start=0, length=2, element=None), Span(name="a", start=1, length=2, element=None)), 8
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_cut_off_anywhere_has_spans_inside_or_none(name: str) -> None:
    data = SAMPLES[name]
    assert spans(name, data)
    for length in range(0, len(data), max(1, len(data) // 3_000)):
        assert held(spans(name, data[:length]), length)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_whatever_bytes_are_changed_spans_are_apart_and_inside(name: str, draw: st.DataObject) -> None:
    data = bytearray(SAMPLES[name])
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(data) - 1))
        data[at : at + 4] = draw.draw(st.binary(min_size=1, max_size=8))
    assert held(spans(name, bytes(data)), len(data))


def test_a_name_that_stands_twice_and_tensors_over_one_another_have_no_spans() -> None:
    place = '{"dtype":"U8","shape":[4],"data_offsets":[0,4]}'
    for header in (f'{{"a":{place},"a":{place}}}', f'{{"a":{place},"b":{place}}}'):
        assert spans("m.safetensors", struct.pack("<Q", len(header)) + header.encode() + b"data") == ()
    assert spans("m.safetensors", struct.pack("<Q", 2**63) + b"{}") == ()


def test_no_more_spans_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacha.formats.spans.SPANS_MAX", 3)
    data = safetensors({f"t{n}": ("U8", [4], b"data") for n in range(9)})
    assert [span.name for span in spans("m.safetensors", data)] == ["t0", "t1", "t2"]
