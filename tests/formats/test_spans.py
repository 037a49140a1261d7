"""Where tensors lie: as the formats' own libraries say, and nothing that is not in the file."""

import io
import json
import struct
import zipfile

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.spans import ELEMENT_BYTES, Span
from pacha.formats.inspection import BytesSource
from pacha.formats.spans import tensor_spans


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
