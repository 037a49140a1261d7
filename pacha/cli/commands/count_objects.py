"""Prints how many objects of each type are stored, and their plain bytes: TYPE COUNT BYTES.

Examples:
  pacha count-objects
  pacha count-objects --json

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.porcelain.count_objects import ObjectCount, count_objects

SCHEMA = ("pacha.count-objects/1", list[ObjectCount])


@command(__doc__)
@json_option
@click.pass_obj
def COMMAND(app: App) -> None:
    """Runs `pacha count-objects`."""
    found = count_objects(app.workspace)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return
    for item in found:
        app.output.record(item.type, str(item.count), str(item.size))
