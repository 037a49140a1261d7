"""Wherever records go, none is too far from a whole one to be read, however differently each store keeps them (I9)."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pacha.base.errors import Corrupt
from pacha.base.ids import hash_bytes
from pacha.base.progress import Silent
from pacha.objects.types import Link
from pacha.remotes import choosing, receiving
from pacha.remotes.choosing import Choice, Lines
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import pack_key
from pacha.remotes.receiving import Receiver
from pacha.remotes.records import RemoteRecords
from pacha.remotes.sending import data_packs
from pacha.remotes.state import HeldIndex, HeldPack, State
from pacha.remotes.upload import Cargo, bring
from pacha.store.chains import Base, is_within
from pacha.store.objects import Objects
from pacha.store.record import CHECKSUM_BYTES, RecordHeader, checksum_of
from tests.remotes.places import Count, Memory, Watched
from tests.remotes.test_transfer import store_in

#: So many objects of one length, each near the others; enough for every depth and every order of bases.
OBJECTS = 5
LENGTH = 512


def objects_of(seed: int) -> list[bytes]:
    """Whole numbers that differ in few places: any can be a difference to any other."""
    coin = random.Random(seed)
    first = bytearray(coin.randbytes(LENGTH))
    found = []
    for number in range(OBJECTS):
        first[number * 8] ^= 0x55
        found.append(bytes(first))
    return found


class Place:
    """A store that keeps each object whole, or as a difference to whichever other it likes."""

    def __init__(self, folder: Path) -> None:
        self.objects: Objects = store_in(folder)
        self.data = self.objects.data

    def keep(self, plain: bytes, base: bytes | None) -> None:
        """Stores one more copy of an object, as a difference to another if there is one that is not too deep."""
        self.data.refresh()
        found: list[Base] = []
        if base is not None and base != plain and is_within(self.data, hash_bytes(base), 1):
            found = [Base(hash_bytes(base), 0, base)]
        with self.data.writer() as writer:
            id = hash_bytes(plain)
            delta = writer._codecs().numbered(3)
            stored: bytes | memoryview = plain if not found else delta.encode(plain, element="i64", base=base) or plain
            is_delta = stored is not plain
            header = RecordHeader(
                type="blob",
                codec=3 if is_delta else 0,
                plain_length=len(plain),
                stored_length=len(stored),
                id=id,
                checksum=checksum_of(stored) if is_delta else id.raw[:CHECKSUM_BYTES],
                base=found[0].id if is_delta else None,
            )
            writer.add_stored(header, memoryview(bytes(stored)))
            writer.close()
        self.data.refresh()

    def repack(self, plains: list[bytes], coin: random.Random) -> None:
        """Stores all that is here anew, each resting on what the coin says, and forgets how it was."""
        here = [plain for plain in plains if hash_bytes(plain) in self.data.has_many([hash_bytes(plain)])]
        old = dict(self.data.packs())
        for path in old.values():
            self.data.root.remove(path)
            self.data.root.remove(path.replace(".pack", ".idx"))
        self.data.close()
        coin.shuffle(here)
        for number, plain in enumerate(here):
            self.keep(plain, coin.choice(here[:number]) if number else None)


class Shared:
    """A remote, and what its log would say."""

    def __init__(self) -> None:
        self.remote = Memory()
        self.state = State(number=1, entry=hash_bytes(b"entry"), packs={}, indexes={})

    def holdings(self) -> Holdings:
        """What is there."""
        found = Holdings(self.remote, self.state)
        found.load()
        return found

    def push(self, place: Place, ids: list[Link]) -> None:
        """Sends what is not there."""
        holdings = self.holdings()
        links = [link for link in ids if not holdings.has(link.id)]
        cargo = Cargo(data=tuple(data_packs(place.data, links, Choice(place.data, Lines(holdings).within))))
        brought = bring(self.remote, cargo, Silent())
        self.state = State(
            number=1,
            entry=self.state.entry,
            packs={**self.state.packs, **{pack.id: HeldPack(pack, 1) for pack in brought.packs}},
            indexes={**self.state.indexes, **{index.id: HeldIndex(index, 1) for index in brought.indexes}},
        )

    def pull(self, place: Place, ids: list[Link]) -> None:
        """Fetches what is not here."""
        holdings = self.holdings()
        Receiver(holdings, place.objects, place.data.writer, Silent()).fetch(
            link.id for link in ids if holdings.has(link.id)
        )
        place.data.refresh()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["keep", "keep", "push", "pull", "repack"]),
        st.integers(0, 1),
        st.integers(0, OBJECTS - 1),
        st.integers(0, OBJECTS - 1),
    ),
    max_size=24,
)


def run(folder: Path, seed: int, steps: list[tuple[str, int, int, int]]) -> None:
    """Two stores and a remote through a history; after each step everything is readable wherever it is."""
    plains, coin = objects_of(seed), random.Random(seed)
    links = [Link("blob", hash_bytes(plain)) for plain in plains]
    places, shared = [Place(folder / "0"), Place(folder / "1")], Shared()
    for what, which, number, other in steps:
        place = places[which]
        if what == "keep":
            place.keep(plains[number], plains[other] if place.data.has(links[other].id) else None)
        elif what == "repack":
            place.repack(plains, coin)
        elif what == "push":
            here = place.data.has_many(link.id for link in links)
            shared.push(place, [link for link in links[number:] if link.id in here])
        else:
            shared.pull(place, links[number:])
        _all_can_be_read(places, shared, links)


def _all_can_be_read(places: list[Place], shared: Shared, links: list[Link]) -> None:
    records = RemoteRecords(shared.holdings())
    for link in links:
        for place in places:
            if place.data.has(link.id):
                assert hash_bytes(place.data.read(link)) == link.id
        records.read(link)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), steps=STEPS)
def test_what_is_anywhere_can_be_read_there(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[tuple[str, int, int, int]]
) -> None:
    run(tmp_path_factory.mktemp("history"), seed, steps)


#: 0 whole, 1 on it, 2 on 1 are pushed; then 2 is whole here, 3 rests on it and 4 on 3.
DEEP: list[tuple[str, int, int, int]] = [
    ("keep", 0, 0, 0), ("keep", 0, 1, 0), ("keep", 0, 2, 1), ("push", 0, 0, 0),
    ("keep", 1, 2, 2), ("keep", 1, 3, 2), ("keep", 1, 4, 3),
]  # fmt: skip


def test_a_base_that_is_deeper_there_goes_along(tmp_path: Path) -> None:
    run(tmp_path, 1, [*DEEP, ("push", 1, 3, 0)])


def test_a_base_that_is_deeper_here_comes_along(tmp_path: Path) -> None:
    run(tmp_path, 1, [*DEEP[:3], *DEEP[4:], ("push", 1, 2, 0), ("pull", 0, 3, 0)])


def test_the_harness_sees_what_is_too_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holds = Holdings.has
    with monkeypatch.context() as patch:
        patch.setattr(choosing.Lines, "within", lambda lines, id, depth: holds(lines._records._holdings, id))
        with pytest.raises(Corrupt):
            run(tmp_path / "push", 1, [*DEEP, ("push", 1, 3, 0)])
    monkeypatch.setattr(receiving, "is_within", lambda records, id, depth: True)
    with pytest.raises(Corrupt):
        run(tmp_path / "pull", 1, [*DEEP[:3], *DEEP[4:], ("push", 1, 2, 0), ("pull", 0, 3, 0)])


def test_a_base_that_is_whole_there_is_asked_for_nothing(tmp_path: Path) -> None:
    place, shared = Place(tmp_path), Shared()
    plains = objects_of(1)
    links = [Link("blob", hash_bytes(plain)) for plain in plains]
    place.keep(plains[0], None)
    shared.push(place, links[:1])
    place.keep(plains[1], plains[0])
    counted = Count()
    lines = Lines(Holdings(Watched(shared.remote, counted), shared.state))
    (pack,) = data_packs(place.data, links[1:2], Choice(place.data, lines.within))
    assert [record.header.id for record in pack.records] == [links[1].id]
    assert not counted.calls["range"]


def test_what_may_have_no_bases_is_encoded_anew(tmp_path: Path) -> None:
    place, shared = Place(tmp_path), Shared()
    plains = objects_of(1)
    links = [Link("blob", hash_bytes(plain)) for plain in plains]
    place.keep(plains[0], None)
    place.keep(plains[1], plains[0])
    (pack,) = data_packs(place.data, links[1:2], Choice(place.data, lambda id, depth: False, {links[1].id: 0}))
    assert [record.header.base for record in pack.records] == [None]
    brought = bring(shared.remote, Cargo(data=(pack,)), Silent())
    assert len(shared.remote.values[pack_key(brought.packs[0].id)]) == pack.size
