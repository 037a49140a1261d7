"""Reading what is not here from a remote, when it is asked for.

Two repositories do so: one that was cloned without bytes, and one that is no more than a view of a remote (`--repo`).
"""

import threading
from collections.abc import Callable, Sequence

from pacha.base.ids import ObjectId
from pacha.base.progress import Silent
from pacha.objects.manifest import Manifest
from pacha.objects.tag import Tag
from pacha.objects.types import Link, type_named
from pacha.porcelain.connect import Connection
from pacha.porcelain.getting import GetOptions, get
from pacha.porcelain.workspace import Workspace
from pacha.remotes.meta import MetaReader
from pacha.remotes.receiving import NotOnRemote, Receiver
from pacha.remotes.state import State


class Elsewhere:
    """The remote that a repository's missing objects come from; connected when something is missing."""

    def __init__(self, workspace: Workspace, connect: Callable[[], Connection]) -> None:
        self._workspace = workspace
        self._connect = connect
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._meta: MetaReader | None = None
        self._entries: dict[ObjectId, int] | None = None

    def attach(self, *, with_meta: bool) -> None:
        """From now on, what is read and not here is asked for there."""
        objects = self._workspace.repository.objects
        objects.data.filler = self.fill
        if with_meta:
            objects.meta.filler = self.read_meta
        self._workspace.elsewhere = self

    @property
    def connection(self) -> Connection:
        """The open remote."""
        with self._lock:
            if self._connection is None:
                self._connection = self._connect()
            return self._connection

    def close(self) -> None:
        """Lets go of the remote."""
        if self._connection is not None:
            self._connection.remote.close()

    def read_meta(self, link: Link) -> bytes | None:
        """A META object's bytes, checked; None where the remote does not have it."""
        with self._lock:
            if self._meta is None:
                self._meta = MetaReader(self.connection.holdings)
            return self._meta.read(link, near=self._entry_of(link.id))

    def fill(self, link: Link) -> bool:
        """Fetches one DATA object; False where the remote does not have it."""
        with self._lock:
            repository = self._workspace.repository
            receiver = Receiver(self.connection.holdings, repository.objects, repository.objects.data.writer, Silent())
            return receiver.fetch_one(link)

    def bring(self, manifests: Sequence[tuple[ObjectId, Manifest]], paths: Sequence[str] = ()) -> None:
        """Fetches the bytes of manifests, or of some paths in them, before they are read one by one."""
        for id, manifest in manifests:
            self.connection.holdings.near = self._entry_of(id)
            try:
                get(self._workspace, self.connection, [manifest], GetOptions(paths=tuple(paths)))
            except NotOnRemote as error:
                erased = self._workspace.repository.objects.data.explain(Link("tree", manifest.tree))
                raise erased or error from error

    def complete(self) -> None:
        """Fetches every META object: for questions about all of history."""
        with self._lock:
            meta = self._workspace.repository.objects.meta
            if self._meta is None:
                self._meta = MetaReader(self.connection.holdings)
            refs = [held.link for held in self.connection.state.refs.values()]
            found = self._meta.closure(refs, is_here=meta.is_file)
            meta.keep(found)

    def _entry_of(self, id: ObjectId) -> int | None:
        """The entry of the log that probably brought a manifest: the first that set a ref to it."""
        if self._entries is None:
            self._entries = _entries(self.connection.state)
        return self._entries.get(id)


def _entries(state: State) -> dict[ObjectId, int]:
    found: dict[ObjectId, int] = {}
    for held in state.refs.values():
        ids = [held.link.id]
        if held.body is not None and held.link.type == "tag":
            tag = type_named("tag").decode(held.body)
            assert isinstance(tag, Tag)
            ids.append(tag.manifest)
        for id in ids:
            found[id] = min(held.at, found.get(id, held.at))
    return found
