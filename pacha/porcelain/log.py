"""`pacha log`: the history of artifacts, the newest first, with the versions and stages of each commit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.ancestry import newest_first
from pacha.porcelain.labels import Label, Labels, labels_of
from pacha.porcelain.workspace import Workspace
from pacha.registry.resolve import Revision


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One commit. `problem` is set, and most members are empty, where its manifest is absent or damaged."""

    artifact: ArtifactName
    manifest: ObjectId
    created: str
    author: str
    message: str
    size: int
    digest: ObjectId | None
    previous: tuple[ObjectId, ...]
    is_head: bool
    labels: tuple[Label, ...]
    problem: str | None = None


def log(workspace: Workspace, revisions: Sequence[Revision], artifacts: Sequence[ArtifactName]) -> Iterator[LogEntry]:
    """Yields the commits that some revisions and the heads of some artifacts reach; all artifacts if none is given.

    Reads only as much history as the caller takes.
    """
    catalog = workspace.catalog
    chosen = list(artifacts) if artifacts or revisions else catalog.artifacts()
    starts: dict[ObjectId, ArtifactName] = {}
    heads: set[ObjectId] = set()
    for revision in revisions:
        artifact = catalog.manifest(revision.manifest).artifact
        starts[revision.manifest] = artifact
        heads.update(catalog.heads(artifact))
    for artifact in chosen:
        found = catalog.heads(artifact)
        heads.update(found)
        latest = None if found else catalog.latest(artifact)
        starts.update((id, artifact) for id in (found or ([latest.manifest] if latest else [])))
    yield from _entries(workspace, starts, lambda id: id in heads)


def _entries(
    workspace: Workspace, starts: dict[ObjectId, ArtifactName], is_head: Callable[[ObjectId], bool]
) -> Iterator[LogEntry]:
    catalog = workspace.catalog
    labels: dict[ArtifactName, Labels] = {}
    owner = dict(starts)
    for id in newest_first(starts, catalog.previous, catalog.created):
        artifact = owner[id]
        if artifact not in labels:
            labels[artifact] = labels_of(workspace, artifact)
        try:
            manifest = catalog.manifest(id)
        except (Absent, Corrupt) as error:
            yield LogEntry(
                artifact=artifact, manifest=id, created="", author="", message="", size=0, digest=None, previous=(),
                is_head=is_head(id), labels=labels[artifact].of(id), problem=error.message,
            )  # fmt: skip
            continue
        owner.update((parent, artifact) for parent in manifest.previous())
        yield LogEntry(
            artifact=manifest.artifact,
            manifest=id,
            created=manifest.created,
            author=manifest.author,
            message=manifest.message,
            size=manifest.size,
            digest=manifest.digest,
            previous=manifest.previous(),
            is_head=is_head(id),
            labels=labels[artifact].of(id),
        )
