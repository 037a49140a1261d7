"""`pacha cat`: the bytes of one file, each piece checked before it is handed out."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from pacha.base.errors import Usage
from pacha.base.ids import Hasher
from pacha.graph.trees import TreeFile, tree_files
from pacha.porcelain.workspace import Workspace
from pacha.registry.resolve import Revision
from pacha.worktree.restore import check_digest, read_ahead


def cat(workspace: Workspace, revision: Revision) -> Iterator[bytes | memoryview]:
    """Yields the bytes of a file in order. Errors: `Usage` for a folder, `Absent`, `Corrupt`.

    The whole file's digest is only known at the end: an error there means that what was handed out is not the file.
    """
    workspace.bring(revision.manifest, () if revision.path is None else (revision.path,))
    file = single_file(workspace, revision)
    hasher = Hasher()
    with ThreadPoolExecutor(workspace.repository.jobs) as pool:
        for data in read_ahead(workspace.repository.objects, file.entry.link, pool):
            hasher.update(data)
            yield data
    check_digest(file, hasher.id())


def single_file(workspace: Workspace, revision: Revision) -> TreeFile:
    """The one file that a revision names. Errors: `Usage` if it is a folder."""
    if revision.entry is not None and not revision.entry.is_folder:
        return TreeFile(revision.path or revision.entry.name, revision.entry)
    objects = workspace.repository.objects
    if revision.entry is None and workspace.catalog.manifest(revision.manifest).shape == "file":
        return next(tree_files(objects, workspace.catalog.manifest(revision.manifest).tree))
    raise Usage(
        f"{revision.text}: is a folder",
        hint=f"name a file in it: `pacha cat {revision.text}/FILE`; `pacha show` lists them",
    )
