"""What manifests say, for searches: segments of columns in the cache, never changed once they are made.

A manifest's row never grows old, for it is found by the manifest's id. New ones make a new segment, and many small
segments become one, so that each manifest is copied a number of times that grows with the logarithm of the history.
A segment whose column is not there (damaged, or made anew by another process) is read again from the manifests.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from pacha.base.ids import DIGEST_BYTES, hash_bytes
from pacha.index.cache import Cache
from pacha.index.columns import Column, Path, decode_column, decode_texts, encode_columns, flatten
from pacha.objects.manifest import Manifest

SEGMENTS, COLUMNS = "segments", "columns"
#: Rows of one segment: a column's numbers fit two bytes, and little is read for nothing.
ROWS_MAX = 4096
#: Columns of one segment, each of which has a number for every row.
COLUMNS_MAX = 1024
#: Characters of all values of one segment, all held in memory while it is made.
TEXT_MAX = 16 << 20
#: So many small segments are lived with.
SMALL_MAX = 8
_KEY_BYTES = 16

#: Reads a manifest by the bytes of its id; None where it is not here or damaged.
Read = Callable[[bytes], Manifest | None]
_Row = tuple[bytes, dict[Path, str]]


@dataclass(slots=True, kw_only=True, eq=False)
class Segment:
    """Some manifests, and which columns they have. `memory` holds columns that the cache does not.

    `key` is its name in the cache, made of its manifests; `start` the place of its first manifest among all.
    """

    key: bytes
    ids: list[bytes]
    paths: frozenset[Path]
    is_full: bool
    start: int = 0
    memory: dict[Path, bytes] = field(default_factory=dict)
    opened: dict[Path, Column] = field(default_factory=dict)

    def header(self) -> bytes:
        """What the cache holds of it beside its columns."""
        head = json.dumps([self.is_full, sorted(self.paths)], separators=(",", ":"), ensure_ascii=False)
        return head.encode("utf-8") + b"\n" + b"".join(self.ids)

    @classmethod
    def read(cls, key: bytes, header: bytes) -> "Segment":
        """Reads what `header` wrote."""
        head, _, ids = header.partition(b"\n")
        is_full, paths = json.loads(head)
        return cls(key=key, ids=split_ids(ids), paths=frozenset(map(tuple, paths)), is_full=is_full)


class Segments:
    """All segments of a cache, and the place of every manifest in them, counted through all segments."""

    def __init__(self, cache: Cache, read: Read) -> None:
        self._cache = cache
        self._read = read
        self.parts = [Segment.read(key, value) for key, value in cache.all(SEGMENTS).items()]
        self.places: dict[bytes, int] = {}
        self.count = 0
        self._number()

    def _number(self) -> None:
        self.places, self.count = {}, 0
        for part in self.parts:
            part.start = self.count
            self.count += len(part.ids)
            self.places.update(zip(part.ids, range(part.start, self.count), strict=True))

    def paths(self) -> set[Path]:
        """Every column that some segment has."""
        return set().union(*(part.paths for part in self.parts))

    def column(self, part: Segment, path: Path) -> Column | None:
        """A column of a segment; None if no manifest in it has a value there."""
        if path not in part.paths:
            return None
        found = part.opened.get(path)
        if found is None:
            data = part.memory.get(path) or self._cache.get(COLUMNS, _column_key(part.key, path))
            if data is None:
                self._refill(part)
                data = part.memory.get(path)
            found = part.opened[path] = Column([], bytes(len(part.ids))) if data is None else decode_column(data)
        return found

    def _refill(self, part: Segment) -> None:
        """Makes a segment's columns anew from its manifests."""
        manifests = [self._read(id) for id in part.ids]
        part.memory = encode_columns([{} if manifest is None else flatten(manifest) for manifest in manifests])
        if None not in manifests:
            self._cache.put_many(COLUMNS, {_column_key(part.key, path): data for path, data in part.memory.items()})

    # -- growing ---------------------------------------------------------------------------------------------------

    def add(self, ids: Iterable[bytes]) -> bool:
        """Reads manifests that are in no segment yet; what cannot be read is left out. Tells whether any was added."""
        rows = ((id, flatten(manifest)) for id in ids if (manifest := self._read(id)) is not None)
        made = [self._store(part) for part in _build(rows)]
        if made:
            self.parts += made
            self._merge()
            self._number()
        return bool(made)

    def _store(self, part: Segment) -> Segment:
        """Writes a new segment, and lets go of its columns if they can be read back."""
        columns = {_column_key(part.key, path): data for path, data in part.memory.items()}
        self._cache.change({COLUMNS: columns, SEGMENTS: {part.key: part.header()}})
        if self._cache.get(SEGMENTS, part.key) is not None:
            part.memory = {}
        return part

    def _merge(self) -> None:
        """Makes one of the smallest segments while there are too many small ones."""
        while len(small := sorted((p for p in self.parts if not p.is_full), key=lambda p: len(p.ids))) > SMALL_MAX:
            old = small[: SMALL_MAX + 1]
            made = [self._store(part) for part in _build(self._rows_of(old))]
            kept = {id(part) for part in self.parts} - {id(part) for part in old}
            self.parts = [part for part in self.parts if id(part) in kept] + made
            gone = {part.key for part in old} - {part.key for part in self.parts}
            self._cache.change({}, drop={SEGMENTS: gone, COLUMNS: gone})

    def _rows_of(self, parts: Iterable[Segment]) -> Iterator[_Row]:
        """The rows of segments, each manifest once."""
        seen: set[bytes] = set()
        for part in parts:
            for id, row in zip(part.ids, self._rows(part), strict=True):
                if id not in seen and row:
                    seen.add(id)
                    yield id, row

    def _rows(self, part: Segment) -> list[dict[Path, str]]:
        """A segment's rows as they were flattened; empty where a column is lost and the manifest too."""
        data = {
            path: part.memory.get(path) or self._cache.get(COLUMNS, _column_key(part.key, path)) for path in part.paths
        }
        if None in data.values():
            self._refill(part)
            data = dict(part.memory)
        rows: list[dict[Path, str]] = [{} for _ in part.ids]
        for path, column in data.items():
            assert column is not None
            for row, text in zip(rows, decode_texts(column), strict=True):
                if text is not None:
                    row[path] = text
        return rows


def _build(rows: Iterable[_Row]) -> Iterator[Segment]:
    """Gathers rows into segments within the limits; all but the last are full."""
    ids: list[bytes] = []
    found: list[dict[Path, str]] = []
    paths: set[Path] = set()
    size = 0
    for id, row in rows:
        new = sum(map(len, row.values()))
        if ids and (len(ids) >= ROWS_MAX or size + new > TEXT_MAX or len(paths | row.keys()) > COLUMNS_MAX):
            yield _segment(ids, found, is_full=True)
            ids, found, paths, size = [], [], set(), 0
        ids.append(id)
        found.append(row)
        paths |= row.keys()
        size += new
    if ids:
        yield _segment(ids, found, is_full=len(ids) >= ROWS_MAX)


def _segment(ids: list[bytes], rows: list[dict[Path, str]], *, is_full: bool) -> Segment:
    columns = encode_columns(rows)
    key = hash_bytes(b"".join(ids)).raw[:_KEY_BYTES]
    return Segment(key=key, ids=ids, paths=frozenset(columns), is_full=is_full, memory=columns)


def _column_key(key: bytes, path: Path) -> bytes:
    return key + json.dumps(path, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def split_ids(data: bytes) -> list[bytes]:
    """Ids that lie one after another."""
    return [data[at : at + DIGEST_BYTES] for at in range(0, len(data), DIGEST_BYTES)]
