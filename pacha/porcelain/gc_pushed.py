"""`pacha gc --pushed`: frees the bytes that a remote has, but for those of what is checked out.

The remote is asked for each object anew: one of its refs must reach it, and the pack that it lies in must be there and
whole in length. Trees go with their contents, so that what is absent then is absent as after a clone without bytes, and
`pacha pull` brings it back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_data, walk
from pacha.objects.manifest import Manifest
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.connect import Connection
from pacha.porcelain.erasures import data_roots
from pacha.porcelain.fsck_remote import unsound_packs
from pacha.porcelain.gc import Action, GcReport, PackPlan, gc
from pacha.porcelain.roots import Roots, checked_out_elsewhere, draft_links
from pacha.porcelain.workspace import Workspace
from pacha.remotes.holdings import Holdings
from pacha.store.objects import Objects


def gc_pushed(workspace: Workspace, connection: Connection, *, grace_seconds: int, dry_run: bool) -> GcReport:
    """Frees local DATA that a remote has. Errors: as `gc`, those of `Remote`: then nothing is freed.

    Crash: as `gc`.
    """
    with workspace.repository.objects.data.filled_by(None):
        pushed = _Pushed(workspace, connection)
        report = gc(workspace, grace_seconds=grace_seconds, dry_run=dry_run, narrow=pushed.narrow)
    return replace(report, packs=tuple(_said(plan, connection.name) for plan in report.packs))


def _said(plan: PackPlan, remote: str) -> PackPlan:
    """A plan with the reason that counts here."""
    if plan.action is Action.TRASH:
        return replace(plan, reason=f"{remote} has all of it")
    if plan.action is Action.REWRITE:
        return replace(plan, reason=f"{remote} has {plan.dead_records} of its {plan.records} objects")
    return plan


class _Pushed:
    """What one remote has, as it was just asked."""

    def __init__(self, workspace: Workspace, connection: Connection) -> None:
        self._workspace = workspace
        # What lies there, not what this machine remembers of it.
        self._holdings = Holdings(connection.remote, connection.state)
        self._holdings.load()
        self._unsound = unsound_packs(self._holdings).keys()
        # Asked once: to walk again would read, and so bring back, what was just set aside.
        objects = workspace.repository.objects
        self._named = _reached(objects, (held.link for held in self._holdings.state.refs.values()))

    def narrow(self, roots: Roots) -> Roots:
        """What must stay: what is checked out or unfinished, and everything here that the remote lacks."""
        objects = self._workspace.repository.objects
        objects.data.refresh()
        kept = Roots(claimed=roots.claimed)
        kept.add("checked out", self._checked_out())
        kept.add("unfinished", _contents(objects, roots.named.get("unfinished", ())))
        kept.add(
            "only here",
            (
                Link(place.type, id)
                for id, place in objects.data.records()
                if id not in self._named or not self._has(id)
            ),
        )
        return kept

    def _has(self, id: ObjectId) -> bool:
        return any(place.pack not in self._unsound for place in self._holdings.locate(id))

    def _checked_out(self) -> Iterator[Link]:
        workspace = self._workspace
        for known in workspace.every_known:
            if known.draft is not None:
                yield from draft_links(known.draft)
            ids = [*known.heads, *(() if known.memory is None else (known.memory.manifest,))]
            yield from _contents(workspace.repository.objects, (Link("manifest", id) for id in ids))
        for draft in workspace.drafts():
            yield from draft_links(draft)
        yield from checked_out_elsewhere(workspace)


def _reached(objects: Objects, refs: Iterable[Link]) -> set[ObjectId]:
    """The DATA that a remote's refs reach, as far as it is here: gc of the remote leaves that alone."""
    return {visit.link.id for visit in walk(objects, refs) if is_data(visit.link)}


def _contents(objects: Objects, links: Iterable[Link]) -> Iterator[Link]:
    """The DATA that manifests and tags stand for, without that of their history."""
    for link in links:
        if is_data(link):
            yield link
            continue
        try:
            value = objects.load(link)
            if isinstance(value, Tag):
                value = objects.load(Link("manifest", value.manifest))
        except (Absent, Corrupt):
            continue
        if isinstance(value, Manifest):
            yield from data_roots(value)
