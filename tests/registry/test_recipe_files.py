"""Recipes as TOML: read without hand-made ids, written so that they read back, overridden for a run."""

from pathlib import Path

import pytest
from hypothesis import given

from pacha.base.errors import Usage
from pacha.base.toml import BadToml
from pacha.registry.cards import BadCard, Recipe
from pacha.registry.recipe_file import override, read_recipe, to_toml
from tests.registry.strategies import cards
from tests.registry.test_cards import RECIPE

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")


def read(text: str) -> Recipe:
    return read_recipe(text.encode(), name="recipe.toml")


def test_the_recipe_of_the_page_is_read_and_has_every_member() -> None:
    example = PAGE.split("```toml\n")[1].split("```")[0]
    recipe = read(example)
    assert recipe.plain().keys() == RECIPE.keys()
    assert recipe.optimizer is not None and recipe.optimizer.params["betas"] == [0.9, 0.999]


def test_integers_of_a_recipe_stay_integers() -> None:
    recipe = read(
        "random_seed = 42\n[hyperparameters]\nlearning_rate = 1\nepochs = 10\n[hyperparameters.custom]\nsteps = 10\n"
    )
    values = [recipe.random_seed, recipe.hyperparameters.learning_rate, recipe.hyperparameters.epochs]
    assert [type(value) for value in [*values, recipe.hyperparameters.custom["steps"]]] == [int] * 4
    assert "epochs = 10\n" in to_toml(recipe)


def test_a_large_seed_is_an_integer_in_toml() -> None:
    assert "random_seed = 1152921504606846976" in to_toml(Recipe(random_seed=2**60))
    assert read(to_toml(Recipe(random_seed=2**70))).random_seed == 2**70


@given(recipe=cards(Recipe))
def test_a_recipe_that_is_written_reads_back(recipe: Recipe) -> None:
    assert read(to_toml(recipe)) == recipe


def test_a_recipe_of_later_versions_is_written_without_its_nulls() -> None:
    assert to_toml(Recipe.from_stored({"later": {"a": 1, "b": [1]}})) == "\n[later]\na = 1\nb = [1]\n".lstrip("\n")


@pytest.mark.parametrize(
    ("text", "error"),
    [("a = [" * 500, BadToml), ("x = 1\nx = 2", BadToml), ("hyperparameters = 3", BadCard), ("seed = 1", BadCard)],
)
def test_what_is_no_recipe_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"^recipe\.toml: "):
        read(text)


def test_overrides_find_their_place() -> None:
    recipe = read(
        "random_seed = 1\n[hyperparameters]\nlearning_rate = 0.1\ndropout = 0.5\n[optimizer]\noptimizer_type = 'sgd'\n"
    )
    for text in (
        "learning_rate=1e-5",
        "epochs=3",
        "dropout=0.1",
        "random_seed=7",
        "optimizer.momentum=0.9",
        "hyperparameters.new=true",
    ):
        recipe = override(recipe, text)
    assert recipe.plain() == {
        "random_seed": 7,
        "hyperparameters": {"learning_rate": 1e-5, "epochs": 3, "custom": {"dropout": 0.1, "new": True}},
        "optimizer": {"optimizer_type": "sgd", "params": {"momentum": 0.9}},
    }


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("dropuot=0.1", "to add a hyperparameter, write hyperparameters.dropuot=0.1"),
        ("learning_rat=0.1", "did you mean learning_rate?"),
        ("seed=1", "did you mean random_seed?"),
        ("epochs+=1", "write epochs=VALUE"),
        ("epochs", None),
    ],
)
def test_an_override_of_nothing_is_told(text: str, hint: str | None) -> None:
    with pytest.raises(Usage) as caught:
        override(Recipe(), text)
    assert hint is None or caught.value.hint == hint


def test_an_override_of_a_wrong_kind_is_told() -> None:
    with pytest.raises(BadCard, match="a whole number, not 'many'"):
        override(Recipe(), "epochs=many")
