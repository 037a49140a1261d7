"""`pacha push`: brings a remote what it lacks, then moves its refs, all with one entry of its log.

What is missing is asked of the remote each time. Where somebody else pushes in between, the rules are looked at again
and the push goes on; bytes that are there already are not sent twice.
"""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pacha.base.errors import Corrupt, RemoteFailed
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_data
from pacha.objects.types import Link
from pacha.porcelain.connect import Connection, make_format
from pacha.porcelain.erasures import Erasures
from pacha.porcelain.push_check import Unsound, examine, lacking
from pacha.porcelain.pushing import Planned, PushOptions, plan_refs
from pacha.porcelain.remote_statements import RemoteStatements
from pacha.porcelain.workspace import Workspace
from pacha.remotes.choosing import Choice, Lines, NotHere
from pacha.remotes.compact import is_due, write_down
from pacha.remotes.entries import Update
from pacha.remotes.log import append
from pacha.remotes.probe import check_may_write
from pacha.remotes.sending import data_packs, meta_packs, needed, renamed
from pacha.remotes.upload import Cargo, bring, next_entry, put_index
from pacha.store.data import DataStore

#: Everybody who pushes at the same moment wins in turn; more losses than this mean that something is wrong.
ATTEMPTS_MAX = 200
#: Units: seconds. Losers wait a random time up to this before they try again.
PAUSE_SECONDS_MAX = 0.25


class PushLost(RemoteFailed):
    """Others moved the remote again and again, and this push never came between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedRef:
    """A ref of the remote that moved. `old` None: it is new; `new` None: it is superseded."""

    ref: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push did, or with `is_dry_run` would do. Units: bytes, of the files that are sent.

    `number` is the entry of the remote's log, None where there was nothing to do. `left_out` are refs whose bytes are
    neither here nor there. `notes` are for people. `unsound` is what a check found wrong on the remote.
    """

    remote: str
    url: str
    number: int | None
    moved: tuple[MovedRef, ...]
    left_out: tuple[str, ...]
    objects: int
    packs: int
    size_bytes: int
    sent_bytes: int
    is_dry_run: bool
    notes: tuple[str, ...] = ()
    unsound: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Load:
    """One attempt: what moves, what is sent for it, and what cannot go."""

    planned: Planned
    cargo: Cargo
    left_out: tuple[str, ...]
    notes: tuple[str, ...] = ()
    unsound: Unsound = field(default_factory=Unsound)
    replaced: tuple[ObjectId, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Tells whether the remote is as it should be."""
        return not (
            self.planned.updates or self.cargo.packs or self.replaced or self.unsound.indexes or self.unsound.made
        )


def push(
    workspace: Workspace, connection: Connection, options: PushOptions, *, writer: str, dry_run: bool = False
) -> Pushed:
    """Pushes. Errors: `PushRefused`, those of `Remote`, `Corrupt` for damage here, `PushLost`.

    Crash: packs that no entry names; the next push of the same takes them up.
    """
    sent = 0
    for _ in range(ATTEMPTS_MAX):
        load = _plan(workspace, connection, options)
        if dry_run or load.is_nothing:
            return _report(connection, load, sent, number=None, is_dry_run=dry_run)
        if connection.is_first:
            check_may_write(connection.remote)
            connection.is_first = False
        make_format(connection, workspace.repository.format.id)
        progress = workspace.repository.progress
        progress.start(f"pushing to {connection.name}", total_bytes=load.cargo.size)
        try:
            brought = bring(connection.remote, load.cargo, progress, anew=load.unsound.packs.keys())
        finally:
            progress.finish()
        sent += brought.sent_bytes
        made = tuple(put_index(connection.remote, data) for data in load.unsound.made)
        added = {pack.id for pack in brought.packs}
        entry = next_entry(
            connection.state,
            updates=load.planned.updates,
            brought=replace(brought, indexes=(*brought.indexes, *made)),
            removed=[pack for pack in load.replaced if pack not in added],
            indexes_removed=[id for id in load.unsound.indexes if id not in {index.id for index in made}],
            writer=writer,
            time=workspace.repository.now(),
        )
        after = append(connection.remote, connection.state, entry)
        if after is not None:
            connection.take(after)
            return _report(connection, load, sent, number=after.number, is_dry_run=False, notes=_write_down(connection))
        time.sleep(random.uniform(0, PAUSE_SECONDS_MAX))
        connection.refresh()
    raise PushLost(
        f"{connection.remote.url}: others pushed {ATTEMPTS_MAX} times before this one", hint="run the command again"
    )


def _plan(workspace: Workspace, connection: Connection, options: PushOptions) -> _Load:
    planned = plan_refs(workspace, connection.state, options)
    if not planned.updates and not planned.ancestors and not options.check:
        return _Load(planned=planned, cargo=Cargo(), left_out=())
    unsound = examine(connection, read_data=options.read_data) if options.check else Unsound()
    connection.holdings.load()
    notes = _without_erased(workspace, connection, planned)
    objects = workspace.repository.objects
    has = connection.holdings.has
    left_out = _leave_out(workspace, connection, planned)
    roots = [*planned.manifests.values(), *planned.ancestors]
    found = needed(objects, meta_roots=_named(planned), data_roots=roots, has=has)
    if options.check:
        for link in lacking(workspace, connection, unsound):
            (found.data if is_data(link) else found.meta)[link] = None
    lines = Lines(connection.holdings)
    found.data.update(dict.fromkeys(_rested_on(objects.data, unsound, lines)))
    choice = Choice(objects.data, lines.within, unsound.rooms)
    cargo = Cargo(
        data=tuple(renamed(data_packs(objects.data, found.data, choice), connection.state.removed_packs)),
        meta=tuple(renamed(meta_packs(objects, found.meta), connection.state.removed_packs)),
    )
    sent = {record.header.id for pack in cargo.packs for record in pack.records}
    elsewhere = {link.id for link in unsound.links if link.id in sent or has(link.id)}
    return _Load(
        planned=planned,
        cargo=cargo,
        left_out=left_out,
        notes=notes,
        unsound=unsound,
        replaced=unsound.replaceable(elsewhere),
    )


def _rested_on(data: DataStore, unsound: Unsound, lines: Lines) -> Iterator[Link]:
    """What was lost, and is still there in a copy with too many bases for what may rest on it."""
    for link in unsound.links:
        room = unsound.rooms.get(link.id)
        if room is not None and not lines.within(link.id, room) and data.has(link.id):
            yield link


def _without_erased(workspace: Workspace, connection: Connection, planned: Planned) -> tuple[str, ...]:
    """Lets no bytes of erased versions go, though this store may still have them. Their META goes: it is history."""
    erasures = Erasures(workspace.repository, RemoteStatements(connection.holdings))
    found = {}
    for link in {*planned.manifests.values(), *planned.ancestors}:
        erasure = erasures.of(link.id)
        if erasure is not None:
            found[link] = f"the bytes of manifest:{link.id.short} are not sent: {erasure.text}"
    planned.manifests = {ref: link for ref, link in planned.manifests.items() if link not in found}
    planned.ancestors = [link for link in planned.ancestors if link not in found]
    return tuple(found[link] for link in sorted(found))


def _named(planned: Planned) -> list[Link]:
    return [update.new for update in planned.updates if update.new is not None]


def _leave_out(workspace: Workspace, connection: Connection, planned: Planned) -> tuple[str, ...]:
    """Takes out the refs whose bytes are neither here nor there: a ref is never pushed without all that it names."""
    objects = workspace.repository.objects
    sound: dict[Link, bool] = {}
    for link in dict.fromkeys([*planned.manifests.values(), *planned.ancestors]):
        try:
            found = needed(objects, meta_roots=(), data_roots=[link], has=connection.holdings.has)
        except NotHere:
            sound[link] = False
            continue
        ids = {item.id for item in found.data}
        sound[link] = ids <= objects.data.has_many(ids)
    gone = {ref for ref, link in planned.manifests.items() if not sound[link]}
    # A head that stays behind supersedes nothing there.
    kept = {ref.folder for ref in gone if ref.namespace == "heads"}
    planned.updates = [
        update
        for update in planned.updates
        if update.ref not in gone and (update.new is not None or update.ref.folder not in kept)
    ]
    planned.manifests = {ref: link for ref, link in planned.manifests.items() if ref not in gone}
    planned.ancestors = [link for link in planned.ancestors if sound[link]]
    return tuple(sorted(map(str, gone)))


def _write_down(connection: Connection) -> tuple[str, ...]:
    """Spares readers the log. What fails here is no failure of the push: the log says all of it."""
    number = connection.state.number
    if not is_due(number):
        return ()
    try:
        write_down(connection.remote, number)
    except (RemoteFailed, Corrupt) as error:
        return (f"pushed; the summary of the log could not be written: {error.message}",)
    return ()


def _report(
    connection: Connection,
    load: _Load,
    sent: int,
    *,
    number: int | None,
    is_dry_run: bool,
    notes: tuple[str, ...] = (),
) -> Pushed:
    unknown = tuple(
        f"{connection.name} also has the head {link.id.short}, which is not known here"
        for link in load.planned.unknown_heads
    )
    kept = len(load.unsound.packs) - len(load.replaced)
    if kept:
        notes = (
            *notes,
            f"{kept} of the packs that are not whole hold what is not here either: another clone may have it",
        )
    return Pushed(
        remote=connection.name,
        url=connection.remote.url,
        number=number,
        moved=tuple(_moved(update) for update in load.planned.updates),
        left_out=load.left_out,
        objects=sum(len(pack.records) for pack in load.cargo.packs),
        packs=len(load.cargo.packs),
        size_bytes=load.cargo.size,
        sent_bytes=sent,
        is_dry_run=is_dry_run,
        notes=(*notes, *load.notes, *unknown),
        unsound=(*load.unsound.packs.values(), *load.unsound.indexes.values()),
    )


def _moved(update: Update) -> MovedRef:
    return MovedRef(
        ref=str(update.ref),
        old=None if update.old is None else str(update.old),
        new=None if update.new is None else str(update.new),
    )
