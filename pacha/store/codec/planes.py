"""Codec 2: a tensor's numbers as planes of bytes, each packed as it deserves. And what codec 3 shares with it.

The exponents of weights fill one plane and are all that can be packed; the bits of the fractions are noise and are
stored as they are, at the speed of memory.
"""

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pacha.base.spans import ELEMENT_BYTES
from pacha.store.codec import BadFrame
from pacha.store.codec.zstd import PlaneFrames
from pacha.store.planes import PlaneWork, marks, only_value, with_zeros, without_zeros, zeros_share

if TYPE_CHECKING:
    from pacha.store.planes import Plane

VERSION: Final = 1
#: The code of each element in a payload, for ever.
ELEMENT_CODES: Final = {"f64": 1, "f32": 2, "f16": 3, "bf16": 4, "i64": 5, "i32": 6, "i16": 7, "i8": 8}
_ELEMENTS: Final = {code: element for element, code in ELEMENT_CODES.items()}
RAW, HUFFMAN, MATCHES, CONSTANT, SPARSE = 0, 1, 2, 3, 4
#: A packed plane is kept if it is at most this share of the plane: less is not worth the time of unpacking.
PACKED_SHARE_MAX: Final = 0.97
#: Level 1 is kept if its frame is at most this share of the Huffman coder's, which packs and unpacks faster.
MATCHES_SHARE_MAX: Final = 0.97
#: The middle of a plane tells which it will be: over whole exponents level 1 takes four times as long, for nothing.
SAMPLE_BYTES: Final = 4_096
#: From this share of zeros on, a bit for each place and the other bytes apart are smaller and faster than any coder
#: that spends a bit or more on every byte.
ZEROS_SHARE_MIN: Final = 1 / 3
_HEAD: Final = struct.Struct("<BB")
_PLANE: Final = struct.Struct("<BI")


class PlanePayload:
    """Packs planes into a payload and back. Source: docs/format.md, "Codecs". Serves one thread."""

    def __init__(self) -> None:
        self.work = PlaneWork()
        self._frames = PlaneFrames()

    def encode(
        self, data: bytes | memoryview, element: str, base: bytes | memoryview | None = None
    ) -> bytes | memoryview | None:
        """Returns the payload of `data`, or None if it would not be smaller."""
        packed = [self._pack(plane) for plane in self.work.split(data, element, base)]
        head = _HEAD.pack(VERSION, ELEMENT_CODES[element])
        lengths = [_PLANE.pack(packing, len(stored)) for packing, stored in packed]
        tail = data[len(data) - len(data) % ELEMENT_BYTES[element] :]
        parts = [head, *lengths, *(stored for _, stored in packed), tail]
        return b"".join(parts) if sum(map(len, parts)) < len(data) else None

    def _pack(self, plane: "Plane") -> tuple[int, bytes | memoryview]:
        if zeros_share(plane) < ZEROS_SHARE_MIN or only_value(plane) is not None:
            return self._pack_dense(plane)
        parts = [self._pack_dense(part) for part in without_zeros(plane)]
        heads = [_PLANE.pack(packing, len(stored)) for packing, stored in parts]
        stored = b"".join([*heads, *(stored for _, stored in parts)])
        return (SPARSE, stored) if len(stored) <= len(plane) * PACKED_SHARE_MAX else (RAW, plane.data)

    def _pack_dense(self, plane: "Plane") -> tuple[int, bytes | memoryview]:
        value = only_value(plane)
        if value is not None:
            return CONSTANT, bytes((value,))
        huffman = self._frames.huffman(plane.data)
        if len(huffman) > len(plane) * PACKED_SHARE_MAX:
            return RAW, plane.data
        if self._has_matches(plane):
            matches = self._frames.matches(plane.data)
            if len(matches) <= len(huffman) * MATCHES_SHARE_MAX:
                return MATCHES, matches
        return HUFFMAN, huffman

    def _has_matches(self, plane: "Plane") -> bool:
        """Tells by the middle of a plane whether looking for matches is likely to win."""
        middle = max(0, len(plane) - SAMPLE_BYTES) // 2
        sample = plane.data[middle : middle + SAMPLE_BYTES]
        return len(self._frames.matches(sample)) <= len(self._frames.huffman(sample)) * MATCHES_SHARE_MAX

    def decode(
        self, stored: bytes | memoryview, plain_length: int, base: bytes | memoryview | None = None
    ) -> memoryview:
        """Returns the plain bytes. Errors: `BadFrame`. Memory: a few times `plain_length`."""
        stored = memoryview(stored)
        element, packings, offset = _read_head(stored)
        count, tail = divmod(plain_length, ELEMENT_BYTES[element])
        if offset + sum(length for _, length in packings) + tail != len(stored):
            raise BadFrame(f"the planes of a record of {plain_length} bytes do not fill its {len(stored)} bytes")
        planes = []
        for packing, length in packings:
            planes.append(self._unpack(packing, stored[offset : offset + length], count))
            offset += length
        return self.work.join(planes, stored[offset:], plain_length, element, base)

    def _unpack(self, packing: int, stored: memoryview, count: int) -> bytes | memoryview | int:
        if packing != SPARSE:
            return self._unpack_dense(packing, stored, count)
        start = 2 * _PLANE.size
        if len(stored) < start:
            raise BadFrame("a sparse plane is cut short")
        (mask_packing, mask_length), (values_packing, values_length) = _PLANE.iter_unpack(stored[:start])
        if start + mask_length + values_length != len(stored):
            raise BadFrame(f"the parts of a sparse plane do not fill its {len(stored)} bytes")
        middle = start + mask_length
        size = (count + 7) // 8
        is_set, values_count = marks(self._unpack_dense(mask_packing, stored[start:middle], size), size)
        if is_set[count:].any():
            raise BadFrame(f"a sparse plane of {count} bytes marks values behind its end")
        values = self._unpack_dense(values_packing, stored[middle:], values_count)
        return with_zeros(is_set, values, count)

    def _unpack_dense(self, packing: int, stored: memoryview, count: int) -> bytes | memoryview | int:
        if packing == RAW and len(stored) == count:
            return stored
        if packing == CONSTANT and len(stored) == 1:
            return stored[0]
        if packing in (HUFFMAN, MATCHES):
            return self._frames.decode(stored, count)
        raise BadFrame(f"a plane of {count} bytes is packed as {packing} in {len(stored)}")


def element_in(stored: bytes | memoryview) -> str:
    """The element that a payload of codec 2 or 3 says it holds. Errors: `BadFrame`."""
    return _read_head(memoryview(stored))[0]


def _read_head(stored: memoryview) -> tuple[str, Sequence[tuple[int, int]], int]:
    """Returns the element, each plane's packing and stored length, and where the first plane begins."""
    if len(stored) < _HEAD.size:
        raise BadFrame("a record of planes is cut short")
    version, code = _HEAD.unpack_from(stored)
    element = _ELEMENTS.get(code)
    if version != VERSION or element is None:
        raise BadFrame(f"a record of planes has version {version} and element {code}, which are not known")
    end = _HEAD.size + ELEMENT_BYTES[element] * _PLANE.size
    if len(stored) < end:
        raise BadFrame("a record of planes is cut short")
    return element, list(_PLANE.iter_unpack(stored[_HEAD.size : end])), end


class PlanesCodec:
    """A tensor by itself. Source: docs/format.md, "Codecs"; docs/decisions/0029."""

    number = 2
    name = "planes"
    needs_base = False

    def __init__(self) -> None:
        self._payload = PlanePayload()

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes | memoryview | None:
        """Returns the planes, or None if the numbers' width is unknown or one byte, or nothing is won."""
        if element is None or ELEMENT_BYTES[element] == 1:
            return None
        return self._payload.encode(data, element)

    def decode(
        self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Decodes planes of exactly `plain_length` bytes. Errors: `BadFrame`."""
        return self._payload.decode(stored, plain_length)


CODEC = PlanesCodec
