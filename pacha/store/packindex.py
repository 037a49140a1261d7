"""Where each record lies: a sorted table over one pack (`.idx`) or over many (`multi.idx`). Derived, may be deleted.

Shape of the file: magic, counts, pack ids, type names, a fan-out of 256 counts by first byte, rows sorted by id, and
the BLAKE3 of all that. Rows of one id may repeat: each pack that has it has a row.
Source: docs/format.md, "Pack index".
"""

import mmap
import struct
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from pacha.base.errors import Corrupt
from pacha.base.ids import DIGEST_BYTES, ObjectId, hash_bytes
from pacha.store.record import TYPE_NAME_BYTES

MAGIC = b"PACHIDX1"
_COUNTS = struct.Struct("<QII")
#: Sorted as bytes, rows sort by id; pack number, offset and lengths follow.
ROW = struct.Struct("<32sIQIIBB2x")
_FANOUT = struct.Struct("<256Q")
#: Up to this size the checksum is checked at each opening (1 ms); above, only by fsck.
CHECKED_BYTES_MAX = 8 << 20


class BadIndex(Corrupt):
    """An index file is damaged. It is derived: whoever meets this rebuilds it."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a record lies. Units: bytes."""

    pack: ObjectId
    offset: int
    stored_length: int
    plain_length: int
    type: str
    codec: int


@dataclass(frozen=True, slots=True)
class Row:
    """A record of a pack that is being indexed."""

    id: ObjectId
    offset: int
    stored_length: int
    plain_length: int
    type: str
    codec: int


def encode_index(packs: Sequence[tuple[ObjectId, Iterable[Row]]]) -> bytes:
    """Builds the index of some packs."""
    names: list[str] = []
    numbers: dict[str, int] = {}
    rows: list[bytes] = []
    for pack_number, (_, pack_rows) in enumerate(packs):
        for row in pack_rows:
            number = numbers.get(row.type)
            if number is None:
                number = numbers[row.type] = len(names)
                names.append(row.type)
            rows.append(
                ROW.pack(row.id.raw, pack_number, row.offset, row.stored_length, row.plain_length, number, row.codec)
            )
    return _assemble([pack for pack, _ in packs], names, rows)


def merge_indexes(indexes: Sequence["PackIndex"], *, live: Set[ObjectId]) -> bytes:
    """Builds one index over those packs of several that are `live`, without looking at the packs."""
    packs: list[ObjectId] = []
    names: list[str] = []
    rows: list[bytes] = []
    for index in indexes:
        pack_numbers = {}
        for number, pack in enumerate(index.packs):
            if pack in live:
                pack_numbers[number] = len(packs)
                packs.append(pack)
        if not all(map(str.isascii, index.types)):
            raise BadIndex("a pack index lists a type that has no name")
        names.extend(name for name in index.types if name not in names)
        types = [names.index(name) for name in index.types]
        if (
            types == list(range(len(types)))
            and all(old == new for old, new in pack_numbers.items())
            and (len(pack_numbers) == len(index.packs))
        ):
            rows.extend(index.raw_rows())
            continue
        for raw in index.raw_rows():
            ident, pack_number, offset, stored, plain, kind, codec = ROW.unpack(raw)
            if pack_number in pack_numbers:
                if kind >= len(types):
                    raise BadIndex("a pack index names a type that it does not list")
                rows.append(ROW.pack(ident, pack_numbers[pack_number], offset, stored, plain, types[kind], codec))
    return _assemble(packs, names, rows)


def _assemble(packs: Sequence[ObjectId], names: Sequence[str], rows: list[bytes]) -> bytes:
    rows.sort()
    counts = [0] * 256
    for row in rows:
        counts[row[0]] += 1
    total = 0
    fanout = []
    for count in counts:
        total += count
        fanout.append(total)
    body = b"".join(
        [
            MAGIC,
            _COUNTS.pack(len(rows), len(packs), len(names)),
            *(pack.raw for pack in packs),
            *(name.encode("ascii").ljust(TYPE_NAME_BYTES, b"\0") for name in names),
            _FANOUT.pack(*fanout),
            *rows,
        ]
    )
    return body + hash_bytes(body).raw


class PackIndex:
    """An index in memory or mapped. Errors: `BadIndex` at birth if a byte of a small one is wrong.

    A large one is not read whole at each start: a wrong row is found when the record's own header does not agree.
    """

    __slots__ = ("_data", "_fanout", "_ids", "_rows_at", "count", "packs", "types")

    def __init__(self, data: bytes | mmap.mmap) -> None:
        head = len(MAGIC) + _COUNTS.size
        if len(data) < head + _FANOUT.size + DIGEST_BYTES or data[: len(MAGIC)] != MAGIC:
            raise BadIndex("not a pack index")
        if len(data) <= CHECKED_BYTES_MAX:
            self._check(data)
        self.count, pack_count, type_count = _COUNTS.unpack_from(data, len(MAGIC))
        types_at = head + pack_count * DIGEST_BYTES
        fanout_at = types_at + type_count * TYPE_NAME_BYTES
        self._rows_at = fanout_at + _FANOUT.size
        if len(data) != self._rows_at + self.count * ROW.size + DIGEST_BYTES:
            raise BadIndex("a pack index has another length than it promises")
        self.packs = [ObjectId(data[at : at + DIGEST_BYTES]) for at in range(head, types_at, DIGEST_BYTES)]
        self.types = [
            data[at : at + TYPE_NAME_BYTES].rstrip(b"\0").decode("ascii", "replace")
            for at in range(types_at, fanout_at, TYPE_NAME_BYTES)
        ]
        self._fanout = (0, *_FANOUT.unpack_from(data, fanout_at))
        self._data = data
        self._ids = _Ids(data, self._rows_at)

    @staticmethod
    def _check(data: bytes | mmap.mmap) -> None:
        with memoryview(data) as view, view[:-DIGEST_BYTES] as body:
            if hash_bytes(body).raw != bytes(view[-DIGEST_BYTES:]):
                raise BadIndex("a pack index does not match its checksum")

    def raw_rows(self) -> Iterator[bytes]:
        """Yields every row's bytes in order."""
        for at in range(self._rows_at, self._rows_at + self.count * ROW.size, ROW.size):
            yield self._data[at : at + ROW.size]

    def ids(self) -> Iterator[ObjectId]:
        """Yields every id in order, once for each pack that has it."""
        for at in range(self._rows_at, self._rows_at + self.count * ROW.size, ROW.size):
            yield ObjectId(self._data[at : at + DIGEST_BYTES])

    def rows(self) -> Iterator[tuple[ObjectId, Location]]:
        """Yields every record with its place."""
        for raw in self.raw_rows():
            yield ObjectId(raw[:DIGEST_BYTES]), self._location(raw)

    def has(self, id: ObjectId) -> bool:
        """Tells whether any pack of this index holds the id."""
        raw = id.raw
        at = bisect_left(self._ids, raw, self._fanout[raw[0]], self._fanout[raw[0] + 1])
        return at < self.count and self._ids[at] == raw

    def find(self, id: ObjectId) -> list[Location]:
        """Returns every place of an id."""
        raw = id.raw
        at = bisect_left(self._ids, raw, self._fanout[raw[0]], self._fanout[raw[0] + 1])
        found = []
        while at < self.count and self._ids[at] == raw:
            start = self._rows_at + at * ROW.size
            found.append(self._location(self._data[start : start + ROW.size]))
            at += 1
        return found

    def starting_with(self, prefix: str) -> list[ObjectId]:
        """Returns the ids whose digits start with `prefix` (at least two digits)."""
        low = bytes.fromhex(prefix.ljust(64, "0"))
        at = bisect_left(self._ids, low, 0, self.count)
        found: list[ObjectId] = []
        while at < self.count and self._ids[at].hex().startswith(prefix):
            id = ObjectId(self._ids[at])
            if not found or found[-1] != id:
                found.append(id)
            at += 1
        return found

    def _location(self, raw: bytes) -> Location:
        _, pack, offset, stored, plain, kind, codec = ROW.unpack(raw)
        if pack >= len(self.packs) or kind >= len(self.types):
            raise BadIndex("a pack index names a pack that it does not list")
        return Location(self.packs[pack], offset, stored, plain, self.types[kind], codec)


class _Ids:
    """The ids of the rows as a sequence that `bisect` can search without making a list of them."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes | mmap.mmap, at: int) -> None:
        self._data = data
        self._at = at

    def __len__(self) -> int:
        return (len(self._data) - self._at - DIGEST_BYTES) // ROW.size

    def __getitem__(self, number: int) -> bytes:
        start = self._at + number * ROW.size
        return self._data[start : start + DIGEST_BYTES]
