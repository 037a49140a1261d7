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


def _is_said_again(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if not value or context.obj is None:
        return
    if parameter.name == "_debug":
        context.obj.is_debug = True
    elif parameter.name == "_repo":
        context.obj.repo = value
    else:
        context.obj.output.set_again(str(parameter.name)[1:], value)


#: Flags of the whole program that stand after a command as well; its own help leaves them out.
_PROGRAM_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("-q", "--quiet", "_quiet"), {"is_flag": True}),
    (("--no-pager", "_no_pager"), {"is_flag": True}),
    (("--debug", "_debug"), {"is_flag": True}),
    (("--repo", "_repo"), {"metavar": "URL"}),
    (("--color", "_color"), {"type": click.Choice(["auto", "always", "never"])}),
)


def with_program_flags(command: click.Command) -> click.Command:
    """Lets a command, and those of a group, take the program's flags too, where it has no such flag of its own."""
    taken = {flag for parameter in command.params for flag in parameter.opts}
    for names, settings in _PROGRAM_FLAGS:
        if taken.isdisjoint(names):
            command.params.append(
                click.Option(list(names), hidden=True, expose_value=False, callback=_is_said_again, **settings)
            )
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            with_program_flags(inner)
    return command


nul_option: Callable[[_Function], _Function] = click.option(
    "-z", "nul", is_flag=True, help="End records with NUL instead of a line end."
)
