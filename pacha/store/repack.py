"""Packs written anew: records by better encodings and nearer bases, many packs into few. No id ever changes.

New packs are durable and read back, with the old ones hidden, before an old one is set aside by `retire`; nothing is
removed here. Source: docs/format.md, "Bases"; docs/decisions/0034-repack.md.

Longer than most modules: what is encoded anew, copied and read back is one argument.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from pacha.base.errors import Absent, Busy, Corrupt, PachaError
from pacha.base.files import NoSuchFile
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.progress import Progress
from pacha.objects.types import Link
from pacha.store.chains import Base, Records, plain_of
from pacha.store.codec import Codecs
from pacha.store.data import DataStore
from pacha.store.forest import Forest, choose_copies
from pacha.store.merge import SMALL_PACK_BYTES_MAX, checked_records
from pacha.store.pack import PackFile
from pacha.store.packindex import Location
from pacha.store.packwriter import PackWriter, is_worth
from pacha.store.record import RecordHeader, checksum_of

#: Records are handed to the workers so many at a time: each is held in memory with its bases.
RECORDS_PER_TURN = 16


_Item = TypeVar("_Item")
_Done = TypeVar("_Done")


class CannotRepack(Corrupt):
    """The store is damaged where packs would be removed; nothing is."""


class PacksMoved(Busy):
    """Another process moved packs that were being read."""

    def __init__(self) -> None:
        super().__init__(
            "nothing is stored anew: another process moved packs meanwhile",
            hint="run it again; if it says so again, `pacha gc` first",
        )


@contextmanager
def still(store: DataStore, packs: Set[ObjectId]) -> Iterator[None]:
    """For what reads some packs. Errors: `PacksMoved` where it may be for that alone that something was not found."""
    before = _stamps(store)
    try:
        yield
    except NoSuchFile as error:
        raise PacksMoved from error
    except (Corrupt, Absent) as error:
        after = _stamps(store)
        if all(pack in after and before.get(pack) == after[pack] for pack in packs):
            raise
        raise PacksMoved from error


def _stamps(store: DataStore) -> dict[ObjectId, tuple[int, int]]:
    """What changes when a pack is moved, and when it is brought back."""
    store.refresh()
    states = ((pack, store.root.stat(path)) for pack, path in store.packs().items())
    return {pack: (state.st_mtime_ns, state.st_ctime_ns) for pack, state in states if state is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a record holds, and what it probably resembles. `is_due`: it must leave its base even if it grows."""

    element: str
    near: ObjectId | None = None
    is_due: bool = False


@dataclass(slots=True, kw_only=True)
class Held:
    """The records of a store before anything is written: the copy of each that counts, and what rests on what."""

    places: dict[ObjectId, Location]
    forest: Forest

    @staticmethod
    def of(store: DataStore) -> "Held":
        """Looks at every record's place. Errors: `CannotRepack` if a chain does not end, `PacksMoved` if it may yet."""
        endless = store.endless()
        if endless:
            if any(store.ids_in(path, pack) & endless for pack, path in store.trashed().items()):
                raise PacksMoved
            first = min(endless, key=lambda id: id.raw)
            raise CannotRepack(
                f"nothing is written anew: {len(endless)} records cannot be read, {first.short} among them",
                object=first.hex,
            )
        places, forest = choose_copies((id, place, store.bases_at(place)) for id, place in store.records())
        return Held(places=places, forest=forest)


@dataclass(frozen=True, slots=True)
class _Anew:
    """The store as the writer of new packs sees it: with what rests on what once they are there."""

    store: DataStore
    held: Held

    def holds(self, id: ObjectId) -> ObjectId | None:
        """None: everything is written."""
        del id
        return None

    def places(self, ids: Iterable[ObjectId]) -> dict[ObjectId, ObjectId]:
        """A pack that holds each object, for those that are stored."""
        return self.store.places(ids)

    def has_packs(self, packs: Iterable[ObjectId]) -> bool:
        """Tells whether all of some packs are in their places."""
        return self.store.has_packs(packs)

    def bases_for(self, nearest: ObjectId, length: int) -> Sequence[Base]:
        """None: they are chosen for the record, not for what it is near to."""
        del nearest, length
        return ()

    def depth_of(self, id: ObjectId) -> int | None:
        """How many bases an object will have."""
        return len(self.held.forest.line(id)) - 1


def writer_of(store: DataStore, held: Held, *, on_claim: Callable[[ObjectId], None] | None = None) -> PackWriter:
    """Begins packs that are written anew; without `on_claim`, only to tell what records would take."""
    store.refresh()
    return PackWriter(store.root, folder=store.folder, present=_Anew(store, held), on_claim=on_claim)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Packs to be written anew, and wishes for records, those that others resemble first, level by level.

    No wish is for a record that another of its level is near to.
    """

    packs: frozenset[ObjectId]
    levels: Sequence[Mapping[ObjectId, Wish]] = ()
    #: What nothing may rest on any more.
    shunned: frozenset[ObjectId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """New packs that hold all of the replaced ones, read back. Units: bytes of whole packs.

    With a `fault` they were not read back: it is the new ones that are replaced, by what is there.
    """

    packs: tuple[ObjectId, ...] = ()
    replaced: frozenset[ObjectId] = frozenset()
    fault: PachaError | None = None
    reencoded: frozenset[ObjectId] = frozenset()
    size: int = 0


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record as it would be stored anew."""

    codec: int
    stored: bytes | memoryview
    base: ObjectId | None


class Encoder:
    """Encodes records by the rule of an ingest, on what they may rest on in the forest. Any thread may use it."""

    def __init__(self, store: DataStore, held: Held, writer: PackWriter, shunned: Set[ObjectId] = frozenset()) -> None:
        self._store = store
        self._held = held
        self._writer = writer
        self._shunned = shunned

    def is_open(self, id: ObjectId, wish: Wish) -> bool:
        """Tells whether a record could be stored better: it is no difference yet, and not as good as it can be."""
        place = self._held.places.get(id)
        if place is None or place.type != "blob":
            return False
        if wish.is_due:
            return True
        if self._held.forest.base_of(id) is not None:
            return False
        return self._writer.is_plain(place.codec) or bool(self._line(id, wish, place))

    def encode(self, id: ObjectId, wish: Wish) -> Encoded | None:
        """The record anew, if that wins by the margin or is due. Errors: `Corrupt`, `Absent`."""
        place = self._held.places[id]
        plain = self._store.read(Link(place.type, id))
        bases = [
            Base(base, depth, self._store.read(Link(place.type, base)))
            for depth, base in enumerate(self._line(id, wish, place))
        ]
        codec, stored, base = self._writer.encode(plain, wish.element, bases)
        if not wish.is_due and not is_worth(len(stored), place.stored_length):
            return None
        return Encoded(codec, stored, base)

    def _line(self, id: ObjectId, wish: Wish, place: Location) -> tuple[ObjectId, ...]:
        if wish.near is None:
            return ()
        line = self._held.forest.room(id, wish.near)
        places = [self._held.places.get(base) for base in line]
        is_like = all(other is not None and other.plain_length == place.plain_length for other in places)
        return line if is_like and not self._shunned & {*line} else ()


def rewrite(
    store: DataStore,
    held: Held,
    task: Rewrite,
    *,
    on_claim: Callable[[ObjectId], None],
    workers: int,
    progress: Progress,
) -> Rewritten:
    """Writes new packs with every record of some packs, and reads them back. Removes nothing.

    Errors: `PacksMoved`, and `Corrupt` if a record cannot be read: then nothing was written.
    Crash: packs that hold what others hold too; the next repack takes the smaller copies.
    """
    planned = {place.pack for place in held.places.values()}
    with writer_of(store, held, on_claim=on_claim) as writer, ThreadPoolExecutor(max(1, workers)) as pool:
        with still(store, planned):
            bases = dict(_encode_all(store, held, task, writer, pool, progress))
            for pack in sorted(task.packs):
                _copy(store, held, pack, bases.keys(), writer, progress)
        receipt = writer.close()
        # A pack that comes out as it was has the same name, and stays.
        new, old = {*receipt.packs} - planned, task.packs - {*receipt.packs}
        try:
            with still(store, planned | new):
                _read_back(store, held, old, receipt.packs, bases.keys(), pool)
        except PachaError as fault:
            return Rewritten(replaced=frozenset(new), fault=fault)
    sizes = [store.root.stat(f"{store.folder}/{pack}.pack") for pack in receipt.packs]
    return Rewritten(
        packs=receipt.packs,
        replaced=old,
        reencoded=frozenset(bases),
        size=sum(state.st_size for state in sizes if state is not None),
    )


def _encode_all(
    store: DataStore, held: Held, task: Rewrite, writer: PackWriter, pool: ThreadPoolExecutor, progress: Progress
) -> Iterator[tuple[ObjectId, ObjectId | None]]:
    """Stores what wins anew, level by level: what a record is based on is settled by then. Yields each with its base."""
    encoder = Encoder(store, held, writer, task.shunned)
    for level in task.levels:
        wishes = {
            id: wish
            for id, wish in level.items()
            if (place := held.places.get(id)) is not None and place.pack in task.packs and encoder.is_open(id, wish)
        }

        def encode(item: tuple[ObjectId, Wish]) -> tuple[ObjectId, Encoded | None]:
            return item[0], encoder.encode(*item)

        for id, found in _in_turns(pool, encode, wishes.items()):
            progress.advance(held.places[id].stored_length)
            if found is None:
                continue
            header = _header(id, held.places[id], found)
            writer.add_stored(header, memoryview(found.stored))
            held.forest.rest(id, found.base)
            yield id, found.base


def _in_turns(pool: ThreadPoolExecutor, work: Callable[[_Item], _Done], items: Iterable[_Item]) -> Iterator[_Done]:
    """What comes of each item, in order. While an answer is looked at, no worker is at work."""
    turn: list[_Item] = []
    for item in items:
        turn.append(item)
        if len(turn) == RECORDS_PER_TURN:
            yield from list(pool.map(work, turn))
            turn = []
    yield from list(pool.map(work, turn))


def _header(id: ObjectId, place: Location, found: Encoded) -> RecordHeader:
    return RecordHeader(
        type=place.type,
        codec=found.codec,
        plain_length=place.plain_length,
        stored_length=len(found.stored),
        id=id,
        checksum=checksum_of(found.stored),
        base=found.base,
    )


def _copy(
    store: DataStore, held: Held, pack: ObjectId, done: Set[ObjectId], writer: PackWriter, progress: Progress
) -> None:
    """Copies what is not stored anew as it is; of an object that lies twice, the copy that counts.

    Errors: `CannotRepack`, `BadChecksum`, `NoSuchFile`.
    """
    for header, payload in checked_records(store.pack(pack)):
        place = held.places.get(header.id)
        if place is None:
            raise CannotRepack(f"nothing is written anew: pack {pack.short} holds {header.id.short}, unlike its index")
        is_chosen = place.pack == pack and header.base == held.forest.base_of(header.id)
        if header.id not in done and is_chosen:
            writer.add_stored(header, payload)
            progress.advance(header.stored_length)


# -- reading back ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Without:
    """A store as if some packs were gone already (I9)."""

    store: DataStore
    hidden: Set[ObjectId]

    def copies(self, id: ObjectId) -> list[Location]:
        """Every place of an object that is not hidden."""
        return [place for place in self.store.copies(id) if place.pack not in self.hidden]

    def record(self, place: Location) -> tuple[RecordHeader, memoryview]:
        """A record's header and its stored bytes."""
        return self.store.record(place)

    def header(self, place: Location) -> RecordHeader:
        """A record's header."""
        return self.store.header(place)

    def codecs(self) -> Codecs:
        """The codecs of this thread."""
        return self.store.codecs()


def _read_back(
    store: DataStore,
    held: Held,
    old: Set[ObjectId],
    new: Sequence[ObjectId],
    reencoded: Set[ObjectId],
    pool: ThreadPoolExecutor,
) -> None:
    """Reads the new packs with the old ones hidden: all stored bytes, and what was encoded anew down to its id.

    What others stored meanwhile may rest on an old pack, and is looked at before that is set aside.
    Errors: `CannotRepack`, `NoSuchFile`.
    """
    without: Records = _Without(store, old)

    def is_sound(record: tuple[RecordHeader, memoryview]) -> bool:
        header, payload = record
        return header.id not in reencoded or hash_bytes(plain_of(without, header, payload)) == header.id

    try:
        copies = [PackFile(store.root, f"{store.folder}/{pack}.pack", pack) for pack in new]
        is_whole = all(all(_in_turns(pool, is_sound, checked_records(copy))) for copy in copies)
        cause = None
    except Corrupt as error:
        is_whole, cause = False, error
    if not is_whole or held.places.keys() & store.endless(hidden=old, expected=held.places.keys()):
        raise CannotRepack(
            "what was written anew could not be read back; every pack is where it was",
            hint="run it again; if it says so again, `pacha fsck` names all damage",
        ) from cause


def plan_merging(sizes: Mapping[ObjectId, int]) -> list[ObjectId]:
    """The small packs that become one: the fewest such that each that is left is twice as large as all below it.

    >>> one, two, three = (ObjectId(bytes([n]) * 32) for n in range(3))
    >>> plan_merging({one: 100, two: 150, three: 900}) == [one, two], plan_merging({one: 100, two: 900})
    (True, [])
    """
    small = sorted((size, id) for id, size in sizes.items() if size <= SMALL_PACK_BYTES_MAX)
    total, chosen = 0, 0
    for number, (size, _) in enumerate(small):
        if number and size < 2 * total:
            chosen = number + 1
        total += size
    return [id for _, id in small[:chosen]]
