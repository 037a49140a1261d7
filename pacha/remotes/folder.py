"""A remote in a folder: a disk, a network share, a mounted bucket. Written by Pacha's own durable writer.

The parent must exist: a share that is not mounted must not be taken for a new remote.
"""

import os
import stat
from collections.abc import Iterator
from urllib.parse import unquote

from pacha.base.errors import RemoteFailed
from pacha.base.files import Durability, NewFile, NoSuchFile, Root, TooLarge, naming, read_exactly
from pacha.remotes.keys import check_key, is_key
from pacha.remotes.options import BadUrl, Options, split_url
from pacha.remotes.remote import BadAnswer, NoSuchKey, Source, Stored, pieces_of

SCHEMES = ("", "file")
#: Unfinished files of pushes; gc of a remote removes old ones.
TEMPORARY = "tmp"


class FolderGone(RemoteFailed):
    """The folder of a remote is not there, and nor is the one above it."""


class FolderRemote:
    """Keys are paths below one folder, which the first write makes."""

    can_write = True
    can_list = True

    def __init__(self, path: str, *, durability: Durability = Durability.BATCH) -> None:
        self.path = os.path.abspath(path)
        # A person may name a link; below it none is followed.
        self._root = Root(os.path.realpath(self.path), temporary=TEMPORARY, durability=durability)

    @property
    def url(self) -> str:
        """The path."""
        return self.path

    def get(self, key: str, *, size_max: int) -> bytes:
        """Reads a file. Errors: `NoSuchKey`, `BadAnswer`, `NotRegular`."""
        try:
            return self._root.read(self._key(key), size_max=size_max)
        except NoSuchFile as error:
            raise self._absent(key) from error
        except TooLarge as error:
            raise BadAnswer(f"{self.url}: {key} is larger than the {size_max} bytes that it may have") from error

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Reads a part of a file. Errors: `NoSuchKey`, `BadAnswer`."""
        try:
            descriptor = self._root.open_file(self._key(key))
        except NoSuchFile as error:
            raise self._absent(key) from error
        try:
            with naming(self._root.full(key)):
                # Memory is set aside for what is there, not for what somebody promised.
                present = min(length, max(os.fstat(descriptor).st_size - start, 0))
                data = read_exactly(descriptor, present, start) if present else b""
        finally:
            os.close(descriptor)
        if len(data) != length:
            raise BadAnswer(f"{self.url}: {key} ends at {start + len(data)}, before {start + length}", key=key)
        return data

    def size(self, key: str) -> int | None:
        """A file's size."""
        state = self._root.stat(self._key(key))
        return None if state is None else state.st_size

    def create(self, key: str, data: bytes) -> bool:
        """Links a new file into place. Whatever the system answers, what is read back is believed."""
        self._prepare()
        return self._root.create(self._key(key), data) == data

    def put(self, key: str, source: Source) -> None:
        """Writes a file under another name and renames it."""
        self._prepare()
        file = self._root.new_file()
        try:
            self._fill(file, source)
            file.rename(self._key(key))
        finally:
            file.discard()

    def _fill(self, file: NewFile, source: Source) -> None:
        file.reserve(source.size)
        for piece in pieces_of(source):
            file.write(piece)
        file.flush()

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """The files of one folder, by name. What Pacha did not put there is left out."""
        folder = prefix.rstrip("/")
        for name in sorted(self._root.names(folder)):
            key = f"{prefix}{name}"
            state = self._root.stat(key) if key > after and is_key(key) else None
            if state is not None and stat.S_ISREG(state.st_mode):
                yield Stored(key=key, size=state.st_size, modified=state.st_mtime)

    def delete(self, key: str) -> None:
        """Removes a file."""
        self._root.remove(self._key(key))

    def close(self) -> None:
        """Does nothing: no file is kept open."""

    def _key(self, key: str) -> str:
        return check_key(key)

    def _absent(self, key: str) -> NoSuchKey:
        return NoSuchKey(f"{self.url}: has no {key}", key=key)

    def _prepare(self) -> None:
        """Makes the folder if the one above it is there. Errors: `FolderGone`."""
        parent, name = os.path.split(self._root.path)
        if not os.path.isdir(parent):
            raise FolderGone(
                f"{self.path}: {parent} does not exist",
                hint=f"mount it, or make it: mkdir -p {parent}",
                path=self.path,
            )
        # Its name is flushed too: a remote whose own folder is lost has lost all that was pushed.
        Root(parent, durability=self._root.durability).make_folder(name)


def folder_path(url: str) -> str:
    """The path that a person wrote, or that a `file://` URL names; `~` is a home. Errors: `BadUrl`.

    >>> folder_path("file:///mnt/team%20share"), folder_path("shared")
    ('/mnt/team share', 'shared')
    """
    if not url.lower().startswith("file://"):
        path = os.path.expanduser(url)
    else:
        parts = split_url(url)
        if parts.hostname not in (None, "localhost"):
            raise BadUrl(f"a file:// URL with a host: {parts.hostname}", hint="write file:///path, with three slashes")
        path = unquote(parts.path)
    if not path or "\0" in path:
        raise BadUrl("a remote's path is empty or holds a NUL", hint="name the folder")
    return path


def open_remote(url: str, options: Options, *, durability: Durability = Durability.BATCH) -> FolderRemote:
    """Opens a path or a `file://` URL. Errors: `BadUrl`."""
    del options
    return FolderRemote(folder_path(url), durability=durability)
