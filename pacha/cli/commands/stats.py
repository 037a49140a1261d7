"""Shows how much is stored, what dedup and compression spare, and what exists only here.

With --storage: where the bytes go. By use, so that the sum is the folder's size; by artifact, its own and what it shares
with others; by codec; and by how many differences a record is away from a whole one.

Examples:
  pacha stats
  pacha stats --storage
  pacha stats --storage --all
  pacha stats --storage --json

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import count_text, size_text
from pacha.cli.stored import print_storage, ratio_text
from pacha.porcelain.stats import Stats, stats
from pacha.porcelain.storage import Storage, storage

SCHEMA = ("pacha.stats/1", Stats)
MORE_SCHEMAS = (("pacha.stats.storage/1", Storage),)
#: A screen of them; the largest come first.
ARTIFACTS_SHOWN = 20


@command(__doc__)
@click.option("--storage", "is_storage", is_flag=True, help="Show where the bytes go.")
@click.option("-n", "--limit", type=click.IntRange(min=0), help=f"So many artifacts. Default: {ARTIFACTS_SHOWN}.")
@click.option("--all", "is_all", is_flag=True, help="All artifacts.")
@json_option
@click.pass_obj
def COMMAND(app: App, is_storage: bool, limit: int | None, is_all: bool) -> None:
    """Runs `pacha stats`."""
    if (is_all or limit is not None) and not is_storage:
        raise click.UsageError("-n and --all are for --storage")
    if is_all and limit is not None:
        raise click.UsageError("-n and --all exclude each other")
    if is_storage:
        where = storage(app.workspace)
        if app.output.is_json:
            app.output.data(MORE_SCHEMAS[0][0], where)
        else:
            print_storage(app, where, limit=None if is_all else ARTIFACTS_SHOWN if limit is None else limit)
        return
    found = stats(app.workspace)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return
    _table(app, found)


def _only_here(count: int) -> str:
    return f"{count_text(count, 'commit')}: no remote was seen to have their bytes" if count else "nothing"


def _table(app: App, found: Stats) -> None:
    spared = found.committed_bytes - found.stored_bytes
    app.output.table(
        [
            ["artifacts", str(found.artifacts)],
            ["versions", str(found.versions)],
            ["commits", f"{found.commits}, of files of {size_text(found.committed_bytes)}"],
            ["objects", f"{found.objects}, {size_text(found.plain_bytes)} without repetition"],
            ["stored", f"{size_text(found.stored_bytes)} in {count_text(found.packs, 'pack')}"],
            ["ratio", f"{ratio_text(found.ratio)} of what they hold"],
            ["spared", size_text(max(0, spared))],
            ["staged", str(found.staged)],
            ["only here", _only_here(found.only_here)],
            ["trash", size_text(found.trash_bytes)],
        ]
    )
    app.output.hint("`pacha stats --storage` shows where the bytes go, and what gc could free")
