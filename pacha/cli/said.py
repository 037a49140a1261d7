"""The flags by which `add`, `commit` and `register` are told of an artifact: its card, its metrics, where it comes from."""

from collections.abc import Callable
from typing import Any

import click

from pacha.base.ids import ObjectId
from pacha.cli.app import App
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.infile import read_file
from pacha.formats.schema import SCHEMA_BYTES_MAX, DataSchema, read_schema
from pacha.porcelain.roles import SAID_ROLES, RoleSaid, parse_role
from pacha.porcelain.said import Said
from pacha.registry.card_record import members_of
from pacha.registry.cards import card_type
from pacha.registry.resolve import LATEST

_Function = Callable[..., Any]
_HELP = {
    "trained_on": "What it was trained on: a reference, or a path of the work tree (staged or committed).",
    "validated_on": "What it was validated on.",
    "evaluated_on": "What it was evaluated on.",
    "recipe": "The recipe that it was made by.",
    "run": "The run that made it.",
    "fine_tuned_from": "The model that it was fine-tuned from.",
    "distilled_from": "Its teacher, as REF,temperature=2.0.",
    "merged_from": "A model merged into it, as REF,weight=0.5; once for each.",
    "quantized_from": "The model that it quantizes, as REF,quantization=int8.",
    "pruned_from": "The model that it prunes, as REF,sparsity=0.5.",
    "derived_from": "Anything else that it comes from.",
}
#: Common members of a card that have a flag of their own: flag, member, help.
_MEMBERS = (
    (("-d", "--description"), "description", "What it is, in a sentence or more."),
    (("--license",), "license", "Its licence, for instance MIT or CC-BY-4.0."),
    (("-p", "--purpose"), "purpose", "What the dataset is for."),
)


def _bases(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[ObjectId, ...]:
    del parameter
    return tuple(context.obj.resolve(text, bare=LATEST).manifest for text in value)


#: Hands the command the manifests that `bases` names.
base_option: Callable[[_Function], _Function] = click.option(
    "--base", "bases", metavar="REF", multiple=True, callback=_bases, shell_complete=complete_refs,
    help="Store its tensors as differences to those of this commit, where that is smaller.",
)  # fmt: skip


def said_options(function: _Function) -> _Function:
    """Adds the flags of roles and of the card to a command; `said_by` then returns what they said."""
    function = role_options(function)
    function = click.option(
        "--set", "_set", metavar="FIELD=VALUE", multiple=True, expose_value=False, callback=_field,
        help="Set any member of the card; primary_uses+=TEXT adds to a list.",
    )(function)  # fmt: skip
    function = click.option(
        "--metric", "_metric", metavar="NAME=NUMBER", multiple=True, expose_value=False, callback=_metric,
        help="A metric of its card, for instance auc=0.93.",
    )(function)  # fmt: skip
    function = click.option(
        "--schema", "_schema", metavar="FILE", expose_value=False, callback=_schema,
        help="The dataset's schema (TOML or JSON): its files must fit it.", shell_complete=complete_files,
    )(function)  # fmt: skip
    for flags, member, help_text in reversed(_MEMBERS):
        function = _member_option(flags, member, help_text)(function)
    return click.option(
        "--card", "_card", metavar="FILE|REF", expose_value=False, callback=_card, shell_complete=complete_files,
        help="Its card: a TOML, JSON or Markdown file, or a commit whose card is taken over.",
    )(function)  # fmt: skip


def for_kind(wanted: click.Command, kind: str) -> click.Command:
    """Leaves out the flags for what the card of a kind does not have."""
    members = {member.name for member in members_of(card_type(kind))}
    needs = {"_metric": "metrics", "_schema": "features", **{f"_{member}": member for _, member, _ in _MEMBERS}}
    wanted.params = [flag for flag in wanted.params if needs.get(str(flag.name)) in {None, *members}]
    return datasheet_option(wanted) if kind == "data" else wanted


def datasheet_option(wanted: click.Command) -> click.Command:
    """Adds the flag for a card under the name that it has for datasets."""
    return click.option(
        "--datasheet", "_datasheet", metavar="FILE|REF", expose_value=False, callback=_card,
        shell_complete=complete_files, help="The same as --card.",
    )(wanted)  # fmt: skip


def role_options(function: _Function) -> _Function:
    """Adds the flags of roles alone."""
    for role in reversed(SAID_ROLES):
        function = click.option(
            f"--{role.replace('_', '-')}", f"_{role}", metavar="REF|PATH", multiple=True, expose_value=False,
            callback=_role, help=_HELP[role], shell_complete=complete_refs,
        )(function)  # fmt: skip
    return function


def _member_option(flags: tuple[str, ...], member: str, help_text: str) -> Callable[[_Function], _Function]:
    def collect(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        del parameter
        if value is not None:
            _fields(context).append((member, value))

    return click.option(*flags, f"_{member}", metavar="TEXT", expose_value=False, callback=collect, help=help_text)


def _fields(context: click.Context) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = context.meta.setdefault("pacha.fields", [])
    return found


def _role(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
    roles: list[RoleSaid] = context.meta.setdefault("pacha.roles", [])
    roles.extend(parse_role(str(parameter.name)[1:], text) for text in value)


def _field(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
    for text in value:
        key, equals, new = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"write FIELD=VALUE, not {text!r}", context, parameter)
        _fields(context).append((key, new))


def _metric(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> None:
    for text in value:
        name, equals, number = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"write NAME=NUMBER, not {text!r}", context, parameter)
        _fields(context).append((f"metrics.{name}", number))


def _card(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    if "pacha.card" in context.meta:
        raise click.BadParameter("the card was given already", context, parameter)
    context.meta["pacha.card"] = value


def _schema(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    del parameter
    context.meta["pacha.schema"] = None if value is None else schema_at_path(context.obj, value)


def schema_at_path(app: App, path: str) -> DataSchema:
    """Reads a schema file that was typed. Errors: `BadSchema`, `NoFileThere`, `MachineFailed`."""
    return read_schema(read_file(app.start, path, size_max=SCHEMA_BYTES_MAX), name=path)


def said_by(context: click.Context) -> Said:
    """What the flags of this command said."""
    app: App = context.obj
    return Said(
        roles=tuple(context.meta.get("pacha.roles", ())),
        card=context.meta.get("pacha.card"),
        schema=context.meta.get("pacha.schema"),
        fields=tuple(_fields(context)),
        start=app.start,
    )
