"""Shows what a machine finds in the bytes of a {kind}: format, tensors or columns. Nothing is ever loaded or run.

NAME is a version, or the path of any file or folder, registered or not.

Examples:
  pacha {kind} inspect NAME:1.2.0
  pacha {kind} inspect ./some/file --json

Group: registry
"""

import os
from collections.abc import Mapping
from typing import Any

import click

from pacha.base.errors import NotFound, Usage
from pacha.cli.app import App
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import WrongKind, manifest_named, revision_or_path_named
from pacha.cli.options import json_option
from pacha.cli.plain import words
from pacha.cli.render import Piece, Styled, count_text, size_text
from pacha.porcelain.inspect import Inspected, inspect_path, inspect_revision

SCHEMAS = (("inspect/1", Inspected),)
#: So many rows of a table are shown; `--all` shows more, `--json` all.
ROWS_SHOWN = 20
#: What tells rows apart stands first; documents keep no order of members.
FIRST = ("name", "dtype", "shape", "class", "nullable")


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--all", "show_all", is_flag=True, help="Show every row of every table.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, show_all: bool) -> None:
        """Inspects."""
        found = _inspected(app, kind, name, version)
        for note in found.notes:
            app.output.note(note)
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.inspect/1", found)
            return
        app.output.page()
        _show(app, found, None if show_all else ROWS_SHOWN)

    return run


def _inspected(app: App, kind: str, name: str, version: str | None) -> Inspected:
    full = os.path.join(app.start, name)
    is_path = name.startswith(("./", "../", "/"))
    workspace = None if is_path else app.try_workspace()
    if version is None and os.path.lexists(full):
        try:
            if workspace is not None:
                return inspect_revision(workspace, manifest_named(app, kind, name, None))
        except WrongKind:
            raise
        except (NotFound, Usage):
            # The name of a file need not be one that an artifact could have.
            pass
        return inspect_path(full, shown=name, kind=kind)
    return inspect_revision(app.workspace, revision_or_path_named(app, kind, name, version).manifest)


def _show(app: App, found: Inspected, rows: int | None) -> None:
    versions = f"  {', '.join(found.versions)}" if found.versions else ""
    app.output.line(Styled(found.name, "cyan"), Styled(versions, "yellow"), f"  {size_text(found.size)}")
    _pairs(app, found.facts, "")
    for path, table in found.files.items():
        app.output.line()
        app.output.line(Styled(path, "bold"), f"  {table.get('format', '')}")
        for warning in table.get("warnings", []):
            app.output.line(Styled("  warning: ", "yellow"), str(warning))
        for name, value in table.items():
            if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
                _table(app, name, value, rows)
            elif isinstance(value, dict) and value and name not in found.facts:
                app.output.line(f"  {name}")
                _pairs(app, value, "  ")


def _pairs(app: App, values: Mapping[str, Any], indent: str) -> None:
    app.output.table([[f"  {indent}{name}", words(value)] for name, value in sorted(values.items())])


def _table(app: App, name: str, rows: list[dict[str, Any]], most: int | None) -> None:
    there = dict.fromkeys(key for row in rows for key in row)
    columns = [*(key for key in FIRST if key in there), *(key for key in there if key not in FIRST)]
    shown = rows if most is None else rows[:most]
    app.output.line(f"  {count_text(len(rows), name.removesuffix('s'))}")
    cells: list[list[Piece]] = [
        ["    " + words(row.get(columns[0])), *(words(row.get(key)) for key in columns[1:])] for row in shown
    ]
    app.output.table(cells, header=("    " + columns[0], *columns[1:]))
    if len(shown) < len(rows):
        app.output.line(f"    … and {len(rows) - len(shown)} more; --all shows them")
