"""Shows what Pacha does, on real data in a folder of its own, each step as the command that you would type.

Tracks the Palmer penguins, trains a small model, publishes it, trains again, compares, verifies, and brings the first
model back byte for byte. Works offline. FOLDER must not exist.

Examples:
  pacha demo
  pacha demo /tmp/penguins

Group: start
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.story import tell


@command(__doc__)
@click.argument("folder", default="./pacha-demo")
@click.pass_obj
def COMMAND(app: App, folder: str) -> None:
    """Runs `pacha demo`."""
    tell(app.output, os.path.join(app.start, folder), shown=folder, variables=app.environment.variables)
