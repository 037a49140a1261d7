"""Writes the bytes of one file to standard output, each piece checked before it is written.

Examples:
  pacha cat train:1.0.0 | head
  pacha cat sentence-encoder:1.0.0/config.json

Group: look
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.porcelain.cat import cat
from pacha.registry.resolve import LATEST


@command(__doc__)
@click.argument("ref", shell_complete=complete_refs)
@click.pass_obj
def COMMAND(app: App, ref: str) -> None:
    """Runs `pacha cat`."""
    for data in cat(app.workspace, app.resolve(ref, bare=LATEST)):
        app.output.raw(data)
