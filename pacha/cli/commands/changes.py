"""Shows what this checkout adds over a Git revision.

It tells versions, stage moves, metrics, columns, lineage and new bytes. This checkout is what lies in `.pacha` now, committed to Git or not; no bytes are needed. GITREV is any commit that Git knows; NAME... is where HEAD and NAME parted. Without it, that is the default branch: the first of origin/HEAD, origin/main, origin/master, main and master. Only what is read here is told: `pacha fsck` and `pacha resolve` say what must be put right.

Examples:
  pacha changes
  pacha changes HEAD~1 --exit-code
  pacha changes origin/main... --markdown

Group: look
"""

import click

from pacha.cli.app import App
from pacha.cli.changes_markdown import markdown_of
from pacha.cli.changes_rows import before_text, cut, move_text, shown_rows, signed_text, summary_of, title_of
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import Styled, first_line
from pacha.porcelain.changes import ArtifactChanges, Changes, Published, changes

SCHEMA = ("pacha.changes/1", Changes)
DIFFERS_CODE = 1
#: A longer value would push what it became off the screen; --markdown and --json say more of it.
CELL_MAX = 60


@command(__doc__)
@click.argument("revision", required=False, metavar="[GITREV]")
@click.option("--markdown", is_flag=True, help="As a comment on a pull request, at most 65,536 bytes.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything changed.")
@json_option
@click.pass_obj
def COMMAND(app: App, revision: str | None, markdown: bool, exit_code: bool) -> int:
    """Runs `pacha changes`."""
    if markdown and app.output.is_json:
        raise click.UsageError("--markdown and --json exclude each other")
    found = changes(app.workspace, revision)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
    elif markdown:
        app.output.text(markdown_of(found))
    else:
        _show(app, found)
    return DIFFERS_CODE if exit_code and not found.is_empty else 0


def _show(app: App, found: Changes) -> None:
    app.output.page()
    for changed in found.artifacts:
        _artifact(app, changed)
    for name in found.runs:
        app.output.line(Styled("new run  ", "bold"), name)
    for problem in found.problems:
        app.output.line(Styled("problem  ", "red"), problem)
    app.output.line(Styled(summary_of(found), "bold"), f", over {found.base.text} ({found.base.commit[:12]})")


def _artifact(app: App, changed: ArtifactChanges) -> None:
    app.output.line(Styled(str(changed.artifact), "cyan"), "  (new)" if changed.is_new else "")
    for gone in changed.removed:
        app.output.line(Styled(f"  removed {gone.what}  ", "red"), f"{gone.name}: {gone.reason}")
    for problem in changed.problems:
        app.output.line(Styled("  problem  ", "red"), problem)
    for item in changed.published:
        _published(app, item)
    for move in changed.moves:
        app.output.line(Styled("  stage ", "magenta"), move_text(move))
        app.output.line(f"    {move.who}, {move.when}: {first_line(move.reason) or 'no reason given'}")


def _published(app: App, item: Published) -> None:
    same = f", the same content as {item.same_content_as}" if item.same_content_as else ""
    app.output.line(Styled(f"  {title_of(item)}", "green"), f"  {before_text(item)}{same}")
    app.output.line(f"    {item.author}, {item.created}, {signed_text(item)}: {first_line(item.message)}")
    rows, more = shown_rows(item)
    app.output.table(
        [
            [f"    {row.what}", row.name, cut(row.before, CELL_MAX), "→", cut(row.after, CELL_MAX), row.note]
            for row in rows
        ]
    )
    if more:
        app.output.line(f"    … and {more} more")
