"""Shows where a version of a {kind} came from and what came of it. `pacha lineage` can also ask for impact and ways.

Examples:
  pacha {kind} lineage NAME:1.2.0
  pacha {kind} lineage NAME -v 1.2.0 --up -o lineage.svg

Group: registry
"""

import click

from pacha.cli.app import App
from pacha.cli.commands.lineage import FORMATS, chosen_format, followed_roles, show_lineage
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import manifest_named
from pacha.cli.options import json_option
from pacha.objects.manifest import ROLES
from pacha.porcelain.lineage import Direction, LineageReport, lineage

SCHEMAS = (("lineage/1", LineageReport),)


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--up", "direction", flag_value="up", help="Only what it came from.")
    @click.option("--down", "direction", flag_value="down", help="Only what came of it.")
    @click.option("--depth", type=click.IntRange(min=0), default=None, help="So many steps at most.")
    @click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, help="Follow this role only.")
    @click.option("--format", "format", type=click.Choice(FORMATS), default=None, help="How to show it (tree).")
    @click.option("-o", "--output", metavar="FILE", help="Write to a file; its ending tells the format.")
    @json_option
    @click.pass_obj
    def run(
        app: App, name: str, version: str | None, direction: str | None, depth: int | None, roles: tuple[str, ...],
        format: str | None, output: str | None,
    ) -> None:  # fmt: skip
        """Shows."""
        chosen = chosen_format(app, format, output)
        id = manifest_named(app, kind, name, version)
        followed = followed_roles(roles, history=False)
        report = lineage(app.workspace, id, direction=Direction(direction or "both"), depth=depth, roles=followed)
        show_lineage(app, report, chosen, output, schema=f"pacha.{kind}.lineage/1")

    return run
