"""A ledger of all packs: one row an object, from the indexes and the headers of differences. Reads no payload.

Rows are numbers in packed columns, so that ten million objects fit into memory.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.ids import DIGEST_BYTES, ObjectId
from pacha.store.chains import depths
from pacha.store.data import DataStore
from pacha.store.pack import FOOTER_BYTES, MAGIC
from pacha.store.packindex import Location
from pacha.store.record import HEADER_BYTES


@dataclass(slots=True)
class Tally:
    """Some records. Units: bytes; `stored` has their headers."""

    records: int = 0
    plain: int = 0
    stored: int = 0

    def add(self, plain: int, stored: int, *, records: int = 1) -> None:
        """Counts more records."""
        self.records += records
        self.plain += plain
        self.stored += stored


class Ledger:
    """Every object of the packs by number. `stored` and `plain` are of its smallest copy, `copies` of its others.

    `bases` has what the copies of an object are differences to, of those objects alone that have such a copy.
    """

    def __init__(self, data: DataStore, packs: Mapping[ObjectId, int]) -> None:
        """Reads the rows of some packs of a known size. A pack whose rows do not fit into it is `unread`."""
        self.numbers: dict[bytes, int] = {}
        self.stored, self.plain, self.copies = array("Q"), array("Q"), array("Q")
        self.bases: dict[ObjectId, set[ObjectId | None]] = {}
        self.codecs: dict[int, Tally] = {}
        self.whole = Tally()
        self._on: dict[ObjectId | None, Tally] = {}
        self._whole_codecs = data.codecs().without_bases()
        self.sound = _sound(data, packs)
        for id, place in data.records():
            if place.pack in self.sound:
                self._add(data, id, place)
        self.unread = {pack: size for pack, size in packs.items() if pack not in self.sound}

    def _add(self, data: DataStore, id: ObjectId, place: Location) -> None:
        size = HEADER_BYTES + place.stored_length
        number = self.numbers.get(id.raw)
        if place.codec in self._whole_codecs:
            self.whole.add(place.plain_length, size)
            if id in self.bases:
                self.bases[id].add(None)
        else:
            # A header that cannot be read names no base: its object is at no depth.
            base = next(iter(data.bases_at(place)), None)
            size += DIGEST_BYTES if base else 0
            self._on.setdefault(base, Tally()).add(place.plain_length, size)
            known = self.bases.setdefault(id, set() if number is None else {None})
            known |= set() if base is None else {base}
        self.codecs.setdefault(place.codec, Tally()).add(place.plain_length, size)
        if number is None:
            self.numbers[id.raw] = len(self.stored)
            self.stored.append(size)
            self.plain.append(place.plain_length)
            self.copies.append(0)
        else:
            smaller, larger = sorted((self.stored[number], size))
            self.stored[number] = smaller
            self.copies[number] += larger

    def by_depth(self) -> dict[int | None, Tally]:
        """Records by how many bases they have; None where that cannot be told or does not end."""
        known: dict[ObjectId, set[ObjectId | None]] = {
            base: {None} for base in self._on if base is not None and base.raw in self.numbers
        }
        found = depths({**known, **self.bases})
        rows: dict[int | None, Tally] = {0: Tally(self.whole.records, self.whole.plain, self.whole.stored)}
        for base, tally in self._on.items():
            depth = found[base] + 1 if base in found else None
            rows.setdefault(depth, Tally()).add(tally.plain, tally.stored, records=tally.records)
        return rows


def _sound(data: DataStore, packs: Mapping[ObjectId, int]) -> set[ObjectId]:
    """The packs whose rows fit into their files: with an index that lies, parts would not add up to the whole."""
    here = data.packs().keys() - data.damaged.keys()
    left = {pack: size - len(MAGIC) - FOOTER_BYTES for pack, size in packs.items() if pack in here}
    for _, place in data.records():
        if place.pack in left:
            left[place.pack] -= HEADER_BYTES + place.stored_length
    return {pack for pack, rest in left.items() if rest >= 0}
