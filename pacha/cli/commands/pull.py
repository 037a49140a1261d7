"""Brings bytes from a remote, and writes out the artifacts that are safe to write.

Without references, the bytes of every head of this checkout. An artifact whose file or folder holds work of your own is left alone. A pull that was cut can be repeated and goes on. With --repair everything here is read first, and what is damaged or missing is healed as `pacha fsck --repair` does.

Examples:
  pacha pull
  pacha pull origin --all
  pacha pull -r fraud:1.2.0
  pacha pull -r dataset:head --path train/part-0.parquet
  pacha pull --trees
  pacha pull --repair

Group: share
"""

import click

from pacha.cli.app import App
from pacha.cli.commands.fetch import FORKED_CODE, print_fetched
from pacha.cli.commands.fsck import print_repaired
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.remoted import artifacts_named, connected, joins, only_option, trust_option
from pacha.cli.render import count_text, size_text
from pacha.porcelain.fetch import fetch
from pacha.porcelain.getting import GetOptions
from pacha.porcelain.pull import Pulled, PullOptions, as_joined, pull

SCHEMA = ("pacha.pull/1", Pulled)


@command(__doc__)
@click.argument("remote", required=False)
@click.option(
    "-r", "--ref", "refs", multiple=True, metavar="REF", shell_complete=complete_refs, help="Only the bytes of this."
)
@click.option("--path", "paths", multiple=True, metavar="PATH", help="Only this file or folder within it.")
@only_option
@click.option("--all", "is_all", is_flag=True, help="The bytes of every version, not of heads alone.")
@click.option("--with-lineage", is_flag=True, help="The bytes of all ancestors too.")
@click.option("--trees", is_flag=True, help="Only what says which files there are, not their contents.")
@click.option("--no-checkout", is_flag=True, help="Write nothing into the work tree.")
@click.option("--join/--no-join", "join", default=None, help="Take refs over. Default: where Git does not carry them.")
@click.option("--repair", "is_repair", is_flag=True, help="Heal what is damaged here first.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would come.")
@trust_option
@json_option
@click.pass_obj
def COMMAND(
    app: App,
    remote: str | None,
    refs: tuple[str, ...],
    paths: tuple[str, ...],
    only: tuple[str, ...],
    is_all: bool,
    with_lineage: bool,
    trees: bool,
    no_checkout: bool,
    join: bool | None,
    is_repair: bool,
    dry_run: bool,
    trust: bool,
) -> int:
    """Runs `pacha pull`."""
    if paths and not refs:
        raise click.UsageError("--path wants -r REF, which says of what")
    if is_repair and dry_run:
        raise click.UsageError("--repair heals at once; `pacha fsck` says what it would look at")
    artifacts, is_joining = artifacts_named(app, only), joins(app, join)
    with connected(app, remote, trust=trust) as connection:
        named = app.workspace
        if refs:
            # A reference may name what is only there yet.
            fetch(app.workspace, connection, artifacts=artifacts, join=is_joining and not dry_run)
            if dry_run and is_joining:
                named = as_joined(app.workspace, connection, artifacts)
        options = PullOptions(
            join=is_joining,
            artifacts=artifacts,
            manifests=tuple(app.resolve(ref, of=named).manifest for ref in refs) if refs else None,
            all_versions=is_all,
            with_lineage=with_lineage,
            write_out=not no_checkout,
            repair=is_repair,
            data=GetOptions(trees_only=trees, paths=paths, dry_run=dry_run),
        )
        found = pull(app.workspace, connection, options)
    code = FORKED_CODE if found.fetched.forked else 0
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return code
    print_pulled(app, found)
    if not found.got.records and not found.written and not found.kept:
        app.output.line("all bytes are here")
    return code


def print_pulled(app: App, found: Pulled) -> None:
    """What came, in lines."""
    print_fetched(app, found.fetched)
    if found.repaired is not None:
        print_repaired(app, found.repaired)
    would = "would bring" if found.is_dry_run else "brought"
    if found.got.records:
        app.output.line(f"{would} {size_text(found.got.stored_bytes)} ({count_text(found.got.records, 'object')})")
    for item in found.written:
        app.output.line(f"wrote {item.path}  {size_text(item.size)}")
    for reason in found.kept:
        app.output.note(f"left alone: {reason}")
