"""What the objects of a remote name, read from this store where it has them, and else from the remote. Writes nothing."""

from pacha.base.errors import Absent, Corrupt
from pacha.objects.types import Link, Storage, type_named
from pacha.remotes.holdings import Holdings
from pacha.remotes.meta import MetaReader
from pacha.remotes.records import RemoteRecords
from pacha.store.data import ObjectAbsent
from pacha.store.objects import Objects


class RemoteObjects:
    """The objects of a remote as they can be read now. An id vouches for bytes wherever they come from."""

    def __init__(self, objects: Objects, holdings: Holdings, *, reads_remote: bool = True) -> None:
        self._objects = objects
        self._meta = MetaReader(holdings)
        self._records = RemoteRecords(holdings)
        self._reads_remote = reads_remote

    def references(self, link: Link) -> tuple[Link, ...]:
        """What an object names. Errors: `ObjectAbsent` where neither has it, `Corrupt` family, those of `Remote`."""
        try:
            with self._objects.data.filled_by(None):
                return self._objects.references(link)
        except (Absent, Corrupt):
            if not self._reads_remote and type_named(link.type).storage is Storage.DATA:
                raise
        data = self._read(link)
        if data is None:
            raise ObjectAbsent(link)
        kind = type_named(link.type)
        return tuple(kind.references(kind.decode(data)))

    def load(self, link: Link) -> object:
        """An object as a value. Errors: as `references`."""
        try:
            return self._objects.load(link)
        except (Absent, Corrupt):
            data = self._read(link)
        if data is None:
            raise ObjectAbsent(link)
        return type_named(link.type).decode(data)

    def _read(self, link: Link) -> bytes | None:
        is_meta = type_named(link.type).storage is Storage.META
        return self._meta.read(link) if is_meta else self._records.read(link)
