"""TensorFlow Lite: a FlatBuffer with the identifier TFL3. Its version and description are read, its tables are not.

Source: tensorflow/lite/schema/schema.fbs, table Model; the FlatBuffers internals.
"""

from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.tensors import text

FORMATS = ("tflite",)
IDENTIFIER = b"TFL3"
DESCRIPTION_BYTES_MAX = 4_096
_VERSION, _DESCRIPTION = 0, 3


def inspect_source(name: str, source: Source) -> Inspection:
    """The version of its schema, and what it says of itself. Errors: `Malformed`."""
    del name
    head = source.read(0, 8)
    if head[4:8] != IDENTIFIER:
        raise Malformed("does not have the identifier TFL3")
    table = int.from_bytes(head[:4], "little")
    version, description = _field(source, table, _VERSION), _field(source, table, _DESCRIPTION)
    summary: dict[str, Any] = {"format": "tflite"}
    if version is not None:
        summary["schema_version"] = _number(source, version)
    if description is not None:
        place = description + _number(source, description)
        length = min(_number(source, place), DESCRIPTION_BYTES_MAX)
        summary["metadata"] = {"description": text(source.read(place + 4, length).decode("utf-8", "replace"))}
    return Inspection(
        format="tflite", summary=summary, detail={"header": dict(summary)},
        warnings=("not followed: operators and tensors of TensorFlow Lite are not read",),
    )  # fmt: skip


def _number(source: Source, at: int, *, width: int = 4, is_signed: bool = False) -> int:
    raw = source.read(at, width) if 0 <= at <= source.size else b""
    if len(raw) < width:
        raise Malformed(f"a table lies at byte {at} of {source.size}")
    return int.from_bytes(raw, "little", signed=is_signed)


def _field(source: Source, table: int, field: int) -> int | None:
    """Where a field of a table lies; None if it is not there. Errors: `Malformed`."""
    offsets = table - _number(source, table, is_signed=True)
    entry = 4 + 2 * field
    if entry + 2 > _number(source, offsets, width=2):
        return None
    place = _number(source, offsets + entry, width=2)
    return table + place if place else None
