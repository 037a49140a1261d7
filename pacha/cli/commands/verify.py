"""Reads every byte of commits, and the documents of all their ancestors, and says whether they are what was committed.

Without references, every head and every version. Exit code 0 intact, 3 bytes not here, 5 corrupt.

Examples:
  pacha verify
  pacha verify fraud-detector:1.2.0

Group: look
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text, size_text
from pacha.porcelain.verify import Verdict, Verified, everything, verify
from pacha.registry.resolve import LATEST

SCHEMA = ("pacha.verify/1", list[Verified])
_COLORS = {Verdict.INTACT: "green", Verdict.ABSENT: "yellow", Verdict.CORRUPT: "red"}
ABSENT_CODE, CORRUPT_CODE = 3, 5


@command(__doc__)
@click.argument("refs", nargs=-1, shell_complete=complete_refs)
@json_option
@click.pass_obj
def COMMAND(app: App, refs: tuple[str, ...]) -> int:
    """Runs `pacha verify`."""
    chosen = [app.resolve(ref, bare=LATEST).manifest for ref in refs] if refs else everything(app.workspace)
    found = verify(app.workspace, chosen)
    verdicts = {item.verdict for item in found}
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
    else:
        for item in found:
            _show(app, item)
    return CORRUPT_CODE if Verdict.CORRUPT in verdicts else ABSENT_CODE if Verdict.ABSENT in verdicts else 0


def _show(app: App, item: Verified) -> None:
    versions = f" {', '.join(item.versions)}" if item.versions else ""
    app.output.line(
        Styled(f"{item.verdict.value:8} ", _COLORS[item.verdict]),
        f"{item.artifact}{versions}  manifest:{item.manifest.short}  "
        f"{count_text(item.files, 'file')}, {size_text(item.read_bytes)} read",
    )
    for problem in item.problems:
        app.output.line(f"  {problem}")
