"""Says by its exit code whether a text is a well-formed ref name: 0 if it is, 1 if not.

Examples:
  pacha check-ref-format refs/versions/model/fraud/1.2.0

Group: plumbing
"""

import click

from pacha.base.errors import Negative
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.refs.names import BadRefName, check_ref_name


class NotARefName(Negative):
    """The text is not the name of a ref."""


@command(__doc__)
@click.argument("name")
@click.pass_obj
def COMMAND(app: App, name: str) -> None:
    """Runs `pacha check-ref-format`."""
    try:
        app.output.record(check_ref_name(name))
    except BadRefName as error:
        raise NotARefName(error.message, hint=error.hint) from error
