"""Walking the files of a tree: in order of their paths' folders, through fan-outs and levels of chunklists."""

from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.errors import NotFound
from pacha.base.ids import ObjectId
from pacha.base.paths import DEPTH_MAX, check_path
from pacha.objects.chunklist import DEPTH_MAX as LEVELS_MAX
from pacha.objects.chunklist import Chunklist
from pacha.objects.tree import FANOUT_DEPTH_MAX, FileEntry, Tree, TreeEntry, name_digits
from pacha.objects.types import BadObject, Link
from pacha.store.objects import Objects


class NoSuchEntry(NotFound):
    """An artifact has no file or folder of that path."""


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of an artifact, with where its bytes are."""

    path: str
    entry: TreeEntry

    @property
    def digest(self) -> ObjectId:
        """The BLAKE3 of the file's bytes."""
        return self.entry.digest if self.entry.digest is not None else self.entry.link.id

    def listed(self) -> FileEntry:
        """The file as a manifest lists it."""
        return FileEntry(path=self.path, size=self.entry.size, digest=self.digest, executable=self.entry.executable)


def folder_entries(objects: Objects, tree: ObjectId) -> list[TreeEntry]:
    """The entries of one folder, fans followed, sorted by name. Errors: `Absent`, `Corrupt`."""
    entries: list[TreeEntry] = []
    todo = [(Link("tree", tree), 0, "")]
    while todo:
        link, depth, digits = todo.pop()
        value = objects.load(link)
        assert isinstance(value, Tree)
        if value.fans and depth >= FANOUT_DEPTH_MAX:
            raise BadObject(f"{link}: fans out more than {FANOUT_DEPTH_MAX} times")
        todo.extend((fan.link, depth + 1, digits + fan.digit) for fan in value.fans)
        for entry in value.entries:
            if digits and not name_digits(entry.name).startswith(digits):
                raise BadObject(f"{link}: the entry {entry.name!r} is in a fan where it does not belong")
            entries.append(entry)
    return sorted(entries, key=lambda entry: entry.name.encode("utf-8"))


def tree_files(objects: Objects, tree: ObjectId) -> Iterator[TreeFile]:
    """Every file below a tree. Errors: `Absent`, `Corrupt`, `BadPath`."""
    todo: list[tuple[str, ObjectId, int]] = [("", tree, 0)]
    while todo:
        folder, id, depth = todo.pop()
        if depth > DEPTH_MAX:
            raise BadObject(f"tree:{tree} is more than {DEPTH_MAX} folders deep")
        for entry in folder_entries(objects, id):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_folder:
                todo.append((path, entry.link.id, depth + 1))
            else:
                yield TreeFile(check_path(path), entry)


def find_entry(objects: Objects, tree: ObjectId, path: str) -> TreeEntry:
    """The file or folder of a path. Reads only the trees on the way. Errors: `NoSuchEntry`, `Absent`, `Corrupt`."""
    entry: TreeEntry | None = None
    id = tree
    for part in path.split("/"):
        if entry is not None and not entry.is_folder:
            raise _no_entry(path)
        entry = _entry_named(objects, id, part)
        if entry is None:
            raise _no_entry(path)
        id = entry.link.id
    assert entry is not None
    return entry


def _entry_named(objects: Objects, tree: ObjectId, name: str) -> TreeEntry | None:
    digits = name_digits(name)
    id = tree
    for depth in range(FANOUT_DEPTH_MAX + 1):
        value = objects.load(Link("tree", id))
        assert isinstance(value, Tree)
        if not value.fans:
            return next((entry for entry in value.entries if entry.name == name), None)
        fan = next((fan for fan in value.fans if fan.digit == digits[depth]), None)
        if fan is None:
            return None
        id = fan.link.id
    raise BadObject(f"tree:{tree} fans out more than {FANOUT_DEPTH_MAX} times")


def _no_entry(path: str) -> NoSuchEntry:
    return NoSuchEntry(f"no such file in the artifact: {path}", hint="`pacha show REF` lists its files", path=path)


def pieces(objects: Objects, content: Link) -> Iterator[tuple[int, Link]]:
    """The blobs of a file in order, as (length, blob). A blob alone has length -1: its record knows it.

    Errors: `Absent`, `Corrupt`.
    """
    if content.type == "blob":
        yield -1, content
        return
    todo: list[tuple[int, Link, int]] = [(-1, content, 0)]
    while todo:
        length, link, level = todo.pop()
        if link.type == "blob":
            yield length, link
            continue
        if level >= LEVELS_MAX:
            raise BadObject(f"{content}: has more than {LEVELS_MAX} levels")
        value = objects.load(link)
        assert isinstance(value, Chunklist)
        if length >= 0 and value.size != length:
            raise BadObject(f"{link}: holds {value.size} bytes where {length} were promised")
        todo.extend((chunk.length, chunk.link, level + 1) for chunk in reversed(value.chunks))
