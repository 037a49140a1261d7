"""Stores what lies at paths, and drafts it for the next commit.

Kind and name come from the bytes and the path; a folder is one artifact. A path that was added once is known, and
`pacha add .` refreshes all known ones. Your files are never touched. The flags say where an artifact comes from and what
stands on its card; they are about one artifact. What a version resembles is found by itself: the version before, or what
--fine-tuned-from names; --base names anything else, for storage alone.

Examples:
  pacha add model.safetensors
  pacha add data/train --kind data --name train
  pacha add .
  pacha add models/fraud --trained-on data/users.csv --metric auc=0.93

Group: work
"""

import click

from pacha.base.ids import ObjectId
from pacha.base.names import KINDS
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_files
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text, size_text
from pacha.cli.said import base_option, said_by, said_options
from pacha.porcelain.add import AddResult, add
from pacha.porcelain.drafting import AddOptions

SCHEMA = ("pacha.add/1", AddResult)


@command(__doc__)
@click.argument("paths", nargs=-1, required=True, shell_complete=complete_files)
@click.option("--kind", type=click.Choice(KINDS[:3]), help="What it is, where the bytes do not tell.")
@click.option("--name", help="What it is called, where the path is not its name.")
@click.option("-f", "--force", is_flag=True, help="Stage the bytes of an older version as the next one.")
@click.option("--dereference", is_flag=True, help="Store what symbolic links point to.")
@base_option
@said_options
@json_option
@click.pass_context
def COMMAND(
    context: click.Context, paths: tuple[str, ...], kind: str | None, name: str | None, force: bool,
    dereference: bool, bases: tuple[ObjectId, ...],
) -> None:  # fmt: skip
    """Runs `pacha add`."""
    app: App = context.obj
    if name is not None and len(paths) > 1:
        raise click.UsageError("--name names one artifact; add the paths one by one")
    options = AddOptions(kind=kind, name=name, force=force, dereference=dereference, bases=bases, said=said_by(context))
    result = add(app.workspace, [app.relative(path) for path in paths], options)
    for note in result.notes:
        app.output.note(note)
    if app.output.is_json:
        app.output.data(SCHEMA[0], result)
        return
    for item in result.added:
        color = {"new": "green", "modified": "yellow", "described": "yellow"}.get(item.state, "dim")
        files = f", {count_text(item.files, 'file')}" if item.files != 1 else ""
        app.output.line(
            Styled(f"{item.state:9} ", color),
            f"{item.path}  ",
            Styled(str(item.artifact), "cyan"),
            f"  {size_text(item.size)}{files}, {size_text(item.new_bytes)} new",
        )
    for candidate in result.candidates:
        app.output.line(f"untracked {candidate}")
    if result.candidates:
        app.output.hint("track one with `pacha add PATH`")
    if any(item.state != "unchanged" for item in result.added):
        app.output.hint('next: `pacha commit -m "what changed"`')
        if any(item.new_bytes for item in result.added):
            app.hint_only_here()
    elif result.added:
        app.output.hint("nothing changed since the last commit")
