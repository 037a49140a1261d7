"""Prints an object's bytes, or with -t its type, with -s its size; -e only says whether it is here and whole.

Examples:
  pacha cat-file manifest:3f2a9c01
  pacha cat-file -s fraud-detector:1.2.0

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs


@command(__doc__)
@click.argument("ref", shell_complete=complete_refs)
@click.option("-t", "what", flag_value="type", help="Print the type.")
@click.option("-s", "what", flag_value="size", help="Print the size in bytes.")
@click.option("-e", "what", flag_value="exists", help="Print nothing; the exit code tells.")
@click.pass_obj
def COMMAND(app: App, ref: str, what: str | None) -> None:
    """Runs `pacha cat-file`."""
    revision = app.resolve(ref)
    link = revision.entry.link if revision.entry is not None else revision.link
    data = app.workspace.repository.objects.read(link)
    if what == "type":
        app.output.record(link.type)
    elif what == "size":
        app.output.record(str(len(data)))
    elif what is None:
        app.output.raw(data)
