"""Checks a recipe, registered or not: types and ranges, references, the environment, and whether it can be repeated.

Lists what it finds, the worst first. Exits with 1 where anything is an error, with --strict also for warnings.

Examples:
  pacha recipe validate base.recipe.toml
  pacha recipe validate base:1.0.0 --strict

Group: registry
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import revision_or_path_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled
from pacha.porcelain.recipe_checks import RecipeFinding, Severity
from pacha.porcelain.recipes import validate_recipe_at, validate_recipe_of
from pacha.porcelain.validate_recipe import is_valid

SCHEMAS = (("validate/1", list[RecipeFinding]),)
_COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTICE: "dim"}


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", metavar="PATH|NAME", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--strict", is_flag=True, help="Count warnings as errors.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, strict: bool) -> int:
        """Validates."""
        full = os.path.join(app.start, name)
        if version is None and os.path.isfile(full):
            found = validate_recipe_at(app.try_workspace(), full, shown=name, environment=app.environment)
        else:
            found = validate_recipe_of(app.workspace, revision_or_path_named(app, kind, name, version))
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.validate/1", found)
        else:
            _show(app, name, found, strict=strict)
        return 0 if is_valid(found, strict=strict) else 1

    return run


def _show(app: App, name: str, found: list[RecipeFinding], *, strict: bool) -> None:
    for item in found:
        app.output.line(
            Styled(f"{item.severity.value:8}", _COLORS[item.severity]), f" {item.where}: " if item.where else " ",
            item.message, Styled(f"  ({item.check})", "dim"),
        )  # fmt: skip
        if item.hint:
            app.output.line(f"         {item.hint}")
    if not found:
        app.output.line(Styled("valid    ", "green"), name)
    elif is_valid(found, strict=strict):
        app.output.line(Styled("valid    ", "green"), f"{name}, with what is said above")
