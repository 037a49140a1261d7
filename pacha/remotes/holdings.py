"""What a remote holds, record by record: the state of its log, and the indexes that it names.

An index is named by its content, so one that was read before is taken from this machine. The list of packs is not: it
is what the remote says now, and a record counts only if its pack is on it.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from pacha.base.errors import Corrupt
from pacha.base.files import NoSuchFile, NotRegular, Root, TooLarge
from pacha.base.ids import ObjectId, hash_bytes
from pacha.remotes.keys import index_key
from pacha.remotes.remote import BadAnswer, NoSuchKey, Remote
from pacha.remotes.state import HeldIndex, State
from pacha.store.packindex import BadIndex, Location, PackIndex

#: An index of about four million records; a larger one is refused, and never made.
INDEX_BYTES_MAX = 256 << 20
#: So many requests for small things are under way at once.
REQUESTS_AT_ONCE = 8


class IndexCache:
    """Indexes that were read before, by name. Without a root it keeps nothing."""

    def __init__(self, root: Root | None, folder: str = "") -> None:
        self._root = root
        self._folder = folder

    def get(self, id: ObjectId) -> PackIndex | None:
        """An index, if it is here and sound."""
        if self._root is None:
            return None
        try:
            data = self._root.read(self._path(id), size_max=INDEX_BYTES_MAX)
            # It was not flushed, and what it says decides what a push leaves out.
            return PackIndex(data) if hash_bytes(data) == id else None
        except (NoSuchFile, NotRegular, TooLarge, BadIndex):
            return None

    def put(self, id: ObjectId, data: bytes) -> None:
        """Keeps an index; it can be fetched again, so nothing is flushed."""
        if self._root is not None and self._root.is_writable():
            self._root.replace(self._path(id), data, durable=False)

    def keep_only(self, ids: Iterable[ObjectId]) -> None:
        """Removes every index but these."""
        if self._root is None or not self._root.is_writable():
            return
        names = {f"{id}.idx" for id in ids}
        for found in self._root.entries(self._folder):
            if found.is_file and found.name not in names:
                self._root.remove(f"{self._folder}/{found.name}")

    def _path(self, id: ObjectId) -> str:
        return f"{self._folder}/{id}.idx"


class Holdings:
    """The records of a remote. Indexes are fetched when a question needs them, the likeliest first."""

    def __init__(self, remote: Remote, state: State, cache: IndexCache | None = None) -> None:
        self.remote = remote
        self.state = state
        #: An entry that probably brought what is asked for next.
        self.near: int | None = None
        self._cache = cache or IndexCache(None)
        self._loaded: dict[ObjectId, PackIndex] = {}
        self._left: dict[ObjectId, HeldIndex] = dict(state.indexes)
        self._is_recalled = False

    def _recall(self) -> None:
        """Takes the indexes that were read before, when something is first asked: many a push asks nothing."""
        if self._is_recalled:
            return
        self._is_recalled = True
        for id in list(self._left):
            index = self._cache.get(id)
            if index is not None:
                self._loaded[id] = index
                del self._left[id]

    def index(self, held: HeldIndex) -> PackIndex:
        """One index that the state names."""
        self._recall()
        if held.index.id in self._left:
            self._loaded[held.index.id] = self._fetch(held)
            del self._left[held.index.id]
        return self._loaded[held.index.id]

    def load(self) -> None:
        """Fetches every index that is not here yet, side by side. Errors: those of `Remote`, `BadIndex`."""
        self._recall()
        left = list(self._left.values())
        if not left:
            return
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            for held, index in zip(left, pool.map(self._fetch, left), strict=True):
                self._loaded[held.index.id] = index
                del self._left[held.index.id]
        self._cache.keep_only(self.state.indexes)

    def load_sound(self) -> dict[ObjectId, str]:
        """Fetches every index, and goes on without those that are not there or damaged; returns these, with the reason.

        Errors: those of `Remote` where it cannot be asked.
        """
        self._recall()
        broken: dict[ObjectId, str] = {}

        def fetch(held: HeldIndex) -> PackIndex | None:
            try:
                return self._fetch(held)
            except (BrokenRemote, BadAnswer) as error:
                broken[held.index.id] = error.message
                return None

        left = list(self._left.values())
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            for held, index in zip(left, pool.map(fetch, left), strict=True):
                if index is not None:
                    self._loaded[held.index.id] = index
        self._left.clear()
        return broken

    def add(self, id: ObjectId, index: PackIndex) -> None:
        """Takes an index into account that the state does not name: one that was made to replace another."""
        self._loaded[id] = index

    def uncovered(self) -> set[ObjectId]:
        """The packs that no index which was fetched covers."""
        self._recall()
        return set(self.state.packs) - {pack for index in self._loaded.values() for pack in index.packs}

    def records(self) -> Iterator[tuple[ObjectId, Location]]:
        """Every record of every pack, as far as indexes were fetched; one that several cover comes once for each."""
        self._recall()
        for index in self._loaded.values():
            for id, place in index.rows():
                if place.pack in self.state.packs:
                    yield id, place

    def has(self, id: ObjectId) -> bool:
        """Tells whether the remote has an object."""
        return bool(self.locate(id))

    def locate(self, id: ObjectId, *, near: int | None = None) -> list[Location]:
        """The places of an object in packs that the remote lists. `near` is an entry that may have brought it."""
        self._recall()
        found = self._find(self._loaded, id)
        while not found and self._left:
            held = self._next(self.near if near is None else near)
            found = self._find({held.index.id: self.index(held)}, id)
        return found

    def structure_of(self, pack: ObjectId) -> list[tuple[ObjectId, Location]]:
        """The records of a pack that say how others hang together: its trees and chunklists, where they are known."""
        self._recall()
        found: list[tuple[ObjectId, Location]] = []
        for index in self._loaded.values():
            if pack in index.packs and len(index.packs) <= PACKS_SCANNED_MAX:
                found.extend(row for row in index.rows() if row[1].pack == pack and row[1].type in STRUCTURE)
        return found

    def size_of(self, pack: ObjectId) -> int:
        """The size of a pack's file in bytes."""
        return self.state.packs[pack].pack.size

    def _next(self, near: int | None) -> HeldIndex:
        """The index to look into next: the first that reaches the entry, else the newest."""
        if near is not None:
            later = [held for held in self._left.values() if held.at >= near]
            if later:
                return min(later, key=lambda held: held.at)
        return max(self._left.values(), key=lambda held: held.at)

    def _find(self, indexes: Mapping[ObjectId, PackIndex], id: ObjectId) -> list[Location]:
        return find_in(indexes.values(), id, self.state)

    def _fetch(self, held: HeldIndex) -> PackIndex:
        key = index_key(held.index.id)
        try:
            data = self.remote.get(key, size_max=min(held.index.size, INDEX_BYTES_MAX))
        except NoSuchKey as error:
            raise BrokenRemote(f"{self.remote.url}: its log names {key}, which is not there", key=key) from error
        if hash_bytes(data) != held.index.id:
            raise BadAnswer(f"{self.remote.url}: {key} arrived damaged", key=key, hint="run the command again")
        self._cache.put(held.index.id, data)
        try:
            return PackIndex(data)
        except BadIndex as error:
            raise BrokenRemote(f"{self.remote.url}: {key}: {error.message}", key=key) from error


def find_in(indexes: Iterable[PackIndex], id: ObjectId, state: State) -> list[Location]:
    """The places of an object in packs that a state lists."""
    return [place for index in indexes for place in index.find(id) if place.pack in state.packs]


class BrokenRemote(Corrupt):
    """A remote lacks what its own log says that it has, or holds something else under that name."""

    usual_hint = "`pacha fsck --remote NAME` names all damage; a push from a clone that has the bytes heals it"


#: Types whose records name others; a push writes them in front of a pack.
STRUCTURE = ("tree", "chunklist")
#: An index over more packs than this is not scanned for one of them.
PACKS_SCANNED_MAX = 64
