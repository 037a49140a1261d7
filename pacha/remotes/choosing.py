"""Which copy of each record a push sends: the one that costs least and that a reader of the remote can follow.

A record that is a difference to another goes with its base, unless that is there already (I9). Nor may any record there
be more than `DEPTH_MAX` bases away from a whole one, and what is whole here may be a difference there: such a base goes
along as it lies here. Only where no copy here will do is a record encoded anew, whole.
"""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pacha.base.errors import Absent
from pacha.base.files import NoSuchFile
from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.remotes.holdings import REQUESTS_AT_ONCE, Holdings
from pacha.remotes.records import RemoteRecords
from pacha.store.chains import DEPTH_MAX, is_within
from pacha.store.codec.planes import element_in
from pacha.store.data import DataStore
from pacha.store.outgoing import AnewRecord, KeptRecord, Outgoing
from pacha.store.record import CHECKSUM_BYTES, RecordHeader, checksum_of

_RAW = 0


class NotHere(Absent):
    """Bytes are to be sent that neither this store nor the remote has."""


class Lines:
    """How far the objects of a remote are from whole records. Asks for a header only where an index shows no whole
    copy, and once."""

    def __init__(self, holdings: Holdings) -> None:
        self._records = RemoteRecords(holdings)
        self._known: dict[tuple[ObjectId, int], bool] = {}

    def within(self, id: ObjectId, depth: int) -> bool:
        """Tells whether an object is there, at most so many bases away from a whole one. Errors: those of `Remote`."""
        found = self._known.get((id, depth))
        if found is None:
            found = self._known[id, depth] = is_within(self._records, id, depth)
        return found


@dataclass(frozen=True, slots=True)
class _Best:
    record: Outgoing
    cost: int


class Choice:
    """Chooses the copies. `within` says what lies on the remote, `rooms` which objects may have fewer bases than others:
    what they replace there had no more, and others rest on it."""

    def __init__(
        self,
        data: DataStore,
        within: Callable[[ObjectId, int], bool],
        rooms: Mapping[ObjectId, int] | None = None,
    ) -> None:
        self._data = data
        self._within = within
        self._rooms = rooms or {}
        self._wanted: set[ObjectId] = set()
        self._copies: dict[ObjectId, list[KeptRecord]] = {}
        self._best: dict[tuple[ObjectId, int], _Best | None] = {}

    def records(self, links: Iterable[Link]) -> list[Outgoing]:
        """The records that bring some objects, and with them what they rest on. Errors: `NotHere`, `Corrupt`."""
        rooms = {link.id: self._rooms.get(link.id, DEPTH_MAX) for link in links}
        self._wanted = {*rooms}
        self._ask(rooms)
        chosen: dict[ObjectId, Outgoing] = {}
        todo = list(rooms)
        while todo:
            id = todo.pop()
            record = chosen[id] = self._choose(id, rooms[id])
            base = record.header.base
            if base is None or self._within(base, rooms[id] - 1):
                continue
            # Another record may have asked for it already, with more room.
            if rooms.get(base, DEPTH_MAX + 1) > rooms[id] - 1:
                rooms[base] = rooms[id] - 1
                todo.append(base)
        return self._reached(chosen, rooms)

    def _reached(self, chosen: Mapping[ObjectId, Outgoing], rooms: Mapping[ObjectId, int]) -> list[Outgoing]:
        """Leaves out what only a copy needed that was chosen first, and then not."""
        found: dict[ObjectId, Outgoing] = {}
        todo = list(self._wanted)
        while todo:
            id = todo.pop()
            if id not in found:
                found[id] = chosen[id]
                base = chosen[id].header.base
                if base is not None and not self._within(base, rooms[id] - 1):
                    todo.append(base)
        return list(found.values())

    def _ask(self, ids: Iterable[ObjectId]) -> None:
        """Asks side by side for what will be asked one by one."""
        bases = {copy.header.base for id in ids for copy in self._kept(id)} - {None}
        if len(bases) > 1:
            with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
                for _ in pool.map(lambda base: self._within(base, DEPTH_MAX - 1), sorted(filter(None, bases))):
                    pass

    def _choose(self, id: ObjectId, room: int) -> Outgoing:
        best = self._find(id, room)
        return self._anew(id) if best is None else best.record

    def _find(self, id: ObjectId, room: int) -> _Best | None:
        """The copy that brings the fewest bytes along; None if all here are too many bases away from a whole one."""
        if (id, room) not in self._best:
            found = [best for copy in self._kept(id) if (best := self._judge(copy, room)) is not None]
            self._best[id, room] = min(found, key=lambda best: best.cost, default=None)
        return self._best[id, room]

    def _judge(self, copy: KeptRecord, room: int) -> _Best | None:
        base = copy.header.base
        if base is None:
            return _Best(copy, copy.size)
        if not room:
            return None
        if self._within(base, room - 1):
            return _Best(copy, copy.size)
        below = self._find(base, room - 1)
        if below is None:
            return None
        return _Best(copy, copy.size + (0 if base in self._wanted else below.cost))

    def _kept(self, id: ObjectId) -> list[KeptRecord]:
        if id not in self._copies:
            found = self._copies[id] = []
            for place in self._data.locate(id):
                try:
                    found.append(KeptRecord(self._data.header(place), self._data.pack(place.pack), place.offset))
                except NoSuchFile:
                    continue
        return self._copies[id]

    def _anew(self, id: ObjectId) -> Outgoing:
        """The last resort: a record of the same bytes that is whole."""
        copies = self._kept(id)
        if not copies:
            raise NotHere(
                f"the bytes of {id.short} are to be sent, and neither this store nor the remote has them",
                hint="`pacha fsck` says which versions need them; another clone may push them",
                object=id.hex,
            )
        header, payload = self._data.record(self._data.locate(id)[0])
        element = element_in(payload)
        link = Link(header.type, id)

        def encode() -> tuple[int, bytes | memoryview]:
            with self._data.writer() as writer:
                return writer.encode(self._data.read(link), element)[:2]

        codec, stored = encode()
        made = RecordHeader(
            type=header.type,
            codec=codec,
            plain_length=header.plain_length,
            stored_length=len(stored),
            id=id,
            checksum=id.raw[:CHECKSUM_BYTES] if codec == _RAW else checksum_of(stored),
        )
        return AnewRecord(made, lambda: encode()[1])
