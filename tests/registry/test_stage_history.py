"""The past of a stage log: order is by number, times are bounded, and a rollback takes back what stands."""

from hypothesis import given
from hypothesis import strategies as st

from pacha.registry.stage_history import Tenure, before_last, held_during, standing_promotions, tenures
from pacha.registry.stages import Entry, state_of, step_of
from tests.registry.logs import log_of, minute, moved

EXCLUSIVE = frozenset({"production"})


def story(*moves: tuple[str, str, int]) -> list[Entry]:
    entries: list[Entry] = []
    for version, stage, at in moves:
        entries.append(moved(entries, version, stage, at))
    return entries


def spans(found: list[Tenure], stage: str) -> list[tuple[str, str, str | None]]:
    return [
        (item.version, item.since[11:16], item.until and item.until[11:16]) for item in found if item.stage == stage
    ]


def test_a_tenure_ends_where_the_next_begins() -> None:
    found = tenures(log_of(story(("1.0.0", "production", 60), ("1.1.0", "production", 120))), EXCLUSIVE)
    assert spans(found, "production") == [("1.0.0", "01:00", "02:00"), ("1.1.0", "02:00", None)]
    assert spans(found, "staging") == [("1.0.0", "02:00", None)]


def test_a_clock_that_is_behind_makes_no_tenure_of_negative_length() -> None:
    found = tenures(log_of(story(("1.0.0", "production", 120), ("1.1.0", "production", 60))), EXCLUSIVE)
    assert spans(found, "production") == [("1.0.0", "02:00", "02:00"), ("1.1.0", "02:00", None)]


def test_a_clock_that_is_ahead_shifts_only_what_concerns_the_same_version_or_stage() -> None:
    entries = story(("1.0.0", "staging", 900), ("1.1.0", "production", 60), ("1.2.0", "production", 120))
    assert spans(tenures(log_of(entries), EXCLUSIVE), "production") == [
        ("1.1.0", "01:00", "02:00"),
        ("1.2.0", "02:00", None),
    ]


def test_a_day_lists_whoever_held_the_stage_at_any_moment_of_it() -> None:
    entries = story(("1.0.0", "production", 60), ("1.1.0", "production", 120), ("1.2.0", "production", 120))
    found = [item for item in tenures(log_of(entries), EXCLUSIVE) if item.stage == "production"]

    def held(start: str, end: str) -> list[str]:
        return [item.version for item in held_during(found, start, end)]

    assert held(minute(0), minute(1439)) == ["1.0.0", "1.1.0", "1.2.0"]
    assert held(minute(0), minute(60)) == []
    assert held(minute(0), minute(61)) == ["1.0.0"]
    assert held(minute(120), minute(121)) == ["1.1.0", "1.2.0"]
    assert held(minute(121), minute(122)) == ["1.2.0"]
    assert held(minute(119), minute(119)) == ["1.0.0"]
    assert held(minute(120), minute(120)) == ["1.2.0"]


def rolled_back(entries: list[Entry]) -> str | None:
    """Adds a rollback of production, and says to which version."""
    holders = state_of(step_of(entry) for entry in entries).holders("production")
    found = before_last(standing_promotions(log_of(entries), "production"), holders[0] if holders else None)
    if found is None:
        return None
    taken_back = next(entry for entry in entries if entry.id == found[0].move)
    entries.append(moved(entries, found[1].version, "production", rolls_back=taken_back))
    return found[1].version


def test_each_rollback_goes_one_promotion_further_back() -> None:
    entries = story(("1.0.0", "production", 1), ("1.1.0", "production", 2), ("1.2.0", "production", 3))
    assert [rolled_back(entries), rolled_back(entries), rolled_back(entries)] == ["1.1.0", "1.0.0", None]


def test_after_a_rollback_a_promotion_stands_on_what_was_brought_back() -> None:
    entries = story(("1.0.0", "production", 1), ("1.1.0", "production", 2))
    assert rolled_back(entries) == "1.0.0"
    entries.append(moved(entries, "1.2.0", "production"))
    assert [rolled_back(entries), rolled_back(entries)] == ["1.0.0", None]


def test_a_promotion_of_an_older_version_is_one_like_any_other() -> None:
    entries = story(("1.0.0", "production", 1), ("1.1.0", "production", 2), ("1.0.0", "production", 3))
    assert [rolled_back(entries), rolled_back(entries), rolled_back(entries)] == ["1.1.0", "1.0.0", None]


def test_an_empty_stage_returns_to_the_version_before_the_one_that_left() -> None:
    entries = story(("1.0.0", "production", 1), ("1.1.0", "production", 2), ("1.1.0", "yanked", 3))
    assert rolled_back(entries) == "1.0.0"
    entries = story(("1.0.0", "production", 1), ("1.0.0", "archived", 2))
    assert rolled_back(entries) is None


def test_a_version_that_left_and_came_again_is_taken_back_whole() -> None:
    entries = story(
        ("1.0.0", "production", 1), ("1.1.0", "production", 2), ("1.1.0", "staging", 3), ("1.1.0", "production", 4)
    )
    assert [rolled_back(entries), rolled_back(entries)] == ["1.0.0", None]


MOVES = st.lists(
    st.tuples(
        st.sampled_from(["1.0.0", "1.1.0", "1.2.0", "1.3.0"]),
        st.sampled_from(["development", "staging", "production", "archived", "yanked"]),
        st.integers(0, 1439),
    ),
    max_size=14,
)


@given(MOVES)
def test_whatever_the_clocks_say_one_version_at_a_time_holds_production(moves: list[tuple[str, str, int]]) -> None:
    log = log_of(story(*moves))
    found = tenures(log, EXCLUSIVE)
    state = log.state()
    for stage in ("staging", "production", "archived", "yanked"):
        assert sorted(item.version for item in found if item.stage == stage and item.until is None) == sorted(
            state.holders(stage)
        )
    assert all(item.until is None or item.since <= item.until for item in found)
    held = [item for item in found if item.stage == "production"]
    for before, after in zip(held, held[1:], strict=False):
        assert before.until is not None and before.until <= after.since


@given(MOVES, st.integers(0, 1439))
def test_with_clocks_in_order_an_instant_is_as_the_log_up_to_it(moves: list[tuple[str, str, int]], at: int) -> None:
    times = sorted(when for _, _, when in moves)
    entries = story(*((version, stage, when) for (version, stage, _), when in zip(moves, times, strict=True)))
    state = state_of(step_of(entry) for entry in entries if entry.move.when <= minute(at))
    found = held_during(tenures(log_of(entries), EXCLUSIVE), minute(at), minute(at))
    for stage in ("staging", "production", "archived", "yanked"):
        assert sorted(item.version for item in found if item.stage == stage) == sorted(state.holders(stage))
