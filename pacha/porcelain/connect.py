"""Opening a remote for a verb: which one, what it holds now, and what this machine remembers of it."""

import os
from dataclasses import dataclass

from pacha.base.errors import Conflict, Corrupt
from pacha.base.files import NoSuchFile, Root
from pacha.base.ids import hash_bytes
from pacha.porcelain.workspace import REMEMBERED, Workspace
from pacha.remotes.entries import BadEntry
from pacha.remotes.holdings import Holdings, IndexCache
from pacha.remotes.keys import FORMAT, NUMBER_DIGITS
from pacha.remotes.log import read_state, rolled_back
from pacha.remotes.named import SECTION, NamedRemote, NamedRemotes, is_url
from pacha.remotes.opening import open_remote
from pacha.remotes.remote import NoSuchKey, Remote
from pacha.remotes.state import EMPTY, STATE_BYTES_MAX, State, decode_state, encode_state
from pacha.repo.layout import FORMAT_BYTES_MAX, FORMAT_VERSION, Format, NotARepository, decode_format

#: A place that was typed, and that nobody has named, is remembered under this and a digest of it.
UNNAMED = "at-"


class OtherRepository(Conflict):
    """A remote belongs to another repository."""


class EmptyRemote(NotARepository):
    """Nothing was pushed to a remote yet."""


@dataclass(slots=True, kw_only=True)
class Connection:
    """A remote that is open. `state` is what it said last; `holdings` look into that.

    `is_new`: it holds nothing yet; `is_first`: this machine was never there before.
    """

    name: str
    remote: Remote
    root: Root
    folder: str
    state: State
    holdings: Holdings
    is_new: bool = False
    is_first: bool = False

    def refresh(self) -> None:
        """Asks the remote again."""
        self.take(read_state(self.remote, known=self.state))

    def take(self, state: State) -> None:
        """Goes on from another state, and remembers it."""
        is_same = state.number == self.state.number
        self.state = state
        self.holdings = Holdings(self.remote, state, IndexCache(self.root, f"{self.folder}/indexes"))
        if not is_same:
            self.remember()

    def remember(self) -> None:
        """Writes down what the remote said: it spares reading, and shows a log that goes back."""
        if self.state.number and self.root.is_writable():
            self.root.replace(f"{self.folder}/state", encode_state(self.state), durable=False)

    def fetched(self) -> int:
        """The entry up to which all META was brought here; 0 for none."""
        try:
            text = self.root.read(f"{self.folder}/fetched", size_max=NUMBER_DIGITS)
        except (NoSuchFile, Corrupt):
            return 0
        return int(text) if text.isdigit() else 0

    def has_fetched(self) -> None:
        """Writes down that all META up to this state is here, and durable."""
        if self.state.number != self.fetched() and self.root.is_writable():
            self.root.replace(f"{self.folder}/fetched", str(self.state.number).encode("ascii"), durable=False)


def memory_of(url: str) -> str:
    """Where what was seen of a place is kept: by place, since a name may come to stand for another."""
    return f"{REMEMBERED}/{hash_bytes(url.encode('utf-8')).hex[:16]}"


def forget(root: Root, url: str) -> None:
    """Removes what was written down of a place."""
    for name in ("fetched", "state"):
        root.remove(f"{memory_of(url)}/{name}")


def remotes_of(workspace: Workspace) -> NamedRemotes:
    """The remotes that a repository's user and project name."""
    repository = workspace.repository
    section = repository.config.section(SECTION).values
    return NamedRemotes(repository.environment, repository.format.id, section)


def named(workspace: Workspace, text: str | None, *, start: str, trust: bool = False) -> NamedRemote:
    """The remote that a person means by a name, a place, or nothing. Errors: those of `NamedRemotes.find`."""
    if text is not None and is_url(text):
        url = text if "://" in text else os.path.abspath(os.path.join(start, os.path.expanduser(text)))
        for remote in remotes_of(workspace).all():
            if remote.url == url and remote.is_trusted:
                return remote
        return NamedRemote(name=f"{UNNAMED}{hash_bytes(url.encode('utf-8')).hex[:16]}", url=url)
    return remotes_of(workspace).find(text, trust=trust)


def connect(workspace: Workspace, remote: NamedRemote, *, is_writing: bool = False) -> Connection:
    """Opens a remote and reads what it holds now.

    Errors: `OtherRepository`, `EmptyRemote` unless writing, those of `Remote`, `RolledBack`.
    """
    repository = workspace.repository
    opened = open_remote(remote.url, remote.settings, environment=repository.environment)
    found = remote_format(opened)
    folder = memory_of(remote.url)
    if found is None and not is_writing and not remembered(repository.shared, folder).number:
        raise EmptyRemote(
            f"{opened.url}: nothing was pushed there yet",
            hint=f"check the place; `pacha push {_shown(remote)}` begins one",
            url=opened.url,
        )
    if found is not None and found.id != repository.format.id:
        raise OtherRepository(
            f"{opened.url}: holds another repository ({found.id[:12]}, and this one is {repository.format.id[:12]})",
            hint="push to an empty place, or clone that one elsewhere",
            url=opened.url,
        )
    return connect_to(opened, remote, root=repository.shared, folder=folder, format=found)


def connect_to(opened: Remote, remote: NamedRemote, *, root: Root, folder: str, format: Format | None) -> Connection:
    """Reads what an open remote holds now. `folder` below `root` is where it is remembered."""
    known = remembered(root, folder)
    if format is None and known.number:
        raise rolled_back(opened, "is gone, and with it all that was pushed")
    state = EMPTY if format is None else read_state(opened, known=known)
    connection = Connection(
        name=_shown(remote),
        remote=opened,
        root=root,
        folder=folder,
        state=state,
        holdings=Holdings(opened, state, IndexCache(root, f"{folder}/indexes")),
        is_new=format is None,
        is_first=known.number == 0,
    )
    if state.number != known.number:
        connection.remember()
    return connection


def _shown(remote: NamedRemote) -> str:
    """What a person calls a remote."""
    return remote.url if remote.name.startswith(UNNAMED) else remote.name


def remote_format(remote: Remote) -> Format | None:
    """What a remote says it is; None for one that is empty. Errors: `BadFormat`, `NewerFormat`, those of `Remote`."""
    try:
        data = remote.get(FORMAT, size_max=FORMAT_BYTES_MAX)
    except NoSuchKey:
        return None
    return decode_format(data, path=f"{remote.url}/{FORMAT}")


def make_format(connection: Connection, id: str) -> None:
    """Says whose remote this is: the first thing that is ever written to one. Errors: `OtherRepository`."""
    if connection.is_new and not connection.remote.create(FORMAT, Format(version=FORMAT_VERSION, id=id).encode()):
        found = remote_format(connection.remote)
        if found is None or found.id != id:
            raise OtherRepository(f"{connection.remote.url}: somebody else has just begun another repository there")
    connection.is_new = False


def remembered(root: Root, folder: str) -> State:
    """What was written down of a remote; nothing where it cannot be read."""
    try:
        data = root.read(f"{folder}/state", size_max=STATE_BYTES_MAX)
        return decode_state(data, where=root.full(f"{folder}/state"))
    except (NoSuchFile, BadEntry):
        return EMPTY
