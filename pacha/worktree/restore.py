"""Writes artifacts back: each file beside its place and then renamed over it, every piece checked as it goes.

No link is followed below the target, nothing outside it is touched, and a file that a hard link shares is replaced,
not written through. Nothing is flushed: what is written back lies in the store.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from pacha.base.errors import Corrupt
from pacha.base.files import NewFile, Placing, Root
from pacha.base.ids import Hasher, ObjectId
from pacha.base.progress import Progress
from pacha.graph.trees import TreeFile, pieces
from pacha.objects.types import Link
from pacha.store.objects import Objects

#: So many pieces are read ahead of the one being written.
AHEAD = 32


class WrongDigest(Corrupt):
    """A file's pieces are sound, and together they are not what the tree says."""


class Restore:
    """Writes files below one root."""

    def __init__(self, objects: Objects, target: Root, *, workers: int, progress: Progress) -> None:
        self._objects = objects
        self._target = target
        self._workers = max(1, workers)
        self._progress = progress

    def files(self, files: Iterable[tuple[str, TreeFile]]) -> int:
        """Writes files to paths below the target; returns how many bytes. Errors: `Absent`, `Corrupt`, `MachineFailed`.

        Crash: each file is the old one or the new one; unfinished ones lie in the target's temporary folder.
        """
        wanted = list(files)
        self._progress.start("writing", total_bytes=sum(file.entry.size for _, file in wanted))
        try:
            self._small([item for item in wanted if item[1].entry.link.type == "blob"])
            with ThreadPoolExecutor(self._workers) as pool:
                for path, file in wanted:
                    if file.entry.link.type != "blob":
                        self._big(path, file, pool)
        finally:
            self._progress.finish()
        return sum(file.entry.size for _, file in wanted)

    def _small(self, items: Sequence[tuple[str, TreeFile]]) -> None:
        """Files of one piece, by one thread: two wait for each other's short calls, and took twice as long together."""
        with Placing(self._target) as placing:
            for path, file in items:
                data = self._objects.data.read(file.entry.link)
                _check_size(file, len(data))
                placing.put(path, data, is_executable=file.entry.executable)
                self._progress.advance(len(data))

    def _big(self, path: str, file: TreeFile, pool: ThreadPoolExecutor) -> None:
        hasher = Hasher()
        new = self._target.new_file()
        try:
            new.reserve(file.entry.size)
            for data in read_ahead(self._objects, file.entry.link, pool, into=new):
                new.size += len(data)
                hasher.update(data)
                self._progress.advance(len(data))
            _check_size(file, new.size)
            check_digest(file, hasher.id())
            self._publish(new, path, file)
        finally:
            new.discard()

    def _publish(self, new: NewFile, path: str, file: TreeFile) -> None:
        if file.entry.executable:
            new.make_executable()
        new.rename(path, durable=False)


def read_ahead(
    objects: Objects, content: Link, pool: ThreadPoolExecutor, *, into: NewFile | None = None
) -> Iterator[bytes | memoryview]:
    """Yields a file's pieces in order, the next ones being read and checked meanwhile, and written to their places.

    Errors: `Absent`, `Corrupt`, `MachineFailed`.
    """
    waiting: deque[Future[bytes | memoryview]] = deque()
    at = 0
    for length, link in pieces(objects, content):
        waiting.append(pool.submit(_piece, objects, length, link, into, at))
        at += max(0, length)
        if len(waiting) >= AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _piece(objects: Objects, length: int, link: Link, into: NewFile | None, at: int) -> bytes | memoryview:
    data = objects.data.read(link)
    if length >= 0 and len(data) != length:
        raise WrongDigest(f"{link} holds {len(data)} bytes where {length} were promised", object=str(link))
    if into is not None:
        into.write_at([data], at)
    return data


def check_digest(file: TreeFile, digest: ObjectId) -> None:
    """Checks a whole file against the digest in its tree. Errors: `WrongDigest`."""
    if digest != file.digest:
        raise WrongDigest(
            f"{file.path}: the pieces of {file.entry.link} do not make up the file that its tree promises",
            path=file.path,
        )


def _check_size(file: TreeFile, size: int) -> None:
    if size != file.entry.size:
        raise WrongDigest(f"{file.path}: holds {size} bytes, and its tree promises {file.entry.size}", path=file.path)
