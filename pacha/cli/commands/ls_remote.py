"""Lists the refs that a remote has.

Examples:
  pacha ls-remote
  pacha ls-remote s3://ml/fraud --json

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option, nul_option
from pacha.cli.remoted import connected, trust_option
from pacha.porcelain.remote import RemoteRef, list_refs

SCHEMA = ("pacha.ls-remote/1", list[RemoteRef])


@command(__doc__)
@click.argument("remote", required=False)
@nul_option
@trust_option
@json_option
@click.pass_obj
def COMMAND(app: App, remote: str | None, nul: bool, trust: bool) -> None:
    """Runs `pacha ls-remote`."""
    with connected(app, remote, trust=trust) as connection:
        refs = list_refs(connection)
    if app.output.is_json:
        app.output.data(SCHEMA[0], refs)
        return
    for ref in refs:
        app.output.record(ref.link, ref.ref, nul=nul)
