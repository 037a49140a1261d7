"""Bytes on their way: packs are what a reader accepts, damage here is found while sending, and nothing that arrives is
installed before it has the id that was asked for."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pacha.base.errors import Corrupt, PachaError, RemoteFailed
from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.progress import Silent
from pacha.objects.types import Link, Storage
from pacha.remotes import receiving, sending
from pacha.remotes.choosing import Choice, NotHere
from pacha.remotes.compact import write_down
from pacha.remotes.entries import RemoteIndex, RemotePack
from pacha.remotes.holdings import BrokenRemote, Holdings, IndexCache
from pacha.remotes.keys import index_key, pack_key
from pacha.remotes.meta import children_first
from pacha.remotes.receiving import NotOnRemote, Receiver
from pacha.remotes.sending import data_packs
from pacha.remotes.state import HeldIndex, HeldPack, State
from pacha.remotes.upload import Brought, Cargo, bring
from pacha.store.data import DataStore
from pacha.store.meta import MetaStore
from pacha.store.objects import Objects
from pacha.store.outgoing import KeptRecord, MadeRecord, OutgoingPack
from pacha.store.pack import PackFile
from pacha.store.packindex import Row, encode_index
from pacha.store.record import RecordHeader, checksum_of
from tests.remotes.histories import history
from tests.remotes.places import Count, Memory, Watched

RAW, ZSTD = 0, 1


def store_in(folder: Path) -> Objects:
    """An empty store."""
    folder.mkdir(parents=True, exist_ok=True)
    root = Root(str(folder), temporary="tmp", durability=Durability.NONE)
    return Objects(MetaStore(root), DataStore(root))


def fill(objects: Objects, count: int, seed: int = 1) -> list[Link]:
    """Blobs of all sizes, in some packs."""
    coin = random.Random(seed)
    links = []
    for _ in range(2):
        with objects.data.writer() as writer:
            for _ in range(count):
                data = coin.randbytes(coin.choice([0, 1, 100, 5_000])) * coin.choice([1, 1, 30])
                links.append(Link("blob", writer.add("blob", data)))
            writer.close()
    objects.data.refresh()
    return list(dict.fromkeys(links))


def sent_of(data: DataStore, links: list[Link]) -> list[OutgoingPack]:
    """The packs that bring some objects to a remote that has nothing."""
    return data_packs(data, links, Choice(data, lambda id, depth: False))


def state_of(brought: Brought, number: int = 1) -> State:
    """The state of a remote that was brought this."""
    return State(
        number=number,
        entry=hash_bytes(b"entry"),
        packs={pack.id: HeldPack(pack, number) for pack in brought.packs},
        indexes={index.id: HeldIndex(index, number) for index in brought.indexes},
    )


def receiver_of(remote: Memory, state: State, objects: Objects) -> Receiver:
    """Who fetches into a store."""
    holdings = Holdings(remote, state)
    holdings.load()
    return Receiver(holdings, objects, objects.data.writer, Silent())


class TestOutgoing:
    """A pack that is put together is one that a reader accepts."""

    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**6), part=st.sampled_from([300, 5_000, 1 << 20]))
    def test_it_is_what_a_reader_accepts(self, tmp_path: Path, seed: int, part: int) -> None:
        objects = store_in(tmp_path / f"{seed}-{part}")
        links = fill(objects, 8, seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sending, "PART_BYTES_MAX", part)
            packs = sent_of(objects.data, links)
        again = sent_of(objects.data, links) if part == 1 << 20 else packs
        assert [pack.id for pack in again] == [pack.id for pack in packs]
        found = set()
        for pack in packs:
            data = b"".join(map(bytes, pack.pieces()))
            assert len(data) == pack.size and data == b"".join(map(bytes, pack.pieces()))
            root = Root(str(tmp_path), durability=Durability.NONE)
            (tmp_path / "it.pack").write_bytes(data)
            read = PackFile(root, "it.pack", pack.id)
            for (offset, header), row in zip(read.scan(), pack.rows, strict=True):
                assert (header.id, offset, header.stored_length) == (row.id, row.offset, row.stored_length)
                found.add(header.id)
        assert found == {link.id for link in links}

    def test_every_flipped_bit_here_is_found_while_sending(self, tmp_path: Path) -> None:
        objects = store_in(tmp_path)
        with objects.data.writer() as writer:
            link = Link("blob", writer.add("blob", b"some bytes that matter"))
            writer.close()
        objects.data.refresh()
        (outgoing,) = sent_of(objects.data, [link])
        (record,) = outgoing.records
        assert isinstance(record, KeptRecord)
        path = Path(record.pack.path)
        sound = path.read_bytes()
        for at in range(record.offset, record.offset + record.size):
            for bit in range(8):
                path.chmod(0o644)
                with path.open("r+b") as file:
                    file.seek(at)
                    file.write(bytes([sound[at] ^ 1 << bit]))
                with pytest.raises(Corrupt):
                    list(outgoing.pieces())
                path.write_bytes(sound)
        list(outgoing.pieces())

    def test_a_file_that_is_cut_here_is_found_while_sending(self, tmp_path: Path) -> None:
        objects = store_in(tmp_path)
        links = fill(objects, 4)
        (outgoing, *_) = sent_of(objects.data, links)
        path = next(tmp_path.rglob("*.pack"))
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:100])
        remote = Memory()
        with pytest.raises(PachaError):
            bring(remote, Cargo(data=(outgoing,)), Silent())
        assert remote.values == {}

    def test_what_is_nowhere_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(NotHere):
            sent_of(store_in(tmp_path).data, [Link("blob", hash_bytes(b"x"))])

    def test_an_interrupted_bring_sends_only_the_rest(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sending, "PART_BYTES_MAX", 8_000)
        monkeypatch.setattr("pacha.remotes.upload.ASKED_BYTES_MIN", 1)
        objects = store_in(tmp_path)
        cargo = Cargo(data=tuple(sent_of(objects.data, fill(objects, 30))))
        assert len(cargo.packs) > 4
        remote, first = Memory(), Count()

        def cut(name: str, key: str) -> None:
            first(name, key)
            if name == "put" and first.calls["put"] > 3:
                raise RemoteFailed("the line was cut")

        with pytest.raises(RemoteFailed):
            bring(Watched(remote, cut), cargo, Silent())
        second = Count()
        brought = bring(Watched(remote, second), cargo, Silent())
        assert second.calls["put"] == len(cargo.packs) - 3 + 1
        assert brought.sent_bytes < cargo.size


class TestReceiving:
    """What arrives is looked at before it counts."""

    @pytest.fixture
    def sent(self, tmp_path: Path) -> tuple[Memory, State, list[Link], Objects]:
        """Blobs on a remote, and an empty store."""
        source = store_in(tmp_path / "source")
        links = fill(source, 12)
        remote = Memory()
        brought = bring(remote, Cargo(data=tuple(sent_of(source.data, links))), Silent())
        return remote, state_of(brought), links, store_in(tmp_path / "target")

    def test_all_of_it(self, sent: tuple[Memory, State, list[Link], Objects]) -> None:
        remote, state, links, target = sent
        receiver_of(remote, state, target).fetch(link.id for link in links)
        target.data.refresh()
        for link in links:
            assert hash_bytes(target.data.read(link)) == link.id

    def test_near_records_are_asked_for_together(self, sent: tuple[Memory, State, list[Link], Objects]) -> None:
        remote, state, links, target = sent
        counted = Count()
        holdings = Holdings(Watched(remote, counted), state)
        Receiver(holdings, target, target.data.writer, Silent()).fetch(link.id for link in links)
        assert counted.calls["range"] <= 1

    def test_a_fetch_that_was_cut_goes_on(
        self, sent: tuple[Memory, State, list[Link], Objects], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        remote, state, links, target = sent
        monkeypatch.setattr(receiving, "PART_BYTES_MAX", 3_000)
        monkeypatch.setattr(receiving, "RANGE_BYTES_MAX", 3_000)
        first = Count()

        def cut(name: str, key: str) -> None:
            first(name, key)
            if first.calls["range"] > 3:
                raise RemoteFailed("the line was cut")

        with pytest.raises(RemoteFailed):
            Receiver(Holdings(Watched(remote, cut), state), target, target.data.writer, Silent()).fetch(
                link.id for link in links
            )
        target.data.refresh()
        here = target.data.has_many(link.id for link in links)
        assert 0 < len(here) < len(links)
        receiver = receiver_of(remote, state, target)
        receiver.fetch(link.id for link in links)
        assert receiver.records == len(links) - len(here)

    def test_every_flipped_bit_is_found(self, tmp_path: Path) -> None:
        source = store_in(tmp_path / "source")
        with source.data.writer() as writer:
            link = Link("blob", writer.add("blob", b"some bytes that matter " * 20))
            writer.close()
        source.data.refresh()
        remote = Memory()
        brought = bring(remote, Cargo(data=tuple(sent_of(source.data, [link]))), Silent())
        state, key = state_of(brought), pack_key(brought.packs[0].id)
        sound = remote.values[key]
        (place,) = Holdings(remote, state).locate(link.id)
        target = store_in(tmp_path / "target")
        for at in range(place.offset, len(sound)):
            for bit in range(8):
                remote.values[key] = sound[:at] + bytes([sound[at] ^ 1 << bit]) + sound[at + 1 :]
                try:
                    receiver_of(remote, state, target).fetch([link.id])
                except PachaError:
                    target.data.refresh()
                    assert not target.data.has(link.id)
                    continue
                # Past the record nothing is looked at: who reads a part of a pack does not read its end.
                assert at >= place.offset + len(sound) - place.offset - 64
                target = store_in(tmp_path / f"target{at}-{bit}")

    def test_every_length_of_a_pack(self, sent: tuple[Memory, State, list[Link], Objects]) -> None:
        remote, state, links, target = sent
        (pack,) = state.packs
        sound = remote.values[pack_key(pack)]
        for length in range(0, len(sound) - 64, 97):
            remote.values[pack_key(pack)] = sound[:length]
            with pytest.raises(PachaError):
                receiver_of(remote, state, target).fetch(link.id for link in links)
        del remote.values[pack_key(pack)]
        with pytest.raises(BrokenRemote):
            receiver_of(remote, state, target).fetch(link.id for link in links)

    @pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
    def test_a_second_copy_is_tried(
        self, sent: tuple[Memory, State, list[Link], Objects], damage: str, tmp_path: Path
    ) -> None:
        remote, first, links, target = sent
        # The same records cut into two packs: other names, other places.
        half = len(links) // 2
        source = store_in(tmp_path / "source")
        found = [sent_of(source.data, links[:half]), sent_of(source.data, links[half:])]
        brought = bring(remote, Cargo(data=tuple(pack for packs in found for pack in packs)), Silent())
        second = state_of(brought)
        (bad,) = first.packs
        key, sound = pack_key(bad), remote.values[pack_key(bad)]
        assert bad not in second.packs
        if damage == "gone":
            del remote.values[key]
        elif damage == "cut":
            remote.values[key] = sound[: len(sound) // 2]
        else:
            remote.values[key] = bytes(byte ^ 1 for byte in sound)
        with pytest.raises(PachaError, match=key):
            receiver_of(remote, first, store_in(tmp_path / "control")).fetch(link.id for link in links)
        both = State(
            number=1,
            entry=first.entry,
            packs={**first.packs, **second.packs},
            indexes={**first.indexes, **second.indexes},
        )
        receiver_of(remote, both, target).fetch(link.id for link in links)
        assert all(hash_bytes(target.data.read(link)) == link.id for link in links)

    def test_what_the_remote_lacks_is_said(self, sent: tuple[Memory, State, list[Link], Objects]) -> None:
        remote, state, _, target = sent
        with pytest.raises(NotOnRemote):
            receiver_of(remote, state, target).fetch([hash_bytes(b"nothing of the sort")])


def remote_with(records: list[MadeRecord], rows: Callable[[list[Row]], list[Row]] = list) -> tuple[Memory, State]:
    """A remote whose owner means harm: records and index are as they like, and all seals are right."""
    remote = Memory()
    pack = OutgoingPack(records)
    remote.put(pack_key(pack.id), pack)
    index = encode_index([(pack.id, rows(list(pack.rows)))])
    id = hash_bytes(index)
    remote.values[index_key(id)] = index
    return remote, state_of(
        Brought(
            packs=(RemotePack(id=pack.id, size=pack.size, storage=Storage.DATA),),
            indexes=(RemoteIndex(id=id, size=len(index)),),
        )
    )


def record(data: bytes, **changes: object) -> MadeRecord:
    """A raw record of some bytes, of which some fields are others."""
    values: dict[str, object] = {
        "type": "blob",
        "codec": RAW,
        "plain_length": len(data),
        "stored_length": len(data),
        "id": hash_bytes(data),
        "checksum": checksum_of(data),
    }
    return MadeRecord(RecordHeader(**{**values, **changes}), data)  # type: ignore[arg-type]


WANTED = hash_bytes(b"wanted")
OTHER = hash_bytes(b"other")


def _cycle() -> list[MadeRecord]:
    return [
        record(b"wanted", codec=3, base=OTHER),
        record(b"other!", id=OTHER, codec=3, base=WANTED, checksum=checksum_of(b"other!")),
    ]


FORGED: dict[str, Callable[[], tuple[Memory, State]]] = {
    "other bytes under the id": lambda: remote_with([record(b"wante!", id=WANTED)]),
    "other bytes, and the checksum of the right ones": lambda: remote_with(
        [record(b"wante!", id=WANTED, checksum=WANTED.raw[:16])]
    ),
    "a tree where a blob was": lambda: remote_with([record(b"wanted", type="tree")]),
    "a type that does not exist": lambda: remote_with([record(b"wanted", type="wonder")]),
    "a codec that does not exist": lambda: remote_with([record(b"wanted", codec=200)]),
    "a frame that is none": lambda: remote_with([record(b"wanted", codec=ZSTD)]),
    "a plain length of 64 MiB": lambda: remote_with([record(b"wanted", codec=ZSTD, plain_length=64 << 20)]),
    "itself as a base": lambda: remote_with([record(b"wanted", codec=3, base=WANTED)]),
    "bases in a circle": lambda: remote_with(_cycle()),
    "a base that is nowhere": lambda: remote_with([record(b"wanted", codec=3, base=hash_bytes(b"gone"))]),
    "a place beyond the end": lambda: remote_with(
        [record(b"wanted")],
        lambda rows: [Row(r.id, 10**6, r.stored_length, r.plain_length, r.type, r.codec) for r in rows],
    ),
    "a place far beyond": lambda: remote_with(
        [record(b"wanted")],
        lambda rows: [Row(r.id, 2**64 - 1, r.stored_length, r.plain_length, r.type, r.codec) for r in rows],
    ),
    "a place in the middle": lambda: remote_with(
        [record(b"wanted")],
        lambda rows: [Row(r.id, 20, r.stored_length, r.plain_length, r.type, r.codec) for r in rows],
    ),
    "a length that lies": lambda: remote_with(
        [record(b"wanted")], lambda rows: [Row(r.id, r.offset, 5, r.plain_length, r.type, r.codec) for r in rows]
    ),
    "a length without end": lambda: remote_with(
        [record(b"wanted")],
        lambda rows: [Row(r.id, r.offset, 2**32 - 1, r.plain_length, r.type, r.codec) for r in rows],
    ),
    "another type in the index": lambda: remote_with(
        [record(b"wanted")],
        lambda rows: [Row(r.id, r.offset, r.stored_length, r.plain_length, "tree", r.codec) for r in rows],
    ),
    "the place of another record": lambda: remote_with(
        [record(b"wanted"), record(b"others")],
        lambda rows: [Row(WANTED, rows[1].offset, 6, 6, "blob", RAW)],
    ),
}


@pytest.mark.parametrize("name", FORGED)
def test_nothing_forged_is_ever_installed(name: str, tmp_path: Path) -> None:
    remote, state = FORGED[name]()
    target = store_in(tmp_path)
    with pytest.raises(PachaError):
        receiver_of(remote, state, target).fetch([WANTED])
    target.data.refresh()
    assert not target.data.has(WANTED) and not target.data.has(OTHER)


def test_a_pack_whose_size_lies_costs_no_memory(tmp_path: Path) -> None:
    remote, state = remote_with(
        [record(b"wanted")],
        lambda rows: [Row(r.id, r.offset, 2**32 - 1, r.plain_length, r.type, r.codec) for r in rows],
    )
    packs = {id: HeldPack(RemotePack(id=id, size=2**62, storage=Storage.DATA), 1) for id in state.packs}
    with pytest.raises(PachaError):
        receiver_of(remote, State(number=1, packs=packs, indexes=state.indexes), store_in(tmp_path)).fetch([WANTED])


class TestHoldings:
    """Indexes count as far as they are what their name says."""

    @staticmethod
    def _state(data: bytes) -> tuple[Memory, State]:
        remote = Memory()
        id = hash_bytes(data)
        remote.values[index_key(id)] = data
        return remote, State(number=1, indexes={id: HeldIndex(RemoteIndex(id=id, size=len(data)), 1)})

    @settings(max_examples=200)
    @given(st.integers(0, 10**9), st.integers(0, 7))
    def test_an_index_of_forged_bytes(self, at: int, bit: int) -> None:
        """Its own checksum and its name are right; what it says is not."""
        rows = list(OutgoingPack([record(b"wanted"), record(b"others")]).rows)
        body = bytearray(encode_index([(hash_bytes(b"pack"), rows)])[:-32])
        body[at % len(body)] ^= 1 << bit
        remote, state = self._state(bytes(body) + hash_bytes(body).raw)
        try:
            holdings = Holdings(remote, state)
            holdings.load()
            for id in (WANTED, OTHER, hash_bytes(b"others")):
                holdings.locate(id)
            list(holdings.structure_of(hash_bytes(b"pack")))
        except PachaError:
            pass

    def test_a_flipped_bit_on_the_way_or_in_the_cache_is_found(self, tmp_path: Path) -> None:
        data = encode_index([(hash_bytes(b"pack"), list(OutgoingPack([record(b"wanted")]).rows))])
        remote, state = self._state(data)
        (tmp_path / "tmp").mkdir()
        root = Root(str(tmp_path), temporary="tmp", durability=Durability.NONE)
        Holdings(remote, state, IndexCache(root, "indexes")).load()
        (file,) = (tmp_path / "indexes").iterdir()
        for at in range(len(data)):
            flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            file.write_bytes(flipped)
            assert IndexCache(root, "indexes").get(hash_bytes(data)) is None
            remote.values[index_key(hash_bytes(data))] = flipped
            with pytest.raises(PachaError):
                Holdings(remote, state).load()

    @settings(max_examples=60)
    @given(st.integers(0, 10**9), st.integers(0, 7))
    def test_summing_up_a_forged_index_is_one_error(self, at: int, bit: int) -> None:
        remote = Memory()
        state, _ = history(remote, 4, writes_down=False)
        held = next(iter(state.indexes.values()))
        body = bytearray(remote.values[index_key(held.index.id)][:-32])
        body[at % len(body)] ^= 1 << bit
        forged = bytes(body) + hash_bytes(body).raw
        remote.values[index_key(held.index.id)] = forged
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pacha.remotes.holdings.hash_bytes", lambda data: held.index.id)
            try:
                for module in ("state", "log", "compact"):
                    patch.setattr(f"pacha.remotes.{module}.DELTA_ENTRIES", 4)
                write_down(remote, 4)
            except PachaError:
                pass


@given(st.lists(st.lists(st.integers(0, 19), max_size=4), min_size=1, max_size=20))
def test_children_come_first(edges: list[list[int]]) -> None:
    def link(number: int) -> Link:
        return Link("manifest", hash_bytes(b"%d" % number))

    graph = {link(n): [link(child) for child in children if child < n] for n, children in enumerate(edges)}
    shuffled = list(graph.items())
    random.Random(len(edges)).shuffle(shuffled)
    order = list(children_first(dict(shuffled)))
    assert sorted(order) == sorted(graph)
    seen: set[Link] = set()
    for each in order:
        assert set(graph[each]) <= seen
        seen.add(each)


def ids_of(links: list[Link]) -> Iterator[ObjectId]:
    """The ids of links."""
    return (link.id for link in links)
