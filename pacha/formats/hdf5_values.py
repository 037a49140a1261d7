"""Element types, shapes and attributes of HDF5, and the heap in which texts of any length lie.

Source: HDF5 File Format Specification 3.0, sections IV.A.2.b, d, m and III.E.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pacha.formats.inspection import Malformed
from pacha.formats.tensors import plain, text

#: The configuration of a large network as JSON.
VALUE_BYTES_MAX = 16 << 20
#: Names of layers; of longer lists the beginning is shown.
ITEMS_SHOWN = 1_000
#: Texts that are looked for in heaps, and passed by on the way.
HEAP_STEPS_MAX = 500_000
NAME_BYTES_MAX = 1_024
_DIMENSIONS_MAX = 32
_INTEGER, _FLOAT, _STRING, _BITS, _OPAQUE, _COMPOUND, _REFERENCE, _ENUM, _VARIABLE, _ARRAY = (
    0,
    1,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
)
_NAMES = {
    _STRING: "STRING", _BITS: "BITS", _OPAQUE: "OPAQUE", _COMPOUND: "COMPOUND", _REFERENCE: "REFERENCE",
    _ARRAY: "ARRAY", 2: "TIME",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Datatype:
    """An element type: its class, the bytes of one element, a name, and whether the largest byte comes first."""

    kind: int
    size: int
    name: str
    is_signed: bool = False
    is_big: bool = False
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A name, a type, a shape and the bytes of a value."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...] | None
    data: bytes


def datatype_of(raw: bytes) -> Datatype:
    """Reads a type. Errors: `Malformed`."""
    if len(raw) < 8:
        raise Malformed("a type that is cut off")
    kind, bits, size = raw[0] & 15, int.from_bytes(raw[1:4], "little"), int.from_bytes(raw[4:8], "little")
    is_text = kind == _STRING or (kind == _VARIABLE and bits & 15 == 1)
    if kind == _INTEGER:
        name = f"{'I' if bits & 8 else 'U'}{8 * size}"
    elif kind == _FLOAT:
        # bfloat16 is a float of two bytes whose exponent has eight bits.
        name = "BF16" if size == 2 and len(raw) >= 14 and raw[13] == 8 else f"F{8 * size}"
    elif kind == _ENUM:
        name = "BOOL" if size == 1 else "ENUM"
    else:
        name = "STRING" if is_text else "LIST" if kind == _VARIABLE else _NAMES.get(kind, f"type {kind}")
    return Datatype(
        kind=kind, size=size, name=name, is_signed=bool(bits & 8), is_big=bool(bits & 1), is_text=is_text
    )  # fmt: skip


def dataspace_of(raw: bytes, width: int) -> tuple[int, ...] | None:
    """Reads a shape; None for one of no elements. Errors: `Malformed`."""
    if len(raw) < 4 or raw[0] not in (1, 2) or raw[1] > _DIMENSIONS_MAX:
        raise Malformed("a shape of an unknown version")
    if raw[0] == 2 and raw[3] == 2:
        return None
    start = 8 if raw[0] == 1 else 4
    if len(raw) < start + raw[1] * width:
        raise Malformed("a shape that is cut off")
    return tuple(int.from_bytes(raw[start + n * width : start + (n + 1) * width], "little") for n in range(raw[1]))


def attribute_of(raw: bytes, width: int) -> Attribute:
    """Takes an attribute apart. Errors: `Malformed`."""
    if len(raw) < 8 or raw[0] not in (1, 2, 3):
        raise Malformed("an attribute of an unknown version")
    sizes = struct.unpack("<HHH", raw[2:8])
    at = 9 if raw[0] == 3 else 8
    parts = []
    for size in sizes:
        parts.append(raw[at : at + size])
        # Version 1 fills each part up to eight bytes.
        at += -(-size // 8) * 8 if raw[0] == 1 else size
    if at > len(raw) or len(parts[0]) > NAME_BYTES_MAX:
        raise Malformed("an attribute that is cut off")
    name = parts[0].partition(b"\0")[0].decode("utf-8", "backslashreplace")
    if raw[0] > 1 and raw[1] & 3:
        # Its type lies elsewhere.
        return Attribute(name=name, datatype=Datatype(kind=-1, size=0, name="shared"), shape=None, data=b"")
    return Attribute(name=name, datatype=datatype_of(parts[1]), shape=dataspace_of(parts[2], width), data=raw[at:])


class Heap:
    """Values of attributes, those in global heaps among them. `read` gives bytes at an address or raises `Malformed`."""

    def __init__(self, read: Callable[[int, int], bytes], width: int, length: int) -> None:
        self._read, self._width, self._length = read, width, length
        self._left, self._steps = VALUE_BYTES_MAX, 0

    def value(self, attribute: Attribute) -> Any:
        """A text, a number, or a list of them; None for what is not read."""
        kind, shape = attribute.datatype, attribute.shape
        if shape is None or len(shape) > 1 or not kind.size:
            return None
        count = shape[0] if shape else 1
        shown = min(count, ITEMS_SHOWN)
        pieces = [attribute.data[n * kind.size : (n + 1) * kind.size] for n in range(shown)]
        if any(len(piece) < kind.size for piece in pieces):
            raise Malformed("an attribute that is cut off")
        values = [self._item(kind, piece) for piece in pieces]
        return values if shape else values[0]

    def _item(self, kind: Datatype, raw: bytes) -> Any:
        if kind.is_text:
            whole = raw if kind.kind == _STRING else self._far(raw)
            return whole.rstrip(b"\0 ").decode("utf-8", "replace")
        if kind.kind == _INTEGER:
            return plain(int.from_bytes(raw, "big" if kind.is_big else "little", signed=kind.is_signed))
        if kind.kind == _ENUM and kind.size == 1:
            return bool(raw[0])
        form = {2: "e", 4: "f", 8: "d"}.get(kind.size)
        if kind.kind != _FLOAT or form is None or kind.name == "BF16":
            return None
        return plain(struct.unpack((">" if kind.is_big else "<") + form, raw)[0])

    def _far(self, raw: bytes) -> bytes:
        """The bytes that a length, an address and a number in a heap stand for."""
        if len(raw) < 8 + self._width:
            raise Malformed("a text that is cut off")
        length = int.from_bytes(raw[:4], "little")
        address, wanted = (
            int.from_bytes(raw[4 : 4 + self._width], "little"),
            int.from_bytes(raw[4 + self._width :], "little"),
        )
        if length == 0:
            return b""
        self._left -= length
        if self._left < 0:
            raise Malformed(f"attributes of more than {VALUE_BYTES_MAX} bytes")
        head = self._read(address, 8 + self._length)
        if head[:4] != b"GCOL":
            raise Malformed("a text that is not where it should be")
        end = address + int.from_bytes(head[8:], "little")
        at = address + len(head)
        while at + 8 + self._length <= end:
            self._steps += 1
            if self._steps > HEAP_STEPS_MAX:
                raise Malformed("texts without end")
            entry = self._read(at, 8 + self._length)
            index, size = int.from_bytes(entry[:2], "little"), int.from_bytes(entry[8:], "little")
            if index == wanted:
                if size < length:
                    break
                return self._read(at + len(entry), length)
            if index == 0:
                break
            at += len(entry) + -(-size // 8) * 8
        raise Malformed("a text that its heap does not hold")


def shortened(value: Any) -> Any:
    """A value with its texts cut, for a table."""
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return text(value) if isinstance(value, str) else value
