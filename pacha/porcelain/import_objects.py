"""The bytes of an old registry: found below `objects/`, checked against their BLAKE3, and read into the store.

Never through a link, never more than a window in memory, never stored before they were seen to be what they should.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.errors import Corrupt, NotFound
from pacha.base.files import Root, naming
from pacha.base.ids import Hasher, ObjectId
from pacha.base.progress import Progress
from pacha.formats.inspection import FileSource
from pacha.formats.sniff import HEAD_BYTES, format_of
from pacha.objects.tree import FileEntry, TreeEntry, build_trees
from pacha.objects.types import Link
from pacha.porcelain.facts import Measured, measure
from pacha.store.packwriter import PackWriter
from pacha.worktree.drafts import Content
from pacha.worktree.ingest import Ingest
from pacha.worktree.scan import Scan, found
from pacha.worktree.statcache import StatCache

FOLDER = "objects"
WINDOW_BYTES = 4 << 20
#: What an object is called where its bytes do not say what they are.
UNKNOWN_ENDING = ".bin"


class BadOldObject(Corrupt):
    """An object of an old registry is not what its name says."""


class NoOldObject(NotFound):
    """An object of an old registry is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OldObject:
    """An object that was checked. Units: bytes. `head` is its beginning."""

    path: str
    digest: ObjectId
    size: int
    head: bytes


def object_path(digest: ObjectId) -> str:
    """Where an old registry keeps an object, below its folder."""
    return f"{FOLDER}/{digest.hex[:2]}/{digest.hex}"


def check_object(root: Root, digest: ObjectId, progress: Progress) -> OldObject:
    """Reads an object whole and compares it with its name. Errors: `NoOldObject`, `BadOldObject`."""
    path = object_path(digest)
    try:
        descriptor = root.open_file(path)
    except NotFound as error:
        raise NoOldObject(f"{root.full(path)}: the bytes are not there", path=root.full(path)) from error
    hasher = Hasher()
    head = b""
    size = 0
    try:
        with naming(root.full(path)):
            while data := os.read(descriptor, WINDOW_BYTES):
                head = head or data[:HEAD_BYTES]
                hasher.update(data)
                size += len(data)
                progress.advance(len(data))
    finally:
        os.close(descriptor)
    if hasher.id() != digest:
        raise BadOldObject(
            f"{root.full(path)}: the bytes have the hash {hasher.id().short}, so they are damaged", path=root.full(path)
        )
    return OldObject(path=path, digest=digest, size=size, head=head)


def file_name(name: str, kind: str, head: bytes) -> str:
    """What the file of an imported artifact is called: the old registry kept no names, so its bytes say the ending."""
    known = format_of("", head)
    ending = known.endings[0] if known is not None and known.kind == kind else UNKNOWN_ENDING
    return f"{name}{ending}"


def unnamed_objects(root: Root, named: set[ObjectId]) -> Iterator[str]:
    """The files below `objects/` that no row names: what a registration left that never ended, for instance."""
    known = {object_path(digest) for digest in named}
    for folder in root.entries(FOLDER):
        inner = [file.name for file in root.entries(f"{FOLDER}/{folder.name}")] if folder.is_folder else [""]
        for name in inner:
            path = f"{FOLDER}/{folder.name}/{name}".rstrip("/")
            if path not in known:
                yield path


class Importer:
    """Reads objects and documents into one pack. `root` is the old registry's folder."""

    def __init__(self, root: Root, writer: PackWriter, *, jobs: int, progress: Progress) -> None:
        self._root = root
        self._writer = writer
        self._ingest = Ingest(writer, workers=jobs, progress=progress)

    def object(self, old: OldObject, name: str) -> Content:
        """Stores an object as a file of that name. Errors: `BadOldObject` if it has changed since it was checked."""
        full = self._root.full(old.path)
        state = self._root.stat(old.path)
        if state is None:
            raise NoOldObject(f"{full}: the bytes are not there any more", path=full)
        there = Scan(shape="file", files=(found(name, full, state)._replace(executable=False),))
        content = self._ingest.artifact(there, cache=StatCache(), read_at_ns=0).content
        if content.digest != old.digest:
            raise BadOldObject(f"{full}: changed while it was imported", path=full)
        return content

    def measure(self, old: OldObject, name: str, kind: str) -> tuple[Measured, ObjectId | None]:
        """What a machine finds in an object, and the stored table of it. Errors: `MachineFailed`."""
        measured = measure([(name, lambda: FileSource(self._root.full(old.path)))], kind, shape="file")
        return measured, None if measured.detail is None else self._writer.add("blob", measured.detail)

    def document(self, data: bytes, name: str) -> Content:
        """Stores a short text as a file of that name."""
        id = self._writer.add("blob", data)
        entry = TreeEntry(name=name, link=Link("blob", id), size=len(data), digest=id)
        trees = build_trees([entry])
        for tree, raw in trees:
            self._writer.add("tree", raw, id=tree)
        return Content(
            tree=trees[-1][0],
            digest=id,
            size=len(data),
            shape="file",
            files=(FileEntry(path=name, size=len(data), digest=id),),
        )
