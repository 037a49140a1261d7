"""Codec 1: one Zstandard frame; the only door to the package `zstandard`.

A frame declares its content size, uses no dictionary and a window of at most 8 MiB, and nothing follows it. The
library's own output limit is ignored for frames that declare a size, so the declaration is checked before decoding.
"""

from collections.abc import Sequence

import zstandard

from pacha.store.codec import BadFrame

#: Level 1 packs CSV better than level 3 does and twice as fast; on weights both find only the exponents.
LEVEL = 1
WINDOW_BYTES_MAX = 8 << 20


class ZstdCodec:
    """Zstandard, level 1. Source: RFC 8878; docs/format.md, "Codecs"."""

    number = 1
    name = "zstd"
    needs_base = False

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False, write_content_size=True)
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Returns one frame."""
        return self._compressor.compress(data)

    def encode_all(self, data: Sequence[bytes]) -> Sequence[bytes | memoryview]:
        """Returns a frame for each, in one call: two threads wait for each other where calls take microseconds."""
        if len(data) < 2 or not hasattr(self._compressor, "multi_compress_to_buffer"):
            return [self._compressor.compress(item) for item in data]
        frames = self._compressor.multi_compress_to_buffer(list(data))
        # The stubs do not say that a segment is a buffer.
        return [memoryview(frames[number]) for number in range(len(frames))]  # type: ignore[arg-type]

    def decode(
        self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Decodes one frame of exactly `plain_length` bytes. Errors: `BadFrame`."""
        return _decode_frame(self._decompressor, stored, plain_length)


class PlaneFrames:
    """Zstandard for planes of bytes: as a Huffman coder and little else, or at level 1. Serves one thread."""

    def __init__(self) -> None:
        self._huffman = zstandard.ZstdCompressor(compression_params=_huffman_parameters())
        self._matches = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False, write_content_size=True)
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX)

    def huffman(self, plane: bytes | memoryview) -> bytes:
        """Returns a frame in which bytes are coded by how often they occur; next to no matches are looked for."""
        return self._huffman.compress(plane)

    def matches(self, plane: bytes | memoryview) -> bytes:
        """Returns a frame of level 1."""
        return self._matches.compress(plane)

    def decode(self, stored: bytes | memoryview, plain_length: int) -> bytes:
        """Decodes one frame of exactly `plain_length` bytes. Errors: `BadFrame`."""
        return _decode_frame(self._decompressor, stored, plain_length)


def _huffman_parameters() -> zstandard.ZstdCompressionParameters:
    """A table of 64 places finds no match in numbers and costs nothing: what is left of Zstandard is its coder."""
    return zstandard.ZstdCompressionParameters(
        strategy=zstandard.STRATEGY_FAST,
        min_match=7,
        hash_log=6,
        chain_log=6,
        search_log=1,
        target_length=0,
        window_log=20,
        write_content_size=True,
        write_checksum=False,
    )


def _decode_frame(decompressor: zstandard.ZstdDecompressor, stored: bytes | memoryview, plain_length: int) -> bytes:
    try:
        frame = zstandard.get_frame_parameters(stored)
        if frame.content_size != plain_length or frame.dict_id or frame.window_size > WINDOW_BYTES_MAX:
            raise BadFrame(f"a zstd frame does not declare the {plain_length} bytes that its record promises")
        plain = decompressor.decompress(stored, read_across_frames=False, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise BadFrame(f"a zstd frame cannot be decoded: {error}") from error
    if len(plain) != plain_length:
        raise BadFrame(f"a zstd frame holds {len(plain)} bytes instead of {plain_length}")
    return plain


CODEC = ZstdCodec
