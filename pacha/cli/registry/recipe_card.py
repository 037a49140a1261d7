"""Shows the card of a recipe: what its file says, with the references as they were when it was committed.

A recipe's card is its file: to change it, edit the file and register it again.

Examples:
  pacha recipe card base:1.0.0
  pacha recipe card base -v 1.0.0 --json

Group: registry
"""

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.markdown import show_markdown
from pacha.cli.naming import manifest_named
from pacha.cli.options import json_option
from pacha.porcelain.card import CardShown, card_text, show_card

SCHEMAS = (("card/1", CardShown),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--markdown", is_flag=True, help="Print the Markdown itself.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, markdown: bool) -> None:
        """Shows."""
        id = manifest_named(app, kind, name, version)
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.card/1", show_card(app.workspace, id))
        elif markdown:
            app.output.text(card_text(app.workspace, id, form="markdown"))
        else:
            show_markdown(app.output, card_text(app.workspace, id, form="markdown"))

    return run
