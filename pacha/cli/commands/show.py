"""Shows all that is known of a commit: files, card, parents, versions, and whether its bytes are here.

Examples:
  pacha show fraud-detector
  pacha show fraud-detector:1.2.0
  pacha show manifest:3f2a9c01

Group: look
"""

from collections.abc import Mapping

import click

from pacha.base.errors import Absent
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.plain import words
from pacha.cli.render import Styled, count_text, size_text
from pacha.porcelain.show import Presence, Shown, show
from pacha.registry.resolve import LATEST

SCHEMA = ("pacha.show/1", Shown)
#: So many files are listed; more are counted.
FILES_SHOWN = 64
#: Longer members are cut; `card` and `inspect` show them whole.
TEXT_SHOWN = 160


@command(__doc__)
@click.argument("ref", shell_complete=complete_refs)
@json_option
@click.pass_obj
def COMMAND(app: App, ref: str) -> None:
    """Runs `pacha show`."""
    shown = show(app.workspace, app.resolve(ref, bare=LATEST).manifest)
    if app.output.is_json:
        app.output.data(SCHEMA[0], shown)
        return
    show_text(app, shown)


def show_text(app: App, shown: Shown) -> None:
    """Prints a commit for people."""
    app.output.page()
    _head(app, shown)
    _files(app, shown)
    for parent in shown.parents:
        name = str(parent.artifact) if parent.artifact else "not in this checkout"
        versions = f" ({', '.join(parent.versions)})" if parent.versions else ""
        app.output.line(f"{parent.role}: {name}{versions}  manifest:{parent.manifest.short}")
    for heading, members in (("card", shown.card), ("facts", shown.facts)):
        if members:
            app.output.line(Styled(heading, "bold"))
        for key, value in sorted(members.items()):
            app.output.line(f"  {key}: {_member(key, value)}")
    app.output.line()
    for line in shown.message.splitlines():
        app.output.line(f"    {line}")
    if shown.presence is not Presence.HERE:
        app.output.hint(f"its bytes are not all here: {Absent.usual_hint}")


def _member(key: str, value: object) -> str:
    if key == "features" and isinstance(value, Mapping):
        return f"{count_text(len(value), 'column')}; `pacha data schema` shows them"
    text = words(value)
    return text if len(text) <= TEXT_SHOWN else f"{text[:TEXT_SHOWN]}…"


def _head(app: App, shown: Shown) -> None:
    app.output.line(
        Styled(str(shown.artifact), "cyan"),
        *(
            Styled(f"  {label.version}" + (f" [{label.stage}]" if label.stage else ""), "yellow")
            for label in shown.labels
        ),
        *([Styled("  (head)", "green")] if shown.is_head else []),
    )
    color = "green" if shown.presence is Presence.HERE else "red"
    app.output.table(
        [
            ["manifest", f"manifest:{shown.manifest}"],
            ["digest", f"blake3:{shown.digest}"],
            ["author", shown.author],
            ["date", shown.created],
            ["path", shown.path or "-"],
            ["size", size_text(shown.size)],
            ["bytes", Styled(shown.presence.value, color)],
        ]
    )


def _files(app: App, shown: Shown) -> None:
    if shown.files is None:
        app.output.line("files    in a tree that is not here")
        return
    app.output.line(Styled(count_text(len(shown.files), "file"), "bold"))
    app.output.table(
        [[f"  {file.digest.short}", size_text(file.size), file.path] for file in shown.files[:FILES_SHOWN]]
    )
    if len(shown.files) > FILES_SHOWN:
        app.output.line(f"  … and {len(shown.files) - FILES_SHOWN} more; `pacha ls-tree -r REF` lists all")
