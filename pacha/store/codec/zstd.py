"""Codec 1: one Zstandard frame; the only door to the package `zstandard`.

A frame declares its content size, uses no dictionary and a window of at most 8 MiB, and nothing follows it. The
library's own output limit is ignored for frames that declare a size, so the declaration is checked before decoding.
"""

import zstandard

from pacha.store.codec import BadFrame, no_base

#: Level 1 packs CSV better than level 3 does and twice as fast; on weights both find only the exponents.
LEVEL = 1
WINDOW_BYTES_MAX = 8 << 20
#: Finds next to no repetition, so that what is left is a Huffman code of single bytes, at twice the speed.
_SYMBOLS = {"min_match": 7, "hash_log": 6, "chain_log": 6, "search_log": 1, "window_log": 20}


class Frames:
    """Packs and unpacks frames. Holds working memory, so an instance serves one thread."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False, write_content_size=True)
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)
        self._symbols: zstandard.ZstdCompressor | None = None

    def pack(self, data: bytes | memoryview) -> bytes:
        """One frame."""
        return self._compressor.compress(data)

    def pack_symbols(self, data: bytes | memoryview) -> bytes:
        """One frame of bytes that hardly repeat in runs, but are not equally frequent."""
        if self._symbols is None:
            wanted = zstandard.ZstdCompressionParameters(strategy=zstandard.STRATEGY_FAST, **_SYMBOLS)
            self._symbols = zstandard.ZstdCompressor(compression_params=wanted)
        return self._symbols.compress(data)

    def unpack(self, stored: bytes | memoryview, plain_length: int) -> bytes:
        """The plain bytes of a frame, exactly `plain_length`. Errors: `BadFrame`."""
        try:
            frame = zstandard.get_frame_parameters(stored)
            if frame.content_size != plain_length or frame.dict_id or frame.window_size > WINDOW_BYTES_MAX:
                raise BadFrame(f"a zstd frame does not declare the {plain_length} bytes that its record promises")
            plain = self._decompressor.decompress(stored, read_across_frames=False, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise BadFrame(f"a zstd frame cannot be decoded: {error}") from error
        if len(plain) != plain_length:
            raise BadFrame(f"a zstd frame holds {len(plain)} bytes instead of {plain_length}")
        return plain


class ZstdCodec:
    """Zstandard, level 1. Source: RFC 8878; docs/format.md, "Codecs"."""

    number = 1
    name = "zstd"
    needs_base = False

    def __init__(self) -> None:
        self._frames = Frames()

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes:
        """Returns one frame, whatever the bytes consist of."""
        del element, base
        return self._frames.pack(data)

    def decode(self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None) -> bytes:
        """Decodes one frame of exactly `plain_length` bytes. Errors: `BadFrame`."""
        no_base(self.name, base)
        return self._frames.unpack(stored, plain_length)


CODEC = ZstdCodec
