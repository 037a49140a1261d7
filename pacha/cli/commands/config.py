"""Shows and changes settings.

Examples:
  pacha config list --show-origin
  pacha config set user.name "Ada Lovelace"
  pacha config unset core.jobs

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import help_text
from pacha.cli.completing import complete_settings
from pacha.cli.options import json_option
from pacha.cli.plain import plain
from pacha.porcelain.config import SCOPES, Changed, ConfigRow, get_config, list_config, set_config
from pacha.repo.config import USER, Config, load_config

SCHEMA = ("pacha.config/1", list[ConfigRow])
MORE_SCHEMAS = (("pacha.config.changed/1", Changed),)


@click.group(help=help_text(__doc__ or ""))
def COMMAND() -> None:
    """Runs `pacha config`."""


def _config(app: App) -> Config:
    workspace = app.try_workspace()
    if workspace is not None:
        return workspace.repository.config
    return load_config(app.environment, app.overrides, None)


@COMMAND.command("list")
@click.option("--show-origin", is_flag=True, help="Say where each value comes from.")
@json_option
@click.pass_obj
def list_all(app: App, show_origin: bool) -> None:
    """Lists every setting with a value."""
    rows = list_config(_config(app))
    if app.output.is_json:
        app.output.data(SCHEMA[0], rows)
        return
    for row in rows:
        origin = [f"{row.layer} ({row.place})"] if show_origin else []
        app.output.table([[*origin, f"{row.key} = {_text(row.value)}"]])


@COMMAND.command("get")
@click.argument("key", shell_complete=complete_settings)
@json_option
@click.pass_obj
def get(app: App, key: str) -> None:
    """Prints one value."""
    row = get_config(_config(app), key)
    if app.output.is_json:
        app.output.data(SCHEMA[0], [row])
        return
    app.output.line(_text(row.value))


@COMMAND.command("set")
@click.argument("key", shell_complete=complete_settings)
@click.argument("value")
@click.option("--scope", type=click.Choice(SCOPES), default=USER, show_default=True, help="Whose file.")
@json_option
@click.pass_obj
def set_one(app: App, key: str, value: str, scope: str) -> None:
    """Sets one value."""
    _change(app, key, value, scope)


@COMMAND.command("unset")
@click.argument("key", shell_complete=complete_settings)
@click.option("--scope", type=click.Choice(SCOPES), default=USER, show_default=True, help="Whose file.")
@json_option
@click.pass_obj
def unset(app: App, key: str, scope: str) -> None:
    """Takes one value out."""
    _change(app, key, None, scope)


def _change(app: App, key: str, value: str | None, scope: str) -> None:
    workspace = app.try_workspace()
    changed = set_config(None if workspace is None else workspace.repository, app.environment, key, value, scope=scope)
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], changed)
        return
    word = "changed" if changed.is_changed else "nothing to change in"
    app.output.line(f"{word} {changed.path}")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ":".join(str(plain(item)) for item in value)
    return str(value)
