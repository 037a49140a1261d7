"""The stage log of an artifact: numbered moves, each naming the one before. Reading it.

A version's stage is what the last move that names it says; a version that no move names is in development.
"""

from dataclasses import dataclass

from pacha.base.errors import Conflict, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.move import Move
from pacha.refs.names import stages_folder
from pacha.refs.store import RefStore
from pacha.store.objects import Objects

DEVELOPMENT = "development"
PRODUCTION = "production"
STAGES = (DEVELOPMENT, "staging", PRODUCTION, "archived")
YANKED = "yanked"


class StageFork(Conflict):
    """Two people moved stages at once, and their logs do not fit together."""


class BadStageLog(Corrupt):
    """An entry of the stage log is not the move that its place says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One move in the log."""

    id: ObjectId
    move: Move


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLog:
    """The moves of one artifact, oldest first, checked to be one chain."""

    artifact: ArtifactName
    entries: tuple[Entry, ...]

    def stages(self) -> dict[str, str]:
        """The stage of every version that was ever moved."""
        found: dict[str, str] = {}
        for entry in self.entries:
            found[str(entry.move.version)] = entry.move.to_stage
            for displaced in entry.move.displaced:
                found[str(displaced.version)] = displaced.to_stage
        return found

    def holders(self, stage: str) -> list[str]:
        """The versions that hold a stage now, in the order in which they came to it."""
        return [version for version, held in self.stages().items() if held == stage]


def read_stage_log(refs: RefStore, objects: Objects, artifact: ArtifactName) -> StageLog:
    """Reads and checks the log. Errors: `StageFork`, `BadStageLog`, `BadRef`, `Absent`."""
    entries: list[Entry] = []
    before: ObjectId | None = None
    for number, (name, link) in enumerate(refs.read_all(stages_folder(artifact)), start=1):
        move = objects.load(link)
        if not isinstance(move, Move) or move.artifact != artifact or not name.last.endswith(str(move.number)):
            raise BadStageLog(f"{name}: names {link}, which is not that move", ref=str(name), object=str(link))
        if move.number != number or move.prev != before:
            raise StageFork(
                f"the stage log of {artifact} forks at entry {min(number, move.number)}",
                hint=f"`pacha resolve {artifact.name}` shows both sides and settles it",
                artifact=str(artifact),
            )
        entries.append(Entry(id=link.id, move=move))
        before = link.id
    return StageLog(artifact=artifact, entries=tuple(entries))
