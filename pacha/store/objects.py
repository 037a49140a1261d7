"""All objects of a repository behind one door: META in files, DATA in packs, told apart by their type."""

from collections.abc import Iterator, Mapping

from pacha.base.errors import Corrupt
from pacha.base.files import Batch
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link, Storage, type_named
from pacha.store.data import DataStore
from pacha.store.meta import MetaStore


class Objects:
    """Reads any object as an expected type; nothing is parsed before its id was checked (I5)."""

    def __init__(self, meta: MetaStore, data: DataStore) -> None:
        self.meta = meta
        self.data = data

    def has(self, link: Link) -> bool:
        """Tells whether the object is stored here."""
        if type_named(link.type).storage is Storage.META:
            return self.meta.has(link)
        return self.data.has(link.id)

    def read(self, link: Link) -> bytes:
        """Returns an object's bytes, checked against its id. Errors: `Absent`, `Corrupt` families."""
        kind = type_named(link.type)
        data = self.meta.read(link) if kind.storage is Storage.META else self.data.read(link)
        if len(data) > kind.size_max:
            raise Corrupt(f"{link} has {len(data)} bytes; the most for its type is {kind.size_max}", object=str(link))
        return data if isinstance(data, bytes) else bytes(data)

    def load(self, link: Link) -> object:
        """Returns an object as a value. Errors: those of `read`, and `Corrupt` if it is not well formed."""
        data = self.read(link)
        try:
            return type_named(link.type).decode(data)
        except Corrupt as error:
            raise type(error)(f"{link}: {error.message}", hint=error.hint, **error.nouns) from error

    def put_meta(self, batch: Batch, type_name: str, value: object) -> Link:
        """Queues a META value and returns its link; it is durable after the batch's barrier."""
        data = type_named(type_name).encode(value)
        link = Link(type_name, hash_bytes(data))
        self.meta.put(batch, link, data)
        return link

    def links(self, type_name: str) -> Iterator[Link]:
        """Every stored object of one type, each once."""
        if type_named(type_name).storage is Storage.META:
            yield from self.meta.links(type_name)
            return
        seen: set[ObjectId] = set()
        for id, place in self.data.records():
            if place.type == type_name and id not in seen:
                seen.add(id)
                yield Link(type_name, id)

    def references(self, link: Link) -> tuple[Link, ...]:
        """What an object names: the one way in which anything walks the store."""
        kind = type_named(link.type)
        return tuple(kind.references(self.load(link)))


def counts(objects: Objects) -> Mapping[str, int]:
    """How many records of each DATA type the packs hold, repeated ids included."""
    found: dict[str, int] = {}
    for _, place in objects.data.records():
        found[place.type] = found.get(place.type, 0) + 1
    return found
