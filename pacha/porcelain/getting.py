"""Brings the bytes of manifests from a remote into this store: all of them, only the trees, or those of some paths."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pacha.base.ids import ObjectId
from pacha.graph.trees import find_entry
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link
from pacha.porcelain.connect import Connection
from pacha.porcelain.workspace import Workspace
from pacha.remotes.receiving import Receiver
from pacha.repo.session import Session
from pacha.store.packwriter import PackWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What came, or with a dry run what would. Units: bytes, as stored."""

    records: int
    stored_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GetOptions:
    """`trees_only` leaves out the contents of files; `paths` are files or folders within the artifacts."""

    trees_only: bool = False
    paths: tuple[str, ...] = ()
    dry_run: bool = False


ALL = GetOptions()
NOTHING = Got(records=0, stored_bytes=0)


def get(workspace: Workspace, connection: Connection, manifests: Iterable[Manifest], options: GetOptions = ALL) -> Got:
    """Fetches what is not here. What an interrupted call brought is not fetched again.

    Errors: `NotOnRemote`, `BrokenRemote`, those of `Remote`.
    """
    manifests = list(manifests)
    if not manifests:
        return NOTHING
    if not workspace.repository.is_view:
        connection.holdings.load()
    with _writing(workspace) as new_writer:
        receiver = Receiver(
            connection.holdings, workspace.repository.objects, new_writer, workspace.repository.progress
        )
        progress = workspace.repository.progress
        progress.start(f"asking {connection.name} what its files are made of")
        try:
            with workspace.repository.objects.data.filled_by(receiver.fetch_one):
                roots = [link for manifest in manifests for link in _roots(workspace, manifest, options)]
            blobs = receiver.fetch_structure(roots)
        finally:
            progress.finish()
        if options.trees_only:
            return Got(records=receiver.records, stored_bytes=receiver.stored_bytes)
        missing = receiver.missing(link.id for link in blobs)
        size = sum(each.place.stored_length for each in missing)
        if options.dry_run:
            return Got(records=len(missing), stored_bytes=size)
        progress.start(f"pulling from {connection.name}", total_bytes=size)
        try:
            receiver.fetch([each.id for each in missing])
        finally:
            progress.finish()
    return Got(records=receiver.records, stored_bytes=receiver.stored_bytes)


@contextmanager
def _writing(workspace: Workspace) -> Iterator[Callable[[], PackWriter]]:
    """What makes pack writers: within a session, or, in a view, without: nothing there is anybody's but ours."""
    if workspace.repository.is_view:
        yield workspace.repository.objects.data.writer
        return
    with workspace.session() as session:
        yield Writers(session).new
        session.maintain_packs()


class Writers:
    """Makes pack writers for threads, which name in one journal what they rely on."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._lock = threading.Lock()

    def new(self) -> PackWriter:
        """Begins a pack."""
        return self._session.repository.objects.data.writer(on_claim=self._claim)

    def _claim(self, pack: ObjectId) -> None:
        with self._lock:
            self._session.claim(pack)


def _roots(workspace: Workspace, manifest: Manifest, options: GetOptions) -> Sequence[Link]:
    """Where to begin: at the tree, or at the content of each path, for which only the trees on the way are fetched."""
    if options.paths:
        objects = workspace.repository.objects
        return [find_entry(objects, manifest.tree, path).link for path in options.paths]
    details = [] if manifest.facts_detail is None else [Link("blob", manifest.facts_detail)]
    return [Link("tree", manifest.tree), *details]
