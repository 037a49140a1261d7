"""`pacha gc --remote`: removes from a remote what nothing there names any more. For remotes of one's own.

Two phases, and the log says both before anything goes. First an entry takes packs and indexes off the list: a push that
relied on one loses its place in the log to that entry, looks again, and sends what it needs under another name. At
least one grace later, by the remote's own clock, the next gc says so once more and deletes the files: whoever was still
reading by an older list has long finished. What no entry ever named was left by a push that was cut or by a merge.

Longer than most modules: what is kept, what is taken off the list and what is deleted are one argument.
Source: docs/decisions/0038-gc-of-remotes.md.
"""

import os
import random
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from pacha.base.errors import Unsupported
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_leaf
from pacha.objects.types import Link, Storage
from pacha.porcelain.connect import Connection
from pacha.porcelain.gc import DEAD_SHARE_MIN
from pacha.porcelain.push import ATTEMPTS_MAX, PAUSE_SECONDS_MAX, PushLost
from pacha.porcelain.remote_live import differences, live_data, with_bases, without
from pacha.porcelain.remote_objects import RemoteObjects
from pacha.porcelain.workspace import Workspace
from pacha.remotes.entries import Chained, LogEntry
from pacha.remotes.folder import TEMPORARY
from pacha.remotes.holdings import Holdings, IndexCache
from pacha.remotes.keys import (
    CHECKPOINT_ENTRIES,
    DELTA_ENTRIES,
    INDEXES,
    LOG,
    PACKS,
    PROBE,
    check_key,
    index_key,
    log_key,
    pack_key,
)
from pacha.remotes.log import append, read_entries, read_state
from pacha.remotes.remote import Remote, Stored
from pacha.remotes.sending import renamed
from pacha.remotes.state import EMPTY, State
from pacha.remotes.upload import Brought, Cargo, bring, next_entry
from pacha.store.record import HEADER_BYTES

#: What tells the time of a remote is written here, and removed again.

#: A file that no entry names is never younger than this when it goes, whatever the grace: whoever writes it is about to
#: write the entry, or the summary of the log, that does. Units: seconds.
NEW_SECONDS_MIN = 3600
#: Unfinished files of other machines are left alone for this long. Units: seconds.
TEMPORARY_SECONDS = 86_400


class CannotList(Unsupported):
    """A remote does not say what it holds, so nothing can be removed from it."""


class Fate(Enum):
    """What happens to a file of a remote."""

    TAKEN_OFF = "taken off the list"
    REWRITTEN = "rewritten"
    WAITING = "waiting"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteFile:
    """A file that goes, or will. Units: bytes."""

    key: str
    fate: Fate
    size: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteGcReport:
    """What was done, or would be. Units: bytes. `number` is the entry of the log that says so, None if there is none."""

    remote: str
    url: str
    is_dry_run: bool
    grace_seconds: int
    number: int | None
    files: tuple[RemoteFile, ...]
    freed_bytes: int
    waiting_bytes: int


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What one look came to. `dead` are DATA objects that no ref reaches, by pack that is rewritten or dropped."""

    state: State
    packs_added: tuple[ObjectId, ...] = ()
    packs_removed: set[ObjectId] = field(default_factory=set)
    indexes_added: tuple[ObjectId, ...] = ()
    indexes_removed: set[ObjectId] = field(default_factory=set)
    rewrite: dict[ObjectId, set[ObjectId]] = field(default_factory=dict)
    delete: list[str] = field(default_factory=list)
    files: list[RemoteFile] = field(default_factory=list)

    @property
    def is_nothing(self) -> bool:
        """Tells whether the log has nothing to say."""
        return not (
            self.packs_added or self.packs_removed or self.indexes_added or self.indexes_removed or self.rewrite
        )


def gc_remote(
    workspace: Workspace, connection: Connection, *, grace_seconds: int, writer: str, dry_run: bool = True
) -> RemoteGcReport:
    """Removes, or with `dry_run` says what would be removed.

    Errors: `CannotList`, `CannotCollect` and other `Corrupt` where the remote is damaged: then nothing is removed.
    Crash: files that no entry names; the next gc takes them.
    """
    if not connection.remote.can_list or not connection.remote.can_write:
        raise CannotList(
            f"{connection.remote.url}: cannot be listed or written, so nothing can be removed from it",
            hint="run it where the remote's files lie, or with credentials that may list and delete",
        )
    for _ in range(ATTEMPTS_MAX):
        plan = _Look(workspace, connection, grace_seconds).plan()
        if dry_run or plan.is_nothing:
            return _done(connection, plan, grace_seconds, number=None, is_dry_run=dry_run)
        entry = _entry(workspace, connection, plan, writer)
        after = append(connection.remote, plan.state, entry)
        if after is not None:
            connection.take(after)
            return _done(connection, plan, grace_seconds, number=after.number, is_dry_run=False)
        time.sleep(random.uniform(0, PAUSE_SECONDS_MAX))
        connection.refresh()
    raise PushLost(f"{connection.remote.url}: others pushed again and again", hint="run the command again")


class _Look:
    """One look at a remote: what it lists, what lies there, and what its refs reach."""

    def __init__(self, workspace: Workspace, connection: Connection, grace_seconds: int) -> None:
        self._workspace = workspace
        self._remote = connection.remote
        self._grace = grace_seconds
        self._now = _clock(self._remote)
        # As somebody sees it who was never here: with what was merged in the place of what went into it.
        self._state = read_state(self._remote)
        self._log = _replay(self._remote, self._state.number)
        self._written = EMPTY.after(self._log)
        cache = IndexCache(connection.root, f"{connection.folder}/indexes")
        self._holdings = Holdings(self._remote, self._state, cache)
        self._holdings.load()
        self._times = {stored.key: stored.modified for stored in self._remote.list(LOG)}
        self._plan = _Plan(state=self._state)

    def plan(self) -> _Plan:
        """What is to be done."""
        state, written, plan = self._state, self._written, self._plan
        plan.packs_added = tuple(sorted(state.packs.keys() - written.packs.keys()))
        plan.indexes_added = tuple(sorted(state.indexes.keys() - written.indexes.keys()))
        self._unreached()
        self._unlisted(
            PACKS, {pack_key(id): id for id in written.packs}, {pack_key(id) for id in state.packs}, plan.packs_removed
        )
        self._unlisted(
            INDEXES,
            {index_key(id): id for id in written.indexes},
            {index_key(id) for id in state.indexes},
            plan.indexes_removed,
        )
        if self._remote.can_list:
            self._temporaries()
        if not (plan.packs_removed or plan.indexes_removed or plan.rewrite):
            plan.packs_added = plan.indexes_added = ()
        return plan

    # -- what no ref reaches ---------------------------------------------------------------------------------------

    def _unreached(self) -> None:
        holdings = self._holdings
        objects = RemoteObjects(self._workspace.repository.objects, holdings)
        refs = [held.link for held in self._state.refs.values()]
        live = live_data(objects, holdings, refs)
        records = {pack: found for pack, found in _contents(holdings).items() if self._is_data(pack)}
        if all(link.id in live for found in records.values() for link in found):
            return
        found_differences = differences(holdings)
        seen: set[Link] = set()
        while True:
            kept = with_bases(live, found_differences)
            plan = {pack: self._judge(pack, found, kept) for pack, found in records.items()}
            # What stays on the list keeps what it names: whoever pushes looks no further than that (I1).
            staying = {
                link
                for pack, fate in plan.items()
                for link in records[pack]
                if fate is None and link.id not in live and not is_leaf(link)
            }
            if staying <= seen:
                break
            seen |= staying
            live |= live_data(objects, holdings, staying)
        for pack, fate in sorted(plan.items()):
            if fate is not None:
                self._take_off(pack, fate, {link.id for link in records[pack]} - kept)

    def _is_data(self, pack: ObjectId) -> bool:
        return self._state.packs[pack].pack.storage is Storage.DATA

    def _judge(self, pack: ObjectId, records: Mapping[Link, int], live: set[ObjectId]) -> Fate | None:
        """What is to happen to a pack of which some is not live; None if it stays as it is."""
        dead = {link: size for link, size in records.items() if link.id not in live}
        if len(dead) == len(records):
            return Fate.TAKEN_OFF
        is_worth = sum(dead.values()) >= DEAD_SHARE_MIN * max(self._holdings.size_of(pack), 1)
        return Fate.REWRITTEN if dead and is_worth else None

    def _take_off(self, pack: ObjectId, fate: Fate, dead: set[ObjectId]) -> None:
        size = self._holdings.size_of(pack)
        if fate is Fate.REWRITTEN:
            self._plan.rewrite[pack] = dead
            self._note(pack_key(pack), fate, size, f"no ref reaches {len(dead)} of its objects")
        else:
            self._plan.packs_removed.add(pack)
            self._note(pack_key(pack), fate, size, "no ref reaches any of it")

    # -- what nothing lists ----------------------------------------------------------------------------------------

    def _unlisted(self, prefix: str, written: Mapping[str, ObjectId], listed: set[str], removed: set[ObjectId]) -> None:
        """Takes off the list what was merged away; deletes what has been off it for a whole grace."""
        announced = self._announced(prefix)
        for stored in self._remote.list(prefix):
            id = _id_in(stored.key)
            if id is None or stored.key in listed:
                continue
            if stored.key in written:
                removed.add(id)
                self._note(stored.key, Fate.TAKEN_OFF, stored.size, "merged into another")
                if not self._grace:
                    self._delete(stored, id, removed, "merged into another")
            elif id in announced:
                if self._is_old(announced[id]):
                    self._delete(stored, id, removed, "off the list for a whole grace")
                else:
                    self._note(stored.key, Fate.WAITING, stored.size, "off the list for less than the grace")
            elif self._is_old(stored.modified) and stored.modified <= self._now - NEW_SECONDS_MIN:
                removed.add(id)
                self._note(
                    stored.key,
                    Fate.TAKEN_OFF,
                    stored.size,
                    "no entry names it: left by a push that was cut, or a merge",
                )
            else:
                self._note(stored.key, Fate.WAITING, stored.size, "younger than the grace")

    def _announced(self, prefix: str) -> dict[ObjectId, float]:
        """When the log first said that something goes: by the remote's own clock."""
        found: dict[ObjectId, float] = {}
        for each in self._log:
            entry = each.entry
            added = entry.packs_added if prefix == PACKS else entry.indexes_added
            gone = entry.packs_removed if prefix == PACKS else entry.indexes_removed
            for item in added:
                found.pop(item.id, None)
            for id in gone:
                found.setdefault(id, self._times.get(log_key(entry.number), self._now))
        return found

    def _delete(self, stored: Stored, id: ObjectId, removed: set[ObjectId], reason: str) -> None:
        """Deletes after the entry has said so once more: from then on no push names it again.

        What a push may not know any more after the next checkpoint is not deleted right before one.
        """
        room = CHECKPOINT_ENTRIES - (self._state.number + 1) % CHECKPOINT_ENTRIES
        if room < DELTA_ENTRIES:
            self._note(stored.key, Fate.WAITING, stored.size, "a checkpoint is near")
            return
        removed.add(id)
        self._plan.delete.append(stored.key)
        self._note(stored.key, Fate.DELETED, stored.size, reason)

    def _temporaries(self) -> None:
        """Unfinished files of pushes into a folder, once they are old. What cannot be dated stays."""
        for stored in self._remote.list(f"{TEMPORARY}/"):
            if 0 < stored.modified <= self._now - max(self._grace, TEMPORARY_SECONDS):
                self._plan.delete.append(stored.key)
                self._note(stored.key, Fate.DELETED, stored.size, "left by a push that was cut")

    def _is_old(self, modified: float) -> bool:
        """Whether something is older than the grace; what has no time, or one that has not come yet, is not."""
        return 0 < modified <= self._now - self._grace

    def _note(self, key: str, fate: Fate, size: int, reason: str) -> None:
        self._plan.files.append(RemoteFile(key=key, fate=fate, size=size, reason=reason))


def _contents(holdings: Holdings) -> dict[ObjectId, dict[Link, int]]:
    """The objects of each pack, with the bytes that each takes there."""
    found: dict[ObjectId, dict[Link, int]] = {}
    for id, place in holdings.records():
        found.setdefault(place.pack, {})[Link(place.type, id)] = place.stored_length + HEADER_BYTES
    return found


def _clock(remote: Remote) -> float:
    """What time it is at the remote: that of a file which was just written there. Units: seconds since 1970.

    Errors: `CannotList` where it does not say.
    """
    key = check_key(f"{PROBE}{os.urandom(8).hex()}")
    remote.create(key, key.encode("ascii"))
    try:
        found = [stored.modified for stored in remote.list(PROBE) if stored.key == key]
    finally:
        remote.delete(key)
    if not found or found[0] <= 0:
        raise CannotList(f"{remote.url}: does not say when its files were written, so nothing can be removed from it")
    return found[0]


def _replay(remote: Remote, tip: int) -> list[Chained]:
    """Every entry, oldest first. Errors: `BadEntry`."""
    found: list[Chained] = []
    for file in read_entries(remote, tip):
        found.extend(file)
    found.reverse()
    return found


def _id_in(key: str) -> ObjectId | None:
    """The pack or index that a key names; None for what Pacha did not put there."""
    stem = key.rpartition("/")[2].partition(".")[0]
    is_id = len(stem) == 64 and set(stem) <= set("0123456789abcdef")
    return ObjectId.parse(stem) if is_id else None


def _entry(workspace: Workspace, connection: Connection, plan: _Plan, writer: str) -> LogEntry:
    """The entry that says it; what is rewritten is brought first (I2)."""
    state, remote = plan.state, connection.remote
    holdings = Holdings(remote, state, IndexCache(connection.root, f"{connection.folder}/indexes"))
    holdings.load()
    packs = [pack for old, dead in sorted(plan.rewrite.items()) if (pack := without(holdings, old, dead)) is not None]
    taken = state.removed_packs | plan.packs_removed | state.packs.keys()
    brought = bring(remote, Cargo(data=tuple(renamed(packs, taken))), workspace.repository.progress)
    merged = tuple(state.packs[id].pack for id in plan.packs_added if id not in plan.rewrite)
    indexes = tuple(state.indexes[id].index for id in plan.indexes_added)
    return next_entry(
        state,
        updates=(),
        brought=replace(
            brought if packs else Brought(), packs=(*brought.packs, *merged), indexes=(*brought.indexes, *indexes)
        ),
        removed=sorted(plan.packs_removed | plan.rewrite.keys()),
        indexes_removed=sorted(plan.indexes_removed),
        writer=writer,
        time=workspace.repository.now(),
    )


def _done(
    connection: Connection, plan: _Plan, grace_seconds: int, *, number: int | None, is_dry_run: bool
) -> RemoteGcReport:
    if not is_dry_run:
        listed = {pack_key(id) for id in connection.state.packs} | {index_key(id) for id in connection.state.indexes}
        for key in plan.delete:
            if key not in listed:
                connection.remote.delete(key)
    return RemoteGcReport(
        remote=connection.name,
        url=connection.remote.url,
        is_dry_run=is_dry_run,
        grace_seconds=grace_seconds,
        number=number,
        files=tuple(_last(plan.files)),
        freed_bytes=sum(file.size for file in _last(plan.files) if file.fate is Fate.DELETED),
        waiting_bytes=sum(file.size for file in _last(plan.files) if file.fate is not Fate.DELETED),
    )


def _last(files: Iterable[RemoteFile]) -> Iterator[RemoteFile]:
    """What was said last of each file."""
    yield from {file.key: file for file in files}.values()
