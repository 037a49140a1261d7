"""Shows how much is stored, what dedup and compression spare, and what exists only here.

Examples:
  pacha stats

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import count_text, size_text
from pacha.porcelain.stats import Stats, stats

SCHEMA = ("pacha.stats/1", Stats)


@command(__doc__)
@json_option
@click.pass_obj
def COMMAND(app: App) -> None:
    """Runs `pacha stats`."""
    found = stats(app.workspace)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return
    spared = found.committed_bytes - found.stored_bytes
    app.output.table(
        [
            ["artifacts", str(found.artifacts)],
            ["versions", str(found.versions)],
            ["commits", f"{found.commits}, of files of {size_text(found.committed_bytes)}"],
            ["objects", f"{found.objects}, {size_text(found.plain_bytes)} without repetition"],
            ["stored", f"{size_text(found.stored_bytes)} in {count_text(found.packs, 'pack')}"],
            ["spared", size_text(max(0, spared))],
            ["staged", str(found.staged)],
            ["only here", f"{count_text(found.only_here, 'commit')}: no remote is known to have their bytes"],
            ["trash", size_text(found.trash_bytes)],
        ]
    )
