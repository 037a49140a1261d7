"""Options that many commands share."""

from collections.abc import Callable
from typing import Any

import click

_Function = Callable[..., Any]


def _is_json(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    del parameter
    if value and context.obj is not None:
        context.obj.output.is_json = True
    return value


#: Sets `app.output.is_json`; the command asks that.
json_option: Callable[[_Function], _Function] = click.option(
    "--json", "_json", is_flag=True, expose_value=False, is_eager=True, callback=_is_json,
    help="Print one JSON object with a named schema (see `pacha schema`).",
)  # fmt: skip

nul_option: Callable[[_Function], _Function] = click.option(
    "-z", "nul", is_flag=True, help="End records with NUL instead of a line end."
)
