"""`pacha list`: the registered artifacts, the versions of one, or the versions that are in a stage."""

from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import KINDS, ArtifactName
from pacha.porcelain.labels import Labels, labels_of
from pacha.porcelain.stage_report import Unread, unread_of
from pacha.porcelain.workspace import Workspace
from pacha.registry.catalog import Tagged
from pacha.registry.stages import PRODUCTION, StageFork


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRow:
    """One artifact. Units: `size` in bytes, of the head; None where its manifest cannot be read."""

    artifact: ArtifactName
    path: str | None
    latest: str | None
    production: tuple[str, ...]
    versions: int
    heads: tuple[ObjectId, ...]
    size: int | None
    created: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRow:
    """One version of an artifact. Members of the manifest are None where it cannot be read."""

    artifact: ArtifactName
    version: str
    stage: str | None
    manifest: ObjectId
    size: int | None
    created: str | None
    author: str | None
    message: str | None


def list_artifacts(workspace: Workspace, kind: str | None = None) -> list[ArtifactRow]:
    """Every artifact, or those of one kind, sorted by kind and name."""
    return [_artifact_row(workspace, artifact) for artifact in workspace.catalog.artifacts((kind,) if kind else KINDS)]


def _artifact_row(workspace: Workspace, artifact: ArtifactName) -> ArtifactRow:
    catalog = workspace.catalog
    heads = catalog.heads(artifact)
    labels = labels_of(workspace, artifact)
    latest = labels.latest()
    shown = heads[0] if heads else latest.manifest if latest else None
    path = size = created = None
    if shown is not None:
        try:
            manifest = catalog.manifest(shown)
            path, size, created = manifest.path, manifest.size, manifest.created
        except (Absent, Corrupt):
            pass
    return ArtifactRow(
        artifact=artifact,
        path=path,
        latest=None if latest is None else str(latest.version),
        production=labels.in_stage(PRODUCTION),
        versions=len(labels.versions),
        heads=tuple(heads),
        size=size,
        created=created,
    )


def list_versions(workspace: Workspace, artifact: ArtifactName) -> list[VersionRow]:
    """The versions of an artifact, the highest first. Errors: `Corrupt`, `Absent` for damaged versions."""
    labels = labels_of(workspace, artifact)
    return [_version_row(workspace, artifact, tagged, labels) for tagged in reversed(labels.versions)]


@dataclass(frozen=True, slots=True, kw_only=True)
class InStage:
    """The versions that are in a stage, and the artifacts of which that could not be said."""

    rows: tuple[VersionRow, ...]
    unread: tuple[Unread, ...]


def list_in_stage(
    workspace: Workspace, stage: str, *, kind: str | None = None, artifact: ArtifactName | None = None
) -> InStage:
    """The versions that are in a stage, of all artifacts or of one, by artifact, the highest first. Errors: `NoSuchStage`."""
    stage = workspace.rules.stage(stage)
    rows: list[VersionRow] = []
    unread: list[Unread] = []
    every = workspace.catalog.artifacts((kind,) if kind else KINDS)
    for each in [artifact] if artifact is not None else every:
        try:
            held = workspace.catalog.stages(each).stages()
            versions = workspace.catalog.tagged(each)
        except (StageFork, Corrupt, Absent) as error:
            unread.append(unread_of(each, error))
            continue
        labels = Labels(versions=versions, stages=held)
        chosen = frozenset(labels.in_stage(stage))
        places = [at for at, text in enumerate(versions.texts()) if text in chosen]
        rows.extend(_version_row(workspace, each, versions[at], labels) for at in reversed(places))
    return InStage(rows=tuple(rows), unread=tuple(unread))


def _version_row(workspace: Workspace, artifact: ArtifactName, tagged: Tagged, labels: Labels) -> VersionRow:
    manifest = workspace.catalog.manifest(tagged.manifest) if workspace.is_here(tagged.manifest) else None
    return VersionRow(
        artifact=artifact,
        version=str(tagged.version),
        stage=labels.stages.get(str(tagged.version)),
        manifest=tagged.manifest,
        size=None if manifest is None else manifest.size,
        created=None if manifest is None else manifest.created,
        author=None if manifest is None else manifest.author,
        message=None if manifest is None else manifest.message,
    )
