"""Where the tensors of a file lie, or the columns of a table, for the store: by the readers that tell what it holds.

Advice, never a promise: a file that is malformed or of no known format has no spans, and is cut by its content. Only
headers and tables are read. A reader's module that can tell places more cheaply than by a whole inspection has a
`tensor_rows`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from pacha.base.spans import ELEMENT_BYTES, Span
from pacha.formats.inspect import inspectors
from pacha.formats.inspection import Malformed, Source
from pacha.formats.sniff import HEAD_BYTES, Format, format_of
from pacha.formats.tensors import TENSORS_MAX

#: A smaller file is one blob or a few, whatever it holds.
SPANS_FILE_BYTES_MIN = 128 << 10
#: More tensors than the largest models have; what lies behind them is cut by its content.
SPANS_MAX = TENSORS_MAX
#: Formats whose tables say where each tensor lies.
FORMATS = frozenset({"safetensors", "gguf", "onnx", "pytorch", "keras", "pickle", "numpy", "npy", "parquet"})
#: A reader of places apart from the inspector, which would look at far more.
_READERS = {"parquet": "parquet_parts"}
#: Elements by the names that the formats give them. A sign does not matter, a complex number is two floats, and what
#: is one byte wide is only that. Elements that share a byte, and blocks of quantized ones, are none.
ELEMENTS = {
    "F64": "f64", "F32": "f32", "F16": "f16", "BF16": "bf16", "C64": "f32", "C128": "f64",
    "I64": "i64", "U64": "i64", "I32": "i32", "U32": "i32", "QI32": "i32", "I16": "i16", "U16": "i16",
    "I8": "i8", "U8": "i8", "QI8": "i8", "QU8": "i8", "BOOL": "i8",
    "F8_E5M2": "i8", "F8_E4M3": "i8", "F8_E8M0": "i8", "F8_E4M3FNUZ": "i8", "F8_E5M2FNUZ": "i8", "F8_E4M3FN": "i8",
}  # fmt: skip
_NUMPY = re.compile(r"([<>|=]?)([fciubmM])(\d{1,2})(\[\w+\])?")


def tensor_spans(name: str, source: Source) -> tuple[Span, ...]:
    """The tensors of a file, sorted, none over another; empty where they are not known. Errors: `MachineFailed`."""
    for format in _candidates(name, source.read(0, HEAD_BYTES), source.size):
        try:
            return spans_of_rows(_rows(format, name, source), source.size)
        except Malformed:
            continue
    return ()


def spans_of_rows(rows: Iterable[Mapping[str, Any]], size: int) -> tuple[Span, ...]:
    """Tensors of a file of so many bytes, sorted; of those that share bytes the one that begins first, the longest of these."""
    places = [
        (row["offset"], -row["bytes"], row)
        for row in rows
        if type(row.get("offset")) is int and type(row.get("bytes")) is int
    ]
    kept: list[Span] = []
    end = 0
    for start, length, row in sorted(places, key=lambda place: place[:2]):
        after = start - length
        if start >= end and start < after <= size:
            kept.append(_span(row, start, after))
            end = after
            if len(kept) == SPANS_MAX:
                break
    return tuple(kept)


def _span(row: Mapping[str, Any], start: int, end: int) -> Span:
    element = element_of(row["dtype"])
    is_content = row.get("is_content", False)
    return Span(name=row["name"], start=start, length=end - start, element=element, is_content=is_content)


def element_of(dtype: str) -> str | None:
    """The element that a format's word for a type stands for. Numbers with their largest byte first are integers.

    >>> element_of("BF16"), element_of("<f4"), element_of(">f4"), element_of("Q4_K")
    ('bf16', 'f32', 'i32', None)
    """
    if dtype in ELEMENTS:
        return ELEMENTS[dtype]
    found = _NUMPY.fullmatch(dtype)
    if found is None:
        return None
    order, kind, width = found[1], found[2], int(found[3])
    bits = (width // 2 if kind == "c" else width) * 8
    element = f"f{bits}" if kind in "fc" and order != ">" else f"i{bits}"
    return element if element in ELEMENT_BYTES else None


def _candidates(name: str, head: bytes, size: int) -> Iterator[str]:
    """The formats that a file may have: by its ending, then by its first bytes, where the ending lies."""
    seen: set[str] = set()
    for format in (format_of(name), format_of("", head)):
        if format is not None and format.name in FORMATS and _may_be(format, head):
            seen.add(format.name)
            yield format.name
    # It has no magic; a download's cache names files by their digest.
    if "safetensors" not in seen and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size - 8:
        yield "safetensors"


def _may_be(format: Format, head: bytes) -> bool:
    """Tells whether it can hold tensors in place: a pickle that is packed, or is a text, does not."""
    return format.name != "pickle" or head[:1] == b"\x80"


def _reader(format: str) -> Any:
    return import_module(f"{__name__.rpartition('.')[0]}.{_READERS.get(format) or inspectors()[format]}")


def _rows(format: str, name: str, source: Source) -> Iterable[Mapping[str, Any]]:
    """Errors: `Malformed`."""
    module = _reader(format)
    if hasattr(module, "tensor_rows"):
        rows: Iterable[Mapping[str, Any]] = module.tensor_rows(source)
        return rows
    found: Iterable[Mapping[str, Any]] = module.inspect_source(name, source).detail.get("tensors", ())
    return found
