"""Reads the Thrift compact protocol, as far as a Parquet footer needs it: bounded, without building what is not asked.

Source: Apache Thrift, "Thrift Compact protocol encoding"; https://github.com/apache/thrift/blob/master/doc/specs
"""

from collections.abc import Callable, Iterator

from pacha.formats.inspection import Malformed

#: Structs inside structs; Parquet's own are 7 deep.
DEPTH_MAX = 16
#: Steps of one reading: a hostile footer of 16 MiB could have more, and takes too long.
STEPS_MAX = 2_000_000
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
_VARINT_BYTES_MAX = 10


class Reader:
    """Reads values one after the other. Errors: `Malformed` with the byte, for whatever does not fit."""

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._data = data
        self._at = 0
        self._steps = 0

    def fault(self, reason: str) -> Malformed:
        """The error for what stands here."""
        return Malformed(f"{self._name}: its footer is damaged at byte {self._at}: {reason}", path=self._name)

    def step(self) -> None:
        """Counts one value. Errors: `Malformed` where there are too many."""
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise self.fault(f"more than {STEPS_MAX} values")

    def byte(self) -> int:
        """One byte."""
        if self._at >= len(self._data):
            raise self.fault("it ends too early")
        self._at += 1
        return self._data[self._at - 1]

    def varint(self) -> int:
        """An unsigned number of 7 bits a byte, at most 64 bits."""
        value = shift = 0
        for _ in range(_VARINT_BYTES_MAX):
            part = self.byte()
            value |= (part & 0x7F) << shift
            if part < 0x80:
                if value >= 1 << 64:
                    break
                return value
            shift += 7
        raise self.fault("a number of more than 64 bits")

    def integer(self) -> int:
        """A signed number, zigzag."""
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def binary(self) -> bytes:
        """A length and as many bytes."""
        length = self.varint()
        if length > len(self._data) - self._at:
            raise self.fault(f"a text of {length} bytes, and {len(self._data) - self._at} are left")
        self._at += length
        return self._data[self._at - length : self._at]

    def text(self) -> str:
        """A text in UTF-8; what is none is shown as such."""
        return self.binary().decode("utf-8", "backslashreplace")

    def fields(self) -> Iterator[tuple[int, int]]:
        """The number and type of each field of a struct. Who asks reads or skips each before asking for the next."""
        number = 0
        while True:
            self.step()
            head = self.byte()
            if head == 0:
                return
            delta, kind = head >> 4, head & 0x0F
            number = number + delta if delta else self.integer()
            if not TRUE <= kind <= STRUCT:
                raise self.fault(f"no such type: {kind}")
            yield number, kind

    def list_of(self, kind: int) -> Iterator[int]:
        """The places of a list's items, each to be read before the next. Errors: `Malformed` if it holds others."""
        count, found = self._list_head()
        if found != kind and count:
            raise self.fault(f"a list of type {found}, where {kind} belongs")
        for place in range(count):
            self.step()
            yield place

    def _list_head(self) -> tuple[int, int]:
        head = self.byte()
        count = self.varint() if head >> 4 == 15 else head >> 4
        # Every item but true and false takes at least a byte, and those take one too in a list.
        if count > len(self._data) - self._at:
            raise self.fault(f"a list of {count} items, and {len(self._data) - self._at} bytes are left")
        return count, head & 0x0F

    def expect(self, kind: int, wanted: int) -> None:
        """Checks the type of a field. Errors: `Malformed`."""
        if kind != wanted:
            raise self.fault(f"a field of type {kind}, where {wanted} belongs")

    def skip(self, kind: int, depth: int = 0) -> None:
        """Passes over a value of any type."""
        self.step()
        if depth > DEPTH_MAX:
            raise self.fault(f"nested more than {DEPTH_MAX} levels deep")
        if kind in _SKIPPED:
            _SKIPPED[kind](self)
        elif kind in (LIST, SET):
            count, item = self._list_head()
            for _ in range(count):
                # In a list, true and false are a byte each.
                self.skip(BYTE if item in (TRUE, FALSE) else item, depth + 1)
        elif kind == MAP:
            self._skip_map(depth)
        elif kind == STRUCT:
            for _, inner in self.fields():
                self.skip(inner, depth + 1)
        else:
            raise self.fault(f"no such type: {kind}")

    def _skip_map(self, depth: int) -> None:
        count = self.varint()
        if count == 0:
            return
        kinds = self.byte()
        if count > len(self._data) - self._at:
            raise self.fault(f"a map of {count} members, and {len(self._data) - self._at} bytes are left")
        for _ in range(count):
            self.skip(kinds >> 4, depth + 1)
            self.skip(kinds & 0x0F, depth + 1)

    def pass_over(self, length: int) -> None:
        """Passes over bytes."""
        if length > len(self._data) - self._at:
            raise self.fault("it ends too early")
        self._at += length


_SKIPPED: dict[int, Callable[[Reader], object]] = {
    TRUE: lambda reader: None,
    FALSE: lambda reader: None,
    BYTE: Reader.byte,
    I16: Reader.varint,
    I32: Reader.varint,
    I64: Reader.varint,
    DOUBLE: lambda reader: reader.pass_over(8),
    BINARY: Reader.binary,
}
