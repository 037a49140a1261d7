"""Prints the JSON Schema of what a command answers with --json, or lists the schemas.

Examples:
  pacha schema
  pacha schema pacha.log/1

Group: help
"""

import difflib
import json

import click

from pacha.base.errors import NotFound
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.schemas import schema_names, schema_of


@command(__doc__)
@click.argument("name", required=False)
@click.pass_obj
def COMMAND(app: App, name: str | None) -> None:
    """Runs `pacha schema`."""
    if name is None:
        for known in schema_names():
            app.output.line(known)
        return
    if name not in schema_names():
        near = difflib.get_close_matches(name, schema_names(), n=1)
        raise NotFound(f"no such schema: {name}", hint=f"did you mean {near[0]}?" if near else "see `pacha schema`")
    app.output.text(json.dumps(schema_of(name), indent=1))
