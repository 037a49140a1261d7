"""GGUF: key/values and a table of tensors before the data. All key/values are read; long arrays as count and beginning.

Source: the format's description in ggml, docs/gguf.md, versions 2 and 3.
"""

import struct
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.tensors import (
    TENSORS_MAX,
    TEXT_LENGTH_MAX,
    check_layout,
    elements,
    number,
    plain,
    summary_of,
    tensor,
    text,
)

FORMATS = ("gguf",)
MAGIC = b"GGUF"
VERSIONS = (2, 3)
PAIRS_MAX = 100_000
DIMENSIONS_MAX = 8
KEY_BYTES_MAX = 65_535
#: Vocabularies have some hundred thousand entries; only so many are shown of an array.
ITEMS_SHOWN = 16
#: Header and tables of the largest models take some ten MiB, nearly all of it vocabulary.
TABLES_BYTES_MAX = 512 << 20
NESTING_MAX = 4
#: Texts and arrays are passed one by one: the largest vocabularies have 300,000 entries and as many merges.
ITEMS_MAX = 4_000_000
ALIGNMENT, ALIGNMENT_MAX = 32, 1 << 20
_SCALARS = {
    0: ("B", 1), 1: ("b", 1), 2: ("H", 2), 3: ("h", 2), 4: ("I", 4), 5: ("i", 4), 6: ("f", 4), 7: ("?", 1),
    10: ("Q", 8), 11: ("q", 8), 12: ("d", 8),
}  # fmt: skip
_TEXT, _ARRAY = 8, 9
#: The element types of ggml: name, elements of a block, bytes of a block.
TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip


class _Cursor:
    """Reads on through the tables; every length is held against what is left before it is read."""

    BLOCK = 1 << 20

    def __init__(self, source: Source) -> None:
        self._source = source
        self._end = min(source.size, TABLES_BYTES_MAX)
        self._start = 0
        self._block = b""
        self._items = 0
        self.at = 0
        self.order = "<"

    def take(self, length: int) -> bytes:
        """The next bytes. Errors: `Malformed`."""
        if length < 0 or self.at + length > self._end:
            raise Malformed("its tables end in the middle")
        inside = self.at - self._start
        if inside < 0 or inside + length > len(self._block):
            self._start, inside = self.at, 0
            self._block = self._source.read(self.at, max(length, self.BLOCK))
        data = self._block[inside : inside + length]
        if len(data) < length:
            raise Malformed("its tables end in the middle")
        self.at += length
        return data

    def skip(self, length: int) -> None:
        """Passes bytes by. Errors: `Malformed`."""
        if length < 0 or self.at + length > self._end:
            raise Malformed("its tables end in the middle")
        self.at += length

    def number(self, form: str, size: int) -> Any:
        """The next number, in the file's byte order."""
        return struct.unpack(self.order + form, self.take(size))[0]

    def count(self) -> None:
        """Counts one text or array. Errors: `Malformed` where there are too many."""
        self._items += 1
        if self._items > ITEMS_MAX:
            raise Malformed(f"more than {ITEMS_MAX} texts and arrays")


def inspect_source(name: str, source: Source) -> Inspection:
    """Every key/value and the tensors. Errors: `Malformed`."""
    del name
    cursor = _Cursor(source)
    if cursor.take(4) != MAGIC:
        raise Malformed("does not begin with GGUF")
    version = _version(cursor)
    tensors, pairs = cursor.number("Q", 8), cursor.number("Q", 8)
    if tensors > TENSORS_MAX or pairs > PAIRS_MAX:
        raise Malformed(f"promises {tensors} tensors and {pairs} key/values")
    values: dict[str, Any] = {}
    for _ in range(pairs):
        key = _text(cursor, KEY_BYTES_MAX)
        if key in values:
            raise Malformed(f"the key {key!r:.80} stands twice")
        values[key] = _value(cursor, cursor.number("I", 4), 0)
    rows = [_tensor(cursor) for _ in range(tensors)]
    if len({row["name"] for row in rows}) != len(rows):
        raise Malformed("two tensors have one name")
    _place(rows, values.get("general.alignment", ALIGNMENT), tables_end=cursor.at, size=source.size)
    unknown = sorted({row["dtype"] for row in rows if "bytes" not in row})
    architecture = values.get("general.architecture")
    summary = {
        "format": "gguf", "version": version, **summary_of(rows),
        **({"byte_order": "big"} if cursor.order == ">" else {}),
        **({"architecture": text(architecture)} if architecture else {}),
        "metadata": {key: value for key, value in values.items() if key.startswith("general.") and key.count(".") == 1},
    }  # fmt: skip
    warnings = (f"unknown element type: {', '.join(unknown[:8])}",) if unknown else ()
    return Inspection(format="gguf", summary=summary, detail={"metadata": values, "tensors": rows}, warnings=warnings)


def _version(cursor: _Cursor) -> int:
    """The version, which also tells the byte order: read the other way around, a small number is a large one."""
    version: int = cursor.number("I", 4)
    if version and version & 0xFFFF == 0:
        cursor.order = ">"
        version = int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in VERSIONS:
        raise Malformed(f"version {version} of the format is not known")
    return version


def _place(rows: list[dict[str, Any]], alignment: Any, *, tables_end: int, size: int) -> None:
    """Holds what the table says against the file, and makes offsets those of the file. Errors: `Malformed`."""
    if type(alignment) is not int or not 1 <= alignment <= ALIGNMENT_MAX:
        raise Malformed(f"an alignment of {alignment!r:.80}")
    start = tables_end + -tables_end % alignment
    if any(row["offset"] % alignment for row in rows):
        raise Malformed(f"a tensor does not begin at a multiple of {alignment} bytes")
    spans = ((row["offset"], row["offset"] + row.get("bytes", 0), row["name"]) for row in rows)
    check_layout(spans, max(0, size - start), is_dense=False)
    for row in rows:
        row["offset"] += start


def _text(cursor: _Cursor, size_max: int) -> str:
    length = cursor.number("Q", 8)
    if length > size_max:
        raise Malformed(f"a text of {length} bytes")
    return cursor.take(length).decode("utf-8", "replace")


def _long_text(cursor: _Cursor) -> str:
    """A text of any length, of which only the beginning is held in memory."""
    cursor.count()
    length = cursor.number("Q", 8)
    # A character takes at most four bytes.
    kept = cursor.take(min(length, 4 * TEXT_LENGTH_MAX + 4))
    cursor.skip(length - len(kept))
    return text(kept.decode("utf-8", "replace"))


def _value(cursor: _Cursor, kind: int, depth: int) -> Any:
    if kind in _SCALARS:
        return plain(cursor.number(*_SCALARS[kind]))
    if kind == _TEXT:
        return _long_text(cursor)
    if kind != _ARRAY or depth >= NESTING_MAX:
        raise Malformed(f"a value of the unknown type {kind}")
    cursor.count()
    inner, count = cursor.number("I", 4), cursor.number("Q", 8)
    return _array(cursor, inner, count, depth)


def _array(cursor: _Cursor, inner: int, count: int, depth: int) -> dict[str, Any]:
    shown = [_value(cursor, inner, depth + 1) for _ in range(min(count, ITEMS_SHOWN))]
    left = count - len(shown)
    if inner in _SCALARS:
        cursor.skip(left * _SCALARS[inner][1])
    else:
        # Each item takes at least its own length, so a lying count runs into the end of the file.
        for _ in range(left):
            if inner == _TEXT:
                cursor.count()
                cursor.skip(cursor.number("Q", 8))
            else:
                _value(cursor, inner, depth + 1)
    return {"count": number(count), "first": shown}


def _tensor(cursor: _Cursor) -> dict[str, Any]:
    name = _text(cursor, KEY_BYTES_MAX)
    count = cursor.number("I", 4)
    if count > DIMENSIONS_MAX:
        raise Malformed(f"{name!r:.80} has {count} dimensions")
    shape = [cursor.number("Q", 8) for _ in range(count)]
    kind, offset = cursor.number("I", 4), cursor.number("Q", 8)
    # The file's order is the fastest dimension first; people write it last.
    dtype, block, block_bytes = TYPES.get(kind, (f"type {kind}", 1, 0))
    row = tensor(name, dtype, shape[::-1], offset=offset)
    if (shape[0] if shape else 1) % block:
        raise Malformed(f"{name!r:.80} of {shape[::-1]} {dtype} is not made of whole blocks")
    return row | {"bytes": elements(row) // block * block_bytes} if block_bytes else row
