"""`pacha diff`: which files and which words of the card differ between two revisions, or from the work tree."""

from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.errors import Absent
from pacha.base.ids import ObjectId
from pacha.objects.manifest import Manifest
from pacha.objects.tree import FileEntry
from pacha.porcelain.observe import current_files
from pacha.porcelain.show import files_of
from pacha.porcelain.workspace import Known, NotInWorkTree, Workspace
from pacha.registry.resolve import Revision
from pacha.worktree.scan import NoSuchPath, scan


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file. `change` is added, removed, modified or mode (only executable differs). Units: bytes."""

    path: str
    change: str
    old_size: int | None
    new_size: int | None
    old_digest: ObjectId | None
    new_digest: ObjectId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One member of the card, by its dotted path; None where one side lacks it."""

    field: str
    old: object
    new: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two sides, as people name them, and what differs."""

    old: str
    new: str
    files: tuple[FileChange, ...]
    card: tuple[FieldChange, ...]

    @property
    def is_same(self) -> bool:
        """Tells whether nothing differs."""
        return not self.files and not self.card


def diff_revisions(workspace: Workspace, old: ObjectId, new: ObjectId, *, names: tuple[str, str]) -> Difference:
    """Compares two manifests. Errors: `Absent` if a tree that is needed is not here, `Corrupt`."""
    left, right = workspace.catalog.manifest(old), workspace.catalog.manifest(new)
    return Difference(
        old=names[0],
        new=names[1],
        files=_files(_listed(workspace, left), _listed(workspace, right)),
        card=_fields({**left.card}, {**right.card}),
    )


def diff_known(workspace: Workspace, revision: Revision | None = None) -> list[Difference]:
    """Compares a revision, or the head of every known path, with what lies there. Errors: `NotInWorkTree`, `Absent`."""
    if revision is None:
        every = workspace.every_known
        return [diff_work_tree(workspace, known, known.heads[0] if known.heads else None) for known in every]
    artifact = workspace.catalog.manifest(revision.manifest).artifact
    found = workspace.known_artifact(artifact)
    if found is None:
        raise NotInWorkTree(artifact)
    return [diff_work_tree(workspace, found, revision.manifest)]


def diff_work_tree(workspace: Workspace, known: Known, base: ObjectId | None) -> Difference:
    """Compares a manifest (None: nothing) with what lies at a path. Reads only files that changed."""
    old: tuple[FileEntry, ...] = ()
    name = "nothing"
    if base is not None:
        old = _listed(workspace, workspace.catalog.manifest(base))
        name = f"{known.artifact} manifest:{base.short}"
    try:
        new = current_files(workspace, known, scan(workspace.full(known.path), shown=known.path, dereference=True))
    except NoSuchPath:
        new = ()
    return Difference(old=name, new=known.path, files=_files(old, new), card=())


def _listed(workspace: Workspace, manifest: Manifest) -> tuple[FileEntry, ...]:
    files = files_of(workspace, manifest)
    if files is None:
        raise Absent(f"the list of files of {manifest.artifact} (tree:{manifest.tree.short}) is not here")
    return files


def _files(old: tuple[FileEntry, ...], new: tuple[FileEntry, ...]) -> tuple[FileChange, ...]:
    before = {file.path: file for file in old}
    after = {file.path: file for file in new}
    if len(old) == len(new) == 1 and old[0].path != new[0].path and "/" not in old[0].path + new[0].path:
        # An artifact of one file keeps its identity when the file gets another name.
        before = {new[0].path: old[0]}
    changes = []
    for path in sorted(before.keys() | after.keys(), key=lambda path: path.encode("utf-8", "surrogatepass")):
        left, right = before.get(path), after.get(path)
        if left is not None and right is not None and left.digest == right.digest:
            if left.executable == right.executable:
                continue
            change = "mode"
        else:
            change = "added" if left is None else "removed" if right is None else "modified"
        changes.append(
            FileChange(
                path=path,
                change=change,
                old_size=None if left is None else left.size,
                new_size=None if right is None else right.size,
                old_digest=None if left is None else left.digest,
                new_digest=None if right is None else right.digest,
            )
        )
    return tuple(changes)


def _fields(old: Mapping[str, object], new: Mapping[str, object], prefix: str = "") -> tuple[FieldChange, ...]:
    changes: list[FieldChange] = []
    for key in sorted(old.keys() | new.keys()):
        left, right = old.get(key), new.get(key)
        if isinstance(left, dict) and isinstance(right, dict):
            changes.extend(_fields(left, right, f"{prefix}{key}."))
        elif left != right:
            changes.append(FieldChange(field=prefix + key, old=left, new=right))
    return tuple(changes)
