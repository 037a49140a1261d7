"""Shows the columns of a dataset: what a person declared, else what was found in its bytes.

Examples:
  pacha data schema users
  pacha data schema users:1.2.0 --export users.schema.json

Group: registry
"""

import json

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import manifest_named
from pacha.cli.options import json_option
from pacha.cli.outfile import export_file
from pacha.cli.plain import plain
from pacha.cli.render import Styled
from pacha.porcelain.data import SchemaShown, schema_text, show_schema

SCHEMAS = (("schema/1", SchemaShown),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option(
        "--export",
        metavar="FILE",
        shell_complete=complete_files,
        help="Write it as a schema file (JSON); - for stdout.",
    )
    @click.option("-f", "--force", is_flag=True, help="Export over what lies there.")
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, export: str | None, force: bool) -> None:
        """Shows."""
        id = manifest_named(app, kind, name, version)
        if export is not None and not app.output.is_json:
            export_file(app, export, schema_text(app.workspace, id).encode("utf-8"), force=force)
            return
        shown = show_schema(app.workspace, id)
        if app.output.is_json:
            app.output.data(f"pacha.{kind}.schema/1", shown)
            return
        versions = f"  {', '.join(shown.versions)}" if shown.versions else ""
        app.output.line(Styled(str(shown.artifact), "cyan"), Styled(versions, "yellow"), f"  {shown.origin}")
        columns = shown.schema["columns"]
        rows = [
            [
                f"  {column['name']}",
                column["dtype"],
                "null" if column.get("nullable", True) else "not null",
                _more(column),
            ]
            for column in columns
        ]
        app.output.table(rows, header=("  column", "type", "nulls", ""))

    return run


def _more(column: dict[str, object]) -> str:
    known = ("name", "dtype", "nullable")
    return ", ".join(f"{key}: {json.dumps(plain(value))}" for key, value in column.items() if key not in known)
