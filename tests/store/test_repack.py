"""Packs written anew: nothing but where bytes lie changes, whoever else is at work, and whatever is damaged."""

import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pacha.base import files
from pacha.base.errors import PachaError
from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.progress import Silent
from pacha.objects.types import Link
from pacha.store import repack
from pacha.store.chains import DEPTH_MAX, chain
from pacha.store.data import DataStore
from pacha.store.merge import merge
from pacha.store.repack import (
    CannotRepack,
    Held,
    PacksMoved,
    Rewrite,
    Rewritten,
    Wish,
    plan_merging,
    rewrite,
)
from pacha.store.retire import retire
from tests.store.test_chains import forge, put, steps


def open_store(path: Path) -> DataStore:
    return DataStore(Root(str(path), durability=Durability.NONE))


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return open_store(tmp_path)


def anew(store: DataStore, levels: list[dict[ObjectId, Wish]], packs: frozenset[ObjectId] | None = None) -> Rewritten:
    """Writes packs anew and sets the old ones aside, alone in the store."""
    held = Held.of(store)
    task = Rewrite(packs=packs or frozenset(store.packs()), levels=levels)
    done = rewrite(store, held, task, on_claim=lambda pack: None, workers=2, progress=Silent())
    retire(store, done.replaced, "local/trash/x", claimed=set)
    return done


def history(store: DataStore, count: int) -> tuple[list[bytes], list[ObjectId], list[dict[ObjectId, Wish]]]:
    """Versions that were stored whole, each in its own pack; and what each resembles."""
    versions = steps(count)
    ids = [put(store, data) for data in versions]
    nearest = [None, *ids]
    return versions, ids, [{id: Wish(element="f32", near=near)} for id, near in zip(ids, nearest, strict=False)]


def test_versions_become_differences_and_every_byte_stays(store: DataStore) -> None:
    versions, ids, levels = history(store, 6)
    before = sum(place.stored_length for _, place in store.records())
    done = anew(store, levels)
    assert len(done.packs) == len(store.packs()) == 1 and done.reencoded == {*ids[1:]}
    assert sum(place.stored_length for _, place in store.records()) < 0.6 * before
    assert [bytes(store.read(Link("blob", id))) for id in ids] == versions
    assert max(len(chain(store, id)) for id in ids) <= DEPTH_MAX
    assert chain(store, ids[0]) == (), "what others rest on stays whole"


def test_a_second_time_finds_nothing_to_win(store: DataStore) -> None:
    _, _, levels = history(store, 4)
    anew(store, levels)
    packs = {*store.packs()}
    assert anew(store, levels).reencoded == frozenset()
    assert {*store.packs()} == packs, "the same records make the same pack"


def test_what_others_rest_on_is_not_moved_below_them(store: DataStore) -> None:
    versions = steps(4)
    a, b = put(store, versions[0]), put(store, versions[1])
    c = forge(store, versions[2], b, versions[1])
    d = forge(store, versions[3], c, versions[2])
    anew(store, [{a: Wish(element="f32")}, {b: Wish(element="f32", near=a)}])
    assert chain(store, d) == (c, b)
    assert [bytes(store.read(Link("blob", id))) for id in (a, b, c, d)] == versions


def test_a_base_that_is_to_go_is_left_by_all(store: DataStore) -> None:
    versions = steps(3)
    base = put(store, versions[0])
    first, second = put(store, versions[1], near=base), put(store, versions[2], near=base)
    held = Held.of(store)
    due = [
        {first: Wish(element="f32", is_due=True)},
        {second: Wish(element="f32", near=first, is_due=True)},
    ]
    task = Rewrite(packs=frozenset(store.packs()), levels=due, shunned=frozenset({base}))
    done = rewrite(store, held, task, on_claim=lambda pack: None, workers=1, progress=Silent())
    retire(store, done.replaced, "local/trash/x", claimed=set)
    assert chain(store, first) == () and chain(store, second) == (first,)
    assert bytes(store.read(Link("blob", base))) == versions[0], "it is gc that drops it"


def test_of_an_object_that_lies_twice_the_smaller_copy_stays(store: DataStore) -> None:
    first, second = steps(2)
    a, b = put(store, first), put(store, second)
    forge(store, second, a, first)
    assert len(store.locate(b)) == 2
    anew(store, [])
    assert len(store.locate(b)) == 1 and chain(store, b) == (a,)
    assert bytes(store.read(Link("blob", b))) == second


def test_copies_that_rest_on_each_other_are_not_both_chosen(store: DataStore) -> None:
    first, second = steps(2)
    a, b = put(store, first), put(store, second)
    forge(store, first, b, second)
    forge(store, second, a, first)
    anew(store, [])
    assert not store.endless()
    assert [bytes(store.read(Link("blob", id))) for id in (a, b)] == [first, second]
    assert len([*store.records()]) == 2


def test_a_merge_loses_no_copy_that_others_may_need(store: DataStore) -> None:
    """Of copies with other bases any may be the one that can be read, once packs were written anew."""
    first, second = steps(2)
    a, b = put(store, first), put(store, second)
    forge(store, first, b, second)
    forge(store, second, a, first)
    merge(store, [*store.packs()])
    assert len(store.packs()) == 1 and not store.endless()
    assert [bytes(store.read(Link("blob", id))) for id in (a, b)] == [first, second]
    anew(store, [])
    assert len([*store.records()]) == 2 and not store.endless()


@pytest.mark.parametrize("shape", ["circle", "itself", "too deep", "absent"])
def test_a_store_whose_chains_do_not_end_is_refused_whole(store: DataStore, shape: str) -> None:
    versions = steps(DEPTH_MAX + 2)
    if shape == "circle":
        first = forge(store, versions[0], forge(store, versions[1], hash_bytes(versions[0]), versions[0]), versions[1])
        assert chain_fails(store, first)
    elif shape == "itself":
        forge(store, versions[0], hash_bytes(versions[0]), versions[0])
    elif shape == "absent":
        forge(store, versions[1], hash_bytes(versions[0]), versions[0])
    else:
        below = put(store, versions[0])
        for before, data in zip(versions, versions[1:], strict=False):
            below = forge(store, data, below, before)
    with pytest.raises(CannotRepack, match="nothing is written anew"):
        Held.of(store)


def chain_fails(store: DataStore, id: ObjectId) -> bool:
    try:
        chain(store, id)
    except PachaError:
        return True
    return False


def test_a_damaged_record_stops_it_and_nothing_goes(store: DataStore) -> None:
    _, ids, levels = history(store, 2)
    place = store.locate(ids[1])[0]
    path = Path(store.root.full(store.packs()[place.pack]))
    data = bytearray(path.read_bytes())
    data[place.offset + 200] ^= 1
    path.write_bytes(bytes(data))
    packs = {*store.packs()}
    with pytest.raises(PachaError):
        anew(store, levels)
    assert {*open_store(Path(store.root.path)).packs()} == packs


def test_a_pack_that_a_process_relies_on_stays(store: DataStore) -> None:
    _, ids, levels = history(store, 2)
    claimed = store.locate(ids[1])[0].pack
    held = Held.of(store)
    task = Rewrite(packs=frozenset(store.packs()), levels=levels)
    done = rewrite(store, held, task, on_claim=lambda pack: None, workers=1, progress=Silent())
    retired = retire(store, done.replaced, "local/trash/x", claimed=lambda: {claimed})
    assert [*retired.kept] == [claimed] and claimed in store.packs()


def test_one_who_began_to_rely_on_a_pack_meanwhile_finds_it_again(store: DataStore) -> None:
    _, ids, levels = history(store, 2)
    late = store.locate(ids[1])[0].pack
    answers: Iterator[set[ObjectId]] = iter([set(), {late}])
    done = rewrite(
        store, Held.of(store), Rewrite(packs=frozenset(store.packs()), levels=levels),
        on_claim=lambda pack: None, workers=1, progress=Silent(),
    )  # fmt: skip
    assert [*retire(store, done.replaced, "local/trash/x", claimed=lambda: next(answers)).kept] == [late]
    assert late in store.packs()


def beside(store: DataStore, levels: list[dict[ObjectId, Wish]], meanwhile: Callable[[], object]) -> Rewritten:
    """Writes packs anew; `meanwhile` happens once they were written and before they are seen."""
    task = Rewrite(packs=frozenset(store.packs()), levels=levels)
    return rewrite(
        store, Held.of(store), task, on_claim=lambda pack: meanwhile() and None, workers=1, progress=Silent()
    )


def test_what_is_stored_meanwhile_is_no_fault_and_keeps_what_it_rests_on(store: DataStore) -> None:
    """An add builds upon a whole record that the new packs hold as the last difference there may be."""
    versions, ids, levels = history(store, 4)
    place = store.locate(ids[3])[0].pack
    later = steps(5)[4]
    done = beside(store, levels, lambda: put(open_store(Path(store.root.path)), later, near=ids[3]))
    assert done.fault is None
    retired = retire(store, done.replaced, "local/trash/x", claimed=set)
    assert [*retired.kept] == [place] and len(retired.packs) == 3
    assert chain(store, hash_bytes(later)) == (ids[3],) and not store.endless()
    assert bytes(store.read(Link("blob", hash_bytes(later)))) == later
    assert [bytes(store.read(Link("blob", id))) for id in ids] == versions
    anew(store, [])
    assert len(store.packs()) == 1 and len([*store.records()]) == 5 and not store.endless()


@pytest.mark.parametrize("dies", [False, True])
def test_what_appears_as_its_writer_ends_keeps_what_it_rests_on(
    store: DataStore, monkeypatch: pytest.MonkeyPatch, *, dies: bool
) -> None:
    """It is seen after its journal was found gone, before anything is moved: whoever dies then leaves no gap."""
    _, ids, levels = history(store, 4)
    later = steps(5)[4]
    with open_store(Path(store.root.path)).writer() as writer:
        writer.add("blob", later, element="f32", near=ids[3])
        done = beside(store, levels, lambda: None)

        def claimed() -> set[ObjectId]:
            if hash_bytes(later) not in {id for id, _ in store.records()}:
                writer.close()
            return set()

        if dies:
            monkeypatch.setattr(DataStore, "bring_back", lambda *rest: pytest.fail("too late"))
        retire(store, done.replaced, "local/trash/x", claimed=claimed)
    assert not store.endless()
    assert bytes(store.read(Link("blob", hash_bytes(later)))) == later


def test_packs_that_lie_in_none_but_the_trash_come_back(store: DataStore) -> None:
    """What replaces them goes at the same moment."""
    versions, ids, levels = history(store, 3)
    done = beside(store, levels, lambda: None)
    asked: list[int] = []

    def claimed() -> set[ObjectId]:
        asked.append(len(asked))
        if len(asked) == 2:
            store.root.move(f"{store.folder}/{done.packs[0]}.pack", f"local/trash/y/{done.packs[0]}.pack")
        return set()

    assert not retire(store, done.replaced, "local/trash/x", claimed=claimed).packs
    assert [bytes(store.read(Link("blob", id))) for id in ids] == versions


@pytest.mark.parametrize("comes_back", [False, True])
@pytest.mark.parametrize("which", ["new", "old", "base"])
def test_packs_that_move_while_they_are_read_back_are_no_damage(
    store: DataStore, monkeypatch: pytest.MonkeyPatch, which: str, *, comes_back: bool
) -> None:
    _, ids, levels = history(store, 3)
    before = {*store.packs()}
    base = store.locate(ids[0])[0].pack
    real = repack._read_back

    def moving(*words: Any) -> None:
        new = {*open_store(Path(store.root.path)).packs()} - before
        (pack,) = {"new": new, "old": {store.locate(ids[2])[0].pack}, "base": {base}}[which]
        there, away = f"{store.folder}/{pack}.pack", f"local/trash/y/{pack}.pack"
        store.root.move(there, away)
        try:
            real(*words)
            assert which == "old", "it is hidden: nothing rests on it"
        finally:
            if comes_back:
                store.bring_back(pack, away)

    monkeypatch.setattr(repack, "_read_back", moving)
    task = Rewrite(packs=frozenset(before - {base}), levels=levels)
    done = rewrite(store, Held.of(store), task, on_claim=lambda pack: None, workers=1, progress=Silent())
    if which == "old":
        assert done.fault is None
        return
    assert isinstance(done.fault, PacksMoved) and not done.packs
    retire(store, done.replaced, "local/trash/x", claimed=set)
    if comes_back:
        assert {*store.packs()} == before, "what was written anew does not stay beside what it was to replace"


def circle_over_the_trash(store: DataStore) -> tuple[bytes, ObjectId, ObjectId]:
    """Two records that rest on each other, the packs with whole ones in the trash; the first one's bytes, and both ids."""
    first, second = steps(2)
    a, b = put(store, first), put(store, second)
    old = [*store.packs()]
    forge(store, first, b, second)
    forge(store, second, a, first)
    for pack in old:
        store.root.move(f"{store.folder}/{pack}.pack", f"local/trash/x/{pack}.pack")
    return first, a, b


def test_what_waits_in_the_trash_is_no_damage(store: DataStore) -> None:
    """Two at once may have set aside what each rests on, and look again a moment later."""
    circle_over_the_trash(store)
    with pytest.raises(PacksMoved):
        Held.of(store)


def test_a_base_that_was_moved_since_it_was_chosen_is_none(store: DataStore) -> None:
    """An add picks a whole base; a repack makes that a difference, before the add has named its pack."""
    versions, ids, levels = history(store, 4)
    store.refresh()
    other = open_store(Path(store.root.path))
    bases = other.bases_for(ids[3], len(versions[3]))
    assert [base.depth for base in bases] == [0]
    anew(store, levels)
    assert len(chain(store, ids[3])) > 0
    with other.writer() as writer:
        codec, _, base = writer.encode(steps(5)[4], "f32", bases)
    assert base is None and codec != 3


def test_many_packs_become_few_and_large_ones_are_left() -> None:
    ids = [ObjectId(bytes([number]) * 32) for number in range(20)]
    sizes = dict.fromkeys(ids, 1000)
    assert plan_merging(sizes) == ids
    assert plan_merging({ids[0]: 32 << 20, ids[1]: 40 << 20}) == [], "copying them wins nothing"
    assert plan_merging({}) == [] and plan_merging({ids[0]: 5}) == []


# -- two at once -----------------------------------------------------------------------------------------------------


class Baton:
    """Lets one of some threads go on at a time, and at each step says anew who, by a seed."""

    def __init__(self, seed: int, names: list[str]) -> None:
        self._coin = random.Random(seed)
        self._alive = list(names)
        self._turn = self._coin.choice(self._alive)
        self._changed = threading.Condition()

    def step(self) -> None:
        """Waits until it is this thread's turn again. A thread without a name goes on."""
        name = threading.current_thread().name
        with self._changed:
            if name not in self._alive:
                return
            self._turn = self._coin.choice(self._alive)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._turn == name, timeout=60)

    def leave(self) -> None:
        """This thread is done."""
        with self._changed:
            self._alive.remove(threading.current_thread().name)
            self._turn = self._coin.choice(self._alive) if self._alive else ""
            self._changed.notify_all()


class Stepping:
    """Stands in for the `os` of `pacha.base.files`: a step before each call that changes anything."""

    def __init__(self, baton: Baton) -> None:
        self._baton = baton

    def __getattr__(self, name: str) -> Any:
        found = getattr(os, name)
        if name not in ("rename", "unlink", "link", "pwritev", "mkdir"):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            self._baton.step()
            return found(*arguments, **named)

        return call


def all_at_once(path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, *, is_careful: bool) -> set[ObjectId]:
    """Two who write all packs anew with opposite wishes, and one who adds to one of these, step by step.

    Returns what cannot be read afterwards.
    """
    path.mkdir()
    *versions, later = steps(5)
    w, _, x, y = (put(open_store(path), data) for data in versions)
    wishes = {
        "one": [{x: Wish(element="f32", near=y)}],
        "other": [{x: Wish(element="f32", near=w)}, {y: Wish(element="f32", near=x)}],
    }
    claims: dict[str, set[ObjectId]] = {name: set() for name in (*wishes, "adder")}
    baton = Baton(seed, [*claims])
    failed: list[BaseException] = []

    def add(store: DataStore) -> None:
        with store.writer(on_claim=claims["adder"].add) as writer:
            writer.add("blob", later, element="f32", near=y)
            writer.close()

    def store_anew(store: DataStore, name: str) -> None:
        def claimed() -> set[ObjectId]:
            baton.step()
            return set().union(*(claims[other] for other in claims if other != name)) if is_careful else set()

        # Each rewrites only the packs of what it wishes to be differences.
        packs = frozenset(store.locate(id)[0].pack for level in wishes[name] for id in level)
        done = rewrite(
            store, Held.of(store), Rewrite(packs=packs, levels=wishes[name]),
            on_claim=claims[name].add, workers=1, progress=Silent(),
        )  # fmt: skip
        retire(store, done.replaced, f"local/trash/{name}", claimed=claimed)
        if done.fault is not None:
            raise done.fault

    def work() -> None:
        name = threading.current_thread().name
        store = open_store(path)
        try:
            baton.step()
            if name == "adder":
                add(store)
            else:
                store_anew(store, name)
        except PacksMoved:
            # One may find that the other has moved what it reads, and says so. Nothing is damaged.
            pass
        except BaseException as error:
            failed.append(error)
        finally:
            claims[name].clear()
            baton.leave()

    threads = [threading.Thread(target=work, name=name) for name in claims]
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", Stepping(baton))
        if not is_careful:
            patch.setattr(DataStore, "endless", lambda self, **which: set())
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == [], seed
    store = open_store(path)
    unread = store.endless()
    for data in (*versions, later):
        if hash_bytes(data) not in unread:
            assert bytes(store.read(Link("blob", hash_bytes(data)))) == data
    return unread


SEEDS = range(60)


def test_two_at_once_beside_an_add_leave_all_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in SEEDS:
        assert all_at_once(tmp_path / str(seed), seed, monkeypatch, is_careful=True) == set(), seed


def test_two_who_do_not_look_again_lose_what_each_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    lost = [all_at_once(tmp_path / str(seed), seed, monkeypatch, is_careful=False) for seed in SEEDS]
    assert any(lost)


def test_a_circle_that_two_who_died_left_behind_is_read_from_the_trash(store: DataStore) -> None:
    first, a, b = circle_over_the_trash(store)
    store.refresh()
    assert store.endless() == {a, b}
    assert bytes(store.read(Link("blob", a))) == first
    assert store.endless() == set()


def test_stepping_makes_both_orders_happen(tmp_path: Path) -> None:
    """The harness tells threads apart and gives each its turns."""
    seen: set[tuple[str, ...]] = set()
    for seed in range(20):
        baton, order = Baton(seed, ["one", "other"]), []

        def work(baton: Baton = baton, note: Callable[[str], None] = order.append) -> None:
            for _ in range(3):
                baton.step()
                note(threading.current_thread().name)
            baton.leave()

        threads = [threading.Thread(target=work, name=name) for name in ("one", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.add(tuple(order))
    assert len(seen) > 5
