"""Takes a version of a {kind} out of use: `latest` and 1.x pass it by. Its name stays taken and its bytes stay there.

Examples:
  pacha {kind} yank NAME:1.2.0 --reason "trained on leaked labels"

Group: registry
"""

import click

from pacha.base.clock import parse_timestamp
from pacha.cli.app import App
from pacha.cli.commands.stage import show_moved
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import version_named
from pacha.cli.options import json_option
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.stage import MoveOptions, StageMoved, yank

SCHEMAS = (("yank/1", StageMoved),)


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--reason", default="", metavar="TEXT", help="Why nobody should use it.")
    @click.option("--author", metavar="'NAME <MAIL>'", help="Who yanks it, where that is not you.")
    @click.option("--date", metavar="TIME", help="When (RFC 3339, or a date).")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, reason: str, author: str | None, date: str | None) -> None:
        """Yanks."""
        artifact, number = version_named(app, kind, name, version)
        options = MoveOptions(
            reason=reason,
            who=author_of(app.workspace, author),
            when=parse_timestamp(date) if date else app.workspace.repository.now(),
        )
        show_moved(app, yank(app.workspace, artifact, number, options), schema=f"pacha.{kind}.yank/1")

    return run
