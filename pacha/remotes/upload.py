"""Bringing packs to a remote, and one log entry that makes them count. Packs first, then the entry (I2)."""

import os
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.progress import Progress
from pacha.objects.types import Storage
from pacha.remotes.entries import LogEntry, RemoteIndex, RemotePack, Update, writer_text
from pacha.remotes.keys import index_key, pack_key
from pacha.remotes.remote import Remote, Source
from pacha.remotes.state import State
from pacha.store.outgoing import OutgoingPack
from pacha.store.packindex import encode_index

#: So many packs are under way at once: more would not make a disk or a line faster, and each holds memory.
UPLOADS_AT_ONCE = 4
#: A smaller pack is sent again rather than asked for.
ASKED_BYTES_MIN = 1 << 20
#: One index is about so many records, or about one pack: some 30 MiB, half of what `pacha serve` takes.
INDEX_RECORDS_MAX = 500_000
NONCE_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Cargo:
    """What one push brings. Units: bytes."""

    data: tuple[OutgoingPack, ...] = ()
    meta: tuple[OutgoingPack, ...] = ()

    @property
    def packs(self) -> tuple[OutgoingPack, ...]:
        """DATA before META (I1): what names others comes after them."""
        return (*self.data, *self.meta)

    @property
    def size(self) -> int:
        """The bytes of all packs."""
        return sum(pack.size for pack in self.packs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What lies on the remote now and waits for its log entry. `sent_bytes` leaves out what was there already."""

    packs: tuple[RemotePack, ...] = ()
    indexes: tuple[RemoteIndex, ...] = ()
    sent_bytes: int = 0


class _Watched:
    """A source that tells how far it is. Begun again after a failure, it takes back what it told."""

    def __init__(self, source: Source, progress: Progress) -> None:
        self._source = source
        self._progress = progress
        self._told = 0

    @property
    def size(self) -> int:
        return self._source.size

    def pieces(self) -> Iterator[bytes | memoryview]:
        self._progress.advance(-self._told)
        self._told = 0
        for piece in self._source.pieces():
            yield piece
            self._told += len(piece)
            self._progress.advance(len(piece))


class HeldSource:
    """A small value as a source."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """Units: bytes."""
        return len(self._data)

    def pieces(self) -> Iterator[bytes | memoryview]:
        """The value in one piece."""
        yield self._data


def bring(remote: Remote, cargo: Cargo, progress: Progress, *, anew: Set[ObjectId] = frozenset()) -> Brought:
    """Writes packs and the indexes over them, mostly one. What an earlier, interrupted push brought is not sent again, unless it is
    among those that are to be sent `anew`.

    Crash: packs that no entry names; the next push of the same finds them. Errors: those of `Remote`, `Corrupt`.
    """
    packs = [(pack, Storage.DATA) for pack in cargo.data] + [(pack, Storage.META) for pack in cargo.meta]
    if not packs:
        return Brought()
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
        data_sent = list(pool.map(lambda pack: _bring_pack(remote, pack, progress, anew), cargo.data))
        meta_sent = list(pool.map(lambda pack: _bring_pack(remote, pack, progress, anew), cargo.meta))
    indexes = [
        put_index(remote, encode_index([(pack.id, pack.rows) for pack in part]))
        for part in _parts([pack for pack, _ in packs])
    ]
    return Brought(
        packs=tuple(RemotePack(id=pack.id, size=pack.size, storage=storage) for pack, storage in packs),
        indexes=tuple(indexes),
        sent_bytes=sum(data_sent) + sum(meta_sent) + sum(index.size for index in indexes),
    )


def _parts(packs: Sequence[OutgoingPack]) -> Iterator[list[OutgoingPack]]:
    """Packs that one index is about; the one over all packs of a huge push would be more than a server takes."""
    part: list[OutgoingPack] = []
    for pack in packs:
        if part and sum(len(each.records) for each in [*part, pack]) > INDEX_RECORDS_MAX:
            yield part
            part = []
        part.append(pack)
    yield part


def _bring_pack(remote: Remote, pack: OutgoingPack, progress: Progress, anew: Set[ObjectId]) -> int:
    key = pack_key(pack.id)
    if pack.size >= ASKED_BYTES_MIN and pack.id not in anew and remote.size(key) == pack.size:
        progress.advance(pack.size)
        return 0
    remote.put(key, _Watched(pack, progress))
    return pack.size


def put_index(remote: Remote, data: bytes) -> RemoteIndex:
    """Writes one index. Errors: those of `Remote`."""
    id = hash_bytes(data)
    remote.put(index_key(id), HeldSource(data))
    return RemoteIndex(id=id, size=len(data))


def next_entry(
    state: State,
    *,
    updates: Sequence[Update],
    brought: Brought,
    removed: Sequence[ObjectId] = (),
    indexes_removed: Sequence[ObjectId] = (),
    writer: str,
    time: str,
) -> LogEntry:
    """The entry that makes a push count. What it removes it does not add: what is written anew stays."""
    return LogEntry(
        number=state.number + 1,
        prev=state.entry,
        updates=tuple(updates),
        packs_added=brought.packs,
        packs_removed=tuple(removed),
        indexes_added=brought.indexes,
        indexes_removed=tuple(indexes_removed),
        writer=writer_text(writer),
        nonce=os.urandom(NONCE_BYTES).hex(),
        time=time,
    )
