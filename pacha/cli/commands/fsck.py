"""Reads every byte of the repository and names everything that is wrong, with the refs that it concerns.

Exit code 0 when nothing is lost or wrong, 5 otherwise. Notices (left-over files, META that Git does not track) do not count. docs/fsck.md explains each check. With --remote it checks a remote instead: its log, its packs, and what its refs name; with --read-data every byte there too. With --repair it heals what is damaged or missing here from a remote, sets damaged files aside in the trash, and checks again.

Examples:
  pacha fsck
  pacha fsck --json
  pacha fsck --remote origin
  pacha fsck --remote origin --read-data
  pacha fsck --repair --from origin

Group: keep
"""

from collections.abc import Iterable

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.remoted import connected, trust_option
from pacha.cli.render import Styled, count_text, size_text
from pacha.porcelain.fsck import FsckReport, fsck, fsck_repair
from pacha.porcelain.fsck_remote import RemoteReport, fsck_remote
from pacha.porcelain.problems import CHECKS, Problem, Severity
from pacha.porcelain.repair import Repaired

SCHEMA = ("pacha.fsck/1", FsckReport)
MORE_SCHEMAS = (("pacha.fsck.remote/1", RemoteReport),)
DAMAGED_CODE = 5
REFS_SHOWN = 8


@command(__doc__)
@click.option("--remote", metavar="REMOTE", help="Check this remote instead.")
@click.option("--read-data", is_flag=True, help="With --remote: read every byte there.")
@click.option("--repair", "is_repair", is_flag=True, help="Heal what is damaged or missing here.")
@click.option(
    "--from", "source", metavar="REMOTE", help="With --repair: take it from this remote. Default: the one there is."
)
@trust_option
@json_option
@click.pass_obj
def COMMAND(app: App, remote: str | None, read_data: bool, is_repair: bool, source: str | None, trust: bool) -> int:
    """Runs `pacha fsck`."""
    if (remote is not None and is_repair) or (read_data and remote is None) or (source is not None and not is_repair):
        raise click.UsageError("--read-data goes with --remote, --from with --repair, and these two do not go together")
    if remote is not None:
        with connected(app, remote, trust=trust) as connection:
            return _show_remote(app, fsck_remote(app.workspace, connection, read_data=read_data))
    if is_repair:
        with connected(app, source, trust=trust) as connection:
            return _show(app, fsck_repair(app.workspace, connection))
    return _show(app, fsck(app.workspace))


def _show(app: App, report: FsckReport) -> int:
    code = 0 if report.is_clean else DAMAGED_CODE
    if app.output.is_json:
        app.output.data(SCHEMA[0], report)
        return code
    if report.repaired is not None:
        print_repaired(app, report.repaired)
    _print_problems(app, report.problems)
    _print_verdict(app, report.is_clean, f": {count_text(report.objects, 'object')}, {count_text(report.refs, 'ref')}")
    if report.absent:
        app.output.line(
            f"{count_text(report.absent, 'object')} that {'is' if report.absent == 1 else 'are'} named and not here: "
            "`pacha pull` brings what a remote has"
        )
    _print_remedies(app, report.problems)
    return code


def _show_remote(app: App, report: RemoteReport) -> int:
    code = 0 if report.is_clean else DAMAGED_CODE
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], report)
        return code
    _print_problems(app, report.problems)
    _print_verdict(
        app,
        report.is_clean,
        f": a log of {report.entries}, {count_text(report.packs, 'pack')}, "
        f"{count_text(report.objects, 'object')}, {size_text(report.size)}",
    )
    if not report.read_data:
        app.output.line("their bytes were not read: --read-data does")
    _print_remedies(app, report.problems)
    return code


def print_repaired(app: App, repaired: Repaired) -> None:
    """What a repair did, in lines."""
    if repaired.healed:
        app.output.line(f"healed {count_text(len(repaired.healed), 'object')} from {repaired.remote}")
    for path in repaired.set_aside:
        app.output.line(f"set aside {path}")
    if repaired.not_healed:
        app.output.note(f"{repaired.remote} does not have {count_text(len(repaired.not_healed), 'object')} either")


def _print_problems(app: App, problems: Iterable[Problem]) -> None:
    for found in problems:
        color = "red" if found.severity is Severity.ERROR else "yellow"
        app.output.line(Styled(f"{found.severity.value} {found.check}: ", color), found.message)
        if found.refs:
            more = f" and {len(found.refs) - REFS_SHOWN} more" if len(found.refs) > REFS_SHOWN else ""
            app.output.line(f"  reached by {', '.join(found.refs[:REFS_SHOWN])}{more}")


def _print_verdict(app: App, is_clean: bool, counts: str) -> None:
    app.output.line(Styled("whole", "green") if is_clean else Styled("damaged", "red"), counts)


def _print_remedies(app: App, problems: Iterable[Problem]) -> None:
    for check in dict.fromkeys(found.check for found in problems):
        app.output.hint(f"{check}: {CHECKS[check].remedy}")
