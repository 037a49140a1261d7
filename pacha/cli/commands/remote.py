"""Names the places that a repository is pushed to and pulled from.

A remote is written down for you, in your own settings; with --shared also in the project's file, where others find it and have to say once that they trust it. Credentials stand in neither: they come from where your tools keep them.

Examples:
  pacha remote add origin s3://ml/fraud
  pacha remote add nas /mnt/share/fraud --shared
  pacha remote list
  pacha remote forget origin

Group: share
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands_table import help_text
from pacha.cli.options import json_option
from pacha.cli.render import Styled
from pacha.porcelain.remote import RemoteRow, add_remote, forget_remote, list_remotes, remove_remote, trust_remote
from pacha.remotes.named import NamedRemote

SCHEMA = ("pacha.remote/1", list[RemoteRow])


@click.group(help=help_text(__doc__ or ""))
def COMMAND() -> None:
    """Runs `pacha remote`."""


@COMMAND.command("add")
@click.argument("name")
@click.argument("url")
@click.option("--shared", is_flag=True, help="Write it into the project's file too.")
@click.option("--endpoint", metavar="URL", help="Of a server that speaks S3.")
@click.option("--region", metavar="NAME", help="Of the bucket.")
@click.option("--path-style", is_flag=True, help="The bucket's name stands in the path, not in the host.")
@click.option("--force", is_flag=True, help="In the place of one of that name.")
@json_option
@click.pass_obj
def add(
    app: App, name: str, url: str, shared: bool, endpoint: str | None, region: str | None, path_style: bool, force: bool
) -> None:
    """Names a remote."""
    place = url if "://" in url else os.path.abspath(os.path.join(app.start, os.path.expanduser(url)))
    given = {"endpoint": endpoint, "region": region, "path_style": path_style or None}
    settings = {key: value for key, value in given.items() if value is not None}
    row = add_remote(app.workspace, NamedRemote(name=name, url=place, settings=settings), shared=shared, force=force)
    _show(app, [row])


@COMMAND.command("list")
@json_option
@click.pass_obj
def list_all(app: App) -> None:
    """Lists the remotes of this repository."""
    _show(app, list_remotes(app.workspace))


@COMMAND.command("remove")
@click.argument("name")
@json_option
@click.pass_obj
def remove(app: App, name: str) -> None:
    """Forgets a name; the place keeps what it holds."""
    _show(app, [remove_remote(app.workspace, name)])


@COMMAND.command("trust")
@click.argument("name")
@json_option
@click.pass_obj
def trust(app: App, name: str) -> None:
    """Says that a remote which the project's file names is right."""
    _show(app, [trust_remote(app.workspace, name)])


@COMMAND.command("forget")
@click.argument("name")
@json_option
@click.pass_obj
def forget(app: App, name: str) -> None:
    """Forgets what this machine saw of a remote's log: for one that was restored from a backup."""
    _show(app, [forget_remote(app.workspace, name)])


def _show(app: App, rows: list[RemoteRow]) -> None:
    if app.output.is_json:
        app.output.data(SCHEMA[0], rows)
        return
    for row in rows:
        trusted = [] if row.is_trusted else [Styled("not trusted yet: `pacha remote trust " + row.name + "`", "yellow")]
        app.output.table([[Styled(row.name, "cyan"), row.url, *trusted]])
    if not rows:
        app.output.hint("`pacha remote add origin URL` names one")
