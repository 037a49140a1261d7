"""ZIP archives, bounded: so many members, so many bytes of each, and never a bomb. Nothing is extracted."""

import io
import lzma
import struct
import zipfile
import zlib
from dataclasses import dataclass

from pacha.formats.inspection import Malformed, Source

#: A checkpoint has some thousand members.
MEMBERS_MAX = 100_000
NAME_LENGTH_MAX = 1_024
#: The standard library reads a directory whole; so many bytes name all those members.
DIRECTORY_BYTES_MAX = 32 << 20
#: What models are packed with. The other ways need dictionaries of any size, and nobody uses them.
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PIECE_BYTES = 1 << 20
_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, KeyError, ValueError, OSError, EOFError,
    NotImplementedError, RuntimeError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """A file of an archive. Units: bytes. `is_stored` means that its bytes lie there as they are."""

    name: str
    size: int
    packed_size: int
    is_stored: bool


class _Reader(io.RawIOBase):
    """A source as the standard library wants it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0
        self.read_max = DIRECTORY_BYTES_MAX

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readall(self) -> bytes:
        return self.read(self._source.size)

    def read(self, size: int | None = -1) -> bytes:
        rest = max(0, self._source.size - self._at)
        length = rest if size is None or size < 0 else min(size, rest)
        if length > self.read_max:
            raise OSError(f"{length} bytes at once")
        data = self._source.read(self._at, length)
        self._at += len(data)
        return data


def _opened(source: Source) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(_Reader(source))
    except _ERRORS as error:
        raise Malformed(f"not a sound ZIP archive: {str(error)[:100]}") from error


def members(source: Source) -> list[ZipMember]:
    """The files of an archive, in its order. Errors: `Malformed`."""
    found: list[ZipMember] = []
    for info in _opened(source).infolist():
        if len(found) >= MEMBERS_MAX:
            raise Malformed(f"more than {MEMBERS_MAX} members")
        if info.is_dir():
            continue
        found.append(
            ZipMember(
                name=info.filename[:NAME_LENGTH_MAX],
                size=info.file_size,
                packed_size=info.compress_size,
                is_stored=info.compress_type == zipfile.ZIP_STORED,
            )
        )
    if len({member.name for member in found}) != len(found):
        raise Malformed("two members have one name")
    return found


def read_member(source: Source, member: ZipMember, *, size_max: int) -> bytes:
    """The first `size_max` bytes of a member. Errors: `Malformed`."""
    try:
        archive = _opened(source)
        if archive.getinfo(member.name).compress_type not in _PACKINGS:
            raise Malformed(f"{member.name!r:.80} is packed in a way that is not read")
        with archive.open(member.name) as stream:
            out = bytearray()
            while len(out) < size_max and (piece := stream.read(min(_PIECE_BYTES, size_max - len(out)))):
                out += piece
            return bytes(out)
    except _ERRORS as error:
        raise Malformed(f"{member.name!r:.80} cannot be read: {str(error)[:100]}") from error
