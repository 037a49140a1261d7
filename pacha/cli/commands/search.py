"""Finds versions and heads by name, stage, date, size, and what cards and facts say.

Terms side by side must all hold; `or`, `not` and parentheses combine them. `pacha help search` tells the grammar.
Without a query, everything is listed. The fields that a query names become columns.

Examples:
  pacha search fraud
  pacha search 'kind=model stage=production metrics.auc>0.9'
  pacha search 'kind=model name~fraud latest=true' --sort metrics.auc:desc --limit 5
  pacha search 'license=mit or license=apache-2.0' --fields license,description
  pacha search 'created>=2026-03 created<2026-06' --json
  pacha search 'stage=production age>90d'
  pacha search 'kind=data has:features.email not tags=public'
  pacha search 'stage=production not has:license' --exit-code

Group: look
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing_fields import complete_fields, complete_query
from pacha.cli.options import json_option
from pacha.cli.plain import words
from pacha.cli.render import Piece, Styled, count_text, first_line, size_text, span_text
from pacha.porcelain.search import SearchResult, SearchRow, search

SCHEMA = ("pacha.search/1", SearchResult)
NOTHING_FOUND = 1
#: A longer text would push the other columns off the screen.
CELL_MAX = 60
#: Columns of the table around the fields that a query names.
_BEFORE, _AFTER = ("artifact", "version", "stage"), ("size", "created", "message")


@command(__doc__)
@click.argument("query", nargs=-1, shell_complete=complete_query)
@click.option(
    "--sort", multiple=True, metavar="FIELD[:desc]", shell_complete=complete_fields,
    help="Sort by a field; rows without it come last. Again: within equals.",
)  # fmt: skip
@click.option("-n", "--limit", type=click.IntRange(min=0), default=None, help="So many rows at most.")
@click.option(
    "--fields", multiple=True, metavar="A,B,C", shell_complete=complete_fields, help="Show these columns and no others."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where nothing is found.")
@json_option
@click.pass_obj
def COMMAND(
    app: App, query: tuple[str, ...], sort: tuple[str, ...], limit: int | None, fields: tuple[str, ...], exit_code: bool
) -> int:
    """Runs `pacha search`."""
    columns = [name.strip() for listed in fields for name in listed.split(",") if name.strip()]
    result = search(app.workspace, " ".join(query), sort=sort, limit=limit, fields=columns)
    if app.output.is_json:
        app.output.data(SCHEMA[0], result)
    else:
        for note in result.notes:
            app.output.note(note)
        _table(app, result, columns)
    return NOTHING_FOUND if exit_code and not result.total else 0


def _table(app: App, result: SearchResult, columns: list[str]) -> None:
    if not result.rows:
        app.output.note("nothing here fits" if not result.total else f"{count_text(result.total, 'row')} found")
        return
    app.output.page()
    names = columns or [*_BEFORE, *result.rows[0].fields, *_AFTER]
    app.output.table([[_cell(row, name) for name in names] for row in result.rows], header=names)
    if len(result.rows) < result.total:
        app.output.hint(f"{len(result.rows)} of {count_text(result.total, 'row')}; --limit shows more")


def _cell(row: SearchRow, name: str) -> Piece:
    if name == "artifact":
        return Styled(str(row.artifact), "cyan")
    if name == "version":
        return Styled(row.version or "(head)", "green")
    if name == "size":
        return "?" if row.size is None else size_text(row.size)
    if name == "created":
        return (row.created or "?")[:10]
    if name == "age":
        return "-" if row.fields[name] is None else span_text(row.fields[name])
    if name == "manifest":
        return row.manifest.short
    text = _text(row.fields[name] if name in row.fields else getattr(row, name))
    return text if len(text) <= CELL_MAX else text[: CELL_MAX - 1] + "…"


def _text(value: object) -> str:
    """A value of a card or of facts on one line."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return first_line(value)
    return words(value) or "-"
