"""Shows what is staged, changed, behind or unsettled.

`modified` is work of your own; `behind` means that the bytes are a committed version and the head has moved on.
With --remote: what a remote lacks of the bytes that this checkout names; exits 1 if it lacks any, for a build to ask.

Examples:
  pacha status
  pacha status --json
  pacha status --remote origin

Group: work
"""

from importlib import import_module

import click

from pacha.cli.app import AWAY, App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import Styled, size_text
from pacha.porcelain.observe import State
from pacha.porcelain.status import PathStatus, RemoteStatus, StatusReport, status

SCHEMA = ("pacha.status/1", StatusReport)
MORE_SCHEMAS = (("pacha.status.remote/1", RemoteStatus),)
_COLORS = {State.CLEAN: "dim", State.MODIFIED: "yellow", State.BEHIND: "magenta", State.MISSING: "red"}
_HINTS = {
    State.MODIFIED: "`pacha add PATH` stages a change; `pacha checkout PATH --force` throws it away",
    State.BEHIND: "`pacha checkout` brings paths that are behind to their heads",
    State.MISSING: "`pacha checkout PATH` brings a missing path back",
}


@command(__doc__)
@click.option("--remote", metavar="NAME", help="Ask a remote what it lacks, instead of looking at the work tree.")
@json_option
@click.pass_obj
def COMMAND(app: App, remote: str | None) -> int:
    """Runs `pacha status`."""
    if remote is not None:
        code: int = import_module(AWAY).print_remote_status(app, remote, schema=MORE_SCHEMAS[0][0])
        return code
    _print_status(app)
    return 0


def _print_status(app: App) -> None:
    report = status(app.workspace)
    for note in report.notes:
        app.output.note(note)
    if app.output.is_json:
        app.output.data(SCHEMA[0], report)
        return
    staged = [item for item in report.paths if item.staged is not None]
    others = [item for item in report.paths if item.staged is None or not item.draft_is_current]
    if staged:
        app.output.line(Styled("staged for the next commit", "bold"))
        app.output.table([_row(item, item.staged or "", "green") for item in staged])
    if others:
        app.output.line(Styled("work tree", "bold"))
        app.output.table([_row(item, item.state.value, _COLORS[item.state]) for item in others])
    for artifact in report.unsettled:
        app.output.line(Styled("several heads  ", "red"), f"{artifact}: `pacha resolve {artifact.name}` settles them")
    for item in report.disputed:
        told = f"  {item.artifact}: `pacha resolve {item.artifact.name}` settles it"
        app.output.line(Styled(item.issue.value, "red"), told)
    if report.untracked_meta:
        app.output.line(Styled("not in Git yet", "bold"))
        for path in report.untracked_meta[:10]:
            app.output.line(f"  {path}")
        if len(report.untracked_meta) > 10:
            app.output.line(f"  … and {len(report.untracked_meta) - 10} more")
        app.output.hint("`git add .pacha` lets others see them")
    if not report.paths:
        app.output.line("nothing is tracked yet")
        app.output.hint("`pacha add PATH` tracks a model, a dataset or a recipe")
    _hints(app, report)


def _row(item: PathStatus, word: str, color: str) -> list[str | Styled]:
    return [Styled(f"  {word}", color), item.path, Styled(str(item.artifact), "cyan"), size_text(item.size)]


def _hints(app: App, report: StatusReport) -> None:
    if any(item.staged for item in report.paths):
        app.output.hint('`pacha commit -m "what changed"` commits what is staged')
    states = {item.state for item in report.paths if item.staged is None or not item.draft_is_current}
    for state, hint in _HINTS.items():
        if state in states:
            app.output.hint(hint)
