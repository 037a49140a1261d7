"""Moves a version of a model to another stage; `pacha stage` does the same, and also tells what was where and when.

Examples:
  pacha model stage NAME:1.2.0 -t production --reason "AUC 0.93 on March data"
  pacha model stage NAME -v 1.2.0 -t archived

Group: registry
"""

import click

from pacha.base.clock import parse_timestamp
from pacha.cli.app import App
from pacha.cli.commands.stage import show_moved
from pacha.cli.completing import complete_refs, complete_stages
from pacha.cli.groups import registry_command
from pacha.cli.naming import artifact_named, version_named
from pacha.cli.options import json_option
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.stage import MoveOptions, StageMoved, rollback, stage

SCHEMAS = (("stage/1", StageMoved),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("-t", "--to", required=True, metavar="STAGE", shell_complete=complete_stages, help="The stage.")
    @click.option("--reason", default="", metavar="TEXT", help="Why.")
    @click.option("--rollback", "is_rollback", is_flag=True, help="Bring back the version that held the stage before.")
    @click.option("--author", metavar="'NAME <MAIL>'", help="Who moves it, where that is not you.")
    @click.option("--date", metavar="TIME", help="When (RFC 3339, or a date).")
    @json_option
    @click.pass_obj
    def run(
        app: App, name: str, version: str | None, to: str, reason: str, is_rollback: bool, author: str | None,
        date: str | None,
    ) -> None:  # fmt: skip
        """Moves."""
        options = MoveOptions(
            reason=reason,
            who=author_of(app.workspace, author),
            when=parse_timestamp(date) if date else app.workspace.repository.now(),
        )
        if is_rollback:
            moved = rollback(app.workspace, artifact_named(app, name, kind), options, stage=to)
        else:
            artifact, number = version_named(app, kind, name, version)
            moved = stage(app.workspace, artifact, number, to, options)
        show_moved(app, moved, schema=f"pacha.{kind}.stage/1")

    return run
