"""Prints where a dataset came from as W3C PROV-JSON: entities, activities, agents, and how they hang together.

Examples:
  pacha data provenance users:3.1.0
  pacha data provenance users -v 3.1.0 -o users.prov.json

Group: registry
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import manifest_named
from pacha.cli.outfile import write_file
from pacha.cli.render import json_text
from pacha.porcelain.drawings.prov import provenance
from pacha.porcelain.lineage import Direction, lineage

SCHEMAS = ()


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("-o", "--output", metavar="FILE", help="Write to a file.")
    @click.pass_obj
    def run(app: App, name: str, version: str | None, output: str | None) -> None:
        """Prints."""
        id = manifest_named(app, kind, name, version)
        report = lineage(app.workspace, id, direction=Direction.UP)
        for note in report.notes:
            app.output.warn(note)
        text = json_text(provenance(app.workspace, report), indent=1) + "\n"
        if output is None:
            app.output.raw(text.encode("utf-8"))
            return
        write_file(os.path.join(app.start, output), text.encode("utf-8"), shown=output)
        app.output.hint(f"written to {output}")

    return run
