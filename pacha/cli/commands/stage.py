"""Moves a version to another stage, brings the one before back, and tells what was where and why.

REF names a version and STAGE is where it goes: development, staging, production, archived, those that the project's
settings describe, or yanked, which takes it out of use. With a name or version alone: who holds which stage. With --at a
day, month, year or time (UTC): who held which stage then, of one artifact or of all.

Examples:
  pacha stage fraud-detector:1.2.0 staging
  pacha stage fraud-detector:1.2.0 production --reason "AUC 0.93 on March data"
  pacha stage fraud-detector production --rollback --reason "alarms since noon"
  pacha stage fraud-detector:1.1.0 yanked --reason "trained on leaked labels"
  pacha stage fraud-detector --history
  pacha stage production --at 2026-03

Group: work
"""

from dataclasses import replace

import click

from pacha.base.clock import parse_timestamp
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs, complete_stages
from pacha.cli.naming import artifact_named, check_names_version, version_of
from pacha.cli.options import json_option
from pacha.cli.render import Piece, Styled, first_line
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.stage import MoveOptions, StageMoved, rollback, stage
from pacha.porcelain.stage_report import Holders, StageEntry, history, holders, holders_at
from pacha.registry.catalog import NoSuchArtifact
from pacha.registry.stages import PRODUCTION

SCHEMA = ("pacha.stage/1", StageMoved)
MORE_SCHEMAS = (("pacha.stage.holders/1", Holders), ("pacha.stage.history/1", list[StageEntry]))


@command(__doc__)
@click.argument("ref", required=False, shell_complete=complete_refs)
@click.argument("to", metavar="[STAGE]", required=False, shell_complete=complete_stages)
@click.option("--reason", default="", metavar="TEXT", help="Why. Wanted for a rollback and for yanking.")
@click.option("--rollback", "is_rollback", is_flag=True, help="Bring back the version that held STAGE before.")
@click.option("--history", "is_history", is_flag=True, help="Show every move, the newest first.")
@click.option("--at", metavar="DATE", help="Show who held which stage then.")
@click.option("--author", metavar="'NAME <MAIL>'", help="Who moves it, where that is not you.")
@click.option("--date", metavar="TIME", help="When it was moved (RFC 3339, or a date).")
@json_option
@click.pass_obj
def COMMAND(
    app: App,
    ref: str | None,
    to: str | None,
    reason: str,
    is_rollback: bool,
    is_history: bool,
    at: str | None,
    author: str | None,
    date: str | None,
) -> int:
    """Runs `pacha stage`."""
    if is_rollback + is_history + (at is not None) > 1:
        raise click.UsageError("--rollback, --history and --at do not go together")
    if is_history:
        return _history(app, ref, to)
    if at is not None or (to is None and not is_rollback):
        if reason or author or date:
            raise click.UsageError("--reason, --author and --date are for a move: `pacha stage NAME:VERSION STAGE`")
        return _holders(app, ref, to, at)
    if ref is None:
        raise click.UsageError("which one? `pacha stage NAME production --rollback --reason TEXT`")
    options = MoveOptions(
        reason=reason,
        who=author_of(app.workspace, author),
        when=parse_timestamp(date) if date else app.workspace.repository.now(),
    )
    if is_rollback:
        moved = rollback(app.workspace, artifact_named(app, ref), options, stage=to or PRODUCTION)
    else:
        artifact, version = _version(app, ref)
        moved = stage(app.workspace, artifact, version, to or "", options)
    show_moved(app, moved)
    return 0


def _version(app: App, ref: str) -> tuple[ArtifactName, Version]:
    check_names_version(ref)
    return version_of(app, app.resolve(ref), ref)


def show_moved(app: App, moved: StageMoved, *, schema: str = SCHEMA[0]) -> None:
    """Prints the state after a move, and the next command."""
    for note in moved.notes:
        app.output.note(note)
    if app.output.is_json:
        app.output.data(schema, moved)
        return
    name, version = moved.artifact.name, str(moved.version)
    if not moved.is_new:
        because = f": {first_line(moved.reason)}" if moved.reason else ""
        since = f" since {moved.when}, by {first_line(moved.who)}{because}" if moved.when else ""
        app.output.line(f"{name}:{version} is in {moved.to_stage} already{since}")
        return
    before = ", ".join(str(item.version) for item in moved.displaced) or "none"
    if moved.is_exclusive:
        gone = ", ".join(f"{item.version} now {item.to_stage}" for item in moved.displaced)
        app.output.line(*_stage(moved.to_stage), f": {before} → {version}", f" ({gone})" if gone else "")
    else:
        app.output.line(f"{name}:{version}: ", *_stage(moved.from_stage), " → ", *_stage(moved.to_stage))
    if moved.emptied is not None:
        app.output.line(*_stage(moved.emptied), f": {version} → none")
        app.output.note(f"nothing is in {moved.emptied} now")
        app.output.hint(f"fill it with `pacha stage {name}:VERSION {moved.emptied}`, or --rollback for the one before")
    git = " commit `.pacha` to Git to share it;" if app.workspace.repository.git is not None else ""
    app.output.hint(f"next:{git} `pacha stage {name} --history` shows every move")


def _stage(name: str) -> tuple[Piece]:
    return (Styled(name, "magenta"),)


def _history(app: App, ref: str | None, to: str | None) -> int:
    if ref is None or to is not None:
        raise click.UsageError("--history wants a name or a version: `pacha stage NAME --history`")
    version = None
    if ":" in ref:
        artifact, version = _version(app, ref)
    else:
        artifact = artifact_named(app, ref)
    entries = history(app.workspace, artifact, version)
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[1][0], entries)
        return 0
    app.output.page()
    if not entries:
        app.output.note(f"{ref} was never moved: it is in development")
    for entry in entries:
        app.output.line(
            Styled(str(entry.number), "yellow"),
            f"  {entry.when}  {entry.version}: ",
            *_stage(entry.from_stage),
            " → ",
            *_stage(entry.to_stage),
            *(f"; {item.version} → {item.to_stage}" for item in entry.displaced),
            "  (rollback)" if entry.rolls_back else "",
            f"  (replays move:{entry.replays.short}{_effect(entry)})" if entry.replays else "",
        )
        app.output.line(f"   {first_line(entry.who)}")
        for line in entry.reason.splitlines():
            app.output.line(f"   {line}")
    return 0


def _effect(entry: StageEntry) -> str:
    return ", without effect" if entry.from_stage == entry.to_stage else ""


def _holders(app: App, ref: str | None, to: str | None, at: str | None) -> int:
    """Who holds or held stages. One word that is no artifact and is a stage asks for that stage of all artifacts."""
    artifact = version = None
    if ref is not None and ":" in ref:
        artifact, version = _version(app, ref)
    elif ref is not None:
        try:
            artifact = artifact_named(app, ref)
        except NoSuchArtifact:
            if to is not None or app.workspace.rules.find(ref) is None:
                raise
            to = ref
    if at is None:
        found = holders(app.workspace, artifact, stage=to)
    else:
        found = holders_at(app.workspace, at, artifact=artifact, stage=to)
        if found.start is not None and found.start > app.workspace.repository.now():
            app.output.note(f"{at} has not come yet; this is how things stand now")
    if version is not None:
        found = replace(found, holders=tuple(item for item in found.holders if item.version == str(version)))
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], found)
    else:
        _table(app, found, ref if version else None, is_past=at is not None)
    for unread in found.unread:
        app.output.warn(unread.message)
    return max((unread.exit_code for unread in found.unread), default=0)


def _table(app: App, found: Holders, version: str | None, *, is_past: bool) -> None:
    app.output.page()
    if not found.holders:
        now = f"{version} is in development" if version else "every version is in development"
        app.output.note("no version held any such stage then" if is_past else now)
        return
    app.output.table(
        [
            [
                Styled(str(item.artifact), "cyan"),
                Styled(item.stage, "magenta"),
                item.version,
                item.since,
                *([item.until or "now"] if is_past else []),
                first_line(item.who),
                first_line(item.reason),
            ]
            for item in found.holders
        ],
        header=("artifact", "stage", "version", "since", *(["until"] if is_past else []), "who", "reason"),
    )
