"""What a search looks through: a row for every version, and one for every head that has no version.

Where artifacts stand comes from `artifacts`, what manifests say from `segments`; both answer the same without the
cache, slower. A row whose manifest is not here, or damaged, has only what refs say of it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate, chain, compress, filterfalse, repeat
from typing import Any

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.progress import Progress
from pacha.index.artifacts import Artifact, Artifacts
from pacha.index.columns import Path
from pacha.index.index import Index
from pacha.index.presence import absent_manifests
from pacha.index.segments import Segment, Segments
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link, type_named
from pacha.registry.catalog import Catalog
from pacha.registry.fields import CARD, Meaning, meaning_of, sources_of, splits, value_at
from pacha.registry.grammar import PARTS_MAX
from pacha.registry.query import Field
from pacha.repo.repository import Repository
from pacha.store.objects import Objects

_Test = Callable[[Any], bool]
#: What of `kind/name` a field is.
_PART_OF: dict[str, Callable[[str], str]] = {
    "kind": lambda artifact: artifact.partition("/")[0],
    "name": lambda artifact: artifact.partition("/")[2],
    "artifact": lambda artifact: artifact,
}
#: A mapping of a card or of facts is named by its group and its key.
_WHOLE_PARTS = 2


class Rows:
    """All rows: artifacts by kind and name; of each, heads without a version, then versions, the highest first."""

    def __init__(self, artifacts: Sequence[Artifact], segments: Segments, absent: set[bytes]) -> None:
        self.artifacts = artifacts
        self._segments = segments
        #: How many rows each artifact has.
        self.counts: list[int] = []
        self.versions: list[str | None] = []
        self.stages: list[str | None] = []
        self.manifests: list[bytes] = []
        self._heads = bytearray()
        self._latest = bytearray()
        for artifact in artifacts:
            self._append(artifact)
        #: A choice of all rows.
        self.everything = int.from_bytes(b"\1" * self.count, "little")
        #: Where each row's manifest is among those of all segments; after the last one, where it is in none.
        self._places = list(map(segments.places.get, self.manifests, repeat(segments.count)))
        if absent:
            for row, id in enumerate(self.manifests):
                if id in absent:
                    self._places[row] = segments.count

    def _append(self, artifact: Artifact) -> None:
        ids = artifact.manifests
        bare = [head for head in artifact.heads if head not in ids]
        start = self.count + len(bare)
        self.counts.append(len(bare) + len(ids))
        self.manifests += bare + ids
        self.versions += chain(repeat(None, len(bare)), artifact.versions)
        self.stages += chain(repeat(None, len(bare)), artifact.stages())
        self._heads += b"\1" * len(bare) + bytes(len(ids))
        self._latest += bytes(len(bare) + len(ids))
        for head in artifact.heads:
            for at in _places_of(head, ids):
                self._heads[start + at] = 1
        latest = artifact.latest()
        if latest is not None:
            self._latest[start + latest] = 1

    @property
    def count(self) -> int:
        """How many rows there are."""
        return len(self.versions)

    # -- choosing --------------------------------------------------------------------------------------------------

    def select(self, field: Field, test: _Test) -> int:
        """The rows that have a value for a field which passes the test, one byte a row."""
        if meaning_of(field) is Meaning.FREE:
            return self._select_free(field, test)
        name = field.parts[0]
        if name in _PART_OF:
            values = (_PART_OF[name](artifact.name) for artifact in self.artifacts)
            marks = b"".join(
                (b"\1" if test(value) else b"\0") * count for value, count in zip(values, self.counts, strict=True)
            )
        elif name in ("head", "latest"):
            table = bytes((test(False), test(True))).ljust(256, b"\0")
            marks = bytes(self._heads if name == "head" else self._latest).translate(table)
        elif name == "manifest":
            marks = bytes(test(id.hex()) for id in self.manifests)
        elif name in ("version", "stage"):
            marks = _marks(self.versions if name == "version" else self.stages, test)
        else:
            marks = self._of_rows(self._passing((name,), (), test))
        return _choice(marks)

    def _select_free(self, field: Field, test: _Test) -> int:
        """The first place where a row has a value decides: the card's before the facts', a whole key's before its parts'."""
        chosen, undecided = 0, -1
        places = list(self._places_for(field))
        for number, (path, keys) in enumerate(places, start=1):
            chosen |= _choice(self._passing(path, keys, test)) & undecided
            if number < len(places):
                undecided &= ~_choice(self._passing(path, keys, _anything))
        return _choice(self._of_rows(chosen.to_bytes(self._segments.count, "little")))

    def _places_for(self, field: Field) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Where values of a field may be: a column, and the keys within its values. Of a mapping, its members' columns."""
        for group, parts in sources_of(field):
            for keys in splits(parts):
                whole = (group, *keys)
                for at in range(len(whole), 0, -1):
                    if whole[:at] in self._paths:
                        yield whole[:at], whole[at:]
                if whole in self._members:
                    yield whole, ()

    def _passing(self, path: Path, keys: tuple[str, ...], test: _Test) -> bytes:
        """Which manifests of all segments have a value that passes, a byte for each."""
        return b"".join(self._passing_in(part, path, keys, test) for part in self._segments.parts)

    def _passing_in(self, part: Segment, path: Path, keys: tuple[str, ...], test: _Test) -> bytes:
        column = self._segments.column(part, path)
        passing = bytes(len(part.ids))
        if column is not None:
            values = [value_at(value, keys) for value in column.values] if keys else column.values
            passing = column.marks([value is not None and test(value) for value in values])
        if keys or path not in self._members or not test({}):
            return passing
        # A mapping passes only where anything does: where it is asked whether there is one.
        chosen = _choice(passing)
        for member in self._members[path]:
            column = self._segments.column(part, member)
            if column is not None:
                chosen |= _choice(column.marks([True] * len(column.values)))
        return chosen.to_bytes(len(part.ids), "little")

    def _of_rows(self, marks: bytes) -> bytes:
        """A byte for each row, from one for each manifest of all segments."""
        return bytes(map((marks + b"\0").__getitem__, self._places))

    # -- telling ---------------------------------------------------------------------------------------------------

    def chosen(self, choice: int) -> list[int]:
        """The numbers of the rows that are chosen, in order."""
        return list(compress(range(self.count), choice.to_bytes(self.count, "little")))

    def artifacts_of(self, rows: Iterable[int]) -> Iterator[str]:
        """The artifact of each row."""
        ends = list(accumulate(self.counts))
        return (self.artifacts[bisect_right(ends, row)].name for row in rows)

    def values(self, field: Field, rows: Sequence[int]) -> list[Any]:
        """The values of a field in some rows, which are in order; None where a row has none."""
        name = field.parts[0] if meaning_of(field) is not Meaning.FREE else ""
        if name in _PART_OF:
            return [_PART_OF[name](artifact) for artifact in self.artifacts_of(rows)]
        if name in ("head", "latest"):
            flags = self._heads if name == "head" else self._latest
            return [bool(flags[row]) for row in rows]
        if name in ("version", "stage"):
            values = self.versions if name == "version" else self.stages
            return [values[row] for row in rows]
        if name == "manifest":
            return [self.manifests[row].hex() for row in rows]
        places = [((name,), ())] if name else list(self._places_for(field))
        return [self._value(self._places[row], places) for row in rows]

    def _value(self, place: int, places: Iterable[tuple[Path, tuple[str, ...]]]) -> Any:
        if place == self._segments.count:
            return None
        part = self._segments.parts[bisect_right(self._starts, place) - 1]
        for path, keys in places:
            value = self._value_in(part, place - part.start, path)
            found = value_at(value, keys)
            if found is not None:
                return found
        return None

    def _value_in(self, part: Segment, row: int, path: Path) -> Any:
        column = self._segments.column(part, path)
        value = None if column is None else column.value(row)
        if value is None and path in self._members:
            members = {member[-1]: self._value_in(part, row, member) for member in self._members[path]}
            value = {key: inner for key, inner in members.items() if inner is not None} or None
        return value

    def names(self) -> list[str]:
        """The fields of cards and facts that the cache knows, as a query names them; some may be of other branches."""
        return _names(self._paths)

    def has(self, field: Field) -> bool:
        """Tells whether some row has a field of cards or facts; every other field is known."""
        return meaning_of(field) is not Meaning.FREE or bool(self._select_free(field, _anything))

    @cached_property
    def _paths(self) -> set[Path]:
        return self._segments.paths()

    @cached_property
    def _members(self) -> dict[Path, list[Path]]:
        """The columns of the members of each mapping that is taken apart."""
        found: dict[Path, list[Path]] = {}
        for path in sorted(self._paths):
            if len(path) > _WHOLE_PARTS:
                found.setdefault(path[:-1], []).append(path)
        return found

    @cached_property
    def _starts(self) -> list[int]:
        return [part.start for part in self._segments.parts]


def artifacts_of(index: Index, repository: Repository) -> Artifacts:
    """Where artifacts stand, from the cache what it knows. What cannot be read is told in `problems`."""
    catalog = Catalog(repository.refs, repository.objects, index, stages=index)
    return Artifacts(repository.root, index.cache, catalog, index.clock_ns)


def read_rows(index: Index, repository: Repository) -> Rows:
    """Reads all rows, from the cache what it knows. What cannot be read is told in `problems` of the artifacts."""
    cache, objects = index.cache, repository.objects
    artifacts = artifacts_of(index, repository).all()
    segments = Segments(cache, _reader(objects, repository.progress))
    named = chain.from_iterable(chain(artifact.manifests, artifact.heads) for artifact in artifacts)
    # In the order of artifacts: their manifests share columns.
    new = list(dict.fromkeys(filterfalse(segments.places.__contains__, named)))
    name = b"".join(sorted(part.key for part in segments.parts)) + b"".join(new)
    wanted = chain(segments.places, new)
    absent = absent_manifests(repository.root, cache, wanted, name=name, clock=index.clock_ns)
    repository.progress.start("reading what is new to the index")
    segments.add(id for id in new if id not in absent)
    repository.progress.finish()
    return Rows(artifacts, segments, absent)


def known_names(index: Index) -> list[str]:
    """The fields of cards and facts that the cache knows, without looking at anything else: for completion."""
    return _names(Segments(index.cache, lambda id: None).paths())


def _names(paths: Iterable[Path]) -> list[str]:
    found = {Field(path[1:] if path[0] == CARD else path) for path in paths if len(path) > 1}
    return sorted(str(field) for field in found if len(field.parts) <= PARTS_MAX)


def _reader(objects: Objects, progress: Progress) -> Callable[[bytes], Manifest | None]:
    def read(id: bytes) -> Manifest | None:
        try:
            data = objects.read(Link("manifest", ObjectId(id)))
            progress.advance(len(data))
            manifest = type_named("manifest").decode(data)
        except (Absent, Corrupt):
            return None
        assert isinstance(manifest, Manifest)
        return manifest

    return read


def _places_of(id: bytes, ids: list[bytes]) -> list[int]:
    return [at for at, other in enumerate(ids) if other == id] if id in ids else []


def _marks(values: Sequence[str | None], test: _Test) -> bytes:
    verdicts = {value: value is not None and test(value) for value in set(values)}
    return bytes(map(verdicts.__getitem__, values))


def _anything(value: object) -> bool:
    return True


def _choice(marks: bytes | bytearray) -> int:
    return int.from_bytes(marks, "little")
