"""Codec 0: the bytes as they are."""

from pacha.store.codec import BadFrame


class RawCodec:
    """Stores bytes unchanged. Source: docs/format.md, "Codecs"."""

    number = 0
    name = "raw"
    needs_base = False

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Returns `data` itself."""
        return data

    def decode(
        self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Returns `stored` itself. Errors: `BadFrame` if its length is not `plain_length`."""
        if len(stored) != plain_length:
            raise BadFrame(f"a raw record of {plain_length} bytes holds {len(stored)}")
        return stored


CODEC = RawCodec
