"""Removes the bytes of a version for good, here and on remotes of your own. What is known of it stays.

For bytes that must not be kept: personal data, a licence that ended, a leaked secret. Version, card, history and lineage stay, with a statement by whom, when and why the bytes were erased; whoever asks for them is told that. Bytes that other versions need too stay, and it says so. Clones of others keep their bytes until they erase them; a push never brings them back. The file in the work tree is yours to remove.

Examples:
  pacha erase fraud:1.2.0 --reason "trained on withdrawn data" --dry-run
  pacha erase fraud:1.2.0 --reason "trained on withdrawn data" --remote origin

Group: keep
"""

from contextlib import ExitStack

import click

from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_refs
from pacha.cli.options import json_option
from pacha.cli.remoted import connected, ref_text, trust_option
from pacha.cli.render import count_text, size_text
from pacha.porcelain.erase import ErasedVersion, erase
from pacha.porcelain.identity import author

SCHEMA = ("pacha.erase/1", ErasedVersion)
REFS_SHOWN = 8


@command(__doc__)
@click.argument("ref", shell_complete=complete_refs)
@click.option("--reason", required=True, metavar="TEXT", help="Why; everybody who asks for the bytes is told.")
@click.option("--remote", "remotes", multiple=True, metavar="REMOTE", help="Erase it there too; may be repeated.")
@click.option("--author", "given", metavar="NAME", help="Who says so. Default: you.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go.")
@trust_option
@json_option
@click.pass_obj
def COMMAND(
    app: App, ref: str, reason: str, remotes: tuple[str, ...], given: str | None, dry_run: bool, trust: bool
) -> None:
    """Runs `pacha erase`."""
    who = author(app.workspace, given)
    manifest = app.resolve(ref).manifest
    with ExitStack() as stack:
        connections = [
            stack.enter_context(connected(app, name, trust=trust, is_writing=not dry_run))
            for name in dict.fromkeys(remotes)
        ]
        found = erase(app.workspace, manifest, reason, who=who, connections=connections, dry_run=dry_run)
    if app.output.is_json:
        app.output.data(SCHEMA[0], found)
        return
    _show(app, found)


def _show(app: App, found: ErasedVersion) -> None:
    would = "would erase" if found.is_dry_run else "erased"
    app.output.line(f"{would} the bytes of {found.artifact} (manifest:{found.manifest[:12]}): {found.reason}")
    for name in found.refs[:REFS_SHOWN]:
        app.output.line(f"  {ref_text(name)}")
    app.output.line(f"here: {count_text(found.objects, 'object')}, {size_text(found.size)}")
    for there in found.remotes:
        entry = "" if there.number is None else f" (entry {there.number})"
        app.output.line(f"{there.remote}: {count_text(there.objects, 'object')}, {size_text(there.size)}{entry}")
    if found.shared:
        names = ", ".join(ref_text(name) for name in found.shared_with[:REFS_SHOWN]) or "others"
        app.output.note(f"{count_text(found.shared, 'object')} stay, because these need them too: {names}")
    if found.path is not None:
        app.output.note(f"{found.path} in the work tree is as it was")
