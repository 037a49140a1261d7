"""Takes back what `add` staged. Files stay as they are, and stored bytes until gc.

Examples:
  pacha reset
  pacha reset fraud-detector

Group: work
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_names
from pacha.cli.naming import artifact_named
from pacha.cli.options import json_option
from pacha.porcelain.reset import ResetResult, reset

SCHEMA = ("pacha.reset/1", ResetResult)


@command(__doc__)
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...", shell_complete=complete_names)
@json_option
@click.pass_obj
def COMMAND(app: App, names: tuple[str, ...]) -> None:
    """Runs `pacha reset`."""
    result = reset(app.workspace, [artifact_named(app, name) for name in names])
    if app.output.is_json:
        app.output.data(SCHEMA[0], result)
        return
    for item in result.unstaged:
        app.output.line(f"unstaged  {item.path}  {item.artifact}")
