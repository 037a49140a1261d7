"""Settling a forked stage log: the kept side has the last word, and nothing that was said is lost."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.registry import stage_replay
from pacha.registry.stage_history import standing_promotions
from pacha.registry.stage_replay import Replayed, origin, replay
from pacha.registry.stage_rules import BUILT_IN
from pacha.registry.stages import Entry, StageState, check_chain, state_of, step_of
from tests.registry.logs import ARTIFACT, log_of, moved


def branch(base: Sequence[Entry], *moves: tuple[str, str], who: str, at: int = 100) -> list[Entry]:
    entries = list(base)
    for number, (version, stage) in enumerate(moves):
        entries.append(moved(entries, version, stage, at + number, who=who))
    return entries


def settled(kept: Sequence[Entry], *sides: Sequence[Entry]) -> tuple[list[Entry], list[Replayed]]:
    known = {entry.id for entry in kept}
    lost = {entry.id: entry for side in sides for entry in side if entry.id not in known}
    done = replay(kept, list(lost.values()), BUILT_IN)
    return [*kept, *(item.new for item in done)], done


def state(entries: Sequence[Entry]) -> StageState:
    check_chain(ARTIFACT, [step_of(entry) for entry in entries])
    return state_of(step_of(entry) for entry in entries)


BASE = branch([], ("1.0.0", "staging"), ("1.0.0", "production"), ("1.1.0", "staging"), ("1.2.0", "staging"), who="Ada")


def test_two_sides_that_promote_leave_the_kept_promotion_in_force() -> None:
    ours = branch(BASE, ("1.1.0", "production"), who="Ada")
    theirs = branch(BASE, ("1.2.0", "production"), who="Bob")
    entries, done = settled(ours, theirs)
    assert state(entries).holders("production") == ["1.1.0"]
    assert state(entries).stage("1.0.0") == state(entries).stage("1.2.0") == "staging"
    new = done[0].new.move
    assert (new.who, new.reason, new.when) == ("Bob", "1.2.0 to production", theirs[-1].move.when)
    assert new.replays == theirs[-1].id and new.from_stage == new.to_stage == "staging" and not new.displaced
    assert "production changed hands" in (done[0].obstacle or "")


def test_moves_that_contradict_nothing_take_effect_with_what_is_true_now() -> None:
    ours = branch(BASE, ("1.1.0", "archived"), who="Ada")
    theirs = branch(BASE, ("1.2.0", "production"), who="Bob")
    entries, done = settled(ours, theirs)
    assert state(entries).stages() == {
        "1.0.0": "staging", "1.1.0": "archived", "1.2.0": "production",
    }  # fmt: skip
    assert done[0].obstacle is None
    assert [(str(item.version), item.to_stage) for item in done[0].new.move.displaced] == [("1.0.0", "staging")]


def test_the_same_move_on_both_sides_is_written_and_changes_nothing() -> None:
    ours = branch(BASE, ("1.1.0", "production"), who="Ada")
    theirs = branch(BASE, ("1.1.0", "production"), who="Bob")
    entries, done = settled(ours, theirs)
    assert state(entries).stages() == state(ours).stages()
    assert "already" in (done[0].obstacle or "") and done[0].new.move.who == "Bob"


def test_a_chain_of_moves_goes_as_far_as_it_can() -> None:
    ours = branch(BASE, ("1.1.0", "production"), who="Ada")
    theirs = branch(BASE, ("1.3.0", "staging"), ("1.3.0", "production"), ("1.3.0", "archived"), who="Bob")
    entries, done = settled(ours, theirs)
    assert [item.obstacle is None for item in done] == [True, False, True]
    assert state(entries).stage("1.3.0") == "archived" and state(entries).holders("production") == ["1.1.0"]


def test_a_step_that_no_longer_makes_sense_is_not_taken() -> None:
    ours = branch(BASE, ("1.1.0", "production"), who="Ada")
    theirs = branch(BASE, ("1.3.0", "archived"), ("1.3.0", "development"), ("1.2.0", "production"), who="Bob")
    theirs = branch(theirs, ("1.2.0", "archived"), ("1.2.0", "development"), who="Bob", at=200)
    entries, done = settled(ours, theirs)
    assert state(entries).stage("1.2.0") == "development" and done[2].obstacle is not None


def test_a_yank_takes_effect_whatever_the_kept_side_did() -> None:
    ours = branch(BASE, ("1.1.0", "production"), who="Ada")
    theirs = branch(BASE, ("1.1.0", "yanked"), who="Bob")
    for kept, other in ((ours, theirs), (theirs, ours)):
        entries, _ = settled(kept, other)
        assert state(entries).stage("1.1.0") == "yanked"


def test_a_rollback_is_replayed_as_the_rollback_of_its_replayed_promotion() -> None:
    ours = branch(BASE, ("1.1.0", "archived"), who="Ada")
    theirs = branch(BASE, ("1.2.0", "production"), who="Bob")
    theirs.append(moved(theirs, "1.0.0", "production", 200, who="Bob", rolls_back=theirs[-1]))
    entries, done = settled(ours, theirs)
    assert state(entries).holders("production") == ["1.0.0"]
    assert done[1].new.move.rolls_back == done[0].new.id
    assert [item.version for item in standing_promotions(log_of(entries), "production")] == ["1.0.0"]


def test_settling_again_and_by_two_people_agrees() -> None:
    ours = branch(BASE, ("1.1.0", "production"), who="Ada")
    theirs = branch(BASE, ("1.2.0", "production"), who="Bob")
    first, _ = settled(ours, theirs)
    assert first == settled(ours, theirs)[0]
    other, _ = settled(theirs, ours)
    # Somebody else kept the other side: both then agree on what each kept, without a move written twice.
    assert settled(first, other)[0] == first
    assert settled(other, first)[0] == other
    assert settled(first, theirs)[0] == first


def test_a_branch_that_goes_on_after_it_was_settled_is_followed_further() -> None:
    ours = branch(BASE, ("1.1.0", "archived"), who="Ada")
    theirs = branch(BASE, ("1.3.0", "staging"), who="Bob")
    first, _ = settled(ours, theirs)
    longer = branch(theirs, ("1.3.0", "production"), who="Bob", at=200)
    entries, done = settled(first, longer)
    assert len(done) == 1 and done[0].obstacle is None
    assert state(entries).holders("production") == ["1.3.0"]


def test_of_three_sides_the_kept_one_is_first_and_then_whoever_is_replayed_first() -> None:
    ours = branch(BASE, ("1.0.0", "archived"), who="Ada")
    second = branch(BASE, ("1.1.0", "production"), who="Bob", at=100)
    third = branch(BASE, ("1.2.0", "production"), who="Cleo", at=110)
    entries, done = settled(branch(BASE, ("1.3.0", "archived"), who="Ada"), second, third)
    assert state(entries).holders("production") == ["1.1.0"] and [item.obstacle is None for item in done] == [
        True,
        False,
    ]
    entries, _ = settled(ours, second, third)
    assert state(entries).holders("production") == []


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]),
        st.sampled_from(["development", "staging", "production", "archived", "yanked"]),
    ),
    max_size=6,
)


@given(MOVES, MOVES, MOVES, MOVES)
def test_any_fork_is_settled_to_one_whole_log(
    base: list[tuple[str, str]], one: list[tuple[str, str]], two: list[tuple[str, str]], three: list[tuple[str, str]]
) -> None:
    common = branch([], *base, who="Ada", at=0)
    kept = branch(common, *one, who="Ada")
    sides = [branch(common, *two, who="Bob"), branch(common, *three, who="Cleo", at=103)]
    entries, done = settled(kept, *sides)
    after = state(entries)
    assert entries[: len(kept)] == kept
    assert len(after.holders("production")) <= 1
    # Every move of every side is there once, itself or replayed, with who, when and why.
    assert {origin(entry) for entry in entries} == {entry.id for side in (kept, *sides) for entry in side}
    assert len({origin(entry) for entry in entries}) == len(entries)
    for item in done:
        old, new = item.old.move, item.new.move
        assert (new.who, new.when, new.reason, new.version) == (old.who, old.when, old.reason, old.version)
        assert new.to_stage == (old.to_stage if item.obstacle is None else new.from_stage)
    # What the kept side said of a version or of production last is what holds, unless somebody yanked it.
    before, end = state(common).stages(), state(kept)
    yanked = {str(entry.move.version) for side in sides for entry in side if entry.move.to_stage == "yanked"}
    for version, stage in end.stages().items():
        was_moved = any(
            version in {str(entry.move.version), *(str(item.version) for item in entry.move.displaced)}
            and before.get(version, "development") != stage
            for entry in kept[len(common) :]
        )
        if was_moved and version not in yanked:
            assert after.stage(version) == stage
    # `from` and what gives way are true of the log before, so nothing is left for fsck to say.
    stages: dict[str, str] = {}
    for entry in entries:
        assert entry.move.from_stage == stages.get(str(entry.move.version), "development")
        for item in entry.move.displaced:
            assert stages.get(str(item.version)) == entry.move.to_stage
            stages[str(item.version)] = item.to_stage
        stages[str(entry.move.version)] = entry.move.to_stage
    assert settled(entries, *sides)[0] == entries


def test_the_property_finds_a_replay_to_the_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: replayed without looking, the side that was not kept would have the last word."""
    monkeypatch.setattr(stage_replay._Merge, "_obstacle", lambda self, entry, here: None)
    check = test_any_fork_is_settled_to_one_whole_log.hypothesis.inner_test  # type: ignore[attr-defined]
    with pytest.raises(AssertionError):
        check([], [("1.0.0", "production")], [("1.1.0", "production")], [])
