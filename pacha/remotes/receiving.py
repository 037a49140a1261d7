"""Bringing objects from a remote into the local packs. Nothing is put in place before its bytes were decoded and have
the id that was asked for (I5).

Records are asked for by range, those that lie near each other together; each part that arrives is a pack of its own at
once, so that an interrupted pull begins where it was cut.

Longer than most modules: what to ask for, what came of it and which copy is tried next go round in one loop.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import DIGEST_BYTES, ObjectId
from pacha.base.progress import Progress
from pacha.objects.types import Link, Storage, type_named, type_names
from pacha.remotes.holdings import BrokenRemote, Holdings
from pacha.remotes.keys import pack_key
from pacha.remotes.remote import BadAnswer, NoSuchKey
from pacha.store.chains import DEPTH_MAX, is_within
from pacha.store.data import DataStore
from pacha.store.objects import Objects
from pacha.store.pack import FOOTER_BYTES, check_stored
from pacha.store.packindex import Location
from pacha.store.packwriter import PackWriter
from pacha.store.record import HEADER_BYTES, RECORD_STORED_MAX, RecordHeader, decode_header

#: Bytes that nobody wants are read along where a second request would cost more.
GAP_BYTES_MAX = 64 << 10
#: One request asks for so much: what a cut connection costs.
RANGE_BYTES_MAX = 8 << 20
#: What a request may ask for: many records, or a single one that is larger.
LENGTH_MAX = max(RANGE_BYTES_MAX, RECORD_STORED_MAX + HEADER_BYTES + DIGEST_BYTES)
#: So many requests are under way at once; memory is this times the largest record.
DOWNLOADS_AT_ONCE = 4
#: Trees and chunklists of a pack are fetched together up to this size.
STRUCTURE_BYTES_MAX = 8 << 20
#: What one thread puts into one pack.
PART_BYTES_MAX = 64 << 20
_DAMAGED = "run the command again; if it stays, the remote is damaged: `pacha fsck --remote NAME`"


class NotOnRemote(Absent):
    """A remote does not have bytes that it was asked for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record on a remote."""

    id: ObjectId
    place: Location

    @property
    def end(self) -> int:
        """Where the record ends at the latest: whether it names a base shows only its header."""
        return self.place.offset + HEADER_BYTES + DIGEST_BYTES + self.place.stored_length


class Receiver:
    """Fetches DATA objects from one remote into one store. `stored_bytes` counts what came, as stored."""

    def __init__(
        self, holdings: Holdings, objects: Objects, new_writer: Callable[[], PackWriter], progress: Progress
    ) -> None:
        self._holdings = holdings
        self._objects = objects
        self._data: DataStore = objects.data
        self._new_writer = new_writer
        self._progress = progress
        self._lock = threading.Lock()
        #: Entered again by a base that has a base itself.
        self._bases = threading.RLock()
        #: What is known of the types of objects that were asked for: a record of another type is not what was named.
        self._types: dict[ObjectId, str] = {}
        #: What was wrong with the copy in a place, where so many other records were to rest on it.
        self._failed: dict[tuple[Location, int], PachaError] = {}
        self.records = 0
        self.stored_bytes = 0

    # -- what to fetch ---------------------------------------------------------------------------------------------

    def fetch_structure(self, roots: Iterable[Link]) -> list[Link]:
        """Fetches the trees and chunklists that some DATA roots reach; returns the blobs that they name, in order.

        Errors: `NotOnRemote`, `BrokenRemote`, those of `Remote`, `Corrupt`.
        """
        blobs: dict[Link, None] = {}
        roots = list(roots)
        self._types.update((link.id, link.type) for link in roots)
        seen: set[Link] = set()
        level = roots
        while level:
            blobs.update((link, None) for link in level if type_named(link.type).is_leaf)
            level = [link for link in dict.fromkeys(level) if not type_named(link.type).is_leaf and link not in seen]
            seen.update(level)
            self._fetch_level(level)
            level = [child for link in level for child in _data_children(self._objects, link)]
            self._types.update((link.id, link.type) for link in level)
        return list(blobs)

    def _fetch_level(self, level: Sequence[Link]) -> None:
        """Fetches some trees and chunklists, and with them those that came in the same packs."""
        wanted = self.missing(link.id for link in level)
        near = [
            Wanted(id, place)
            for pack in dict.fromkeys(each.place.pack for each in wanted)
            for id, place in self._holdings.structure_of(pack)
        ]
        size = sum(each.place.stored_length for each in near)
        self.fetch(each.id for each in (wanted if size > STRUCTURE_BYTES_MAX else [*wanted, *near]))

    def missing(self, ids: Iterable[ObjectId], *, depth: int = 0) -> list["Wanted"]:
        """Those of some objects that are not here, with their places on the remote. Errors: `NotOnRemote`.

        `depth` other records rest on each: then a copy here does not count that has too many bases itself.
        """
        left = list(dict.fromkeys(ids))
        here = self._data.has_many(left)
        if depth:
            here = {id for id in here if is_within(self._data, id, DEPTH_MAX - depth)}
        return [self._locate(id, depth) for id in left if id not in here]

    # -- fetching --------------------------------------------------------------------------------------------------

    def fetch(self, ids: Iterable[ObjectId]) -> None:
        """Fetches objects and the bases that their records need; those that are here are passed by.

        Errors: `NotOnRemote`, `BrokenRemote`, those of `Remote`; what had arrived by then stays.
        """
        self._fetch(ids, depth=0)

    def fetch_one(self, link: Link) -> bool:
        """Fetches one object, for a reader that has just met it; False where the remote does not have it."""
        if not self._holdings.has(link.id):
            return False
        self._types[link.id] = link.type
        self.fetch([link.id])
        return True

    def _fetch(self, ids: Iterable[ObjectId], *, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise BrokenRemote(f"{self._holdings.remote.url}: a record is more than {DEPTH_MAX} bases from a whole one")
        wanted = self.missing(ids, depth=depth)
        while wanted:
            self._fetch_places(wanted, depth)
            # Of what a copy did not bring there may be another, in another pack.
            wanted = [self._locate(each.id, depth) for each in wanted if (each.place, depth) in self._failed]
            # A copy with fewer bases than one that was here already counts from now on.
            self._data.refresh()

    def _fetch_places(self, wanted: Sequence[Wanted], depth: int) -> None:
        whole = self._data.codecs().without_bases()
        # Whole records first: differences are decoded as they come, and their bases are mostly among them.
        for group in (True, False):
            parts = list(_parts([each for each in wanted if (each.place.codec in whole) is group]))
            if depth or len(parts) == 1:
                for part in parts:
                    self._fetch_part(part, depth)
            elif parts:
                with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
                    for _ in pool.map(lambda part: self._fetch_part(part, depth), parts):
                        pass

    def _fetch_part(self, part: Sequence[Wanted], depth: int) -> None:
        """Fetches records into a pack of their own. What a place does not hold as it should is noted as failed."""
        with self._new_writer() as writer:
            for run in _runs(part):
                records = self._read_run(run, depth)
                lost = self._fetch_bases([header.base for _, header, _ in records if header.base is not None], depth)
                for each, header, payload in records:
                    try:
                        self._check(header, self._plain(header, payload, lost))
                    except (Corrupt, Absent, BadAnswer) as error:
                        self._failed[each.place, depth] = error
                        continue
                    writer.add_stored(header, payload)
                    self._progress.advance(header.stored_length)
                    with self._lock:
                        self.records += 1
                        self.stored_bytes += header.stored_length
            writer.close()

    def _plain(
        self, header: RecordHeader, payload: memoryview, lost: Mapping[ObjectId, PachaError]
    ) -> bytes | memoryview:
        if header.base is not None and header.base in lost:
            raise lost[header.base]
        url = self._holdings.remote.url
        try:
            return self._data.plain(header, payload, url)
        except Corrupt as error:
            raise BrokenRemote(error.message, object=f"{header.type}:{header.id}") from error

    def _fetch_bases(self, bases: Sequence[ObjectId], depth: int) -> dict[ObjectId, PachaError]:
        """Fetches what records rest on. Returns those that cannot be had: only what rests on these fails."""
        lost: dict[ObjectId, PachaError] = {}
        if not bases:
            return lost
        with self._bases:
            try:
                self._fetch(bases, depth=depth + 1)
            except (Corrupt, Absent, BadAnswer):
                for base in dict.fromkeys(bases):
                    try:
                        self._fetch([base], depth=depth + 1)
                    except (Corrupt, Absent, BadAnswer) as error:
                        lost[base] = error
        return lost

    def _check(self, header: RecordHeader, plain: bytes | memoryview) -> None:
        """Whether a record is of the type that it was named as, and a document of that type. Errors: `BrokenRemote`."""
        url = self._holdings.remote.url
        if header.type != self._types.get(header.id, header.type) or header.type not in type_names():
            raise BrokenRemote(f"{url}: {header.id.short} lies there as a {header.type}, which it is not")
        kind = type_named(header.type)
        if kind.storage is not Storage.DATA or len(plain) > kind.size_max:
            raise BrokenRemote(f"{url}: {header.type}:{header.id.short} has no place in a pack of DATA")
        if not kind.is_leaf:
            kind.decode(bytes(plain))

    def _read_run(self, run: Sequence[Wanted], depth: int) -> list[tuple[Wanted, RecordHeader, memoryview]]:
        """Reads records that lie near each other, each checked as far as it can be without its base."""
        key = pack_key(run[0].place.pack)
        found = []
        try:
            start, data = run[0].place.offset, self._read_range(run, key)
        except (BrokenRemote, BadAnswer) as error:
            self._failed.update({(each.place, depth): error for each in run})
            return []
        for each in run:
            try:
                header, payload = self._record(each, data[each.place.offset - start :], key)
                found.append((each, header, payload))
            except BadAnswer as error:
                self._failed[each.place, depth] = error
        return found

    def _read_range(self, run: Sequence[Wanted], key: str) -> memoryview:
        url, start = self._holdings.remote.url, run[0].place.offset
        size = self._holdings.size_of(run[0].place.pack)
        length = min(max(each.end for each in run), size - FOOTER_BYTES) - start
        if not 0 < length <= LENGTH_MAX:
            raise BrokenRemote(f"{url}: an index names no place within {key}", key=key)
        try:
            return memoryview(self._holdings.remote.get_range(key, start, length))
        except NoSuchKey as error:
            raise BrokenRemote(f"{url}: its log names {key}, which is not there", key=key) from error
        except BadAnswer as error:
            raise BadAnswer(error.message, hint=_DAMAGED, key=key) from error

    def _record(self, wanted: Wanted, data: memoryview, key: str) -> tuple[RecordHeader, memoryview]:
        place = wanted.place
        try:
            header = decode_header(data)
            if header.id != wanted.id or header.type != place.type or header.stored_length != place.stored_length:
                raise BadAnswer("another record lies there than its index says")
            payload = data[header.size : header.size + header.stored_length]
            if len(payload) != header.stored_length:
                raise BadAnswer("the record is cut short")
            check_stored(header, payload, key)
        except (Corrupt, BadAnswer) as error:
            raise BadAnswer(
                f"{self._holdings.remote.url}: {key} at {place.offset}: {error.message}",
                hint=_DAMAGED,
                key=key,
            ) from error
        return header, payload

    def _locate(self, id: ObjectId, depth: int) -> Wanted:
        """The place to ask next. Errors: `NotOnRemote`; once every copy has failed, what was wrong with the last one."""
        places = self._holdings.locate(id)
        if not places:
            raise NotOnRemote(
                f"{self._holdings.remote.url}: does not have the bytes of {id.short}",
                hint="push them from a clone that has them, or pull from another remote",
                object=id.hex,
            )
        left = [place for place in places if (place, depth) not in self._failed]
        if not left:
            raise self._failed[places[-1], depth]
        if depth == DEPTH_MAX:
            whole = self._data.codecs().without_bases()
            left = [place for place in left if place.codec in whole] or left
        return Wanted(id, min(left, key=lambda place: (place.stored_length, place.pack, place.offset)))


def _data_children(objects: Objects, link: Link) -> list[Link]:
    return [child for child in objects.references(link) if type_named(child.type).storage is Storage.DATA]


def _parts(wanted: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Splits records, in the order in which they lie, so that all threads have work and no part is too large."""
    ordered = sorted(wanted, key=lambda each: (each.place.pack, each.place.offset))
    total = sum(each.place.stored_length for each in ordered)
    most = min(PART_BYTES_MAX, max(RANGE_BYTES_MAX, total // DOWNLOADS_AT_ONCE + 1))
    part: list[Wanted] = []
    size = 0
    for each in ordered:
        if part and size + each.place.stored_length > most:
            yield part
            part, size = [], 0
        part.append(each)
        size += each.place.stored_length
    if part:
        yield part


def _runs(part: Sequence[Wanted]) -> Iterator[list[Wanted]]:
    """Groups records that one request brings."""
    run: list[Wanted] = []
    for each in part:
        is_near = (
            run
            and each.place.pack == run[-1].place.pack
            and each.place.offset <= run[-1].end + GAP_BYTES_MAX
            and each.end - run[0].place.offset <= RANGE_BYTES_MAX
        )
        if run and not is_near:
            yield run
            run = []
        run.append(each)
    if run:
        yield run
