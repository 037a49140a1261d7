"""States written down: what is written is what is read; a damaged or forged one is one `BadEntry`."""

import random
import struct
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.ids import hash_bytes
from pacha.objects.types import Link, Storage
from pacha.refs.names import RefName
from pacha.remotes.entries import BadEntry, RemoteIndex, RemotePack, seal
from pacha.remotes.state import EMPTY, HeldIndex, HeldPack, HeldRef, State, base_number, decode_state, encode_state
from pacha.store.codec.zstd import ZstdCodec


def some_state(seed: int, number: int = 300) -> State:
    """A state with refs, packs and indexes of entries up to a number."""
    coin = random.Random(seed)

    def at() -> int:
        return coin.randint(1, number)

    refs = {
        RefName(f"refs/versions/model/m{n}/1.0.0"): HeldRef(
            Link("tag", hash_bytes(b"%d" % n)), at(), coin.choice([None, b"", b"{}\n", coin.randbytes(40)])
        )
        for n in range(coin.randint(0, 6))
    }
    packs = {
        pack.id: HeldPack(pack, at())
        for n in range(coin.randint(0, 5))
        if (pack := RemotePack(id=hash_bytes(b"p%d" % n), size=n * 7, storage=coin.choice(list(Storage))))
    }
    indexes = {
        index.id: HeldIndex(index, at())
        for n in range(coin.randint(0, 5))
        if (index := RemoteIndex(id=hash_bytes(b"i%d" % n), size=n))
    }
    return State(number=number, entry=hash_bytes(b"entry %d" % seed), refs=refs, packs=packs, indexes=indexes)


def written(lines: list[str]) -> bytes:
    """A file of a state with these lines, its seal right."""
    text = seal("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))
    return struct.pack("<Q", len(text)) + bytes(ZstdCodec().encode(text))


class TestRoundTrip:
    """What is written is what is read."""

    @given(st.integers(0, 10**6))
    def test_of_a_checkpoint(self, seed: int) -> None:
        state = some_state(seed)
        assert decode_state(encode_state(state), where="x", number=300) == state

    @given(st.integers(0, 10**6))
    def test_of_a_delta(self, seed: int) -> None:
        state = some_state(seed)
        base = State(
            number=256,
            entry=hash_bytes(b"base"),
            refs={ref: held for ref, held in state.refs.items() if held.at <= 256},
            packs={id: held for id, held in state.packs.items() if held.at <= 256},
            indexes={id: held for id, held in state.indexes.items() if held.at <= 256},
        )
        found = decode_state(encode_state(state, base=256), where="x", onto=base)
        assert (found.refs, found.packs, found.indexes) == (state.refs, state.packs, state.indexes)

    def test_what_went_since_the_base_is_gone(self) -> None:
        before = some_state(3, number=256)
        gone = next(iter(before.refs))
        state = State(
            number=300,
            entry=hash_bytes(b"x"),
            refs={ref: held for ref, held in before.refs.items() if ref != gone},
            packs=before.packs,
            indexes=before.indexes,
            removed_refs=frozenset({gone}),
        )
        assert decode_state(encode_state(state, base=256), where="x", onto=before).refs == state.refs

    def test_a_delta_builds_on_the_checkpoint_before_it(self) -> None:
        assert [base_number(number) for number in (16, 256, 272, 512, 528)] == [0, 0, 256, 256, 512]


class TestDamage:
    """Damage is found."""

    @pytest.mark.parametrize("base", [0, 256])
    def test_every_flipped_bit(self, base: int) -> None:
        state, onto = some_state(5), EMPTY if not base else some_state(6, number=256)
        data = encode_state(state, base=base)
        sound = decode_state(data, where="x", onto=onto)
        for at in range(len(data)):
            for bit in range(8):
                flipped = bytearray(data)
                flipped[at] ^= 1 << bit
                try:
                    found = decode_state(bytes(flipped), where="x", onto=onto)
                except BadEntry:
                    continue
                # A few bits of a zstd frame mean nothing; what comes out is sealed all the same.
                assert found == sound

    def test_every_length(self) -> None:
        data = encode_state(some_state(5))
        for length in range(len(data)):
            with pytest.raises(BadEntry):
                decode_state(data[:length], where="x")

    def test_a_state_in_the_place_of_another(self) -> None:
        with pytest.raises(BadEntry):
            decode_state(encode_state(some_state(5)), where="x", number=299)

    def test_a_delta_on_another_base(self) -> None:
        data = encode_state(some_state(5), base=256)
        for onto in (EMPTY, some_state(1, number=512)):
            with pytest.raises(BadEntry):
                decode_state(data, where="x", onto=onto)


HEAD = ["pacha state 1", "number 5", "base 0", f"entry {'0' * 64}"]
LINK = f"tag:{'0' * 64}"
HOSTILE = {
    "nothing": [],
    "three lines": HEAD[:3],
    "a newer one": ["pacha state 2", *HEAD[1:]],
    "a bare word": [HEAD[0], "number", *HEAD[2:]],
    "no entry": [*HEAD[:3], "entry none"],
    "a number with a sign": [HEAD[0], "number -5", *HEAD[2:]],
    "a number of another script": [HEAD[0], "number ٥", *HEAD[2:]],
    "a number without end": [HEAD[0], "number " + "9" * 10_000, *HEAD[2:]],
    "an unknown line": [*HEAD, "wonder 1"],
    "an empty line": [*HEAD, ""],
    "a ref without a link": [*HEAD, "ref refs/versions/model/a/1.0.0"],
    "a ref without an entry": [*HEAD, f"ref refs/versions/model/a/1.0.0 {LINK}"],
    "a ref that climbs": [*HEAD, f"ref refs/heads/../x/y {LINK} 1"],
    "a ref of an entry to come": [*HEAD, f"ref refs/versions/model/a/1.0.0 {LINK} 6"],
    "a body before a ref": [*HEAD, "body 00"],
    "a body that is no hex": [*HEAD, f"ref refs/versions/model/a/1.0.0 {LINK} 1", "body zz"],
    "a body without bytes": [*HEAD, f"ref refs/versions/model/a/1.0.0 {LINK} 1", "body"],
    "a pack without a class": [*HEAD, f"pack {'0' * 64} 1"],
    "a pack of a class to come": [*HEAD, f"pack {'0' * 64} 1 later 1"],
    "a pack of an entry to come": [*HEAD, f"pack {'0' * 64} 1 meta 6"],
    "an index that is short": [*HEAD, f"index {'0' * 63} 1 1"],
    "an index of an entry to come": [*HEAD, f"index {'0' * 64} 1 6"],
    "a removal of nothing": [*HEAD, "without-ref"],
    "control characters": [*HEAD, "\x1b[2J"],
    "bytes that are no text": [*HEAD, "\udcff"],
}


class TestHostile:
    """Whatever a remote says, the answer is one error."""

    @pytest.mark.parametrize("name", HOSTILE)
    def test_state(self, name: str) -> None:
        with pytest.raises(BadEntry):
            decode_state(written(HOSTILE[name]), where="x")

    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        with pytest.raises(BadEntry):
            decode_state(data, where="x")

    @given(st.lists(st.text(max_size=30), max_size=3))
    def test_any_lines(self, lines: list[str]) -> None:
        with pytest.raises(BadEntry):
            decode_state(written([line.encode("utf-8", "replace").decode("latin-1") for line in lines]), where="x")

    @pytest.mark.parametrize("length", [0, 1, 255 << 20, 257 << 20, 2**63, 2**64 - 1])
    def test_a_length_that_lies_costs_no_memory(self, length: int) -> None:
        data = struct.pack("<Q", length) + encode_state(some_state(5))[8:]
        for bytes_of in self._frames(data):
            tracemalloc.start()
            try:
                with pytest.raises(BadEntry):
                    decode_state(bytes_of, where="x")
                assert tracemalloc.get_traced_memory()[1] < 1 << 20
            finally:
                tracemalloc.stop()

    @staticmethod
    def _frames(data: bytes) -> Iterator[bytes]:
        yield data
        yield data[:8]
        yield data[:8] + bytes(100)
