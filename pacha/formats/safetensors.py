"""safetensors: eight bytes of length, a JSON header, and the tensors one after the other without holes.

Source: the format's own description, https://huggingface.co/docs/safetensors.
"""

import json
from collections.abc import Mapping
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.tensors import METADATA_MAX, TENSORS_MAX, check_layout, elements, summary_of, tensor, text

FORMATS = ("safetensors",)
#: The limit of the format's own reader.
HEADER_BYTES_MAX = 100_000_000
#: Commas and opening brackets of 200,000 tensors with room to spare. Each value that JSON makes of them takes some
#: hundred bytes, so the length of the header alone would not bound memory.
MARKS_MAX = 4_000_000
#: Bits of one element.
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64, "I64": 64,
    "U64": 64,
}  # fmt: skip


def inspect_source(name: str, source: Source) -> Inspection:
    """The tensors of a file. Errors: `Malformed`."""
    del name
    head = source.read(0, 8)
    if len(head) < 8:
        raise Malformed("shorter than its header's length")
    length = int.from_bytes(head, "little")
    if length > HEADER_BYTES_MAX or 8 + length > source.size:
        raise Malformed(f"its header of {length} bytes does not fit the file")
    header = _header(source.read(8, length))
    notes = _notes(header.pop("__metadata__", None))
    rows = _rows(header, source.size - 8 - length, start=8 + length)
    summary = {"format": "safetensors", **summary_of(rows), **({"metadata": notes} if notes else {})}
    return Inspection(format="safetensors", summary=summary, detail={"metadata": notes, "tensors": rows})


def _notes(metadata: object) -> dict[str, str]:
    """What the writer says of the file; the format has texts only, and nothing is a table of none."""
    if metadata is None:
        return {}
    if not isinstance(metadata, dict) or len(metadata) > METADATA_MAX:
        raise Malformed("its metadata is no table of texts")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise Malformed("its metadata is no table of texts")
    return {text(key[:256]): text(value) for key, value in metadata.items()}


def _header(raw: bytes) -> dict[str, Any]:
    if sum(map(raw.count, (b",", b"[", b"{"))) > MARKS_MAX:
        raise Malformed(f"its header has more than {MARKS_MAX} members")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except RecursionError:
        raise Malformed("its header is nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"its header is not JSON: {str(error)[:100]}") from error
    if not isinstance(value, dict):
        raise Malformed("its header is no table")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _rows(header: Mapping[str, Any], size: int, *, start: int) -> list[dict[str, Any]]:
    if len(header) > TENSORS_MAX:
        raise Malformed(f"more than {TENSORS_MAX} tensors")
    rows = [_row(name, value, start) for name, value in header.items()]
    rows.sort(key=lambda row: (row["offset"], row["bytes"]))
    spans = ((row["offset"] - start, row["offset"] - start + row["bytes"], row["name"]) for row in rows)
    check_layout(spans, size, is_dense=True)
    return rows


def _row(name: str, value: Any, start: int) -> dict[str, Any]:
    try:
        dtype, shape, (begin, end) = value["dtype"], value["shape"], value["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise Malformed(f"{name!r:.80} lacks dtype, shape or data_offsets") from None
    numbers = [*shape, begin, end] if isinstance(shape, list) else [None]
    if (
        not isinstance(dtype, str)
        or dtype not in BITS
        or any(type(item) is not int or item < 0 for item in numbers)
        or len(numbers) > 66
    ):
        raise Malformed(f"{name!r:.80} has an unknown dtype or a shape that is none")
    row = tensor(name, dtype, shape, offset=start + begin, bytes=end - begin)
    if end < begin or elements(row) * BITS[dtype] != (end - begin) * 8:
        raise Malformed(f"{name!r:.80} of {shape!s:.80} {dtype} does not take {end - begin} bytes")
    return row
