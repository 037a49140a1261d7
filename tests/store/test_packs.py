"""Packs: what goes in comes out, damage is found, indexes are derived, threads may add side by side."""

import contextlib
import os
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.base.errors import Corrupt, PachaError
from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link
from pacha.store import packwriter
from pacha.store.codec import BadFrame, Codecs, UnknownCodec
from pacha.store.data import MULTI_INDEX, DataStore, ObjectAbsent, WrongType
from pacha.store.merge import PACKS_PER_TIER, UNCOVERED_PACKS_MAX, maintain, plan_merge, write_multi_index
from pacha.store.packindex import BadIndex, PackIndex, Row, encode_index
from pacha.store.record import FLAG_BASE, RECORD_PLAIN_MAX, BadHeader, RecordHeader, checksum_of, decode_header

TEXT = b"the same words again and again, " * 200
NOISE = random.Random(7).randbytes(5_000)


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(Root(str(tmp_path), durability=Durability.NONE))


def put(store: DataStore, *pieces: bytes) -> tuple[ObjectId, ...]:
    with store.writer() as writer:
        for piece in pieces:
            writer.add("blob", piece)
        packs = writer.close().packs
    store.refresh()
    return packs


def pack_path(store: DataStore, id: ObjectId) -> Path:
    return Path(store.root.full(store.packs()[id]))


class TestCodecs:
    """Every codec gives back what it was given, and refuses what it did not make."""

    @given(st.binary(max_size=2_000))
    def test_any_bytes_survive(self, data: bytes) -> None:
        codecs = Codecs()
        for number in codecs.names():
            codec = codecs.numbered(number)
            stored = codec.encode(data, element="i16", base=bytes(len(data)))
            if stored is not None:
                assert bytes(codec.decode(stored, len(data), base=bytes(len(data)))) == data

    @pytest.mark.parametrize("number", [0, 1])
    @pytest.mark.parametrize("wrong", [-1, 1, 1000])
    def test_another_length_is_refused(self, number: int, wrong: int) -> None:
        codec = Codecs().numbered(number)
        stored = codec.encode(TEXT, element="i16", base=bytes(len(TEXT)))
        assert stored is not None
        with pytest.raises(BadFrame):
            codec.decode(stored, len(TEXT) + wrong, base=bytes(len(TEXT) + wrong))

    def test_zstd_frames_that_lie_are_refused(self) -> None:
        import zstandard

        codec = Codecs().numbered(1)
        good = bytes(codec.encode(TEXT))
        streaming = zstandard.ZstdCompressor(write_content_size=False).compress(TEXT)
        window = zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters(window_log=27)
        ).compressobj(size=len(TEXT))
        wide = window.compress(TEXT) + window.flush()
        skippable = b"\x50\x2a\x4d\x18\x04\0\0\0junk"
        bomb = bytes(zstandard.ZstdCompressor().compress(bytes(1 << 26)))
        for frame, size in (
            (good + b"x", len(TEXT)),
            (good + good, 2 * len(TEXT)),
            (good + good, len(TEXT)),
            (good[:-1], len(TEXT)),
            (streaming, len(TEXT)),
            (skippable + good, len(TEXT)),
            (bomb, 100),
            (b"", 0),
            (wide[:5] + wide[6:], len(TEXT)),
        ):
            with pytest.raises(BadFrame):
                codec.decode(frame, size)

    def test_an_unknown_codec_says_what_to_do(self) -> None:
        with pytest.raises(UnknownCodec):
            Codecs().numbered(77)


class TestRecords:
    """The header describes itself and is believed only when its checksum fits."""

    HEADER = RecordHeader(
        type="chunklist", codec=1, plain_length=9, stored_length=4, id=hash_bytes(b"x"), checksum=checksum_of(b"yyyy")
    )

    @pytest.mark.parametrize("base", [None, hash_bytes(b"base")])
    def test_it_comes_back(self, base: ObjectId | None) -> None:
        header = RecordHeader(
            type="blob", codec=0, plain_length=1, stored_length=2, id=hash_bytes(b"i"), checksum=b"c" * 16, base=base
        )
        assert decode_header(header.encode() + b"payload") == header
        assert len(header.encode()) == header.size == 84 + (32 if base else 0)

    def test_every_flipped_bit_is_seen(self) -> None:
        raw = self.HEADER.encode()
        for bit in range(len(raw) * 8):
            damaged = bytearray(raw)
            damaged[bit // 8] ^= 1 << bit % 8
            with pytest.raises(BadHeader):
                decode_header(bytes(damaged))

    def test_every_cut_is_seen(self) -> None:
        raw = self.HEADER.encode()
        for end in range(len(raw)):
            with pytest.raises(BadHeader):
                decode_header(raw[:end])

    def test_a_promise_of_too_much_is_refused_before_anything_is_allocated(self) -> None:
        header = RecordHeader(
            type="blob",
            codec=0,
            plain_length=RECORD_PLAIN_MAX + 1,
            stored_length=1,
            id=hash_bytes(b"x"),
            checksum=b"c" * 16,
        )
        with pytest.raises(BadHeader):
            decode_header(header.encode())
        assert FLAG_BASE == 1


def test_what_goes_in_comes_out(store: DataStore) -> None:
    pieces = [b"", b"x", TEXT, NOISE, bytes(100_000)]
    (pack,) = put(store, *pieces)
    for piece in pieces:
        assert store.read(Link("blob", hash_bytes(piece))) == piece
    assert pack_path(store, pack).stat().st_size < 20_000
    assert {header.type for _, header in store.pack(pack).scan()} == {"blob"}


def test_nothing_is_stored_twice(store: DataStore) -> None:
    put(store, TEXT, TEXT)
    assert put(store, TEXT) == ()
    assert len(list(store.records())) == 1


@given(
    st.lists(st.sampled_from([b"", b"x", TEXT, TEXT[:127], TEXT[:128], NOISE]) | st.binary(max_size=300), max_size=40)
)
@settings(max_examples=40)
def test_small_ones_are_stored_together_as_they_are_alone(
    tmp_path_factory: pytest.TempPathFactory, data: list[bytes]
) -> None:
    found = []
    for place in ("together", "alone"):
        store = DataStore(Root(str(tmp_path_factory.mktemp(place)), durability=Durability.NONE))
        with store.writer() as writer:
            ids = writer.add_small(data) if place == "together" else [writer.add("blob", item) for item in data]
            receipt = writer.close()
        store.refresh()
        assert [bytes(store.read(Link("blob", id))) for id in ids] == data
        found.append((ids, receipt, [store.record(place) for id in ids for place in store.locate(id)]))
    assert found[0] == found[1]


def test_more_parts_than_the_system_takes_at_once_are_written(store: DataStore) -> None:
    data = [b"%d" % number for number in range(packwriter.PARTS_MAX + 3)]
    with store.writer() as writer:
        ids = writer.add_small(data)
        writer.close()
    assert [bytes(store.read(Link("blob", id))) for id in ids] == data


def test_a_record_among_small_ones_may_not_be_too_large(store: DataStore) -> None:
    with store.writer() as writer, pytest.raises(BadHeader):
        writer.add_small([b"x", bytes(RECORD_PLAIN_MAX + 1)])


def test_packs_that_are_relied_on_are_named_before_they_are_believed(store: DataStore) -> None:
    """I10: gc takes what nobody names; what it took while it was being named is not relied on."""
    (pack,) = put(store, TEXT, NOISE)
    tree, gone = hash_bytes(TEXT), hash_bytes(b"never stored")
    claimed: list[ObjectId] = []
    with store.writer(on_claim=claimed.append) as writer:
        assert not writer.relies_on([], [])
        assert not writer.relies_on([pack, gone], [tree])
        assert claimed == []
        assert not writer.relies_on([pack], [tree, gone])
        assert writer.relies_on([pack], [tree])
        assert claimed == [pack]
    with store.writer(on_claim=lambda pack: pack_path(store, pack).unlink()) as writer:
        assert not writer.relies_on([pack], [tree])


def test_what_is_not_there_is_absent_and_another_type_is_refused(store: DataStore) -> None:
    put(store, TEXT)
    with pytest.raises(ObjectAbsent):
        store.read(Link("blob", hash_bytes(b"elsewhere")))
    with pytest.raises(WrongType):
        store.read(Link("tree", hash_bytes(TEXT)))


def test_a_writer_that_is_left_by_an_error_leaves_nothing(store: DataStore, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), store.writer() as writer:
        writer.add("blob", TEXT)
        raise RuntimeError
    store.refresh()
    assert store.packs() == {} and list((tmp_path / "local/tmp").iterdir()) == []


def test_a_full_pack_is_followed_by_another(store: DataStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packwriter, "PACK_BYTES_MAX", 12_000)
    pieces = [random.Random(seed).randbytes(5_000) for seed in range(7)]
    assert len(put(store, *pieces)) == 4
    assert all(store.read(Link("blob", hash_bytes(piece))) == piece for piece in pieces)


def test_threads_may_add_side_by_side(store: DataStore) -> None:
    pieces = [random.Random(seed % 300).randbytes(500 + seed % 300) for seed in range(600)]
    with store.writer() as writer:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda piece: writer.add("blob", piece), pieces))
        (pack,) = writer.close().packs
    store.refresh()
    assert len(list(store.pack(pack).scan())) == 300
    assert all(store.read(Link("blob", hash_bytes(piece))) == piece for piece in pieces)


def test_every_damage_to_a_pack_is_seen_and_the_rest_is_read(store: DataStore) -> None:
    pieces = [TEXT, NOISE, b"small"]
    (pack,) = put(store, *pieces)
    path = pack_path(store, pack)
    whole = path.read_bytes()
    random_ = random.Random(1)
    for at in [*range(0, 120), *random_.sample(range(len(whole)), 120), *range(len(whole) - 48, len(whole))]:
        for damaged in (whole[:at] + bytes([whole[at] ^ 1 << random_.randrange(8)]) + whole[at + 1 :], whole[:at]):
            path.write_bytes(damaged)
            fresh = DataStore(store.root)
            with pytest.raises(Corrupt):
                for offset, header in fresh.pack(pack).scan():
                    found, payload = fresh.pack(pack).record_at(offset, header.stored_length)
                    if checksum_of(payload) != found.checksum:
                        raise Corrupt("seen")
            for piece in pieces:
                with contextlib.suppress(Corrupt, ObjectAbsent):
                    assert fresh.read(Link("blob", hash_bytes(piece))) == piece
    path.write_bytes(whole)


def test_adding_again_heals_a_damaged_record(store: DataStore) -> None:
    (pack,) = put(store, NOISE)
    path = pack_path(store, pack)
    whole = bytearray(path.read_bytes())
    whole[200] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(Corrupt):
        DataStore(store.root).read(Link("blob", hash_bytes(NOISE)))
    fresh = DataStore(store.root)
    assert put(fresh, NOISE) != ()
    assert fresh.read(Link("blob", hash_bytes(NOISE))) == NOISE


@pytest.mark.parametrize("ending", [".idx", MULTI_INDEX])
@pytest.mark.parametrize("damage", ["gone", "empty", "flipped", "other"])
def test_an_index_is_derived(store: DataStore, ending: str, damage: str) -> None:
    pieces = [f"piece {number}".encode() * 30 for number in range(60)]
    for piece in pieces:
        put(store, piece)
    write_multi_index(store)
    paths = [path for path in Path(store.root.full(store.folder)).iterdir() if path.name.endswith(ending)]
    assert paths
    for path in paths:
        data = path.read_bytes()
        if damage == "gone":
            path.unlink()
        elif damage == "empty":
            path.write_bytes(b"")
        elif damage == "flipped":
            path.write_bytes(data[:-40] + bytes([data[-40] ^ 1]) + data[-39:])
        else:
            path.write_bytes(
                encode_index([(hash_bytes(b"no pack"), [Row(hash_bytes(pieces[0]), 16, 5, 5, "blob", 0)])])
            )
    fresh = DataStore(store.root)
    assert all(fresh.read(Link("blob", hash_bytes(piece))) == piece for piece in pieces)


@given(st.binary(max_size=3_000))
@settings(max_examples=50)
def test_no_bytes_make_an_index_fail_in_another_way(data: bytes) -> None:
    with contextlib.suppress(BadIndex):
        PackIndex(data)


def test_prefixes_are_found(store: DataStore) -> None:
    pieces = [str(number).encode() for number in range(300)]
    put(store, *pieces)
    for piece in pieces[:20]:
        digits = hash_bytes(piece).hex
        assert store.starting_with(digits[:8]) == {hash_bytes(piece)}
    assert store.starting_with("00000000") == set()


class TestMerging:
    """Packs stay few, and each byte is copied a number of times that grows with the logarithm of the history."""

    def test_small_packs_become_few(self, store: DataStore) -> None:
        pieces = [random.Random(seed).randbytes(1_000) for seed in range(400)]
        for piece in pieces:
            put(store, piece)
            maintain(store)
        assert len(store.packs()) <= 3 * PACKS_PER_TIER
        assert len(store.indexes()) <= UNCOVERED_PACKS_MAX + 1
        assert all(store.read(Link("blob", hash_bytes(piece))) == piece for piece in pieces)

    def test_each_byte_is_copied_few_times(self) -> None:
        sizes: dict[ObjectId, int] = {}
        copied = 0
        for number in range(10_000):
            sizes[hash_bytes(str(number).encode())] = 20_000
            chosen = plan_merge(sizes)
            if chosen:
                merged = sum(sizes.pop(id) for id in chosen)
                copied += merged
                sizes[hash_bytes(f"m{number}".encode())] = merged
        assert copied <= 4 * 10_000 * 20_000
        assert len(sizes) < 100

    def test_a_reader_survives_a_merge(self, store: DataStore) -> None:
        pieces = [random.Random(seed).randbytes(1_000) for seed in range(PACKS_PER_TIER)]
        for piece in pieces:
            put(store, piece)
        reader = DataStore(store.root)
        assert reader.has(hash_bytes(pieces[0]))
        maintain(store)
        assert all(reader.read(Link("blob", hash_bytes(piece))) == piece for piece in pieces)

    def test_a_damaged_pack_is_not_merged_away(self, store: DataStore) -> None:
        pieces = [random.Random(seed).randbytes(1_000) for seed in range(PACKS_PER_TIER)]
        packs = [put(store, piece)[0] for piece in pieces]
        path = pack_path(store, packs[0])
        data = bytearray(path.read_bytes())
        data[300] ^= 1
        path.write_bytes(bytes(data))
        maintain(DataStore(store.root))
        fresh = DataStore(store.root)
        assert packs[0] in fresh.packs()
        assert all(fresh.read(Link("blob", hash_bytes(piece))) == piece for piece in pieces[1:])


def test_what_lies_in_the_trash_is_read_and_brought_back(store: DataStore) -> None:
    (pack,) = put(store, NOISE)
    store.root.move(store.packs()[pack], f"{store.trash}/20260101T000000Z/{pack}.pack")
    os.unlink(store.root.full(f"{store.folder}/{pack}.idx"))
    fresh = DataStore(store.root)
    assert fresh.has(hash_bytes(NOISE))
    assert fresh.read(Link("blob", hash_bytes(NOISE))) == NOISE
    assert pack in DataStore(store.root).packs()


@pytest.mark.parametrize("goes_to", ["its place", "nowhere"])
def test_one_who_is_second_at_the_trash_reads_what_the_first_left(
    store: DataStore, monkeypatch: pytest.MonkeyPatch, goes_to: str
) -> None:
    (pack,) = put(store, NOISE)
    link, trashed = Link("blob", hash_bytes(NOISE)), f"{store.trash}/20260101T000000Z/{pack}.pack"
    assert store.set_aside(pack, trashed) and not store.set_aside(pack, trashed)
    real = DataStore.bring_back

    def second(self: DataStore, *words: object) -> None:
        if goes_to == "nowhere":
            store.root.remove(trashed)
        else:
            real(DataStore(store.root), pack, trashed)
        real(self, pack, trashed)

    monkeypatch.setattr(DataStore, "bring_back", second)
    if goes_to == "nowhere":
        with pytest.raises(ObjectAbsent):
            DataStore(store.root).read(link)
    else:
        assert DataStore(store.root).read(link) == NOISE


def test_a_folder_full_of_traps_is_refused(store: DataStore, tmp_path: Path) -> None:
    (pack,) = put(store, NOISE)
    path = pack_path(store, pack)
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    (path.parent / f"{pack}.idx").unlink()
    os.mkfifo(path.parent / ("0" * 64 + ".pack"))
    with pytest.raises(PachaError):
        DataStore(store.root).read(Link("blob", hash_bytes(NOISE)))
