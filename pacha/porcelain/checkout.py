"""`pacha checkout`: writes committed bytes into the work tree. Replaces only what is committed and stored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from pacha.base.errors import Conflict, Usage
from pacha.base.files import Durability, Root, naming
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.trees import TreeFile, tree_files
from pacha.graph.walk import walk
from pacha.objects.manifest import Manifest
from pacha.objects.tree import TreeEntry
from pacha.objects.types import Link
from pacha.porcelain.observe import State, committed_as, current_files, observe
from pacha.porcelain.roots import manifest_in_git
from pacha.porcelain.workspace import Known, Workspace
from pacha.refs.transaction import StateChange, Transaction
from pacha.registry.resolve import Revision
from pacha.repo.session import Session
from pacha.worktree.drafts import Memory, encode_memory, memory_file
from pacha.worktree.restore import Restore
from pacha.worktree.scan import NoSuchPath, scan
from pacha.worktree.statcache import Seen, load_stat_cache

#: What is written back lies in the store, durable: nothing is acknowledged that a flush of each folder would keep.
RESTORED = Durability.NONE


class Unsaved(Conflict):
    """Files hold bytes that are committed nowhere, or not stored here; writing over them would lose them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOut:
    """One path. `is_written` is False where it held the bytes already. Units: bytes."""

    artifact: ArtifactName | None
    path: str
    manifest: ObjectId | None
    size: int
    files: int
    is_written: bool


def checkout_heads(workspace: Workspace, *, force: bool, only: Sequence[str] = ()) -> list[CheckedOut]:
    """Brings every known path, or some, to its artifact's head. All are checked before the first is written.

    Errors: `Unsaved`, `SeveralHeads`, `Absent`, `Corrupt`, `MachineFailed`.
    """
    todo = []
    for known in workspace.known.values():
        if known.heads and (not only or known.path in only):
            head = workspace.catalog.head(known.artifact)
            assert head is not None
            todo.append((known, head, workspace.catalog.manifest(head)))
    for known, _, manifest in todo:
        if not force:
            check_safe(workspace, known, manifest)
    return _write_all(workspace, todo)


def checkout_revision(workspace: Workspace, revision: Revision, *, force: bool) -> list[CheckedOut]:
    """Writes one revision to the path of its artifact, which then holds it. Errors: as `checkout_heads`, `Usage`."""
    manifest = workspace.catalog.manifest(revision.manifest)
    if manifest.path is None:
        raise Usage(f"{manifest.artifact} has no path in the work tree", hint="say where to: --to PATH")
    if revision.entry is not None:
        raise Usage(f"{revision.text} is a part of an artifact", hint="say where to: --to PATH")
    known = workspace.known_artifact(manifest.artifact) or Known(
        artifact=manifest.artifact, path=manifest.path, memory=None, draft=None, heads=()
    )
    if not force:
        check_safe(workspace, known, manifest)
    return _write_all(workspace, [(known, revision.manifest, manifest)])


def export(
    workspace: Workspace, revision: Revision, target: str, *, force: bool, shown: str | None = None
) -> CheckedOut:
    """Writes a revision, or a file or folder inside it, to any path, folders on the way made. Nothing there is replaced
    without `force`. `shown` is what errors call the path.

    Errors: `Unsaved`, `Absent`, `Corrupt`, `MachineFailed`.
    """
    full = os.path.abspath(target)
    if os.path.lexists(full) and not force:
        raise Unsaved(
            f"{shown or target}: exists", hint="name another path, or use --force to write over it", path=target
        )
    parent, base = os.path.split(full)
    with naming(shown or target):
        os.makedirs(parent, exist_ok=True)
    root = Root(parent, temporary=f".{base}.pacha-unfinished", durability=RESTORED)
    try:
        workspace.bring(revision.manifest, () if revision.path is None else (revision.path,))
        files = _files_of(workspace, revision)
        written = _restorer(workspace, root).files((_joined(base, path), file) for path, file in files)
        if not files:
            root.make_folder(base)
    finally:
        root.remove_folder(root.temporary)
    return CheckedOut(
        artifact=revision.artifact,
        path=target,
        manifest=revision.link.id if revision.link.type == "manifest" else None,
        size=written,
        files=len(files),
        is_written=True,
    )


def _files_of(workspace: Workspace, revision: Revision) -> list[tuple[str, TreeFile]]:
    """The files to write, by their path below the target; '' is the target itself."""
    objects = workspace.repository.objects
    entry: TreeEntry | None = revision.entry
    if entry is not None and not entry.is_folder:
        return [("", TreeFile(entry.name, entry))]
    if entry is not None:
        return [(file.path, file) for file in tree_files(objects, entry.link.id)]
    manifest = workspace.catalog.manifest(revision.manifest)
    files = list(tree_files(objects, manifest.tree))
    return [("" if manifest.shape == "file" else file.path, file) for file in files]


def _joined(base: str, path: str) -> str:
    return f"{base}/{path}" if path else base


def _restorer(workspace: Workspace, root: Root) -> Restore:
    repository = workspace.repository
    return Restore(repository.objects, root, workers=repository.jobs, progress=repository.progress)


def check_safe(workspace: Workspace, known: Known, target: Manifest) -> None:
    """Checks that what lies at a path may be replaced. Errors: `Unsaved`."""
    observed = observe(workspace, known)
    if observed.digest is None or observed.digest == target.digest:
        return
    source = _source(workspace, known, observed.digest)
    if source is not None and is_stored(workspace, source.tree):
        return
    if source is None and _is_cut_short(workspace, known, target):
        return
    reason = "holds changes that are not committed" if source is None else "holds a version whose bytes are not here"
    raise Unsaved(
        f"{known.path}: {reason}",
        hint=f"`pacha add {known.path}` and commit keeps them; --force throws them away",
        path=known.path,
    )


def _is_cut_short(workspace: Workspace, known: Known, target: Manifest) -> bool:
    """Tells whether every file at a path is one of the target or of the version before, and stored: what a checkout
    leaves that was interrupted. What these lack, or hold with other bytes, is somebody's work."""
    there = scan(workspace.full(known.path), shown=known.path, dereference=True)
    if there.shape != "folder":
        return False
    left = {(file.path, file.digest, file.executable) for file in current_files(workspace, known, there)}
    trees = [target.tree]
    if known.memory is not None and workspace.is_here(known.memory.manifest):
        trees.append(workspace.catalog.manifest(known.memory.manifest).tree)
    for tree in trees:
        if is_stored(workspace, tree):
            files = tree_files(workspace.repository.objects, tree)
            left -= {(file.path, file.digest, file.entry.executable) for file in files}
    return not left


def _source(workspace: Workspace, known: Known, digest: ObjectId) -> Manifest | None:
    """The commit that holds these bytes: in this checkout's history, or elsewhere in Git's (after `git switch`)."""
    id = committed_as(workspace, known, digest)
    if id is not None:
        return workspace.catalog.manifest(id)
    memory = known.memory
    if memory is None or memory.digest != digest:
        return None
    if workspace.is_here(memory.manifest):
        return workspace.catalog.manifest(memory.manifest)
    return manifest_in_git(workspace, memory.manifest)


def is_stored(workspace: Workspace, tree: ObjectId) -> bool:
    """Tells whether all bytes below a tree are here."""
    objects = workspace.repository.objects
    visits = walk(objects, [Link("tree", tree)])
    links = set()
    for visit in visits:
        if visit.error is not None:
            return False
        links.add(visit.link.id)
    return objects.data.has_many(links) == links


def _write_all(workspace: Workspace, todo: Sequence[tuple[Known, ObjectId, Manifest]]) -> list[CheckedOut]:
    done = []
    with workspace.session() as session, session.queue():
        for known, id, manifest in todo:
            done.append(_write(workspace, session, known, id, manifest))
    return done


def _write(workspace: Workspace, session: Session, known: Known, id: ObjectId, manifest: Manifest) -> CheckedOut:
    observed = observe(workspace, known)
    is_same = observed.state is not State.MISSING and observed.digest == manifest.digest
    files: list[TreeFile] = []
    if not is_same:
        workspace.bring(id)
        files = list(tree_files(workspace.repository.objects, manifest.tree))
        _replace(workspace, known, manifest, files)
    _remember(workspace, session, known, id, manifest)
    return CheckedOut(
        artifact=known.artifact,
        path=known.path,
        manifest=id,
        size=manifest.size,
        files=len(files),
        is_written=not is_same,
    )


def _replace(workspace: Workspace, known: Known, manifest: Manifest, files: Sequence[TreeFile]) -> None:
    """Writes the files that differ, then removes those that the target does not have."""
    repository = workspace.repository
    root = Root(repository.work_tree, temporary=".pacha/local/tmp", durability=RESTORED)
    full = workspace.full(known.path)
    if os.path.islink(full):
        raise Unsaved(f"{known.path}: a symbolic link lies there", hint="remove it, or check out with --to PATH")
    is_folder = os.path.isdir(full)
    if os.path.lexists(full) and is_folder != (manifest.shape == "folder"):
        raise Unsaved(f"{known.path}: a {'folder' if is_folder else 'file'} lies there", hint="move it away first")
    cache = load_stat_cache(repository.root, known.artifact)
    place = {
        file.path: _joined(known.path, file.path if is_folder or manifest.shape == "folder" else "") for file in files
    }
    there = (
        {}
        if not os.path.lexists(full)
        else {file.path: file for file in scan(full, shown=known.path, dereference=True).files}
    )
    wanted = []
    for file in files:
        seen = cache.find(there[file.path]) if file.path in there else None
        if seen is None or seen.digest != file.digest or there[file.path].executable != file.entry.executable:
            wanted.append((place[file.path], file))
    _restorer(workspace, root).files(wanted)
    for path in there.keys() - place.keys():
        root.remove(_joined(known.path, path))
        _remove_empty(root, known.path, path)
    try:
        now = scan(full, shown=known.path)
    except NoSuchPath:
        return
    by_path = {file.path: file for file in files}
    read_at_ns = repository.root.clock_ns()
    for found in now.files:
        entry = by_path.get(found.path)
        if entry is not None:
            cache.remember(found, Seen(entry.digest, entry.entry.link, entry.entry.size), read_at_ns=read_at_ns)
    cache.save(repository.root, known.artifact)


def _remove_empty(root: Root, top: str, path: str) -> None:
    folder = path.rpartition("/")[0]
    while folder and root.remove_folder(f"{top}/{folder}"):
        folder = folder.rpartition("/")[0]


def _remember(workspace: Workspace, session: Session, known: Known, id: ObjectId, manifest: Manifest) -> None:
    path = memory_file(known.artifact)
    old = workspace.repository.read_state(path)
    new = encode_memory(Memory(artifact=known.artifact, path=known.path, manifest=id, digest=manifest.digest))
    if new != old:
        session.apply(Transaction(state=(StateChange(path=path, old=old, new=new),)))
