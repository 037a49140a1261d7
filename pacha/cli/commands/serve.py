"""Hands a remote's folder out over HTTP, for push and pull, with tokens that say who may do what.

FOLDER is a remote: the folder that `pacha push` writes to; an empty one will do. Clients name it
pacha+http://HOST:PORT/ (pacha+https:// with TLS) and set PACHA_TOKEN=HOST:PORT=TOKEN. Everything that is sent is
checked before others see it. Beyond this machine it listens only with TLS and tokens.

Examples:
  pacha serve token create /srv/registry --role push --refs "model/fraud*" --label ci
  pacha serve /srv/registry
  pacha serve /srv/registry --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem
  pacha serve token list /srv/registry
  pacha serve token revoke /srv/registry 3f2a9c01d4e5

Group: keep
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from pacha.base.clock import parse_timestamp
from pacha.cli.app import App
from pacha.cli.commands_table import help_text
from pacha.cli.completing import complete_files
from pacha.cli.options import json_option
from pacha.remotes.folder import FolderGone
from pacha.server.access import AccessLog
from pacha.server.limits import Limits
from pacha.server.running import Binding, check_binding, listen, run
from pacha.server.service import Service, application, tokens_folder
from pacha.server.shelf import FolderReader
from pacha.server.tokens import EVERYTHING, Role, Token, Tokens

ROLES = tuple(role.name.lower() for role in Role)
RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """A token without its secret."""

    id: str
    role: str
    refs: tuple[str, ...]
    created: str
    expires: str | None
    is_expired: bool
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMade:
    """A token that was just made. `token` is shown this once."""

    token: str
    row: TokenRow


SCHEMA = ("pacha.serve.token/1", TokenMade)
MORE_SCHEMAS = (("pacha.serve.tokens/1", list[TokenRow]),)


class _Serve(click.Group):
    """A group whose first word may be left out: a folder is served."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = [RUN, *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Serve, help=help_text(__doc__ or ""))
def COMMAND() -> None:
    """Runs `pacha serve`."""


def _tokens_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--tokens", metavar="FOLDER", shell_complete=complete_files,
        help="Where the tokens lie, if not with your own settings.",
    )(function)  # fmt: skip


@COMMAND.command(RUN)
@click.argument("folder", shell_complete=complete_files)
@click.option("--host", default=Binding().host, show_default=True, help="The address to listen at.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=Binding().port, show_default=True, help="0: any free one."
)
@_tokens_option
@click.option("--tls-cert", metavar="FILE", help="The certificate and those above it, as PEM.")
@click.option("--tls-key", metavar="FILE", help="Its key, as PEM.")
@click.option("--public", is_flag=True, help="Let everybody read, without a token.")
@click.option(
    "--allow-host", metavar="NAME", multiple=True, help="A host name that clients use, as a proxy hands it on."
)
@click.option("--insecure-bind", is_flag=True, help="Listen beyond this machine without TLS, or publicly.")
@click.option("--access-log", metavar="FILE", help="Where each request is written down, if not on stderr.")
@click.pass_obj
def serve_folder(
    app: App,
    folder: str,
    tokens: str | None,
    allow_host: tuple[str, ...],
    access_log: str | None,
    public: bool,
    insecure_bind: bool,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Serves FOLDER until it is told to stop; `pacha serve FOLDER` is the same."""
    binding = Binding(
        host=host, port=port, certificate=tls_cert, key=tls_key, is_public=public, is_insecure=insecure_bind
    )
    path = _served(app, folder)
    known = _tokens(app, folder, tokens)
    check_binding(binding, has_tokens=bool(known.all()))
    service = Service(
        folder=path,
        tokens=known,
        clock=app.environment.clock,
        log=AccessLog(None if access_log is None else os.path.join(app.start, access_log)),
        binding=binding,
        hosts=allow_host,
        reader=FolderReader(path, app.environment),
        is_debug=app.is_debug,
    )
    built = application(service)
    listener = listen(binding)
    found = listener.getsockname()[1]
    scheme = "pacha+https" if binding.has_tls else "pacha+http"

    def started() -> None:
        app.output.note(f"serving {path} at {scheme}://{host}:{found}/ (stop with Ctrl-C)")

    run(built, listener, binding, Limits(), started=started)
    app.output.note("stopped; what was acknowledged is kept")


@COMMAND.group("token")
def token_group() -> None:
    """Makes, shows and takes back the tokens of a served folder."""


@token_group.command("create")
@click.argument("folder", shell_complete=complete_files)
@click.option("--role", type=click.Choice(ROLES), default="read", show_default=True, help="What it allows.")
@click.option("--refs", metavar="PATTERN", multiple=True, help="What it may push: model/fraud*; reading is whole.")
@click.option("--expires", metavar="DATE", help="Until when it is good.")
@click.option("--label", default="", metavar="TEXT", help="For whom it is.")
@_tokens_option
@json_option
@click.pass_obj
def token_create(
    app: App, folder: str, role: str, refs: tuple[str, ...], expires: str | None, label: str, tokens: str | None
) -> None:
    """Makes a token for FOLDER and shows it, this once."""
    now = app.environment.clock.now()
    token, text = _tokens(app, folder, tokens).create(
        Role[role.upper()],
        refs=refs or (EVERYTHING,),
        now=now,
        expires=parse_timestamp(expires) if expires else None,
        label=label,
    )
    if app.output.is_json:
        app.output.data(SCHEMA[0], TokenMade(token=text, row=_row(token, now)))
        return
    app.output.line(text)
    app.output.note(f"token {token.id} may {role}; it is kept nowhere and not shown again")
    app.output.hint(
        "give it to its user, who sets PACHA_TOKEN=HOST:PORT=TOKEN; `pacha serve token revoke` takes it back"
    )


@token_group.command("list")
@click.argument("folder", shell_complete=complete_files)
@_tokens_option
@json_option
@click.pass_obj
def token_list(app: App, folder: str, tokens: str | None) -> None:
    """Lists the tokens of FOLDER, without their secrets."""
    now = app.environment.clock.now()
    rows = [_row(token, now) for token in _tokens(app, folder, tokens).all()]
    if app.output.is_json:
        app.output.data(MORE_SCHEMAS[0][0], rows)
        return
    app.output.table(
        [[row.id, row.role, ",".join(row.refs), row.created, _until(row), row.label] for row in rows],
        header=("ID", "ROLE", "REFS", "CREATED", "EXPIRES", "LABEL"),
    )


@token_group.command("revoke")
@click.argument("folder", shell_complete=complete_files)
@click.argument("id")
@_tokens_option
@click.pass_obj
def token_revoke(app: App, folder: str, id: str, tokens: str | None) -> None:
    """Takes a token of FOLDER back, at once."""
    _tokens(app, folder, tokens).revoke(id)
    app.output.line(f"revoked {id}")


def _served(app: App, folder: str) -> str:
    path = os.path.abspath(os.path.join(app.start, folder))
    if not os.path.isdir(path):
        raise FolderGone(f"{folder}: no such folder", hint=f"a new remote begins empty: mkdir {folder}", path=folder)
    return path


def _tokens(app: App, folder: str, tokens: str | None) -> Tokens:
    if tokens is not None:
        return Tokens(os.path.join(app.start, tokens))
    return Tokens(tokens_folder(app.environment, _served(app, folder)))


def _row(token: Token, now: str) -> TokenRow:
    return TokenRow(
        id=token.id,
        role=token.role.name.lower(),
        refs=token.refs,
        created=token.created,
        expires=token.expires,
        is_expired=token.is_expired(now),
        label=token.label,
    )


def _until(row: TokenRow) -> str:
    return "never" if row.expires is None else f"{row.expires} (over)" if row.is_expired else row.expires
