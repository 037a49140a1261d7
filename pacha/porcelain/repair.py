"""Heals what is damaged or missing here from a remote: byte for byte what it was, since its id says what that is.

Nothing is deleted. A damaged file is set aside in the trash under a name that no reader takes up, after what is sound
in it was written again. What the remote does not have either is left, and told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt, RemoteFailed
from pacha.base.files import NoSuchFile, Root
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_data
from pacha.objects.types import Link
from pacha.porcelain.connect import Connection
from pacha.porcelain.getting import Writers
from pacha.porcelain.problems import Problem, Severity
from pacha.porcelain.removing import alone, trash_folder
from pacha.porcelain.workspace import Workspace
from pacha.remotes.meta import MetaReader
from pacha.remotes.receiving import Receiver
from pacha.repo.session import Session
from pacha.store.codec import UnknownCodec
from pacha.store.data import DataStore
from pacha.store.meta import SHARED
from pacha.store.pack import PackFile, check_stored
from pacha.store.packindex import Location
from pacha.store.record import RecordHeader

#: Ends the name of a file that was set aside, so that no reader of the trash brings it back.
SET_ASIDE = ".damaged"
#: A damaged pack of which every record is sound is copied aside in pieces of this size.
_PIECE_BYTES = 4 << 20
#: What a newer version wrote is not damaged.
_NOT_DAMAGE = ("badCodec", "unknownKind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """What was healed, the files that were set aside, and what the remote could not give."""

    remote: str
    healed: tuple[Link, ...]
    set_aside: tuple[str, ...]
    not_healed: tuple[Link, ...]


def repair(workspace: Workspace, connection: Connection, problems: Sequence[Problem]) -> Repaired:
    """Heals what fsck has found. Errors: those of `Remote`, `Busy` where gc or a repack runs.

    Crash: what was set aside lies in the trash, and what was healed is here; the next repair goes on.
    """
    damage = [found for found in problems if found.severity is Severity.ERROR and found.check not in _NOT_DAMAGE]
    connection.holdings.load()
    data = workspace.repository.objects.data
    with workspace.session() as session, alone(workspace), data.filled_by(None):
        work = _Work(workspace, connection, session)
        work.heal_meta([found for found in damage if found.object is not None and not is_data(found.object)])
        work.heal_data(damage)
    return Repaired(
        remote=connection.name,
        healed=tuple(sorted(work.healed)),
        set_aside=tuple(work.set_aside),
        not_healed=tuple(sorted(work.not_healed - work.healed)),
    )


class _Work:
    """One repair."""

    def __init__(self, workspace: Workspace, connection: Connection, session: Session) -> None:
        self._workspace = workspace
        self._connection = connection
        self._session = session
        self._trash = trash_folder(workspace)
        self.healed: set[Link] = set()
        self.not_healed: set[Link] = set()
        self.set_aside: list[str] = []

    # -- META ------------------------------------------------------------------------------------------------------

    def heal_meta(self, damage: Iterable[Problem]) -> None:
        """Writes damaged and missing documents anew, with what they name."""
        reader = MetaReader(self._connection.holdings)
        for found in damage:
            link = found.object
            assert link is not None
            if link in self.healed:
                continue
            closure = self._closure(reader, link)
            if not closure:
                self.not_healed.add(link)
                continue
            if found.path is not None:
                self._set_document_aside(found.path)
            for each, document in reversed(closure.items()):
                self._session.put_bytes(each, document)
                self.healed.add(each)
            self._session.settle()

    def _closure(self, reader: MetaReader, link: Link) -> dict[Link, bytes]:
        """A document, and what it names of META and is not here; nothing where the remote cannot give it."""
        meta = self._workspace.repository.objects.meta
        try:
            if reader.read(link) is None:
                return {}
            return reader.closure([link], is_here=lambda each: each != link and meta.has(each))
        except Corrupt:
            return {}

    def _set_document_aside(self, path: str) -> None:
        root = self._workspace.repository.root
        inside = path.removeprefix(root.full("")).lstrip("/")
        if inside.startswith((f"{SHARED}/", "local/objects/")) and root.stat(inside) is not None:
            self._move(root, inside)

    def _move(self, root: Root, path: str) -> None:
        target = f"{self._trash}/{path.replace('/', '-')}{SET_ASIDE}"
        root.move(path, target)
        self.set_aside.append(root.full(target))

    # -- DATA ------------------------------------------------------------------------------------------------------

    def heal_data(self, damage: Sequence[Problem]) -> None:
        """Writes the sound records of damaged packs anew, sets those packs aside, and fetches what is missing then."""
        data = self._workspace.repository.objects.data
        data.refresh()
        full = {data.root.full(path): pack for pack, path in data.packs().items()}
        packs = {full[found.path] for found in damage if found.path in full}
        lost = {found.object for found in damage if found.object is not None and is_data(found.object)}
        for pack in sorted(packs):
            lost.update(self._salvage(data, pack))
        data.refresh()
        self._fetch([link for link in sorted(lost) if not data.has(link.id)])
        self.healed.update(link for link in lost if link not in self.not_healed)

    def _salvage(self, data: DataStore, id: ObjectId) -> set[Link]:
        """Writes what is sound in a pack into a new one and sets the pack aside; returns what was not."""
        pack = data.pack(id)
        lost: set[Link] = set()
        with self._session.pack_writer() as writer:
            for link, place in _places(data, pack):
                record = _sound_record(data, pack, link, place)
                if record is None:
                    lost.add(link)
                else:
                    writer.add_stored(*record)
            if not lost:
                # The new pack may have the old one's name, and take its place.
                self._copy_aside(data.root, pack)
            receipt = writer.close()
        if id not in receipt.packs:
            path = f"{self._trash}/{id}.pack{SET_ASIDE}"
            if data.set_aside(id, path):
                self.set_aside.append(data.root.full(path))
        return lost

    def _copy_aside(self, root: Root, pack: PackFile) -> None:
        path = f"{self._trash}/{pack.id}.pack{SET_ASIDE}"
        file = root.new_file()
        try:
            for start in range(0, pack.size, _PIECE_BYTES):
                file.write(pack.read_at(start, min(_PIECE_BYTES, pack.size - start)))
            file.flush()
            file.rename(path)
        finally:
            file.discard()
        self.set_aside.append(root.full(path))

    def _fetch(self, links: Sequence[Link]) -> None:
        objects = self._workspace.repository.objects
        progress = self._workspace.repository.progress
        receiver = Receiver(self._connection.holdings, objects, Writers(self._session).new, progress)
        progress.start(f"healing from {self._connection.name}")
        try:
            for link in links:
                try:
                    if not receiver.fetch_one(link):
                        self.not_healed.add(link)
                except (Absent, Corrupt, RemoteFailed):
                    # One that the remote cannot give must not keep the others from being healed.
                    self.not_healed.add(link)
        finally:
            progress.finish()


def _places(data: DataStore, pack: PackFile) -> list[tuple[Link, Location]]:
    """The records of a pack: by its index, and where there is none, as far as its headers can be followed."""
    found = {place.offset: (Link(place.type, id), place) for id, place in data.records() if place.pack == pack.id}
    if not found:
        try:
            for offset, head in pack.scan():
                place = Location(pack.id, offset, head.stored_length, head.plain_length, head.type, head.codec)
                found[offset] = (Link(head.type, head.id), place)
        except Corrupt as error:
            # What lies behind the damage is not known; what needs it is told as missing.
            del error
    return [found[offset] for offset in sorted(found)]


def _sound_record(
    data: DataStore, pack: PackFile, link: Link, place: Location
) -> tuple[RecordHeader, memoryview] | None:
    try:
        header, payload = pack.record_at(place.offset, place.stored_length)
        if Link(header.type, header.id) != link:
            return None
        check_stored(header, payload, pack.path)
        data.plain(header, payload, pack.path)
    except (Corrupt, UnknownCodec, NoSuchFile):
        return None
    return header, payload
