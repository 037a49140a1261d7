"""Creates a ref, which is then never changed; with -d removes a head.

Examples:
  pacha update-ref refs/heads/model/fraud/3f2a...  manifest:3f2a...
  pacha update-ref -d refs/heads/model/fraud/3f2a...

Group: plumbing
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.objects.types import Link
from pacha.porcelain.ref_plumbing import create_ref, remove_head
from pacha.refs.names import RefName


@command(__doc__)
@click.argument("name")
@click.argument("link", required=False)
@click.option("-d", "--delete", is_flag=True, help="Remove it.")
@click.pass_obj
def COMMAND(app: App, name: str, link: str | None, delete: bool) -> None:
    """Runs `pacha update-ref`."""
    if delete == (link is not None):
        raise click.UsageError("give a link to create a ref, or -d to remove one")
    if link is None:
        remove_head(app.workspace, RefName(name))
    else:
        create_ref(app.workspace, RefName(name), Link.parse(link))
