"""What people call a manifest: its versions, and the stage that each of them holds."""

from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.porcelain.workspace import Workspace
from pacha.registry.catalog import Tagged, Versions
from pacha.registry.stages import DEVELOPMENT, YANKED, StageFork


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A version and its stage. `stage` is None where no move names it, or where the stage log cannot be read."""

    version: str
    stage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of one artifact. `note` says why stages are missing."""

    versions: Versions
    stages: Mapping[str, str]
    note: str | None = None

    def of(self, manifest: ObjectId) -> tuple[Label, ...]:
        """The labels of one manifest, lowest version first."""
        return tuple(Label(version=text, stage=self.stages.get(text)) for text in self.versions.of(manifest))

    def latest(self) -> Tagged | None:
        """The latest version; a yanked one is passed by."""
        return self.versions.latest(leave_out={text for text, stage in self.stages.items() if stage == YANKED})

    def in_stage(self, stage: str) -> tuple[str, ...]:
        """The versions that are in a stage, lowest first; what no move names is in development."""
        return tuple(text for text in self.versions.texts() if self.stages.get(text, DEVELOPMENT) == stage)


def labels_of(workspace: Workspace, artifact: ArtifactName) -> Labels:
    """Reads the versions and stages of an artifact. Errors: `Corrupt`, `Absent` for damaged versions."""
    stages: dict[str, str] = {}
    note = None
    try:
        stages = workspace.catalog.stages(artifact).stages()
    except (StageFork, Corrupt, Absent) as error:
        note = error.message
    return Labels(versions=workspace.catalog.tagged(artifact), stages=stages, note=note)
