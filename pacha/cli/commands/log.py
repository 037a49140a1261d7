"""Shows the history of artifacts, the newest commit first, with its versions and stages.

Examples:
  pacha log
  pacha log fraud-detector -n 20
  pacha log fraud-detector:1.2 --oneline

Group: look
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from itertools import count as count_from

import click

from pacha.base.names import ArtifactName
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.render import Piece, Styled, first_line, size_text
from pacha.porcelain.log import LogEntry, log
from pacha.registry.catalog import NoSuchVersion, SeveralHeads
from pacha.registry.resolve import Revision
from pacha.registry.revspec import BadRevision

SCHEMA = ("pacha.log/1", list[LogEntry])


@command(__doc__)
@click.argument("refs", nargs=-1, shell_complete=complete_refs)
@click.option("-n", "--max-count", "count", type=click.IntRange(min=0), default=None, help="So many commits at most.")
@click.option("--oneline", is_flag=True, help="One line a commit.")
@json_option
@click.pass_obj
def COMMAND(app: App, refs: tuple[str, ...], count: int | None, oneline: bool) -> None:
    """Runs `pacha log`."""
    revisions, artifacts = _starts(app, refs)
    entries = islice(log(app.workspace, revisions, artifacts), count)
    if app.output.is_json:
        app.output.data(SCHEMA[0], list(entries))
        return
    app.output.page()
    app.output.lines(map(_oneline, entries) if oneline else chain.from_iterable(map(_full, entries, count_from(0))))


def _starts(app: App, refs: tuple[str, ...]) -> tuple[list[Revision], list[ArtifactName]]:
    """References that name one commit, and names that stand for all heads of an artifact."""
    revisions: list[Revision] = []
    artifacts: list[ArtifactName] = []
    catalog = app.workspace.catalog
    for text in refs:
        kind, slash, name = text.rpartition("/")
        try:
            revisions.append(app.resolve(text))
        except SeveralHeads:
            artifacts.append(catalog.find(name, kind if slash else None))
        except (NoSuchVersion, BadRevision):
            raise
    return revisions, artifacts


def _labels(entry: LogEntry) -> list[Piece]:
    pieces: list[Piece] = []
    if entry.is_head:
        pieces += [" ", Styled("(head)", "green")]
    for label in entry.labels:
        pieces += [" ", Styled(f"{entry.artifact.name}:{label.version}", "yellow")]
        if label.stage:
            pieces += [Styled(f" [{label.stage}]", "magenta")]
    return pieces


def _oneline(entry: LogEntry) -> list[Piece]:
    return [
        Styled(entry.manifest.short, "yellow"),
        f" {entry.created[:10]} ",
        Styled(str(entry.artifact), "cyan"),
        *_labels(entry),
        f" {first_line(entry.message)}" if entry.problem is None else f" {entry.problem}",
    ]


def _full(entry: LogEntry, number: int) -> Iterator[Sequence[Piece]]:
    """The lines of one commit; an empty one goes before every commit but the first."""
    if number:
        yield []
    yield [Styled(f"manifest:{entry.manifest}", "yellow"), " ", Styled(str(entry.artifact), "cyan"), *_labels(entry)]
    if entry.problem is not None:
        yield [Styled(f"  {entry.problem}", "red")]
        return
    yield [f"author:  {entry.author}"]
    yield [f"date:    {entry.created}"]
    yield [f"size:    {size_text(entry.size)}"]
    if len(entry.previous) > 1:
        yield [f"merges:  {' '.join(id.short for id in entry.previous)}"]
    yield []
    for line in entry.message.splitlines() or ["(no message)"]:
        yield [f"    {line}"]
