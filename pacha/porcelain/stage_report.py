"""What `pacha stage` tells: every move of an artifact, who holds which stage, and who held it on a day."""

from collections.abc import Callable
from dataclasses import dataclass

from pacha.base.clock import parse_period
from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.move import Displaced
from pacha.porcelain.workspace import Workspace
from pacha.registry.stage_history import Tenure, held_during, tenures
from pacha.registry.stages import Entry, StageFork, StageLog, read_stage_log, staged_artifacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """One move. `replays` is the move of another branch that it stands for, `rolls_back` the promotion it took back."""

    artifact: ArtifactName
    number: int
    version: Version
    from_stage: str
    to_stage: str
    displaced: tuple[Displaced, ...]
    reason: str
    who: str
    when: str
    move: ObjectId
    replays: ObjectId | None
    rolls_back: ObjectId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """An artifact whose stage log could not be read, and why."""

    artifact: ArtifactName
    message: str
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who holds or held stages, by artifact and stage; the last to come last. `unread` is what could not be answered."""

    start: str | None
    end: str | None
    holders: tuple[Tenure, ...]
    unread: tuple[Unread, ...] = ()


def history(workspace: Workspace, artifact: ArtifactName, version: Version | None = None) -> list[StageEntry]:
    """Every move of an artifact, or those that moved one version, the newest first. Errors: `StageFork`, `BadStageLog`."""
    entries = _read(workspace, artifact).entries
    return [_shown(entry) for entry in reversed(entries) if version is None or _is_about(entry, version)]


def _is_about(entry: Entry, version: Version) -> bool:
    return version == entry.move.version or any(item.version == version for item in entry.move.displaced)


def _shown(entry: Entry) -> StageEntry:
    move = entry.move
    return StageEntry(
        artifact=move.artifact,
        number=move.number,
        version=move.version,
        from_stage=move.from_stage,
        to_stage=move.to_stage,
        displaced=move.displaced,
        reason=move.reason,
        who=move.who,
        when=move.when,
        move=entry.id,
        replays=move.replays,
        rolls_back=move.rolls_back,
    )


def holders(workspace: Workspace, artifact: ArtifactName | None = None, *, stage: str | None = None) -> Holders:
    """Who holds which stage now: of one artifact, or of all. Development is left out: every new version is there.

    Errors: for one artifact as `history`; of all, what cannot be read is in `unread`. `NoSuchStage`.
    """
    return _collect(workspace, artifact, stage, None, lambda found: [item for item in found if item.until is None])


def holders_at(
    workspace: Workspace, when: str, *, artifact: ArtifactName | None = None, stage: str | None = None
) -> Holders:
    """Who held which stage at a time, or at any moment of a day, month or year (UTC). Errors: `BadTimestamp`, as `holders`."""
    start, end = parse_period(when)
    return _collect(workspace, artifact, stage, (start, end), lambda found: held_during(found, start, end))


def _collect(
    workspace: Workspace,
    artifact: ArtifactName | None,
    stage: str | None,
    period: tuple[str, str] | None,
    choose: Callable[[list[Tenure]], list[Tenure]],
) -> Holders:
    rules = workspace.rules
    stage = None if stage is None else rules.stage(stage)
    found: list[Tenure] = []
    unread: list[Unread] = []
    for each in [artifact] if artifact is not None else staged_artifacts(workspace.repository.refs):
        try:
            chosen = choose(tenures(_read(workspace, each), rules.exclusive))
        except (StageFork, Corrupt, Absent) as error:
            if artifact is not None:
                raise
            unread.append(unread_of(each, error))
            continue
        found.extend(item for item in chosen if stage in (None, item.stage))
    order = {name: place for place, name in enumerate(rules.stages)}
    found.sort(key=lambda item: (str(item.artifact), order.get(item.stage, len(order)), item.stage))
    start, end = period if period is not None else (None, None)
    return Holders(start=start, end=end, holders=tuple(found), unread=tuple(unread))


def unread_of(artifact: ArtifactName, error: PachaError) -> Unread:
    """What to say of an artifact whose log cannot be read."""
    return Unread(artifact=artifact, message=error.message, exit_code=error.exit_code)


def _read(workspace: Workspace, artifact: ArtifactName) -> StageLog:
    return read_stage_log(workspace.repository.refs, workspace.repository.objects, artifact)
