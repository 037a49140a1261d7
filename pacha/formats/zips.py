"""ZIP archives, bounded: so many members, so many bytes of each, and never a bomb. Nothing is extracted.

The standard library's reader believes lengths, prefixes and names twice; here the end record, the directory and the
header before each member must say the same. Source: APPNOTE.TXT 6.3, sections 4.3 and 4.5.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from pacha.formats.inspection import BytesSource, Malformed, Source
from pacha.formats.stream import Slice

MAGIC = b"PK\x03\x04"
#: A checkpoint has some thousand members.
MEMBERS_MAX = 100_000
#: A directory of so many members with long names.
DIRECTORY_BYTES_MAX = 32 << 20
NAME_LENGTH_MAX = 1_024
_END, _END64, _LOCATOR, _ENTRY, _LOCAL = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x01\x02", MAGIC
_COMMENT_BYTES_MAX = 65_535
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 1 << 11
_WIDE = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipMember:
    """A file of an archive. Units: bytes. `is_stored` means that its bytes lie there as they are."""

    name: str
    size: int
    packed_size: int
    method: int
    header: int
    is_encrypted: bool = False

    @property
    def is_stored(self) -> bool:
        """Tells whether its bytes lie there as they are."""
        return self.method == _STORED and not self.is_encrypted


class Archive:
    """An archive that was opened. `members` is in the directory's order, without folders. Errors: `Malformed`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        start, size, count = _directory(source)
        if count > MEMBERS_MAX or size > DIRECTORY_BYTES_MAX:
            raise Malformed(f"an archive of {count} members, more than {MEMBERS_MAX}, or too long a directory")
        self.members = _entries(source.read(start, size), count)
        self._named = {member.name: member for member in self.members}
        if len(self._named) != len(self.members):
            raise Malformed("two members have one name")
        self._after = _room(self.members, start)

    def __contains__(self, name: object) -> bool:
        return name in self._named

    def __getitem__(self, name: str) -> ZipMember:
        return self._named[name]

    def offset(self, member: ZipMember) -> int:
        """Where the bytes of a member begin. Errors: `Malformed` if the header before them says something else."""
        head = self._source.read(member.header, 30)
        if len(head) < 30 or head[:4] != _LOCAL:
            raise Malformed(f"{member.name!r:.80} is not where the directory says")
        method, name_length, extra_length = (int.from_bytes(head[at : at + 2], "little") for at in (8, 26, 28))
        raw = self._source.read(member.header + 30, name_length)
        if method != member.method or _name(raw, int.from_bytes(head[6:8], "little")) != member.name:
            raise Malformed(f"{member.name!r:.80} has another name or packing in its own header")
        start = member.header + 30 + name_length + extra_length
        if start + member.packed_size > self._after[member.name]:
            raise Malformed(f"{member.name!r:.80} lies over what follows it")
        return start

    def source(self, member: ZipMember, *, size_max: int) -> Source:
        """A member as a source: in place if it is stored, else its first `size_max` bytes. Errors: `Malformed`."""
        if member.is_stored:
            if member.size != member.packed_size:
                raise Malformed(f"{member.name!r:.80} is stored, and has two sizes")
            return Slice(self._source, self.offset(member), member.size)
        return BytesSource(self.read(member, size_max=size_max))

    def read(self, member: ZipMember, *, size_max: int) -> bytes:
        """The first `size_max` bytes of a member. Errors: `Malformed`."""
        if member.is_stored:
            return self.source(member, size_max=size_max).read(0, size_max)
        if member.is_encrypted or member.method != _DEFLATED:
            raise Malformed(f"{member.name!r:.80} is encrypted or packed in a way that is not read")
        packed = Slice(self._source, self.offset(member), member.packed_size)
        data = _inflated(packed, min(size_max, member.size + 1), member.name)
        if len(data) > member.size or (len(data) < member.size and len(data) < size_max):
            raise Malformed(f"{member.name!r:.80} is not {member.size} bytes long")
        return data


def _inflated(packed: Source, size_max: int, name: str) -> bytes:
    unpacker, out, at = zlib.decompressobj(-15), bytearray(), 0
    try:
        while not unpacker.eof and len(out) < size_max:
            piece = unpacker.unconsumed_tail or packed.read(at, 64 << 10)
            at += 0 if unpacker.unconsumed_tail else len(piece)
            before = len(out)
            out += unpacker.decompress(piece, size_max - len(out))
            if not piece and len(out) == before:
                break
    except zlib.error as error:
        raise Malformed(f"{name!r:.80} cannot be unpacked") from error
    return bytes(out)


def _directory(source: Source) -> tuple[int, int, int]:
    """Where the directory begins, how long it is, how many entries it has. Nothing may lie before the archive."""
    if source.read(0, 4) not in (_LOCAL, _END):
        raise Malformed("not a ZIP archive")
    start = max(0, source.size - _COMMENT_BYTES_MAX - 22)
    tail = source.read(start, source.size - start)
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < 22:
        raise Malformed("a ZIP archive without its end")
    disk, first, here, count, size, offset, comment = struct.unpack("<HHHHIIH", tail[place + 4 : place + 22])
    end = start + place
    if disk or first or here != count or end + 22 + comment != source.size:
        raise Malformed("a ZIP archive in parts, or with bytes after its end")
    locator = source.read(end - 20, 20) if end >= 20 else b""
    if locator[:4] == _LOCATOR:
        return _wide_directory(source, end - 20, int.from_bytes(locator[8:16], "little"), (offset, size, count))
    if _WIDE in (size, offset) or count == 0xFFFF:
        raise Malformed("a ZIP archive without the record of its large sizes")
    return _checked(offset, size, count, end)


def _wide_directory(source: Source, locator: int, place: int, narrow: tuple[int, int, int]) -> tuple[int, int, int]:
    """The same out of the record for large archives, which must not contradict the small one."""
    record = source.read(place, 56) if place + 56 <= locator else b""
    if record[:4] != _END64:
        raise Malformed("a ZIP archive whose record of large sizes is not there")
    count, total, size, offset = struct.unpack("<QQQQ", record[24:56])
    wide = (offset, size, count)
    for small, large, limit in zip(narrow, wide, (_WIDE, _WIDE, 0xFFFF), strict=True):
        if small not in (large, limit):
            raise Malformed("a ZIP archive whose two end records contradict each other")
    if count != total:
        raise Malformed("a ZIP archive in parts")
    return _checked(offset, size, count, place)


def _checked(offset: int, size: int, count: int, end: int) -> tuple[int, int, int]:
    if offset + size != end or count * 46 > size:
        raise Malformed("a ZIP archive whose directory is not where its end says")
    return offset, size, count


def _entries(raw: bytes, count: int) -> list[ZipMember]:
    found: list[ZipMember] = []
    at = 0
    for _ in range(count):
        if raw[at : at + 4] != _ENTRY or len(raw) - at < 46:
            raise Malformed("a ZIP archive whose directory is damaged")
        flags, method = struct.unpack_from("<HH", raw, at + 8)
        packed, size, name_length, extra_length, comment_length = struct.unpack_from("<IIHHH", raw, at + 20)
        header = int.from_bytes(raw[at + 42 : at + 46], "little")
        name = raw[at + 46 : at + 46 + name_length]
        extra = raw[at + 46 + name_length : at + 46 + name_length + extra_length]
        size, packed, header = _wide_sizes(extra, size, packed, header)
        at += 46 + name_length + extra_length + comment_length
        if not name.endswith(b"/"):
            found.append(
                ZipMember(
                    name=_name(name, flags), size=size, packed_size=packed, method=method, header=header,
                    is_encrypted=bool(flags & _ENCRYPTED),
                )
            )  # fmt: skip
    if at != len(raw):
        raise Malformed("a ZIP archive whose directory is longer than its entries")
    return found


def _name(raw: bytes, flags: int) -> str:
    if len(raw) > NAME_LENGTH_MAX:
        raise Malformed(f"a member with a name of {len(raw)} bytes")
    return raw.decode("utf-8" if flags & _UTF8 else "cp437", "backslashreplace")


def _wide_sizes(extra: bytes, size: int, packed: int, header: int) -> tuple[int, int, int]:
    """The sizes out of the extra field for large members, in their fixed order, where the small ones are full."""
    at, values = 0, b""
    while at + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, at)
        if tag == 1:
            values = extra[at + 4 : at + 4 + length]
            break
        at += 4 + length
    found = [size, packed, header]
    for place, value in enumerate(found):
        if value == _WIDE:
            if len(values) < 8:
                raise Malformed("a member without the record of its large sizes")
            found[place], values = int.from_bytes(values[:8], "little"), values[8:]
    return found[0], found[1], found[2]


def _room(members: Sequence[ZipMember], end: int) -> dict[str, int]:
    """Where what follows each member begins. Members that share bytes are how a small archive unpacks to a huge one."""
    ordered = sorted(members, key=lambda member: member.header)
    after = [member.header for member in ordered[1:]] + [end] * bool(ordered)
    for member, start in zip(ordered, after, strict=True):
        if member.header + 30 + member.packed_size > start:
            raise Malformed(f"{member.name!r:.80} lies over what follows it")
    return {member.name: start for member, start in zip(ordered, after, strict=True)}
