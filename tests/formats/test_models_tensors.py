"""Tables of tensors: layouts that lie, counts that cost, names that no document holds; the public readers agree."""

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
from gguf.constants import GGML_QUANT_SIZES
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from pacha.base.canonical import encode_compact
from pacha.formats import tensors
from pacha.formats.bounds import fitting
from pacha.formats.gguf import TYPES
from pacha.formats.inspect import inspect
from pacha.formats.inspection import BytesSource, Inspection, Malformed

DTYPES = (np.bool_, np.uint8, np.int16, np.float16, np.float32, np.int64, np.float64)


def of(name: str, data: bytes) -> Inspection:
    found = inspect(name, BytesSource(data))
    assert found is not None
    encode_compact({"summary": dict(found.summary), "detail": dict(found.detail), "warnings": list(found.warnings)})
    return found


def is_malformed(found: Inspection) -> bool:
    return found.warnings[:1] != () and found.warnings[0].startswith("malformed: ")


# -- safetensors ---------------------------------------------------------------------------------------------------


def safetensors_of(header: Any, size: int = 0) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(size)


SMALL = save(
    {"b": np.ones((3, 2), np.float16), "a": np.zeros((4,), np.int64), "e": np.zeros((0, 3), np.float32)}, {"k": "v"}
)


def test_no_beginning_of_a_safetensors_file_is_whole() -> None:
    assert not is_malformed(of("m.safetensors", SMALL))
    for length in range(len(SMALL)):
        assert is_malformed(of("m.safetensors", SMALL[:length])), length
    assert is_malformed(of("m.safetensors", SMALL + b"\0"))


@given(st.integers(0, len(SMALL) - 1), st.integers(0, 255))
def test_what_the_library_refuses_is_malformed_and_what_it_takes_is_not(place: int, value: int) -> None:
    data = SMALL[:place] + bytes([value]) + SMALL[place + 1 :]
    try:
        theirs = load(data)
    except SafetensorError:
        assert is_malformed(of("m.safetensors", data))
        return
    found = of("m.safetensors", data)
    assert {row["name"]: tuple(row["shape"]) for row in found.detail["tensors"]} == {
        name: array.shape for name, array in theirs.items()
    }


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=("Cs",)), max_size=20).filter(lambda name: name != "__metadata__"),
        st.tuples(st.sampled_from(DTYPES), st.lists(st.integers(0, 4), max_size=4)),
        max_size=6,
    )
)
def test_any_safetensors_file_that_the_library_writes_is_told_as_it_is(wanted: dict[str, Any]) -> None:
    arrays = {name: np.zeros(shape, dtype) for name, (dtype, shape) in wanted.items()}
    found = of("m.safetensors", save(arrays))
    assert found.warnings == () and found.summary["tensors"] == len(arrays)
    assert found.summary["parameters"] == sum(array.size for array in arrays.values())
    assert {row["name"]: row["bytes"] for row in found.detail["tensors"]} == {
        name: array.nbytes for name, array in arrays.items()
    }


@pytest.mark.parametrize(
    "header",
    [
        {"__metadata__": {"a": [1]}}, {"__metadata__": "x"}, {"__metadata__": {"a": None}},
        {"a": {"dtype": "U8", "shape": [0, 10**60], "data_offsets": [0, 0]}},
        {"a": {"dtype": "U8", "shape": [2**63 - 1] * 64, "data_offsets": [0, 2 ** (63 * 64)]}},
        {"a": {"dtype": "U8", "shape": [True], "data_offsets": [0, 1]}},
        {"a": {"dtype": "U8", "shape": [1.0], "data_offsets": [0, 1]}},
        {"a": {"dtype": "F4", "shape": [1], "data_offsets": [0, 1]}},
        {"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 0]}},
        {"a": {"dtype": ["U8"], "shape": [1], "data_offsets": [0, 1]}},
    ],
    ids=str,
)  # fmt: skip
def test_a_header_that_is_not_the_formats_is_malformed(header: Any) -> None:
    assert is_malformed(of("m.safetensors", safetensors_of(header, 1)))


def test_a_name_that_no_document_can_hold_does_not_keep_a_file_from_being_stored() -> None:
    found = of("m.safetensors", safetensors_of({"\ud800": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, 1))
    assert found.detail["tensors"][0]["name"] == "\\ud800"
    of("m.safetensors", safetensors_of({"__metadata__": {"\udc00": "\ud800"}}))


def test_a_header_of_many_small_values_is_refused_before_it_takes_memory() -> None:
    data = safetensors_of(b'{"a":[' + b"[]," * 5_000_000 + b"[]]}")
    tracemalloc.start()
    try:
        assert "members" in of("m.safetensors", data).warnings[0]
        # Its own bytes, read once; the values would take a gigabyte.
        assert tracemalloc.get_traced_memory()[1] < 2 * len(data)
    finally:
        tracemalloc.stop()


# -- GGUF ----------------------------------------------------------------------------------------------------------


def gguf_text(text: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "Q", len(text)) + text


def gguf_of(rows: list[tuple[list[int], int, int]], *, size: int = 0, keys: bytes = b"", count: int = 0) -> bytes:
    """A file of tensors `t0`, `t1`…: dimensions innermost first, type, offset."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(rows), count) + keys
    for number, (shape, kind, offset) in enumerate(rows):
        head += gguf_text(f"t{number}".encode()) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
    return head + bytes(-len(head) % 32) + bytes(size)


def test_sizes_of_blocks_are_those_of_the_library() -> None:
    theirs = {int(kind): (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    shared = theirs.keys() & TYPES.keys()
    assert len(shared) >= 30 and {kind: TYPES[kind] for kind in shared} == {kind: theirs[kind] for kind in shared}


@pytest.mark.parametrize(
    ("rows", "size", "said"),
    [
        ([([4], 0, 32)], 32, "of 32"), ([([4], 0, 1 << 40)], 16, "of 16"), ([([1 << 40], 0, 0)], 64, "of 64"),
        ([([9], 0, 0), ([4], 0, 32)], 96, "another"), ([([4], 0, 1)], 96, "multiple"), ([([31], 2, 0)], 96, "blocks"),
        ([([0, 2**64 - 1], 0, 0)], 96, "63 bits"), ([([1] * 9, 0, 0)], 96, "dimensions"),
    ],
)  # fmt: skip
def test_where_gguf_data_lies_is_never_believed(rows: list[tuple[list[int], int, int]], size: int, said: str) -> None:
    found = of("m.gguf", gguf_of(rows, size=size))
    assert is_malformed(found) and said in found.warnings[0]


def test_offsets_of_gguf_are_those_of_the_file(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_tensor("a", np.ones((2, 3), np.float32))
    writer.add_tensor("q", np.zeros((2, 34), np.uint8), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = of("m.gguf", (tmp_path / "m.gguf").read_bytes())
    theirs = {item.name: item for item in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    for row in found.detail["tensors"]:
        item = theirs[row["name"]]
        assert (row["offset"], row["bytes"]) == (item.data_offset, item.n_bytes)
        assert (row["dtype"], row["shape"]) == (item.tensor_type.name, [int(size) for size in reversed(item.shape)])


def test_gguf_in_the_other_byte_order_is_read(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama", endianess=gguf.GGUFEndian.BIG)
    writer.add_context_length(2048)
    writer.add_tensor("a", np.ones((2, 3), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    found = of("m.gguf", (tmp_path / "m.gguf").read_bytes())
    assert found.summary["byte_order"] == "big" and found.detail["metadata"]["llama.context_length"] == 2048
    assert found.detail["tensors"][0]["shape"] == [2, 3] and found.warnings == ()


def test_an_element_type_of_later_days_is_told_and_no_damage() -> None:
    found = of("m.gguf", gguf_of([([4], 999, 0)], size=64))
    assert found.summary["dtypes"] == {"type 999": 1} and found.warnings == ("unknown element type: type 999",)


def test_no_beginning_of_a_gguf_file_is_whole() -> None:
    data = gguf_of([([4], 0, 0)], size=16, keys=gguf_text(b"k") + struct.pack("<I", 8) + gguf_text(b"v"), count=1)
    assert of("m.gguf", data).warnings == ()
    for length in range(len(data)):
        assert is_malformed(of("m.gguf", data[:length])), length


def test_texts_without_end_are_refused_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacha.formats.gguf.ITEMS_MAX", 1_000)
    for kind, item in ((8, 8), (9, 12)):
        keys = gguf_text(b"k") + struct.pack("<IIQ", 9, kind, 2_000) + bytes(2_000 * item)
        assert "more than 1000" in of("m.gguf", gguf_of([], keys=keys, count=1)).warnings[0]


def test_a_long_gguf_text_is_not_held_in_memory() -> None:
    keys = gguf_text(b"k") + struct.pack("<I", 8) + gguf_text(b"x" * (32 << 20))
    data = gguf_of([], keys=keys, count=1)
    tracemalloc.start()
    try:
        assert len(of("m.gguf", data).detail["metadata"]["k"]) == tensors.TEXT_LENGTH_MAX + 1
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("alignment", [0, 2**32 - 1])
def test_an_alignment_that_is_none_is_malformed(alignment: int) -> None:
    keys = gguf_text(b"general.alignment") + struct.pack("<II", 4, alignment)
    assert "alignment" in of("m.gguf", gguf_of([([4], 0, 0)], size=64, keys=keys, count=1)).warnings[0]


# -- NPY -----------------------------------------------------------------------------------------------------------


def test_a_shape_too_large_to_be_written_as_a_number_is_malformed() -> None:
    header = f"{{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ({'9' * 4000}, {'9' * 4000})}}\n".encode()
    assert is_malformed(of("a.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header))
    header = b"{'descr': '\\ud800', 'fortran_order': False, 'shape': (1,)}\n"
    of("a.npy", b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)


# -- what all share ------------------------------------------------------------------------------------------------


def test_a_table_that_is_too_long_is_cut_and_says_so() -> None:
    rows = [tensors.tensor(f"t{number}", "F32", (1,)) for number in range(100)]
    detail = {"tensors": rows, "metadata": {"a": "b"}, "note": "x"}
    assert fitting(detail, 100_000) is detail
    cut = fitting(detail, 1_000)
    assert cut["truncated"] and cut["metadata"] == {"a": "b"} and 0 < len(cut["tensors"]) < 100
    assert len(encode_compact(cut)) <= 1_000
    longest = fitting({"tensors": rows, "metadata": {"a": "b" * 90_000}}, 10_000)
    assert longest["metadata"] == {} and len(longest["tensors"]) == 100


def test_a_dense_layout_has_no_holes_and_a_loose_one_may() -> None:
    tensors.check_layout([(0, 4, "a"), (4, 4, "none"), (4, 8, "b")], 8, is_dense=True)
    tensors.check_layout([(4, 8, "b"), (0, 2, "a")], 9, is_dense=False)
    for spans in ([(0, 4, "a"), (5, 8, "b")], [(0, 4, "a"), (3, 8, "b")], [(0, 9, "a")], [(0, 4, "a")]):
        with pytest.raises(Malformed):
            tensors.check_layout(spans, 8, is_dense=True)
