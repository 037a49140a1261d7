"""Entries of a log: what is written is what is read; whatever else arrives is one `BadEntry`."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.canonical import encode_compact
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link, Storage
from pacha.refs.names import RefName
from pacha.remotes import entries
from pacha.remotes.entries import (
    BODY_BYTES_MAX,
    BadEntry,
    Chained,
    LogEntry,
    RemoteIndex,
    RemotePack,
    Update,
    chained,
    decode_entry,
    decode_file,
    encode_file,
    seal,
    unseal,
    writer_text,
)

IDS = st.binary(min_size=32, max_size=32).map(ObjectId)
LINKS = st.builds(Link, st.sampled_from(["manifest", "tag", "move", "attestation"]), IDS)
REFS = st.one_of(
    st.builds(lambda id: RefName(f"refs/heads/model/fraud/{id}"), IDS),
    st.builds(lambda number: RefName(f"refs/versions/data/rows/{number}.0.0"), st.integers(0, 10**6)),
    st.builds(lambda number: RefName(f"refs/stages/data/rows/{number:08d}"), st.integers(1, 10**6)),
)
BODIES = st.none() | st.text(max_size=40).map(lambda text: text.encode("utf-8"))
UPDATES = st.one_of(
    st.builds(Update, ref=REFS, old=st.none(), new=LINKS, body=BODIES),
    st.builds(Update, ref=REFS, old=LINKS, new=st.none() | LINKS),
)
PACKS = st.builds(RemotePack, id=IDS, size=st.integers(0, 2**53 - 1), storage=st.sampled_from(Storage))
INDEXES = st.builds(RemoteIndex, id=IDS, size=st.integers(0, 2**53 - 1))
PRINTABLE = st.text(st.characters(codec="utf-8"), max_size=30).filter(str.isprintable)


@st.composite
def log_entries(draw: st.DrawFn) -> LogEntry:
    number = draw(st.integers(1, 99_999_999))
    return LogEntry(
        number=number,
        prev=None if number == 1 else draw(IDS),
        updates=tuple(draw(st.lists(UPDATES, max_size=4))),
        packs_added=tuple(draw(st.lists(PACKS, max_size=3))),
        packs_removed=tuple(draw(st.lists(IDS, max_size=2))),
        indexes_added=tuple(draw(st.lists(INDEXES, max_size=2))),
        indexes_removed=tuple(draw(st.lists(IDS, max_size=2))),
        writer=draw(PRINTABLE),
        nonce=draw(st.binary(min_size=16, max_size=16)).hex(),
        time="2026-03-03T12:00:00Z",
    )


def entry_of(number: int, prev: ObjectId | None, **more: object) -> LogEntry:
    values: dict[str, object] = {
        "writer": "Ada",
        "nonce": "ab" * 16,
        "time": "2026-03-03T12:00:00Z",
        "updates": (
            Update(
                ref=RefName("refs/versions/model/fraud/1.0.0"),
                new=Link("tag", hash_bytes(b"tag")),
                body=b"{}",
            ),
        ),
        "packs_added": (RemotePack(id=hash_bytes(b"pack"), size=100, storage=Storage.META),),
        "indexes_added": (RemoteIndex(id=hash_bytes(b"index"), size=100),),
    }
    return LogEntry(number=number, prev=prev, **{**values, **more})  # type: ignore[arg-type]


def chain_of(count: int) -> list[Chained]:
    """Entries that follow each other, the newest first."""
    found: list[Chained] = []
    for number in range(1, count + 1):
        found.insert(0, chained(entry_of(number, found[0].id if found else None)))
    return found


class TestRoundTrip:
    """What is written is what is read."""

    @given(log_entries())
    def test_of_an_entry(self, entry: LogEntry) -> None:
        assert decode_entry(chained(entry).line, where="x") == entry

    @given(st.integers(1, 20))
    def test_of_a_file_with_those_before(self, count: int) -> None:
        chain = chain_of(count)
        assert decode_file(encode_file(chain[0], chain[1:]), number=count, where="x") == tuple(chain)

    def test_a_file_repeats_no_more_than_it_may(self, monkeypatch: pytest.MonkeyPatch) -> None:
        chain = chain_of(9)
        monkeypatch.setattr(entries, "RECENT_BYTES_MAX", 3 * len(chain[4].line))
        found = decode_file(encode_file(chain[0], chain[1:]), number=9, where="x")
        assert len(found) in (3, 4) and found == tuple(chain[: len(found)])


class TestDamage:
    """A bit that is another, or a byte that is missing, is found before anything is believed."""

    DATA = encode_file(chain_of(2)[0], chain_of(2)[1:])

    def test_every_flipped_bit(self) -> None:
        for at in range(len(self.DATA)):
            for bit in range(8):
                flipped = bytearray(self.DATA)
                flipped[at] ^= 1 << bit
                with pytest.raises(BadEntry):
                    decode_file(bytes(flipped), number=2, where="x")

    def test_every_length(self) -> None:
        for length in range(len(self.DATA)):
            with pytest.raises(BadEntry):
                decode_file(self.DATA[:length], number=2, where="x")
        with pytest.raises(BadEntry):
            decode_file(self.DATA + b"\n", number=2, where="x")


def line_with(**changes: object) -> bytes:
    """The line of an entry of which some members are others, and whose spelling is right."""
    import json

    plain = json.loads(chained(entry_of(2, hash_bytes(b"one"))).line)
    plain.update(changes)
    return encode_compact(plain)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no document": lambda: b"[]",
    "not JSON": lambda: b"{",
    "deep": lambda: b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "two spellings": lambda: b'{ "number":2}',
    "twice the same member": lambda: b'{"number":2,"number":2}',
    "NaN": lambda: b'{"number":NaN}',
    "control characters": lambda: line_with(writer="\x1b[2J"),
    "a long writer": lambda: line_with(writer="x" * 201),
    "a negative number": lambda: line_with(number=-1),
    "number nought": lambda: line_with(number=0),
    "a number as text": lambda: line_with(number="2"),
    "a truth as number": lambda: line_with(number=True),
    "a fraction": lambda: line_with(number=2.5),
    "beyond the last number": lambda: line_with(number=10**8),
    "no entry before": lambda: line_with(prev=None),
    "a list as id": lambda: line_with(prev=[]),
    "updates that are none": lambda: line_with(updates={}),
    "an update that is none": lambda: line_with(updates=[1]),
    "a move from nothing to nothing": lambda: line_with(updates=[{"ref": "refs/versions/model/a/1.0.0"}]),
    "a ref that climbs": lambda: line_with(updates=[{"ref": "refs/heads/../../etc/passwd", "new": "tag:" + "0" * 64}]),
    "a ref with a line end": lambda: line_with(
        updates=[{"ref": "refs/versions/model/a/1\n", "new": "tag:" + "0" * 64}]
    ),
    "a ref of no namespace": lambda: line_with(updates=[{"ref": "refs/x/y/z", "new": "tag:" + "0" * 64}]),
    "a link to no type": lambda: line_with(updates=[{"ref": "refs/versions/model/a/1.0.0", "new": "x:" + "0" * 64}]),
    "a link that is a list": lambda: line_with(updates=[{"ref": "refs/versions/model/a/1.0.0", "new": ["tag"]}]),
    "a body that is large": lambda: line_with(
        updates=[{"ref": "refs/versions/model/a/1.0.0", "new": "tag:" + "0" * 64, "body": "x" * (BODY_BYTES_MAX + 1)}]
    ),
    "a body that is a number": lambda: line_with(
        updates=[{"ref": "refs/versions/model/a/1.0.0", "new": "tag:" + "0" * 64, "body": 1}]
    ),
    "a pack of negative size": lambda: line_with(packs_added=[{"id": "0" * 64, "size": -1, "class": "data"}]),
    "a pack of no class": lambda: line_with(packs_added=[{"id": "0" * 64, "size": 1, "class": "x"}]),
    "a pack whose class is a list": lambda: line_with(packs_added=[{"id": "0" * 64, "size": 1, "class": []}]),
    "an id in capitals": lambda: line_with(packs_removed=["A" * 64]),
    "an index that is none": lambda: line_with(indexes_added=[None]),
}


class TestHostile:
    """Whatever a remote says, the answer is one error."""

    @pytest.mark.parametrize("name", HOSTILE)
    def test_entry(self, name: str) -> None:
        with pytest.raises(BadEntry):
            decode_file(seal(HOSTILE[name]() + b"\n"), number=2, where="x")

    @given(st.binary(max_size=300))
    def test_any_bytes(self, data: bytes) -> None:
        for text in (data, seal(data)):
            with pytest.raises(BadEntry):
                decode_file(text, number=1, where="x")

    def test_lines_that_do_not_follow(self) -> None:
        chain = chain_of(3)
        other = chained(entry_of(2, chain[2].id, nonce="cd" * 16))
        for lines in ([chain[0], chain[2]], [chain[0], other], [chain[0], chain[0]], [chain[1], chain[0]]):
            with pytest.raises(BadEntry):
                decode_file(seal(b"".join(line.line + b"\n" for line in lines)), number=3, where="x")

    def test_another_number_than_was_asked_for(self) -> None:
        with pytest.raises(BadEntry):
            decode_file(encode_file(chain_of(2)[0], ()), number=3, where="x")

    def test_unknown_members_are_passed_by(self) -> None:
        assert decode_entry(line_with(later={"a": [1]}), where="x").number == 2


class TestWriting:
    """No push writes what no reader takes."""

    @given(st.text(max_size=400))
    def test_any_author_can_push(self, author: str) -> None:
        entry = entry_of(1, None, writer=writer_text(author))
        assert decode_entry(chained(entry).line, where="x") == entry

    def test_an_entry_that_would_not_be_read_is_refused(self) -> None:
        for entry in (entry_of(1, None, writer="\n"), entry_of(1, None, nonce="x" * 99), entry_of(2, None)):
            with pytest.raises(BadEntry):
                chained(entry)

    def test_an_entry_beyond_the_size_is_refused_with_a_way_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(entries, "ENTRY_BYTES_MAX", entries.RECENT_BYTES_MAX + 100)
        with pytest.raises(BadEntry) as caught:
            chained(entry_of(1, None))
        assert "--only" in (caught.value.hint or "")

    @given(st.binary(max_size=200))
    def test_a_seal_holds(self, text: bytes) -> None:
        sealed = seal(text + b"\n")
        assert unseal(sealed, where="x") == text + b"\n"
        at = random.Random(text).randrange(len(sealed))
        with pytest.raises(BadEntry):
            unseal(sealed[:at] + bytes([sealed[at] ^ 4]) + sealed[at + 1 :], where="x")
