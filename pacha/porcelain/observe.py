"""What a path of the work tree holds right now, compared with what is committed and staged."""

from dataclasses import dataclass
from enum import Enum

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.graph.ancestry import ancestors
from pacha.objects.tree import FileEntry, artifact_digest
from pacha.porcelain.workspace import Known, Workspace
from pacha.worktree.reading import digest_of_file
from pacha.worktree.scan import FoundFile, NoSuchPath, Scan, scan
from pacha.worktree.statcache import Seen, StatCache, load_stat_cache
from pacha.worktree.whole import Whole, listing_of, load_whole, save_whole


class State(Enum):
    """How a path stands to its artifact."""

    CLEAN = "clean"
    MODIFIED = "modified"
    BEHIND = "behind"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A path, what it holds, and how that stands to the head. `digest` is None where nothing lies."""

    known: Known
    state: State
    digest: ObjectId | None
    size: int
    matches_draft: bool


def observe(workspace: Workspace, known: Known) -> Observed:
    """Looks at one path; reads only files that the stat cache cannot vouch for."""
    try:
        there = scan(workspace.full(known.path), shown=known.path, dereference=True)
    except NoSuchPath:
        return Observed(known=known, state=State.MISSING, digest=None, size=0, matches_draft=False)
    digest = current_digest(workspace, known, there)
    draft = known.draft
    return Observed(
        known=known,
        state=_state(workspace, known, digest),
        digest=digest,
        size=there.size,
        matches_draft=draft is not None and draft.content.digest == digest,
    )


def current_digest(workspace: Workspace, known: Known, there: Scan) -> ObjectId:
    """The digest of what lies at a path."""
    listing = listing_of(there)
    whole = load_whole(workspace.repository.root, known.artifact)
    if whole is not None and whole.listing == listing:
        return whole.digest
    cache, files = _looked_at(workspace, known, there)
    digest = files[0].digest if there.shape == "file" else artifact_digest(files)
    if cache.vouches(there.files) and workspace.repository.root.is_writable():
        save_whole(workspace.repository.root, known.artifact, Whole(listing=listing, digest=digest))
    return digest


def current_files(workspace: Workspace, known: Known, there: Scan) -> tuple[FileEntry, ...]:
    """The files that lie at a path. What had to be read is remembered, where this user may write."""
    return _looked_at(workspace, known, there)[1]


def _looked_at(workspace: Workspace, known: Known, there: Scan) -> tuple[StatCache, tuple[FileEntry, ...]]:
    root = workspace.repository.root
    cache = load_stat_cache(root, known.artifact)
    files = []
    held = [cache.find(file) for file in there.files]
    read_at_ns = root.clock_ns() if None in held else 0
    for file, seen in zip(there.files, held, strict=True):
        digest = _read(cache, file, read_at_ns) if seen is None else seen.digest
        files.append(FileEntry(path=file.path, size=file.size, digest=digest, executable=file.executable))
    if read_at_ns:
        cache.save(root, known.artifact)
    return cache, tuple(files)


def _read(cache: StatCache, file: FoundFile, read_at_ns: int) -> ObjectId:
    digest = digest_of_file(file)
    if digest is None:
        # It is being written: whatever it holds, it is not what was committed.
        return ObjectId(bytes(32))
    if read_at_ns:
        seen = Seen(digest, cache.content_of(file.path, digest), file.size)
        cache.remember(file, seen, read_at_ns=read_at_ns)
    return digest


def _state(workspace: Workspace, known: Known, digest: ObjectId) -> State:
    heads = [digest_of(workspace, head) for head in known.heads]
    if digest in heads:
        return State.CLEAN
    if known.memory is not None and digest == known.memory.digest and known.heads:
        return State.BEHIND
    if is_at_head(known) or (known.draft is not None and known.draft.content.digest == digest):
        return State.MODIFIED
    return State.BEHIND if committed_as(workspace, known, digest) is not None else State.MODIFIED


def is_at_head(known: Known) -> bool:
    """Tells whether the path held a head when it was last committed or checked out: what differs since is work of its own."""
    return known.memory is not None and known.memory.manifest in known.heads


def digest_of(workspace: Workspace, manifest: ObjectId) -> ObjectId | None:
    """A manifest's digest, or None where it cannot be read."""
    try:
        return workspace.catalog.manifest(manifest).digest
    except (Absent, Corrupt):
        return None


def committed_as(workspace: Workspace, known: Known, digest: ObjectId) -> ObjectId | None:
    """The newest manifest in the artifact's history that holds exactly these bytes, or None."""
    for id in (*known.heads, *ancestors(known.heads, workspace.catalog.previous)):
        if digest_of(workspace, id) == digest:
            return id
    return None
