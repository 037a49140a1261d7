"""One command that writes: who may, in which order, and what Git is told at the end."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import TracebackType

from pacha.base.files import Batch, Queue
from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.refs.store import NOTHING
from pacha.refs.transaction import FOLDER, Journaled, Transaction, Writer, read_journals, recover
from pacha.repo.layout import prepare_private
from pacha.repo.repository import Repository, file_system_time, owner_of_process
from pacha.store.merge import maintain
from pacha.store.meta import SHARED, meta_path
from pacha.store.packwriter import PackWriter

QUEUE = "local/locks/write"


class Session:
    """A writing command on a repository. Objects first, then refs (I2); Git's index last.

    Crash: see `pacha.refs.transaction`; the next command shows all of a transaction or nothing of it.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._touched: set[str] = set()
        self._writer: Writer | None = None
        self._batch: Batch | None = None
        self._folders = ExitStack()

    def __enter__(self) -> "Session":
        repository = self.repository
        repository.check_may_write()
        if repository.shared.path != repository.root.path:
            os.makedirs(repository.shared.path, exist_ok=True)
            prepare_private(repository.shared)
        prepare_private(repository.root)
        self._recover(repository.journals)
        repository.journals = []
        self._writer = Writer(shared=repository.shared, refs=repository.refs, owner=owner_of_process())
        self._batch = Batch(repository.root)
        self._keep_folders()
        return self

    def _keep_folders(self) -> None:
        repository = self.repository
        for root in (repository.root, repository.shared):
            self._folders.enter_context(root.keeping_folders())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._writer is not None and self._batch is not None
        with self._folders:
            self._batch.discard()
            self._writer.close()
        if self._touched:
            self._tell_git()

    def _tell_git(self) -> None:
        git = self.repository.git
        if git is not None and self.repository.config.get("git.stage") is True:
            git.stage(git.relative(self.repository.root.full(path)) for path in self._touched)
        self._touched.clear()

    def discard(self) -> None:
        """Forgets what was put and not settled: for a verb that failed within a longer session."""
        assert self._batch is not None
        self._batch.discard()

    @contextmanager
    def queue(self) -> Iterator[None]:
        """Waits politely for other writers of this checkout, so that each sees what the one before did.

        One that died while this one waited is finished first: a commit would else follow a head that is none any more.
        """
        assert self._writer is not None
        shared = self.repository.shared
        with Queue(self.repository.root, QUEUE):
            others = [entry for entry in shared.entries(FOLDER) if f"{FOLDER}/{entry.name}" != self._writer.journal]
            if others:
                self._recover(read_journals(shared, now=file_system_time(shared)))
            yield

    def _recover(self, journals: Sequence[Journaled]) -> None:
        """Carries out what dead processes left unfinished; nothing is overlaid from here on."""
        refs = self.repository.refs
        refs.overlay = NOTHING
        for transaction in recover(journals, refs, self.repository.shared):
            self._note(transaction)

    def pack_writer(self) -> PackWriter:
        """Begins a pack; what it reuses is named in this process's journal first (I10)."""
        return self.repository.objects.data.writer(on_claim=self.claim)

    def claim(self, pack: ObjectId) -> None:
        """Names a pack that this process relies on in its journal (I10)."""
        assert self._writer is not None
        self._writer.claim(pack)

    def claimed_by_others(self) -> set[ObjectId]:
        """The packs that other live processes rely on now (I10)."""
        assert self._writer is not None
        shared = self.repository.shared
        journals = read_journals(shared, now=file_system_time(shared))
        others = [each for each in journals if each.is_alive and each.path != self._writer.journal]
        return {pack for journal in others for pack in journal.packs}

    def maintain_packs(self) -> None:
        """Keeps the number of packs small."""
        maintain(self.repository.objects.data)

    def put(self, type_name: str, value: object) -> Link:
        """Queues a META object; it is durable after `settle`."""
        assert self._batch is not None
        link = self.repository.objects.put_meta(self._batch, type_name, value)
        self._touched.add(meta_path(link))
        return link

    def put_bytes(self, link: Link, data: bytes, *, place: str = SHARED) -> None:
        """Queues a META object that came from elsewhere; whoever calls has checked that the bytes have that id."""
        assert self._batch is not None
        self.repository.objects.meta.put(self._batch, link, data, place=place)
        if place == SHARED:
            self._touched.add(meta_path(link))

    def settle(self) -> None:
        """Makes the queued objects durable and visible: nothing may name them before."""
        assert self._batch is not None
        self._batch.barrier()

    def apply(self, transaction: Transaction) -> Link | None:
        """Moves refs. Returns None, or what the refusable ref names if somebody else was first."""
        assert self._writer is not None
        present = self._writer.apply(transaction)
        if present is None:
            self._note(transaction)
        return present

    def _note(self, transaction: Transaction) -> None:
        """Keeps in mind what Git is told: refs, and what they name, which a dead process may have kept to itself."""
        refusable = () if transaction.refusable is None else (transaction.refusable,)
        for ref, link in (*refusable, *transaction.create):
            self._touched.update((ref.text, meta_path(link)))
        self._touched.update(ref.text for ref in transaction.remove)

    def touch(self, path: str) -> None:
        """Says that a META file below `.pacha` was written or removed, for Git's index."""
        self._touched.add(path)
