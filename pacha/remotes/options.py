"""What a person may say about a place beside its URL. Never read from a repository: it could send credentials astray."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pacha.base.errors import Usage
from pacha.remotes.remote import STALL_SECONDS

_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1|(?:.+\.)?localhost", re.ASCII)
_SECRETS = re.compile(
    r"aws_|secret|token|password|passwd|credential|signature|access[_-]?key|account[_-]?key|(?:^|[&?])(?:sig|key)=",
    re.ASCII | re.IGNORECASE,
)
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}(?::\d{1,5})?|\[[0-9A-Fa-f:]+\](?::\d{1,5})?", re.ASCII)
URL_CHARACTERS_MAX = 2048


class BadUrl(Usage):
    """A text is not the URL of a place, or says more than a URL may say."""


class BadSetting(Usage):
    """A setting of a remote that no kind of place has."""


#: What may stand beside a remote's URL, and its kind of value. No credential is among them.
_SETTINGS = {"endpoint": str, "region": str, "path_style": bool, "allow_http": bool, "anonymous": bool}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to reach a place. What is None is looked up where its kind of place usually has it.

    `token` is sent to a server as `Authorization: Bearer`; `allow_http` lets secrets go over plain HTTP to another
    machine than this one; `variables` are those of the environment. Units: `stall_seconds`, after which a transfer that
    did not move is given up.
    """

    endpoint: str | None = None
    region: str | None = None
    path_style: bool | None = None
    allow_http: bool = False
    anonymous: bool = False
    token: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    stall_seconds: float = STALL_SECONDS


def split_url(url: str) -> SplitResult:
    """The parts of a URL that carries no secret, no query and no fragment. Errors: `BadUrl`.

    The message never repeats what could be a secret.
    """
    if len(url) > URL_CHARACTERS_MAX or not url.isprintable() or " " in url:
        raise BadUrl("a URL is a text without spaces and control characters", hint="escape them: a space is %20")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # looked at for the error of one that is no number
    except ValueError as error:
        raise BadUrl("not a URL: its host or its port is malformed") from error
    shown = f"{parts.scheme}://{parts.hostname or ''}"
    if "@" in parts.netloc or _SECRETS.search(parts.query) or _SECRETS.search(parts.fragment):
        raise BadUrl(
            f"the URL of {shown} carries credentials",
            hint="take them out: URLs are stored and shown; credentials come from the environment or your own settings",
        )
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise BadUrl(f"the URL of {shown} has a query or a fragment", hint="a place is named by host and path alone")
    return parts


def is_loopback(host: str | None) -> bool:
    """Tells whether a host is this machine.

    >>> is_loopback("127.0.0.1"), is_loopback("example.org")
    (True, False)
    """
    return host is not None and _LOOPBACK.fullmatch(host.lower()) is not None


def check_plain(parts: SplitResult, options: Options) -> None:
    """Refuses to send secrets over plain HTTP to another machine. Errors: `BadUrl`."""
    if parts.scheme == "http" and not options.allow_http and not is_loopback(parts.hostname):
        raise BadUrl(
            f"credentials would travel unencrypted to {parts.hostname}",
            hint="use https, or allow plain HTTP for this place in your own settings (allow_http)",
        )


def options_of(url: str, settings: Mapping[str, str | bool], variables: Mapping[str, str]) -> Options:
    """What this user's settings and environment say of a place. Errors: `BadSetting`.

    A token comes from the environment and never from settings, which are files.
    """
    for name, value in settings.items():
        kind = _SETTINGS.get(name)
        if kind is None or not isinstance(value, kind):
            known = ", ".join(sorted(_SETTINGS))
            raise BadSetting(f"not a setting of a remote: {name[:60]} = {value!r:.60}", hint=f"known are {known}")
    named: dict[str, Any] = dict(settings)
    return Options(**named, token=_token(url, variables), proxy=_proxy(url, variables), variables=variables)


def _token(url: str, variables: Mapping[str, str]) -> str | None:
    """The token for a URL's host out of `PACHA_TOKEN`, which is `host[:port]=token`, several of them between spaces.

    A token without a host would be sent to any server that a person reads from once. Errors: `BadSetting`.
    """
    place = urlsplit(f"//{url.partition('://')[2]}").netloc.lower()
    found = None
    for number, item in enumerate((variables.get("PACHA_TOKEN") or "").split(), start=1):
        host, _, token = item.partition("=")
        if not _HOST.fullmatch(host) or not token:
            raise BadSetting(
                f"PACHA_TOKEN: item {number} names no host", hint="write HOST=TOKEN, so that no other server gets it"
            )
        if host.lower() == place:
            found = token
    return found


def _proxy(url: str, variables: Mapping[str, str]) -> str | None:
    """The proxy that the environment names for a URL, as curl reads it."""
    scheme, _, rest = url.lower().removeprefix("pacha+").partition("://")
    host = urlsplit(f"//{rest}").hostname or ""
    if scheme not in ("http", "https") or is_loopback(host):
        return None
    # The upper-case HTTP_PROXY can be set by who sends a request to a CGI program.
    names = ["http_proxy"] if scheme == "http" else ["https_proxy", "HTTPS_PROXY"]
    spared = variables.get("no_proxy") or variables.get("NO_PROXY") or ""
    for each in (part.strip().lower().removeprefix("*").removeprefix(".") for part in spared.split(",")):
        if each and (host == each or host.endswith(f".{each}")):
            return None
    return next((found for name in names if (found := variables.get(name))), None)
