"""Shows a version of a {kind}: what it is, its stage, its card, where it comes from. The latest if none is named.

Examples:
  pacha {kind} get NAME:1.2.0
  pacha {kind} get NAME -v 1.2.0 --json

Group: registry
"""

import click

from pacha.cli.app import App
from pacha.cli.commands.show import show_text
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import manifest_named
from pacha.cli.options import json_option
from pacha.porcelain.show import Shown, show

SCHEMAS = (("get/1", Shown),)


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None) -> None:
        """Shows."""
        shown = show(app.workspace, manifest_named(app, kind, name, version))
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.get/1", shown)
            return
        show_text(app, shown)

    return run
