"""Editing cards: what is typed is typed, what is mistyped is told, and what was measured does not go on to the next."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.errors import Usage
from pacha.registry.card_edit import assign, carry_over, merge, parse_assignment, set_field, unset_field
from pacha.registry.card_record import CardRecord
from pacha.registry.cards import Datasheet, ModelCard, Recipe
from tests.nasty import text
from tests.registry.strategies import ALL, cards
from tests.registry.test_cards import DATA, MODEL


@pytest.mark.parametrize(
    ("card", "typed", "document"),
    [
        (ModelCard(), "description=Finds = fraud", {"description": "Finds = fraud"}),
        (ModelCard(), "metrics.auc=0.93", {"metrics": {"auc": 0.93}}),
        (ModelCard(), "metrics.test.auc=1e-3", {"metrics": {"test.auc": 0.001}}),
        (ModelCard(), "metrics.n=64", {"metrics": {"n": 64}}),
        (ModelCard(), "metrics.loss=NaN", {"metrics": {"loss": "NaN"}}),
        (ModelCard(metrics={"auc": 1}), "metrics.f1=0.5", {"metrics": {"auc": 1, "f1": 0.5}}),
        (ModelCard(), "training_date=2026-03-03", {"training_date": "2026-03-03"}),
        (ModelCard(), "limitations=a, b", {"limitations": ["a, b"]}),
        (ModelCard(limitations=("a",)), "limitations+=b", {"limitations": ["a", "b"]}),
        (ModelCard(limitations=("a",)), "limitations=b", {"limitations": ["b"]}),
        (ModelCard(limitations=("a",)), "limitations=", {}),
        (ModelCard(), "extra.team.size=3", {"extra": {"team": {"size": 3}}}),
        (ModelCard(), "extra.tags+=x", {"extra": {"tags": ["x"]}}),
        (ModelCard(), 'extra.a={"b": [1, null]}', {"extra": {"a": {"b": [1, None]}}}),
        (ModelCard(), 'extra.a="64"', {"extra": {"a": "64"}}),
        (ModelCard(), "extra.a=64", {"extra": {"a": 64}}),
        (Datasheet(), "instance_count=344", {"instance_count": 344}),
        (Datasheet(), "features.age=in years", {"features": {"age": {"description": "in years"}}}),
        (Datasheet(), "features.a.b.description=x", {"features": {"a.b": {"description": "x"}}}),
        (Datasheet(), "features.a.b.statistics.q.5=2", {"features": {"a.b": {"statistics": {"q.5": 2}}}}),
        (Datasheet(), "features.a.nullable=true", {"features": {"a": {"nullable": True}}}),
        (Datasheet(), "preprocessing+=dedupe", {"preprocessing": [{"name": "dedupe"}]}),
        (Recipe(), "hyperparameters.epochs=10", {"hyperparameters": {"epochs": 10}}),
        (Recipe(), "hyperparameters.dropout=0.1", {"hyperparameters": {"custom": {"dropout": 0.1}}}),
        (Recipe(), "optimizer=adamw", {"optimizer": {"optimizer_type": "adamw"}}),
        (Recipe(), "hardware.gpu.count=2", {"hardware": {"gpu": {"count": 2}}}),
        (Recipe(), "dependencies.packages.numpy===1.26", {"dependencies": {"packages": {"numpy": "==1.26"}}}),
        (Recipe(), "deterministic=TRUE", {"deterministic": True}),
        (Recipe(), 'command=["python", "t.py"]', {"command": ["python", "t.py"]}),
        (Recipe(command=("python",)), "command+=t.py", {"command": ["python", "t.py"]}),
        (Recipe(), "command=python t.py", {"command": "python t.py"}),
        (Recipe(), "random_seed=9223372036854775808", {"random_seed": "9223372036854775808"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_typed_becomes_a_value_of_its_kind(card: CardRecord, typed: str, document: dict[str, Any]) -> None:
    assert assign(card, typed).document() == document


@pytest.mark.parametrize(
    ("card", "typed", "said"),
    [
        (ModelCard(), "metrics.auc", "not key=value: 'metrics.auc'"),
        (ModelCard(), "=x", "not key=value"),
        (ModelCard(), "metrics.auc=high", "the card: metrics.auc: a number, not 'high'"),
        (ModelCard(), "metrics=high", "the card: metrics: a table of numbers, not 'high'"),
        (ModelCard(), "metrics.auc+=1", "metrics.auc: is one value, not a list"),
        (ModelCard(), "license+=MIT", "license: is a text, not a list"),
        (ModelCard(), "licence=MIT", "licence: no such member"),
        (ModelCard(), "team=risk", "team: no such member"),
        (ModelCard(), "description.x=1", "description.x: description is a text and has no members"),
        (ModelCard(extra={"a": 1}), "extra.a.b=1", "extra.a.b: a is a value, not a table"),
        (Datasheet(), "instance_count=many", "the datasheet: instance_count: a whole number, not 'many'"),
        (Datasheet(), "features.a.b=x", "features.a.b: no such member"),
        (Recipe(), "hyperparameters.lr=1", "hyperparameters.lr: no such member"),
        (Recipe(), "hardware.ram=1", "hardware.ram: no such member"),
        (Recipe(), "optimizer.lr=1", "the recipe: optimizer.optimizer_type: is missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_mistyped_is_told(card: CardRecord, typed: str, said: str) -> None:
    with pytest.raises(Usage) as caught:
        assign(card, typed)
    assert caught.value.message.startswith(said)


def test_a_mistyped_name_is_answered_with_the_right_one() -> None:
    for typed, hint in (("licence=MIT", "did you mean license?"), ("team=risk", "for anything else, set extra.team")):
        with pytest.raises(Usage) as caught:
            assign(ModelCard(), typed)
        assert caught.value.hint == hint


def test_what_is_unset_is_gone() -> None:
    card = ModelCard.from_document(MODEL, name="x")
    for key in ("license", "metrics.auc", "extra.team", "training_data", "metrics.nothing", "extra.a.b"):
        card = unset_field(card, key)
    assert (
        card.license is None
        and dict(card.metrics) == {"n": 3}
        and card.training_data == ()
        and "team" not in card.extra
    )
    sheet = unset_field(Datasheet.from_document(DATA, name="x"), "features.age")
    assert sheet.features == {}


def test_members_of_later_versions_survive_editing() -> None:
    card = ModelCard.from_stored({"later": {"a": 1}, "license": "MIT"})
    assert set_field(card, "license", "ISC").document() == {"later": {"a": 1}, "license": "ISC"}


def test_merging_joins_tables_and_replaces_the_rest() -> None:
    mine = Datasheet(
        creators=("Ada",), features={"age": {"dtype": "Int64", "description": "in years"}}, extra={"a": {"b": 1}}
    )  # type: ignore[dict-item]
    theirs = Datasheet(
        creators=("Bob",), features={"age": {"dtype": "Int32", "nullable": True}, "x": {}}, extra={"a": {"c": 2}}
    )  # type: ignore[dict-item]
    both = merge(mine, theirs)
    assert both.creators == ("Bob",) and both.extra == {"a": {"b": 1, "c": 2}}
    assert (
        both.features["age"].plain() == {"dtype": "Int32", "nullable": True, "description": "in years"}
        and "x" in both.features
    )
    with pytest.raises(Usage):
        merge(ModelCard(), Datasheet())  # type: ignore[type-var]


def test_what_was_measured_is_not_carried_over() -> None:
    extra = {"team": "risk", "model-index": [], "co2_eq_emissions": 3}
    card = carry_over(ModelCard.from_document({**MODEL, "extra": extra}, name="x"))
    assert card.plain().keys() == {
        "description", "primary_uses", "out_of_scope_uses", "limitations", "ethical_considerations", "license", "extra",
    }  # fmt: skip
    assert card.extra == {"team": "risk"}
    sheet = carry_over(Datasheet.from_document(DATA, name="x"))
    assert sheet.instance_count is None and sheet.purpose == "Training"
    assert sheet.features["age"].plain() == {"dtype": "Int64", "nullable": False, "description": "in years"}


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_any_assignment_gives_a_card_or_is_refused(kind: type[CardRecord], data: st.DataObject) -> None:
    card = data.draw(cards(kind))
    usual = ["metrics.a", "features.a.description", "hyperparameters.x", "extra.a.b", "hardware.gpu.count"]
    known = [*sorted(card.plain()), *usual]
    typed = data.draw(st.sampled_from(known) | text) + data.draw(st.sampled_from(["=", "+=", ".x="])) + data.draw(text)
    try:
        changed = assign(card, typed)
    except Usage:
        return
    assert kind.from_stored(changed.plain()) == changed
    assert unset_field(changed, parse_assignment(typed).key) is not None


@pytest.mark.parametrize("kind", ALL)
@given(data=st.data())
def test_merging_with_nothing_changes_nothing(kind: type[CardRecord], data: st.DataObject) -> None:
    card = data.draw(cards(kind))
    assert merge(card, kind()) == merge(kind(), card) == merge(card, card) == card
