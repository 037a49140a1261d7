"""Lists the {kind} artifacts, or the versions of one.

Examples:
  pacha {kind} list
  pacha {kind} list NAME
  pacha {kind} list --stage production

Group: registry
"""

import click

from pacha.cli.app import App
from pacha.cli.commands.list import list_for
from pacha.cli.completing import complete_names, complete_stages
from pacha.cli.groups import registry_command
from pacha.cli.options import json_option

SCHEMAS = ()


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", required=False, shell_complete=complete_names)
    @click.option("--stage", metavar="STAGE", shell_complete=complete_stages, help="Only versions in this stage.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str | None, stage: str | None) -> int:
        """Lists."""
        return list_for(app, name, kind=kind, stage=stage)

    return run
