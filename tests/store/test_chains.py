"""Differences to a base: they are read back, never too far from a whole record, and never trusted."""

import random
import struct
from pathlib import Path

import pytest

from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link
from pacha.store.chains import DEPTH_MAX, BadBase, bases_of, chain
from pacha.store.codec import Codecs
from pacha.store.data import DataStore
from pacha.store.packwriter import PackWriter
from pacha.store.record import RecordHeader, checksum_of

DELTA = 3


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(Root(str(tmp_path), durability=Durability.NONE))


def steps(count: int) -> list[bytes]:
    """The same 16,384 weights after so many small steps, each from the one before."""
    source = random.Random(5)
    values = [source.gauss(0, 0.02) for _ in range(16_384)]
    found = []
    for _ in range(count):
        found.append(struct.pack("<16384f", *values))
        values = [value + source.gauss(0, 1e-7) for value in values]
    return found


def put(store: DataStore, data: bytes, near: ObjectId | None = None) -> ObjectId:
    with store.writer() as writer:
        id = writer.add("blob", data, element="f32", near=near)
        writer.close()
    store.refresh()
    return id


def forge(store: DataStore, data: bytes, base: ObjectId, base_data: bytes) -> ObjectId:
    """Stores a difference to any base, present or not, as a forger or a fault would."""
    stored = Codecs().numbered(DELTA).encode(data, element="f32", base=base_data)
    assert stored is not None
    header = RecordHeader(
        type="blob", codec=DELTA, plain_length=len(data), stored_length=len(stored), id=hash_bytes(data),
        checksum=checksum_of(stored), base=base,
    )  # fmt: skip
    with store.writer() as writer:
        assert isinstance(writer, PackWriter)
        writer.add_stored(header, memoryview(stored))
        writer.close()
    store.refresh()
    return header.id


def stored_length(store: DataStore, id: ObjectId) -> int:
    return store.locate(id)[0].stored_length


def test_a_successor_costs_little_and_comes_back(store: DataStore) -> None:
    first, second = steps(2)
    a = put(store, first)
    b = put(store, second, near=a)
    assert stored_length(store, b) < 0.5 * stored_length(store, a)
    assert chain(store, b) == (a,)
    assert bytes(store.read(Link("blob", b))) == second
    assert store.holds(b) is not None


def test_a_long_history_stays_a_star(store: DataStore) -> None:
    history = steps(12)
    ids = [put(store, history[0])]
    for data in history[1:]:
        ids.append(put(store, data, near=ids[-1]))
    depths = [len(chain(store, id)) for id in ids]
    assert max(depths) <= DEPTH_MAX
    assert depths.count(0) == 1, "each of them resembles the first"
    assert [bytes(store.read(Link("blob", id))) for id in ids] == history


def test_what_does_not_resemble_is_stored_whole(store: DataStore) -> None:
    a = put(store, steps(1)[0])
    b = put(store, random.Random(1).randbytes(65_536), near=a)
    assert chain(store, b) == ()


def test_an_absent_or_shorter_base_is_no_base(store: DataStore) -> None:
    first, second = steps(2)
    assert chain(store, put(store, first, near=hash_bytes(b"nowhere"))) == ()
    short = put(store, first[:-4])
    assert chain(store, put(store, second, near=short)) == ()


def test_a_difference_to_what_is_not_here_is_corrupt_not_wrong(store: DataStore) -> None:
    first, second = steps(2)
    id = forge(store, second, hash_bytes(first), first)
    with pytest.raises(BadBase, match="not here"):
        store.read(Link("blob", id))
    assert store.holds(id) is None, "a writer must store it again"
    assert put(store, second) == id
    assert bytes(store.read(Link("blob", id))) == second


def test_a_cycle_ends(store: DataStore) -> None:
    first, second = steps(2)
    forge(store, first, hash_bytes(second), second)
    id = forge(store, second, hash_bytes(first), first)
    with pytest.raises(BadBase, match="bases away"):
        store.read(Link("blob", id))


def test_a_record_that_is_its_own_base_ends(store: DataStore) -> None:
    (data,) = steps(1)
    id = forge(store, data, hash_bytes(data), data)
    with pytest.raises(BadBase):
        store.read(Link("blob", id))


def test_a_chain_that_is_too_long_is_refused_and_one_that_is_not_is_read(store: DataStore) -> None:
    history = steps(DEPTH_MAX + 2)
    ids = [put(store, history[0])]
    for before, data in zip(history, history[1:], strict=False):
        ids.append(forge(store, data, ids[-1], before))
    assert bytes(store.read(Link("blob", ids[DEPTH_MAX]))) == history[DEPTH_MAX]
    with pytest.raises(BadBase):
        store.read(Link("blob", ids[DEPTH_MAX + 1]))


def test_of_several_copies_of_a_base_a_sound_one_is_taken(store: DataStore) -> None:
    first, second = steps(2)
    forge(store, first, hash_bytes(b"nowhere"), second)
    id = forge(store, second, hash_bytes(first), first)
    with pytest.raises(BadBase):
        store.read(Link("blob", id))
    put(store, first)
    assert bytes(store.read(Link("blob", id))) == second


def test_bases_are_followed_step_by_step(store: DataStore) -> None:
    history = steps(3)
    a = put(store, history[0])
    b = forge(store, history[1], a, history[0])
    c = forge(store, history[2], b, history[1])
    assert bases_of(store.storage_bases(), [c]) == {a, b}
    assert bases_of(store.storage_bases(), [a]) == set()


def test_a_block_of_new_rows_in_the_middle_does_not_speak_against_a_difference(store: DataStore) -> None:
    first = b"".join(steps(16))
    rows = random.Random(8).randbytes(100_000)
    middle = len(first) // 2 - len(rows) // 2
    second = first[:middle] + rows + first[middle + len(rows) :]
    a = put(store, first)
    assert stored_length(store, put(store, second, near=a)) < 1.1 * len(rows)
    assert stored_length(store, put(store, second[::-1], near=a)) > 0.7 * len(first), "the control: nothing is alike"
