"""Stores the tree of the records on standard input, as `ls-tree` prints them, and prints its link.

Examples:
  pacha ls-tree fraud-detector | pacha make-tree

Group: plumbing
"""

import sys

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import nul_option
from pacha.porcelain.object_plumbing import make_tree


@command(__doc__)
@nul_option
@click.pass_obj
def COMMAND(app: App, nul: bool) -> None:
    """Runs `pacha make-tree`."""
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    app.output.record(str(make_tree(app.workspace, text.split("\0" if nul else "\n"))))
