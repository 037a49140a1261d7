"""Recipes: their files, checking them where they are, and the environment that is captured beside them."""

import os
from dataclasses import dataclass

from pacha.base.errors import Absent
from pacha.base.files import naming
from pacha.porcelain.captured import capture_environment
from pacha.porcelain.card import card_at
from pacha.porcelain.cat import cat
from pacha.porcelain.recipe_checks import RecipeFinding
from pacha.porcelain.validate_recipe import Resolve, validate_recipe, validate_recipe_file
from pacha.porcelain.workspace import Workspace
from pacha.registry.card_file import FILE_BYTES_MAX
from pacha.registry.cards import Recipe
from pacha.registry.recipe_file import to_toml
from pacha.registry.resolve import LATEST, Revision
from pacha.repo.environment import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFile:
    """A recipe's file; `note` says where it was made anew, because its own bytes are not here."""

    data: bytes
    note: str | None = None


def validate_recipe_at(
    workspace: Workspace | None, full: str, *, shown: str, environment: Environment
) -> list[RecipeFinding]:
    """Checks a recipe file, registered or not. Without a repository its references are not looked up.

    Errors: `BadToml`, `MachineFailed`.
    """
    with naming(shown), open(full, "rb") as file:
        raw = file.read(FILE_BYTES_MAX + 1)
    top = os.path.dirname(full) if workspace is None else workspace.repository.work_tree
    captured = capture_environment(environment, folder=os.path.dirname(full), top=top)
    resolve = None if workspace is None else _resolver(workspace)
    return validate_recipe_file(raw, name=shown, resolve=resolve, environment=captured)


def validate_recipe_of(workspace: Workspace, revision: Revision) -> list[RecipeFinding]:
    """Checks a recipe that is committed, against this process's environment. Errors: `BadCard`."""
    recipe = card_at(workspace, revision.manifest)
    assert isinstance(recipe, Recipe)
    manifest = workspace.catalog.manifest(revision.manifest)
    top = workspace.repository.work_tree
    folder = os.path.dirname(workspace.full(manifest.path)) if manifest.path else top
    captured = capture_environment(workspace.repository.environment, folder=folder, top=top)
    return validate_recipe(recipe, resolve=_resolver(workspace), environment=captured)


def _resolver(workspace: Workspace) -> Resolve:
    """Looks references up as a commit of the recipe would."""
    return lambda text: workspace.resolve(text, start=workspace.repository.work_tree, bare=LATEST)


def recipe_file(workspace: Workspace, revision: Revision) -> RecipeFile:
    """A recipe's file, byte for byte where it is here. Errors: `Corrupt`, `BadCard`."""
    try:
        return RecipeFile(data=b"".join(bytes(data) for data in cat(workspace, revision)))
    except Absent as error:
        recipe = card_at(workspace, revision.manifest)
        assert isinstance(recipe, Recipe)
        return RecipeFile(
            data=to_toml(recipe).encode("utf-8"), note=f"made from its card, without its comments: {error.message}"
        )
