"""`pacha list`: the registered artifacts, or the versions of one."""

from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import KINDS, ArtifactName
from pacha.porcelain.labels import Labels, labels_of
from pacha.porcelain.workspace import Workspace
from pacha.registry.stages import PRODUCTION


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
    latest = labels.versions.latest()
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
        production=_in_stage(labels, PRODUCTION),
        versions=len(labels.versions),
        heads=tuple(heads),
        size=size,
        created=created,
    )


def _in_stage(labels: Labels, stage: str) -> tuple[str, ...]:
    return tuple(version for version in labels.versions.texts() if labels.stages.get(version) == stage)


def list_versions(workspace: Workspace, artifact: ArtifactName) -> list[VersionRow]:
    """The versions of an artifact, the highest first. Errors: `Corrupt`, `Absent` for damaged versions."""
    catalog = workspace.catalog
    labels = labels_of(workspace, artifact)
    rows = []
    for tagged in reversed(labels.versions):
        manifest = catalog.manifest(tagged.manifest) if workspace.is_here(tagged.manifest) else None
        rows.append(
            VersionRow(
                artifact=artifact,
                version=str(tagged.version),
                stage=labels.stages.get(str(tagged.version)),
                manifest=tagged.manifest,
                size=None if manifest is None else manifest.size,
                created=None if manifest is None else manifest.created,
                author=None if manifest is None else manifest.author,
                message=None if manifest is None else manifest.message,
            )
        )
    return rows
