"""Registers a file or folder as a version of a {kind}: add, commit and tag in one go, all of it or nothing.

VERSION is written out, or major, minor, patch or auto: the number that fits what changed since the latest. What lies in
the work tree is tracked there from now on; what lies elsewhere is stored all the same.

Examples:
  pacha {kind} register NAME PATH -v 1.0.0
  pacha {kind} register NAME PATH -v minor -m "what changed" --card card.toml

Group: registry
"""

import click

from pacha.base.clock import parse_timestamp
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.cli.app import App
from pacha.cli.completing import complete_files, complete_names
from pacha.cli.groups import registry_command
from pacha.cli.options import json_option
from pacha.cli.render import Styled, size_text
from pacha.cli.said import base_option, for_kind, said_by, said_options
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.register import Registered, RegisterOptions, register

SCHEMAS = (("register/1", Registered),)


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_names)
    @click.argument("path", shell_complete=complete_files)
    @click.option("-v", "--version", required=True, metavar="VERSION", help="1.2.0, or major, minor, patch, auto.")
    @click.option("-m", "--message", help="What changed, and why.")
    @base_option
    @said_options
    @click.option("--dereference", is_flag=True, help="Store what symbolic links point to.")
    @click.option("--author", metavar="'NAME <MAIL>'", help="Who made it, where that is not you.")
    @click.option("--date", metavar="TIME", help="When it was made (RFC 3339, or a date).")
    @json_option
    @click.pass_context
    def run(
        context: click.Context, name: str, path: str, version: str, message: str | None, dereference: bool,
        bases: tuple[ObjectId, ...], author: str | None, date: str | None,
    ) -> None:  # fmt: skip
        """Registers."""
        app: App = context.obj
        artifact = ArtifactName(kind, name.removeprefix(f"{kind}/"))
        options = RegisterOptions(
            version=version,
            author=author_of(app.workspace, author),
            date=parse_timestamp(date) if date else app.workspace.repository.now(),
            message=message,
            said=said_by(context),
            dereference=dereference,
            bases=bases,
        )
        show(app, kind, register(app.workspace, artifact, path, options))

    return for_kind(run, kind)


def show(app: App, kind: str, done: Registered) -> None:
    """Prints what was registered, and the next command."""
    for note in done.notes:
        app.output.note(note)
    if app.output.is_json:
        app.output.data(f"pacha.{kind}.register/1", done)
        return
    word = "registered" if done.is_new else "already registered"
    app.output.line(
        f"{word} ", Styled(f"{done.artifact}:{done.version}", "cyan"),
        f"  manifest:{done.manifest.short}  {size_text(done.size)}, {size_text(done.new_bytes)} new",
    )  # fmt: skip
    if done.path is None and done.is_new:
        app.output.hint("its file lies outside the project: `pacha download` or `checkout --to` brings it back")
    if kind == "model" and done.is_new:
        app.output.hint(f"next: `pacha stage {done.artifact.name}:{done.version} staging`")
    else:
        app.output.hint(f"`pacha {kind} get {done.artifact.name}:{done.version}` shows it")
    if done.is_new:
        app.hint_only_here()
