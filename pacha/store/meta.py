"""META objects: one small text file each, `objects/<type>/<2 digits>/<62 digits>.json`, committed to Git.

What was fetched and is not in this checkout lies in the same layout below `local/`, and is read like the rest.
"""

from collections.abc import Callable, Iterator, Mapping

from pacha.base.errors import Corrupt
from pacha.base.files import Batch, NoSuchFile, Root
from pacha.base.ids import HEX_DIGITS, ObjectId, hash_bytes, is_prefix
from pacha.objects.types import Link, ObjectType, Storage, all_types, type_named
from pacha.store.data import ObjectAbsent

#: Where META lies: what Git carries first, what was fetched second.
SHARED, FETCHED = "objects", "local/objects"
ENDING = ".json"


class MetaMismatch(Corrupt):
    """A META file's bytes do not have the id that its name says."""


def meta_path(link: Link, *, place: str = SHARED) -> str:
    """The file of a META object below `.pacha`."""
    digits = link.id.hex
    return f"{place}/{link.type}/{digits[:2]}/{digits[2:]}{ENDING}"


class MetaStore:
    """META files below one root."""

    def __init__(self, root: Root) -> None:
        self.root = root
        #: Asked for an object that is not here; its bytes are checked already.
        self.filler: Callable[[Link], bytes | None] | None = None

    def has(self, link: Link) -> bool:
        """Tells whether the object can be read, whatever its file holds."""
        return self.is_file(link) or (self.filler is not None and self.filler(link) is not None)

    def is_file(self, link: Link) -> bool:
        """Tells whether a file of that name is here, whatever it holds."""
        return any(self.root.stat(meta_path(link, place=place)) is not None for place in (SHARED, FETCHED))

    def read(self, link: Link) -> bytes:
        """Returns the object's bytes, checked against its id. Errors: `ObjectAbsent`, `MetaMismatch`, `NotRegular`."""
        size_max = type_named(link.type).size_max
        for place in (SHARED, FETCHED):
            path = meta_path(link, place=place)
            try:
                data = self.root.read(path, size_max=size_max)
            except NoSuchFile:
                continue
            if hash_bytes(data) != link.id:
                raise mismatch(link, self.root.full(path), data)
            return data
        found = None if self.filler is None else self.filler(link)
        if found is None:
            raise MetaAbsent(link)
        return found

    def keep(self, found: Mapping[Link, bytes]) -> None:
        """Writes objects that were fetched where nothing depends on them, and flushes nothing."""
        for link, data in found.items():
            self.root.replace(meta_path(link, place=FETCHED), data, durable=False)

    def is_shared(self, link: Link) -> bool:
        """Tells whether a file of that name is among those that Git carries."""
        return self.root.stat(meta_path(link)) is not None

    def put(self, batch: Batch, link: Link, data: bytes, *, place: str = SHARED) -> None:
        """Queues an object unless a sound copy is here; a damaged one is replaced at once."""
        path = meta_path(link, place=place)
        try:
            present = self.root.read(path, size_max=len(data))
        except NoSuchFile:
            batch.create(path, data)
            return
        except Corrupt:
            present = b""
        if present != data:
            self.root.replace(path, data)

    def links(self, type_name: str) -> Iterator[Link]:
        """Every object of one type that has a file here, those fetched included, each once."""
        for place in (SHARED, FETCHED):
            folder = f"{place}/{type_name}"
            fans = [found for found in self.root.entries(folder) if found.is_folder]
            for fan in sorted(fans, key=lambda found: found.name):
                for found in sorted(self.root.entries(f"{folder}/{fan.name}"), key=lambda found: found.name):
                    digits = fan.name + found.name.removesuffix(ENDING)
                    if not found.name.endswith(ENDING) or not is_hex_id(digits):
                        continue
                    link = Link(type_name, ObjectId.parse(digits))
                    if place == SHARED or self.root.stat(meta_path(link)) is None:
                        yield link

    def starting_with(self, type_name: str, prefix: str) -> set[ObjectId]:
        """The ids of one type that begin with some digits (at least two)."""
        found = set()
        for place in (SHARED, FETCHED):
            for entry in self.root.entries(f"{place}/{type_name}/{prefix[:2]}"):
                digits = prefix[:2] + entry.name.removesuffix(ENDING)
                if digits.startswith(prefix) and is_hex_id(digits):
                    found.add(ObjectId.parse(digits))
        return found


class MetaAbsent(ObjectAbsent):
    """A META object is named, and neither this checkout nor what was fetched has it."""

    def __init__(self, link: Link) -> None:
        super().__init__(link)
        self.message = f"{link} is not here"
        self.args = (self.message,)
        self.hint = "commit or merge the `.pacha` folder that has it, or run `pacha fetch`"


def is_hex_id(text: str) -> bool:
    """Tells whether a text is 64 lower-case hexadecimal digits."""
    return len(text) == HEX_DIGITS and is_prefix(text)


def mismatch(link: Link, path: str, data: bytes) -> MetaMismatch:
    """The error for a META file with other bytes; it says so where Git has changed the line endings."""
    hint = "restore it with `git checkout` or from a remote"
    if not data:
        return MetaMismatch(f"{path}: {link} is empty", hint=hint, path=path, object=str(link))
    for old, new, name in ((b"\r\n", b"\n", "CRLF"), (b"\n", b"\r\n", "LF")):
        if hash_bytes(data.replace(old, new)) == link.id:
            hint = "let `.pacha/.gitattributes` say `* -text`, then check the file out again"
            return MetaMismatch(
                f"{path}: Git has changed the line endings of {link} to {name}", hint=hint, path=path, object=str(link)
            )
    return MetaMismatch(f"{path}: the bytes of {link} do not have that id", hint=hint, path=path, object=str(link))


def meta_types() -> list[ObjectType]:
    """The object types that are stored as META."""
    return [kind for kind in all_types() if kind.storage is Storage.META]
