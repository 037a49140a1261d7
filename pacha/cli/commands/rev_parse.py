"""Prints what references name, as type:hex.

Examples:
  pacha rev-parse fraud-detector:1.2
  pacha rev-parse --short fraud-detector~1

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs


@command(__doc__)
@click.argument("refs", nargs=-1, required=True, shell_complete=complete_refs)
@click.option("--short", is_flag=True, help="The first 12 digits only.")
@click.pass_obj
def COMMAND(app: App, refs: tuple[str, ...], short: bool) -> None:
    """Runs `pacha rev-parse`."""
    for ref in refs:
        revision = app.resolve(ref)
        link = revision.entry.link if revision.entry is not None else revision.link
        app.output.record(f"{link.type}:{link.id.short if short else link.id}")
