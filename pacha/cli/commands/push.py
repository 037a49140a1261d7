"""Sends versions, heads and bytes to a remote.

What the remote lacks is asked of it; nothing that it has is sent again. All refs move at once, after the last byte is there: a push that was cut can be repeated and goes on. Where Git carries this repository's refs, stage moves stay with Git unless --stages is given. With --check the remote is asked for every pack that it lists, and what is not whole there is sent anew from here; with --read-data every byte there is read to see it.

Examples:
  pacha push
  pacha push origin --dry-run
  pacha push s3://ml/fraud --only model/fraud
  pacha push --with-lineage
  pacha push origin --check

Group: share
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.remoted import artifacts_named, connected, joins, only_option, print_refs, trust_option
from pacha.cli.render import count_text, size_text
from pacha.porcelain.identity import author
from pacha.porcelain.push import Pushed, push
from pacha.porcelain.pushing import PushOptions

SCHEMA = ("pacha.push/1", Pushed)
#: Something could not go, because its bytes are nowhere.
LEFT_OUT_CODE = 3


@command(__doc__)
@click.argument("remote", required=False)
@only_option
@click.option("--stages/--no-stages", "stages", default=None, help="Push stage moves. Default: where Git does not.")
@click.option("--with-lineage", is_flag=True, help="The bytes of all ancestors too.")
@click.option("--check", is_flag=True, help="Look whether the remote still has all that it lists, and heal it.")
@click.option("--read-data", is_flag=True, help="With --check: read every byte there.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
@trust_option
@json_option
@click.pass_obj
def COMMAND(
    app: App,
    remote: str | None,
    only: tuple[str, ...],
    stages: bool | None,
    with_lineage: bool,
    check: bool,
    read_data: bool,
    dry_run: bool,
    trust: bool,
) -> int:
    """Runs `pacha push`."""
    if read_data and not check:
        raise click.UsageError("--read-data goes with --check")
    options = PushOptions(
        artifacts=artifacts_named(app, only),
        stages=joins(app, stages),
        with_lineage=with_lineage,
        check=check,
        read_data=read_data,
    )
    writer = author(app.workspace, None)
    with connected(app, remote, trust=trust, is_writing=True) as connection:
        found = push(app.workspace, connection, options, writer=writer, dry_run=dry_run)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
    else:
        _show(app, found)
    return LEFT_OUT_CODE if found.left_out else 0


def _show(app: App, found: Pushed) -> None:
    new = [move.ref for move in found.moved if move.new is not None]
    if found.is_dry_run:
        app.output.line(
            f"would push {count_text(len(new), 'ref')} to {found.remote}: {size_text(found.size_bytes)} "
            f"in {count_text(found.packs, 'pack')}"
        )
    elif found.number is None:
        app.output.line(f"{found.remote} has everything")
    else:
        app.output.line(
            f"pushed {count_text(len(new), 'ref')} to {found.remote}: {size_text(found.sent_bytes)} sent "
            f"(entry {found.number})"
        )
    print_refs(app, "+", "green", new)
    print_refs(app, "-", "dim", [move.ref for move in found.moved if move.new is None])
    for reason in found.unsound:
        app.output.line(f"{'would heal' if found.is_dry_run else 'not whole'}: {reason}")
    for note in found.notes:
        app.output.note(note)
    if found.left_out:
        app.output.note(f"left out, because the bytes are neither here nor there: {', '.join(found.left_out)}")
        app.output.hint("whoever has them can push them; `pacha fsck` says what is absent here")
