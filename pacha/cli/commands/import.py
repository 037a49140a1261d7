"""Brings over a registry of the older program.

PATH is the folder that holds `registry.db` and `objects/`. They become versions, stages, cards, runs and lineage; nothing in it is changed, and what is here already stays as it is, so an import can be run again. What could not be kept is listed with the reason, and the exit code is 0; with --strict nothing is written then, and it is 1.

Examples:
  pacha import ~/old-registry --dry-run
  pacha import ~/old-registry --rename 'Fraud Detector=fraud'

Group: keep
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_files
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.import_registry import Imported, ImportOptions, import_registry

SCHEMA = ("pacha.import/1", Imported)
UNMAPPED_CODE = 1
#: So many lines of each list are shown; `--json` has them all.
LINES_MAX = 200


@command(__doc__)
@click.argument("path", shell_complete=complete_files)
@click.option("--dry-run", is_flag=True, help="Check everything, bytes included, and write nothing.")
@click.option("--strict", is_flag=True, help="Write nothing unless everything can be kept.")
@click.option("--rename", "renames", multiple=True, metavar="OLD=NEW", help="Give an artifact another name.")
@click.option("--author", metavar="'NAME <MAIL>'", help="Who imports it, where that is not you.")
@json_option
@click.pass_obj
def COMMAND(app: App, path: str, dry_run: bool, strict: bool, renames: tuple[str, ...], author: str | None) -> int:
    """Runs `pacha import`."""
    options = ImportOptions(
        author=author_of(app.workspace, author), renames=_renames(renames), is_dry_run=dry_run, is_strict=strict
    )
    found = import_registry(app.workspace, path_of(app, path), options)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
    else:
        _show(app, found, is_refused=found.is_dry_run and not dry_run)
    return UNMAPPED_CODE if strict and found.unmapped else 0


def path_of(app: App, path: str) -> str:
    """A path that was typed, seen from where the command was started."""
    return os.path.join(app.start, os.path.expanduser(path))


def _renames(renames: tuple[str, ...]) -> dict[str, str]:
    pairs = [rename.rpartition("=") for rename in renames]
    if any(not old or not new for old, _, new in pairs):
        raise click.UsageError("--rename wants OLD=NEW")
    return {old: new for old, _, new in pairs}


def _show(app: App, found: Imported, *, is_refused: bool) -> None:
    app.output.page()
    new = [item for item in found.items if item.state == "new"]
    for item in new[:LINES_MAX]:
        parents = f"  {count_text(item.parents, 'parent')}" if item.parents else ""
        app.output.line(Styled("new      ", "green"), item.ref, parents)
    for move in found.moves[:LINES_MAX]:
        app.output.line(Styled("stage    ", "magenta"), f"{move.artifact}:{move.version} → {move.to_stage}")
    for name in found.renamed[:LINES_MAX]:
        app.output.line(Styled("renamed  ", "yellow"), f"{name.kind} {name.old} → {name.new}")
    for note in found.notes[:LINES_MAX]:
        app.output.line(Styled("note     ", "dim"), note)
    for lost in found.unmapped[:LINES_MAX]:
        app.output.line(Styled("not kept ", "red"), f"{lost.what} {lost.name}: {lost.reason}")
    _sum_up(app, found, is_refused=is_refused)


def _sum_up(app: App, found: Imported, *, is_refused: bool) -> None:
    new = sum(1 for item in found.items if item.state == "new")
    here = len(found.items) - new
    told = ", ".join(
        part
        for part in (
            f"{new} new" if new else "nothing new",
            f"{here} here already" if here else "",
            count_text(len(found.moves), "stage move") if found.moves else "",
            f"{len(found.unmapped)} not kept" if found.unmapped else "",
        )
        if part
    )
    app.output.line(Styled("would import: " if found.is_dry_run else "imported: ", "bold"), told)
    if any(len(items) > LINES_MAX for items in (found.items, found.moves, found.renamed, found.notes, found.unmapped)):
        app.output.hint(f"at most {LINES_MAX} lines of each kind are shown; --json has all")
    if is_refused:
        app.output.hint("nothing was written, because of --strict")
    elif found.is_new and not found.is_dry_run:
        app.output.hint("`pacha list` shows what is here; commit `.pacha` to Git")
