"""Reading a log: with lists and without, with what was written down and without; what went back is seen."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.base.errors import Corrupt, RemoteFailed
from pacha.base.ids import hash_bytes
from pacha.remotes import compact, log, state
from pacha.remotes.entries import BadEntry, chained, encode_file
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import CHECKPOINTS, DELTAS, checkpoint_key, delta_key, log_key, number_of
from pacha.remotes.log import RolledBack, append, find_tip, read_entries, read_state, state_at
from pacha.remotes.meta import MetaReader
from pacha.remotes.remote import RemoteRefused
from pacha.remotes.state import EMPTY, State, decode_state, encode_state
from pacha.remotes.upload import Brought, next_entry
from tests.remotes.histories import TIME, Model, history, push
from tests.remotes.places import Count, Memory, Watched


@contextmanager
def small_numbers(delta: int = 4, checkpoint: int = 16) -> Iterator[None]:
    """Lets summaries be due sooner."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (state, log, compact):
            patch.setattr(module, "CHECKPOINT_ENTRIES", checkpoint)
            patch.setattr(module, "DELTA_ENTRIES", delta)
        yield


def check(remote: Memory, found: State, model: Model) -> None:
    """A state has all refs, and every object of the model can be read through it."""
    assert {ref: held.link for ref, held in found.refs.items()} == model.refs
    reader = MetaReader(Holdings(remote, found))
    for link, data in model.objects.items():
        assert reader.read(link) == data


def without(remote: Memory, *prefixes: str) -> Memory:
    """A copy that lacks some keys."""
    copy = Memory(can_list=remote.can_list)
    copy.values = {key: value for key, value in remote.values.items() if not key.startswith(prefixes or ("none",))}
    return copy


class TestReaders:
    """Whichever way a reader comes, it sees the same refs and can read the same objects."""

    @settings(max_examples=25)
    @given(st.integers(1, 40), st.integers(0, 10**6), st.booleans())
    def test_all_ways_agree(self, count: int, seed: int, can_list: bool) -> None:
        with small_numbers():
            remote = Memory(can_list=can_list)
            newest, model = history(remote, count, seed=seed)
            coin = random.Random(seed)
            known = state_at(remote, coin.randint(1, count))
            ways = {
                "who pushed": newest,
                "by what is written down": read_state(remote),
                "by entries alone": read_state(without(remote, CHECKPOINTS, DELTAS)),
                "without the deltas": read_state(without(remote, DELTAS)),
                "without the checkpoints": read_state(without(remote, CHECKPOINTS)),
                "by what was known": read_state(remote, known=known),
                "by what was remembered": read_state(remote, known=decode_state(encode_state(known), where="x")),
                "at that entry": state_at(remote, count),
            }
            for found in ways.values():
                assert found.number == count and found.entry == newest.entry
                check(remote, found, model)

    @pytest.mark.parametrize("count", [15, 16, 17, 255, 256, 257, 271, 272, 273, 512, 513])
    def test_around_the_real_numbers(self, count: int) -> None:
        remote = Memory()
        newest, model = history(remote, count)
        for found in (newest, read_state(remote), read_state(without(remote, CHECKPOINTS, DELTAS))):
            assert found.entry == newest.entry
            check(remote, found, model)

    def test_a_push_goes_on_from_any_of_them(self) -> None:
        with small_numbers():
            remote = Memory()
            _, model = history(remote, 21)
            for known in (EMPTY, state_at(remote, 3), state_at(remote, 18), state_at(remote, 20)):
                found = push(remote, read_state(remote, known=known), model, random.Random(1), len(model.objects) + 1)
                check(remote, found, model)
                check(remote, read_state(remote), model)


class TestDerived:
    """What is written down may be missing or damaged: the log has all that it says."""

    @settings(max_examples=25)
    @given(st.integers(17, 40), st.data())
    def test_damaged_summaries_are_passed_by(self, count: int, data: st.DataObject) -> None:
        with small_numbers():
            remote = Memory()
            newest, model = history(remote, count)
            keys = sorted(key for key in remote.values if key.startswith((CHECKPOINTS, DELTAS)))
            for key in data.draw(st.lists(st.sampled_from(keys), min_size=1, unique=True)):
                junk = data.draw(st.sampled_from([b"", b"junk", remote.values[key][:-1], bytes(64)]))
                remote.values[key] = junk
            found = read_state(remote)
            assert found.entry == newest.entry
            check(remote, found, model)

    def test_a_summary_in_the_place_of_another_is_passed_by(self) -> None:
        with small_numbers():
            remote = Memory()
            _, model = history(remote, 38)
            remote.values[delta_key(36)] = remote.values[delta_key(20)]
            remote.values[checkpoint_key(32)] = remote.values[checkpoint_key(16)]
            check(remote, read_state(remote), model)

    def test_a_forged_summary_is_found(self) -> None:
        with small_numbers():
            remote = Memory()
            for count in (16, 18):
                history(remote, count)
                forged = State(number=16, entry=hash_bytes(b"forged"))
                remote.values[checkpoint_key(16)] = encode_state(forged)
                with pytest.raises(RolledBack):
                    read_state(remote)
                remote.values.clear()

    def test_a_record_that_is_damaged_is_not_merged(self) -> None:
        """A bit that flips on its way into a merged pack would be there for good."""
        with small_numbers():
            remote = Memory()
            history(remote, 4, writes_down=False)
            pack = next(key for key in sorted(remote.values) if key.startswith("packs/"))
            sound = remote.values[pack]
            remote.values[pack] = sound[:130] + bytes([sound[130] ^ 1]) + sound[131:]
            with pytest.raises((Corrupt, RemoteFailed)):
                compact.write_down(remote, 4)
            assert delta_key(4) not in remote.values

    def test_merging_leaves_few_packs(self) -> None:
        with small_numbers():
            remote = Memory()
            history(remote, 64)
            found = read_state(remote)
            assert len(found.packs) <= 64 // 16 and len(found.indexes) <= 64 // 16


class TestRolledBack:
    """A log that went back, or was rewritten, is seen by whoever was there before."""

    @pytest.mark.parametrize("can_list", [True, False], ids=["listed", "probed"])
    @pytest.mark.parametrize("left", [0, 1, 9, 16, 17])
    def test_a_shorter_log(self, left: int, can_list: bool) -> None:
        with small_numbers():
            remote = Memory(can_list=can_list)
            known, _ = history(remote, 18)
            for key in list(remote.values):
                if (number_of(key) or 0) > left:
                    del remote.values[key]
            with pytest.raises(RolledBack) as caught:
                read_state(remote, known=known)
            assert caught.value.exit_code == 5 and "remote forget" in (caught.value.hint or "")

    @pytest.mark.parametrize("can_list", [True, False], ids=["listed", "probed"])
    @pytest.mark.parametrize("count", [18, 19, 20, 21, 40])
    def test_another_log_of_any_length(self, count: int, can_list: bool) -> None:
        with small_numbers():
            known, _ = history(Memory(), 18, seed=1)
            other = Memory(can_list=can_list)
            history(other, count, seed=2)
            with pytest.raises(RolledBack):
                read_state(other, known=known)

    def test_a_log_that_forked_after_a_common_beginning(self) -> None:
        with small_numbers():
            remote = Memory()
            before, _ = history(remote, 10)
            fork = without(remote)
            known = push(remote, before, Model(), random.Random(1), 11)
            other = before
            for number in range(100, 103):
                other = push(fork, other, Model(), random.Random(2), number)
                with pytest.raises(RolledBack):
                    read_state(fork, known=known)
            assert read_state(fork, known=before).entry == other.entry

    def test_the_harness_sees_nothing_where_nothing_is_known(self) -> None:
        """The negative control: it is what was remembered that shows it."""
        with small_numbers():
            remote = Memory()
            history(remote, 18)
            for number in (17, 18):
                del remote.values[log_key(number)]
            assert read_state(remote).number == 16


class TestDamage:
    """An entry that is damaged or missing is one error, never another answer."""

    @pytest.mark.parametrize("can_list", [True, False], ids=["listed", "probed"])
    def test_every_entry_in_turn(self, can_list: bool) -> None:
        with small_numbers():
            whole = Memory(can_list=can_list)
            newest, model = history(whole, 11, writes_down=False)
            for number in range(1, 12):
                for junk in (None, b"", b"junk", whole.values[log_key(1 + number % 11)]):
                    remote = without(whole)
                    remote.values[log_key(number)] = junk or b""
                    if junk is None:
                        del remote.values[log_key(number)]
                    try:
                        found = read_state(remote)
                    except BadEntry:
                        continue
                    # Those after it repeat it, or the newest was taken back, which nobody saw here.
                    assert found.entry == newest.entry or (junk is None and found.number < 11)
                    if found.entry == newest.entry:
                        check(remote, found, model)

    def test_names_that_pacha_did_not_make(self) -> None:
        remote = Memory()
        newest, _ = history(remote, 3)
        for name in (".DS_Store", "0000000x", "00000004.tmp", "٠٠٠٠٠٠٠٩", "123456789"):
            remote.values[f"log/{name}"] = b"junk"
        assert read_state(remote).entry == newest.entry

    def test_an_entry_far_ahead_is_an_error(self) -> None:
        remote = Memory()
        history(remote, 3)
        remote.values["log/99999999"] = b"junk"
        with pytest.raises(BadEntry):
            read_state(remote)

    @settings(max_examples=25)
    @given(st.integers(0, 300), st.integers(0, 320))
    def test_the_tip_is_found_without_a_list_in_few_probes(self, count: int, hint: int) -> None:
        remote = Memory(can_list=False)
        remote.values = {log_key(number): b"" for number in range(1, count + 1)}
        counted = Count()
        assert find_tip(Watched(remote, counted), hint=hint) == count
        assert counted.total <= 2 * 10 + 2


class TestAppend:
    """One entry wins, and who won knows it whatever the answer was."""

    @staticmethod
    def _next(before: State) -> tuple[State, bytes]:
        entry = next_entry(before, updates=(), brought=Brought(), writer="Ada", time=TIME)
        return before.after([chained(entry)]), encode_file(chained(entry), before.recent)

    def test_the_second_of_two_is_told(self) -> None:
        remote = Memory()
        before, _ = history(remote, 2)
        one, two = (next_entry(before, updates=(), brought=Brought(), writer=who, time=TIME) for who in "AB")
        assert append(remote, before, one) is not None
        assert append(remote, before, two) is None

    @pytest.mark.parametrize("happened", [True, False])
    def test_a_lost_answer_is_settled_by_reading(self, happened: bool) -> None:
        remote = Memory()
        before, _ = history(remote, 2)
        entry = next_entry(before, updates=(), brought=Brought(), writer="Ada", time=TIME)

        def lose(name: str, key: str) -> None:
            if name == "create":
                if happened:
                    remote.create(key, encode_file(chained(entry), before.recent))
                raise RemoteRefused("the line was cut")

        if happened:
            after = append(Watched(remote, lose), before, entry)
            assert after is not None and after.number == 3
        else:
            with pytest.raises(RemoteRefused):
                append(Watched(remote, lose), before, entry)
        assert (log_key(3) in remote.values) is happened

    def test_a_lost_answer_after_somebody_elses_entry_is_a_loss(self) -> None:
        remote = Memory()
        before, model = history(remote, 2)
        push(remote, before, model, random.Random(1), 3)
        entry = next_entry(before, updates=(), brought=Brought(), writer="Ada", time=TIME)

        def lose(name: str, key: str) -> None:
            if name == "create":
                raise RemoteRefused("the line was cut")

        assert append(Watched(remote, lose), before, entry) is None


def test_entries_far_apart_are_read_with_few_requests() -> None:
    remote = Memory()
    history(remote, 100)
    counted = Count()
    list(read_entries(Watched(remote, counted), 100))
    assert counted.total <= 100 // 16 + 2
