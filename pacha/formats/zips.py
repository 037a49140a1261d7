"""ZIP archives, bounded: so many members, so many bytes of each, and never a bomb. Nothing is extracted."""

import io
import zipfile
import zlib
from dataclasses import dataclass

from pacha.formats.inspection import Malformed, Source

#: A checkpoint has some thousand members.
MEMBERS_MAX = 100_000
NAME_LENGTH_MAX = 1_024


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
        length = self._source.size - self._at if size is None or size < 0 else size
        data = self._source.read(self._at, max(0, length)) if self._at < self._source.size else b""
        self._at += len(data)
        return data


def _opened(source: Source) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(_Reader(source))
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, UnicodeDecodeError) as error:
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
        with _opened(source).open(member.name) as stream:
            return stream.read(size_max)
    except (
        zipfile.BadZipFile, zlib.error, KeyError, ValueError, OSError, EOFError, NotImplementedError, RuntimeError
    ) as error:  # fmt: skip
        raise Malformed(f"{member.name!r:.80} cannot be read: {str(error)[:100]}") from error
