"""Lists a tree: MODE LINK SIZE<tab>NAME, a record a line; with -r all files below it.

Examples:
  pacha ls-tree fraud-detector:1.2.0
  pacha ls-tree -r -z train | tr '\\0' '\\n'

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option, nul_option
from pacha.porcelain.object_plumbing import Listed, list_tree, tree_of

SCHEMA = ("pacha.ls-tree/1", list[Listed])


@command(__doc__)
@click.argument("ref", shell_complete=complete_refs)
@click.option("-r", "recursive", is_flag=True, help="All files, at any depth.")
@nul_option
@json_option
@click.pass_obj
def COMMAND(app: App, ref: str, recursive: bool, nul: bool) -> None:
    """Runs `pacha ls-tree`."""
    listed = list_tree(app.workspace, tree_of(app.workspace, app.resolve(ref)), recursive=recursive)
    if app.output.is_json:
        app.output.data(SCHEMA[0], list(listed))
        return
    for item in listed:
        app.output.record(f"{item.mode} {item.link} {item.size}\t{item.path}", nul=nul)
