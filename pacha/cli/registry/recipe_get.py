"""Shows a version of a recipe, or writes its file. The latest if none is named.

--export writes the file byte for byte as it was registered; where its bytes are not here, it is made from the card.

Examples:
  pacha recipe get base:1.0.0
  pacha recipe get base -v 1.0.0 --export base.recipe.toml

Group: registry
"""

import click

from pacha.cli.app import App
from pacha.cli.commands.show import show_text
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import manifest_named, revision_named
from pacha.cli.options import json_option
from pacha.cli.outfile import export_file
from pacha.porcelain.recipes import recipe_file
from pacha.porcelain.show import Shown, show

SCHEMAS = (("get/1", Shown),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--export", metavar="FILE", shell_complete=complete_files, help="Write its file; - for stdout.")
    @click.option("-f", "--force", is_flag=True, help="Export over what lies there.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, export: str | None, force: bool) -> None:
        """Shows."""
        if export is not None:
            exported = recipe_file(app.workspace, revision_named(app, kind, name, version))
            if exported.note is not None:
                app.output.note(exported.note)
            export_file(app, export, exported.data, force=force)
            return
        shown = show(app.workspace, manifest_named(app, kind, name, version))
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.get/1", shown)
            return
        show_text(app, shown)

    return run
