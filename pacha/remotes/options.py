"""What a person may say about a place beside its URL. Never read from a repository: it could send credentials astray."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from pacha.base.errors import Usage
from pacha.remotes.remote import STALL_SECONDS

_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|::1|(?:.+\.)?localhost", re.ASCII)
_SECRETS = re.compile(
    r"aws_|secret|token|password|passwd|credential|signature|access[_-]?key|account[_-]?key|(?:^|[&?])(?:sig|key)=",
    re.ASCII | re.IGNORECASE,
)
URL_CHARACTERS_MAX = 2048


class BadUrl(Usage):
    """A text is not the URL of a place, or says more than a URL may say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to reach a place. What is None is looked up where its kind of place usually has it.

    `token` is sent to a server as `Authorization: Bearer`; `allow_http` lets secrets go over plain HTTP to another
    machine than this one. Units: `stall_seconds` until a transfer that does not move is begun again.
    """

    endpoint: str | None = None
    region: str | None = None
    path_style: bool | None = None
    allow_http: bool = False
    anonymous: bool = False
    token: str | None = field(default=None, repr=False)
    proxy: str | None = field(default=None, repr=False)
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
