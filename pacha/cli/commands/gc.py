"""Frees the space of bytes that nothing names. Nothing goes at once: it lies in the trash for a whole grace first.

What any ref, draft, Git branch, tag, stash, reflog entry or linked work tree names is kept. If Git cannot be asked,
nothing is deleted. With --repack, packs are stored anew afterwards where that wins (see `pacha help repack`).

Examples:
  pacha gc --dry-run
  pacha gc
  pacha gc --prune=now
  pacha gc --repack --dry-run

Group: keep
"""

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text, size_text
from pacha.cli.repacked import print_repack
from pacha.porcelain.gc import Action, GcReport, gc
from pacha.porcelain.removing import DAY_SECONDS

SCHEMA = ("pacha.gc/1", GcReport)


@command(__doc__)
@click.option("-n", "--dry-run", is_flag=True, help="Say what would be done, with bytes and reasons.")
@click.option("--prune", metavar="DAYS|now", help="Grace in days; now means none. Default: gc.grace_days.")
@click.option("--repack", "store_anew", is_flag=True, help="Store anew what would take less space.")
@json_option
@click.pass_obj
def COMMAND(app: App, dry_run: bool, prune: str | None, store_anew: bool) -> None:
    """Runs `pacha gc`."""
    if prune is not None and prune != "now" and not (prune.isdecimal() and len(prune) < 6):
        raise click.UsageError(f"--prune wants a number of days, or now, not {prune!r}")
    days = 0 if prune == "now" else int(prune) if prune else app.workspace.repository.config.number("gc.grace_days")
    report = gc(app.workspace, grace_seconds=days * DAY_SECONDS, dry_run=dry_run, store_anew=store_anew)
    if app.output.is_json:
        app.output.data(SCHEMA[0], report)
        return
    would = "would be " if dry_run else ""
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
