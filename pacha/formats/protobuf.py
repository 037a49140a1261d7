"""The wire format of Protocol Buffers, walked field by field within bounds. Source: its encoding guide."""

from collections.abc import Iterator
from dataclasses import dataclass

from pacha.formats.inspection import Malformed, Source

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
VARINT_BYTES_MAX = 10
_BLOCK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Field:
    """One field: a number, or where its bytes lie. Units: bytes from the beginning of the file."""

    number: int
    kind: int
    value: int
    start: int
    length: int


class Wire:
    """A file, read a block at a time."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._start = 0
        self._block = b""

    def take(self, start: int, length: int) -> bytes:
        """Some bytes of the file. Errors: `Malformed`."""
        data = self._near(start, length)
        if len(data) < length:
            raise Malformed("a message ends in the middle")
        return data

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """The fields of a message, in order. Errors: `Malformed`."""
        at = start
        while at < end:
            key, at = self.varint(at, end)
            number, kind = key >> 3, key & 7
            if number == 0:
                raise Malformed("a field without a number")
            if kind == VARINT:
                value, after = self.varint(at, end)
                yield Field(number, kind, value, at, after - at)
                at = after
                continue
            length = {FIXED64: 8, FIXED32: 4}.get(kind)
            if kind == BYTES:
                length, at = self.varint(at, end)
            if length is None or at + length > end:
                raise Malformed("a field goes beyond its message")
            yield Field(number, kind, 0, at, length)
            at += length

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """A number and what follows it. Errors: `Malformed`."""
        value = 0
        for place, byte in enumerate(self._near(at, min(VARINT_BYTES_MAX, end - at))):
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value & (2**64 - 1), at + place + 1
        raise Malformed("a number without its end")

    def _near(self, start: int, length: int) -> bytes:
        """Some bytes of the file, fewer at its end."""
        inside = start - self._start
        if inside < 0 or inside + length > len(self._block):
            self._start, inside = start, 0
            self._block = self._source.read(start, max(length, _BLOCK_BYTES))
        return self._block[inside : inside + length]

    def text(self, field: Field, size_max: int = 65_536) -> str:
        """A field as a text, cut where it is long."""
        return self.take(field.start, min(field.length, size_max)).decode("utf-8", "replace")


def signed(value: int) -> int:
    """A varint as a signed number."""
    return value - 2**64 if value >= 2**63 else value
