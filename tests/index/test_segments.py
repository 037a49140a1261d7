"""Columns say what manifests said; segments merge, lose nothing, and come back from their manifests."""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.ids import hash_bytes
from pacha.base.names import ArtifactName
from pacha.index import segments
from pacha.index.cache import Cache
from pacha.index.columns import MEMBERS_MAX, decode_column, decode_texts, encode_columns, flatten
from pacha.index.columns import Path as Column
from pacha.index.segments import COLUMNS, SEGMENTS, Segments
from pacha.objects.manifest import Manifest
from tests.registry.queries import CARDS

TEXTS = st.sampled_from(['"a"', "1", "1.0", "true", '{"x":[1]}', '"é"'])
ROWS = st.lists(st.dictionaries(st.sampled_from([("size",), ("card", "x"), ("card", "m", 'k"\n')]), TEXTS), max_size=12)


def manifest(turn: int, card: Any) -> Manifest:
    blob = hash_bytes(b"%d" % turn)
    return Manifest(
        artifact=ArtifactName("model", "x"), tree=blob, digest=blob, size=turn, shape="file", author="Ada",
        created="2026-03-03T12:00:00Z", message=f"turn {turn}", card=card,
    )  # fmt: skip


def id_of(turn: int) -> bytes:
    return hash_bytes(b"id %d" % turn).raw


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(str(tmp_path), tables=(SEGMENTS, COLUMNS)) as opened:
        yield opened


class Disk:
    """Manifests that are read by id, and how often."""

    def __init__(self, cards: Iterable[Any]) -> None:
        self.manifests = {id_of(turn): manifest(turn, card) for turn, card in enumerate(cards)}
        self.reads = 0

    def __call__(self, id: bytes) -> Manifest | None:
        self.reads += 1
        return self.manifests.get(id)


def value(found: Segments, id: bytes, path: Column) -> object:
    place = found.places[id]
    part = next(part for part in reversed(found.parts) if part.start <= place)
    column = found.column(part, path)
    return None if column is None else column.value(place - part.start)


# -- columns ---------------------------------------------------------------------------------------------------------


@given(ROWS)
def test_columns_say_what_the_rows_said(rows: list[dict[Column, str]]) -> None:
    columns = encode_columns(rows)
    assert set(columns) == {path for row in rows for path in row}
    for path, data in columns.items():
        assert decode_texts(data) == [row.get(path) for row in rows]


@pytest.mark.parametrize("distinct", [1, 255, 256, 4096])
def test_a_column_numbers_its_values_in_a_byte_or_two(distinct: int) -> None:
    rows = [{("size",): str(number)} if number % 5 else {} for number in range(distinct)]
    column = decode_column(encode_columns([*rows, {("size",): "-1"}])["size",])
    marks = column.marks([value == distinct - 1 or value == -1 for value in column.values])
    assert [at for at, mark in enumerate(marks) if mark] == [*([distinct - 1] if (distinct - 1) % 5 else []), distinct]
    assert [column.value(row) for row in range(distinct)] == [
        number if number % 5 else None for number in range(distinct)
    ]


@given(CARDS)
def test_a_card_is_taken_apart_and_nothing_is_lost(card: dict[str, Any]) -> None:
    rows = flatten(manifest(1, card))
    for member, inner in card.items():
        if isinstance(inner, dict) and any(value is not None for value in inner.values()):
            assert {path[2] for path in rows if path[:2] == ("card", member)} == {
                k for k, v in inner.items() if v is not None
            }
        else:
            assert (("card", member) in rows) == (inner is not None)


def test_a_card_of_a_thousand_members_is_few_columns() -> None:
    wide = {f"m{number}": {f"k{inner}": inner for inner in range(MEMBERS_MAX)} for number in range(MEMBERS_MAX)}
    assert len(flatten(manifest(1, wide))) <= MEMBERS_MAX + 10
    assert len(flatten(manifest(1, {f"m{number}": number for number in range(1000)}))) <= 10


# -- segments --------------------------------------------------------------------------------------------------------


def test_each_manifest_is_read_once_and_copied_seldom(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk({"metrics": {"auc": turn}, f"only{turn % 7}": turn} for turn in range(300))
    coin = random.Random(1)
    turn = 0
    while turn < 300:
        count = coin.choice([1, 1, 1, 9])
        Segments(cache, disk).add(id_of(number) for number in range(turn, min(turn + count, 300)))
        turn += count
    found = Segments(cache, disk)
    assert disk.reads == 300 and found.count == 300 and len(found.parts) <= segments.SMALL_MAX
    for number in range(300):
        assert value(found, id_of(number), ("card", "metrics", "auc")) == number
        assert value(found, id_of(number), ("card", "only3")) == (number if number % 7 == 3 else None)
    assert disk.reads == 300
    assert cache.count(SEGMENTS) == len(found.parts)
    assert cache.count(COLUMNS) == sum(len(part.paths) for part in found.parts)


def test_a_segment_that_lost_a_column_comes_back_from_its_manifests(cache: Cache) -> None:
    disk = Disk({"metrics": {"auc": turn}} for turn in range(5))
    Segments(cache, disk).add(map(id_of, range(5)))
    key = Segments(cache, disk).parts[0].key
    cache.change({}, drop={COLUMNS: [key]})
    found = Segments(cache, disk)
    assert [value(found, id_of(turn), ("card", "metrics", "auc")) for turn in range(5)] == list(range(5))
    assert disk.reads == 10
    again = Segments(cache, disk)
    assert value(again, id_of(3), ("size",)) == 3 and disk.reads == 10


def test_what_is_lost_with_its_manifest_is_not_made_up(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column and a manifest are gone: the row is read again when the manifest comes back, merged or not."""
    disk = Disk({"x": turn} for turn in range(3))
    Segments(cache, disk).add(map(id_of, range(3)))
    cache.change({}, drop={COLUMNS: [Segments(cache, disk).parts[0].key]})
    gone = disk.manifests.pop(id_of(1))
    found = Segments(cache, disk)
    assert [value(found, id_of(turn), ("card", "x")) for turn in range(3)] == [0, None, 2]
    monkeypatch.setattr(segments, "SMALL_MAX", 1)
    disk.manifests[id_of(7)] = manifest(7, {"x": 7})
    Segments(cache, disk).add([id_of(7)])
    found = Segments(cache, disk)
    assert id_of(1) not in found.places and value(found, id_of(2), ("card", "x")) == 2
    disk.manifests[id_of(1)] = gone
    found.add([id_of(1)])
    assert value(Segments(cache, disk), id_of(1), ("card", "x")) == 1


@pytest.mark.parametrize(("name", "limit"), [("ROWS_MAX", 4), ("COLUMNS_MAX", 9), ("TEXT_MAX", 700)])
def test_segments_keep_their_limits_and_stop_merging(
    cache: Cache, monkeypatch: pytest.MonkeyPatch, name: str, limit: int
) -> None:
    monkeypatch.setattr(segments, name, limit)
    disk = Disk({f"only{turn}": "x" * 50} for turn in range(40))
    for turn in range(40):
        Segments(cache, disk).add([id_of(turn)])
    found = Segments(cache, disk)
    assert found.count == 40 and 10 <= len(found.parts) <= 40
    keys = [part.key for part in found.parts]
    Segments(cache, disk).add([])
    assert [part.key for part in Segments(cache, disk).parts] == keys
    assert all(value(found, id_of(turn), ("card", f"only{turn}")) == "x" * 50 for turn in range(40))
