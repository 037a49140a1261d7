"""A recipe's file: TOML read into a `Recipe`, a `Recipe` written as TOML, and single values overridden for a run."""

from collections.abc import Mapping

from pacha.base.toml import read_toml, write_toml
from pacha.registry.card_edit import Assignment, BadField, parse_assignment, set_field
from pacha.registry.card_record import meant_member, members_of
from pacha.registry.recipe import Hyperparameters, Recipe


def read_recipe(raw: bytes, *, name: str) -> Recipe:
    """Reads a recipe's TOML. `name` is what errors call the file. Errors: `BadToml`, `BadCard`.

    >>> read_recipe(b"[hyperparameters]\\nepochs = 3\\n", name="recipe.toml").hyperparameters.epochs
    3
    """
    return Recipe.from_document(read_toml(raw, name=name), name=name)


def to_toml(recipe: Recipe) -> str:
    """Writes a recipe as TOML that reads back as the same recipe.

    A null that a later version stored among members unknown here is left out: TOML has none.
    """
    found = _without_null(recipe.plain())
    assert isinstance(found, dict)
    return write_toml(found)


def _without_null(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _without_null(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [_without_null(item) for item in value if item is not None]
    return value


def override(recipe: Recipe, text: str) -> Recipe:
    """The recipe with `key=value`, for one run. A hyperparameter's name needs no prefix. Errors: `BadField`, `BadCard`.

    >>> override(Recipe(hyperparameters={"learning_rate": 0.1}), "learning_rate=1e-5").hyperparameters.learning_rate
    1e-05
    """
    found = parse_assignment(text)
    if found.is_addition:
        raise BadField(f"{found.key}: an override replaces a value", hint=f"write {found.key}=VALUE", key=found.key)
    return set_field(recipe, _full_key(recipe, found), found.value)


def _full_key(recipe: Recipe, found: Assignment) -> str:
    """Where a bare name belongs. One that the recipe knows nowhere is a mistake, or is written with its prefix."""
    key = found.key
    first = key.split(".")[0]
    if first in {one.name for one in members_of(Recipe)}:
        return key
    named = {one.name for one in members_of(Hyperparameters)}
    if key in named or first == "custom":
        return f"hyperparameters.{key}"
    custom = recipe.hyperparameters.custom
    if key in custom or first in custom:
        return f"hyperparameters.custom.{key}"
    meant = meant_member(Hyperparameters, key) or meant_member(Recipe, key)
    hint = f"did you mean {meant}?" if meant else f"to add a hyperparameter, write hyperparameters.{key}={found.value}"
    raise BadField(f"the recipe has no {key}", hint=hint, key=key)
