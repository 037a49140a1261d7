"""`pacha log`: the history of artifacts, the newest first, with the versions and stages of each commit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.ancestry import newest_first
from pacha.index.summaries import Summaries, Summary
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
    workspace: Workspace, starts: Mapping[ObjectId, ArtifactName], is_head: Callable[[ObjectId], bool]
) -> Iterator[LogEntry]:
    history = _History(workspace, starts)
    labels: dict[ArtifactName, Labels] = {}
    for id in newest_first(starts, history.previous, history.created):
        artifact = history.owner[id]
        if artifact not in labels:
            labels[artifact] = labels_of(workspace, artifact)
        yield _entry(history, id, is_head=is_head(id), labels=labels[artifact].of(id))
    history.keep()


class _History:
    """What manifests say, and of which artifact's history each one is."""

    def __init__(self, workspace: Workspace, starts: Mapping[ObjectId, ArtifactName]) -> None:
        self.owner = dict(starts)
        self._workspace = workspace
        self._summaries: dict[ArtifactName, Summaries] = {}

    def of(self, id: ObjectId) -> Summary:
        """What one says. Errors: `Absent`, `Corrupt`."""
        artifact = self.owner[id]
        summaries = self._summaries.get(artifact)
        if summaries is None:
            summaries = self._summaries[artifact] = self._workspace.summaries(artifact)
        return summaries.of(id)

    def previous(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """The manifests that one says come before it; none where it cannot be read."""
        try:
            found = self.of(id).previous
        except (Absent, Corrupt):
            return ()
        self.owner.update((parent, self.owner[id]) for parent in found)
        return found

    def created(self, id: ObjectId) -> str:
        """When one was made; empty where it cannot be read."""
        try:
            return self.of(id).created
        except (Absent, Corrupt):
            return ""

    def keep(self) -> None:
        """Remembers what was read."""
        for summaries in self._summaries.values():
            summaries.keep()


def _entry(history: _History, id: ObjectId, *, is_head: bool, labels: tuple[Label, ...]) -> LogEntry:
    try:
        found = history.of(id)
    except (Absent, Corrupt) as error:
        return LogEntry(
            artifact=history.owner[id], manifest=id, created="", author="", message="", size=0, digest=None, previous=(),
            is_head=is_head, labels=labels, problem=error.message,
        )  # fmt: skip
    artifact = history.owner[id]
    return LogEntry(
        artifact=artifact if found.artifact == str(artifact) else ArtifactName.parse(found.artifact),
        manifest=id,
        created=found.created,
        author=found.author,
        message=found.message,
        size=found.size,
        digest=found.digest,
        previous=found.previous,
        is_head=is_head,
        labels=labels,
    )
