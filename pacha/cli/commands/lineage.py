"""Shows where an artifact came from and what came of it, as a tree, JSON, Graphviz, Mermaid, a picture or W3C PROV.

Examples:
  pacha lineage fraud-detector:1.2.0
  pacha lineage data/users:3 --impact
  pacha lineage data/users:3.1.0 --impact --stage any
  pacha lineage --between data/users:3.1.0 fraud-detector:production
  pacha lineage fraud-detector --up --depth 2 -o lineage.svg
  pacha lineage fraud-detector --role trained_on --role fine_tuned_from --format mermaid

History (the role previous) is left out unless --history or --role previous asks for it; `pacha log` shows it.

With --impact, a name alone means all its commits and `users:3` every version 3.x; it lists the production models that
came of any of them, in any number of steps. --between exits with 1 where neither came from the other.

Group: look
"""

import os
from collections.abc import Callable, Collection

import click

from pacha.base.names import KINDS
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.groups import NOUNS
from pacha.cli.options import json_option
from pacha.cli.outfile import write_file
from pacha.cli.render import Piece, Styled, count_text, json_text
from pacha.graph.lineage import ORIGINS
from pacha.objects.manifest import ROLES
from pacha.porcelain.drawings.dot import dot
from pacha.porcelain.drawings.mermaid import mermaid
from pacha.porcelain.drawings.prov import provenance
from pacha.porcelain.drawings.svg import svg
from pacha.porcelain.drawings.tree import TreeLine, tree_lines, tree_text
from pacha.porcelain.drawings.words import stages
from pacha.porcelain.impact import ANY, Hit, ImpactReport, impact, widest
from pacha.porcelain.lineage import Direction, LineageReport, between, lineage
from pacha.registry.resolve import HEAD
from pacha.registry.stages import PRODUCTION

SCHEMA = ("pacha.lineage/1", LineageReport)
MORE_SCHEMAS = (("pacha.lineage.impact/1", ImpactReport),)
FORMATS = ("tree", "json", "dot", "mermaid", "svg", "prov-json")
#: What the name of a file says of its format.
ENDINGS = {
    ".svg": "svg", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".json": "json", ".txt": "tree",
    ".prov.json": "prov-json", ".provjson": "prov-json",
}  # fmt: skip
NO_WAY_CODE = 1


@command(__doc__)
@click.argument("ref", required=False, shell_complete=complete_refs)
@click.option("--up", "direction", flag_value="up", help="Only what it came from.")
@click.option("--down", "direction", flag_value="down", help="Only what came of it.")
@click.option("--between", nargs=2, metavar="A B", default=None, help="Every way between two commits.")
@click.option("--impact", "is_impact", is_flag=True, help="List the versions that came of it.")
@click.option("--depth", type=click.IntRange(min=0), default=None, help="So many steps at most.")
@click.option(
    "--role", "roles", type=click.Choice(ROLES), multiple=True, help="Follow this role only; may be repeated."
)
@click.option("--history", is_flag=True, help="Follow the role previous too.")
@click.option("--kind", type=click.Choice((*KINDS, ANY)), default=None, help="With --impact: of this kind (model).")
@click.option("--stage", default=None, help="With --impact: in this stage, or any (production).")
@click.option("--format", "format", type=click.Choice(FORMATS), default=None, help="How to show it (tree).")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    default=None,
    help="Write to a file; its ending tells the format.",
)
@json_option
@click.pass_obj
def COMMAND(
    app: App, ref: str | None, direction: str | None, between: tuple[str, str] | None, is_impact: bool,
    depth: int | None, roles: tuple[str, ...], history: bool, kind: str | None, stage: str | None,
    format: str | None, output: str | None,
) -> int:  # fmt: skip
    """Runs `pacha lineage`. Its many parameters are the options of the command line."""
    followed = followed_roles(roles, history=history)
    chosen = chosen_format(app, format, output)
    _check(ref, between, is_impact=is_impact, is_walk=direction is not None or depth is not None, picks=(kind, stage))
    if is_impact:
        if chosen not in ("tree", "json"):
            raise click.UsageError(f"--impact is a list: it has no form as {chosen}")
        _show_impact(app, ref or "", kind or "model", stage or PRODUCTION, followed, chosen, output)
        return 0
    if between is not None:
        report = _between(app, between, followed)
    else:
        id = app.resolve(ref or "", bare=HEAD).manifest
        report = lineage(app.workspace, id, direction=Direction(direction or "both"), depth=depth, roles=followed)
    show_lineage(app, report, chosen, output)
    _hints(app, report, ref)
    return 0 if report.nodes else NO_WAY_CODE


def followed_roles(roles: Collection[str], *, history: bool) -> tuple[str, ...]:
    """The roles that the options ask for."""
    return (*(roles or ORIGINS), *(("previous",) if history else ()))


def _check(
    ref: str | None, between: tuple[str, str] | None, *, is_impact: bool, is_walk: bool, picks: tuple[str | None, ...]
) -> None:
    """Refuses options that do not go together."""
    if (ref is None) == (between is None):
        raise click.UsageError("name one commit, or two with --between A B")
    if is_impact and (between is not None or is_walk):
        raise click.UsageError(
            "--impact looks down as far as there is anything: leave --up, --down, --depth, --between out"
        )
    if between is not None and is_walk:
        raise click.UsageError("--between shows every way: leave --up, --down and --depth out")
    if not is_impact and any(picks):
        raise click.UsageError("--kind and --stage go with --impact")


def chosen_format(app: App, format: str | None, output: str | None) -> str:
    """The format that was asked for; `--json` and the ending of a file name are asking, too."""
    if app.output.is_json:
        if format not in (None, "json"):
            raise click.UsageError(f"--json and --format {format} ask for different things")
        return "json"
    if format is None and output is not None:
        ending = next((ending for ending in sorted(ENDINGS, key=len, reverse=True) if output.endswith(ending)), None)
        if ending is None:
            raise click.UsageError(f"{output}: its ending tells no format; name one with --format")
        format = ENDINGS[ending]
    if format == "json":
        app.output.is_json = True
    return format or "tree"


def _between(app: App, pair: tuple[str, str], roles: Collection[str]) -> LineageReport:
    a, b = (app.resolve(text, bare=HEAD).manifest for text in pair)
    report = between(app.workspace, a, b, roles=roles)
    if not report.nodes:
        meant = [text if ":" in text or text in app.workspace.known else f"{text} (its head)" for text in pair]
        app.output.note(f"neither {meant[0]} nor {meant[1]} came from the other in these roles")
        if "previous" not in roles and between(app.workspace, a, b, roles=(*roles, "previous")).nodes:
            app.output.hint("with --history there is a way")
    return report


# -- showing -------------------------------------------------------------------------------------------------------


def show_lineage(app: App, report: LineageReport, format: str, output: str | None, *, schema: str = SCHEMA[0]) -> None:
    """Prints a lineage, or writes it to a file, in one of `FORMATS`."""
    for note in report.notes:
        app.output.warn(note)
    if format == "tree" and output is None:
        app.output.page()
        for line in tree_lines(report):
            app.output.line(*_pieces(line))
        return
    if format == "json" and output is None:
        app.output.data(schema, report)
        return
    texts: dict[str, Callable[[], str]] = {
        "tree": lambda: tree_text(report),
        "json": lambda: app.output.data_text(schema, report) + "\n",
        "dot": lambda: dot(report),
        "mermaid": lambda: mermaid(report),
        "svg": lambda: svg(report),
        "prov-json": lambda: json_text(provenance(app.workspace, report), indent=1) + "\n",
    }
    _write(app, texts[format](), output)


def _write(app: App, text: str, output: str | None) -> None:
    data = text.encode("utf-8", "backslashreplace")
    if output is None or output == "-":
        app.output.raw(data)
        return
    write_file(os.path.join(app.start, output), data, shown=output)
    app.output.hint(f"written to {output}")


def _pieces(line: TreeLine) -> list[Piece]:
    """A line of the tree in colours."""
    if line.node is None:
        return [line.branches, Styled(line.note, "dim" if line.branches else "bold")]
    pieces: list[Piece] = [line.branches]
    if line.role:
        more = f" ({line.attributes})" if line.attributes else ""
        pieces += [Styled(f"{line.role}{more}", "dim"), "  "]
    pieces.append(Styled(line.node.name, "cyan" if line.node.artifact else "red"))
    pieces.extend(Styled(f" [{stage}]", "magenta") for stage in stages(line.node))
    if line.node.created:
        pieces.append(f"  {line.node.created[:10]}")
    if line.note:
        pieces.append(Styled(f"  {line.note}", "dim"))
    return pieces


def _hints(app: App, report: LineageReport, ref: str | None) -> None:
    if len(report.nodes) == 1 and ref is not None and report.depth != 0:
        app.output.hint(f"nothing that it came from or that came of it is named in these roles; see `pacha log {ref}`")


def _show_impact(
    app: App, ref: str, kind: str, stage: str, roles: Collection[str], format: str, output: str | None
) -> None:
    wide = widest(app.workspace, ref, start=app.start)
    if wide.note is not None:
        app.output.note(wide.note)
    report = impact(app.workspace, wide.ids, kind=kind, stage=stage, roles=roles)
    for note in report.notes:
        app.output.warn(note)
    if output is not None:
        text = "".join(f"{_hit_text(hit)}\n" for hit in report.hits)
        _write(app, app.output.data_text(MORE_SCHEMAS[0][0], report) + "\n" if format == "json" else text, output)
    elif format == "json":
        app.output.data(MORE_SCHEMAS[0][0], report)
    else:
        _list_hits(app, report, ref)


def _list_hits(app: App, report: ImpactReport, ref: str) -> None:
    app.output.page()
    rows: list[list[Piece]] = []
    for hit in report.hits:
        versions = ", ".join(f"{label.version}" for label in hit.versions)
        name = str(hit.node.artifact)
        held = ", ".join(dict.fromkeys(label.stage or "development" for label in hit.versions))
        rows.append([Styled(f"{name}:{versions}", "cyan"), Styled(held, "magenta"), _way_text(hit)])
    app.output.table(rows)
    what = f"{'' if report.stage == ANY else report.stage + ' '}{'version' if report.kind == ANY else NOUNS.get(report.kind, report.kind)}"
    if not rows:
        app.output.note(f"no {what} came of {ref}")
    else:
        app.output.hint(f"{count_text(len(rows), what)} came of {ref}")


def _hit_text(hit: Hit) -> str:
    return f"{hit.node.name}  {_way_text(hit)}"


def _way_text(hit: Hit) -> str:
    """How a version came of the start, read backwards from it: `trained_on data/users:3.1.0`."""
    words = []
    for step, before in zip(hit.way[:0:-1], hit.way[-2::-1], strict=True):
        words.append(f"{step.role} {before.name}")
    return ", ".join(words) + ("  (only measured on it)" if hit.is_measured_only else "")
