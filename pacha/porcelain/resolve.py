"""`pacha resolve`: lists what two sides left unsettled, and settles it.

Three things can be unsettled: several heads, a version that two sides published for different content, and a stage log
that forks (`stage_forks`). Both sides' facts stay: a merge names all heads, and moves that lost their number are
replayed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Corrupt, Negative, PachaError, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.issues import Issue
from pacha.porcelain.stage_forks import Chain, forked_chains, keep_chain, marked_links
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import head_ref, heads_folder, stages_folder, versions_folder
from pacha.refs.store import RefConflict, encode_ref
from pacha.refs.transaction import StateChange, Transaction
from pacha.registry.stage_replay import Replayed
from pacha.registry.stages import staged_artifacts
from pacha.repo.session import Session
from pacha.worktree.drafts import Memory, encode_memory, memory_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the sides. Members are None where its manifest is not here. Units: `size` in bytes.

    `moves` are the entries of a stage log that only this side has; any of them names it.
    """

    link: Link
    author: str | None
    created: str | None
    size: int | None
    message: str | None
    moves: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """One thing to settle. `ref` is what `--keep` chooses among `sides`."""

    issue: Issue
    artifact: ArtifactName
    ref: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was kept, and what it was written as. `notes` tell what became of the other sides' stage moves."""

    issue: Issue
    artifact: ArtifactName
    kept: Link
    written: tuple[str, ...]
    notes: tuple[str, ...] = ()


class NothingToSettle(Negative):
    """Nothing is unsettled."""


class NotASide(Usage):
    """What was to be kept is none of the sides."""


def unsettled(workspace: Workspace, only: Sequence[ArtifactName] = ()) -> list[Unsettled]:
    """Everything unsettled, or that of some artifacts. Errors: `BadRef` for refs that are damaged otherwise."""
    found: list[Unsettled] = []
    for artifact in _artifacts(workspace):
        if only and artifact not in only:
            continue
        found.extend(_heads(workspace, artifact))
        found.extend(_conflicts(workspace, artifact))
        found.extend(_forks(workspace, artifact))
    return found


def _artifacts(workspace: Workspace) -> list[ArtifactName]:
    return sorted({*workspace.catalog.artifacts(), *staged_artifacts(workspace.repository.refs)}, key=str)


def _heads(workspace: Workspace, artifact: ArtifactName) -> list[Unsettled]:
    heads = workspace.catalog.heads(artifact)
    if len(heads) < 2:
        return []
    sides = tuple(_side(workspace, Link("manifest", id), id) for id in heads)
    return [Unsettled(issue=Issue.HEADS, artifact=artifact, ref=heads_folder(artifact), sides=sides)]


def _conflicts(workspace: Workspace, artifact: ArtifactName) -> list[Unsettled]:
    """Versions in which Git left both sides between conflict markers."""
    found = []
    for name in workspace.repository.refs.names(versions_folder(artifact)):
        try:
            workspace.repository.refs.read(name)
        except RefConflict:
            links = marked_links(workspace, name)
            sides = tuple(_side(workspace, link, _manifest_of(workspace, link)) for link in links)
            found.append(Unsettled(issue=Issue.VERSION, artifact=artifact, ref=str(name), sides=sides))
    return found


def _forks(workspace: Workspace, artifact: ArtifactName) -> list[Unsettled]:
    """A stage log whose entries do not follow each other."""
    chains = forked_chains(workspace, artifact)
    if not chains:
        return []
    sides = tuple(_side_of_chain(chain) for chain in chains)
    return [Unsettled(issue=Issue.STAGES, artifact=artifact, ref=stages_folder(artifact), sides=sides)]


def _manifest_of(workspace: Workspace, link: Link) -> ObjectId | None:
    try:
        value = workspace.repository.objects.load(link)
    except (Absent, Corrupt):
        return None
    if isinstance(value, Tag):
        return value.manifest
    if isinstance(value, Move):
        tagged = None
        try:
            tagged = workspace.catalog.version(value.artifact, value.version)
        except Corrupt:
            return None
        return None if tagged is None else tagged.manifest
    return link.id


def _side(workspace: Workspace, link: Link, manifest: ObjectId | None) -> Side:
    found: Manifest | None = None
    if manifest is not None and workspace.is_here(manifest):
        found = workspace.catalog.manifest(manifest)
    return Side(
        link=link,
        author=None if found is None else found.author,
        created=None if found is None else found.created,
        size=None if found is None else found.size,
        message=None if found is None else found.message,
    )


def _side_of_chain(chain: Chain) -> Side:
    move = chain.end.move
    text = f"{move.version}: {move.from_stage} → {move.to_stage}"
    return Side(
        link=Link("move", chain.end.id),
        author=move.who,
        created=move.when,
        size=None,
        message=text + (f", {move.reason}" if move.reason else ""),
        moves=tuple(Link("move", entry.id) for entry in chain.own),
    )


# -- settling --------------------------------------------------------------------------------------------------------


def settle(workspace: Workspace, artifact: ArtifactName, keep: str, *, author: str, date: str) -> list[Settled]:
    """Settles everything of an artifact that `keep` (a reference, a link, or digits of one) is a side of.

    Errors: `NothingToSettle`, `NotASide`.
    """
    issues = unsettled(workspace, [artifact])
    if not issues:
        raise NothingToSettle(f"nothing of {artifact} is unsettled", hint="`pacha resolve` lists what is")
    chosen = [(issue, side) for issue in issues for side in issue.sides if _is_named(workspace, side, keep)]
    if not chosen:
        manifest = _resolved(workspace, keep)
        sides_of = ((issue, side) for issue in issues for side in issue.sides)
        chosen = [
            (issue, side)
            for issue, side in sides_of
            if manifest and manifest in {_manifest_of(workspace, link) for link in (side.link, *side.moves)}
        ]
    if not chosen:
        sides = ", ".join(f"{side.link.type}:{side.link.id.short}" for issue in issues for side in issue.sides)
        raise NotASide(f"{keep} is none of the sides of {artifact}", hint=f"keep one of {sides}")
    if len(chosen) > len({issue.ref for issue, _ in chosen}):
        raise NotASide(f"{keep} is more than one of the sides of {artifact}", hint="give more digits")
    done = []
    with workspace.session() as session, session.queue():
        for issue, side in chosen:
            if issue.issue is Issue.HEADS:
                done.append(_merge(workspace, session, issue, side, author=author, date=date))
            elif issue.issue is Issue.VERSION:
                done.append(_keep_version(workspace, session, issue, side))
            else:
                done.append(_keep_chain(workspace, session, issue, side))
    return done


def _resolved(workspace: Workspace, keep: str) -> ObjectId | None:
    """The manifest that a reference such as `name:1.2.0` names; None if it names none."""
    try:
        return workspace.resolve(keep, start=workspace.repository.work_tree).manifest
    except PachaError:
        return None


def _is_named(workspace: Workspace, side: Side, keep: str) -> bool:
    digits = keep.rpartition(":")[2]
    type_name = keep.rpartition(":")[0]
    if type_name not in ("", side.link.type, "manifest"):
        return False
    if len(digits) < 8:
        return False
    manifest = _manifest_of(workspace, side.link)
    own = [side.link.id, *(link.id for link in side.moves)]
    ids = own if type_name == side.link.type else [*own, *([manifest] if manifest else [])]
    return any(id.hex.startswith(digits) for id in ids)


def _merge(workspace: Workspace, session: Session, issue: Unsettled, side: Side, *, author: str, date: str) -> Settled:
    """A commit over all heads that holds what one of them does."""
    kept = workspace.catalog.manifest(side.link.id)
    heads = [item.link.id for item in issue.sides]
    order = [side.link.id, *(id for id in heads if id != side.link.id)]
    others = tuple(parent for parent in kept.parents if parent.role != "previous")
    manifest = replace(
        kept,
        parents=(*(Parent(role="previous", manifest=id) for id in order), *others),
        author=author,
        created=date,
        message=f"keep manifest:{side.link.id.short} over {len(heads) - 1} other head{'s' if len(heads) > 2 else ''}",
    )
    link = session.put("manifest", manifest)
    session.settle()
    refs = workspace.repository.refs
    remove = tuple(name for name in refs.names(heads_folder(issue.artifact)) if name.last != link.id.hex)
    path = memory_file(issue.artifact)
    memory = workspace.memory(issue.artifact)
    state: tuple[StateChange, ...] = ()
    if memory is not None and memory.digest == kept.digest and kept.path is not None:
        new = Memory(artifact=issue.artifact, path=memory.path, manifest=link.id, digest=kept.digest)
        state = (StateChange(path=path, old=workspace.repository.read_state(path), new=encode_memory(new)),)
    session.apply(Transaction(create=((head_ref(issue.artifact, link.id), link),), remove=remove, state=state))
    return Settled(
        issue=issue.issue, artifact=issue.artifact, kept=link, written=(str(head_ref(issue.artifact, link.id)),)
    )


def _keep_version(workspace: Workspace, session: Session, issue: Unsettled, side: Side) -> Settled:
    """Writes one side into a ref that never was: what Git left there is no version yet."""
    workspace.repository.root.replace(issue.ref, encode_ref(side.link))
    session.touch(issue.ref)
    return Settled(issue=issue.issue, artifact=issue.artifact, kept=side.link, written=(issue.ref,))


def _keep_chain(workspace: Workspace, session: Session, issue: Unsettled, side: Side) -> Settled:
    """Keeps one whole chain, and replays the moves of the other sides after it as new moves that name the old."""
    written, replayed = keep_chain(workspace, session, issue.artifact, side.link.id)
    return Settled(
        issue=issue.issue,
        artifact=issue.artifact,
        kept=side.link,
        written=tuple(str(name) for name in written),
        notes=tuple(_told(item) for item in replayed),
    )


def _told(item: Replayed) -> str:
    old, new = item.old.move, item.new.move
    who = " ".join(old.who.split())
    text = f"{new.number}: {old.version} {old.from_stage} → {old.to_stage} by {who} is replayed"
    return text if item.obstacle is None else f"{text} without effect: {item.obstacle}"
