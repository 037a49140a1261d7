"""`pacha list`: the registered artifacts, the versions of one, or the versions that are in a stage."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.index.artifacts import Artifact, Artifacts
from pacha.index.rows import artifacts_of
from pacha.index.summaries import Summary
from pacha.porcelain.workspace import Workspace
from pacha.registry.stages import DEVELOPMENT, PRODUCTION


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    """One artifact. Units: `size` in bytes, of the head; None where its manifest cannot be read.

    `problems` say why some of its versions, stages or heads are not told: a version in conflict, a log that forks.
    """

    artifact: ArtifactName
    path: str | None
    latest: str | None
    production: tuple[str, ...]
    versions: int
    heads: tuple[ObjectId, ...]
    size: int | None
    created: str | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version of an artifact. Members of the manifest are None where it cannot be read; so is `stage` where the log
    of moves cannot.
    """

    artifact: ArtifactName
    version: str
    stage: str | None
    manifest: ObjectId
    size: int | None
    created: str | None
    author: str | None
    message: str | None


_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[_Row]):
    """What could be listed, and what could not be read."""

    rows: tuple[_Row, ...]
    problems: tuple[PachaError, ...]

    def whole(self) -> list[_Row]:
        """The rows, for one who cannot be warned. Errors: the first of the problems."""
        if self.problems:
            raise self.problems[0]
        return list(self.rows)


def list_artifacts(workspace: Workspace, kind: str | None = None) -> Listed[ArtifactRow]:
    """Every artifact, or those of one kind, sorted by kind and name."""
    every = _every(workspace, kind)
    rows = tuple(_artifact_row(workspace, known) for known in every)
    return Listed(rows=rows, problems=tuple(problem for known in every for problem in known.problems))


def list_versions(workspace: Workspace, artifact: ArtifactName) -> Listed[VersionRow]:
    """The versions of an artifact, the highest first."""
    known = _artifacts(workspace).one(artifact)
    rows = _version_rows(workspace, known, range(len(known.versions)))
    return Listed(rows=tuple(rows), problems=known.problems)


def list_in_stage(
    workspace: Workspace, stage: str, *, kind: str | None = None, artifact: ArtifactName | None = None
) -> Listed[VersionRow]:
    """The versions that are in a stage, of all artifacts or of one, by artifact, the highest first. Errors: `NoSuchStage`."""
    stage = workspace.rules.stage(stage)
    every = _every(workspace, kind) if artifact is None else [_artifacts(workspace).one(artifact)]
    rows = (row for known in every for row in _version_rows(workspace, known, _places(known, stage)))
    return Listed(rows=tuple(rows), problems=tuple(problem for known in every for problem in known.problems))


def _artifacts(workspace: Workspace) -> Artifacts:
    return artifacts_of(workspace.index, workspace.repository)


def _every(workspace: Workspace, kind: str | None) -> list[Artifact]:
    return [known for known in _artifacts(workspace).all() if kind is None or known.name.startswith(f"{kind}/")]


def _places(known: Artifact, stage: str) -> Iterator[int]:
    return (at for at, held in zip(range(len(known.versions)), known.stages(), strict=False) if held == stage)


def _artifact_row(workspace: Workspace, known: Artifact) -> ArtifactRow:
    latest = known.latest()
    heads = tuple(map(ObjectId, known.heads))
    shown = heads[0] if heads else None if latest is None else ObjectId(known.manifests[latest])
    path = size = created = None
    if shown is not None:
        try:
            manifest = workspace.catalog.manifest(shown)
            path, size, created = manifest.path, manifest.size, manifest.created
        except (Absent, Corrupt):
            pass
    return ArtifactRow(
        artifact=ArtifactName.parse(known.name),
        path=path,
        latest=None if latest is None else known.versions[latest],
        production=tuple(known.versions[at] for at in _places(known, PRODUCTION))[::-1],
        versions=len(known.versions),
        heads=heads,
        size=size,
        created=created,
        problems=tuple(problem.message for problem in known.problems),
    )


def _version_rows(workspace: Workspace, known: Artifact, places: Iterable[int]) -> Iterator[VersionRow]:
    artifact = ArtifactName.parse(known.name)
    summaries = workspace.summaries(artifact)
    for at in places:
        id, version = ObjectId(known.manifests[at]), known.versions[at]
        found: Summary | None = None
        with contextlib.suppress(Absent, Corrupt):
            found = summaries.of(id)
        yield VersionRow(
            artifact=artifact,
            version=version,
            stage=None if known.moved is None else known.moved.get(version, DEVELOPMENT),
            manifest=id,
            size=None if found is None else found.size,
            created=None if found is None else found.created,
            author=None if found is None else found.author,
            message=None if found is None else found.message,
        )
    summaries.keep()
