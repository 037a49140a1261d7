"""Shows a version of a recipe, or writes its file. The latest if none is named.

--export writes the file byte for byte as it was registered; where its bytes are not here, it is made from the card.

Examples:
  pacha recipe get base:1.0.0
  pacha recipe get base -v 1.0.0 --export base.recipe.toml

Group: registry
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands.show import show_text
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import revision_named
from pacha.cli.options import json_option
from pacha.cli.outfile import write_file
from pacha.porcelain.recipes import recipe_file
from pacha.porcelain.show import Shown, show

SCHEMAS = (("get/1", Shown),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--export", metavar="FILE", shell_complete=complete_files, help="Write its file; - for stdout.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, export: str | None) -> None:
        """Shows."""
        revision = revision_named(app, kind, name, version)
        if export is not None:
            exported = recipe_file(app.workspace, revision)
            if exported.note is not None:
                app.output.note(exported.note)
            if export == "-":
                app.output.raw(exported.data)
                return
            write_file(os.path.join(app.start, export), exported.data, shown=export)
            app.output.line(f"written   {export}")
            return
        shown = show(app.workspace, revision.manifest)
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.get/1", shown)
            return
        show_text(app, shown)

    return run
