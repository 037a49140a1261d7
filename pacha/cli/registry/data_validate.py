"""Holds a file, a folder or a version against a schema, and names every row and column that does not fit.

Without --schema, a path is held against the schema of the artifact that lives there, or of --against. Exits with 1
where anything does not fit.

Examples:
  pacha data validate users.csv --schema users.schema.toml
  pacha data validate new/users.csv --against users:1.2.0
  pacha data validate users:1.2.0

Group: registry
"""

import os

import click

from pacha.cli.app import App
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.groups import registry_command
from pacha.cli.naming import manifest_named, revision_or_path_named
from pacha.cli.options import json_option
from pacha.cli.render import Styled, count_text
from pacha.cli.said import schema_at_path
from pacha.formats.schema import DataSchema
from pacha.porcelain.data import FileValidity, schema_at, validate_path, validate_revision

SCHEMAS = (("validate/1", list[FileValidity]),)


def make(kind: str) -> click.Command:
    """The command."""

    @registry_command(__doc__, kind)
    @click.argument("name", metavar="PATH|NAME", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--schema", "schema_file", metavar="FILE", help="The schema.", shell_complete=complete_files)
    @click.option("--against", metavar="REF", help="Take the schema of this version.", shell_complete=complete_refs)
    @json_option
    @click.pass_obj
    def run(app: App, name: str, version: str | None, schema_file: str | None, against: str | None) -> int:
        """Validates."""
        if schema_file and against:
            raise click.UsageError("--schema and --against name two schemas")
        schema = schema_at_path(app, schema_file) if schema_file else None
        if against is not None:
            schema = schema_at(app.workspace, manifest_named(app, kind, against, None))
        full = os.path.join(app.start, name)
        if version is None and os.path.lexists(full):
            found = validate_path(full, schema or _schema_of(app, kind, name, None), shown=name)
        else:
            revision = revision_or_path_named(app, kind, name, version)
            found = validate_revision(app.workspace, revision, schema or schema_at(app.workspace, revision.manifest))
        _show(app, kind, found)
        return 1 if any(item.count for item in found) else 0

    return run


def _schema_of(app: App, kind: str, name: str, version: str | None) -> DataSchema:
    return schema_at(app.workspace, manifest_named(app, kind, name, version))


def _show(app: App, kind: str, found: list[FileValidity]) -> None:
    if app.output.is_json:
        app.output.data(f"pacha.{kind}.validate/1", found)
        return
    for item in found:
        if not item.count:
            app.output.line(Styled("valid    ", "green"), f"{item.path}  {count_text(item.rows, 'row')}")
            continue
        app.output.line(
            Styled("invalid  ", "red"),
            f"{item.path}  {count_text(item.count, 'fault')} in {count_text(item.rows, 'row')}",
        )
        for fault in item.faults:
            app.output.line(f"  {fault}")
        if len(item.faults) < item.count:
            app.output.line(f"  … and {item.count - len(item.faults)} more")
