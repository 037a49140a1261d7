"""The part of `pacha resolve` that is about stage logs: finding the sides of a fork, and keeping one whole chain.

Two ways lead to a fork: Git left both sides of one number between conflict markers, or somebody took one side of a
conflict, so that an entry no longer follows the one before. Both come down to chains that end differently.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.errors import NotFound
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.move import Move
from pacha.objects.types import BadLink, Link
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName, stage_ref, stages_folder
from pacha.refs.store import CONTENT_BYTES_MAX, RefConflict, encode_ref
from pacha.registry.stage_replay import Replayed, replay
from pacha.registry.stages import BadStageLog, Entry
from pacha.repo.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One side of a fork: its whole chain, oldest first, and what of that no other side has."""

    entries: tuple[Entry, ...]
    own: tuple[Entry, ...]

    @property
    def end(self) -> Entry:
        """The last move."""
        return self.entries[-1]


def forked_chains(workspace: Workspace, artifact: ArtifactName) -> list[Chain]:
    """The sides of an artifact's stage log, the shortest first; none where it is one chain. Errors: `BadRef`, `Absent`."""
    moves, is_marked = _moves(workspace, artifact)
    followed = {move.prev for move in moves.values()}
    ends = sorted((id for id in moves if id not in followed), key=lambda id: (moves[id].number, id))
    if len(ends) < 2 and not is_marked:
        return []
    chains = [_chain(moves, end) for end in ends]
    common = set.intersection(*({entry.id for entry in chain} for chain in chains)) if len(chains) > 1 else set()
    return [Chain(entries=chain, own=tuple(entry for entry in chain if entry.id not in common)) for chain in chains]


def _moves(workspace: Workspace, artifact: ArtifactName) -> tuple[dict[ObjectId, Move], bool]:
    """Every move that a ref or a conflict names, and what those follow; and whether there are conflict markers."""
    refs = workspace.repository.refs
    todo: list[Link] = []
    is_marked = False
    for name in refs.names(stages_folder(artifact)):
        try:
            link = refs.read(name)
            todo.extend([link] if link else [])
        except RefConflict:
            todo.extend(marked_links(workspace, name))
            is_marked = True
    moves: dict[ObjectId, Move] = {}
    while todo:
        link = todo.pop()
        if link.id in moves or link.type != "move":
            continue
        move = workspace.repository.objects.load(link)
        if not isinstance(move, Move) or move.artifact != artifact:
            continue
        moves[link.id] = move
        if move.prev is not None:
            todo.append(Link("move", move.prev))
    return moves, is_marked


def marked_links(workspace: Workspace, name: RefName) -> list[Link]:
    """The links that Git left in a ref, of both sides."""
    data = workspace.repository.root.read(name.text, size_max=CONTENT_BYTES_MAX)
    links = []
    for line in data.decode("ascii", "replace").splitlines():
        try:
            links.append(Link.parse(line.strip()))
        except BadLink:
            continue
    return list(dict.fromkeys(links))


def _chain(moves: Mapping[ObjectId, Move], end: ObjectId) -> tuple[Entry, ...]:
    chain: list[Entry] = []
    current: ObjectId | None = end
    while current is not None and current in moves:
        chain.append(Entry(id=current, move=moves[current]))
        current = moves[current].prev
    chain.reverse()
    if [entry.move.number for entry in chain] != list(range(1, len(chain) + 1)):
        raise BadStageLog(
            f"the moves that lead to move:{end.short} are not numbered from 1 without a gap", object=f"move:{end}"
        )
    return tuple(chain)


def keep_chain(
    workspace: Workspace, session: Session, artifact: ArtifactName, end: ObjectId
) -> tuple[list[RefName], list[Replayed]]:
    """Keeps the chain that ends so, and replays the moves of the others after it. Returns what was written.

    Crash: the log is forked as before, or differently, and settling it again comes to the same: refs are written from
    the last number down, so that no move is out of reach before another one names it.
    """
    chains = forked_chains(workspace, artifact)
    kept = next(chain.entries for chain in chains if chain.end.id == end)
    known = {entry.id for entry in kept}
    lost = {entry.id: entry for chain in chains for entry in chain.entries if entry.id not in known}
    replayed = replay(kept, list(lost.values()), workspace.rules)
    for item in replayed:
        session.put("move", item.new.move)
    session.settle()
    written = []
    for entry in reversed([*kept, *(item.new for item in replayed)]):
        name = stage_ref(artifact, entry.move.number)
        content = encode_ref(Link("move", entry.id))
        if _content(workspace, name) != content:
            workspace.repository.root.replace(name.text, content)
            session.touch(name.text)
            written.append(name)
    return sorted(written), replayed


def _content(workspace: Workspace, name: RefName) -> bytes:
    try:
        return workspace.repository.root.read(name.text, size_max=CONTENT_BYTES_MAX)
    except NotFound:
        return b""
