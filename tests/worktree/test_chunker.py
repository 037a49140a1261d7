"""Cuts by content: the same for ever, however a file is given, compiled or not."""

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.worktree import chunker
from pacha.worktree.chunker import AVERAGE_BYTES, MAX_BYTES, MIN_BYTES, Chunker, is_compiled


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


#: What was cut when this was written. Other numbers here mean that nothing stored before is found again.
GOLDEN = {
    0: [],
    1: [1],
    MIN_BYTES: [16384],
    1_000_000: [151071, 87658, 121224, 76346, 26475, 115751, 72166, 110054, 23002, 61347, 88013, 19559, 47334],
}


@pytest.mark.parametrize("size", GOLDEN)
def test_the_cuts_are_those_of_every_version(size: int) -> None:
    assert cuts(noise(size), 4 << 20) == GOLDEN[size]


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


@pytest.mark.parametrize("data", [noise(700_000), bytes(500_000), b"id,name\n" * 60_000])
def test_without_its_compiled_part_the_package_cuts_the_same(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    import pyfastcdc
    import pyfastcdc.py

    compiled = cuts(data, 4 << 20)
    assert is_compiled(), "else this compares the slow way with itself"
    monkeypatch.setattr(pyfastcdc, "FastCDC", pyfastcdc.py.FastCDC)
    assert not chunker.is_compiled()
    assert cuts(data, 4 << 20) == compiled
