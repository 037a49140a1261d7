"""Makes a new repository out of a remote, with everything that was pushed there.

The bytes of every head come along and are written out; --no-data leaves them where they are.

Examples:
  pacha clone /mnt/share/fraud
  pacha clone s3://ml/fraud fraud --no-data

Group: share
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands.pull import print_pulled
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_files
from pacha.cli.options import json_option
from pacha.cli.progress import Watched
from pacha.porcelain.clone import Cloned, clone
from pacha.remotes.named import DEFAULT, NamedRemote

SCHEMA = ("pacha.clone/1", Cloned)


@command(__doc__)
@click.argument("url", shell_complete=complete_files)
@click.argument("folder", required=False)
@click.option("--no-data", is_flag=True, help="Bring versions, cards and history, and no bytes.")
@json_option
@click.pass_obj
def COMMAND(app: App, url: str, folder: str | None, no_data: bool) -> None:
    """Runs `pacha clone`."""
    place = url if "://" in url else os.path.join(app.start, os.path.expanduser(url))
    target = folder or os.path.basename(place.rstrip("/"))
    if not target:
        raise click.UsageError("say which folder to make")
    found = clone(
        NamedRemote(name=DEFAULT, url=place),
        os.path.join(app.start, target),
        environment=app.environment,
        with_data=not no_data,
        progress=Watched(app.output),
    )
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return
    app.output.line(f"cloned {found.url} into {target}")
    print_pulled(app, found.pulled)
    if no_data:
        app.output.hint(f"cd {target}; `pacha pull` brings the bytes")
