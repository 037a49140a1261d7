"""Reads files into the store: each byte once, both cores at work, memory flat however big a file is.

Small files are one blob, and their digest is that blob's id. Big ones are read in windows: while one window's chunks
are hashed, packed and written, the next is read and the whole file's digest goes on. Where the tensors of a file lie
and what they come after is told from outside, by a `Guide`; all else is cut by content.

Longer than most modules: small files, windows and trees share one pool and one pack.
"""

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from pacha.base.files import naming
from pacha.base.ids import Hasher, ObjectId
from pacha.base.progress import Progress
from pacha.base.spans import Span
from pacha.objects.chunklist import build_chunklists
from pacha.objects.manifest import FILES_MAX
from pacha.objects.tree import FileEntry, TreeEntry, artifact_digest, build_trees
from pacha.objects.types import Link
from pacha.store.packwriter import PackWriter
from pacha.worktree.chunker import MAX_BYTES, WHOLE_FILE_BYTES_MAX, Chunker
from pacha.worktree.cutting import Cut, Key, plan
from pacha.worktree.drafts import Content
from pacha.worktree.reading import WINDOW_BYTES, changed, is_same_file, open_found, read_into
from pacha.worktree.scan import FoundFile, Scan
from pacha.worktree.statcache import Seen, StatCache

#: A window's chunks are handed to the workers in so many lots for each.
LOTS_PER_WORKER = 2
#: Small files are handed to a worker together and packed in one call: in many short calls two threads wait for each
#: other. So many files, unless they are this large together; more would leave a worker idle at the end.
FILES_PER_LOT, LOT_BYTES_MAX = 64, 8 << 20


_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What was stored. `read_bytes` counts what was read, not what was known already; `trees` are over the files."""

    content: Content
    read_bytes: int
    trees: tuple[ObjectId, ...]


def _no_spans(file: FoundFile) -> Sequence[Span]:
    del file
    return ()


def _no_look(file: FoundFile, data: bytes) -> None:
    del file, data


def _nothing_near(path: str, wanted: Set[Key]) -> Mapping[Key, ObjectId]:
    del path, wanted
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guide:
    """What is known of the inside of files: where tensors lie, and the chunk that each probably resembles, by key.

    `look` is shown each small file that is read, by any thread, so that nobody has to open it again.
    """

    spans: Callable[[FoundFile], Sequence[Span]] = _no_spans
    near: Callable[[str, Set[Key]], Mapping[Key, ObjectId]] = _nothing_near
    look: Callable[[FoundFile, bytes], None] = _no_look


@dataclass(frozen=True, slots=True)
class _Piece:
    """One chunk to be stored. Units: bytes."""

    length: int
    element: str | None = None
    near: ObjectId | None = None


class Ingest:
    """Stores artifacts through one pack writer."""

    def __init__(self, writer: PackWriter, *, workers: int, progress: Progress, guide: Guide | None = None) -> None:
        self._writer = writer
        self._guide = guide or Guide()
        self._workers = max(1, workers)
        self._progress = progress
        self._local = threading.local()

    def artifact(self, scan: Scan, *, cache: StatCache, read_at_ns: int) -> Ingested:
        """Stores the files of an artifact and the trees over them.

        What the cache knows and the store has is not read again. `read_at_ns` is the file system's time before the
        first read. Errors: `ChangedWhileRead`, `MachineFailed`.
        """
        known = {file.path: seen for file in scan.files if (seen := cache.find(file)) is not None}
        stored = self._writer.reuse({seen.content.id for seen in known.values()})
        known = {path: seen for path, seen in known.items() if seen.content.id in stored}
        unread = [file for file in scan.files if file.path not in known]
        self._progress.start("reading", total_bytes=sum(file.size for file in unread))
        try:
            for file, seen in self._read_all(unread):
                known[file.path] = seen
                cache.remember(file, seen, read_at_ns=read_at_ns)
        finally:
            self._progress.finish()
        cache.keep(known)
        trees: list[ObjectId] = []
        content = self._content(scan, known, trees)
        return Ingested(content=content, read_bytes=sum(file.size for file in unread), trees=tuple(trees))

    # -- files -----------------------------------------------------------------------------------------------------

    def _read_all(self, files: Sequence[FoundFile]) -> list[tuple[FoundFile, Seen]]:
        small = [file for file in files if file.size <= WINDOW_BYTES]
        big = [file for file in files if file.size > WINDOW_BYTES]
        if len(small) <= FILES_PER_LOT and not big:
            return self._small_files(small)
        done: list[tuple[FoundFile, Seen]] = []
        with ThreadPoolExecutor(self._workers) as pool:
            try:
                for answers in pool.map(self._small_files, _lots(small)):
                    done.extend(answers)
                for file in big:
                    done.append((file, _settled(file, lambda file: self._big_file(file, pool))))
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        return done

    def _small_files(self, files: Sequence[FoundFile]) -> list[tuple[FoundFile, Seen]]:
        """Stores files that memory holds together: those that are not cut by one call."""
        done: list[tuple[FoundFile, Seen]] = []
        uncut: list[tuple[FoundFile, bytes]] = []
        for file in files:
            data = _settled(file, _read_small)
            self._guide.look(file, data)
            if len(data) <= WHOLE_FILE_BYTES_MAX:
                uncut.append((file, data))
            else:
                done.append((file, self._store_cut(file, data)))
        ids = self._writer.add_small([data for _, data in uncut])
        for (file, data), id in zip(uncut, ids, strict=True):
            done.append((file, Seen(id, Link("blob", id), len(data))))
        self._progress.advance(sum(file.size for file in files))
        return done

    def _store_cut(self, file: FoundFile, data: bytes) -> Seen:
        hasher = Hasher()
        hasher.update(data)
        view = memoryview(data)
        pieces = self._pieces(view, list(self._planned(file)))
        return Seen(hasher.id(), self._chunklist(self._add_chunks(view, pieces)), len(data))

    def _planned(self, file: FoundFile) -> Iterator[tuple[Cut, ObjectId | None]]:
        """Where a file is cut, and the chunk that each piece probably resembles."""
        cuts = list(plan(file.size, self._guide.spans(file)))
        wanted = {cut.key for cut in cuts if cut.key is not None and cut.element is not None}
        near = self._guide.near(file.path, wanted) if wanted else {}
        for cut in cuts:
            yield cut, None if cut.key is None else near.get(cut.key)

    def _pieces(self, view: memoryview, parts: Sequence[tuple[Cut, ObjectId | None]]) -> list[_Piece]:
        """The chunks of parts that are all there, one behind the other."""
        pieces: list[_Piece] = []
        at = 0
        for cut, near in parts:
            if cut.is_content:
                lengths = self._chunker().lengths(view[at : at + cut.length], is_last=True)
                pieces.extend(_Piece(length) for length in lengths)
            else:
                pieces.append(_Piece(cut.length, cut.element, near))
            at += cut.length
        return pieces

    def _add_chunks(self, view: memoryview, pieces: Sequence[_Piece]) -> list[tuple[int, ObjectId]]:
        added = []
        start = 0
        for piece in pieces:
            part = view[start : start + piece.length]
            added.append((piece.length, self._writer.add("blob", part, element=piece.element, near=piece.near)))
            start += piece.length
        return added

    def _chunklist(self, pieces: Sequence[tuple[int, ObjectId]]) -> Link:
        if len(pieces) == 1:
            return Link("blob", pieces[0][1])
        for id, raw in build_chunklists(pieces):
            self._writer.add("chunklist", raw, id=id)
        return Link("chunklist", id)

    def _chunker(self) -> Chunker:
        chunker: Chunker | None = getattr(self._local, "chunker", None)
        if chunker is None:
            chunker = self._local.chunker = Chunker()
        return chunker

    # -- one big file ----------------------------------------------------------------------------------------------

    def _big_file(self, file: FoundFile, pool: ThreadPoolExecutor) -> Seen | None:
        hasher = Hasher()
        hashing: Future[None] | None = None
        pieces: list[tuple[int, ObjectId]] = []
        waiting: list[Future[list[tuple[int, ObjectId]]]] = []
        read = 0
        descriptor = open_found(file)
        if descriptor is None:
            return None
        try:
            for window, fresh, planned in self._windows(file, descriptor):
                if hashing is not None:
                    hashing.result()
                hashing = pool.submit(hasher.update, fresh)
                for future in waiting:
                    pieces.extend(future.result())
                waiting = self._submit(pool, window, planned)
                read += len(fresh)
                self._progress.advance(len(fresh))
            for future in waiting:
                pieces.extend(future.result())
            if hashing is not None:
                hashing.result()
            if read != file.size or not is_same_file(file, descriptor):
                return None
        finally:
            os.close(descriptor)
        return Seen(hasher.id(), self._chunklist(pieces), file.size)

    def _windows(self, file: FoundFile, descriptor: int) -> Iterator[tuple[memoryview, memoryview, Sequence[_Piece]]]:
        """A file in windows: each with the part of it that was not in the one before, and the chunks that begin in it.

        A window's buffer is used again two windows later: by then its chunks must have been taken over. Ends early
        where the file does; then what was read does not add up to its size.
        """
        buffers = [memoryview(bytearray(WINDOW_BYTES + MAX_BYTES)) for _ in range(2)]
        turn = 0
        for stretch in _stretches(self._planned(file)):
            cut, _ = stretch[0]
            left, to_come = b"", sum(part.length for part, _ in stretch)
            while to_come or left:
                view = buffers[turn % 2]
                turn += 1
                view[: len(left)] = left
                wanted = min(to_come, WINDOW_BYTES)
                with naming(file.full):
                    got = read_into(descriptor, view[len(left) : len(left) + wanted])
                if got < wanted:
                    return
                to_come -= got
                window = view[: len(left) + got]
                if cut.length > WINDOW_BYTES:
                    lengths = self._chunker().lengths(window, is_last=not to_come)
                    planned = [_Piece(length) for length in lengths]
                else:
                    planned = self._pieces(window, stretch)
                yield window, window[len(left) :], planned
                left = bytes(window[sum(piece.length for piece in planned) :])

    def _submit(
        self, pool: ThreadPoolExecutor, window: memoryview, pieces: Sequence[_Piece]
    ) -> list[Future[list[tuple[int, ObjectId]]]]:
        size = max(1, -(-len(pieces) // (self._workers * LOTS_PER_WORKER)))
        futures = []
        start = 0
        for at in range(0, len(pieces), size):
            lot = pieces[at : at + size]
            length = sum(piece.length for piece in lot)
            futures.append(pool.submit(self._add_chunks, window[start : start + length], lot))
            start += length
        return futures

    # -- trees -----------------------------------------------------------------------------------------------------

    def _content(self, scan: Scan, seen: dict[str, Seen], trees: list[ObjectId]) -> Content:
        """Stores the trees over some files, and adds their ids to `trees`."""
        files = tuple(
            FileEntry(
                path=file.path, size=seen[file.path].size, digest=seen[file.path].digest, executable=file.executable
            )
            for file in scan.files
        )
        tree = self._folder("", _grouped(scan.files), seen, trees)
        digest = files[0].digest if scan.shape == "file" else artifact_digest(files)
        return Content(
            tree=tree.id,
            digest=digest,
            size=sum(file.size for file in files),
            shape=scan.shape,
            files=files if len(files) <= FILES_MAX else None,
        )

    def _folder(self, folder: str, groups: "_Groups", seen: dict[str, Seen], trees: list[ObjectId]) -> Link:
        entries = []
        for name in sorted(groups.folders.get(folder, ())):
            path = f"{folder}/{name}" if folder else name
            link = self._folder(path, groups, seen, trees)
            entries.append(TreeEntry(name=name, link=link, size=groups.sizes[path], digest=None))
        for file in groups.files.get(folder, ()):
            held = seen[file.path]
            name = file.path.rpartition("/")[2]
            digest = held.digest
            entries.append(
                TreeEntry(name=name, link=held.content, size=held.size, digest=digest, executable=file.executable)
            )
        for id, raw in build_trees(entries):
            trees.append(self._writer.add("tree", raw, id=id))
        return Link("tree", id)


@dataclass(slots=True)
class _Groups:
    files: dict[str, list[FoundFile]]
    folders: dict[str, set[str]]
    sizes: dict[str, int]


def _lots(files: Sequence[FoundFile]) -> Iterator[list[FoundFile]]:
    lot: list[FoundFile] = []
    size = 0
    for file in files:
        if len(lot) == FILES_PER_LOT or (lot and size + file.size > LOT_BYTES_MAX):
            yield lot
            lot, size = [], 0
        lot.append(file)
        size += file.size
    if lot:
        yield lot


def _settled(file: FoundFile, read: Callable[[FoundFile], _Read | None]) -> _Read:
    """Reads a file that holds still; one that changes is tried once more."""
    for _ in range(2):
        answer = read(file)
        if answer is not None:
            return answer
    raise changed(file)


def _read_small(file: FoundFile) -> bytes | None:
    """The bytes of a file; None if it is not what was found, or did not hold still."""
    descriptor = open_found(file)
    if descriptor is None:
        return None
    with naming(file.full):
        try:
            # One byte more than there should be: a file that grew is seen to have.
            data = os.read(descriptor, file.size + 1)
            while len(data) < file.size and (more := os.read(descriptor, file.size + 1 - len(data))):
                data += more
            return data if len(data) == file.size and is_same_file(file, descriptor) else None
        finally:
            os.close(descriptor)


def _grouped(files: Sequence[FoundFile]) -> _Groups:
    """Files and folders by the folder that they lie in, and the bytes below each folder."""
    groups = _Groups({}, {}, {})
    for file in files:
        folder = file.path.rpartition("/")[0]
        groups.files.setdefault(folder, []).append(file)
        while folder:
            groups.sizes[folder] = groups.sizes.get(folder, 0) + file.size
            above, _, name = folder.rpartition("/")
            groups.folders.setdefault(above, set()).add(name)
            folder = above
    return groups


def _stretches(cuts: Iterator[tuple[Cut, ObjectId | None]]) -> Iterator[list[tuple[Cut, ObjectId | None]]]:
    """Cuts that are read together, as many as fill a window; what is longer, and cut by its content, stands alone."""
    stretch: list[tuple[Cut, ObjectId | None]] = []
    size = 0
    for item in cuts:
        cut, _ = item
        if stretch and size + cut.length > WINDOW_BYTES:
            yield stretch
            stretch, size = [], 0
        if cut.length > WINDOW_BYTES:
            yield [item]
            continue
        stretch.append(item)
        size += cut.length
    if stretch:
        yield stretch
