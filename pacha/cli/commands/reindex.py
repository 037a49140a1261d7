"""Makes the index anew from refs and manifests. It is a cache: no answer changes, some come faster.

Examples:
  pacha reindex

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import count_text
from pacha.index.index import Rebuilt
from pacha.porcelain.reindex import reindex

SCHEMA = ("pacha.reindex/1", Rebuilt)
DAMAGED_CODE = 5


@command(__doc__)
@json_option
@click.pass_obj
def COMMAND(app: App) -> int:
    """Runs `pacha reindex`."""
    rebuilt = reindex(app.workspace)
    if app.output.is_json:
        app.output.data(SCHEMA[0], rebuilt)
    else:
        app.output.line(f"indexed {count_text(rebuilt.manifests, 'manifest')}")
        for message in rebuilt.damaged:
            app.output.warn(message)
    return DAMAGED_CODE if rebuilt.damaged else 0
