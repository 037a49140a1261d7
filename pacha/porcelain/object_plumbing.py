"""Plumbing over objects: hashing and storing, reading, listing and making trees, packing."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pacha.base.errors import NotFound, Usage
from pacha.base.files import Root, naming
from pacha.base.ids import Hasher, ObjectId, hash_bytes
from pacha.graph.trees import TreeFile, folder_entries, tree_files
from pacha.objects.tree import TreeEntry, build_trees
from pacha.objects.types import Link, Storage, type_named
from pacha.porcelain.workspace import Workspace
from pacha.registry.resolve import Revision
from pacha.store.chains import Base
from pacha.store.packwriter import PackReceipt, PackWriter

READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of `ls-tree`. `mode` is file, executable or folder. Units: bytes."""

    mode: str
    link: Link
    size: int
    path: str


def hash_file(path: str) -> ObjectId:
    """The id that a file's bytes have, without storing them. Flat memory."""
    hasher = Hasher()
    with naming(path), open(path, "rb", buffering=0) as file:
        while data := file.read(READ_BYTES):
            hasher.update(data)
    return hasher.id()


def store_object(workspace: Workspace, type_name: str, data: bytes) -> Link:
    """Stores bytes as an object after checking that they are one. Errors: `BadObject`, `NotCanonical`, `BadHeader`."""
    kind = type_named(type_name)
    kind.decode(data)
    link = Link(type_name, hash_bytes(data))
    with workspace.session() as session:
        if kind.storage is Storage.META:
            session.put(type_name, kind.decode(data))
            session.settle()
            return link
        with session.pack_writer() as writer:
            writer.add(type_name, data, id=link.id)
            writer.close()
        session.maintain_packs()
    return link


def tree_of(workspace: Workspace, revision: Revision) -> ObjectId:
    """The tree that a revision names: its own, a manifest's, or a folder's inside. Errors: `NotFound`."""
    if revision.entry is not None:
        if not revision.entry.is_folder:
            raise NotFound(f"{revision.text}: is a file", hint="`pacha cat` writes its bytes")
        return revision.entry.link.id
    if revision.link.type == "tree":
        return revision.link.id
    return workspace.catalog.manifest(revision.manifest).tree


def list_tree(workspace: Workspace, tree: ObjectId, *, recursive: bool) -> Iterator[Listed]:
    """The entries of a tree, or all files below it, sorted by the bytes of their paths. Errors: `Absent`, `Corrupt`."""
    objects = workspace.repository.objects
    if not recursive:
        for entry in folder_entries(objects, tree):
            yield _listed(entry, entry.name)
        return
    files: list[TreeFile] = sorted(tree_files(objects, tree), key=lambda file: file.path.encode("utf-8"))
    for file in files:
        yield _listed(file.entry, file.path)


def _listed(entry: TreeEntry, path: str) -> Listed:
    mode = "folder" if entry.is_folder else "executable" if entry.executable else "file"
    return Listed(mode=mode, link=entry.link, size=entry.size, path=path)


def make_tree(workspace: Workspace, lines: Iterable[str]) -> Link:
    """Stores the tree of lines as `ls-tree` prints them, whose contents must be here. Errors: `Usage`, `Absent`."""
    entries = [_entry(workspace, line) for line in lines if line]
    built = build_trees(entries)
    with workspace.session() as session:
        with session.pack_writer() as writer:
            for id, raw in built:
                writer.add("tree", raw, id=id)
            writer.close()
        session.maintain_packs()
    return Link("tree", built[-1][0])


def _entry(workspace: Workspace, line: str) -> TreeEntry:
    head, tab, name = line.partition("\t")
    words = head.split()
    if not tab or len(words) != 3 or words[0] not in ("file", "executable", "folder") or not words[2].isdecimal():
        raise Usage(
            f"not a line of a tree: {line[:80]!r}", hint="write MODE LINK SIZE<tab>NAME, as `pacha ls-tree` does"
        )
    link = Link.parse(words[1])
    if not workspace.repository.objects.has(link):
        raise NotFound(f"{link} is not stored here", hint="store it first: `pacha hash-object -w FILE`")
    digest = _digest(workspace, link)
    return TreeEntry(name=name, link=link, size=int(words[2]), digest=digest, executable=words[0] == "executable")


def _digest(workspace: Workspace, link: Link) -> ObjectId | None:
    """The digest of a file's content; for a chunklist its pieces are read."""
    if link.type == "tree":
        return None
    if link.type == "blob":
        return link.id
    hasher = Hasher()
    todo = [link]
    while todo:
        current = todo.pop()
        if current.type == "blob":
            hasher.update(workspace.repository.objects.data.read(current))
        else:
            todo.extend(reversed(workspace.repository.objects.references(current)))
    return hasher.id()


class _Nothing:
    """A store that holds nothing: what is packed for elsewhere is packed whole."""

    def holds(self, id: ObjectId) -> ObjectId | None:
        """None, always."""
        del id
        return None

    def places(self, ids: Iterable[ObjectId]) -> dict[ObjectId, ObjectId]:
        """Nothing, always."""
        del ids
        return {}

    def has_packs(self, packs: Iterable[ObjectId]) -> bool:
        """False, always."""
        del packs
        return False

    def bases_for(self, nearest: ObjectId, length: int) -> list[Base]:
        """Nothing, always."""
        del nearest, length
        return []

    def depth_of(self, id: ObjectId) -> int | None:
        """None, always."""
        del id
        return None


def pack_objects(workspace: Workspace, links: Iterable[Link], folder: str) -> PackReceipt:
    """Copies DATA objects, as they are stored, into new packs in a folder. Errors: `Absent`, `Corrupt`, `Usage`."""
    root = Root(os.path.abspath(folder), temporary=".unfinished")
    data = workspace.repository.objects.data
    root.make_folder(root.temporary)
    try:
        with PackWriter(root, folder="", present=_Nothing()) as writer:
            for link in links:
                if type_named(link.type).storage is Storage.META:
                    raise Usage(f"{link} is META, which Git carries; packs hold blobs, chunklists and trees")
                writer.add(link.type, data.read(link), id=link.id)
            return writer.close()
    finally:
        root.remove_folder(root.temporary)
