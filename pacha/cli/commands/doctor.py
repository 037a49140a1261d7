"""Tries what Pacha needs from this machine and this folder, and says what it found.

Examples:
  pacha doctor

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import Styled
from pacha.porcelain.doctor import Finding, doctor

SCHEMA = ("pacha.doctor/1", list[Finding])


@command(__doc__)
@json_option
@click.pass_obj
def COMMAND(app: App) -> int:
    """Runs `pacha doctor`."""
    found = doctor(app.workspace)
    is_good = all(item.is_good for item in found)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return 0 if is_good else 1
    for item in found:
        sign = Styled("ok   ", "green") if item.is_good else Styled("look ", "red")
        app.output.line(sign, f"{item.name}: {item.found}")
        if item.advice:
            app.output.line(f"     {item.advice}")
    return 0 if is_good else 1
