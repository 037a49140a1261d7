"""Shows the card of a {kind}, exports it, or edits it as a new commit of the same content.

--set and --unset change single members, --from takes a whole file or another commit's card, --edit opens your editor.
--export writes a README.md in the style of the Hugging Face Hub, with front matter.

Examples:
  pacha {kind} card NAME:1.2.0
  pacha {kind} card NAME --set license=MIT --set metrics.auc=0.93 -m "measured again"
  pacha {kind} card NAME --export README.md

Group: registry
"""

import click

from pacha.base.clock import parse_timestamp
from pacha.cli.app import App
from pacha.cli.completing import complete_files, complete_refs
from pacha.cli.editor import edited
from pacha.cli.groups import registry_command
from pacha.cli.markdown import show_markdown
from pacha.cli.naming import manifest_named
from pacha.cli.options import json_option
from pacha.cli.outfile import export_file
from pacha.porcelain.card import CardShown, card_text, edit_card, show_card
from pacha.porcelain.commit import CommitOptions, Committed
from pacha.porcelain.identity import author as author_of
from pacha.porcelain.said import Said
from pacha.registry.card_file import read_card
from pacha.registry.resolve import HEAD, LATEST

SCHEMAS = (("card/1", CardShown), ("card.edited/1", Committed))


def make(kind: str) -> click.Command:
    """The command of one kind."""

    @registry_command(__doc__, kind)
    @click.argument("name", shell_complete=complete_refs)
    @click.option("-v", "--version", metavar="VERSION", help="The version.")
    @click.option("--set", "fields", metavar="FIELD=VALUE", multiple=True, help="Set a member; += adds to a list.")
    @click.option("--unset", metavar="FIELD", multiple=True, help="Take a member out.")
    @click.option(
        "--from",
        "source",
        metavar="FILE|REF",
        help="Take the card of a file or of a commit.",
        shell_complete=complete_files,
    )
    @click.option("--edit", is_flag=True, help="Edit the card as TOML in your editor.")
    @click.option(
        "--export",
        metavar="FILE",
        help="Write it as a README.md with front matter, or as FILE.toml; - for stdout.",
        shell_complete=complete_files,
    )
    @click.option("-f", "--force", is_flag=True, help="Export over what lies there.")
    @click.option("--markdown", is_flag=True, help="Print the Markdown itself.")
    @click.option("-m", "--message", help="Why the card changes.")
    @click.option("--tag", "bump", metavar="VERSION", help="Publish the edited card too: 1.2.1, patch, auto.")
    @click.option("--author", metavar="'NAME <MAIL>'", help="Who edits it, where that is not you.")
    @click.option("--date", metavar="TIME", help="When (RFC 3339, or a date).")
    @json_option
    @click.pass_obj
    def run(
        app: App, name: str, version: str | None, fields: tuple[str, ...], unset: tuple[str, ...], source: str | None,
        edit: bool, export: str | None, force: bool, markdown: bool, message: str | None, bump: str | None,
        author: str | None, date: str | None,
    ) -> None:  # fmt: skip
        """Shows, exports or edits."""
        if fields or unset or source or edit:
            id = manifest_named(app, kind, name, version, bare=HEAD)
            said = Said(card=source, fields=tuple(_pair(text) for text in fields), unset=unset, start=app.start)
            if edit:
                text = edited(app, card_text(app.workspace, id, form="toml"))
                said = Said(value=read_card(text.encode("utf-8"), name="card.toml", kind=kind), start=app.start)
            options = CommitOptions(
                message=message or "edit the card",
                author=author_of(app.workspace, author),
                date=parse_timestamp(date) if date else app.workspace.repository.now(),
                bump=bump,
                said=said,
            )
            _edited(app, kind, edit_card(app.workspace, id, options))
            return
        if export is not None and export.endswith(".json"):
            raise click.UsageError(f"--export writes Markdown or TOML; for JSON: pacha {kind} card {name} --json")
        id = manifest_named(app, kind, name, version, bare=LATEST)
        if export is not None:
            form = "toml" if export.endswith(".toml") else "readme"
            text = card_text(app.workspace, id, form=form)
            export_file(app, export, text.encode("utf-8"), force=force)
        elif app.output.is_json:
            app.output.data(f"pacha.{kind}.card/1", show_card(app.workspace, id))
        elif markdown:
            app.output.text(card_text(app.workspace, id, form="markdown"))
        else:
            show_markdown(app.output, card_text(app.workspace, id, form="markdown"))

    return run


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"--set wants FIELD=VALUE, not {text!r}")
    return key, value


def _edited(app: App, kind: str, done: Committed) -> None:
    for note in done.notes:
        app.output.note(note)
    if app.output.is_json:
        app.output.data(f"pacha.{kind}.card.edited/1", done)
        return
    app.output.line(f"{done.artifact}  manifest:{done.manifest.short}  the card is edited, the content is the same")
    if done.version is not None:
        app.output.line(f"published {done.artifact.name}:{done.version}")
    else:
        app.output.hint(f"`pacha tag {done.artifact.name} patch` publishes it")
