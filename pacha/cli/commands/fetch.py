"""Learns what a remote has, and brings its versions' manifests, cards and history; no bytes.

Where Git carries this repository's refs, nothing that Git tracks changes: what a colleague pushed is remembered, and comes with `git pull`. Elsewhere, or with --join, it is taken over.

Examples:
  pacha fetch
  pacha fetch origin --join

Group: share
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.remoted import artifacts_named, connected, joins, only_option, print_refs, trust_option
from pacha.cli.render import count_text
from pacha.porcelain.fetch import Fetched, fetch

SCHEMA = ("pacha.fetch/1", Fetched)
#: Two sides disagree, and a person has to choose.
FORKED_CODE = 4


@command(__doc__)
@click.argument("remote", required=False)
@only_option
@click.option("--join/--no-join", "join", default=None, help="Take refs over. Default: where Git does not carry them.")
@trust_option
@json_option
@click.pass_obj
def COMMAND(app: App, remote: str | None, only: tuple[str, ...], join: bool | None, trust: bool) -> int:
    """Runs `pacha fetch`."""
    with connected(app, remote, trust=trust) as connection:
        found = fetch(app.workspace, connection, artifacts=artifacts_named(app, only), join=joins(app, join))
    code = FORKED_CODE if found.forked else 0
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return code
    print_fetched(app, found)
    if found.new_refs and not found.joined:
        app.output.hint("they come with `git pull`; `pacha fetch --join` takes them over here")
    return code


def print_fetched(app: App, found: Fetched) -> None:
    """What was learnt, in lines."""
    if found.joined:
        app.output.line(f"{count_text(len(found.joined), 'new ref')} from {found.remote}")
        print_refs(app, "+", "green", found.joined)
    elif found.new_refs:
        app.output.line(f"{found.remote} has {count_text(len(found.new_refs), 'ref')} that are not here")
        print_refs(app, "?", "yellow", found.new_refs)
    else:
        app.output.line(f"nothing new at {found.remote}")
    for artifact in found.forked:
        app.output.note(f"the stage log of {artifact} says different things here and at {found.remote}")
    if found.forked:
        app.output.hint("`pacha resolve` shows both sides; keep the remote's, so that yours can follow it there")
