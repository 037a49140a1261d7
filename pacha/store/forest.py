"""Which record is a difference to which, while packs are written anew: never too deep, never in a circle. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Set

from pacha.base.ids import ObjectId
from pacha.store.chains import DEPTH_MAX, depths
from pacha.store.packindex import Location


class Forest:
    """Records and their bases as they are and, after each `rest`, as they will be.

    >>> a, b, c, d = (ObjectId(bytes([n]) * 32) for n in range(4))
    >>> forest = Forest({b: a})
    >>> forest.room(c, b) == (a, b), forest.room(a, b), forest.room(d, d)
    (True, (), ())
    >>> forest.rest(c, b)
    >>> forest.room(d, c) == (a, b), forest.room(a, d) == ()
    (True, True)
    """

    def __init__(self, bases: Mapping[ObjectId, ObjectId]) -> None:
        self._bases = dict(bases)
        self._above: dict[ObjectId, set[ObjectId]] = defaultdict(set)
        for id, base in bases.items():
            self._above[base].add(id)

    def base_of(self, id: ObjectId) -> ObjectId | None:
        """What a record is a difference to."""
        return self._bases.get(id)

    def above(self, id: ObjectId) -> Set[ObjectId]:
        """The records that are a difference to this one."""
        return self._above.get(id, set())

    def bases(self) -> set[ObjectId]:
        """Every record that another is a difference to."""
        return {base for base, above in self._above.items() if above}

    def line(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """A record and its bases, nearest first; cut where it is longer than any may be."""
        found = [id]
        while len(found) <= DEPTH_MAX + 1 and (base := self._bases.get(found[-1])) is not None:
            found.append(base)
        return tuple(found)

    def room(self, id: ObjectId, near: ObjectId) -> tuple[ObjectId, ...]:
        """What a record may be based on, the whole one first, such that nothing that rests on it comes to lie too deep.

        A record that others rest on is left where it is if they would not fit; one that `near` rests on always.
        """
        line = self.line(near)
        if id in line:
            return ()
        return line[::-1][: DEPTH_MAX - self._height(id)]

    def _height(self, id: ObjectId) -> int:
        level, height = {id}, 0
        while height < DEPTH_MAX and (level := {above for each in level for above in self.above(each)}):
            height += 1
        return height

    def rest(self, id: ObjectId, base: ObjectId | None) -> None:
        """Says what a record will be a difference to; None if it will be whole."""
        before = self._bases.pop(id, None)
        if before is not None:
            self._above[before].discard(id)
        if base is not None:
            self._bases[id] = base
            self._above[base].add(id)


def choose_copies(
    copies: Iterable[tuple[ObjectId, Location, Set[ObjectId | None]]],
) -> tuple[dict[ObjectId, Location], Forest]:
    """Of several copies of an object the smallest that fits what else was chosen; and what rests on what then.

    The copy that is nearest to a whole record always fits, so each begins with that. Chains that do not end are left out.
    Of equal copies that in the pack with the most records: what a dead repack left twice then is superfluous pack by pack.
    """
    found: dict[ObjectId, list[tuple[Location, ObjectId | None]]] = defaultdict(list)
    for id, place, bases in copies:
        found[id].extend((place, base) for base in bases)
    records = Counter(place.pack for each in found.values() for place, _ in each)

    def order(copy: tuple[Location, ObjectId | None]) -> tuple[int, int, bytes, int]:
        place = copy[0]
        return place.stored_length, -records[place.pack], place.pack.raw, place.offset

    depth = depths({id: {base for _, base in each} for id, each in found.items()})
    places: dict[ObjectId, Location] = {}
    forest = Forest({})
    for id in depth:
        place, base = min(
            (copy for copy in found[id] if copy[1] is None or copy[1] in depth),
            key=lambda copy: (0 if copy[1] is None else depth[copy[1]] + 1, *order(copy)),
        )
        places[id] = place
        forest.rest(id, base)
    for id in sorted((id for id in depth if len(found[id]) > 1), key=lambda id: id.raw):
        for place, base in sorted(found[id], key=order):
            if place == places[id]:
                break
            if base is None or (base in depth and base in forest.room(id, base)):
                places[id] = place
                forest.rest(id, base)
                break
    return places, forest
