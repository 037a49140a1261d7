"""The edges of lineage, remembered: which manifests lie in each folder of the store, and what each one names.

A manifest never changes under its id, so what was read of it once is true for ever; what may change is which ones are
here, and whether their files still hold them. A folder's list of names is trusted while the folder is the same (inode
and times) and was quiet for two seconds when it was listed. What an answer rests on is looked at once more, file by
file: `refresh`. A damaged file is never remembered, so one that was healed is seen.

Without the cache the same is read from the manifests themselves: slower, and nothing else.
"""

import json
import os
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pacha.base.errors import Corrupt
from pacha.base.files import NoSuchFile, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.graph.columns import BadColumns, Columns, Row, decode, encode, pack
from pacha.graph.lineage import Lineage
from pacha.index.index import EDGES, Index
from pacha.index.stage_index import QUIET_NS
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link, type_named
from pacha.store.meta import ENDING, FETCHED, SHARED, is_hex_id, mismatch

_Answer = TypeVar("_Answer")
#: From so many files of a folder on, listing all of them with their state costs less than asking for each.
LISTED_MIN = 8
#: What a file's state is remembered by: inode, times and size.
_STATE = struct.Struct("<QQQQ")
_UNSETTLED = bytes(_STATE.size)
_HEAD = struct.Struct("<I")
_FAN = re.compile(r"[0-9a-f]{2}", re.ASCII)


@dataclass(slots=True, kw_only=True)
class _Fan:
    """One folder of manifests.

    `states` are those of the files when they were read, in the order of the rows; zero where that proves nothing.
    `fresh` are the files that this process read itself.
    """

    stamp: str
    seen: int
    rows: Columns
    states: bytes
    damaged: dict[bytes, str] = field(default_factory=dict)
    fresh: set[bytes] = field(default_factory=set)

    def state(self, id: bytes) -> bytes | None:
        """What a manifest's file was like; None if the manifest is not here."""
        place = self.rows.place(id)
        return None if place is None else self.states[place * _STATE.size : (place + 1) * _STATE.size]

    def known(self) -> dict[bytes, tuple[Row, bytes]]:
        """Every manifest with its file's state."""
        states = struct.unpack(f"{_STATE.size}s" * len(self.rows), self.states)
        return {row.id: (row, state) for row, state in zip(self.rows.rows(), states, strict=True)}


def _fan(known: Mapping[bytes, tuple[Row, bytes]], *, stamp: str, seen: int, fresh: set[bytes]) -> _Fan:
    return _Fan(
        stamp=stamp,
        seen=seen,
        rows=pack(row for row, _ in known.values()),
        states=b"".join(known[id][1] for id in sorted(known)),
        fresh=fresh,
    )


class Edges:
    """The lineage of one checkout. Errors of each method: `Corrupt` where a folder of the store is a link."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._fans: dict[str, _Fan] = {}
        self._lineage: Lineage | None = None
        self._is_loaded = False

    @property
    def _root(self) -> Root:
        return self._index.root

    def lineage(self) -> Lineage:
        """The graph of every manifest that is here, those fetched included."""
        if self._lineage is None:
            if not self._is_loaded:
                self._load()
                self._is_loaded = True
            self._lineage = self._joined()
        return self._lineage

    def refresh(self, ids: Iterable[ObjectId]) -> bool:
        """Looks at the files of some manifests; where one is not what was remembered, reads it again.

        True if anything was: then what was asked of the former `lineage()` must be asked again.
        """
        wanted: dict[str, list[bytes]] = {}
        for id in ids:
            for place in (SHARED, FETCHED):
                folder = f"{place}/manifest/{id.hex[:2]}"
                fan = self._fans.get(folder)
                if fan is not None and id.raw not in fan.fresh and fan.state(id.raw) is not None:
                    wanted.setdefault(folder, []).append(id.raw)
        changed = {folder: self._changed(folder, found) for folder, found in wanted.items()}
        stale = {folder: found for folder, found in changed.items() if found}
        if not stale:
            return False
        self._lineage = None
        clock = self._index.clock_ns()
        self._read({folder: self._without(folder, found) for folder, found in stale.items()}, clock)
        return True

    def ask(self, question: Callable[[Lineage], tuple[_Answer, Iterable[ObjectId]]]) -> _Answer:
        """Asks the graph a question, again wherever what the answer rests on turns out to have changed.

        `question` returns its answer and every manifest that it rests on. Each round reads some files anew, none twice.
        """
        while True:
            answer, ids = question(self.lineage())
            if not self.refresh(ids):
                return answer

    # -- what is remembered ----------------------------------------------------------------------------------------

    def _load(self) -> None:
        folders = [
            f"{place}/manifest/{entry.name}"
            for place in (SHARED, FETCHED)
            for entry in sorted(self._root.entries(f"{place}/manifest"), key=lambda entry: entry.name)
            if entry.is_folder and _FAN.fullmatch(entry.name)
        ]
        stored = self._index.cache.get_many(EDGES, [folder.encode("ascii") for folder in folders])
        stale: dict[str, _Fan | None] = {}
        for folder in folders:
            raw = stored.get(folder.encode("ascii"))
            fan = None if raw is None else _decode(raw)
            if fan is not None and fan.stamp == self._stamp(folder) and _is_quiet(fan) and not fan.damaged:
                self._fans[folder] = fan
            else:
                stale[folder] = fan
        if stale:
            # The time before anything is listed: what changes from now on is newer.
            self._read(stale, self._index.clock_ns())

    def _read(self, stale: Mapping[str, _Fan | None], clock: int) -> None:
        """Lists some folders again and reads what is not known of them."""
        batch: dict[bytes, bytes] = {}
        for folder, known in stale.items():
            self._fans[folder] = self._listed(folder, known, clock)
            batch[folder.encode("ascii")] = _encode(self._fans[folder])
        self._index.cache.put_many(EDGES, batch)

    def _listed(self, folder: str, known: _Fan | None, clock: int) -> _Fan:
        stamp = self._stamp(folder)
        before = {} if known is None else known.known()
        fresh = set() if known is None else known.fresh
        found: dict[bytes, tuple[Row, bytes]] = {}
        damaged: dict[bytes, str] = {}
        held = dict(self._root.list_states(folder))
        for entry in self._root.entries(folder):
            digits = folder[-2:] + entry.name.removesuffix(ENDING)
            if not entry.name.endswith(ENDING) or not is_hex_id(digits):
                continue
            id = bytes.fromhex(digits)
            if id in before:
                found[id] = before[id]
                continue
            try:
                row = Row.of(id, _manifest(self._root, f"{folder}/{entry.name}", id))
            except NoSuchFile:
                continue
            except Corrupt as error:
                damaged[id] = error.message
                continue
            found[id] = row, _state(held.get(entry.name), clock)
            fresh.add(id)
        fan = _fan(found, stamp=stamp, seen=clock, fresh=fresh)
        fan.damaged = damaged
        return fan

    def _stamp(self, folder: str) -> str:
        state = self._root.stat(folder)
        return "" if state is None else f"{state.st_ino} {state.st_mtime_ns} {state.st_ctime_ns}"

    # -- what is looked at again -----------------------------------------------------------------------------------

    def _changed(self, folder: str, ids: list[bytes]) -> list[bytes]:
        """Those of some manifests whose files are not as they were when they were read."""
        fan = self._fans[folder]
        if len(ids) >= LISTED_MIN:
            held = dict(self._root.list_states(folder))
            now = {id: held.get(_name(id)) for id in ids}
        else:
            now = {id: self._root.stat(f"{folder}/{_name(id)}") for id in ids}
        before = {id: fan.state(id) for id in ids}
        return [id for id in ids if before[id] in (_UNSETTLED, None) or before[id] != _state(now[id], None)]

    def _without(self, folder: str, ids: list[bytes]) -> _Fan:
        """What is known of a folder, less some manifests."""
        fan, gone = self._fans[folder], set(ids)
        known = {id: row for id, row in fan.known().items() if id not in gone}
        return _fan(known, stamp=fan.stamp, seen=fan.seen, fresh=fan.fresh)

    # -- one graph -------------------------------------------------------------------------------------------------

    def _joined(self) -> Lineage:
        """The graph. What Git carries goes before what was fetched, as it does for whoever reads the object."""
        shared = [fan for folder, fan in sorted(self._fans.items()) if folder.startswith(f"{SHARED}/")]
        fetched = [fan for folder, fan in sorted(self._fans.items()) if folder.startswith(f"{FETCHED}/")]
        damaged = {id: text for fan in shared for id, text in fan.damaged.items()}
        parts = [fan.rows for fan in shared]
        if fetched:
            taken = {id for fan in shared for id in (*fan.rows.id_list(), *fan.damaged)}
            for fan in fetched:
                parts.append(pack(row for row in fan.rows.rows() if row.id not in taken))
                damaged.update((id, text) for id, text in fan.damaged.items() if id not in taken)
        return Lineage(parts, {ObjectId(id): text for id, text in damaged.items()})


def _name(id: bytes) -> str:
    return id.hex()[2:] + ENDING


def _manifest(root: Root, path: str, id: bytes) -> Manifest:
    """Reads one manifest, checked against its id. Errors: `Corrupt`, `NoSuchFile`."""
    kind = type_named("manifest")
    data = root.read(path, size_max=kind.size_max)
    link = Link("manifest", ObjectId(id))
    if hash_bytes(data) != link.id:
        raise mismatch(link, root.full(path), data)
    value = kind.decode(data)
    assert isinstance(value, Manifest)
    return value


def _is_quiet(fan: _Fan) -> bool:
    return fan.seen >= int(fan.stamp.split()[1]) + QUIET_NS if fan.stamp else False


def _state(state: os.stat_result | None, clock: int | None) -> bytes:
    """A file's state as it is remembered; with a clock, only if the file was quiet when it was read."""
    if state is None or (clock is not None and max(state.st_mtime_ns, state.st_ctime_ns) + QUIET_NS > clock):
        return _UNSETTLED
    return _STATE.pack(state.st_ino, state.st_mtime_ns % 2**64, state.st_ctime_ns % 2**64, state.st_size)


def _encode(fan: _Fan) -> bytes:
    """Shape: length of the head (u32), head (JSON), states in the order of the ids, columns."""
    head = json.dumps([fan.stamp, fan.seen, [id.hex() for id in fan.damaged]]).encode("ascii")
    return b"".join((_HEAD.pack(len(head)), head, _HEAD.pack(len(fan.states)), fan.states, encode(fan.rows)))


def _decode(raw: bytes) -> _Fan | None:
    """Reads what `_encode` wrote; None for anything else."""
    try:
        start = _HEAD.size + _HEAD.unpack_from(raw)[0]
        stamp, seen, damaged = json.loads(raw[_HEAD.size : start])
        length = _HEAD.unpack_from(raw, start)[0]
        start += _HEAD.size
        rows = decode(raw[start + length :])
        if length != len(rows) * _STATE.size:
            return None
        return _Fan(
            stamp=str(stamp),
            seen=int(seen),
            rows=rows,
            states=raw[start : start + length],
            damaged={bytes.fromhex(text): "" for text in damaged},
        )
    except (struct.error, BadColumns, ValueError, TypeError):
        return None
