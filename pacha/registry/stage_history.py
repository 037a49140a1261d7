"""What a stage log says of the past: who held a stage from when until when, and which promotions still stand. Pure.

**Times.** Order is by number. A move counts from the time it carries, but time never runs backwards for a version or an
exclusive stage: a move counts at the earliest from when the versions it moves came to where they stood, and from when
its exclusive stage last changed hands. So a clock that is wrong, or a move replayed from another branch, shifts only
what concerns the same version or stage.

**Promotions.** A move that brings a version into an exclusive stage is a promotion; one with `rolls_back` takes the
promotion that it names back, and all after it. What is left stands. Rolling back takes back the last one that stands.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.registry.stages import DEVELOPMENT, Entry, StageLog, moved_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenure:
    """A version's time in a stage. `until` is None while it lasts; `number`, `who`, `reason` are of the move that began it."""

    artifact: ArtifactName
    stage: str
    version: str
    since: str
    until: str | None
    number: int
    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A move that brought a version into an exclusive stage and was not taken back."""

    move: ObjectId
    version: str


def tenures(log: StageLog, exclusive: Collection[str]) -> list[Tenure]:
    """Every time that a version spent in a stage other than development, in the order in which they began."""
    found: list[Tenure] = []
    # By version: where it stands, since when, and where in `found` that is (None in development).
    standing: dict[str, tuple[str, str, int | None]] = {}
    changed: dict[str, str] = {}
    for entry in log.entries:
        moves = [
            (version, stage)
            for version, stage in moved_by(entry.move)
            if standing.get(version, (DEVELOPMENT, "", None))[0] != stage
        ]
        touched = {stage for _, stage in moves} | {standing[version][0] for version, _ in moves if version in standing}
        bounds = [standing[version][1] for version, _ in moves if version in standing]
        bounds += [changed[stage] for stage in touched if stage in exclusive and stage in changed]
        when = max([entry.move.when, *bounds])
        changed.update(dict.fromkeys(touched, when))
        for version, stage in moves:
            place = standing.get(version, (DEVELOPMENT, "", None))[2]
            if place is not None:
                found[place] = replace(found[place], until=when)
            standing[version] = (stage, when, None if stage == DEVELOPMENT else len(found))
            if stage != DEVELOPMENT:
                found.append(_tenure(log.artifact, entry, version, stage, when))
    return found


def _tenure(artifact: ArtifactName, entry: Entry, version: str, stage: str, when: str) -> Tenure:
    return Tenure(
        artifact=artifact,
        stage=stage,
        version=version,
        since=when,
        until=None,
        number=entry.move.number,
        who=entry.move.who,
        reason=entry.move.reason,
    )


def held_during(found: Iterable[Tenure], start: str, end: str) -> list[Tenure]:
    """The tenures of which some moment lies in a period: from `start` to just before `end`, or the instant `start`.

    One that ended at the moment it began counts at that moment of a period, and at no instant.
    """
    if start == end:
        return [item for item in found if item.since <= start and (item.until is None or start < item.until)]
    return [
        item
        for item in found
        if item.since < end and (item.until is None or item.until > start or item.since == item.until == start)
    ]


def standing_promotions(log: StageLog, stage: str) -> list[Promotion]:
    """The promotions into a stage that were not taken back, oldest first."""
    found: list[Promotion] = []
    at: dict[str, str] = {}
    for entry in log.entries:
        move = entry.move
        version = str(move.version)
        came = move.to_stage == stage and at.get(version) != stage
        at.update(moved_by(move))
        if not came:
            continue
        if move.rolls_back is not None and any(item.move == move.rolls_back for item in found):
            while found.pop().move != move.rolls_back:
                pass
            # The one before stands again, unless the log was written by hand and says something else.
            if found and found[-1].version == version:
                continue
        found.append(Promotion(move=entry.id, version=version))
    return found


def before_last(promotions: Sequence[Promotion], holder: str | None) -> tuple[Promotion, Promotion] | None:
    """What a rollback takes back and what it returns to; None where nothing else came before.

    Promotions of the version that holds the stage (or held it last, where it is empty) are taken back together.
    """
    last = holder if holder is not None else promotions[-1].version if promotions else None
    place = len(promotions)
    while place and promotions[place - 1].version == last:
        place -= 1
    if place in (0, len(promotions)):
        return None
    return promotions[place], promotions[place - 1]
