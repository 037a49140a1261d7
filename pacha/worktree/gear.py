"""FastCDC in pure Python: the slow twin of the compiled package, with the same cuts to the byte.

A hash of the last 48 bytes or so rolls over the data: `h = 2h + GEAR[byte]`, modulo 2^64. A chunk ends in front of the
byte at which the bits of a mask are all zero: more bits up to the average size, fewer behind it, so that sizes draw
towards it. Nothing is looked at before the least size. Source: Xia et al., FastCDC, IEEE TPDS 2020, Algorithm 2;
docs/format.md, "Cuts".
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

#: Only the bits of a mask count, and a sum carries upwards alone: so many low bits decide as 64 do, and are quicker.
HASH_BITS = 48
#: Masks of the paper's reference code, by their ones, which are spread so that they look at many bytes.
MASK_15, MASK_17 = 0xD90F03530000, 0xD90703537000


@cache
def gear() -> tuple[int, ...]:
    """The table of the reference code: of each byte, the first eight of the MD5 of 64 of it, the largest first."""
    digests = (hashlib.md5(bytes([value]) * 64, usedforsecurity=False).digest() for value in range(256))
    return tuple(int.from_bytes(digest[:8], "big") for digest in digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class GearCutter:
    """Cuts whole buffers. Units: bytes; all sizes are even. `mask_before` decides up to the average, then `mask_after`."""

    min_size: int
    average_size: int
    max_size: int
    mask_before: int
    mask_after: int

    def lengths(self, window: memoryview) -> Iterator[int]:
        """The lengths of all chunks of a buffer."""
        at = 0
        while at < len(window):
            # Bytes are looked up quicker than a view's.
            length = self._first(bytes(window[at : at + self.max_size]))
            yield length
            at += length

    def _first(self, data: bytes) -> int:
        """Where the first chunk ends. `data` is as long as the largest chunk, unless it is all there is."""
        if len(data) <= self.min_size:
            return len(data)
        table, low = gear(), (1 << HASH_BITS) - 1
        middle = min(self.average_size, len(data))
        # The reference code takes two bytes a step: the last of an odd count is not looked at.
        parts = (
            (self.min_size, middle // 2 * 2, self.mask_before),
            (middle // 2 * 2, len(data) // 2 * 2, self.mask_after),
        )
        rolling = 0
        for start, end, mask in parts:
            for at, byte in enumerate(data[start:end], start):
                rolling = (rolling << 1) + table[byte] & low
                if not rolling & mask:
                    return at
        return len(data)
