"""Reading single records, and whole packs, from a remote, with what they are a difference to: to check, not to install."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.errors import Corrupt
from pacha.base.ids import DIGEST_BYTES, Hasher, ObjectId, hash_bytes
from pacha.objects.types import Link, type_named, type_names
from pacha.remotes.holdings import BrokenRemote, Holdings
from pacha.remotes.keys import pack_key
from pacha.remotes.remote import BadAnswer, NoSuchKey
from pacha.store.chains import plain_of
from pacha.store.codec import Codecs
from pacha.store.pack import FOOTER_BYTES, MAGIC, check_stored, encode_footer
from pacha.store.packindex import Location, Row
from pacha.store.record import HEADER_BYTES, RecordHeader, decode_header

#: So much of a pack is asked for at a time while all of it is read.
AHEAD_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class ScannedRecord:
    """A record as it lies in a pack, with its stored bytes, which are not yet checked."""

    offset: int
    header: RecordHeader
    payload: memoryview

    def row(self) -> Row:
        """Its line in an index."""
        header = self.header
        return Row(header.id, self.offset, header.stored_length, header.plain_length, header.type, header.codec)


class RemoteRecords:
    """The records of a remote, as a chain of bases is followed through them (`store.chains.Records`)."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._local = threading.local()

    def copies(self, id: ObjectId) -> list[Location]:
        """Every place of an object, in no order."""
        return self._holdings.locate(id)

    def record(self, place: Location) -> tuple[RecordHeader, memoryview]:
        """A record's header, checked, and its stored bytes, not yet checked. Errors: `BrokenRemote`, those of `Remote`."""
        data = self._read(place, HEADER_BYTES + DIGEST_BYTES + place.stored_length)
        header = self._header(place, data)
        payload = memoryview(data)[header.size : header.size + header.stored_length]
        if len(payload) != header.stored_length:
            raise BrokenRemote(f"{self._where(place)}: the record is cut short")
        return header, payload

    def header(self, place: Location) -> RecordHeader:
        """A record's header, checked. Errors: `BrokenRemote`, those of `Remote`."""
        return self._header(place, self._read(place, HEADER_BYTES + DIGEST_BYTES))

    def codecs(self) -> Codecs:
        """The codecs of this thread."""
        codecs: Codecs | None = getattr(self._local, "codecs", None)
        if codecs is None:
            codecs = self._local.codecs = Codecs()
        return codecs

    def read(self, link: Link) -> bytes | None:
        """An object's bytes, checked against its id; None where the remote does not have it. Tries every copy.

        Errors: `BrokenRemote`, those of `Remote`.
        """
        failure: Corrupt | None = None
        for place in self.copies(link.id):
            if place.plain_length > type_named(link.type).size_max:
                failure = BrokenRemote(f"{self._where(place)}: {link} is larger than its type may be")
                continue
            try:
                header, payload = self.record(place)
                plain = self.plain(header, payload, self._where(place))
            except Corrupt as error:
                failure = error
                continue
            if header.id == link.id and header.type == link.type:
                return bytes(plain)
            failure = BrokenRemote(f"{self._where(place)}: an index names {link} where something else lies")
        if failure is not None:
            raise failure
        return None

    def plain(self, header: RecordHeader, payload: memoryview, where: str) -> bytes | memoryview:
        """Decodes a record and checks it against its id. Errors: `Corrupt` family, those of `Remote`."""
        if header.type not in type_names():
            raise BrokenRemote(f"{where}: a record of type {header.type!r}")
        check_stored(header, payload, where)
        plain = plain_of(self, header, payload)
        if hash_bytes(plain) != header.id:
            raise BrokenRemote(f"{where}: the bytes of {header.type}:{header.id} do not have that id")
        return plain

    def _read(self, place: Location, length: int) -> bytes:
        key = pack_key(place.pack)
        room = self._holdings.size_of(place.pack) - FOOTER_BYTES - place.offset
        if room <= 0:
            raise BrokenRemote(f"{self._where(place)}: an index names a place beyond the end")
        try:
            return self._holdings.remote.get_range(key, place.offset, min(length, room))
        except (NoSuchKey, BadAnswer) as error:
            raise BrokenRemote(f"{self._holdings.remote.url}: {key}: {error.message}", key=key) from error

    def _header(self, place: Location, data: bytes) -> RecordHeader:
        try:
            return decode_header(data)
        except Corrupt as error:
            raise BrokenRemote(f"{self._where(place)}: {error.message}") from error

    def _where(self, place: Location) -> str:
        return f"{self._holdings.remote.url}: {pack_key(place.pack)} at {place.offset}"


class _Stream:
    """A pack from its start to its end, asked for in large pieces. Memory: a piece, or the largest record."""

    def __init__(self, holdings: Holdings, pack: ObjectId) -> None:
        self._remote = holdings.remote
        self._key = pack_key(pack)
        self._held = memoryview(b"")
        self._next = 0
        self.size = holdings.size_of(pack)

    @property
    def at(self) -> int:
        """Where the next byte comes from."""
        return self._next - len(self._held)

    def look(self, length: int) -> memoryview:
        """The next bytes, fewer at the end, without going on."""
        if len(self._held) < length and self._next < self.size:
            more = min(max(length - len(self._held), AHEAD_BYTES), self.size - self._next)
            data = bytes(self._held) + self._remote.get_range(self._key, self._next, more)
            self._held, self._next = memoryview(data), self._next + more
        return self._held[:length]

    def take(self, length: int) -> memoryview:
        """The next bytes."""
        found = self.look(length)
        self._held = self._held[length:]
        return found


def scan_pack(holdings: Holdings, pack: ObjectId) -> Iterator[ScannedRecord]:
    """Reads all of a pack: every record in order; its beginning and its footer are checked.

    Errors: `BrokenRemote`, and those of `Remote` where it cannot be asked.
    """
    where = f"{holdings.remote.url}: {pack_key(pack)}"
    try:
        yield from _scan(_Stream(holdings, pack), pack)
    except (NoSuchKey, BadAnswer, Corrupt) as error:
        text = error.message if error.message.startswith(holdings.remote.url) else f"{where}: {error.message}"
        raise BrokenRemote(text, key=pack_key(pack)) from error


def _scan(stream: _Stream, pack: ObjectId) -> Iterator[ScannedRecord]:
    hasher = Hasher()
    hasher.update(MAGIC)
    if stream.size < len(MAGIC) + FOOTER_BYTES or stream.take(len(MAGIC)) != MAGIC:
        raise BrokenRemote("not a pack")
    count, end = 0, stream.size - FOOTER_BYTES
    while stream.at < end:
        offset = stream.at
        header = decode_header(stream.look(min(HEADER_BYTES + DIGEST_BYTES, end - offset)))
        if offset + header.size + header.stored_length > end:
            raise BrokenRemote(f"the record at {offset} is cut short")
        hasher.update(stream.take(header.size))
        yield ScannedRecord(offset, header, stream.take(header.stored_length))
        count += 1
    if stream.take(FOOTER_BYTES) != encode_footer(count, hasher.id()) or hasher.id() != pack:
        raise BrokenRemote(f"the footer does not match the {count} records before it")
