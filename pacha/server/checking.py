"""Looks at packs and indexes before anybody else sees them: every record is decoded and has the id that it claims (I5).

A record that is a difference to another, its base, is decoded once the base is there: at the latest when a log entry
makes its pack count.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pacha.base.errors import Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.objects.types import Link, ObjectType, Storage, type_named
from pacha.remotes.sending import PART_RECORDS_MAX
from pacha.server.asking import Unacceptable
from pacha.store.chains import DEPTH_MAX
from pacha.store.codec import Codecs
from pacha.store.pack import PackFile, check_id, check_stored
from pacha.store.packindex import PackIndex, Row
from pacha.store.record import RecordHeader

#: A table of so many records takes some 60 MiB of memory; `push` makes packs of half as many at most.
PACK_RECORDS_MAX = 2 * PART_RECORDS_MAX
#: Where a record lies, opened.
Place = tuple[PackFile, int, RecordHeader]
#: Finds the record of an object, or nothing.
Find = Callable[[ObjectId], Place | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What the headers of a pack say: the rows of its index, its storage classes, and the bases that it lacks."""

    rows: tuple[Row, ...]
    storages: frozenset[Storage]
    foreign: tuple[int, ...]


def table_of(pack: PackFile) -> Table:
    """Reads the headers of a pack and checks that they make up its id. Errors: `Unacceptable`, `MachineFailed`."""
    rows: list[Row] = []
    storages: set[Storage] = set()
    with_base: list[tuple[int, ObjectId]] = []
    for offset, header in _scan(pack):
        if len(rows) == PACK_RECORDS_MAX:
            raise Unacceptable(f"a pack holds more than {PACK_RECORDS_MAX} records")
        rows.append(Row(header.id, offset, header.stored_length, header.plain_length, header.type, header.codec))
        storages.add(_type(header).storage)
        if header.base is not None:
            with_base.append((offset, header.base))
    here = {row.id for row in rows}
    if not rows:
        raise Unacceptable("a pack holds no record")
    return Table(
        rows=tuple(rows),
        storages=frozenset(storages),
        foreign=tuple(offset for offset, base in with_base if base not in here),
    )


def check_pack(pack: PackFile) -> Table:
    """Decodes every record whose bases are in the pack. Errors: `Unacceptable` with what is wrong."""
    table = table_of(pack)
    offsets = {row.id: row.offset for row in table.rows}

    def find(id: ObjectId) -> Place | None:
        at = offsets.get(id)
        return None if at is None else (pack, at, pack.header_at(at))

    left = set(table.foreign)
    codecs = Codecs()
    for row in table.rows:
        if row.offset not in left:
            check_record(codecs, (pack, row.offset, pack.header_at(row.offset)), find)
    return table


def check_record(codecs: Codecs, place: Place, find: Find) -> bytes:
    """Decodes one record, and its bases, and returns its bytes. Errors: `Unacceptable`."""
    header = place[2]
    try:
        plain = _plain(codecs, place, find, depth=0)
        check_id(header, plain, "")
        kind = _type(header)
        if not kind.is_leaf or kind.storage is Storage.META:
            kind.decode(bytes(plain))
        return bytes(plain)
    except Unacceptable:
        raise
    except PachaError as error:
        raise Unacceptable(f"{header.type}:{header.id}: {_without_path(error.message, place[0])}") from error


def _plain(codecs: Codecs, place: Place, find: Find, *, depth: int) -> bytes | memoryview:
    pack, offset, header = place
    _, payload = pack.record_at(offset, header.stored_length)
    check_stored(header, payload, "")
    codec = codecs.numbered(header.codec)
    if header.base is None:
        return codec.decode(payload, header.plain_length)
    base = find(header.base) if depth < DEPTH_MAX else None
    if base is None:
        raise Unacceptable(f"{header.type}:{header.id} is a difference to {header.base.short}, which is not there")
    return codec.decode(payload, header.plain_length, base=_plain(codecs, base, find, depth=depth + 1))


def check_rows(index: PackIndex, pack: ObjectId, rows: Sequence[Row]) -> None:
    """Checks that an index says of a pack all that it holds. That it says no more, its number of rows must show.

    Errors: `Unacceptable`.
    """
    for row in rows:
        true = (pack, row.offset, row.stored_length, row.plain_length, row.type, row.codec)
        for place in index.find(row.id):
            told = (place.pack, place.offset, place.stored_length, place.plain_length, place.type, place.codec)
            if told == true:
                break
        else:
            raise Unacceptable(f"an index says something else of {row.id.short} than its pack")


def meta_links(type_name: str, data: bytes) -> Iterator[Link]:
    """The META that an object of META names."""
    kind = type_named(type_name)
    for link in kind.references(kind.decode(data)):
        if type_named(link.type).storage is Storage.META:
            yield link


def _scan(pack: PackFile) -> Iterator[tuple[int, RecordHeader]]:
    try:
        yield from pack.scan()
    except Corrupt as error:
        raise Unacceptable(f"not a whole pack: {_without_path(error.message, pack)}") from error


def _type(header: RecordHeader) -> ObjectType:
    try:
        return type_named(header.type)
    except PachaError as error:
        raise Unacceptable(f"a pack holds a record of the type {header.type!r}, which is not known") from error


def _without_path(message: str, pack: PackFile) -> str:
    """What is wrong, without where it lies on this machine."""
    return message.replace(f"{pack.path}: ", "").removeprefix(": ")
