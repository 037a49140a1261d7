"""Lists what two sides left unsettled, and settles it: several heads, the same version twice, a forked stage log.

Examples:
  pacha resolve
  pacha resolve fraud-detector --keep manifest:3f2a9c01
  pacha resolve fraud-detector --keep fraud-detector:1.2.0

Group: work
"""

import click

from pacha.base.clock import parse_timestamp
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_names
from pacha.cli.naming import artifact_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled, first_line, size_text
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.resolve import Settled, Side, Unsettled, settle, unsettled

SCHEMA = ("pacha.resolve/1", list[Unsettled])
MORE_SCHEMAS = (("pacha.resolve.settled/1", list[Settled]),)
CONFLICT_CODE = 4


@command(__doc__)
@click.argument("name", required=False, shell_complete=complete_names)
@click.option("--keep", metavar="REF", help="The side whose content stays; the other stays in history.")
@click.option("--author", metavar="'NAME <MAIL>'", help="Who settles it, where that is not you.")
@click.option("--date", metavar="TIME", help="When (RFC 3339, or a date).")
@json_option
@click.pass_obj
def COMMAND(app: App, name: str | None, keep: str | None, author: str | None, date: str | None) -> int:
    """Runs `pacha resolve`."""
    artifact = None if name is None else artifact_named(app, name)
    if keep is not None:
        if artifact is None:
            raise click.UsageError("--keep wants the name too: `pacha resolve NAME --keep REF`")
        when = parse_timestamp(date) if date else app.workspace.repository.now()
        done = settle(app.workspace, artifact, keep, author=author_of(app.workspace, author), date=when)
        _settled(app, done)
        return 0
    found = unsettled(app.workspace, [] if artifact is None else [artifact])
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return CONFLICT_CODE if found else 0
    for item in found:
        app.output.line(Styled(f"{item.issue.value}: ", "red"), str(item.artifact), f"  {item.ref}")
        app.output.table([_row(side) for side in item.sides])
    if found:
        app.output.hint(f"`pacha resolve {found[0].artifact.name} --keep REF` keeps one side")
    else:
        app.output.line("nothing is unsettled")
    return CONFLICT_CODE if found else 0


def _row(side: Side) -> list[str]:
    # A move has no size of its own.
    size = [] if side.moves else ["?" if side.size is None else size_text(side.size)]
    named = f"  {side.link.type}:{side.link.id.short}"
    return [named, side.created or "?", side.author or "?", *size, first_line(side.message or "")]


def _settled(app: App, done: list[Settled]) -> None:
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], done)
        return
    for item in done:
        app.output.line(f"settled {item.issue.value} of {item.artifact}: kept {item.kept.type}:{item.kept.id.short}")
        for note in item.notes:
            app.output.line(f"  {note}")
    app.output.hint("`pacha checkout` brings the work tree along; commit `.pacha` to Git")
