"""`pacha repack`: stores packs anew where that wins. What is named by any id stays what it is, byte by byte.

First a plan with its price, by samples; then new packs, read back; then the old ones go to the trash, where gc deletes
them after the grace. It drops nothing: that is gc's. Longer than most modules: the plan and its price are one argument.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.porcelain.removing import alone, records_of, trash_folder, young_packs
from pacha.porcelain.resemblance import wishes
from pacha.porcelain.roots import collect, mark
from pacha.porcelain.workspace import Workspace
from pacha.repo.session import Session
from pacha.store.data import DataStore
from pacha.store.packwriter import is_worth
from pacha.store.record import HEADER_BYTES
from pacha.store.repack import (
    Encoder,
    Held,
    Rewrite,
    Rewritten,
    Wish,
    plan_merging,
    rewrite,
    still,
    writer_of,
)
from pacha.store.retire import retire

#: So many records of a pack are encoded to tell what all of it would take.
SAMPLES_PER_PACK = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPrice:
    """A pack that is to be written anew, and why. Units: bytes; `size_after` is an estimate."""

    pack: ObjectId
    reason: str
    size: int
    size_after: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackKept:
    """A pack that had to stay in its place, and why. It is tried again the next time."""

    pack: ObjectId
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepackReport:
    """What was done, or would be. Units: bytes of packs; `size_after` is an estimate where `is_estimate`.

    `read_bytes` and `written_bytes` are the price; `reencoded` counts records, None before it was done. `base_bytes` is
    what nothing rests on any more, and gc frees. `trashed_bytes` lies in the trash until gc deletes it.
    """

    is_dry_run: bool
    is_estimate: bool
    packs: tuple[PackPrice, ...]
    packs_before: int
    packs_after: int
    size_before: int
    size_after: int
    read_bytes: int
    written_bytes: int
    reencoded: int | None
    base_bytes: int
    kept: tuple[PackKept, ...] = ()
    trashed_bytes: int = 0


@dataclass(slots=True, kw_only=True)
class _Plan:
    held: Held
    task: Rewrite
    sizes: dict[ObjectId, int]
    prices: tuple[PackPrice, ...] = ()
    base_bytes: int = 0


def repack(workspace: Workspace, *, grace_seconds: int, dry_run: bool = False) -> RepackReport:
    """Writes packs anew where that wins; with `dry_run` only says what it would cost and bring.

    Errors: `Busy` if a gc or another repack runs or packs were moved, `CannotRepack` and `CannotCollect` where the store
    is damaged, `MachineFailed`: then every pack is where it was. Crash: packs more than needed, none fewer.
    """
    if dry_run:
        return _report(_plan_still(workspace, grace_seconds), Rewritten(), {}, is_dry_run=True)
    with workspace.session() as session, alone(workspace):
        plan = _plan_still(workspace, grace_seconds)
        if not plan.task.packs:
            return _report(plan, Rewritten(), {}, is_dry_run=False)
        done = _write(workspace, session, plan)
        kept = _set_aside(workspace, session, done)
        session.maintain_packs()
        return _report(plan, done, kept, is_dry_run=False)


def _write(workspace: Workspace, session: Session, plan: _Plan) -> Rewritten:
    repository = workspace.repository
    repository.progress.start("storing anew", total_bytes=sum(plan.sizes[pack] for pack in plan.task.packs))
    try:
        return rewrite(
            repository.objects.data, plan.held, plan.task, on_claim=session.claim, workers=repository.jobs,
            progress=repository.progress,
        )  # fmt: skip
    finally:
        repository.progress.finish()


def _set_aside(workspace: Workspace, session: Session, done: Rewritten) -> dict[ObjectId, str]:
    """Moves what was replaced to the trash. Errors: the fault for which that is what was written anew."""
    data = workspace.repository.objects.data
    retired = retire(data, done.replaced, trash_folder(workspace), claimed=session.claimed_by_others)
    if done.fault is not None:
        raise done.fault
    return retired.kept


# -- planning --------------------------------------------------------------------------------------------------------


def _plan_still(workspace: Workspace, grace_seconds: int) -> _Plan:
    data = workspace.repository.objects.data
    data.refresh()
    with still(data, {*data.packs()}):
        return _plan(workspace, grace_seconds)


def _plan(workspace: Workspace, grace_seconds: int) -> _Plan:
    data = workspace.repository.objects.data
    sizes = {id: state.st_size for id, path in data.packs().items() if (state := data.root.stat(path)) is not None}
    held = Held.of(data)
    roots = collect(workspace)
    fixed = roots.claimed | data.damaged.keys()
    levels: Sequence[Mapping[ObjectId, Wish]] = wishes(workspace)
    with writer_of(data, held) as writer:
        due = _due(
            workspace, held, levels, Encoder(data, held, writer), roots.links, young_packs(data, grace_seconds) | fixed
        )
        levels = due.before(levels)
        encoder = Encoder(data, held, writer, due.shunned)
        prices = {
            pack: price
            for pack, price in _prices(data, held, levels, encoder, sizes).items()
            if pack not in fixed and (is_worth(price.size_after, price.size) or pack in due.packs)
        }
    after = {pack: prices[pack].size_after if pack in prices else size for pack, size in sizes.items()}
    for pack in plan_merging({pack: size for pack, size in after.items() if pack not in fixed}):
        if pack not in prices:
            prices[pack] = PackPrice(
                pack=pack, reason="one of many small packs", size=sizes[pack], size_after=sizes[pack], records=0
            )
    return _Plan(
        held=held,
        task=Rewrite(packs=frozenset(prices), levels=levels, shunned=due.shunned),
        sizes=sizes,
        prices=tuple(prices[pack] for pack in sorted(prices)),
        base_bytes=sum(held.places[id].stored_length for id in due.shunned),
    )


def _prices(
    data: DataStore, held: Held, levels: Sequence[Mapping[ObjectId, Wish]], encoder: Encoder, sizes: dict[ObjectId, int]
) -> dict[ObjectId, PackPrice]:
    """What each pack would take: by samples of what could be encoded anew, and without what lies elsewhere too."""
    better: dict[ObjectId, list[tuple[ObjectId, Wish]]] = {pack: [] for pack in sizes}
    for level in levels:
        for id, wish in level.items():
            if encoder.is_open(id, wish) and held.places[id].pack in better:
                better[held.places[id].pack].append((id, wish))
    spare = dict.fromkeys(sizes, 0)
    for id, place in data.records():
        if id in held.places and held.places[id] != place and place.pack in spare:
            spare[place.pack] += place.stored_length + HEADER_BYTES
    found = {}
    for pack, size in sizes.items():
        won = sum(_won(held, encoder, better[pack]))
        reason = "some of it lies in another pack too" if spare[pack] > won else "its tensors can be stored better"
        found[pack] = PackPrice(
            pack=pack, reason=reason, size=size, size_after=max(0, size - spare[pack] - won), records=len(better[pack])
        )
    return found


def _won(held: Held, encoder: Encoder, better: list[tuple[ObjectId, Wish]]) -> Iterator[int]:
    """About how many bytes some records would take less, by every so many of them."""
    step = -(-len(better) // SAMPLES_PER_PACK) or 1
    for id, wish in better[::step]:
        found = encoder.encode(id, wish)
        if found is not None:
            yield (held.places[id].stored_length - len(found.stored)) * step


# -- bases that are kept only as bases -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Due:
    """Records that must leave a base that nothing else needs: those to be stored first, and those that resemble them."""

    first: dict[ObjectId, Wish] = field(default_factory=dict)
    then: dict[ObjectId, Wish] = field(default_factory=dict)
    shunned: frozenset[ObjectId] = frozenset()
    packs: set[ObjectId] = field(default_factory=set)

    def before(self, levels: Sequence[Mapping[ObjectId, Wish]]) -> list[Mapping[ObjectId, Wish]]:
        """The levels with these in front."""
        moved = {*self.first, *self.then}
        rest = [{id: wish for id, wish in level.items() if id not in moved} for level in levels]
        return [self.first, self.then, *rest]


def _due(
    workspace: Workspace,
    held: Held,
    levels: Sequence[Mapping[ObjectId, Wish]],
    encoder: Encoder,
    roots: set[Link],
    staying: set[ObjectId],
) -> _Due:
    """Finds bases that no version names, and whose bytes are more than what it takes to do without them."""
    data = workspace.repository.objects.data
    live = mark(workspace, {*roots, *records_of(data, staying)})
    live |= {id for id, place in data.records() if place.pack in staying}
    order = {id: wish for level in levels for id, wish in level.items()}
    number = {id: number for number, id in enumerate(order)}
    due = _Due()
    shunned = set()
    for base in sorted(held.forest.bases() - live, key=lambda id: id.raw):
        above = held.forest.above(base) & live
        if not above or not above <= order.keys() or any(held.places[id].pack in staying for id in above):
            continue
        first, *others = sorted(above, key=number.__getitem__)
        whole = Wish(element=order[first].element, is_due=True)
        anew = encoder.encode(first, whole)
        before = held.places[base].stored_length + held.places[first].stored_length
        if anew is None or not is_worth(len(anew.stored), before):
            continue
        shunned.add(base)
        due.first[first] = whole
        due.then.update({id: Wish(element=order[id].element, near=first, is_due=True) for id in others})
        due.packs |= {held.places[id].pack for id in above}
    due.shunned = frozenset(shunned)
    return due


# -- telling ---------------------------------------------------------------------------------------------------------


def _report(plan: _Plan, done: Rewritten, kept: dict[ObjectId, str], *, is_dry_run: bool) -> RepackReport:
    is_estimate = is_dry_run and bool(plan.task.packs)
    new = sum(price.size_after for price in plan.prices) if is_estimate else done.size
    total = sum(plan.sizes.values())
    # A pack that came out as it was counts once, among the new ones.
    gone = plan.task.packs - kept.keys()
    return RepackReport(
        is_dry_run=is_dry_run,
        is_estimate=is_estimate,
        packs=plan.prices,
        packs_before=len(plan.sizes),
        packs_after=len(plan.sizes) - len(gone) + (len(done.packs) or bool(plan.task.packs)),
        size_before=total,
        size_after=total - sum(plan.sizes[pack] for pack in gone) + new,
        read_bytes=sum(plan.sizes[pack] for pack in plan.task.packs),
        written_bytes=new,
        reencoded=None if is_estimate else len(done.reencoded),
        base_bytes=plan.base_bytes,
        kept=tuple(PackKept(pack=pack, reason=kept[pack]) for pack in sorted(kept)),
        trashed_bytes=sum(plan.sizes[pack] for pack in done.replaced - kept.keys()),
    )
