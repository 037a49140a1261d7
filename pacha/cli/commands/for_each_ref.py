"""Prints every ref at or below a prefix: LINK NAME, a record a line.

Examples:
  pacha for-each-ref
  pacha for-each-ref refs/versions/model

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import nul_option
from pacha.porcelain.ref_plumbing import each_ref


@command(__doc__)
@click.argument("prefix", default="refs")
@nul_option
@click.pass_obj
def COMMAND(app: App, prefix: str, nul: bool) -> None:
    """Runs `pacha for-each-ref`."""
    for name, link in each_ref(app.workspace, prefix):
        app.output.record(str(link), str(name), nul=nul)
