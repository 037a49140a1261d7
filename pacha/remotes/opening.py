"""Opens a remote by its URL: each module of this room that has `SCHEMES` and `open_remote` is a kind of place."""

import pkgutil
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module

from pacha.remotes.options import BadUrl, Options, options_of, split_url
from pacha.remotes.remote import Remote
from pacha.repo.environment import Environment

#: One letter would be a drive of Windows.
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://", re.ASCII | re.IGNORECASE)
Opener = Callable[[str, Options], Remote]


class UnknownScheme(BadUrl):
    """No kind of place has this scheme."""


@cache
def openers() -> Mapping[str, Opener]:
    """What opens a URL, by scheme; "" is a path."""
    package = __name__.rpartition(".")[0]
    found: dict[str, Opener] = {}
    for module in pkgutil.iter_modules(import_module(package).__path__):
        loaded = import_module(f"{package}.{module.name}")
        for scheme in getattr(loaded, "SCHEMES", ()):
            found[scheme] = loaded.open_remote
    return found


def scheme_of(url: str) -> str:
    """The scheme of a URL in lower case; "" for a path.

    >>> scheme_of("S3://bucket/x"), scheme_of("../bucket")
    ('s3', '')
    """
    match = _SCHEME.match(url)
    return match.group(1).lower() if match else ""


def check_place(url: str) -> str:
    """Returns a place's URL or path unchanged if it can be written down: of a known kind, and without credentials.

    Errors: `UnknownScheme`, `BadUrl`.
    """
    _opener(url)
    if scheme_of(url):
        split_url(url)
    return url


def _opener(url: str) -> Opener:
    scheme = scheme_of(url)
    opener = openers().get(scheme)
    if opener is None:
        known = ", ".join(f"{each}://" for each in sorted(openers()) if each)
        raise UnknownScheme(f"no remote has the scheme {scheme}://", hint=f"known are a path, {known}", scheme=scheme)
    return opener


def open_place(url: str, options: Options | None = None) -> Remote:
    """Opens a place; nothing is asked of it yet. Errors: `UnknownScheme`, `BadUrl`."""
    return _opener(url)(url, options or Options())


def open_remote(url: str, settings: Mapping[str, str | bool], *, environment: Environment) -> Remote:
    """Opens a place as this user has it in their settings. Errors: those of `open_place`, `BadSetting`."""
    return open_place(url, options_of(url, settings, environment.variables))
