"""Remotes by name: `remotes.toml` in this user's own folder, one table for each repository id and name.

A checked-in file may say where a remote is, in `[remotes.NAME]` of `.pacha/config.toml`, and no more than that: nothing
is sent there or read from there before this user has said once that it is right (I8). A credential has no place in
either file.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pacha.base.errors import Ambiguous, NotFound, Untrusted, Usage
from pacha.base.files import NoSuchFile, Root
from pacha.base.toml import TOML_BYTES_MAX, read_toml, write_toml
from pacha.remotes.opening import check_place
from pacha.repo.environment import Environment

FILE = "remotes.toml"
SECTION = "remotes"
DEFAULT = "origin"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
URL_CHARACTERS_MAX = 2048


class NoSuchRemote(NotFound):
    """No remote has that name here."""


class SeveralRemotes(Ambiguous):
    """A remote was not named, and there are several."""


class UntrustedRemote(Untrusted):
    """Only a checked-in file names a remote, and this user has not said that it is right."""


class BadRemoteName(Usage):
    """A text cannot name a remote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRemote:
    """A remote's name, place and settings (`endpoint`, `region`, …). `is_shared`: the project's own file names it.

    `is_trusted` is False for one that only the project names.
    """

    name: str
    url: str
    settings: Mapping[str, str | bool] = field(default_factory=dict)
    is_shared: bool = False
    is_trusted: bool = True


def check_name(name: str) -> str:
    """Returns a well-formed name unchanged. Errors: `BadRemoteName`."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise BadRemoteName(
            f"{name!r} cannot name a remote", hint="a name is [a-z0-9][a-z0-9._-]*, for instance origin", name=name
        )
    return name


def is_url(text: str) -> bool:
    """Tells whether a text is a place rather than a name.

    >>> is_url("origin"), is_url("s3://ml/fraud"), is_url("./shared")
    (False, True, True)
    """
    return "/" in text or "\\" in text or text in (".", "..")


class NamedRemotes:
    """The remotes of one repository, as this user and the project name them."""

    def __init__(self, environment: Environment, repository_id: str, shared: Mapping[str, object] | None) -> None:
        self._root = Root(environment.config_folder, temporary="tmp")
        self._id = repository_id
        self._shared = shared or {}

    def all(self) -> list[NamedRemote]:
        """Every remote, by name."""
        found = {name: _of(name, table, is_trusted=False) for name, table in self._shared.items()}
        for name, table in self._own().items():
            mine = _of(name, table, is_trusted=True)
            theirs = found.get(name)
            found[name] = NamedRemote(
                name=name, url=mine.url, settings=mine.settings, is_shared=theirs is not None and theirs.url == mine.url
            )
        return [found[name] for name in sorted(found)]

    def find(self, name: str | None, *, trust: bool = False) -> NamedRemote:
        """The remote of a name, or the one there is. `trust` says that what the project names is right.

        Errors: `NoSuchRemote`, `SeveralRemotes`, `UntrustedRemote`.
        """
        remotes = {remote.name: remote for remote in self.all()}
        if name is None:
            name = self._usual(remotes)
        remote = remotes.get(name)
        if remote is None:
            raise NoSuchRemote(
                f"no remote is named {name!r}",
                hint=f"there is {', '.join(remotes)}" if remotes else "`pacha remote add origin URL` names one",
                name=name,
            )
        if not remote.is_trusted:
            if not trust:
                raise UntrustedRemote(
                    f"only the project's own file names {name}: {remote.url}{_told(remote.settings)}",
                    hint=f"if it is right, say so once: `pacha remote trust {name}`",
                    name=name,
                    url=remote.url,
                )
            self.add(remote)
            remote = replace(remote, is_trusted=True)
        return remote

    @staticmethod
    def _usual(remotes: Mapping[str, NamedRemote]) -> str:
        if DEFAULT in remotes or len(remotes) != 1:
            if DEFAULT not in remotes and remotes:
                raise SeveralRemotes(
                    "which remote?", candidates=tuple(remotes), hint="name one, or call one of them origin"
                )
            return DEFAULT
        return next(iter(remotes))

    def add(self, remote: NamedRemote) -> None:
        """Writes a remote down for this user, in the place of one of that name. Errors: `BadUrl`, `BadRemoteName`."""
        check_place(remote.url)
        document = self._read()
        tables = document.setdefault(self._id, {})
        assert isinstance(tables, dict)
        tables[check_name(remote.name)] = {"url": remote.url, **remote.settings}
        self._write(document)

    def remove(self, name: str) -> bool:
        """Forgets a remote of this user's; False if there was none."""
        document = self._read()
        tables = document.get(self._id)
        if not isinstance(tables, dict) or name not in tables:
            return False
        del tables[name]
        if not tables:
            del document[self._id]
        self._write(document)
        return True

    def _own(self) -> dict[str, object]:
        tables = self._read().get(self._id)
        return tables if isinstance(tables, dict) else {}

    def _read(self) -> dict[str, object]:
        try:
            return read_toml(self._root.read(FILE, size_max=TOML_BYTES_MAX), name=self._root.full(FILE))
        except NoSuchFile:
            return {}

    def _write(self, document: Mapping[str, object]) -> None:
        os.makedirs(self._root.path, exist_ok=True)
        self._root.replace(FILE, write_toml(document).encode("utf-8"))


def _told(settings: Mapping[str, str | bool]) -> str:
    """Settings behind a URL: an endpoint decides who gets the requests as much as the URL does."""
    return f" ({', '.join(f'{key} {value}' for key, value in sorted(settings.items()))})" if settings else ""


def _of(name: str, table: object, *, is_trusted: bool) -> NamedRemote:
    check_name(name)
    values = table if isinstance(table, dict) else {}
    url = values.get("url")
    if not isinstance(url, str) or not url or len(url) > URL_CHARACTERS_MAX or not url.isprintable():
        raise BadRemoteName(f"the remote {name} has no `url`", hint=f"`pacha remote add {name} URL` sets it", name=name)
    # Whether secrets may go over plain HTTP is for this user to say.
    taken = ("url",) if is_trusted else ("url", "allow_http")
    settings = {key: value for key, value in values.items() if key not in taken and isinstance(value, (str, bool))}
    return NamedRemote(name=name, url=url, settings=settings, is_shared=not is_trusted, is_trusted=is_trusted)
