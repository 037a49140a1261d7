"""Turns drafts into commits, all of them or none.

Without paths or names, everything that is staged; with paths, those are added first. The flags say where an artifact
comes from and what stands on its card. A commit of other bytes takes nothing over from the one before; it tells what
that said. `--tag auto` takes the version number that fits what changed.

Examples:
  pacha commit -m "trained on March data"
  pacha commit -m "trained on March data" --tag minor
  pacha commit model.safetensors -m "longer warm-up" --recipe base:1.0.0 --metric auc=0.93

Group: work
"""

import os

import click

from pacha.base.clock import parse_timestamp
from pacha.base.names import ArtifactName
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.naming import artifact_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled, size_text
from pacha.cli.said import said_by, said_options
from pacha.porcelain.commit import CommitOptions, Committed, commit, commit_paths
from pacha.porcelain.identity import author as author_of

SCHEMA = ("pacha.commit/1", list[Committed])


@command(__doc__)
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...")
@click.option("-m", "--message", required=True, help="What changed, and why.")
@click.option("--tag", "bump", metavar="VERSION", help="Publish it too: 1.2.0, or major, minor, patch, auto.")
@click.option("--author", metavar="'NAME <MAIL>'", help="Who made it, where that is not you.")
@click.option("--date", metavar="TIME", help="When it was made (RFC 3339, or a date).")
@said_options
@json_option
@click.pass_context
def COMMAND(
    context: click.Context,
    names: tuple[str, ...],
    message: str,
    bump: str | None,
    author: str | None,
    date: str | None,
) -> None:
    """Runs `pacha commit`."""
    app: App = context.obj
    workspace = app.workspace
    paths, artifacts = _split(app, names)
    options = CommitOptions(
        message=message,
        author=author_of(workspace, author),
        date=parse_timestamp(date) if date else workspace.repository.now(),
        bump=bump,
        only=tuple(artifacts),
        said=said_by(context),
    )
    made = commit_paths(workspace, paths, options) if paths else commit(workspace, options)
    for note in (note for item in made for note in item.notes):
        app.output.note(note)
    if app.output.is_json:
        app.output.data(SCHEMA[0], made)
        return
    for item in made:
        app.output.line(
            Styled(str(item.artifact), "cyan"),
            f"  manifest:{item.manifest.short}  {size_text(item.size)}, {size_text(item.new_bytes)} new",
        )
        if item.version is not None:
            app.output.line(f"published {item.artifact.name}:{item.version}")
    if bump is None and len(made) == 1:
        app.output.hint(f"`pacha tag {made[0].artifact.name} VERSION` publishes it")
    app.hint_only_here()


def _split(app: App, names: tuple[str, ...]) -> tuple[list[str], list[ArtifactName]]:
    """Tells paths from names: what lies there is a path, unless something of that name is staged."""
    paths, artifacts = [], []
    staged = {draft.artifact.name for draft in app.workspace.drafts()}
    for name in names:
        is_path = name.startswith((".", "/")) or (name not in staged and os.path.lexists(os.path.join(app.start, name)))
        if is_path:
            paths.append(app.relative(name))
        else:
            artifacts.append(artifact_named(app, name))
    if paths and artifacts:
        raise click.UsageError("name either paths or staged artifacts, not both")
    return paths, artifacts
