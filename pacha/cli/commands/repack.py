"""Stores packs anew where that takes less space: tensors by better encodings, versions as differences, packs in one.

No id, digest or signature ever changes. The plan comes first, with its price by samples; --dry-run ends there. New packs
are read back before the old ones go to the trash, where `pacha gc` deletes them after its grace. Until then both take
space. `pacha gc --repack` does this after a gc.

Examples:
  pacha repack --dry-run
  pacha repack
  pacha repack --json

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.repacked import print_repack
from pacha.porcelain.removing import DAY_SECONDS
from pacha.porcelain.repack import RepackReport, repack

SCHEMA = ("pacha.repack/1", RepackReport)


@command(__doc__)
@click.option("-n", "--dry-run", is_flag=True, help="Say what it would cost and bring.")
@json_option
@click.pass_obj
def COMMAND(app: App, dry_run: bool) -> None:
    """Runs `pacha repack`."""
    days = app.workspace.repository.config.number("gc.grace_days")
    report = repack(app.workspace, grace_seconds=days * DAY_SECONDS, dry_run=dry_run)
    if app.output.is_json:
        app.output.data(SCHEMA[0], report)
        return
    print_repack(app, report)
