"""`pacha fetch`: learns what a remote has. Refs of others are remembered, and the META that they name comes along.

Where Git carries refs, nothing that Git tracks changes: META lies in `local/objects`, refs in what is remembered of the
remote. `join` takes refs over into this repository: heads join, versions must agree, a stage log may only go on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pacha.base.errors import Absent, Conflict, Corrupt
from pacha.base.names import ArtifactName
from pacha.objects.types import Link
from pacha.porcelain.connect import Connection
from pacha.porcelain.versioning import precedence
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName, heads_folder, stages_folder, versions_folder
from pacha.refs.store import RefConflict, RefStore, encode_fork
from pacha.refs.transaction import Transaction
from pacha.remotes.meta import MetaReader, meta_children
from pacha.remotes.state import State
from pacha.repo.layout import FORMAT_FILE
from pacha.repo.session import Session
from pacha.store.meta import FETCHED, SHARED

#: So many refs are taken over with one line of the journal.
REFS_AT_ONCE = 10_000


class JoinRefused(Conflict):
    """The remote says something else of a version than this repository does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was learnt. `number` is the newest entry of the remote's log; `new_refs` are those that are not here.

    `joined` are the refs that were taken over, `removed` the heads that they supersede; `forked` are artifacts whose
    stage logs say different things here and there, for `pacha resolve`.
    """

    remote: str
    url: str
    number: int
    objects: int
    new_refs: tuple[str, ...]
    joined: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    forked: tuple[str, ...] = ()


def git_carries_refs(workspace: Workspace) -> bool:
    """Tells whether refs come and go with Git's commits: its index or history has this `.pacha`."""
    git = workspace.repository.git
    if git is None:
        return False
    return bool(git.tracked(git.relative(workspace.repository.root.full(FORMAT_FILE))))


def fetch(
    workspace: Workspace, connection: Connection, *, artifacts: Sequence[ArtifactName] = (), join: bool = False
) -> Fetched:
    """Fetches, and with `join` takes refs over. Errors: `JoinRefused`, `BrokenRemote`, those of `Remote`.

    Crash: META that nothing names yet; the next fetch goes on.
    """
    refs = chosen(connection.state, artifacts)
    objects = workspace.repository.objects
    connection.holdings.load()
    # What lies in `local` does not count when refs are taken over: nothing may depend on it (I4).
    is_here = objects.meta.is_shared if join else objects.meta.has
    whole = _whole(workspace, connection, refs, join=join)
    found = MetaReader(connection.holdings).closure(
        refs.values(), is_here=is_here, beyond=lambda link: () if link in whole else _named_here(workspace, link)
    )
    here = workspace.repository.refs
    # What is unsettled here already stays so until it is settled.
    new = sorted(ref for ref, link in refs.items() if not _is_unsettled(here, ref) and here.read(ref) != link)
    joined: Sequence[RefName] = ()
    removed: Sequence[RefName] = ()
    forked: Sequence[RefName] = ()
    if join:
        _check(workspace, refs, new)
    if found or (join and new):
        with workspace.session() as session:
            for link, data in found.items():
                session.put_bytes(link, data, place=SHARED if join else FETCHED)
            session.settle()
            if join:
                joined, removed, forked = _join(workspace, session, refs, new)
    if not artifacts:
        connection.has_fetched()
    return Fetched(
        remote=connection.name,
        url=connection.remote.url,
        number=connection.state.number,
        objects=len(found),
        new_refs=tuple(map(str, new)),
        joined=tuple(map(str, joined)),
        removed=tuple(map(str, removed)),
        forked=tuple(sorted({ref.folder.partition("/stages/")[2] for ref in forked})),
    )


def _whole(workspace: Workspace, connection: Connection, refs: Mapping[RefName, Link], *, join: bool) -> set[Link]:
    """Objects whose META is here with all that it reaches: what refs here name (I2), and what an earlier fetch that
    came to its end did. Of others that are here, a power cut may have kept no more than themselves."""
    here = workspace.repository.refs
    found = {link for ref, link in refs.items() if not _is_unsettled(here, ref) and here.read(ref) == link}
    for artifact in workspace.catalog.artifacts():
        found.update(link for _, link in here.read_all(heads_folder(artifact)))
    if not join:
        number = connection.fetched()
        found.update(held.link for held in connection.state.refs.values() if held.at <= number)
    return found


def _is_unsettled(refs: RefStore, ref: RefName) -> bool:
    try:
        refs.read(ref)
    except RefConflict:
        return True
    return False


def _named_here(workspace: Workspace, link: Link) -> list[Link]:
    try:
        return meta_children(link, workspace.repository.objects.read(link))
    except (Absent, Corrupt):
        return []


def chosen(state: State, artifacts: Sequence[ArtifactName]) -> dict[RefName, Link]:
    """The refs of a remote that concern some artifacts, or all."""
    if not artifacts:
        return {ref: held.link for ref, held in state.refs.items()}
    folders = {folder for artifact in artifacts for folder in _folders(artifact)}
    found = {ref: held.link for ref, held in state.refs.items() if ref.folder in folders}
    subjects = {link.id.hex for link in found.values()}
    for ref, held in state.refs.items():
        if ref.namespace == "attestations" and ref.folder.rpartition("/")[2] in subjects:
            found[ref] = held.link
    return found


def _folders(artifact: ArtifactName) -> tuple[str, ...]:
    return heads_folder(artifact), versions_folder(artifact), stages_folder(artifact)


def _check(workspace: Workspace, refs: Mapping[RefName, Link], new: Iterable[RefName]) -> None:
    """Refuses what cannot be taken over, all of it named. Errors: `JoinRefused`."""
    here = workspace.repository.refs
    refused = []
    for ref in new:
        mine = here.read(ref) if ref.namespace == "versions" else None
        if mine is not None:
            refused.append(f"{_artifact(ref)}:{ref.last} is another there ({refs[ref].id.short}, here {mine.id.short})")
    refused.extend(_equal(here, new))
    if refused:
        raise JoinRefused(
            "; ".join(refused), hint="take the rest with --only, or give yours another version number", refused=refused
        )


def _equal(here: RefStore, new: Iterable[RefName]) -> Iterator[str]:
    """The versions that are new here and equal another in precedence, one that is here or one that comes too."""
    coming: dict[str, list[RefName]] = {}
    for ref in new:
        if ref.namespace == "versions":
            coming.setdefault(ref.folder, []).append(ref)
    for folder, refs in coming.items():
        taken = {precedence(ref.last): ref for ref in here.names(folder)}
        for ref in refs:
            equal = taken.setdefault(precedence(ref.last), ref)
            if equal != ref:
                yield f"{_artifact(ref)}:{ref.last} there equals {_artifact(ref)}:{equal.last} in precedence"


def _artifact(ref: RefName) -> str:
    return ref.folder.rpartition("/")[2]


def _fork(workspace: Workspace, session: Session, refs: Mapping[RefName, Link], forked: Sequence[RefName]) -> None:
    """Leaves both sides in the entries of stage logs that differ, as Git does: `pacha resolve` settles them.

    Crash: some entries hold both sides; the log is forked either way.
    """
    for ref in sorted(forked, reverse=True):
        mine = workspace.repository.refs.read(ref)
        assert mine is not None
        workspace.repository.root.replace(ref.text, encode_fork(mine, refs[ref]))
        session.touch(ref.text)


def _join(
    workspace: Workspace, session: Session, refs: Mapping[RefName, Link], new: Sequence[RefName]
) -> tuple[list[RefName], list[RefName], list[RefName]]:
    """Takes refs over. Heads that others supersede are tidied away, here and among those that came.

    Returns the refs that were created, those that were removed, and the entries of stage logs that forked.
    """
    old = workspace.repository.refs
    folders = {ref.folder for ref in new if ref.namespace == "heads"}
    drop: set[RefName] = set()
    for folder in folders:
        heads = {ref: link.id for ref, link in old.read_all(folder)}
        heads.update((ref, refs[ref].id) for ref in new if ref.folder == folder)
        newest = workspace.catalog.newest(heads.values())
        drop.update(ref for ref, id in heads.items() if id not in newest)
    forked = [ref for ref in new if ref.namespace == "stages" and old.read(ref) is not None]
    create = [ref for ref in new if ref not in drop and ref not in forked]
    remove = sorted(ref for ref in drop if old.read(ref) is not None)
    with session.queue():
        for start in range(0, max(len(create), 1), REFS_AT_ONCE):
            part = create[start : start + REFS_AT_ONCE]
            transaction = Transaction(
                create=tuple((ref, refs[ref]) for ref in part), remove=tuple(remove) if start == 0 else ()
            )
            if transaction.create or transaction.remove:
                session.apply(transaction)
        _fork(workspace, session, refs, forked)
    return create, remove, forked
