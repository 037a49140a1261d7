"""Where the tensors of a file lie, for the store: by the same readers that tell what it holds.

Advice, never a promise: a file that is malformed or of no known format has no spans, and is cut by its content.
"""

from importlib import import_module
from typing import Any

from pacha.base.spans import Span
from pacha.formats.inspect import inspectors
from pacha.formats.inspection import Malformed, Source
from pacha.formats.sniff import HEAD_BYTES, format_of

#: A smaller file is one blob or a few, whatever it holds.
SPANS_FILE_BYTES_MIN = 128 << 10
#: Formats whose tables say where each tensor lies.
FORMATS = frozenset({"safetensors", "gguf", "onnx", "pytorch", "keras", "pickle", "numpy", "npy", "skops"})
#: Elements by the names that the formats give them; a sign does not matter, a complex number is two floats.
ELEMENTS = {
    "F64": "f64", "F32": "f32", "F16": "f16", "BF16": "bf16", "C64": "f32", "C128": "f64",
    "I64": "i64", "U64": "i64", "I32": "i32", "U32": "i32", "I16": "i16", "U16": "i16",
    "float64": "f64", "float32": "f32", "float16": "f16",
    "<f8": "f64", "<f4": "f32", "<f2": "f16", "<c8": "f32", "<c16": "f64",
    "<i8": "i64", "<u8": "i64", "<i4": "i32", "<u4": "i32", "<i2": "i16", "<u2": "i16",
}  # fmt: skip


def tensor_spans(name: str, source: Source) -> tuple[Span, ...]:
    """The tensors of a file, sorted, none over another; empty where they are not known. Errors: `MachineFailed`."""
    format = format_of(name, source.read(0, HEAD_BYTES))
    if format is None or format.name not in FORMATS:
        return ()
    module = import_module(f"{__name__.rpartition('.')[0]}.{inspectors()[format.name]}")
    try:
        rows = module.inspect_source(name, source).detail.get("tensors", ())
    except Malformed:
        return ()
    return _apart([span for row in rows if (span := _span(row, source.size)) is not None])


def _span(row: Any, size: int) -> Span | None:
    start, length = row.get("offset"), row.get("bytes")
    if type(start) is not int or type(length) is not int or not 0 <= start < start + length <= size:
        return None
    return Span(name=row["name"], start=start, length=length, element=ELEMENTS.get(row["dtype"]))


def _apart(spans: list[Span]) -> tuple[Span, ...]:
    """Sorted, and of tensors that share bytes the one that begins first, the longest of these."""
    kept: list[Span] = []
    end = 0
    for span in sorted(spans, key=lambda span: (span.start, -span.length)):
        if span.start >= end:
            kept.append(span)
            end = span.start + span.length
    return tuple(kept)
