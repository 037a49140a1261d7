"""Makes a Pacha repository in a folder, here if none is named.

The `.pacha` folder goes into Git with the project; Pacha stages its files there and never commits.

Examples:
  pacha init
  pacha init my-project

Group: start
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.porcelain.init import Initialised, init
from pacha.repo.layout import REPOSITORY_ID_DIGITS

SCHEMA = ("pacha.init/1", Initialised)


@command(__doc__)
@click.argument("folder", default=".")
@json_option
@click.pass_obj
def COMMAND(app: App, folder: str) -> None:
    """Runs `pacha init`."""
    made = init(
        os.path.join(app.start, folder), environment=app.environment, id=os.urandom(REPOSITORY_ID_DIGITS // 2).hex()
    )
    if app.output.is_json:
        app.output.data(SCHEMA[0], made)
        return
    app.output.line(f"made {made.path}")
    if made.staged:
        app.output.line("staged its files in Git; `git commit` takes them in")
    elif made.git:
        app.output.warn(f"Git could not be told; run: git add {made.path}")
    app.output.hint("next: `pacha add PATH` tracks a model, a dataset or a recipe")
