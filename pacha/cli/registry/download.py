"""Writes the bytes of a {kind} version to a path, each checked. The latest version if none is named.

Examples:
  pacha {kind} download NAME:1.2.0 -o out
  pacha {kind} download NAME -v production -o /tmp/serving

Group: registry
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import revision_named
from pacha.cli.options import json_option
from pacha.cli.render import count_text, size_text
from pacha.porcelain.checkout import CheckedOut, export
from pacha.registry.resolve import Revision

SCHEMAS = (("download/1", CheckedOut),)


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option(
        "-o",
        "--output",
        metavar="PATH",
        help="Where to; its own file name here if left out.",
        shell_complete=complete_files,
    )
    @click.option("-f", "--force", is_flag=True, help="Write over what lies there.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, output: str | None, force: bool) -> None:
        """Downloads."""
        revision = revision_named(app, kind, name, version)
        target = output or _own_name(app, revision)
        done = export(app.workspace, revision, os.path.join(app.start, target), force=force, shown=target)
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.download/1", done)
            return
        shown = os.path.relpath(done.path, app.start) if output is None else output
        app.output.line(
            f"written   {shown}  {count_text(done.files, 'file')}, {size_text(done.size)}, every byte checked"
        )

    return run


def _own_name(app: App, revision: Revision) -> str:
    """The name that the artifact's file or folder had, or that of the file asked for inside it."""
    if revision.path is not None:
        return revision.path.rpartition("/")[2]
    manifest = app.workspace.catalog.manifest(revision.manifest)
    if manifest.path is not None:
        return manifest.path.rpartition("/")[2]
    files = manifest.files
    return files[0].path if manifest.shape == "file" and files else manifest.artifact.name
