"""Copies the objects whose links stand on standard input into a pack in a folder, and prints its path.

Examples:
  pacha ls-tree -r train | cut -d' ' -f2 | pacha pack-objects /tmp/packs

Group: plumbing
"""

import os
import sys

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.objects.types import Link
from pacha.porcelain.object_plumbing import pack_objects


@command(__doc__)
@click.argument("folder")
@click.pass_obj
def COMMAND(app: App, folder: str) -> None:
    """Runs `pacha pack-objects`."""
    target = os.path.join(app.start, folder)
    os.makedirs(target, exist_ok=True)
    links = [Link.parse(line) for line in sys.stdin.read().split()]
    for pack in pack_objects(app.workspace, links, target).packs:
        app.output.record(os.path.join(folder, f"{pack}.pack"))
