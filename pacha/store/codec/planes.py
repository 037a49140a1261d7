"""Codec 2: a tensor's bytes as planes, each packed as suits it: exponents as a Huffman code, noise as it is.

Numpy is loaded when the first such record is met, not before. Source: docs/format.md, "Planes".
"""

import struct

from pacha.base.spans import ELEMENT_BYTES
from pacha.store.codec import BadFrame
from pacha.store.codec.zstd import Frames
from pacha.store.planes import ELEMENT_NUMBERS, ELEMENTS, NOISE_BITS, RUNS_BITS, Planes

#: How a plane is packed: as it is, a Zstandard frame, or one byte that all of it is.
RAW, FRAME, SAME = 0, 1, 2
#: Shorter tensors are not worth the planes' own heads.
BYTES_MIN = 256
#: A frame is kept where it leaves at most this share of its plane.
SHARE_MAX = 0.99
_HEAD = struct.Struct("<BB")
_PLANE = struct.Struct("<BI")


class PlanesCodec:
    """Planes of a tensor's own bytes."""

    number = 2
    name = "planes"
    needs_base = False

    def __init__(self) -> None:
        self._frames = Frames()
        self._planes: Planes | None = None

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes | None:
        """The stored form; None for bytes that are no tensor, or too few. `base` is for codecs that need one."""
        if element is None or len(data) < BYTES_MIN or (base is None) is self.needs_base:
            return None
        if base is not None and len(base) != len(data):
            return None
        planes = self._door()
        heads, bodies = [_HEAD.pack(ELEMENT_NUMBERS[element], 0)], []
        for plane in planes.split(data, element, base):
            bits = planes.bits(plane)
            packing, body = RAW, plane
            if bits == 0:
                packing, body = SAME, plane[:1]
            elif bits < NOISE_BITS:
                frame = self._frames.pack(plane) if bits < RUNS_BITS else self._frames.pack_symbols(plane)
                if len(frame) <= len(plane) * SHARE_MAX:
                    packing, body = FRAME, memoryview(frame)
            heads.append(_PLANE.pack(packing, len(body)))
            bodies.append(body)
        tail = memoryview(data)[len(data) - len(data) % ELEMENT_BYTES[element] :]
        return b"".join([*heads, *bodies, tail])

    def decode(
        self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None
    ) -> memoryview:
        """Exactly `plain_length` bytes. Errors: `BadFrame`. Memory: three times `plain_length`, once kept."""
        if (base is None) is self.needs_base or (base is not None and len(base) != plain_length):
            raise BadFrame(f"a {self.name} record of {plain_length} bytes has no base of that length")
        view = memoryview(stored)
        element = ELEMENTS.get(view[0]) if len(view) >= _HEAD.size and view[1] == 0 else None
        if element is None:
            raise BadFrame("planes of an element that this version does not know")
        width = ELEMENT_BYTES[element]
        count, tail = divmod(plain_length, width)
        at = _HEAD.size + width * _PLANE.size
        if len(view) < at + tail or not count:
            raise BadFrame("planes are cut short")
        parts: list[bytes | memoryview] = []
        for number in range(width):
            packing, length = _PLANE.unpack_from(view, _HEAD.size + number * _PLANE.size)
            parts.append(self._plane(packing, view[at : at + length], length, count))
            at += length
        if len(view) != at + tail:
            raise BadFrame(f"planes of {len(view)} bytes promise {at + tail}")
        out = bytearray(plain_length)
        self._door().join(parts, count, element, base, out)
        out[plain_length - tail :] = view[at:]
        return memoryview(out)

    def _plane(self, packing: int, body: memoryview, length: int, count: int) -> bytes | memoryview:
        if len(body) != length:
            raise BadFrame("a plane is cut short")
        if packing == RAW and length == count:
            return body
        if packing == SAME and length == 1:
            return bytes(body) * count
        if packing == FRAME:
            return self._frames.unpack(body, count)
        raise BadFrame("a plane is packed in a way that this version does not know")

    def _door(self) -> Planes:
        if self._planes is None:
            self._planes = Planes()
        return self._planes


CODEC = PlanesCodec
