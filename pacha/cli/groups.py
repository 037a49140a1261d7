"""The groups `model`, `data` and `recipe`: a file in `registry/` is a command of each, or of one by its prefix.

A module has `make(kind)`, which returns the command, and `SCHEMAS`, the names of its answers with their types; `{kind}`
in a docstring is the group's name.
"""

import difflib
import pkgutil
import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from pacha.cli.commands_table import Command, help_text
from pacha.cli.options import with_program_flags

FOLDER = Path(__file__).parent / "registry"
PACKAGE = f"{__name__.rpartition('.')[0]}.registry"
KINDS = ("model", "data", "recipe")
#: What one artifact of a kind is called, where that is not the kind.
NOUNS = {"data": "dataset"}


def module_names() -> list[str]:
    """The modules that hold commands, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(FOLDER)]))


def commands_of(kind: str) -> dict[str, str]:
    """The names of a kind's commands, and the module of each."""
    found = {}
    for module in module_names():
        owner, _, rest = module.partition("_")
        if owner == kind:
            found[rest.replace("_", "-")] = module
        elif owner not in KINDS:
            found.setdefault(module, module)
    return found


def registry_command(doc: str | None, kind: str, **settings: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Makes a function a command of a kind's group; its help is its module's docstring."""
    text = re.sub(r"\ba \{kind\}", f"a {NOUNS.get(kind, kind)}", doc or "").replace("{kind}", kind)
    return click.command(cls=Command, help=help_text(text), **settings)


class KindGroup(click.Group):
    """All commands of one kind, each imported when it is run."""

    def __init__(self, kind: str, doc: str | None) -> None:
        super().__init__(name=kind, help=help_text(doc or ""))
        self.kind = kind

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return sorted(commands_of(self.kind))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports a command; None if there is none of that name."""
        module = commands_of(self.kind).get(cmd_name)
        if module is None:
            return None
        found: click.Command = import_module(f"{PACKAGE}.{module}").make(self.kind)
        found.name = cmd_name
        return with_program_flags(found)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that the first word names, or says which were near."""
        name, known = args[0], self.list_commands(ctx)
        if not name.startswith("-") and name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(known)}"
            raise click.UsageError(f"no such command: {self.kind} {name}; {hint}", ctx=ctx)
        return super().resolve_command(ctx, args)


def group_schemas() -> dict[str, Any]:
    """The names of all answers of the groups' commands, with their types."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        for module in commands_of(kind).values():
            for name, answer in import_module(f"{PACKAGE}.{module}").SCHEMAS:
                found[f"pacha.{kind}.{name}"] = answer
    return found
