"""Publishes a commit as a version, once and for ever.

VERSION is written out (1.2.0, 2.0.0-rc.1), or major, minor or patch of the latest one, or auto: the number that fits
what changed since. A dataset's number must not hide a change of its schema. Without --at it is the head.

Examples:
  pacha tag fraud-detector 1.2.0
  pacha tag fraud-detector minor --at fraud-detector~1

Group: work
"""

import click

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.cli.app import App
from pacha.cli.commands_table import command
from pacha.cli.completing import complete_names
from pacha.cli.options import json_option
from pacha.porcelain.tag import TagResult, tag, version_for

SCHEMA = ("pacha.tag/1", TagResult)


@command(__doc__)
@click.argument("name", shell_complete=complete_names)
@click.argument("version")
@click.option("--at", metavar="REF", help="Which commit, where that is not the head.")
@json_option
@click.pass_obj
def COMMAND(app: App, name: str, version: str, at: str | None) -> None:
    """Runs `pacha tag`."""
    artifact = app.resolve(name).artifact
    if artifact is None:
        raise click.UsageError(f"{name} is not an artifact")
    manifest = app.resolve(at or name).manifest
    result = tag(app.workspace, artifact, _version(app, artifact, version, manifest), manifest)
    if app.output.is_json:
        app.output.data(SCHEMA[0], result)
        return
    word = "published" if result.is_new else "already published"
    app.output.line(f"{word} {result.artifact.name}:{result.version}  manifest:{result.manifest.short}")
    if result.is_new:
        app.hint_only_here()


def _version(app: App, artifact: ArtifactName, text: str, manifest: ObjectId) -> Version:
    return version_for(app.workspace, artifact, text, app.workspace.catalog.manifest(manifest))
