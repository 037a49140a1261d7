"""Lists the artifacts, or the versions of one.

Examples:
  pacha list
  pacha list --kind data
  pacha list fraud-detector

Group: look
"""

import click

from pacha.base.names import KINDS
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_names
from pacha.cli.naming import artifact_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled, first_line, size_text
from pacha.porcelain.list import ArtifactRow, VersionRow, list_artifacts, list_versions

SCHEMA = ("pacha.list/1", list[ArtifactRow])
MORE_SCHEMAS = (("pacha.list.versions/1", list[VersionRow]),)


@command(__doc__)
@click.argument("name", required=False, shell_complete=complete_names)
@click.option("--kind", type=click.Choice(KINDS), help="Only artifacts of this kind.")
@json_option
@click.pass_obj
def COMMAND(app: App, name: str | None, kind: str | None) -> None:
    """Runs `pacha list`."""
    if name is not None:
        _versions(app, list_versions(app.workspace, artifact_named(app, name, kind)))
        return
    rows = list_artifacts(app.workspace, kind)
    if app.output.is_json:
        app.output.data(SCHEMA[0], rows)
        return
    app.output.page()
    if not rows:
        app.output.note("nothing is registered yet; `pacha add PATH` and `pacha commit` do that")
        return
    app.output.table(
        [
            [
                Styled(str(row.artifact), "cyan"),
                row.latest or "-",
                ", ".join(row.production) or "-",
                str(row.versions),
                "?" if row.size is None else size_text(row.size),
                (row.created or "?")[:10],
                f"{row.path or '-'}" + (f"  ({len(row.heads)} heads)" if len(row.heads) > 1 else ""),
            ]
            for row in rows
        ],
        header=("artifact", "latest", "production", "versions", "size", "changed", "path"),
    )


def _versions(app: App, rows: list[VersionRow]) -> None:
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], rows)
        return
    app.output.page()
    if not rows:
        app.output.note("no versions yet; `pacha tag NAME 0.1.0` publishes the head")
        return
    app.output.table(
        [
            [
                Styled(row.version, "green"),
                row.stage or "development",
                row.manifest.short,
                "?" if row.size is None else size_text(row.size),
                (row.created or "?")[:10],
                row.author or "?",
                first_line(row.message or ""),
            ]
            for row in rows
        ],
        header=("version", "stage", "manifest", "size", "created", "author", "message"),
    )
