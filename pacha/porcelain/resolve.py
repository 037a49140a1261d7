"""`pacha resolve`: lists what two sides left unsettled, and settles it.

Three things can be unsettled: several heads, a version that two sides published for different content, and a stage log
that forks. Both sides' facts stay: a merge names all heads, and moves that lost their number are replayed.

Longer than most modules: what lists an issue and what settles it stand side by side.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from pacha.base.errors import Absent, Corrupt, Negative, NotFound, PachaError, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.types import BadLink, Link
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName, head_ref, heads_folder, stage_ref, stages_folder, versions_folder
from pacha.refs.store import CONTENT_BYTES_MAX, RefConflict, encode_ref
from pacha.refs.transaction import StateChange, Transaction
from pacha.repo.session import Session
from pacha.worktree.drafts import Memory, encode_memory, memory_file


class Issue(Enum):
    """What is unsettled."""

    HEADS = "several heads"
    VERSION = "same version twice"
    STAGES = "stage log forks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the sides. Members are None where its manifest is not here. Units: `size` in bytes."""

    link: Link
    author: str | None
    created: str | None
    size: int | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """One thing to settle. `ref` is what `--keep` chooses among `sides`."""

    issue: Issue
    artifact: ArtifactName
    ref: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What was kept, and what it was written as."""

    issue: Issue
    artifact: ArtifactName
    kept: Link
    written: tuple[str, ...]


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
        found.extend(_conflicts(workspace, versions_folder(artifact), artifact, Issue.VERSION))
        stages = _conflicts(workspace, stages_folder(artifact), artifact, Issue.STAGES)
        found.extend(stages or _forks(workspace, artifact))
    return found


def _artifacts(workspace: Workspace) -> list[ArtifactName]:
    refs = workspace.repository.refs
    names = set(workspace.catalog.artifacts())
    for kind in refs.folders("refs/stages"):
        names.update(ArtifactName(kind, name) for name in refs.folders(f"refs/stages/{kind}"))
    return sorted(names, key=str)


def _heads(workspace: Workspace, artifact: ArtifactName) -> list[Unsettled]:
    heads = workspace.catalog.heads(artifact)
    if len(heads) < 2:
        return []
    sides = tuple(_side(workspace, Link("manifest", id), id) for id in heads)
    return [Unsettled(issue=Issue.HEADS, artifact=artifact, ref=heads_folder(artifact), sides=sides)]


def _conflicts(workspace: Workspace, folder: str, artifact: ArtifactName, issue: Issue) -> list[Unsettled]:
    """Refs in which Git left both sides between conflict markers."""
    found = []
    for name in workspace.repository.refs.names(folder):
        try:
            workspace.repository.refs.read(name)
        except RefConflict:
            sides = tuple(_side(workspace, link, _manifest_of(workspace, link)) for link in _marked(workspace, name))
            found.append(Unsettled(issue=issue, artifact=artifact, ref=str(name), sides=sides))
    return found


def _marked(workspace: Workspace, name: RefName) -> list[Link]:
    data = workspace.repository.root.read(name.text, size_max=CONTENT_BYTES_MAX)
    links = []
    for line in data.decode("ascii", "replace").splitlines():
        try:
            links.append(Link.parse(line.strip()))
        except BadLink:
            continue
    return list(dict.fromkeys(links))


def _forks(workspace: Workspace, artifact: ArtifactName) -> list[Unsettled]:
    """Ends of chains in a stage log whose entries do not follow each other."""
    moves = _moves(workspace, artifact)
    ends = _chain_ends(moves)
    if len(ends) < 2:
        return []
    sides = tuple(_side_of_move(Link("move", id), moves[id]) for id in ends)
    return [Unsettled(issue=Issue.STAGES, artifact=artifact, ref=stages_folder(artifact), sides=sides)]


def _moves(workspace: Workspace, artifact: ArtifactName) -> dict[ObjectId, Move]:
    """Every move of an artifact that a ref or a conflict names, and what those follow."""
    todo: list[Link] = []
    for name in workspace.repository.refs.names(stages_folder(artifact)):
        try:
            link = workspace.repository.refs.read(name)
            todo.extend([link] if link else [])
        except RefConflict:
            todo.extend(_marked(workspace, name))
    moves: dict[ObjectId, Move] = {}
    while todo:
        link = todo.pop()
        if link.id in moves or link.type != "move":
            continue
        move = workspace.repository.objects.load(link)
        assert isinstance(move, Move)
        moves[link.id] = move
        if move.prev is not None:
            todo.append(Link("move", move.prev))
    return moves


def _chain_ends(moves: dict[ObjectId, Move]) -> list[ObjectId]:
    followed = {move.prev for move in moves.values()}
    return sorted((id for id in moves if id not in followed), key=lambda id: (moves[id].number, id))


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


def _side_of_move(link: Link, move: Move) -> Side:
    text = f"{move.version}: {move.from_stage} → {move.to_stage}, {move.reason}"
    return Side(link=link, author=move.who, created=move.when, size=None, message=text)


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
            (issue, side) for issue, side in sides_of if manifest and _manifest_of(workspace, side.link) == manifest
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
    ids = [side.link.id] if type_name == side.link.type else [side.link.id, *([manifest] if manifest else [])]
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
    moves = _moves(workspace, issue.artifact)
    end = side.link.id
    chain: list[ObjectId] = []
    current: ObjectId | None = end
    while current is not None:
        chain.append(current)
        current = moves[current].prev
    chain.reverse()
    lost = sorted((id for id in moves if id not in chain), key=lambda id: (moves[id].number, moves[id].when, id))
    links = [Link("move", id) for id in chain]
    for id in lost:
        old = moves[id]
        extra = {**old.extra, "replays": f"move:{id}"}
        replayed = replace(old, number=len(links) + 1, prev=links[-1].id, nonce=os.urandom(16).hex(), extra=extra)
        links.append(session.put("move", replayed))
    session.settle()
    written = []
    for number, link in enumerate(links, start=1):
        name = stage_ref(issue.artifact, number)
        if _content(workspace, name) != encode_ref(link):
            workspace.repository.root.replace(name.text, encode_ref(link))
            session.touch(name.text)
            written.append(str(name))
    return Settled(issue=issue.issue, artifact=issue.artifact, kept=side.link, written=tuple(written))


def _content(workspace: Workspace, name: RefName) -> bytes:
    try:
        return workspace.repository.root.read(name.text, size_max=CONTENT_BYTES_MAX)
    except NotFound:
        return b""
