"""The served folder: reads what lies there, and takes what is sent after it was looked at.

What comes in is written under another name, flushed, checked, and only then put in place. Log entries are judged one at
a time; create-if-absent decides even so, since others may write into the folder by another way (I2).
"""

import os
import threading
from collections.abc import Iterable, Iterator

from pacha.base.errors import PachaError
from pacha.base.files import Durability, NewFile, NoSuchFile, Root, read_exactly
from pacha.base.ids import Hasher, ObjectId
from pacha.objects.types import Link, Storage
from pacha.remotes.compact import is_due, write_down
from pacha.remotes.entries import BadEntry, Chained, LogEntry, RemotePack, decode_file
from pacha.remotes.folder import TEMPORARY, FolderRemote
from pacha.remotes.keys import (
    DELTA_ENTRIES,
    FORMAT,
    PROBE,
    checkpoint_key,
    delta_key,
    index_key,
    is_key,
    log_key,
    number_of,
    pack_key,
)
from pacha.remotes.log import read_state
from pacha.remotes.remote import Stored
from pacha.remotes.state import EMPTY, State
from pacha.server.asking import ExistsAlready, FilePart, NotAllowed, OpenFile, Stale, Unacceptable
from pacha.server.checking import Table, check_pack, check_record, check_rows, meta_links, table_of
from pacha.server.contents import Contents, MappedIndexes, mapped
from pacha.server.judging import check_follows, check_named, check_updates
from pacha.server.limits import Limits
from pacha.server.tokens import Caller
from pacha.store.codec import Codecs
from pacha.store.pack import PackFile
from pacha.store.packindex import BadIndex, PackIndex

_HASHED_PIECE_BYTES = 1 << 20
#: What clients that were cut off left behind, and those that are trying just now.
PROBES_MAX = 500


class Depot:
    """One served folder. Any thread may call. Every refusal is a `Refusal`."""

    def __init__(self, path: str, limits: Limits, *, durability: Durability = Durability.BATCH) -> None:
        self.remote = FolderRemote(path, durability=durability)
        self.limits = limits
        self.root = Root(self.remote.path, temporary=TEMPORARY, durability=durability)
        self._lock = threading.Lock()
        self._known = EMPTY
        self._indexes = MappedIndexes(self.root)

    def open(self, key: str) -> FilePart:
        """Opens a value. Errors: `NoSuchFile`, `NotRegular`."""
        descriptor = self.root.open_file(key)
        return FilePart(file=OpenFile(descriptor), start=0, length=os.fstat(descriptor).st_size)

    def list(self, prefix: str, *, after: str) -> Iterator[Stored]:
        """The values of a folder by key; what is no key of Pacha's is passed by."""
        return (stored for stored in self.remote.list(prefix, after=after) if is_key(stored.key))

    # -- what is named by its content ------------------------------------------------------------------------------

    def put_pack(self, id: ObjectId, file: NewFile) -> None:
        """Takes a pack. Errors: `Unacceptable`."""
        check_pack(PackFile(self.root, file.path, id))
        self._place(file, pack_key(id))

    def put_index(self, id: ObjectId, file: NewFile) -> None:
        """Takes an index; whether it is true of its packs is looked at when an entry names it. Errors: `Unacceptable`."""
        if self._hash(file) != id:
            raise Unacceptable("the bytes do not have the id that they are sent under")
        try:
            mapped(self.root, file.path)
        except BadIndex as error:
            raise Unacceptable(error.message) from error
        self._place(file, index_key(id))

    def _hash(self, file: NewFile) -> ObjectId:
        hasher = Hasher()
        at = 0
        while piece := read_exactly(file.descriptor, _HASHED_PIECE_BYTES, at):
            hasher.update(piece)
            at += len(piece)
        return hasher.id()

    def _place(self, file: NewFile, key: str) -> None:
        file.flush()
        file.rename(key)

    # -- what is written once --------------------------------------------------------------------------------------

    def put_format(self, file: NewFile) -> bool:
        """Takes the document that says which repository this is; tells whether it is new. Errors: `ExistsAlready`."""
        data = self.root.read(file.path, size_max=self.limits.format_bytes)
        if not data.startswith(b"pacha") or not data.decode("ascii", "replace").replace("\n", "").isprintable():
            raise Unacceptable("not the format of a remote")
        return self._create(FORMAT, data)

    def put_probe(self, key: str, file: NewFile) -> bool:
        """Takes a value by which a client tries this place; old ones go, so that they never pile up."""
        for old in list(self.remote.list(PROBE))[:-PROBES_MAX]:
            self.remote.delete(old.key)
        return self._create(key, self.root.read(file.path, size_max=self.limits.format_bytes))

    def put_entry(self, number: int, file: NewFile, caller: Caller) -> bool:
        """Takes a log entry; tells whether it is new: the same one twice is fine.

        Errors: `ExistsAlready` and `Stale` where somebody was first, `NotAllowed`, `Unacceptable`.
        """
        data = self.root.read(file.path, size_max=self.limits.entry_bytes)
        with self._lock:
            state = self.state()
            if number <= state.number:
                return self._create(log_key(number), data)
            newest = self._decode(data, number)
            check_follows(newest.entry, state)
            check_updates(newest.entry, state, caller)
            after = state.after([newest])
            self._check_brought(newest.entry, state, after)
            is_new = self._create(log_key(number), data)
            self._known = after
        return is_new

    def write_down(self, number: int) -> None:
        """Writes what readers need not read the log for, where it is time. Readers go without if it fails."""
        if is_due(number):
            try:
                write_down(self.remote, number)
            except PachaError:
                return
            with self._lock:
                # Read anew, the state has merged packs and indexes in the place of many.
                self._known = EMPTY

    def catch_up(self) -> None:
        """Writes down what a server that was stopped left out. A damaged log is told to those who read it."""
        try:
            number = self.state().number // DELTA_ENTRIES * DELTA_ENTRIES
            if number and all(self.remote.size(key(number)) is None for key in (checkpoint_key, delta_key)):
                self.write_down(number)
        except PachaError:
            return

    def _create(self, key: str, data: bytes) -> bool:
        was_there = self.remote.size(key) is not None
        if not self.remote.create(key, data):
            raise ExistsAlready(f"{key} holds something else already", hint=Stale.usual_hint, key=key)
        return not was_there

    @staticmethod
    def _decode(data: bytes, number: int) -> Chained:
        try:
            return decode_file(data, number=number, where="the body")[0]
        except BadEntry as error:
            raise Unacceptable(error.message) from error

    def state(self) -> State:
        """What the log says now. Errors: `BadEntry`, `RolledBack`."""
        self._known = read_state(self.remote, known=self._known)
        return self._known

    # -- what an entry brings --------------------------------------------------------------------------------------

    def _check_brought(self, entry: LogEntry, state: State, after: State) -> None:
        """Checks that an entry tells the truth about its packs, and that what its refs name is there, all of META."""
        indexes = [self._index(index.id, index.size) for index in entry.indexes_added]
        said = 0
        for pack in entry.packs_added:
            about = [index for index in indexes if pack.id in index.packs]
            if not about and pack.id not in state.packs:
                raise Unacceptable("a pack comes without an index")
            table = self._described(pack)
            for index in about:
                check_rows(index, pack.id, table.rows)
            said += len(table.rows) * len(about)
        if said != sum(index.count for index in indexes):
            raise Unacceptable("an index has rows that are about no record of the packs that come with it")
        contents = Contents(self.root, self.remote, after, self._indexes)
        codecs = Codecs()
        for pack in entry.packs_added:
            # Read once more: the tables of all packs at once would be as large as whoever sends them likes.
            held = PackFile(self.root, pack_key(pack.id), pack.id)
            _check_new(codecs, held, table_of(held), contents)
        for update in entry.updates:
            check_named(update, lambda link: contents.read(codecs, link))

    def _described(self, pack: RemotePack) -> Table:
        """What the headers say of a pack that an entry adds."""
        try:
            held = PackFile(self.root, pack_key(pack.id), pack.id)
        except NoSuchFile as error:
            raise Unacceptable(f"the entry names the pack {pack.id.short}, which is not there") from error
        table = table_of(held)
        if held.size != pack.size or table.storages != {pack.storage}:
            raise Unacceptable(f"the pack {pack.id.short} is not as the entry says")
        return table

    def _index(self, id: ObjectId, size: int) -> PackIndex:
        """An index that an entry adds. Errors: `Unacceptable`."""
        try:
            index, true_size = mapped(self.root, index_key(id))
        except (NoSuchFile, BadIndex) as error:
            raise Unacceptable(f"the entry names the index {id.short}, which is not there") from error
        if true_size != size or len(set(index.packs)) != len(index.packs):
            raise Unacceptable(f"the index {id.short} is not as the entry says")
        return index

    # -- taking away -----------------------------------------------------------------------------------------------

    def delete(self, key: str, *, id: ObjectId | None = None) -> None:
        """Removes a value that nothing names. Errors: `NotAllowed` for one that the log still names."""
        with self._lock:
            state = self.state()
            if id is not None and (id in state.packs or id in state.indexes):
                raise NotAllowed(f"the log still names {key}", hint="an entry takes it off the list first", key=key)
            self.remote.delete(key)

    def number(self, name: str) -> int:
        """The number that a key's name is. Errors: `Unacceptable`."""
        number = number_of(name)
        if not number:
            raise Unacceptable(f"not the number of an entry: {name[:40]!r}")
        return number


def _check_new(codecs: Codecs, pack: PackFile, table: Table, contents: Contents) -> None:
    """Decodes what could not be decoded when the pack came, and follows what its META names."""
    for offset in table.foreign:
        check_record(codecs, (pack, offset, pack.header_at(offset)), contents.find)
    if Storage.META in table.storages:
        for row in table.rows:
            data = check_record(codecs, (pack, row.offset, pack.header_at(row.offset)), contents.find)
            _check_links(contents, meta_links(row.type, data))


def _check_links(contents: Contents, links: Iterable[Link]) -> None:
    for link in links:
        if not contents.has(link):
            raise Unacceptable(f"what is sent names {link}, which is not there")
