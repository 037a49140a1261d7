"""Cards are typed values: each member of each card, every problem at once, and nothing lost on the way."""

import datetime
import fractions
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.canonical import decode_lines, encode_lines
from pacha.registry.card_forms import Text
from pacha.registry.card_record import CardRecord, Record, members_of
from pacha.registry.cards import (
    BadCard,
    Datasheet,
    Feature,
    ModelCard,
    NoCard,
    Recipe,
    Step,
    card_type,
    read_stored_card,
)
from pacha.registry.recipe import Dependencies, Gpu, Hardware, Hyperparameters, Loss, Optimizer, Scheduler
from tests.nasty import json_value, text
from tests.registry.strategies import ALL, cards

MODEL = {
    "description": "Finds fraud", "training_data": ["data/users:3.0.0"], "training_recipe": ["recipe/fraud:1.0.0"],
    "training_date": "2026-03-03", "training_duration_secs": 12.5, "metrics": {"auc": 0.93, "n": 3},
    "evaluation_data": ["data/test:1.0.0"], "primary_uses": ["cards"], "out_of_scope_uses": ["credit"],
    "limitations": ["small shops"], "ethical_considerations": ["people"], "parent_model": ["model/base:1.0.0"],
    "derived_from": ["model/other:2.0.0"], "license": "MIT", "extra": {"team": "risk"},
}  # fmt: skip
DATA = {
    "purpose": "Training", "creators": ["Ada"], "funding": "nobody", "instance_count": 344,
    "features": {"age": {"dtype": "Int64", "nullable": False, "description": "in years", "statistics": {"mean": 41.5}}},
    "sensitive_features": ["age"], "collection_method": "asked", "collection_start": "2026-01-01",
    "collection_end": "2026-02-01T00:00:00Z",
    "preprocessing": [{"name": "dedupe", "description": "by id", "parameters": {"keep": "first"}}], "license": "CC0-1.0",
    "access_restrictions": ["inside"], "maintainer": "Ada", "update_frequency": "monthly",
    "deprecation_policy": "kept a year", "extra": {"team": "risk"},
}  # fmt: skip
RECIPE = {
    "name": "fraud", "version": "1.0.0", "description": "Trains it", "architecture": "mlp",
    "hyperparameters": {
        "learning_rate": 0.001, "batch_size": 64, "epochs": 10, "weight_decay": 0.01, "max_grad_norm": 1.0,
        "warmup_steps": 100, "custom": {"dropout": 0.1},
    },
    "optimizer": {"optimizer_type": "adamw", "params": {"betas": [0.9, 0.999]}},
    "scheduler": {"scheduler_type": "cosine", "params": {"t_max": 10}},
    "loss": {"loss_type": "mse", "params": {"reduction": "mean"}},
    "train_data": ["data/users:3.0.0"], "validation_data": ["data/test:1.0.0"],
    "preprocessing": [{"name": "scale"}], "augmentation": [{"name": "noise", "parameters": {"sigma": 0.1}}],
    "command": ["python", "train.py"],
    "dependencies": {
        "python_version": "3.11", "lock_hash": "0" * 64, "packages": {"numpy": "==1.26.4"}, "system_deps": ["libgomp1"],
        "env_vars": {"OMP_NUM_THREADS": "4"}, "rust_version": "1.80", "cargo_lock_hash": "1" * 64,
    },
    "hardware": {
        "min_cpu_cores": 4, "min_ram_gb": 16, "gpu": {"count": 1, "min_vram_gb": 24, "compute_capability": "8.0"},
        "estimated_duration_secs": 3600,
    },
    "random_seed": 42, "deterministic": True, "expected_metrics": {"auc": 0.9}, "extra": {"team": "risk"},
}  # fmt: skip
WHOLE: dict[type[CardRecord], dict[str, Any]] = {ModelCard: MODEL, Datasheet: DATA, Recipe: RECIPE}
PARTS: dict[type[Record], dict[str, Any]] = {
    Feature: DATA["features"]["age"], Step: DATA["preprocessing"][0], Hyperparameters: RECIPE["hyperparameters"],
    Optimizer: RECIPE["optimizer"], Scheduler: RECIPE["scheduler"], Loss: RECIPE["loss"],
    Dependencies: RECIPE["dependencies"], Hardware: RECIPE["hardware"], Gpu: RECIPE["hardware"]["gpu"],
}  # fmt: skip


def problems(card: type[CardRecord], document: object) -> list[str]:
    with pytest.raises(BadCard) as caught:
        card.from_document(document, name="card.toml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("card", ALL)
def test_a_document_with_every_member_comes_back_whole(card: type[CardRecord]) -> None:
    assert {one.name for one in members_of(card)} == WHOLE[card].keys()
    found = card.from_document(WHOLE[card], name="card.toml")
    assert found.plain() == WHOLE[card]
    assert all(getattr(found, one.name) != one.form.empty for one in members_of(card))


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_parts_of_the_documents_above_have_every_member(part: type[Record]) -> None:
    assert {one.name for one in members_of(part)} == PARTS[part].keys()


@pytest.mark.parametrize("card", ALL)
def test_references_are_not_stored_and_come_back_from_parents(card: type[CardRecord]) -> None:
    found = card.from_document(WHOLE[card], name="card.toml")
    named = {reference.field for reference in found.references()}
    assert found.document() == {name: value for name, value in WHOLE[card].items() if name not in named}
    roles: dict[str, list[str]] = {}
    for reference in found.references():
        roles.setdefault(reference.role, []).append(reference.text)
    assert card.from_stored(found.document()).with_references(roles) == found


def test_each_reference_has_the_role_that_its_parent_gets() -> None:
    roles = {
        card: {one.name: one.role for one in members_of(card) if one.role is not None}
        for card in (ModelCard, Datasheet, Recipe)
    }
    assert roles == {
        ModelCard: {
            "training_data": "trained_on", "training_recipe": "recipe", "evaluation_data": "evaluated_on",
            "parent_model": "fine_tuned_from", "derived_from": "derived_from",
        },
        Datasheet: {},
        Recipe: {"train_data": "trained_on", "validation_data": "validated_on"},
    }  # fmt: skip


def test_one_text_is_a_list_of_one_and_a_reference_named_twice_is_one() -> None:
    card = ModelCard(training_data="data/a:1.0.0", limitations="slow", derived_from=["x", "x"])  # type: ignore[arg-type]
    assert card.training_data == ("data/a:1.0.0",) and card.limitations == ("slow",) and card.derived_from == ("x",)


def test_every_problem_is_told_at_once_with_its_place() -> None:
    assert problems(
        ModelCard, {"metrics": {"auc": "high", "n": True}, "limitations": 3, "licence": "MIT", "extra": {"a": {1}}}
    ) == [
        "metrics.auc: a number, not 'high'",
        "metrics.n: a number, not true",
        "limitations: a text or a list of texts, not 3",
        "licence: no such member; did you mean license? If not, put it into extra",
        "extra.a: a value of type set has no place in a card",
    ]
    with pytest.raises(BadCard, match=r"^card.toml: metrics.auc: a number, not 'high'$") as caught:
        ModelCard.from_document({"metrics": {"auc": "high"}, "license": 3}, name="card.toml")
    assert "license" in str(caught.value.hint) and len(caught.value.nouns["problems"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("card", "document", "problem"),
    [
        (ModelCard, [], "a table, not a list"),
        (ModelCard, {"training_date": "yesterday"}, "training_date: a day or time such as"),
        (ModelCard, {"metrics": {"": 1}}, 'metrics."": a number has a name'),
        (ModelCard, {"metrics": {"a.b": 1, "a": {"b": 2}}}, "metrics.a.b: a.b is there twice"),
        (ModelCard, {"team": 1, "extra": {"team": 2}}, "team: is there twice: here and in extra"),
        (ModelCard, {"description": "\ud800"}, "description: half of a surrogate pair"),
        (ModelCard, {"description": "x" * 40_000}, "description: longer than"),
        (ModelCard, {"extra": {"\ud800": 1}}, "extra: a name of at most"),
        (Datasheet, {"instance_count": 1.5}, "instance_count: a whole number, not 1.5"),
        (Datasheet, {"features": {"a b": {"nullable": "no"}}}, "features.\"a b\".nullable: true or false, not 'no'"),
        (Datasheet, {"preprocessing": [{"name": "a"}, {}]}, "preprocessing[1].name: is missing"),
        (Datasheet, {"rows": 3}, "rows: no such member; did you mean instance_count?"),
        (Recipe, {"name": "Not A Name"}, "name: "),
        (Recipe, {"version": "1"}, "version: not a version: '1'"),
        (Recipe, {"seed": 1}, "seed: no such member; did you mean random_seed?"),
        (Recipe, {"hyperparameters": {"lr": 1}}, "hyperparameters.lr: no such member; did you mean learning_rate?"),
        (Recipe, {"optimizer": {"params": {}}}, "optimizer.optimizer_type: is missing"),
        (Recipe, {"dependencies": {"python_version": 3.1}}, "dependencies.python_version: a text, not the number 3.1: write it in quotes"),
        (Recipe, {"extra": {"a": [None]}}, "extra.a[0]: null has no place here"),
        (Recipe, {"deterministic": 1}, "deterministic: true or false, not 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_place(card: type[CardRecord], document: object, problem: str) -> None:
    assert problems(card, document)[0].startswith(problem)


def test_a_wrong_value_is_shown_short_and_without_control_characters() -> None:
    said = problems(ModelCard, {"metrics": {"a": "\x1b[31m" * 100_000}})[0]
    assert "\x1b" not in said and len(said) < 500
    assert len(problems(ModelCard, {"metrics": {str(number): "x" for number in range(5000)}})) == 100


def test_unknown_members_go_to_extra_and_those_of_later_versions_stay() -> None:
    document = {"licence_of_later": 1, "metrics": {"auc": 1}, "lisense": {"a": [1]}}
    assert ModelCard.from_document({"team": "risk"}, name="x").extra == {"team": "risk"}
    stored = ModelCard.from_stored(document)
    assert stored.unknown == {"licence_of_later": 1, "lisense": {"a": [1]}} and stored.document() == document
    later = {"features": {"a": {"dtype": "Int64", "unit": "m", "dtypo": 1}}}
    assert Datasheet.from_stored(later).document() == later


def test_unnamed_settings_go_where_settings_go() -> None:
    recipe = Recipe.from_document(
        {"hyperparameters": {"dropout": 0.1}, "optimizer": {"optimizer_type": "sgd", "momentum": 0.9}}, name="x"
    )
    assert recipe.hyperparameters.custom == {"dropout": 0.1}
    assert recipe.optimizer is not None and recipe.optimizer.params == {"momentum": 0.9}


def test_integers_stay_integers_and_large_ones_are_texts_only_in_the_document() -> None:
    recipe = Recipe(random_seed=2**60, hyperparameters={"epochs": 10, "custom": {"steps": 10, "big": 2**60}})  # type: ignore[arg-type]
    assert recipe.random_seed == 2**60 and type(recipe.hyperparameters.epochs) is int
    document = decode_lines(encode_lines(recipe.document()))
    assert document == {
        "random_seed": str(2**60),
        "hyperparameters": {"epochs": 10, "custom": {"steps": 10, "big": str(2**60)}},
    }
    assert Recipe.from_stored(document) == recipe
    assert type(Recipe.from_document({"hyperparameters": {"epochs": 10.0}}, name="x").hyperparameters.epochs) is int


def test_what_is_not_finite_is_a_text() -> None:
    card = ModelCard(metrics={"a": float("nan"), "b": float("inf"), "c": -float("inf")}, extra={"d": float("nan")})
    assert card.metrics == {"a": "NaN", "b": "Infinity", "c": "-Infinity"} and card.extra == {"d": "NaN"}
    assert ModelCard.from_stored(card.document()) == card


def test_numbers_of_other_packages_are_numbers() -> None:
    numpy = pytest.importorskip("numpy")
    card = ModelCard(metrics={"a": numpy.float32(0.5), "b": numpy.int64(3), "c": fractions.Fraction(1, 4)})
    assert card.metrics == {"a": 0.5, "b": 3, "c": 0.25}
    assert [type(value) for value in card.metrics.values()] == [float, int, float]


def test_days_and_times_of_toml_are_texts() -> None:
    moment = datetime.datetime(2026, 3, 3, 12, tzinfo=datetime.UTC)
    card = ModelCard(training_date=moment, extra={"day": datetime.date(2026, 3, 3), "at": datetime.time(12)})  # type: ignore[arg-type]
    assert card.training_date == "2026-03-03T12:00:00Z" and card.extra == {"day": "2026-03-03", "at": "12:00:00"}


def test_packages_and_variables_may_be_lists() -> None:
    found = Recipe.from_document(
        {"dependencies": {"packages": ["numpy==1.26.4", "rich"], "env_vars": ["HOME"]}}, name="x"
    ).dependencies
    assert found.packages == {"numpy": "==1.26.4", "rich": ""} and found.env_vars == {"HOME": ""}
    assert problems(Recipe, {"dependencies": {"packages": ["a==1", "a==2"]}}) == [
        "dependencies.packages: a name is there twice"
    ]


def test_a_command_is_a_list_or_a_line_that_is_kept() -> None:
    assert Recipe(command=["python", "", "-c", "x"]).command == ("python", "", "-c", "x")  # type: ignore[arg-type]
    assert Recipe(command="python train.py && echo $HOME").command == "python train.py && echo $HOME"


def test_an_empty_card_says_nothing() -> None:
    assert [card().document() for card in ALL] == [{}, {}, {}]
    assert Recipe.from_document({"hardware": {"gpu": {}}, "dependencies": {}, "description": ""}, name="x") == Recipe()


def test_each_kind_has_its_card() -> None:
    assert [card_type(kind) for kind in ("model", "data", "recipe")] == list(ALL)
    assert read_stored_card("model", {"license": "MIT"}) == ModelCard(license="MIT")
    with pytest.raises(NoCard):
        card_type("run")


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_a_card_comes_back_from_its_document(kind: type[CardRecord], data: st.DataObject) -> None:
    card = data.draw(cards(kind))
    document = card.document()
    stored = decode_lines(encode_lines(document))
    roles: dict[str, list[str]] = {}
    for reference in card.references():
        roles.setdefault(reference.role, []).append(reference.text)
    assert kind.from_stored(stored).with_references(roles) == card
    assert kind.from_stored(stored).document() == document
    assert kind.from_document(card.plain(), name="x") == card


@pytest.mark.parametrize("kind", ALL)
@given(
    document=st.dictionaries(text | st.sampled_from(sorted({*MODEL, *DATA, *RECIPE})), json_value, max_size=6),
    is_stored=st.booleans(),
)
def test_any_mapping_is_a_card_or_a_bad_card(kind: type[CardRecord], document: dict[str, Any], is_stored: bool) -> None:
    try:
        card = kind.from_stored(document) if is_stored else kind.from_document(document, name="x")
    except BadCard as error:
        assert error.problems
        return
    encode_lines(card.document())
    assert kind.from_stored(card.document()).document() == card.document()


def test_the_round_trip_property_sees_a_form_that_changes_its_value() -> None:
    class Shouting(Text):
        def read(self, value: object, place: Any) -> str | None:
            return f"{value}!" if value else None

    first = Shouting().read("a", None)
    assert Shouting().read(first, None) != first
