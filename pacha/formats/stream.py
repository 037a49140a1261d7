"""Reading on through bytes: a part of a source, a source from front to back, and one that is packed.

What is taken is held against what is left before it is read; what is passed by in a plain source is never read at all.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Protocol

from pacha.formats.inspection import Malformed, Source

#: One read of a file, for many small steps through it.
WINDOW_BYTES = 64 << 10
#: What a packed file may unpack to before no more of it is looked at: some seconds of work for the slowest packing.
UNPACKED_BYTES_MAX = 256 << 20
#: The window that a packed file may ask for; the strongest preset of xz needs 65 MiB.
_XZ_MEMORY_BYTES_MAX = 96 << 20
_ENDED = "it ends in the middle"


class TooMuch(Malformed):
    """A limit of the reader's own was reached. The file may be sound: so far it was."""


class Slice:
    """A part of a source, as a source of its own. Errors: `Malformed` where it does not lie inside."""

    def __init__(self, source: Source, start: int, length: int) -> None:
        if start < 0 or length < 0 or start + length > source.size:
            raise Malformed(f"{length} bytes lie at byte {start} of {source.size}")
        self._source, self._start, self._length = source, start, length

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._length

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        return self._source.read(self._start + offset, max(0, min(length, self._length - offset)))


class Stream:
    """A source from front to back. `at` is how many bytes lie behind."""

    def __init__(self, source: Source, *, start: int = 0, end: int | None = None) -> None:
        self._source = source
        self._end = source.size if end is None else min(end, source.size)
        self._block, self._inside = b"", 0
        self._after = start

    @property
    def at(self) -> int:
        """The place of what comes next."""
        return self._after - len(self._block) + self._inside

    def take(self, length: int) -> bytes:
        """The next bytes. Errors: `Malformed` if there are fewer."""
        inside = self._inside
        if 0 <= length <= len(self._block) - inside:
            self._inside = inside + length
            return self._block[inside : inside + length]
        if length < 0:
            raise Malformed("a length below zero")
        self._fill(length)
        self._inside = length
        return self._block[:length]

    def skip(self, length: int) -> None:
        """Passes bytes by. Errors: `Malformed` if there are fewer."""
        if 0 <= length <= len(self._block) - self._inside:
            self._inside += length
            return
        if length < 0 or self.at + length > self._end:
            raise Malformed(_ENDED)
        self._after, self._block, self._inside = self.at + length, b"", 0

    def peek(self, length: int) -> bytes:
        """What comes next, without going on; fewer bytes at the end."""
        if len(self._block) - self._inside < length:
            self._more(length)
        return self._block[self._inside : self._inside + length]

    def line(self, length_max: int) -> bytes:
        """The bytes before the next line end, which is passed by. Errors: `Malformed` if none is near."""
        found = self._block.find(b"\n", self._inside)
        if found < 0:
            self._more(length_max + 1)
            found = self._block.find(b"\n", self._inside, self._inside + length_max + 1)
        if found < 0 or found - self._inside > length_max:
            raise Malformed("a line without its end")
        taken = self._block[self._inside : found]
        self._inside = found + 1
        return taken

    def _fill(self, length: int) -> None:
        self._more(length)
        if len(self._block) < length:
            raise Malformed(_ENDED)

    def _more(self, length: int) -> None:
        """Makes the block begin with what comes next, and hold so much of it where it is there."""
        start = self.at
        wanted = min(max(length, WINDOW_BYTES), self._end - start)
        if length > WINDOW_BYTES and start + length > self._end:
            wanted = min(wanted, WINDOW_BYTES)  # It is too short in any case: no need to hold all that is left.
        self._block, self._inside = self._source.read(start, max(0, wanted)), 0
        self._after = start + len(self._block)


class _Unpacker(Protocol):
    """What the standard library's unpackers share."""

    @property
    def eof(self) -> bool:
        """Tells whether a packed stream has come to its end."""

    @property
    def unused_data(self) -> bytes:
        """What follows that end."""

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes:
        """The next bytes, at most so many."""


class PackedStream(Stream):
    """A packed source from front to back; at most `UNPACKED_BYTES_MAX` of it. Errors: `Malformed` for what is damaged."""

    def __init__(self, source: Source, packing: str, *, start: int = 0) -> None:
        super().__init__(source)
        self._packing, self._unpacker = packing, _UNPACKERS[packing]()
        self._packed_at, self._unpacked = start, 0
        self._kept = b""

    def skip(self, length: int) -> None:
        """Passes bytes by. Errors: `Malformed` if there are fewer."""
        while length > 0:
            step = min(length, WINDOW_BYTES)
            self.take(step)
            length -= step

    def _more(self, length: int) -> None:
        parts = [self._block[self._inside :]]
        have = len(parts[0])
        while have < length and (piece := self._next()):
            parts.append(piece)
            have += len(piece)
        before = self.at
        self._block, self._inside = b"".join(parts), 0
        self._after = before + have

    def _next(self) -> bytes:
        """Some more unpacked bytes; none at the end. Several packed streams in a row are one, as for the usual readers."""
        while True:
            if self._unpacker.eof:
                self._kept = self._unpacker.unused_data
                if not self._kept and self._packed_at >= self._source.size:
                    return b""
                self._unpacker = _UNPACKERS[self._packing]()
            is_hungry = getattr(self._unpacker, "needs_input", True)
            piece = self._kept
            if not piece and is_hungry:
                piece = self._source.read(self._packed_at, WINDOW_BYTES)
                self._packed_at += len(piece)
            try:
                out = self._unpacker.decompress(piece, WINDOW_BYTES)
            except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError) as error:
                raise Malformed(f"it cannot be unpacked: {str(error)[:100]}") from error
            self._kept = getattr(self._unpacker, "unconsumed_tail", b"")
            self._unpacked += len(out)
            if self._unpacked > UNPACKED_BYTES_MAX:
                raise TooMuch(f"it unpacks to more than {UNPACKED_BYTES_MAX >> 20} MiB, which is not looked at")
            if out or (not piece and is_hungry):
                return out


def _lzma() -> _Unpacker:
    return lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES_MAX)


_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    "gzip": lambda: zlib.decompressobj(31),
    "zlib": zlib.decompressobj,
    "bz2": bz2.BZ2Decompressor,
    "xz": _lzma,
    "lzma": _lzma,
}
