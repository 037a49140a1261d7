"""What people call a manifest: its versions, and the stage that each of them holds."""

from dataclasses import dataclass, field

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.porcelain.workspace import Workspace
from pacha.registry.stages import StageFork, read_stage_log


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A version and its stage. `stage` is None where no move names it, or where the stage log cannot be read."""

    version: str
    stage: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The labels of one artifact by manifest, lowest version first. `note` says why stages are missing."""

    by_manifest: dict[ObjectId, tuple[Label, ...]] = field(default_factory=dict)
    note: str | None = None

    def of(self, manifest: ObjectId) -> tuple[Label, ...]:
        """The labels of one manifest."""
        return self.by_manifest.get(manifest, ())


def labels_of(workspace: Workspace, artifact: ArtifactName) -> Labels:
    """Reads the versions and stages of an artifact. Errors: `Corrupt`, `Absent` for damaged versions."""
    stages: dict[str, str] = {}
    note = None
    try:
        stages = read_stage_log(workspace.repository.refs, workspace.repository.objects, artifact).stages()
    except (StageFork, Corrupt, Absent) as error:
        note = error.message
    found: dict[ObjectId, tuple[Label, ...]] = {}
    for tagged in workspace.catalog.tagged(artifact):
        version = str(tagged.version)
        label = Label(version=version, stage=stages.get(version))
        found[tagged.manifest] = (*found.get(tagged.manifest, ()), label)
    return Labels(by_manifest=found, note=note)
