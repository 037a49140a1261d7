"""Stage logs for tests, made of moves without a store."""

from collections.abc import Sequence

from pacha.base.ids import hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.move import Displaced, Move, encode
from pacha.registry.stage_rules import BUILT_IN, StageRules
from pacha.registry.stages import Entry, StageLog, state_of, step_of

ARTIFACT = ArtifactName("model", "fraud")


def minute(number: int) -> str:
    """The time so many minutes into one day."""
    return f"2026-03-03T{number // 60:02d}:{number % 60:02d}:00Z"


def moved(
    entries: Sequence[Entry],
    version: str,
    to: str,
    at: int = 0,
    *,
    who: str = "Ada",
    rolls_back: Entry | None = None,
    rules: StageRules = BUILT_IN,
) -> Entry:
    """The entry that follows some others, as `pacha stage` would write it, transitions unchecked."""
    state = state_of(step_of(entry) for entry in entries)
    holders = [held for held in state.holders(to) if held != version] if to in rules.exclusive else []
    move = Move(
        artifact=ARTIFACT,
        version=Version.parse(version),
        from_stage=state.stage(version),
        to_stage=to,
        reason=f"{version} to {to}",
        who=who,
        when=minute(at),
        nonce=f"{who}{len(entries)}{at}",
        number=len(entries) + 1,
        prev=entries[-1].id if entries else None,
        displaced=tuple(Displaced(version=Version.parse(held), to_stage="staging") for held in sorted(holders)),
        rolls_back=None if rolls_back is None else rolls_back.id,
    )
    return Entry(id=hash_bytes(encode(move)), move=move)


def log_of(entries: Sequence[Entry]) -> StageLog:
    """A log of some entries."""
    return StageLog(artifact=ARTIFACT, entries=tuple(entries))
