"""Cuts by content: the same for ever, however a file is given, compiled or not."""

import hashlib
import random
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.worktree import chunker
from pacha.worktree.chunker import AVERAGE_BYTES, MAX_BYTES, MIN_BYTES, Chunker, is_compiled
from pacha.worktree.gear import MASK_15, MASK_17, gear


def noise(size: int) -> bytes:
    """Bytes that every version of Python makes alike: the SHA-256 of a counter."""
    blocks = (hashlib.sha256(number.to_bytes(8, "little")).digest() for number in range(-(-size // 32)))
    return b"".join(blocks)[:size]


def cuts(data: bytes, window: int) -> list[int]:
    """The lengths of the chunks of a file that is given in windows, as the ingest gives it."""
    found: list[int] = []
    cutter, at, left = Chunker(), 0, b""
    while at < len(data) or left:
        piece = data[at : at + window]
        at += len(piece)
        whole = left + piece
        lengths = cutter.lengths(memoryview(whole), is_last=at >= len(data))
        found += lengths
        left = whole[sum(lengths) :]
    return found


GEAR_SHA256 = "9df0a720752a7d211fdebaf39bed01610983756fc340a1cfef41052b7356ae73"
#: What was cut when this was written. Other numbers here mean that nothing stored before is found again.
GOLDEN = {
    0: [],
    1: [1],
    MIN_BYTES - 1: [16383],
    MIN_BYTES: [16384],
    MAX_BYTES + 1: [151071, 87658, 23416],
    1_000_000: [151071, 87658, 121224, 76346, 26475, 115751, 72166, 110054, 23002, 61347, 88013, 19559, 47334],
}


@pytest.mark.parametrize("size", GOLDEN)
def test_the_cuts_are_those_of_every_version(size: int) -> None:
    assert cuts(noise(size), 4 << 20) == GOLDEN[size]


def test_rows_and_numbers_are_cut_as_in_every_version() -> None:
    assert cuts(STRUCTURED["rows"], 4 << 20) == [MAX_BYTES, 217856]
    assert cuts(STRUCTURED["numbers"], 4 << 20) == [98015, 139543, 88181, 38038, 29291, 16912, 70020]


def test_bytes_that_are_all_the_same_are_cut_at_the_most() -> None:
    assert cuts(bytes(600_000), 4 << 20) == [MAX_BYTES, MAX_BYTES, 600_000 - 2 * MAX_BYTES]


@settings(max_examples=20, deadline=None)
@given(size=st.integers(0, 900_000), window=st.integers(MAX_BYTES, 1 << 20), seed=st.integers(0, 9))
def test_windows_do_not_move_a_cut(size: int, window: int, seed: int) -> None:
    data = random.Random(seed).randbytes(size)
    found = cuts(data, window)
    assert found == cuts(data, 1 << 21)
    assert sum(found) == size
    assert all(MIN_BYTES <= length <= MAX_BYTES for length in found[:-1])


def test_an_insertion_moves_only_the_cuts_near_it() -> None:
    data = noise(4_000_000)
    before = cuts(data, 4 << 20)
    after = cuts(data[:1_000_000] + b"one more row\n" + data[1_000_000:], 4 << 20)
    assert before[-20:] == after[-20:]
    assert len(set(before) ^ set(after)) <= 8


def test_the_average_is_about_what_was_asked_for() -> None:
    found = cuts(noise(8_000_000), 4 << 20)
    assert 0.6 * AVERAGE_BYTES < 8_000_000 / len(found) < 1.6 * AVERAGE_BYTES


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the compiled part away when it is called."""
    assert is_compiled(), "else this compares the slow way with itself"

    def take() -> None:
        monkeypatch.setattr(chunker, "_compiled", lambda: None)
        assert not is_compiled()

    return take


STRUCTURED = {
    "noise": noise(700_001),
    "zeros": bytes(500_000),
    "rows": b"id,name\n" * 60_000,
    "numbers": b"".join(number.to_bytes(4, "little") for number in range(120_000)),
    "steps": b"".join(bytes([value]) * 3_000 for value in range(200)),
}


@pytest.mark.parametrize("kind", STRUCTURED)
def test_without_the_compiled_part_the_cuts_are_the_same(without: Callable[[], None], kind: str) -> None:
    data = STRUCTURED[kind]
    compiled = cuts(data, 4 << 20)
    without()
    assert cuts(data, 4 << 20) == cuts(data, 300_001) == compiled


@pytest.mark.parametrize("size", GOLDEN)
def test_without_the_compiled_part_the_cuts_are_those_of_every_version(without: Callable[[], None], size: int) -> None:
    without()
    assert cuts(noise(size), 4 << 20) == GOLDEN[size]


@pytest.mark.parametrize(
    "size", [near + step for near in (MIN_BYTES, AVERAGE_BYTES, MAX_BYTES) for step in range(-2, 3)]
)
def test_both_agree_on_files_about_as_long_as_a_limit(without: Callable[[], None], size: int) -> None:
    kinds = (noise(size), bytes(size), b"\xff" * size)
    compiled = [cuts(data, 4 << 20) for data in kinds]
    without()
    assert [cuts(data, 4 << 20) for data in kinds] == compiled


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), st.integers(1, 9_000)), max_size=12), st.integers(0, 99))
def test_both_agree_on_bytes_that_repeat_and_on_noise(parts: list[tuple[bytes, int]], seed: int) -> None:
    data = b"".join(part * times for part, times in parts) + random.Random(seed).randbytes(200_000)
    slow = list(chunker._SLOW.lengths(memoryview(data)))
    assert is_compiled() and slow == cuts(data, 4 << 20)


def test_the_gear_table_is_the_one_of_the_reference_code() -> None:
    raw = b"".join(value.to_bytes(8, "big") for value in gear())
    assert hashlib.sha256(raw).hexdigest() == GEAR_SHA256
    from pyfastcdc.py.constants import GEAR, MASKS

    assert list(GEAR) == list(gear())
    assert (MASKS[15], MASKS[17]) == (MASK_15, MASK_17)


@pytest.mark.parametrize("broken", ["missing", "plain"])
def test_a_package_that_is_missing_or_not_compiled_is_not_used(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    import pyfastcdc.py

    before = cuts(noise(300_000), 4 << 20)
    if broken == "missing":
        monkeypatch.setitem(sys.modules, "pyfastcdc", None)
    else:
        monkeypatch.setattr(pyfastcdc, "FastCDC", pyfastcdc.py.FastCDC)
    chunker._compiled.cache_clear()
    try:
        assert not is_compiled()
        assert cuts(noise(300_000), 4 << 20) == before
    finally:
        chunker._compiled.cache_clear()
