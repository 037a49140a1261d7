"""The stat cache: what each file of an artifact held when it was last read, so that unchanged files are not read again.

An entry is trusted only if size, both times and inode agree, and both times were at least two seconds old when the
file was read: a change within the same tick of the file system's clock could otherwise go unseen.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pacha.base.errors import PachaError
from pacha.base.files import NoSuchFile, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.objects.types import Link
from pacha.worktree.scan import FoundFile

FOLDER = "local/stat"
QUIET_NS = 2_000_000_000
#: 200 bytes a file: enough for a million files and more.
CACHE_BYTES_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class Seen:
    """What a file held. `digest` and `content` differ where the file is cut into chunks."""

    digest: ObjectId
    content: Link
    size: int


class StatCache:
    """The entries of one artifact. Damaged or missing means empty; nothing is ever wrong, only slower."""

    def __init__(self, entries: Mapping[str, list[object]] | None = None) -> None:
        self._entries = dict(entries or {})
        self._is_changed = False

    def find(self, file: FoundFile) -> Seen | None:
        """What the file holds, if that can be told without reading it."""
        entry = self._entries.get(file.path)
        if entry is None or not _is_trusted(entry, file):
            return None
        return Seen(
            ObjectId(bytes.fromhex(str(entry[5]))), Link(str(entry[6]), ObjectId.parse(str(entry[7]))), file.size
        )

    def vouches(self, files: Iterable[FoundFile]) -> bool:
        """Tells whether it can be said of every file what it holds, without reading any."""
        entries = self._entries
        for file in files:
            entry = entries.get(file.path)
            if entry is None or not _is_trusted(entry, file):
                return False
        return True

    def content_of(self, path: str, digest: ObjectId) -> Link:
        """Where a file's bytes are if it still holds what it held; else the blob that they would be uncut."""
        entry = self._entries.get(path)
        if entry is not None and entry[5] == digest.hex:
            return Link(str(entry[6]), ObjectId.parse(str(entry[7])))
        return Link("blob", digest)

    def remember(self, file: FoundFile, seen: Seen, *, read_at_ns: int) -> None:
        """Notes what a file held when it was read at some time of the file system's clock.

        A file too young to be trusted is not worth noting, unless it is cut: then where its pieces are is.
        """
        if max(file.mtime_ns, file.ctime_ns) + QUIET_NS > read_at_ns and seen.content.id == seen.digest:
            self._is_changed = self._entries.pop(file.path, None) is not None or self._is_changed
            return
        self._entries[file.path] = [*file.state, read_at_ns, seen.digest.hex, seen.content.type, seen.content.id.hex]
        self._is_changed = True

    def keep(self, paths: Iterable[str]) -> None:
        """Forgets every file but these."""
        kept = set(paths)
        gone = self._entries.keys() - kept
        for path in gone:
            del self._entries[path]
        self._is_changed = self._is_changed or bool(gone)

    def save(self, root: Root, artifact: ArtifactName) -> None:
        """Writes the entries if they changed; not flushed, since nothing depends on them."""
        if not self._is_changed:
            return
        body = json.dumps(self._entries, separators=(",", ":")).encode("ascii")
        root.replace(f"{FOLDER}/{artifact}", hash_bytes(body).hex.encode("ascii") + b"\n" + body, durable=False)
        self._is_changed = False


def _is_trusted(entry: list[object], file: FoundFile) -> bool:
    """Tells whether a file is as it was when it was read, and was no longer young then."""
    read_at = entry[4]
    return (
        tuple(entry[:4]) == file.state
        and isinstance(read_at, int)
        and max(file.mtime_ns, file.ctime_ns) + QUIET_NS <= read_at
    )


def load_stat_cache(root: Root, artifact: ArtifactName) -> StatCache:
    """Reads the entries of an artifact; empty where there are none or they are damaged."""
    try:
        data = root.read(f"{FOLDER}/{artifact}", size_max=CACHE_BYTES_MAX)
    except (NoSuchFile, PachaError):
        return StatCache()
    digest, _, body = data.partition(b"\n")
    if hash_bytes(body).hex.encode("ascii") != digest:
        return StatCache()
    entries = json.loads(body)
    return StatCache(entries if isinstance(entries, dict) else None)
