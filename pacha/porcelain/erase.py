"""`pacha erase`: removes the bytes of a version for good, here and on remotes of one's own. What is known of it stays.

First an attestation says who erased it, when and why (I2); then one entry of each remote's log names that attestation
and puts packs without those bytes in the place of the old ones, which are deleted; the packs here follow. What other
versions, drafts or Git's history need as well stays, and is told. No trash: bytes that must go must not come back.

Longer than most modules: what goes, here and on a remote, is one argument.
Source: docs/decisions/0039-erasing.md.
"""

import random
import time
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Busy, Corrupt, NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_data, is_leaf, walk
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link
from pacha.porcelain.concerns import Concerns
from pacha.porcelain.connect import Connection, EmptyRemote
from pacha.porcelain.erasures import (
    REASON_CHARACTERS_MAX,
    Erasure,
    Erasures,
    attestation_of,
    attestation_ref,
    data_roots,
)
from pacha.porcelain.gc import temporaries
from pacha.porcelain.push import ATTEMPTS_MAX, PAUSE_SECONDS_MAX, PushLost
from pacha.porcelain.remote_live import differences, live_data, without
from pacha.porcelain.remote_objects import RemoteObjects
from pacha.porcelain.remote_statements import RemoteStatements
from pacha.porcelain.removing import alone
from pacha.porcelain.repair import SET_ASIDE
from pacha.porcelain.roots import Roots, collect, mark
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName
from pacha.refs.transaction import Transaction
from pacha.remotes.entries import Update
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import PACKS, pack_key
from pacha.remotes.log import append
from pacha.remotes.records import scan_pack
from pacha.remotes.sending import meta_packs, renamed
from pacha.remotes.upload import Cargo, bring, next_entry
from pacha.store.data import TRASH_FOLDER, DataStore
from pacha.store.merge import checked_records
from pacha.store.pack import PackFile
from pacha.store.packwriter import PackWriter
from pacha.store.record import RecordHeader, checksum_of


class NoReason(Usage):
    """An erasure needs a reason that fits a line."""


class StillRead(Busy):
    """A running command relies on a pack that would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedThere:
    """What went from a remote. Units: bytes, as stored. `number` is the entry of its log, None with a dry run."""

    remote: str
    url: str
    number: int | None
    objects: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedVersion:
    """What was erased, or with `is_dry_run` would be. Units: bytes, as stored.

    `refs` are the names that the version has; `shared` counts objects that stay because others need them, `shared_with`
    are refs of those.
    """

    artifact: str
    manifest: str
    refs: tuple[str, ...]
    reason: str
    who: str
    when: str
    objects: int
    size: int
    shared: int
    shared_with: tuple[str, ...]
    remotes: tuple[ErasedThere, ...]
    path: str | None
    is_dry_run: bool


def erase(
    workspace: Workspace, manifest: ObjectId, reason: str, *, who: str, connections: Sequence[Connection], dry_run: bool
) -> ErasedVersion:
    """Erases. Errors: `NoReason`, `CannotCollect` where something is damaged, `StillRead`, `Busy`, those of `Remote`.

    Crash: the attestation is there and some bytes still are; the same command again removes them.
    """
    workspace.repository.check_is_here()
    with workspace.repository.objects.data.filled_by(None):
        return _erase(workspace, manifest, reason, who, connections, dry_run=dry_run)


def _erase(
    workspace: Workspace, manifest: ObjectId, reason: str, who: str, connections: Sequence[Connection], *, dry_run: bool
) -> ErasedVersion:
    text = reason.strip()
    if not text or len(text) > REASON_CHARACTERS_MAX or not text.isprintable():
        raise NoReason(f"a reason has 1 to {REASON_CHARACTERS_MAX} printable characters", hint="say it with --reason")
    said = Erasures(workspace.repository).of(manifest) or Erasure(
        manifest=manifest, reason=text, who=who, when=workspace.repository.now()
    )
    local = _Here(workspace, manifest)
    here = local.choose()
    for connection in connections:
        if connection.is_new:
            raise EmptyRemote(f"{connection.remote.url}: nothing was pushed there yet", hint="leave out this --remote")
        connection.holdings.load()
    there = [_There(workspace, connection, manifest) for connection in connections]
    if dry_run:
        remotes = [each.report(each.choose(), None) for each in there]
    else:
        ref, link = _attest(workspace, said)
        remotes = [each.erase(ref, link, who=who) for each in there]
        local.erase()
    return _report(workspace, local, said, here, remotes, is_dry_run=dry_run)


def _attest(workspace: Workspace, said: Erasure) -> tuple[RefName, Link]:
    """Says that a version is erased, once."""
    artifact = str(workspace.catalog.manifest(said.manifest).artifact)
    with workspace.session() as session, session.queue():
        link = session.put("attestation", attestation_of(said, artifact=artifact))
        session.settle()
        ref = attestation_ref(said.manifest, link.id)
        if workspace.repository.refs.read(ref) is None:
            session.apply(Transaction(create=((ref, link),)))
    return ref, link


# -- here ------------------------------------------------------------------------------------------------------------


class _Here:
    """The bytes in this store."""

    def __init__(self, workspace: Workspace, manifest: ObjectId) -> None:
        self._workspace = workspace
        self._data: DataStore = workspace.repository.objects.data
        self.manifest = workspace.catalog.manifest(manifest)
        self._id = manifest
        self.shared: set[Link] = set()
        self.size = 0

    def choose(self) -> set[ObjectId]:
        """What goes: what this version needs, and nothing else that could ever be asked for."""
        objects = self._workspace.repository.objects
        self._data.refresh()
        live = mark(self._workspace, self._others(collect(self._workspace)))
        wanted = {visit.link for visit in walk(objects, data_roots(self.manifest)) if objects.has(visit.link)}
        self.shared = {link for link in wanted if link.id in live}
        gone = {link.id for link in wanted} - live
        gone |= self._naming(gone, live)
        self.size = sum(place.stored_length for id, place in self._data.records() if id in gone)
        return gone

    def _others(self, roots: Roots) -> set[Link]:
        """The DATA that anything but this version, and those erased before, names."""
        objects = self._workspace.repository.objects
        erased = {erasure.manifest for erasure in Erasures(self._workspace.repository).here()} | {self._id}
        own = set(data_roots(self.manifest))
        kept: set[Link] = set()
        for source, links in roots.named.items():
            # Git's history and other work trees name every version; what only they know counts all the same.
            found = {link for link in links if is_data(link)}
            kept |= found if source in ("drafts", "unfinished") else found - own
        for link in objects.links("manifest"):
            try:
                value = objects.load(link)
            except (Absent, Corrupt):
                continue
            if isinstance(value, Manifest) and link.id not in erased:
                kept.update(data_roots(value))
        return kept

    def _naming(self, gone: Set[ObjectId], live: Set[ObjectId]) -> set[ObjectId]:
        """Trees that nothing names any more and that name what goes: what is stored has what it names (I1)."""
        loose = {Link(place.type, id) for id, place in self._data.records() if id not in live and id not in gone}
        found: set[ObjectId] = set()
        while True:
            new = {link.id for link in loose if not is_leaf(link) and self._names(link, gone | found)} - found
            if not new:
                return found
            found |= new

    def _names(self, link: Link, ids: Set[ObjectId]) -> bool:
        try:
            return any(inner.id in ids for inner in self._workspace.repository.objects.references(link))
        except (Absent, Corrupt):
            return False

    def erase(self) -> None:
        """Puts packs without those bytes in the place of those with them, and empties what may hold copies."""
        with self._workspace.session() as session, alone(self._workspace):
            self._bring_back(self.choose())
            gone = self.choose()
            packs = self._packs_of(gone)
            if packs & session.claimed_by_others():
                raise StillRead("a running command reads what is to go", hint="run it again when that is done")
            with session.pack_writer() as writer:
                for pack in sorted(packs):
                    self._copy(pack, gone, writer)
                receipt = writer.close()
            # Read back, as the bytes that stay now lie there alone (I9).
            for id in receipt.packs:
                for _ in checked_records(PackFile(self._data.root, f"{self._data.folder}/{id}.pack", id)):
                    pass
            for pack in packs - set(receipt.packs):
                self._data.root.remove(f"{self._data.folder}/{pack}.pack")
                self._data.root.remove(f"{self._data.folder}/{pack}.idx")
            self._data.refresh()
            self._empty()

    def _bring_back(self, gone: Set[ObjectId]) -> None:
        """Brings packs out of the trash that hold what goes, or rest on it: they are written anew with the others."""
        for pack, path in self._data.trashed().items():
            headers = [header for _, header in PackFile(self._data.root, path, pack).scan()]
            if any(header.id in gone or header.base in gone for header in headers):
                self._data.bring_back(pack, path)

    def _packs_of(self, gone: Set[ObjectId]) -> set[ObjectId]:
        return {
            place.pack
            for id, place in self._data.records()
            if id in gone or any(base in gone for base in self._data.bases_at(place))
        }

    def _copy(self, pack: ObjectId, gone: Set[ObjectId], writer: PackWriter) -> None:
        """Copies what stays. What was a difference to what goes is stored whole."""
        for header, payload in checked_records(self._data.pack(pack)):
            if header.id in gone:
                continue
            if header.base is not None and header.base in gone:
                plain = self._data.plain(header, payload, pack.hex)
                codec, stored, _ = writer.encode(plain, None)
                whole = replace(
                    header, codec=codec, stored_length=len(stored), checksum=_checksum(header, codec, stored), base=None
                )
                writer.add_stored(whole, memoryview(stored))
            else:
                writer.add_stored(header, payload)

    def _empty(self) -> None:
        """Removes what may hold copies of the bytes: what a repair set aside, and unfinished files of dead processes."""
        root = self._data.root
        for path in list(root.walk(TRASH_FOLDER)):
            if path.endswith(f".pack{SET_ASIDE}"):
                root.remove(path)
        for item in temporaries(self._workspace):
            root.remove(item.path)


def _checksum(header: RecordHeader, codec: int, stored: bytes | memoryview) -> bytes:
    """The checksum of a record: of one that is stored as it is, the beginning of its id."""
    return header.id.raw[: len(header.checksum)] if codec == 0 else checksum_of(stored)


# -- on a remote -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class _Going:
    """What goes from a remote: objects, and the packs that are put anew without them."""

    objects: set[ObjectId]
    packs: set[ObjectId]
    size: int


class _There:
    """The bytes on one remote."""

    def __init__(self, workspace: Workspace, connection: Connection, manifest: ObjectId) -> None:
        self._workspace = workspace
        self._connection = connection
        self._manifest = workspace.catalog.manifest(manifest)
        self._id = manifest

    def choose(self) -> _Going:
        """What goes, by what the remote has now. Errors: `CannotCollect`."""
        holdings = self._connection.holdings
        objects = RemoteObjects(self._workspace.repository.objects, holdings)
        erasures = Erasures(self._workspace.repository, RemoteStatements(holdings))
        refs = [held.link for held in self._connection.state.refs.values()]
        live = live_data(
            objects, holdings, refs, enter=lambda link: link.id != self._id and erasures.of(link.id) is None
        )
        wanted = live_data(objects, holdings, data_roots(self._manifest))
        gone = wanted - live
        if gone:
            gone |= _naming(objects, holdings, gone, live)
        packs = {place.pack for id, place in holdings.records() if id in gone}
        if gone:
            packs |= {each.pack for each in differences(holdings) if each.base in gone}
        size = sum(place.stored_length for id, place in holdings.records() if id in gone)
        return _Going(objects=gone, packs=packs, size=size)

    def erase(self, ref: RefName, link: Link, *, who: str) -> ErasedThere:
        """Says it in the remote's log and deletes. Errors: those of `Remote`, `PushLost`."""
        connection = self._connection
        for _ in range(ATTEMPTS_MAX):
            connection.holdings.load()
            going = self.choose()
            state = connection.state
            updates = () if state.link(ref) == link else (Update(ref=ref, new=link),)
            loose = self._loose(going.objects)
            if not (updates or going.packs or loose):
                return self.report(going, state.number)
            packs = [without(connection.holdings, pack, going.objects) for pack in sorted(going.packs)]
            taken = state.removed_packs | going.packs | loose | state.packs.keys()
            meta = () if not updates else tuple(meta_packs(self._workspace.repository.objects, [link]))
            cargo = Cargo(data=tuple(renamed([pack for pack in packs if pack is not None], taken)), meta=meta)
            brought = bring(connection.remote, cargo, self._workspace.repository.progress)
            entry = next_entry(
                state,
                updates=updates,
                brought=brought,
                removed=sorted(going.packs | loose),
                writer=who,
                time=self._workspace.repository.now(),
            )
            after = append(connection.remote, state, entry)
            if after is not None:
                connection.take(after)
                for pack in going.packs | loose:
                    connection.remote.delete(pack_key(pack))
                return self.report(going, after.number)
            time.sleep(random.uniform(0, PAUSE_SECONDS_MAX))
            connection.refresh()
        raise PushLost(f"{connection.remote.url}: others pushed again and again", hint="run the command again")

    def _loose(self, gone: Set[ObjectId]) -> set[ObjectId]:
        """Packs that the remote does not list, of a push that was cut or waiting for gc, with bytes that go.

        One that cannot be read is left to gc.
        """
        remote, state = self._connection.remote, self._connection.state
        if not remote.can_list or not gone:
            return set()
        found = set()
        for stored in remote.list(PACKS):
            stem = stored.key.removeprefix(PACKS).removesuffix(".pack")
            try:
                pack = ObjectId.parse(stem)
                if pack not in state.packs and self._holds(pack, stored.size, gone):
                    found.add(pack)
            except (Corrupt, NotFound, Usage):
                continue
        return found

    def _holds(self, pack: ObjectId, size: int, gone: Set[ObjectId]) -> bool:
        """Whether a pack that no entry lists has an object."""
        unlisted = Holdings(self._connection.remote, self._connection.state.with_pack(pack, size))
        return any(record.header.id in gone for record in scan_pack(unlisted, pack))

    def report(self, going: _Going, number: int | None) -> ErasedThere:
        """What went, in numbers."""
        return ErasedThere(
            remote=self._connection.name,
            url=self._connection.remote.url,
            number=number,
            objects=len(going.objects),
            size=going.size,
        )


def _naming(objects: RemoteObjects, holdings: Holdings, gone: Set[ObjectId], live: Set[ObjectId]) -> set[ObjectId]:
    """Trees that no ref reaches and that name what goes: who pushes looks no further than a tree that is there (I1)."""
    loose = {Link(place.type, id) for id, place in holdings.records() if id not in live and id not in gone}
    names: dict[Link, set[ObjectId]] = {}
    for link in loose:
        if is_data(link) and not is_leaf(link):
            try:
                names[link] = {inner.id for inner in objects.references(link)}
            except (Absent, Corrupt):
                names[link] = set(gone)
    found: set[ObjectId] = set()
    while new := {link.id for link, inner in names.items() if inner & (gone | found)} - found:
        found |= new
    return found


def _report(
    workspace: Workspace,
    local: _Here,
    said: Erasure,
    gone: Set[ObjectId],
    remotes: Iterable[ErasedThere],
    *,
    is_dry_run: bool,
) -> ErasedVersion:
    repository = workspace.repository
    refs = {ref: link for ref in repository.refs.walk() if (link := repository.refs.read(ref)) is not None}

    def contents(link: Link) -> Iterable[Link]:
        found = repository.objects.references(link)
        return [each for each in found if link.type != "manifest" or is_data(each)]

    concerns = Concerns(contents, refs)
    names = set(concerns.of([Link("manifest", said.manifest)]))
    return ErasedVersion(
        artifact=str(local.manifest.artifact),
        manifest=said.manifest.hex,
        refs=tuple(sorted(name for name in names if not name.startswith("refs/attestations/"))),
        reason=said.reason,
        who=said.who,
        when=said.when,
        objects=len(gone),
        size=local.size,
        shared=len(local.shared),
        shared_with=tuple(sorted(set(concerns.of(local.shared)) - names)) if local.shared else (),
        remotes=tuple(remotes),
        path=local.manifest.path,
        is_dry_run=is_dry_run,
    )
