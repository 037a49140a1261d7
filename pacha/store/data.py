"""DATA objects in packs: finding, reading and adding them.

Readers never lock. A pack that a merge or gc took away while it was looked up is looked up again; one that lies in
the trash is still read, and brought back where this process may write.

Longer than most modules: reading, looking again and the trash share one lock.
"""

import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress

from pacha.base.errors import Absent, Corrupt
from pacha.base.files import NoSuchFile, NotRegular, Root
from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.store.chains import BadBase, Base, base_candidates, chain, depths, plain_of, settled_line
from pacha.store.codec import Codecs
from pacha.store.pack import HashMismatch, PackFile, check_id, check_stored, naming_record
from pacha.store.packindex import BadIndex, Location, PackIndex, encode_index
from pacha.store.packwriter import PackWriter
from pacha.store.record import RecordHeader

PACK_FOLDER = "objects/pack"
TRASH_FOLDER = "local/trash"
MULTI_INDEX = "multi.idx"
#: Packs kept open at once; more would run into the usual limit of 1,024 files a process.
OPEN_PACKS_MAX = 64
#: So often is looked again while packs move: a merge takes longer than a look at the headers.
LOOKS_MAX = 8


class ObjectAbsent(Absent):
    """An object is named, and its bytes are not in this store."""

    def __init__(self, link: Link) -> None:
        super().__init__(f"the bytes of {link} are not here", object=str(link))


class WrongType(Corrupt):
    """An object is stored as another type than the link says."""


class DataStore:
    """The packs below one root. `damaged` names the packs that cannot be read at all, with the reason."""

    def __init__(self, root: Root, *, folder: str = PACK_FOLDER, trash: str = TRASH_FOLDER) -> None:
        self.root = root
        self.folder = folder
        self.trash = trash
        self.damaged: dict[ObjectId, Corrupt] = {}
        self._lock = threading.RLock()
        self._local = threading.local()
        #: The codecs of writers: apart from those of readers, whose buffers may hold a base meanwhile.
        self._writing = threading.local()
        self._paths: dict[ObjectId, str] | None = None
        self._indexes: list[PackIndex] = []
        self._trashed: list[PackIndex] | None = None
        self._own: dict[ObjectId, PackIndex] = {}
        self._multi: tuple[tuple[int, int], PackIndex] | None = None
        self._open: dict[ObjectId, PackFile] = {}
        #: Asked for an object that is read and not here; it stores the object and says whether it could.
        self.filler: Callable[[Link], bool] | None = None
        #: Says why an object is not here, where somebody knows; asked only when one is missed.
        self.explain: Callable[[Link], Absent | None] = lambda link: None

    @contextmanager
    def filled_by(self, filler: Callable[[Link], bool] | None) -> Iterator[None]:
        """Within this, an object that is read and not here is asked for elsewhere first."""
        before, self.filler = self.filler, filler
        try:
            yield
        finally:
            self.filler = before

    # -- what is here ----------------------------------------------------------------------------------------------

    def packs(self) -> dict[ObjectId, str]:
        """Every pack in its place: id → path below the root."""
        with self._lock:
            if self._paths is None:
                self.refresh()
            assert self._paths is not None
            return self._paths

    def refresh(self) -> None:
        """Looks at the folder again: other processes add, merge and trash packs at any time."""
        with self._lock:
            paths = {}
            for found in self.root.entries(self.folder):
                stem, _, ending = found.name.partition(".")
                if ending == "pack" and found.is_file and len(stem) == 64:
                    paths[ObjectId.parse(stem)] = f"{self.folder}/{found.name}"
            self._paths = paths
            self.damaged = {}
            self._own = {id: index for id, index in self._own.items() if id in paths}
            multi = self._load_multi()
            covered = set(multi.packs) if multi else set()
            self._indexes = [multi] if multi else []
            for id in paths:
                if id not in covered and (index := self._index_of(id)) is not None:
                    self._indexes.append(index)
            self._trashed = None
            for id in [id for id in self._open if id not in paths]:
                del self._open[id]

    def _load_multi(self) -> PackIndex | None:
        path = f"{self.folder}/{MULTI_INDEX}"
        state = self.root.stat(path)
        if state is None:
            self._multi = None
            return None
        stamp = (state.st_ino, state.st_mtime_ns)
        if self._multi is None or self._multi[0] != stamp:
            index = self._map_index(path)
            self._multi = None if index is None else (stamp, index)
        return self._multi[1] if self._multi else None

    def _map_index(self, path: str) -> PackIndex | None:
        try:
            descriptor = self.root.open_file(path)
        except (NoSuchFile, NotRegular):
            return None
        try:
            return PackIndex(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
        except (BadIndex, ValueError):
            return None
        finally:
            os.close(descriptor)

    def _index_of(self, id: ObjectId) -> PackIndex | None:
        if id in self._own:
            return self._own[id]
        if id in self.damaged:
            return None
        assert self._paths is not None
        index = self._map_index(f"{self.folder}/{id}.idx")
        if index is None or index.packs != [id]:
            try:
                index = self._rebuild_index(id, self._paths[id])
            except NoSuchFile:
                return None
            except Corrupt as error:
                self.damaged[id] = error
                return None
        self._own[id] = index
        return index

    def _rebuild_index(self, id: ObjectId, path: str) -> PackIndex:
        pack = PackFile(self.root, path, id)
        data = encode_index([(id, pack.rows())])
        if self.root.is_writable():
            self.root.replace(f"{self.folder}/{id}.idx", data, durable=False)
        return PackIndex(data)

    def indexes(self) -> list[PackIndex]:
        """The indexes that together cover every sound pack."""
        self.packs()
        return self._indexes

    # -- finding ---------------------------------------------------------------------------------------------------

    def locate(self, id: ObjectId) -> list[Location]:
        """Every place of an object, in no order; looks at the folder again before it says none."""
        found = self._locate(id)
        if not found:
            self.refresh()
            found = self._locate(id)
        return found

    def _locate(self, id: ObjectId) -> list[Location]:
        paths = self.packs()
        return [place for index in self._indexes for place in index.find(id) if place.pack in paths]

    def has(self, id: ObjectId) -> bool:
        """Tells whether the object is stored here, the trash included."""
        return bool(self.locate(id)) or self._trashed_place(id) is not None

    def has_many(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """Returns those of `ids` that are stored here, looking at the folder once."""
        self.refresh()
        paths = self.packs()
        gone = {pack for index in self._indexes for pack in index.packs} - paths.keys()
        if gone:
            return {id for id in ids if self._locate(id)}
        return {id for id in ids if any(index.has(id) for index in self._indexes)}

    def places(self, ids: Iterable[ObjectId]) -> dict[ObjectId, ObjectId]:
        """A pack that holds each of `ids`, for those that are stored, looking at the folder once."""
        self.refresh()
        return {id: found[0].pack for id in ids if (found := self._locate(id))}

    def has_packs(self, packs: Iterable[ObjectId]) -> bool:
        """Tells whether all of some packs are in their places and can be read, looking at the folder once."""
        self.refresh()
        return self.packs().keys() - self.damaged.keys() >= set(packs)

    def holds(self, id: ObjectId) -> ObjectId | None:
        """Returns a pack whose copy of the object is sound, or None. Its stored bytes are read and checked.

        A damaged copy does not count: adding the same content again heals it.
        """
        for place in self._locate(id):
            try:
                header, payload = self.record(place)
                if header.id == id:
                    check_stored(header, payload, self._paths_of(place.pack))
                    if header.base is not None:
                        chain(self, id)
                    return place.pack
            except (Corrupt, NoSuchFile):
                continue
        return None

    def copies(self, id: ObjectId) -> list[Location]:
        """Every place of an object, in no order; only the trash holds it if there is none."""
        return self.locate(id)

    def storage_bases(self) -> dict[ObjectId, set[ObjectId]]:
        """What each record is stored as a difference to, by the headers of those that have a base (I9)."""
        found: dict[ObjectId, set[ObjectId]] = {}
        for id, place in self.records():
            bases = {base for base in self.bases_at(place) if base is not None}
            if bases:
                found.setdefault(id, set()).update(bases)
        return found

    def bases_at(self, place: Location) -> set[ObjectId | None]:
        """What the record of a place is a difference to: None where it is whole; empty if its header cannot be read."""
        if place.codec in self.codecs().without_bases():
            return {None}
        try:
            return {self.header(place).base}
        except (Corrupt, NoSuchFile):
            return set()

    def endless(self, *, hidden: Set[ObjectId] = frozenset(), expected: Set[ObjectId] = frozenset()) -> set[ObjectId]:
        """The objects that no copy leads from to a whole record, as if the packs that are `hidden` were gone.

        Those of every pack, and those `expected` of which there is no copy. Looks at the folder first, and again where
        packs moved meanwhile: a merge takes one away only after its records lie in another.
        """
        self.refresh()
        for _ in range(LOOKS_MAX):
            seen = {*self.packs()}
            found = self._endless(hidden, expected)
            self.refresh()
            if not found or seen == self.packs().keys():
                break
        return found

    def _endless(self, hidden: Set[ObjectId], expected: Set[ObjectId]) -> set[ObjectId]:
        bases: dict[ObjectId, set[ObjectId | None]] = {id: set() for id in expected}
        for id, place in self.records():
            found = bases.setdefault(id, set())
            if place.pack not in hidden:
                found |= self.bases_at(place)
        return bases.keys() - depths(bases).keys()

    def depth_of(self, id: ObjectId) -> int | None:
        """How many bases an object has, or None where that may be about to change."""
        line = settled_line(self, id)
        return len(line) - 1 if line else None

    def bases_for(self, nearest: ObjectId, length: int) -> list[Base]:
        """What a successor of an object may be stored as a difference to, the whole record first."""
        return list(base_candidates(self, nearest, length))

    def starting_with(self, prefix: str) -> set[ObjectId]:
        """The ids of stored objects that begin with some digits."""
        return {id for index in self.indexes() for id in index.starting_with(prefix)}

    def records(self) -> Iterator[tuple[ObjectId, Location]]:
        """Every record in every pack, repeated ids included."""
        paths = self.packs()
        for index in list(self._indexes):
            for id, place in index.rows():
                if place.pack in paths:
                    yield id, place

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self, link: Link) -> bytes | memoryview:
        """Returns an object's bytes, checked against its id. Tries every copy before it gives up.

        Errors: `ObjectAbsent`, `HashMismatch` and other `Corrupt`, `WrongType`.
        """
        failure: Corrupt | None = None
        for attempt in range(2):
            for place in self.locate(link.id):
                try:
                    return self._read_at(place, link)
                except NoSuchFile:
                    continue
                except Corrupt as error:
                    failure = error
                    self._close(place.pack)
            if attempt == 0:
                self.refresh()
        if isinstance(failure, BadBase):
            # Two who wrote packs anew at once may each have set aside what the other's record rests on.
            try:
                return self._read_trashed(link)
            except Absent:
                raise failure from None
        if failure is not None:
            raise failure
        return self._read_trashed(link)

    def _read_at(self, place: Location, link: Link) -> bytes | memoryview:
        header, payload = self.record(place)
        path = self.root.full(self._paths_of(place.pack))
        if header.id != link.id:
            self._drop_indexes()
            raise HashMismatch(f"{path}: the index names another record at {place.offset}", path=path)
        if header.type != link.type:
            raise WrongType(f"{path}: {link} is stored as a {header.type}", path=path, object=str(link))
        return self.plain(header, payload, path)

    def plain(self, header: RecordHeader, payload: memoryview, path: str) -> bytes | memoryview:
        """Decodes a record and checks it against its id. Errors: `BadFrame`, `BadBase`, `UnknownCodec`, `HashMismatch`."""
        with naming_record(header, path):
            plain = plain_of(self, header, payload)
        check_id(header, plain, path)
        return plain

    def record(self, place: Location) -> tuple[RecordHeader, memoryview]:
        """A record's header, checked, and its stored bytes, not yet checked. Errors: `Corrupt`, `NoSuchFile`."""
        return self.pack(place.pack).record_at(place.offset, place.stored_length)

    def header(self, place: Location) -> RecordHeader:
        """A record's header, checked. Errors: `Corrupt`, `NoSuchFile`."""
        return self.pack(place.pack).header_at(place.offset)

    def pack(self, id: ObjectId) -> PackFile:
        """Opens a pack, or returns it if it is open. Errors: `NoSuchFile` if it has gone."""
        with self._lock:
            pack = self._open.get(id)
            if pack is None:
                pack = PackFile(self.root, self._paths_of(id), id)
                if len(self._open) >= OPEN_PACKS_MAX:
                    del self._open[next(iter(self._open))]
                self._open[id] = pack
            return pack

    def _close(self, id: ObjectId) -> None:
        """Forgets an open pack: a sound copy may have taken its place under the same name."""
        with self._lock:
            self._open.pop(id, None)

    def _paths_of(self, id: ObjectId) -> str:
        path = self.packs().get(id)
        if path is None:
            raise NoSuchFile(f"pack {id.short} is gone", pack=id.hex)
        return path

    def codecs(self) -> Codecs:
        """The codecs of this thread."""
        codecs: Codecs | None = getattr(self._local, "codecs", None)
        if codecs is None:
            codecs = self._local.codecs = Codecs()
        return codecs

    def _drop_indexes(self) -> None:
        """Forgets derived files that disagree with the packs; they are made anew."""
        with self._lock:
            self._multi = None
            self._own.clear()
            if self.root.is_writable():
                self.root.remove(f"{self.folder}/{MULTI_INDEX}")
                for found in self.root.entries(self.folder):
                    if found.name.endswith(".idx"):
                        self.root.remove(f"{self.folder}/{found.name}")
            self.refresh()

    # -- trash -----------------------------------------------------------------------------------------------------

    def trashed(self) -> dict[ObjectId, str]:
        """Packs that gc has set aside and not yet deleted: id → path below the root."""
        found = {}
        for path in self.root.walk(self.trash):
            stem, _, ending = path.rpartition("/")[2].partition(".")
            if ending == "pack" and len(stem) == 64:
                found[ObjectId.parse(stem)] = path
        return found

    def ids_in(self, path: str, pack: ObjectId) -> set[ObjectId]:
        """The objects of a pack that lies anywhere below the root; none if it is gone or damaged."""
        try:
            return {row.id for row in PackFile(self.root, path, pack).rows()}
        except (Corrupt, NoSuchFile):
            return set()

    def is_in_place(self, id: ObjectId) -> bool:
        """Tells whether a pack in its place, not in the trash, holds the object."""
        return bool(self._locate(id))

    def set_aside(self, pack: ObjectId, path: str) -> bool:
        """Moves a pack from its place to a path in the trash; False if it is gone."""
        try:
            self.root.move(f"{self.folder}/{pack}.pack", path)
        except NoSuchFile:
            return False
        self.root.remove(f"{self.folder}/{pack}.idx")
        return True

    def bring_back(self, pack: ObjectId, path: str) -> None:
        """Moves a pack out of the trash, unless somebody else has, and lets its grace begin again."""
        with suppress(NoSuchFile):
            self.root.move(path, f"{self.folder}/{pack}.pack")
            self.root.touch(f"{self.folder}/{pack}.pack")
        self.refresh()

    def _trashed_place(self, id: ObjectId) -> tuple[str, Location] | None:
        with self._lock:
            if self._trashed is None:
                self._trashed = []
                for pack_id, path in self.trashed().items():
                    try:
                        rows = PackFile(self.root, path, pack_id).rows()
                    except (Corrupt, NoSuchFile):
                        continue
                    self._trashed.append(PackIndex(encode_index([(pack_id, rows)])))
            for index in self._trashed:
                for place in index.find(id):
                    trashed = self.trashed().get(place.pack)
                    if trashed is not None:
                        return trashed, place
        return None

    def _read_trashed(self, link: Link) -> bytes | memoryview:
        found = self._trashed_place(link.id)
        if found is None:
            return self._fill(link)
        path, place = found
        if self.root.is_writable():
            self.bring_back(place.pack, path)
            try:
                return self._read_at(place, link)
            except NoSuchFile as error:
                raise self._absent(link) from error
        header, payload = PackFile(self.root, path, place.pack).record_at(place.offset, place.stored_length)
        return self.plain(header, payload, self.root.full(path))

    def _fill(self, link: Link) -> bytes | memoryview:
        # What the filler itself reads, and the reading after it, must not ask again.
        if self.filler is None or getattr(self._local, "is_filling", False):
            raise self._absent(link)
        self._local.is_filling = True
        try:
            if not self.filler(link):
                raise self._absent(link)
            return self.read(link)
        finally:
            self._local.is_filling = False

    def _absent(self, link: Link) -> Absent:
        return self.explain(link) or ObjectAbsent(link)

    # -- writing ---------------------------------------------------------------------------------------------------

    def writer(self, *, on_claim: Callable[[ObjectId], None] | None = None) -> PackWriter:
        """Begins a new pack. `on_claim` is told, before it matters, which packs the writer relies on (I10)."""
        self.refresh()
        return PackWriter(self.root, folder=self.folder, present=self, on_claim=on_claim, threads=self._writing)

    def close(self) -> None:
        """Closes what is open."""
        with self._lock:
            self._open.clear()
            self._indexes, self._own, self._multi, self._trashed, self._paths = [], {}, None, None, None
