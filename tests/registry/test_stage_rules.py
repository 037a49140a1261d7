"""The rules of stages: those built in, those that a project writes, and what a project may not write."""

import datetime
import tomllib
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.registry.stage_rules import BUILT_IN, BadStageRules, InvalidTransition, NoSuchStage, read_stage_rules

STAGES = ("development", "staging", "production", "archived")
#: What docs/stages.md and the registry that Pacha carries on both say.
ALLOWED = {
    ("development", "staging"), ("development", "archived"),
    ("staging", "development"), ("staging", "production"), ("staging", "archived"),
    ("production", "staging"), ("production", "archived"),
    ("archived", "development"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after"), list(product(STAGES, STAGES)))
def test_the_built_in_transitions_are_those_that_are_known(before: str, after: str) -> None:
    if (before, after) in ALLOWED:
        BUILT_IN.check(before, after)
        return
    with pytest.raises(InvalidTransition) as caught:
        BUILT_IN.check(before, after)
    assert caught.value.message == f"invalid stage transition from {before} to {after}"
    assert caught.value.hint is not None and all(ok in caught.value.hint for was, ok in ALLOWED if was == before)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("word", "stage"),
    [
        ("dev", "development"),
        ("STAGE", "staging"),
        ("Prod", "production"),
        ("archive", "archived"),
        ("YANKED", "yanked"),
    ]
    + [(stage.title(), stage) for stage in STAGES],
)
def test_a_stage_has_its_old_names_in_any_case(word: str, stage: str) -> None:
    assert BUILT_IN.stage(word) == stage


@pytest.mark.parametrize("word", ["", "live", "prodution", "latest", "head", "1.0.0", "ﬁ", "prod ", "x" * 10_000])
def test_another_word_is_no_stage(word: str) -> None:
    with pytest.raises(NoSuchStage) as caught:
        BUILT_IN.stage(word)
    assert len(caught.value.message) < 100 and "production" in (caught.value.hint or "")


def test_any_version_may_be_yanked_and_leads_to_development_only() -> None:
    for stage in (*STAGES, "a-stage-of-yesterday"):
        BUILT_IN.check(stage, "yanked")
    assert BUILT_IN.allowed("yanked") == ("development",)
    assert BUILT_IN.allowed("a-stage-of-yesterday") == ("development",)


def test_an_exclusive_stage_gives_way_to_where_one_step_leads_back_from() -> None:
    assert BUILT_IN.gives_way_to("production") == "staging"
    rules = read_stage_rules(
        {
            "names": ["development", "canary", "ready", "live"],
            "exclusive": ["live", "canary"],
            "transitions": {
                "development": ["canary"],
                "canary": ["live", "ready", "development"],
                "ready": ["live", "development"],
                "live": ["canary", "ready"],
            },
        },
        place="config.toml",
    )
    # Not to canary, which leads back too and may have a holder of its own.
    assert (rules.gives_way_to("live"), rules.gives_way_to("canary")) == ("ready", "development")


def test_what_a_section_leaves_out_is_as_built_in() -> None:
    assert read_stage_rules(None, place="x") == read_stage_rules({}, place="x") == BUILT_IN
    shorter = read_stage_rules({"names": ["development", "staging", "production"]}, place="x")
    assert shorter.allowed("staging") == ("development", "production")
    assert shorter.exclusive == {"production"} and "archive" not in shorter.aliases
    none = read_stage_rules(
        {
            "names": ["development", "live"],
            "transitions": {"development": ["live"], "live": ["development"]},
            "aliases": {"prod": "live"},
        },
        place="x",
    )
    assert none.exclusive == frozenset() and none.stage("PROD") == "live"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"nmaes": []}, "stages.nmaes: no such key"),
        ({"names": "staging"}, "must be a list"),
        ({"names": ["development", 1]}, "must be a list"),
        ({"names": ["staging"]}, "'development' must be among them"),
        ({"names": ["development", "Staging"]}, "not a stage"),
        ({"names": ["development", "1.0"]}, "not a stage"),
        ({"names": ["development", "../x"]}, "not a stage"),
        ({"names": ["development", "latest"]}, "word of Pacha's own"),
        ({"names": ["development", "head"]}, "word of Pacha's own"),
        ({"names": ["development", "yanked"]}, "without being listed"),
        ({"names": ["development", "x" * 33]}, "not a stage"),
        ({"names": ["development", "development"]}, "twice"),
        ({"names": ["development", *(f"s{number}" for number in range(40))]}, "more than 32"),
        ({"names": ["development", "canary"]}, "say where 'canary' leads"),
        ({"names": ["development", "canary"], "transitions": {"canary": []}}, "nothing leads to 'canary'"),
        ({"transitions": {"canary": ["staging"]}}, "no such stage: 'canary'"),
        ({"transitions": {"staging": ["canary"]}}, "no such stage: 'canary'"),
        ({"transitions": {"staging": ["yanked"]}}, "no such stage: 'yanked'"),
        ({"transitions": {"staging": ["staging"]}}, "does not lead to itself"),
        ({"transitions": {"staging": "production"}}, "must be a list"),
        ({"transitions": ["staging"]}, "must be a table"),
        ({"exclusive": ["live"]}, "no such stage: 'live'"),
        ({"exclusive": ["development"]}, "'development' cannot be"),
        ({"transitions": {"production": ["archived"]}}, "and one step back"),
        ({"exclusive": ["production", "staging"]}, "from 'production' no step leads"),
        ({"aliases": {"live": "lives"}}, "no such stage: 'lives'"),
        ({"aliases": {"live": 1}}, "must be the name"),
        ({"aliases": {"staging": "production"}}, "a stage itself"),
        ({"aliases": {"yanked": "archived"}}, "a stage itself"),
        ({"aliases": {"latest": "production"}}, "word of Pacha's own"),
        ({"aliases": {"1": "production"}}, "not a stage"),
        ({"aliases": {f"a{number}": "staging" for number in range(70)}}, "more than 64"),
        ({"reasons": ["live"]}, "no such stage: 'live'"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_makes_no_sense_is_told_with_its_place(section: dict[str, object], said: str) -> None:
    with pytest.raises(BadStageRules) as caught:
        read_stage_rules(section, place="PLACE/config.toml")
    assert caught.value.message.startswith("PLACE/config.toml: stages.") and said in caught.value.message
    assert len(caught.value.message) <= 400


def test_the_example_in_the_docs_makes_sense() -> None:
    page = (Path(__file__).parents[2] / "docs" / "stages.md").read_text("utf-8")
    section = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])["stages"]
    rules = read_stage_rules(section, place="docs/stages.md")
    assert rules.stage("live") == "production" and rules.gives_way_to("canary") == "staging"


WORDS = st.sampled_from([*STAGES, "canary", "yanked", "latest", "1.0", "", "\x1b[31m", "prod"])
VALUES = st.recursive(
    st.one_of(
        WORDS, st.integers(), st.floats(), st.booleans(), st.just(datetime.date(2026, 3, 3)), st.text(max_size=9)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=5), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=12,
)
SECTIONS = st.dictionaries(
    st.sampled_from(["names", "transitions", "exclusive", "aliases", "reasons", "more"]), VALUES, max_size=6
)


@given(SECTIONS)
def test_any_section_is_rules_that_hold_together_or_one_error(section: dict[str, object]) -> None:
    try:
        rules = read_stage_rules(section, place="config.toml")
    except BadStageRules:
        return
    assert "development" in rules.stages
    for stage in rules.stages:
        assert set(rules.allowed(stage)) <= set(rules.stages) - {stage}
    for stage in rules.exclusive:
        back = rules.gives_way_to(stage)
        rules.check(stage, back)
        rules.check(back, stage)
        assert back not in rules.exclusive
    assert set(rules.aliases.values()) <= set(rules.stages) and not set(rules.aliases) & set(rules.stages)
