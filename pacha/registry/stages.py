"""The stage log of an artifact: numbered moves, each naming the one before. Reading it.

A version's stage is what the last move that names it says; a version that no move names is in development. The order
of moves is that of their numbers, never that of their times, which come from many clocks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pacha.base.errors import Conflict, Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.move import Move
from pacha.objects.types import Link
from pacha.refs.names import RefName, stage_ref, stages_folder
from pacha.refs.store import RefStore
from pacha.store.objects import Objects

DEVELOPMENT = "development"
PRODUCTION = "production"
YANKED = "yanked"


class StageFork(Conflict):
    """Two people moved stages at once, and their logs do not fit together."""


class BadStageLog(Corrupt):
    """An entry of the stage log is not the move that its place says, or is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One move in the log."""

    id: ObjectId
    move: Move


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one entry does, and what it follows: all that is needed to know where versions stand."""

    id: ObjectId
    prev: ObjectId | None
    number: int
    moved: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a version stands, and the number of the move that brought it there."""

    stage: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """Where versions stand after the last move, in the order in which they came there. `number` is 0 in an empty log."""

    number: int = 0
    last: ObjectId | None = None
    versions: Mapping[str, Standing] = field(default_factory=dict)

    def stage(self, version: str) -> str:
        """The stage of a version."""
        standing = self.versions.get(version)
        return DEVELOPMENT if standing is None else standing.stage

    def stages(self) -> dict[str, str]:
        """The stage of every version that was ever moved."""
        return {version: standing.stage for version, standing in self.versions.items()}

    def holders(self, stage: str) -> list[str]:
        """The versions that a move brought to a stage and that are still there, the last to come last."""
        return [version for version, standing in self.versions.items() if standing.stage == stage]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLog:
    """The moves of one artifact, oldest first, checked to be one chain."""

    artifact: ArtifactName
    entries: tuple[Entry, ...]

    def state(self) -> StageState:
        """Where the versions stand."""
        return state_of(step_of(entry) for entry in self.entries)


class StageReader(Protocol):
    """Answers where an artifact's versions stand. The one on disk is the truth; the index answers the same, faster."""

    def stages(self, artifact: ArtifactName) -> StageState:
        """Where the versions stand. Errors: as `read_stage_log`."""


class DiskStages:
    """Reads every move."""

    def __init__(self, refs: RefStore, objects: Objects) -> None:
        self._refs = refs
        self._objects = objects

    def stages(self, artifact: ArtifactName) -> StageState:
        """Where the versions stand. Errors: as `read_stage_log`."""
        return read_stage_log(self._refs, self._objects, artifact).state()


def moved_by(move: Move) -> tuple[tuple[str, str], ...]:
    """The versions that a move moves, with where they go: those that give way before the one they give way to."""
    displaced = tuple((str(item.version), item.to_stage) for item in move.displaced)
    return (*displaced, (str(move.version), move.to_stage))


def step_of(entry: Entry) -> Step:
    """What an entry does."""
    move = entry.move
    return Step(id=entry.id, prev=move.prev, number=move.number, moved=moved_by(move))


def state_of(steps: Iterable[Step]) -> StageState:
    """Where versions stand after some steps."""
    versions: dict[str, Standing] = {}
    number, last = 0, None
    for step in steps:
        for version, stage in step.moved:
            before = versions.get(version)
            if before is not None and before.stage == stage:
                continue
            # Taken out first, so that the order is that of arrival.
            versions.pop(version, None)
            versions[version] = Standing(stage=stage, number=step.number)
        number, last = step.number, step.id
    return StageState(number=number, last=last, versions=versions)


def read_stage_log(refs: RefStore, objects: Objects, artifact: ArtifactName) -> StageLog:
    """Reads and checks the log. Errors: `StageFork`, `BadStageLog`, `BadRef`, `Absent`."""
    entries = [read_entry(objects, artifact, name, link) for name, link in refs.read_all(stages_folder(artifact))]
    check_chain(artifact, [step_of(entry) for entry in entries])
    return StageLog(artifact=artifact, entries=tuple(entries))


def read_entry(objects: Objects, artifact: ArtifactName, name: RefName, link: Link) -> Entry:
    """Reads one entry and checks that it is the one its ref says. Errors: `BadStageLog`, `Absent`, `Corrupt`."""
    move = objects.load(link)
    if not isinstance(move, Move) or name != stage_ref(artifact, move.number) or move.artifact != artifact:
        raise BadStageLog(f"{name}: names {link}, which is not that move", ref=str(name), object=str(link))
    return Entry(id=link.id, move=move)


def check_chain(artifact: ArtifactName, steps: Sequence[Step]) -> None:
    """Refuses a log with a gap, or in which an entry does not follow the one before. Errors: `BadStageLog`, `StageFork`."""
    before: ObjectId | None = None
    for number, step in enumerate(steps, start=1):
        if step.number != number:
            raise BadStageLog(
                f"entry {number} of the stage log of {artifact} is missing",
                hint="merge or fetch the branch that has it, or `git checkout -- .pacha/refs/stages`",
                artifact=str(artifact),
            )
        if step.prev != before:
            raise StageFork(
                f"the stage log of {artifact} forks at entry {number}",
                hint=f"`pacha resolve {artifact.name}` shows both sides and settles it",
                artifact=str(artifact),
            )
        before = step.id


def staged_artifacts(refs: RefStore) -> list[ArtifactName]:
    """Every artifact that has a stage log, sorted. Alien folders are left out."""
    found = []
    for kind in refs.folders("refs/stages"):
        for name in refs.folders(f"refs/stages/{kind}"):
            try:
                artifact = ArtifactName(kind, name)
            except PachaError:
                continue
            if refs.names(stages_folder(artifact)):
                found.append(artifact)
    return sorted(found, key=str)
