"""Reads every byte of the repository and names everything that is wrong, with the refs that it concerns.

Exit code 0 when nothing is lost or wrong, 5 otherwise. Notices (left-over files, META that Git does not track) do not
count. docs/fsck.md explains each check.

Examples:
  pacha fsck
  pacha fsck --json

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text
from pacha.porcelain.fsck import FsckReport, fsck
from pacha.porcelain.problems import CHECKS, Severity

SCHEMA = ("pacha.fsck/1", FsckReport)
DAMAGED_CODE = 5
REFS_SHOWN = 8


@command(__doc__)
@json_option
@click.pass_obj
def COMMAND(app: App) -> int:
    """Runs `pacha fsck`."""
    report = fsck(app.workspace)
    if app.output.is_json:
        app.output.data(SCHEMA[0], report)
        return 0 if report.is_clean else DAMAGED_CODE
    for found in report.problems:
        color = "red" if found.severity is Severity.ERROR else "yellow"
        app.output.line(Styled(f"{found.severity.value} {found.check}: ", color), found.message)
        if found.refs:
            more = f" and {len(found.refs) - REFS_SHOWN} more" if len(found.refs) > REFS_SHOWN else ""
            app.output.line(f"  reached by {', '.join(found.refs[:REFS_SHOWN])}{more}")
    word = Styled("whole", "green") if report.is_clean else Styled("damaged", "red")
    app.output.line(word, f": {count_text(report.objects, 'object')}, {count_text(report.refs, 'ref')}")
    if report.absent:
        app.output.line(
            f"{count_text(report.absent, 'object')} that {'was' if report.absent == 1 else 'were'} never brought here"
        )
    for check in dict.fromkeys(found.check for found in report.problems):
        app.output.hint(f"{check}: {CHECKS[check].remedy}")
    return 0 if report.is_clean else DAMAGED_CODE
