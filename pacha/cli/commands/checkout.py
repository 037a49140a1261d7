"""Writes committed bytes into the work tree.

Alone, every known path is brought to its head. With a reference, its path holds that version from then on; with --to,
it is written anywhere. Only bytes that are committed and stored are replaced; anything else needs --force.

Examples:
  pacha checkout
  pacha checkout fraud-detector:1.1.0
  pacha checkout fraud-detector:1.1.0 --to /tmp/old-model.bin

Group: work
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.render import Styled, size_text
from pacha.porcelain.checkout import CheckedOut, checkout_heads, checkout_revision, export

SCHEMA = ("pacha.checkout/1", list[CheckedOut])


@command(__doc__)
@click.argument("ref", required=False, shell_complete=complete_refs)
@click.option("--to", "target", metavar="PATH", help="Write it there instead of its own path.")
@click.option("-f", "--force", is_flag=True, help="Write over changes that are committed nowhere.")
@json_option
@click.pass_obj
def COMMAND(app: App, ref: str | None, target: str | None, force: bool) -> None:
    """Runs `pacha checkout`."""
    if ref is None:
        if target is not None:
            raise click.UsageError("--to wants a reference: `pacha checkout REF --to PATH`")
        done = checkout_heads(app.workspace, force=force)
    elif target is not None:
        done = [export(app.workspace, app.resolve(ref), os.path.join(app.start, target), force=force)]
    else:
        done = checkout_revision(app.workspace, app.resolve(ref), force=force)
    if app.output.is_json:
        app.output.data(SCHEMA[0], done)
        return
    for item in done:
        word, color = ("written", "green") if item.is_written else ("as it was", "dim")
        app.output.line(Styled(f"{word:9} ", color), f"{item.path}  {size_text(item.size)}")
    if not done:
        app.output.note("nothing is committed yet")
