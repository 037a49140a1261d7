"""`pacha gc`: frees the space of bytes that nothing names. Writers never stop for it, and nothing goes at once.

Two phases. What nothing names is moved to the trash, from where every reader brings it back; at least one grace later
the next gc looks again and deletes it. After trashing everything is looked at a second time: a process that began to
rely on a pack in between has said so in its journal, or has already drafted what it stored (I10).

Longer than most modules: planning, trashing and looking again are one argument, read from top to bottom.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from pacha.base.files import Root
from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.porcelain.removing import DAY_SECONDS, alone, records_of, trash_folder, young_packs
from pacha.porcelain.repack import RepackReport, repack
from pacha.porcelain.roots import Roots, collect, mark
from pacha.porcelain.workspace import Workspace
from pacha.store.chains import bases_of
from pacha.store.data import TRASH_FOLDER, DataStore
from pacha.store.merge import copy_records
from pacha.store.meta import meta_path, meta_types
from pacha.store.record import HEADER_BYTES

TEMPORARY = "local/tmp"
#: A pack with less dead weight than this is not worth copying.
DEAD_SHARE_MIN = 0.25
#: META is small, and a command writes it some moments before the refs that name it: younger files are never touched.
META_SECONDS_MIN = DAY_SECONDS
#: Unfinished files of processes of other machines are left alone for this long.
TEMPORARY_SECONDS = DAY_SECONDS


class Action(Enum):
    """What happens to a pack."""

    KEEP = "keep"
    REWRITE = "rewrite"
    TRASH = "trash"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPlan:
    """One pack. Units: bytes; `dead_bytes` is what nothing names."""

    pack: ObjectId
    action: Action
    reason: str
    size: int
    dead_bytes: int
    records: int
    dead_records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Litter:
    """A file that can go: in the trash long enough, left by a dead process, or META that nothing names."""

    path: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GcReport:
    """What was done, or would be. Units: bytes. `freed_bytes` is gone, `trashed_bytes` waits in the trash."""

    is_dry_run: bool
    grace_seconds: int
    live_objects: int
    sources: dict[str, int]
    packs: tuple[PackPlan, ...]
    deleted: tuple[Litter, ...]
    trashed: tuple[Litter, ...]
    waiting: tuple[Litter, ...]
    restored: tuple[str, ...]
    freed_bytes: int
    trashed_bytes: int
    repack: RepackReport | None = None


@dataclass(slots=True, kw_only=True)
class _Plan:
    roots: Roots
    live: set[ObjectId]
    packs: list[PackPlan]
    meta: list[Litter]


#: Chooses again what must stay, where less than everything that is named must: see `gc_pushed`.
Narrow = Callable[[Roots], Roots]


def gc(
    workspace: Workspace,
    *,
    grace_seconds: int,
    dry_run: bool = False,
    store_anew: bool = False,
    narrow: Narrow | None = None,
) -> GcReport:
    """Frees space; with `dry_run` only says what it would do. `store_anew` repacks what is left.

    With `narrow` only DATA goes, and what is young as well: it answers for everything that may be named yet.
    Errors: `Busy` if another gc runs, `CannotCollect`, `GitFailed`: then nothing is deleted.
    Crash: extra files, never missing ones.
    """
    # What is not here is not asked for elsewhere: to look for what may go must bring nothing.
    with workspace.repository.objects.data.filled_by(None):
        report = _gc(workspace, grace_seconds, narrow, dry_run=dry_run)
    if store_anew:
        report = replace(report, repack=repack(workspace, grace_seconds=grace_seconds, dry_run=dry_run))
    return report


def _gc(workspace: Workspace, grace_seconds: int, narrow: Narrow | None, *, dry_run: bool) -> GcReport:
    if dry_run:
        plan = _plan(workspace, grace_seconds, narrow)
        old, waiting = _old_trash(workspace, grace_seconds)
        litter = [*old, *temporaries(workspace)]
        return _report(plan, litter, plan.meta, waiting, (), grace_seconds, is_dry_run=True)
    with workspace.session(), alone(workspace):
        return _collect(workspace, grace_seconds, narrow)


def _collect(workspace: Workspace, grace_seconds: int, narrow: Narrow | None) -> GcReport:
    plan = _plan(workspace, grace_seconds, narrow)
    trashed = _trash(workspace, plan)
    # Somebody may have begun to rely on what is in the trash now: their journal or draft says so.
    roots = _roots(workspace, narrow)
    live = _live(workspace, roots, roots.claimed)
    restored = _restore_needed(workspace, live | roots.claimed)
    deleted, waiting = _old_trash(workspace, grace_seconds)
    litter = temporaries(workspace)
    for item in (*deleted, *litter):
        workspace.repository.shared.remove(item.path)
    _remove_empty_trash(workspace.repository.shared)
    return _report(plan, [*deleted, *litter], trashed, waiting, restored, grace_seconds, is_dry_run=False)


# -- planning --------------------------------------------------------------------------------------------------------


def _roots(workspace: Workspace, narrow: Narrow | None) -> Roots:
    roots = collect(workspace)
    return roots if narrow is None else narrow(roots)


def _plan(workspace: Workspace, grace_seconds: int, narrow: Narrow | None) -> _Plan:
    """Chooses. What stays in place keeps what it names (I1), so packs that stay are roots too."""
    data = workspace.repository.objects.data
    roots = _roots(workspace, narrow)
    young = young_packs(data, grace_seconds) if narrow is None else set()
    kept = young | (roots.claimed & data.packs().keys())
    live = _live(workspace, roots, kept)
    while True:
        packs = _pack_plans(
            data, live, young=young, claimed=roots.claimed, threshold=DEAD_SHARE_MIN if grace_seconds else 0
        )
        staying = {item.pack for item in packs if item.action is Action.KEEP and item.dead_records}
        if staying <= kept:
            break
        kept |= staying
        live = _live(workspace, roots, kept)
    meta = _unused_meta(workspace, roots, grace_seconds) if narrow is None else []
    return _Plan(roots=roots, live=live, packs=packs, meta=meta)


def _live(workspace: Workspace, roots: Roots, kept: set[ObjectId]) -> set[ObjectId]:
    """What the roots reach, what packs that stay name, and what the records of both are differences to (I9)."""
    data = workspace.repository.objects.data
    live = mark(workspace, {*roots.links, *records_of(data, kept)})
    staying = {id for id, place in data.records() if place.pack in kept}
    return live | bases_of(data.storage_bases(), live | staying)


def _pack_plans(
    data: DataStore, live: set[ObjectId], *, young: set[ObjectId], claimed: set[ObjectId], threshold: float
) -> list[PackPlan]:
    counts: dict[ObjectId, list[int]] = {id: [0, 0, 0] for id in data.packs()}
    for id, place in data.records():
        row = counts.setdefault(place.pack, [0, 0, 0])
        row[0] += 1
        if id not in live:
            row[1] += 1
            row[2] += place.stored_length + HEADER_BYTES
    plans = []
    for pack, (records, dead_records, dead_bytes) in sorted(counts.items()):
        path = data.packs().get(pack)
        state = None if path is None else data.root.stat(path)
        if state is None:
            continue
        action, reason = Action.KEEP, "all of it is in use"
        if pack in data.damaged:
            reason = "damaged; run `pacha fsck`"
        elif dead_records and pack in young:
            reason = "younger than the grace"
        elif dead_records and pack in claimed:
            reason = "a running command relies on it"
        elif dead_records == records:
            action, reason = Action.TRASH, "nothing names any of it"
        elif dead_bytes > threshold * state.st_size:
            action, reason = Action.REWRITE, f"nothing names {dead_records} of its {records} objects"
        elif dead_records:
            reason = "too little of it is unused to be worth copying"
        plans.append(
            PackPlan(
                pack=pack, action=action, reason=reason, size=state.st_size, dead_bytes=dead_bytes, records=records,
                dead_records=dead_records,
            )
        )  # fmt: skip
    return plans


def _unused_meta(workspace: Workspace, roots: Roots, grace_seconds: int) -> list[Litter]:
    """META that no ref reaches and Git does not track: left by a command that was refused. Never what Git tracks."""
    repository = workspace.repository
    reached = _reached_meta(workspace, roots)
    tracked: set[str] = set()
    if repository.git is not None:
        folder = repository.git.relative(repository.root.path)
        tracked = {path.removeprefix(f"{folder}/") for path in repository.git.tracked(f"{folder}/objects")}
    now = repository.root.clock_ns()
    found = []
    for kind in meta_types():
        for link in repository.objects.meta.links(kind.name):
            path = meta_path(link)
            state = repository.root.stat(path)
            if link in reached or path in tracked or state is None:
                continue
            if now - state.st_mtime_ns >= max(grace_seconds, META_SECONDS_MIN) * 10**9:
                found.append(
                    Litter(path=path, size=state.st_size, reason="no ref reaches it and Git does not track it")
                )
    return found


def _reached_meta(workspace: Workspace, roots: Roots) -> set[Link]:
    objects = workspace.repository.objects
    reached: set[Link] = set()
    todo = [link for link in roots.links if link.type in {kind.name for kind in meta_types()}]
    while todo:
        link = todo.pop()
        if link in reached:
            continue
        reached.add(link)
        todo.extend(inner for inner in objects.references(link) if inner.type in {kind.name for kind in meta_types()})
    return reached


# -- doing -----------------------------------------------------------------------------------------------------------


def _trash(workspace: Workspace, plan: _Plan) -> list[Litter]:
    data, shared = workspace.repository.objects.data, workspace.repository.shared
    folder = trash_folder(workspace)
    moved = []
    for item in plan.packs:
        if item.action is Action.REWRITE and not copy_records(data, [item.pack], lambda id: id in plan.live):
            continue
        # One that another process has merged meanwhile waits for the next gc.
        if item.action is not Action.KEEP and data.set_aside(item.pack, f"{folder}/{item.pack}.pack"):
            moved.append(Litter(path=f"{folder}/{item.pack}.pack", size=item.size, reason=item.reason))
    for meta in plan.meta:
        root = workspace.repository.root
        if root.path == shared.path:
            root.move(meta.path, f"{folder}/{meta.path.replace('/', '-')}")
            moved.append(Litter(path=f"{folder}/{meta.path.replace('/', '-')}", size=meta.size, reason=meta.reason))
    data.refresh()
    return moved


def _restore_needed(workspace: Workspace, needed: set[ObjectId]) -> tuple[str, ...]:
    """Brings back trashed packs that a process claims, or that hold an object that is live again.

    They are needed where it lies nowhere else, or where it cannot be read: of two repacks at once that died midway, each
    may have set aside what the other's records rest on.
    """
    data = workspace.repository.objects.data
    restored: list[str] = []
    while True:
        before = len(restored)
        endless = data.endless() & needed
        for pack, path in data.trashed().items():
            ids = data.ids_in(path, pack)
            if pack in needed or ids & endless or any(id in needed and not data.is_in_place(id) for id in ids):
                data.bring_back(pack, path)
                restored.append(pack.hex)
        if len(restored) == before:
            return tuple(restored)
        # What came back may be stored as a difference to what is still in the trash.
        needed |= bases_of(data.storage_bases(), needed)


def _old_trash(workspace: Workspace, grace_seconds: int) -> tuple[list[Litter], list[Litter]]:
    """What has lain in the trash for a whole grace and is still not needed, and what has to wait."""
    shared = workspace.repository.shared
    now = shared.clock_ns()
    old: list[Litter] = []
    waiting: list[Litter] = []
    for folder in shared.entries(TRASH_FOLDER):
        place = f"{TRASH_FOLDER}/{folder.name}"
        state = shared.stat(place)
        if not folder.is_folder or state is None:
            continue
        is_due = now - state.st_mtime_ns >= grace_seconds * 10**9
        for name, file in shared.list_states(place):
            item = Litter(path=f"{place}/{name}", size=file.st_size, reason="in the trash for a whole grace")
            (old if is_due else waiting).append(item)
    return old, waiting


def _remove_empty_trash(shared: Root) -> None:
    for folder in shared.entries(TRASH_FOLDER):
        if folder.is_folder:
            shared.remove_folder(f"{TRASH_FOLDER}/{folder.name}")


def temporaries(workspace: Workspace) -> list[Litter]:
    """Unfinished files whose process is gone."""
    shared = workspace.repository.shared
    now = shared.clock_ns()
    found = []
    for name, state in shared.list_states(TEMPORARY):
        pid = name.partition(".")[0]
        is_dead = pid.isdecimal() and int(pid) != os.getpid() and not _runs(int(pid))
        if is_dead or now - state.st_mtime_ns >= TEMPORARY_SECONDS * 10**9:
            found.append(
                Litter(path=f"{TEMPORARY}/{name}", size=state.st_size, reason="left by a process that is gone")
            )
    return found


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _report(
    plan: _Plan, deleted: list[Litter], trashed: list[Litter], waiting: list[Litter], restored: tuple[str, ...],
    grace_seconds: int, *, is_dry_run: bool,
) -> GcReport:  # fmt: skip
    return GcReport(
        is_dry_run=is_dry_run,
        grace_seconds=grace_seconds,
        live_objects=len(plan.live),
        sources=plan.roots.sources,
        packs=tuple(plan.packs),
        deleted=tuple(deleted),
        trashed=tuple(trashed),
        waiting=tuple(waiting),
        restored=restored,
        freed_bytes=sum(item.size for item in deleted),
        trashed_bytes=sum(item.dead_bytes for item in plan.packs if item.action is not Action.KEEP)
        + sum(item.size for item in plan.meta),
    )
