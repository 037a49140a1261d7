"""Finding commands: a file in `commands/` is a command, known by its docstring until it is run.

The first line is its summary, the line `Group: …` its place in the help; nothing is imported for either.
"""

import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from pacha.cli.options import with_program_flags

FOLDER = Path(__file__).parent / "commands"
PACKAGE = f"{__name__.rpartition('.')[0]}.commands"
#: Headings of the help, in order.
GROUPS = {
    "start": "Start",
    "work": "Work",
    "registry": "Registry",
    "share": "Share",
    "look": "Look",
    "keep": "Keep in order",
    "help": "Help",
    "plumbing": "Plumbing: one record a line, for programs",
}


@cache
def command_names() -> tuple[str, ...]:
    """Every command's name, sorted."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([str(FOLDER)])))


def docstring_of(name: str) -> str:
    """A command's docstring, read from its file without running it."""
    text = (FOLDER / f"{name.replace('-', '_')}.py").read_text("utf-8")
    return text.split('"""', 2)[1]


def group_of(doc: str) -> str:
    """The group that a docstring names."""
    return next((line[7:].strip() for line in doc.splitlines() if line.startswith("Group: ")), "work")


def help_text(doc: str) -> str:
    """A docstring as click wants it: without the group, indented lines kept as they are."""
    lines = inspect.cleandoc(doc).splitlines()
    paragraphs = "\n".join(line for line in lines if not line.startswith("Group: ")).strip().split("\n\n")
    return "\n\n".join(
        "\b\n" + part if any(line.startswith("  ") for line in part.splitlines()) else part for part in paragraphs
    )


class Command(click.Command):
    """A command whose mistakes in usage always point to its own help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads its words. Errors: `click.UsageError`."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise


def command(doc: str | None, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a function a command whose help is its module's docstring."""
    return click.command(cls=Command, help=help_text(doc or ""), **settings)


class Commands(click.Group):
    """The group of all commands, each imported when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return list(command_names())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command; None if there is none of that name."""
        if cmd_name not in command_names():
            return None
        found: click.Command = import_module(f"{PACKAGE}.{cmd_name.replace('-', '_')}").COMMAND
        found.name = cmd_name
        return with_program_flags(found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the first word names, or says which were near."""
        name = args[0]
        if not name.startswith("-") and name not in command_names():
            # Only a mistake needs it.
            import difflib

            near = difflib.get_close_matches(name, command_names(), n=3)
            if not near and (FOLDER.parent / "registry" / f"{name}.py").is_file():
                near = [f"pacha {kind} {name}" for kind in ("model", "data", "recipe")]
            hint = f"; did you mean {' or '.join(near)}?" if near else "; `pacha help` lists them"
            raise click.UsageError(f"no such command: {name}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the commands by group, each with its summary."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for name in command_names():
            doc = docstring_of(name)
            rows.setdefault(group_of(doc), []).append((name, doc.strip().splitlines()[0]))
        for group, heading in GROUPS.items():
            if group in rows:
                with formatter.section(heading):
                    formatter.write_dl(rows[group])
