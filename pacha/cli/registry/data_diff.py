"""Compares two versions of a dataset: columns, and rows that were added, removed or changed.

With --key, rows are matched by these columns; without, whole rows are compared. `--exit-code` exits with 1 where
anything differs.

Examples:
  pacha data diff users:1.0.0 users:1.1.0 --key id
  pacha data diff users:1.0.0 users:head

Group: registry
"""

from collections.abc import Iterable

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import revision_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text
from pacha.formats.rowdiff import RowDiff, RowExample
from pacha.porcelain.data import DataDiff, diff_data

SCHEMAS = (("diff/1", DataDiff),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("old", shell_complete=complete_refs)
    @click.argument("new", shell_complete=complete_refs)
    @click.option("-k", "--key", metavar="COLUMN", multiple=True, help="A column that names a row; may be repeated.")
    @click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
    @json_option
    @click.pass_obj
    def run(app: App, old: str, new: str, key: tuple[str, ...], exit_code: bool) -> int:
        """Compares."""
        left, right = revision_named(app, kind, old, None), revision_named(app, kind, new, None)
        columns = tuple(part for text in key for part in text.split(",") if part)
        found = diff_data(app.workspace, left, right, key=columns, names=(old, new))
        if found.note is not None:
            app.output.note(found.note)
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.diff/1", found)
        else:
            _show(app, found)
        return 1 if exit_code and not found.is_same else 0

    return run


def _show(app: App, found: DataDiff) -> None:
    app.output.page()
    app.output.line(Styled(f"{found.old} → {found.new}", "bold"))
    word = {"breaking": "red", "additive": "yellow"}.get(found.schema.value, "dim")
    app.output.line("  schema: ", Styled("the same" if found.schema.value == "none" else found.schema.value, word))
    for change in found.columns:
        app.output.line(f"    {change}")
    if found.rows is not None:
        _rows(app, found.rows)


def _rows(app: App, rows: RowDiff) -> None:
    key = f" by {', '.join(rows.key)}" if rows.key else ", whole rows"
    app.output.line(
        f"  rows{key}: ", Styled(f"{rows.added} added", "green"), ", ", Styled(f"{rows.removed} removed", "red"), ", ",
        Styled(f"{rows.changed} changed", "yellow"), f", {rows.unchanged} as they were",
    )  # fmt: skip
    if rows.duplicates_old or rows.duplicates_new:
        app.output.line(f"    keys that stand twice: {rows.duplicates_old} before, {rows.duplicates_new} after")
    if rows.columns_changed:
        changed = ", ".join(f"{name} in {count_text(count, 'row')}" for name, count in rows.columns_changed.items())
        app.output.line(f"    changed: {changed}")
    _examples(app, "+", "green", rows.added_examples)
    _examples(app, "-", "red", rows.removed_examples)
    _examples(app, "~", "yellow", rows.changed_examples)


def _examples(app: App, sign: str, color: str, examples: Iterable[RowExample]) -> None:
    for row in examples:
        key = ", ".join(f"{name}={_cell(value)}" for name, value in row.key.items())
        names = list(dict.fromkeys((*row.old, *row.new)))
        if sign == "~":
            values = ", ".join(f"{name}: {_cell(row.old.get(name))} → {_cell(row.new.get(name))}" for name in names)
        else:
            side = row.new if sign == "+" else row.old
            values = ", ".join(f"{name}={_cell(value)}" for name, value in side.items())
        app.output.line(Styled(f"    {sign} ", color), "  ".join(part for part in (key, values) if part))


def _cell(value: str | None) -> str:
    return "null" if value is None else value
