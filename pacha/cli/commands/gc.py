"""Frees the space of bytes that nothing names. Nothing goes at once: it lies in the trash for a whole grace first.

What any ref, draft, Git branch, tag, stash, reflog entry or linked work tree names is kept. If Git cannot be asked, nothing is deleted. With --repack, packs are stored anew afterwards where that wins (see `pacha help repack`).

With --pushed it also frees what a remote has, but for the bytes of what is checked out; `pacha pull` brings them back. With --remote it looks after a remote instead, which should be your own: it says what would go, and with --yes takes it off the remote's list; a later gc, a grace afterwards, deletes the files.

Examples:
  pacha gc --dry-run
  pacha gc
  pacha gc --prune=now
  pacha gc --repack --dry-run
  pacha gc --pushed origin --dry-run
  pacha gc --remote origin
  pacha gc --remote origin --yes

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.remoted import connected, trust_option
from pacha.cli.render import Styled, count_text, size_text
from pacha.cli.repacked import print_repack
from pacha.porcelain.gc import Action, GcReport, gc
from pacha.porcelain.gc_pushed import gc_pushed
from pacha.porcelain.gc_remote import Fate, RemoteGcReport, gc_remote
from pacha.porcelain.identity import author
from pacha.porcelain.removing import DAY_SECONDS

SCHEMA = ("pacha.gc/1", GcReport)
MORE_SCHEMAS = (("pacha.gc.remote/1", RemoteGcReport),)
_COLORS = {Fate.DELETED: "red", Fate.TAKEN_OFF: "yellow", Fate.REWRITTEN: "yellow", Fate.WAITING: "dim"}


@command(__doc__)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, with bytes and reasons.")
@click.option("--prune", metavar="DAYS|now", help="Grace in days; now means none. Default: gc.grace_days.")
@click.option("--repack", "store_anew", is_flag=True, help="Store anew what would take less space.")
@click.option("--pushed", metavar="REMOTE", help="Free what this remote has and is not checked out.")
@click.option("--remote", metavar="REMOTE", help="Look after this remote instead; say what would go.")
@click.option("--yes", is_flag=True, help="With --remote: do it.")
@trust_option
@json_option
@click.pass_obj
def COMMAND(
    app: App,
    dry_run: bool,
    prune: str | None,
    store_anew: bool,
    pushed: str | None,
    remote: str | None,
    yes: bool,
    trust: bool,
) -> None:
    """Runs `pacha gc`."""
    if prune is not None and prune != "now" and not (prune.isdecimal() and len(prune) < 6):
        raise click.UsageError(f"--prune wants a number of days, or now, not {prune!r}")
    if sum((store_anew, pushed is not None, remote is not None)) > 1 or (yes and (remote is None or dry_run)):
        raise click.UsageError("--repack, --pushed and --remote go one at a time, and --yes with --remote alone")
    days = 0 if prune == "now" else int(prune) if prune else app.workspace.repository.config.number("gc.grace_days")
    grace_seconds = days * DAY_SECONDS
    if remote is not None:
        writer = author(app.workspace, None)
        with connected(app, remote, trust=trust, is_writing=yes) as connection:
            _show_remote(
                app,
                gc_remote(app.workspace, connection, grace_seconds=grace_seconds, writer=writer, dry_run=not yes),
            )
    elif pushed is not None:
        with connected(app, pushed, trust=trust) as connection:
            _show(app, gc_pushed(app.workspace, connection, grace_seconds=grace_seconds, dry_run=dry_run))
    else:
        _show(app, gc(app.workspace, grace_seconds=grace_seconds, dry_run=dry_run, store_anew=store_anew))


def _show(app: App, report: GcReport) -> None:
    if app.output.is_json:
        app.output.data(SCHEMA[0], report)
        return
    would = "would be " if report.is_dry_run else ""
    for plan in report.packs:
        if plan.dead_records:
            color = "dim" if plan.action is Action.KEEP else "yellow"
            app.output.line(
                Styled(f"{plan.action.value:8}", color),
                f"pack {plan.pack.short}  {size_text(plan.dead_bytes)} of {size_text(plan.size)}: {plan.reason}",
            )
    for item in report.deleted:
        app.output.line(Styled("delete  ", "red"), f"{item.path}  {size_text(item.size)}: {item.reason}")
    for pack in report.restored:
        app.output.line(f"restored pack {pack[:12]}: something names it again")
    app.output.line(
        f"{size_text(report.trashed_bytes)} {would}moved to the trash, {size_text(report.freed_bytes)} {would}freed; "
        f"{count_text(report.live_objects, 'object')} in use"
    )
    if report.repack is not None:
        print_repack(app, report.repack)
    if report.waiting:
        waiting = sum(item.size for item in report.waiting)
        app.output.hint(f"{size_text(waiting)} wait in the trash; a gc after the grace deletes them")


def _show_remote(app: App, report: RemoteGcReport) -> None:
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], report)
        return
    would = "would be " if report.is_dry_run else ""
    for file in report.files:
        app.output.line(
            Styled(f"{file.fate.value:18}", _COLORS[file.fate]), f"{file.key}  {size_text(file.size)}: {file.reason}"
        )
    said = "" if report.number is None else f" (entry {report.number})"
    app.output.line(
        f"{size_text(report.freed_bytes)} {would}deleted, {size_text(report.waiting_bytes)} {would}deleted later{said}"
    )
    if report.is_dry_run and report.files:
        app.output.hint("nothing was changed; with --yes it is")
    elif report.waiting_bytes:
        app.output.hint("a gc after the grace deletes what is off the list")
