"""Lists the artifacts, the versions of one, or the versions that are in a stage.

Examples:
  pacha list
  pacha list --kind data
  pacha list fraud-detector
  pacha list --stage production

Group: look
"""

from collections.abc import Sequence

import click

from pacha.base.errors import PachaError
from pacha.base.names import KINDS
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_names, complete_stages
from pacha.cli.naming import artifact_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled, first_line, size_text
from pacha.porcelain.list import ArtifactRow, Listed, VersionRow, list_artifacts, list_in_stage, list_versions

SCHEMA = ("pacha.list/1", list[ArtifactRow])
MORE_SCHEMAS = (("pacha.list.versions/1", list[VersionRow]),)


@command(__doc__)
@click.argument("name", required=False, shell_complete=complete_names)
@click.option("--kind", type=click.Choice(KINDS), help="Only artifacts of this kind.")
@click.option("--stage", metavar="STAGE", shell_complete=complete_stages, help="Only versions in this stage.")
@json_option
@click.pass_obj
def COMMAND(app: App, name: str | None, kind: str | None, stage: str | None) -> int:
    """Runs `pacha list`."""
    return list_for(app, name, kind=kind, stage=stage)


def list_for(app: App, name: str | None, *, kind: str | None, stage: str | None) -> int:
    """Lists what is asked for, and returns the exit code."""
    artifact = None if name is None else artifact_named(app, name, kind)
    if stage is not None:
        found = list_in_stage(app.workspace, stage, kind=kind, artifact=artifact)
        _versions(app, found, app.workspace.rules.stage(stage))
        return _warned(app, found.problems)
    if artifact is not None:
        versions = list_versions(app.workspace, artifact)
        _versions(app, versions)
        return _warned(app, versions.problems)
    every = list_artifacts(app.workspace, kind)
    _artifacts(app, every.rows)
    return _warned(app, every.problems)


def _warned(app: App, problems: Sequence[PachaError]) -> int:
    """Tells what could not be read, and returns the exit code for it."""
    for problem in problems:
        app.output.warn(problem.message)
    for hint in dict.fromkeys(problem.hint for problem in problems if problem.hint):
        app.output.hint(hint)
    return max((problem.exit_code for problem in problems), default=0)


def _artifacts(app: App, rows: Sequence[ArtifactRow]) -> None:
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
                ", ".join(row.production) or ("?" if row.problems else "-"),
                str(row.versions),
                "?" if row.size is None else size_text(row.size),
                (row.created or "?")[:10],
                f"{row.path or '-'}" + (f"  ({len(row.heads)} heads)" if len(row.heads) > 1 else ""),
            ]
            for row in rows
        ],
        header=("artifact", "latest", "production", "versions", "size", "changed", "path"),
    )


def _versions(app: App, found: Listed[VersionRow], stage: str | None = None) -> None:
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], found.rows)
        return
    app.output.page()
    rows = found.rows
    if not rows and found.problems:
        return
    if not rows:
        none = "no versions yet; `pacha tag NAME 0.1.0` publishes the head"
        app.output.note(none if stage is None else f"no version is in {stage}")
        return
    app.output.table(
        [
            [
                *([Styled(str(row.artifact), "cyan")] if stage is not None else []),
                Styled(row.version, "green"),
                row.stage or "?",
                row.manifest.short,
                "?" if row.size is None else size_text(row.size),
                (row.created or "?")[:10],
                row.author or "?",
                first_line(row.message or ""),
            ]
            for row in rows
        ],
        header=(
            *(["artifact"] if stage is not None else []),
            "version",
            "stage",
            "manifest",
            "size",
            "created",
            "author",
            "message",
        ),
    )
