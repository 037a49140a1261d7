"""Reads FlatBuffers, as far as Arrow's metadata needs it: every offset is checked against the bytes that are there.

Source: https://flatbuffers.dev/internals, "FlatBuffer Internals".
"""

import struct
from collections.abc import Iterator

from pacha.formats.inspection import Malformed

#: Tables that are visited in one buffer: they may share bytes, so their number is not bounded by the length.
TABLES_MAX = 262_144
#: The longest name of a column in its longest spelling.
TEXT_BYTES_MAX = 4_096


class Buffer:
    """Bytes that hold tables."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self._data = data
        self._visited = 0

    def fault(self, reason: str) -> Malformed:
        """The error for what does not fit."""
        return Malformed(f"{self.name}: its metadata is damaged: {reason}", path=self.name)

    def unpack(self, layout: str, at: int) -> int:
        """A number at a place."""
        size = struct.calcsize(layout)
        if at < 0 or at + size > len(self._data):
            raise self.fault(f"a number lies at byte {at} of {len(self._data)}")
        value: int = struct.unpack_from(layout, self._data, at)[0]
        return value

    def check(self, at: int, length: int) -> None:
        """Checks that so many bytes are there. Errors: `Malformed`."""
        if at < 0 or at + length > len(self._data):
            raise self.fault(f"{length} bytes lie at byte {at} of {len(self._data)}")

    def text(self, at: int) -> str:
        """A length and as many bytes of text. Errors: `Malformed` where it is too long: many tables may share it."""
        length = self.unpack("<I", at)
        if length > TEXT_BYTES_MAX:
            raise self.fault(f"a text of {length} bytes")
        self.check(at + 4, length)
        return self._data[at + 4 : at + 4 + length].decode("utf-8", "backslashreplace")

    def root(self) -> "Table":
        """The outermost table."""
        return self.table(self.unpack("<I", 0))

    def table(self, at: int) -> "Table":
        """The table at a place."""
        self._visited += 1
        if self._visited > TABLES_MAX:
            raise self.fault(f"more than {TABLES_MAX} tables")
        return Table(self, at)


class Table:
    """A table: its fields lie where its list of offsets says, or are not there."""

    __slots__ = ("_at", "_buffer", "_list", "_size")

    def __init__(self, buffer: Buffer, at: int) -> None:
        self._buffer = buffer
        self._at = at
        self._list = at - buffer.unpack("<i", at)
        self._size = buffer.unpack("<H", self._list)

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self._size:
            return None
        offset = self._buffer.unpack("<H", self._list + entry)
        return self._at + offset if offset else None

    def number(self, field: int, layout: str, default: int = 0) -> int:
        """A number, or what is usual."""
        place = self._place(field)
        return default if place is None else self._buffer.unpack("<" + layout, place)

    def _target(self, field: int) -> int | None:
        place = self._place(field)
        return None if place is None else place + self._buffer.unpack("<I", place)

    def table(self, field: int) -> "Table | None":
        """A table that a field points to."""
        target = self._target(field)
        return None if target is None else self._buffer.table(target)

    def text(self, field: int) -> str | None:
        """A text that a field points to."""
        target = self._target(field)
        return None if target is None else self._buffer.text(target)

    def vector(self, field: int, width: int) -> tuple[int, int]:
        """Where a vector's items begin and how many there are, each so wide. Errors: `Malformed` if it cannot be whole."""
        target = self._target(field)
        if target is None:
            return 0, 0
        count = self._buffer.unpack("<I", target)
        self._buffer.check(target + 4, count * width)
        return target + 4, count

    def tables(self, field: int) -> Iterator["Table"]:
        """The tables of a vector."""
        start, count = self.vector(field, 4)
        for number in range(count):
            place = start + 4 * number
            yield self._buffer.table(place + self._buffer.unpack("<I", place))
