"""Codec 3: the difference of a tensor's numbers to those of its base, as planes.

Training moves a weight by little. As whole numbers modulo their width, two floats that lie close are a small number
apart, so the upper planes of the differences are nearly all zero.
"""

from pacha.store.codec import BadFrame
from pacha.store.codec.planes import PlanePayload


class DeltaPlanesCodec:
    """A tensor beside the same tensor of another version. Source: docs/format.md, "Codecs"; docs/decisions/0030."""

    number = 3
    name = "delta-planes"
    needs_base = True

    def __init__(self) -> None:
        self._payload = PlanePayload()

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes | memoryview | None:
        """Returns the difference's planes, or None without a base of the same length, or if nothing is won."""
        if element is None or base is None or len(base) != len(data):
            return None
        return self._payload.encode(data, element, base)

    def decode(
        self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Decodes against the base that was encoded against. Errors: `BadFrame`, also for one of another length."""
        if base is None or len(base) != plain_length:
            raise BadFrame(f"a difference of {plain_length} bytes needs a base of that length")
        return self._payload.decode(stored, plain_length, base)


CODEC = DeltaPlanesCodec
