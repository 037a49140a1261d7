"""Registers a recipe file: add, commit and tag in one go, all of it or nothing.

Name and version are the file's own, unless --name and -v say otherwise. The environment that Pacha runs in (Python,
packages, lock files) is captured beside it.

Examples:
  pacha recipe register base.recipe.toml
  pacha recipe register base.recipe.toml --name base -v 1.1.0

Group: registry
"""

import os

import click

from pacha.base.clock import parse_timestamp
from pacha.base.errors import Usage
from pacha.base.names import ArtifactName
from pacha.cli.app import App
from pacha.cli.completing import complete_files
from pacha.cli.groups import registry_command
from pacha.cli.infile import read_file
from pacha.cli.options import json_option
from pacha.cli.registry.register import show
from pacha.cli.said import role_options, said_by
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.infer import infer_name
from pacha.porcelain.register import Registered, RegisterOptions, register
from pacha.registry.card_file import FILE_BYTES_MAX
from pacha.registry.cards import Recipe
from pacha.registry.recipe_file import read_recipe

SCHEMAS = (("register/1", Registered),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("path", shell_complete=complete_files)
    @click.option("--name", help="Its name, where that is not the file's own.")
    @click.option("-v", "--version", metavar="VERSION", help="Its version, where that is not the file's own.")
    @click.option("-m", "--message", help="What changed, and why.")
    @role_options
    @click.option("--author", metavar="'NAME <MAIL>'", help="Who made it, where that is not you.")
    @click.option("--date", metavar="TIME", help="When it was made (RFC 3339, or a date).")
    @json_option
    @click.pass_context
    def run(
        context: click.Context, path: str, name: str | None, version: str | None, message: str | None,
        author: str | None, date: str | None,
    ) -> None:  # fmt: skip
        """Registers."""
        app: App = context.obj
        recipe = recipe_at(app, path)
        name, version = name or recipe.name or _name_of(app, path), version or recipe.version
        if not version:
            raise Usage(f"{path}: has no version", hint="write `version = …` into it, or say --version")
        options = RegisterOptions(
            version=version,
            author=author_of(app.workspace, author),
            date=parse_timestamp(date) if date else app.workspace.repository.now(),
            message=message,
            said=said_by(context),
        )
        done = register(app.workspace, ArtifactName(kind, name), path, options)
        if recipe.version not in (None, str(done.version)):
            app.output.note(f"{path} says version {recipe.version}, and is registered as {done.version}")
        show(app, kind, done)

    return run


def _name_of(app: App, path: str) -> str:
    """The file's name, where it says none."""
    stem = os.path.basename(path).removesuffix(".toml").removesuffix(".recipe")
    return infer_name(stem, os.path.basename(app.workspace.repository.work_tree))


def recipe_at(app: App, path: str) -> Recipe:
    """Reads a recipe file that was typed. Errors: `BadCard`, `NoFileThere`, `MachineFailed`."""
    return read_recipe(read_file(app.start, path, size_max=FILE_BYTES_MAX), name=path)
