"""Prints the commits that references reach along `previous`, the newest first, an id a line.

Examples:
  pacha rev-list fraud-detector
  pacha rev-list fraud-detector:1.2.0 -z

Group: plumbing
"""

from itertools import islice

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import nul_option
from pacha.porcelain.ref_plumbing import rev_list


@command(__doc__)
@click.argument("refs", nargs=-1, required=True, shell_complete=complete_refs)
@click.option("-n", "--max-count", "count", type=click.IntRange(min=0), help="So many at most.")
@nul_option
@click.pass_obj
def COMMAND(app: App, refs: tuple[str, ...], count: int | None, nul: bool) -> None:
    """Runs `pacha rev-list`."""
    starts = [app.resolve(ref).manifest for ref in refs]
    for id in islice(rev_list(app.workspace, starts), count):
        app.output.record(f"manifest:{id}", nul=nul)
