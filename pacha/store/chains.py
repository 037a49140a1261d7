"""Records that hold a difference to another record, their base: how they are read, and how deep that may go.

Bases form a star: a record names a base that is whole, or one whose own base is whole. A reader refuses more, so a
forged cycle ends after two steps. Source: docs/format.md, "Bases"; docs/decisions/0032-bases-form-a-star.md.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Protocol

from pacha.base.errors import Absent, Corrupt
from pacha.base.files import NoSuchFile
from pacha.base.ids import ObjectId, hash_bytes
from pacha.store.codec import Codecs
from pacha.store.packindex import Location
from pacha.store.record import RecordHeader

#: A record may be so many bases away from a whole one.
DEPTH_MAX = 2


class BadBase(Corrupt):
    """A record's base is not here, is damaged, or has too many bases itself."""


class Records(Protocol):
    """The packs of a store, as a chain is followed through them."""

    def copies(self, id: ObjectId) -> list[Location]:
        """Every place of an object, in no order."""

    def record(self, place: Location) -> tuple[RecordHeader, memoryview]:
        """A record's header, checked, and its stored bytes, not yet checked. Errors: `Corrupt`, `NoSuchFile`."""

    def header(self, place: Location) -> RecordHeader:
        """A record's header, checked. Errors: `Corrupt`, `NoSuchFile`."""

    def codecs(self) -> Codecs:
        """The codecs of this thread."""


def plain_of(
    records: Records, header: RecordHeader, payload: memoryview, *, depth: int = 0, known: "Base | None" = None
) -> bytes | memoryview:
    """Decodes a record, its bases first, but for one that is `known`. The bytes are not checked against the id.

    Errors: `BadBase`, `BadFrame`, `UnknownCodec`. Memory: the record and `DEPTH_MAX` bases.
    """
    codec = records.codecs().numbered(header.codec)
    if header.base is None:
        return codec.decode(payload, header.plain_length)
    if known is not None and known.id == header.base:
        return codec.decode(payload, header.plain_length, base=known.data)
    base = _base_of(records, header, depth=depth + 1)
    return codec.decode(payload, header.plain_length, base=base)


def _base_of(records: Records, header: RecordHeader, *, depth: int) -> bytes | memoryview:
    assert header.base is not None
    if depth > DEPTH_MAX:
        raise BadBase(
            f"{header.type}:{header.id} is more than {DEPTH_MAX} bases away from a whole record",
            object=f"{header.type}:{header.id}",
        )
    places = records.copies(header.base)
    failure: Corrupt | None = None
    for place in places:
        try:
            found, payload = records.record(place)
            plain = plain_of(records, found, payload, depth=depth)
        except NoSuchFile:
            continue
        except Corrupt as error:
            failure = error
            continue
        # What is made from a wrong base does not have the id asked for; only a choice needs to be made here.
        if found.id == header.base and (len(places) == 1 or hash_bytes(plain) == header.base):
            return plain
    if failure is not None:
        raise BadBase(f"the base of {header.type}:{header.id}: {failure.message}", base=header.base.hex) from failure
    raise BadBase(
        f"{header.type}:{header.id} is stored as a difference to {header.base.short}, which is not here",
        hint=Absent.usual_hint,
        object=f"{header.type}:{header.id}",
        base=header.base.hex,
    )


def chain(records: Records, id: ObjectId) -> tuple[ObjectId, ...]:
    """The bases of an object, nearest first, by the headers of its first readable copies; empty if it is whole.

    An object that is not here or whose chain does not end within `DEPTH_MAX` has none that could be built upon: None
    of its copies is read. Errors: `BadBase`.
    """
    found: list[ObjectId] = []
    at = id
    while True:
        header = _header(records, at)
        if header is None:
            raise BadBase(f"{at.short} is not here")
        if header.base is None:
            return tuple(found)
        found.append(header.base)
        if len(found) > DEPTH_MAX:
            raise BadBase(f"{id.short} is more than {DEPTH_MAX} bases away from a whole record")
        at = header.base


def _header(records: Records, id: ObjectId) -> RecordHeader | None:
    for place in records.copies(id):
        try:
            header = records.header(place)
        except (Corrupt, NoSuchFile):
            continue
        if header.id == id:
            return header
    return None


def is_within(records: Records, id: ObjectId, depth: int) -> bool:
    """Tells whether a copy of an object is at most `depth` bases away from a whole record, by headers alone."""
    places = records.copies(id)
    whole = records.codecs().without_bases()
    if any(place.codec in whole for place in places):
        return True
    for place in places if depth else ():
        try:
            header = records.header(place)
        except (Corrupt, NoSuchFile):
            continue
        if header.id == id and (header.base is None or is_within(records, header.base, depth - 1)):
            return True
    return False


def settled_line(records: Records, id: ObjectId) -> tuple[ObjectId, ...]:
    """An object and its bases, nearest first; empty if its chain does not end, or if copies in it have other bases.

    Copies that differ are there while somebody writes packs anew: what is built upon one may outlive it.
    """
    try:
        line = (id, *chain(records, id))
    except BadBase:
        return ()
    return () if any(len(_bases_of_copies(records, each)) > 1 for each in line) else line


def _bases_of_copies(records: Records, id: ObjectId) -> set[ObjectId | None]:
    found = set()
    for place in records.copies(id):
        try:
            found.add(records.header(place).base)
        except (Corrupt, NoSuchFile):
            continue
    return found


def depths(bases: Mapping[ObjectId, Set[ObjectId | None]]) -> dict[ObjectId, int]:
    """How far each object is from a whole record, by the best of its copies; without those whose chains do not end.

    >>> a, b, c = (ObjectId(bytes([n]) * 32) for n in range(3))
    >>> depths({a: {None}, b: {a}}) == {a: 0, b: 1}
    True
    >>> depths({a: {b}, b: {a}, c: {None, a}}) == {c: 0}
    True
    """
    found = {id: 0 for id, each in bases.items() if None in each}
    for depth in range(1, DEPTH_MAX + 1):
        above = {
            id
            for id, each in bases.items()
            if id not in found and any(base is not None and found.get(base) == depth - 1 for base in each)
        }
        found.update(dict.fromkeys(above, depth))
    return found


def bases_of(bases: Mapping[ObjectId, Set[ObjectId]], ids: Iterable[ObjectId]) -> set[ObjectId]:
    """Everything that the records of some objects are stored as a difference to, step by step (I9).

    >>> a, b, c = (ObjectId(bytes([n]) * 32) for n in range(3))
    >>> bases_of({a: {b}, b: {c}}, [a]) == {b, c}
    True
    """
    found: set[ObjectId] = set()
    todo = [id for id in ids if id in bases]
    while todo:
        new = bases.get(todo.pop(), frozenset()) - found
        found |= new
        todo.extend(new)
    return found


@dataclass(frozen=True, slots=True)
class Base:
    """A record that another may be stored as a difference to. `depth` is how many bases it has itself."""

    id: ObjectId
    depth: int
    data: bytes | memoryview


def base_candidates(records: Records, nearest: ObjectId, length: int) -> Iterator[Base]:
    """What a successor of `nearest` may be based on, the whole record first, then one that has it as its base.

    Their bytes are checked. Nothing is offered of another length, or what is damaged: then there is no difference.
    """
    below: Base | None = None
    for depth, id in enumerate(settled_line(records, nearest)[::-1][:DEPTH_MAX]):
        plain = _checked(records, id, length, below)
        if plain is None:
            return
        below = Base(id, depth, plain)
        yield below


def _checked(records: Records, id: ObjectId, length: int, below: Base | None) -> bytes | memoryview | None:
    for place in records.copies(id):
        if place.plain_length != length:
            return None
        try:
            header, payload = records.record(place)
            plain = plain_of(records, header, payload, known=below)
        except (Corrupt, NoSuchFile):
            continue
        if hash_bytes(plain) == id:
            return plain
    return None
