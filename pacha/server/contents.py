"""The records of a served folder, as its log says after an entry: found through its indexes, which are mapped, not read."""

import mmap
import os
from collections.abc import Iterable

from pacha.base.errors import Corrupt
from pacha.base.files import NoSuchFile, NotRegular, Root
from pacha.base.ids import ObjectId
from pacha.objects.types import Link
from pacha.remotes.folder import FolderRemote
from pacha.remotes.holdings import Holdings, IndexCache
from pacha.remotes.keys import index_key, pack_key
from pacha.remotes.state import State
from pacha.server.asking import Unacceptable
from pacha.server.checking import Place, check_record
from pacha.store.codec import Codecs
from pacha.store.pack import PackFile
from pacha.store.packindex import BadIndex, PackIndex


class MappedIndexes(IndexCache):
    """The indexes where they lie: the system keeps of them what is used, and memory stays flat."""

    def __init__(self, root: Root) -> None:
        super().__init__(None)
        self._files = root
        self._mapped: dict[ObjectId, PackIndex] = {}

    def get(self, id: ObjectId) -> PackIndex | None:
        """An index, if it is there and sound."""
        found = self._mapped.get(id)
        if found is None:
            found = self._map(id)
            if found is not None:
                self._mapped[id] = found
        return found

    def keep_only(self, ids: Iterable[ObjectId]) -> None:
        """Lets go of every index but these."""
        wanted = set(ids)
        for id in [id for id in self._mapped if id not in wanted]:
            del self._mapped[id]

    def _map(self, id: ObjectId) -> PackIndex | None:
        try:
            return mapped(self._files, index_key(id))[0]
        except (NoSuchFile, NotRegular, BadIndex):
            return None


def mapped(root: Root, path: str) -> tuple[PackIndex, int]:
    """An index where it lies, and its size in bytes. Errors: `NoSuchFile`, `NotRegular`, `BadIndex`."""
    descriptor = root.open_file(path)
    try:
        data = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        return PackIndex(data), len(data)
    except (ValueError, OSError) as error:
        raise BadIndex(f"{path}: cannot be mapped") from error
    finally:
        os.close(descriptor)


class Contents:
    """What can be found in the packs that a state lists."""

    def __init__(self, root: Root, remote: FolderRemote, state: State, indexes: MappedIndexes) -> None:
        self._root = root
        indexes.keep_only(state.indexes)
        self._holdings = Holdings(remote, state, indexes)
        self._packs: dict[ObjectId, PackFile] = {}

    def has(self, link: Link) -> bool:
        """Tells whether an object of that type is there."""
        return any(place.type == link.type for place in self._holdings.locate(link.id))

    def find(self, id: ObjectId) -> Place | None:
        """A record; None if there is none."""
        for place in self._holdings.locate(id):
            try:
                pack = self._packs.get(place.pack) or PackFile(self._root, pack_key(place.pack), place.pack)
                self._packs[place.pack] = pack
                header = pack.header_at(place.offset)
            except (NoSuchFile, Corrupt):
                continue
            if header.id == id:
                return pack, place.offset, header
        return None

    def read(self, codecs: Codecs, link: Link) -> bytes:
        """An object's bytes. Errors: `Unacceptable`."""
        place = self.find(link.id)
        if place is None or place[2].type != link.type:
            raise Unacceptable(f"what is sent names {link}, which is not there")
        return check_record(codecs, place, self.find)
