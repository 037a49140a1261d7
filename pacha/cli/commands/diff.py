"""Shows which files and which words of the card differ.

Without references, the work tree against the heads; with one, the work tree against it; with two, the first against
the second.

Examples:
  pacha diff
  pacha diff fraud-detector:1.1.0 fraud-detector:1.2.0
  pacha diff --exit-code fraud-detector:1.1.0

Group: look
"""

import click

from pacha.cli.app import App
from pacha.cli.changes_rows import value_text
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.plain import plain
from pacha.cli.render import Styled, json_text, size_text
from pacha.porcelain.diff import Difference, FieldChange, FileChange, diff_known, diff_revisions

SCHEMA = ("pacha.diff/1", list[Difference])
_SIGNS = {"added": ("+", "green"), "removed": ("-", "red"), "modified": ("~", "yellow"), "mode": ("m", "dim")}


@command(__doc__)
@click.argument("refs", nargs=-1, shell_complete=complete_refs)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@json_option
@click.pass_obj
def COMMAND(app: App, refs: tuple[str, ...], exit_code: bool) -> int:
    """Runs `pacha diff`."""
    if len(refs) > 2:
        raise click.UsageError("diff takes at most two references")
    found = [difference for difference in _differences(app, refs) if len(refs) == 2 or not difference.is_same]
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
    else:
        app.output.page()
        for difference in found:
            _show(app, difference)
    return 1 if exit_code and any(not difference.is_same for difference in found) else 0


def _differences(app: App, refs: tuple[str, ...]) -> list[Difference]:
    workspace = app.workspace
    if len(refs) == 2:
        old, new = app.resolve(refs[0]), app.resolve(refs[1])
        return [diff_revisions(workspace, old.manifest, new.manifest, names=(refs[0], refs[1]))]
    return diff_known(workspace, app.resolve(refs[0]) if refs else None)


def _show(app: App, difference: Difference) -> None:
    app.output.line(Styled(f"{difference.old} → {difference.new}", "bold"))
    if difference.is_same:
        app.output.line("  the same")
    for change in difference.files:
        sign, color = _SIGNS[change.change]
        app.output.line(Styled(f"  {sign} {change.path}", color), f"  {_sizes(change)}")
    for field in difference.card:
        app.output.line(f"  card {field.field}: {' → '.join(_texts(field))}")


def _texts(field: FieldChange) -> tuple[str, str]:
    old, new = value_text(field.old), value_text(field.new)
    if old != new:
        return old, new
    # They differ in digits or signs that people are not shown, or far behind.
    return json_text(plain(field.old)), json_text(plain(field.new))


def _sizes(change: FileChange) -> str:
    if change.change == "mode":
        return "executable or not"
    sizes = [size_text(size) for size in (change.old_size, change.new_size) if size is not None]
    return " → ".join(dict.fromkeys(sizes))
