"""`pacha verify`: reads every byte of some revisions and says whether it is what was committed."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import Hasher, ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.ancestry import ancestors
from pacha.graph.trees import TreeFile, tree_files
from pacha.objects.manifest import Manifest
from pacha.objects.tree import FileEntry, artifact_digest
from pacha.objects.types import Link
from pacha.porcelain.workspace import Workspace
from pacha.worktree.restore import check_digest, read_ahead


class Verdict(Enum):
    """What reading every byte has shown."""

    INTACT = "intact"
    ABSENT = "absent"
    CORRUPT = "corrupt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One manifest. `problems` are whole sentences. Units: `read_bytes` in bytes."""

    artifact: ArtifactName
    manifest: ObjectId
    versions: tuple[str, ...]
    verdict: Verdict
    files: int
    read_bytes: int
    ancestors: int
    problems: tuple[str, ...]


def everything(workspace: Workspace) -> list[ObjectId]:
    """The manifests of all heads and versions, each once."""
    catalog = workspace.catalog
    found: dict[ObjectId, None] = {}
    for artifact in catalog.artifacts():
        found.update((id, None) for id in catalog.heads(artifact))
        found.update((tagged.manifest, None) for tagged in catalog.tagged(artifact))
    return list(found)


def verify(workspace: Workspace, manifests: Sequence[ObjectId]) -> list[Verified]:
    """Checks the bytes of some manifests and the documents of all their ancestors. Finds everything, stops at nothing."""
    progress = workspace.repository.progress
    sizes = [workspace.catalog.manifest(id).size for id in manifests if workspace.is_here(id)]
    progress.start("verifying", total_bytes=sum(sizes))
    try:
        with ThreadPoolExecutor(workspace.repository.jobs) as pool:
            return [_verify(workspace, id, pool) for id in manifests]
    finally:
        progress.finish()


def _verify(workspace: Workspace, id: ObjectId, pool: ThreadPoolExecutor) -> Verified:
    workspace.bring(id)
    manifest = workspace.catalog.manifest(id)
    problems: list[str] = []
    worst = Verdict.INTACT
    files, read_bytes = 0, 0
    for error in _faults_of_history(workspace, id):
        problems.append(error.message)
        worst = _worse(worst, error)
    listed: list[FileEntry] = []
    try:
        for file in tree_files(workspace.repository.objects, manifest.tree):
            listed.append(file.listed())
            files += 1
            fault = _fault_of_file(workspace, file, pool)
            if fault is None:
                read_bytes += file.entry.size
                continue
            problems.append(f"{file.path}: {fault.message}")
            worst = _worse(worst, fault)
        fault = _fault_of_sum(manifest, listed)
        if fault is not None:
            problems.append(fault.message)
            worst = Verdict.CORRUPT
    except (Absent, Corrupt) as error:
        problems.append(error.message)
        worst = _worse(worst, error)
    return Verified(
        artifact=manifest.artifact,
        manifest=id,
        versions=tuple(workspace.catalog.tagged(manifest.artifact).of(id)),
        verdict=worst,
        files=files,
        read_bytes=read_bytes,
        ancestors=sum(1 for _ in ancestors([id], workspace.catalog.previous)),
        problems=tuple(problems),
    )


def _worse(verdict: Verdict, error: Absent | Corrupt) -> Verdict:
    if isinstance(error, Corrupt) or verdict is Verdict.CORRUPT:
        return Verdict.CORRUPT
    return Verdict.ABSENT


def _faults_of_history(workspace: Workspace, id: ObjectId) -> list[Absent | Corrupt]:
    """What is wrong with the manifests that this one names, in any role and at any distance."""
    faults: list[Absent | Corrupt] = []
    seen: set[ObjectId] = set()
    todo = [id]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        try:
            todo.extend(parent.manifest for parent in workspace.catalog.manifest(current).parents)
        except (Absent, Corrupt) as error:
            faults.append(error)
    return faults


def _fault_of_file(workspace: Workspace, file: TreeFile, pool: ThreadPoolExecutor) -> Absent | Corrupt | None:
    hasher = Hasher()
    size = 0
    try:
        for data in read_ahead(workspace.repository.objects, file.entry.link, pool):
            hasher.update(data)
            size += len(data)
            workspace.repository.progress.advance(len(data))
        check_digest(file, hasher.id())
    except (Absent, Corrupt) as error:
        return error
    return None if size == file.entry.size else Corrupt(f"holds {size} bytes, and its tree promises {file.entry.size}")


def _fault_of_sum(manifest: Manifest, files: Sequence[FileEntry]) -> Corrupt | None:
    """Whether the files are those that the manifest's digest, size and list promise."""
    digest = files[0].digest if manifest.shape == "file" and len(files) == 1 else artifact_digest(files)
    if digest != manifest.digest or sum(file.size for file in files) != manifest.size:
        return Corrupt(
            f"{manifest.artifact}: {Link('tree', manifest.tree)} does not hold what the manifest's digest promises"
        )
    by_path = sorted(files, key=lambda file: file.path.encode("utf-8"))
    if manifest.files is not None and tuple(by_path) != manifest.files:
        return Corrupt(f"{manifest.artifact}: the manifest lists other files than its tree")
    return None
