"""`pacha stage`: moves a version from stage to stage, brings the one before back, takes one out of use.

Each move is one new entry of the artifact's log, and one ref that somebody else may win. What was decided on facts that
have changed meanwhile is not done: whoever loses is told who was first, and nothing has moved.

Longer than most modules: the three verbs share what checks, writes and tells a move.
"""

import os
from dataclasses import dataclass, replace

from pacha.base.errors import Ambiguous, Conflict, Negative, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.move import DISPLACED_MAX, Displaced, Move
from pacha.objects.types import Link
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import stage_ref
from pacha.refs.transaction import Transaction
from pacha.registry.catalog import NoSuchVersion
from pacha.registry.stage_history import Promotion, before_last, standing_promotions
from pacha.registry.stage_rules import InvalidTransition, StageRules
from pacha.registry.stages import PRODUCTION, YANKED, Entry, StageState, read_entry, read_stage_log

#: A reason is a sentence or a paragraph; reports are artifacts.
REASON_BYTES_MAX = 4096


class LostStageRace(Conflict):
    """Somebody else moved a stage of the same artifact first."""


class NoReason(Usage):
    """A move that wants a reason has none, or one that is too long."""


class NotExclusive(Usage):
    """A stage that several versions may hold has no version before."""


class NothingBefore(Negative):
    """No promotion stands behind the last one."""


class CannotReturn(Negative):
    """The version before has gone where no step leads back from."""


class TooManyHolders(Negative):
    """More versions would have to give way than one move can displace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """What a person says of a move."""

    who: str
    when: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMoved:
    """A move and how things stand after it. `is_new` is False where the version was there already; the rest then tells
    of the move that brought it, if there was one. `emptied` is an exclusive stage that nothing holds any more.
    """

    artifact: ArtifactName
    version: Version
    from_stage: str
    to_stage: str
    displaced: tuple[Displaced, ...]
    emptied: str | None
    number: int | None
    move: ObjectId | None
    reason: str
    who: str
    when: str
    is_exclusive: bool
    is_rollback: bool
    is_new: bool
    notes: tuple[str, ...] = ()


def stage(workspace: Workspace, artifact: ArtifactName, version: Version, to: str, options: MoveOptions) -> StageMoved:
    """Moves a version to a stage, and the holder of an exclusive one out of it. The same stage again changes nothing.

    Errors: `NoSuchStage`, `NoSuchVersion`, `InvalidTransition`, `NoReason`, `LostStageRace`, `StageFork`.
    """
    to = workspace.rules.stage(to)
    seen = workspace.catalog.stages(artifact)
    check_version(workspace, artifact, version)
    if seen.stage(str(version)) == to:
        return _unchanged(workspace, artifact, version, seen)
    return _record(workspace, seen, _move(workspace.rules, artifact, version, to, seen, options))


def yank(workspace: Workspace, artifact: ArtifactName, version: Version, options: MoveOptions) -> StageMoved:
    """Takes a version out of use: `latest` and prefixes pass it by, its own name still finds it. Errors: as `stage`."""
    return stage(workspace, artifact, version, YANKED, options)


def rollback(
    workspace: Workspace, artifact: ArtifactName, options: MoveOptions, *, stage: str = PRODUCTION
) -> StageMoved:
    """Takes the last promotion that stands back: the version before it holds the exclusive stage again.

    Errors: `NotExclusive`, `NothingBefore`, `CannotReturn`, and as `stage`.
    """
    rules = workspace.rules
    stage = rules.stage(stage)
    if stage not in rules.exclusive:
        raise NotExclusive(
            f"{stage} is not exclusive, so there is no version before in it",
            hint=f"exclusive here: {', '.join(sorted(rules.exclusive)) or 'none'}",
        )
    log = read_stage_log(workspace.repository.refs, workspace.repository.objects, artifact)
    seen = log.state()
    taken_back, before = _before(artifact, stage, seen, standing_promotions(log, stage))
    version = Version.parse(before.version)
    check_version(workspace, artifact, version)
    try:
        rules.check(seen.stage(before.version), stage)
    except InvalidTransition as error:
        raise CannotReturn(
            f"{artifact.name}:{version} was in {stage} before, and is now {seen.stage(before.version)}",
            hint=f"{error.hint}; or choose another: `pacha stage {artifact.name}:VERSION {stage} --reason …`",
            artifact=str(artifact),
            version=str(version),
        ) from error
    move = _move(rules, artifact, version, stage, seen, options)
    return _record(workspace, seen, replace(move, rolls_back=taken_back.move))


def _before(
    artifact: ArtifactName, stage: str, seen: StageState, promotions: list[Promotion]
) -> tuple[Promotion, Promotion]:
    holders = seen.holders(stage)
    if len(holders) > 1:
        raise Ambiguous(
            f"{len(holders)} versions of {artifact} are in {stage}",
            candidates=tuple(f"{artifact.name}:{version}" for version in holders),
            hint=f"say which is to hold it: `pacha stage {artifact.name}:VERSION {stage} --reason …`",
        )
    found = before_last(promotions, holders[0] if holders else None)
    if found is None:
        what = f"{artifact.name}:{holders[0]} came to {stage}" if holders else f"{stage} of {artifact} became empty"
        told = f"no other version held it before {what}" if promotions else f"no version was ever in {stage}"
        raise NothingBefore(
            f"there is nothing to return to: {told}",
            hint=f"`pacha stage {artifact.name} --history` shows every move",
            artifact=str(artifact),
        )
    return found


def check_move(workspace: Workspace, move: Move) -> None:
    """Everything that a move must satisfy before it is made; each move passes through here.

    Errors: `NoSuchVersion`, `InvalidTransition`, `NoReason`, `TooManyHolders`.
    """
    check_version(workspace, move.artifact, move.version)
    workspace.rules.check(move.from_stage, move.to_stage)
    _check_reason(workspace.rules, move)
    if len(move.displaced) > DISPLACED_MAX:
        raise TooManyHolders(
            f"{len(move.displaced)} versions hold {move.to_stage}, and one move displaces at most {DISPLACED_MAX}",
            hint="move some of them to another stage first",
        )


def check_version(workspace: Workspace, artifact: ArtifactName, version: Version) -> None:
    """Refuses a version that is not published here. Errors: `NoSuchVersion`."""
    if workspace.catalog.version(artifact, version) is None:
        raise NoSuchVersion(
            f"{artifact} has no version {version}",
            hint=f"only versions have stages; `pacha list {artifact.name}` shows them, `pacha tag` publishes one",
            artifact=str(artifact),
            version=str(version),
        )


def _check_reason(rules: StageRules, move: Move) -> None:
    if len(move.reason.encode("utf-8", "surrogatepass")) > REASON_BYTES_MAX:
        raise NoReason(f"a reason has at most {REASON_BYTES_MAX} bytes", hint="say it shorter, or name a report")
    ends = {move.from_stage, move.to_stage}
    is_wanted = move.rolls_back is not None or YANKED in ends or ends & rules.reasons
    if is_wanted and not move.reason:
        what = "a rollback" if move.rolls_back else f"a move from {move.from_stage} to {move.to_stage}"
        raise NoReason(f"{what} wants a reason", hint="say why: --reason 'what happened'")


def _move(
    rules: StageRules, artifact: ArtifactName, version: Version, to: str, seen: StageState, options: MoveOptions
) -> Move:
    """The next entry of the log."""
    holders = [held for held in seen.holders(to) if held != str(version)] if to in rules.exclusive else []
    return Move(
        artifact=artifact,
        version=version,
        from_stage=seen.stage(str(version)),
        to_stage=to,
        reason=options.reason.strip(),
        who=options.who,
        when=options.when,
        nonce=os.urandom(16).hex(),
        number=seen.number + 1,
        prev=seen.last,
        displaced=tuple(
            Displaced(version=Version.parse(held), to_stage=rules.gives_way_to(to)) for held in sorted(holders)
        ),
    )


def _record(workspace: Workspace, seen: StageState, move: Move) -> StageMoved:
    """Writes the next entry, if the log still ends where it was seen to end. Crash: the whole move or none of it."""
    check_move(workspace, move)
    with workspace.session() as session, session.queue():
        lost = _first_since(workspace, move.artifact, seen)
        if lost is None:
            link = session.put("move", move)
            session.settle()
            present = session.apply(Transaction(refusable=(stage_ref(move.artifact, move.number), link)))
            if present is None:
                return _moved(workspace, seen, move, link)
            lost = read_entry(
                workspace.repository.objects, move.artifact, stage_ref(move.artifact, move.number), present
            )
        state = workspace.catalog.stages(move.artifact)
        if state.stage(str(move.version)) == move.to_stage:
            # Two who want the same do not disagree.
            return _unchanged(workspace, move.artifact, move.version, state)
        raise _lost_race(lost)


def _first_since(workspace: Workspace, artifact: ArtifactName, seen: StageState) -> Entry | None:
    """The first entry that was not there when the log was looked at. The refs themselves are asked, not the index."""
    refs = workspace.repository.refs
    last = refs.read(stage_ref(artifact, seen.number)) if seen.number else None
    if (None if last is None else last.id) != seen.last:
        raise Conflict(
            f"the stage log of {artifact} was replaced while this was under way; nothing was moved",
            hint=f"`pacha stage {artifact.name}` shows how things stand now",
        )
    return _entry(workspace, artifact, seen.number + 1)


def _lost_race(entry: Entry) -> LostStageRace:
    move = entry.move
    because = f": {move.reason}" if move.reason else ""
    return LostStageRace(
        f"{move.who} was first: {move.artifact.name}:{move.version} went from {move.from_stage} to {move.to_stage} "
        f"at {move.when}{because}; nothing else was moved",
        hint=f"see `pacha stage {move.artifact.name}`, and decide again",
        artifact=str(move.artifact),
        version=str(move.version),
        before=move.from_stage,
        after=move.to_stage,
        who=move.who,
        when=move.when,
        reason=move.reason,
        number=move.number,
    )


def _moved(workspace: Workspace, seen: StageState, move: Move, link: Link) -> StageMoved:
    rules = workspace.rules
    left = [held for held in seen.holders(move.from_stage) if held != str(move.version)]
    return StageMoved(
        artifact=move.artifact,
        version=move.version,
        from_stage=move.from_stage,
        to_stage=move.to_stage,
        displaced=move.displaced,
        emptied=move.from_stage if move.from_stage in rules.exclusive and not left else None,
        number=move.number,
        move=link.id,
        reason=move.reason,
        who=move.who,
        when=move.when,
        is_exclusive=move.to_stage in rules.exclusive,
        is_rollback=move.rolls_back is not None,
        is_new=True,
        notes=_notes(workspace, seen, move),
    )


def _notes(workspace: Workspace, seen: StageState, move: Move) -> tuple[str, ...]:
    notes = []
    if not move.reason and workspace.rules.exclusive & {move.from_stage, move.to_stage}:
        notes.append("no reason was given; --reason keeps it in the history")
    before = _entry(workspace, move.artifact, seen.number)
    if before is not None and move.when < before.move.when:
        notes.append(
            f"this is dated {move.when}, and the move before it {before.move.when}; the order is that of the log"
        )
    if move.when > workspace.repository.now():
        notes.append(f"this is dated {move.when}, which has not come yet")
    return tuple(notes)


def _entry(workspace: Workspace, artifact: ArtifactName, number: int) -> Entry | None:
    if number == 0:
        return None
    name = stage_ref(artifact, number)
    link = workspace.repository.refs.read(name)
    return None if link is None else read_entry(workspace.repository.objects, artifact, name, link)


def _unchanged(workspace: Workspace, artifact: ArtifactName, version: Version, seen: StageState) -> StageMoved:
    standing = seen.versions.get(str(version))
    entry = None if standing is None else _entry(workspace, artifact, standing.number)
    to = seen.stage(str(version))
    return StageMoved(
        artifact=artifact,
        version=version,
        from_stage=to,
        to_stage=to,
        displaced=(),
        emptied=None,
        number=None if entry is None else entry.move.number,
        move=None if entry is None else entry.id,
        reason="" if entry is None else entry.move.reason,
        who="" if entry is None else entry.move.who,
        when="" if entry is None else entry.move.when,
        is_exclusive=to in workspace.rules.exclusive,
        is_rollback=False,
        is_new=False,
    )
