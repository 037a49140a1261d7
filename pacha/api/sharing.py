"""The part of `Registry` that shares: pushing to remotes, pulling from them, and which there are."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from pacha.api.keeping import Keeping
from pacha.api.values import Path, Reference
from pacha.porcelain.connect import Connection, connect, named
from pacha.porcelain.erase import ErasedVersion, erase
from pacha.porcelain.fetch import Fetched, fetch, git_carries_refs
from pacha.porcelain.fsck import FsckReport, fsck_repair
from pacha.porcelain.fsck_remote import RemoteReport, fsck_remote
from pacha.porcelain.gc import GcReport
from pacha.porcelain.gc_pushed import gc_pushed
from pacha.porcelain.gc_remote import RemoteGcReport, gc_remote
from pacha.porcelain.getting import GetOptions
from pacha.porcelain.held import remote_status
from pacha.porcelain.identity import author
from pacha.porcelain.pull import Pulled, PullOptions, pull
from pacha.porcelain.push import Pushed, push
from pacha.porcelain.pushing import PushOptions
from pacha.porcelain.remote import (
    RemoteRef,
    RemoteRow,
    add_remote,
    forget_remote,
    list_refs,
    list_remotes,
    remove_remote,
    trust_remote,
)
from pacha.porcelain.status import RemoteStatus
from pacha.remotes.named import NamedRemote


class Sharing(Keeping):
    """Remotes. One is meant by its name, by its place, or left out where there is only one or `origin`."""

    @contextmanager
    def _connected(self, remote: str | None, *, is_writing: bool = False) -> Iterator[Connection]:
        connection = connect(self._workspace, named(self._workspace, remote, start=self._start), is_writing=is_writing)
        try:
            yield connection
        finally:
            connection.remote.close()

    def push(
        self,
        remote: str | None = None,
        *,
        only: Sequence[str] = (),
        stages: bool | None = None,
        with_lineage: bool = False,
        check: bool = False,
        read_data: bool = False,
        dry_run: bool = False,
    ) -> Pushed:
        """Sends versions, heads and bytes. Stage moves go where Git does not carry them, or as `stages` says.

        `check` looks whether the remote still has all that it lists, `read_data` reads every byte there to see it.
        Errors: `PushRefused`, `RemoteFailed` families, `Corrupt`.
        """
        is_staging = not git_carries_refs(self._workspace) if stages is None else stages
        options = PushOptions(
            artifacts=tuple(self._artifact(name) for name in only),
            stages=is_staging,
            with_lineage=with_lineage,
            check=check,
            read_data=read_data,
        )
        with self._connected(remote, is_writing=True) as connection:
            return push(
                self._workspace, connection, options, writer=author(self._workspace, self._author), dry_run=dry_run
            )

    def fetch(self, remote: str | None = None, *, only: Sequence[str] = (), join: bool | None = None) -> Fetched:
        """Learns what a remote has; refs are taken over where Git does not carry them, or as `join` says.

        Errors: `JoinRefused`, `RemoteFailed` families.
        """
        with self._connected(remote) as connection:
            artifacts = tuple(self._artifact(name) for name in only)
            return fetch(self._workspace, connection, artifacts=artifacts, join=self._joins(join))

    def pull(
        self,
        remote: str | None = None,
        *references: Reference,
        paths: Sequence[str] = (),
        all_versions: bool = False,
        with_lineage: bool = False,
        trees_only: bool = False,
        checkout: bool = True,
        join: bool | None = None,
        dry_run: bool = False,
    ) -> Pulled:
        """Brings the bytes of every head, or of some references, and writes out what is safe to write.

        Errors: `JoinRefused`, `NotOnRemote`, `RemoteFailed` families.
        """
        with self._connected(remote) as connection:
            if references:
                fetch(self._workspace, connection, join=self._joins(join))
            options = PullOptions(
                join=self._joins(join),
                manifests=tuple(self._revision(item).manifest for item in references) if references else None,
                all_versions=all_versions,
                with_lineage=with_lineage,
                write_out=checkout,
                data=GetOptions(trees_only=trees_only, paths=tuple(paths), dry_run=dry_run),
            )
            return pull(self._workspace, connection, options)

    def erase(
        self, reference: Reference, reason: str, *, remotes: Sequence[str] = (), dry_run: bool = False
    ) -> ErasedVersion:
        """Removes the bytes of a version for good, here and on some remotes; what is known of it stays.

        Errors: as `get`, `NoReason`, `CannotCollect`, `RemoteFailed` families.
        """
        manifest = self._revision(reference).manifest
        who = author(self._workspace, self._author)
        with ExitStack() as stack:
            connections = [
                stack.enter_context(self._connected(name, is_writing=not dry_run)) for name in dict.fromkeys(remotes)
            ]
            return erase(self._workspace, manifest, reason, who=who, connections=connections, dry_run=dry_run)

    def _joins(self, join: bool | None) -> bool:
        return not git_carries_refs(self._workspace) if join is None else join

    def repair(self, remote: str | None = None) -> FsckReport:
        """Reads everything here, heals from a remote what is damaged or missing, and reads again.

        Errors: `RemoteFailed` families, `Busy`.
        """
        with self._connected(remote) as connection:
            return fsck_repair(self._workspace, connection)

    def check_remote(self, remote: str | None = None, *, read_data: bool = False) -> RemoteReport:
        """Checks a remote's log, its packs, and what its refs name. Errors: `RemoteFailed` families."""
        with self._connected(remote) as connection:
            return fsck_remote(self._workspace, connection, read_data=read_data)

    def gc_pushed(self, remote: str | None = None, *, grace_days: int | None = None, dry_run: bool = False) -> GcReport:
        """Frees bytes here that a remote has, but for what is checked out. Errors: `RemoteFailed` families, `Busy`."""
        with self._connected(remote) as connection:
            grace = self._grace(grace_days)
            return gc_pushed(self._workspace, connection, grace_seconds=grace, dry_run=dry_run)

    def gc_remote(
        self, remote: str | None = None, *, grace_days: int | None = None, dry_run: bool = True
    ) -> RemoteGcReport:
        """Looks after a remote of one's own: says what nothing names any more, and without `dry_run` takes it off the list.

        Errors: `RemoteFailed` families, `CannotCollect`.
        """
        with self._connected(remote, is_writing=not dry_run) as connection:
            return gc_remote(
                self._workspace,
                connection,
                grace_seconds=self._grace(grace_days),
                writer=author(self._workspace, self._author),
                dry_run=dry_run,
            )

    def remote_status(self, remote: str | None = None) -> RemoteStatus:
        """How a remote compares with this checkout. Errors: `RemoteFailed` families."""
        with self._connected(remote) as connection:
            return remote_status(self._workspace, connection)

    def remote_refs(self, remote: str | None = None) -> list[RemoteRef]:
        """The refs that a remote has. Errors: `RemoteFailed` families."""
        with self._connected(remote) as connection:
            return list_refs(connection)

    def remotes(self) -> list[RemoteRow]:
        """The remotes of this repository, by name."""
        return list_remotes(self._workspace)

    def add_remote(self, name: str, url: Path, *, shared: bool = False, **settings: str | bool) -> RemoteRow:
        """Names a remote; `settings` are those of its kind, as `endpoint`. Errors: `RemoteTaken`, `BadRemoteName`."""
        text = os.fspath(url)
        place = text if "://" in text else os.path.abspath(os.path.join(self._start, text))
        remote = NamedRemote(name=name, url=place, settings=settings)
        return add_remote(self._workspace, remote, shared=shared, force=False)

    def remove_remote(self, name: str) -> RemoteRow:
        """Forgets a name. Errors: `NoSuchRemote`."""
        return remove_remote(self._workspace, name)

    def trust_remote(self, name: str) -> RemoteRow:
        """Says that a remote which the project's file names is right. Errors: `NoSuchRemote`."""
        return trust_remote(self._workspace, name)

    def forget_remote(self, name: str) -> RemoteRow:
        """Forgets what this machine saw of a remote's log. Errors: `NoSuchRemote`."""
        return forget_remote(self._workspace, name)
