"""What every remote must do, whatever it is: one set of tests over all of them. Source: pacha/remotes/remote.py."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pacha.base.errors import Corrupt
from pacha.base.files import Durability
from pacha.remotes.folder import FolderRemote
from pacha.remotes.keys import BadKey
from pacha.remotes.opening import open_place
from pacha.remotes.options import Options
from pacha.remotes.remote import BadAnswer, NoSuchKey, ReadOnlyRemote, Remote
from tests.remotes.servers import Served

#: Keys as they are; a server of Pacha takes no others.
PACK, NO_PACK = f"packs/{'a' * 64}.pack", f"packs/{'b' * 64}.pack"
BIG_BYTES = (17 << 20) + 3


@dataclass(frozen=True)
class Bytes:
    """A source of bytes that are in memory; `promised` is another size than it has."""

    data: bytes
    promised: int | None = None

    @property
    def size(self) -> int:
        return len(self.data) if self.promised is None else self.promised

    def pieces(self) -> Iterator[bytes | memoryview]:
        view = memoryview(self.data)
        for start in range(0, len(view), 3 << 20):
            yield view[start : start + (3 << 20)]


class Damaged(Bytes):
    """A source that finds out half-way that it is damaged."""

    def pieces(self) -> Iterator[bytes | memoryview]:
        yield self.data[: len(self.data) // 2]
        raise Corrupt("the local copy is damaged")


@dataclass(frozen=True)
class Place:
    """A remote under test, and the one that writes what it reads."""

    remote: Remote
    writer: Remote


def bucket(endpoint: str) -> Remote:
    return open_place(f"s3://pacha/{os.urandom(6).hex()}/registry", Options(endpoint=endpoint, stall_seconds=30))


def make_place(kind: str, request: pytest.FixtureRequest, folder: Path) -> Place:
    if kind == "folder":
        remote: Remote = open_place(f"file://{folder}/remote")
    elif kind == "folder, not durable":
        remote = FolderRemote(str(folder / "remote"), durability=Durability.NONE)
    elif kind in ("moto", "localbucket"):
        remote = bucket(request.getfixturevalue(kind))
    elif kind == "served":
        return serving(request.getfixturevalue("trusting"))
    else:
        url, web = request.getfixturevalue(kind), request.getfixturevalue("web_folder")
        name = os.urandom(6).hex()
        return Place(
            open_place(f"{url}/{name}", Options(stall_seconds=30)),
            FolderRemote(str(web / name), durability=Durability.NONE),
        )
    return Place(remote, remote)


def serving(served: Served) -> Place:
    """The place that a server hands out, emptied. What is read there was written past the server."""
    for folder in served.folder.iterdir():
        shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
    remote = open_place(served.url, Options(token=served.token, stall_seconds=30))
    return Place(remote, FolderRemote(str(served.folder), durability=Durability.NONE))


READERS = ["folder", "folder, not durable", "moto", "localbucket", "served", "nginx", "http_server"]
WRITERS = READERS[:5]


@pytest.fixture(params=READERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = make_place(request.param, request, tmp_path)
    yield made
    made.remote.close()


@pytest.fixture(params=WRITERS)
def remote(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Remote]:
    made = make_place(request.param, request, tmp_path)
    yield made.remote
    made.remote.close()


# -- reading -----------------------------------------------------------------------------------------------------------


def test_what_was_written_is_read(place: Place) -> None:
    for data in (b"", b"x", bytes(range(256)) * 300):
        key = f"log/{len(data):08d}"
        assert place.writer.create(key, data)
        assert place.remote.get(key, size_max=1 << 20) == data
        assert place.remote.get(key, size_max=len(data)) == data
        assert place.remote.size(key) == len(data)


def test_a_value_beyond_its_bound_is_a_bad_answer(place: Place) -> None:
    place.writer.create("log/00000001", b"12345")
    with pytest.raises(BadAnswer, match="log/00000001"):
        place.remote.get("log/00000001", size_max=4)


def test_what_is_not_there_is_told_as_that(place: Place) -> None:
    place.writer.create("log/00000001", b"1")
    for key in ("log/00000002", "format", NO_PACK):
        assert place.remote.size(key) is None
        with pytest.raises(NoSuchKey, match=re.escape(key)):
            place.remote.get(key, size_max=10)
        with pytest.raises(NoSuchKey, match=re.escape(key)):
            place.remote.get_range(key, 0, 1)


def test_an_empty_place_holds_nothing(place: Place) -> None:
    assert place.remote.size("format") is None
    if place.remote.can_list:
        assert list(place.remote.list("log/")) == []


def test_a_range_is_exactly_the_range(place: Place) -> None:
    data = os.urandom(3 << 20)
    place.writer.put(PACK, Bytes(data))
    for start, length in ((0, 1), (0, len(data)), (len(data) - 1, 1), (12345, 1 << 20), (2 << 20, 1 << 20), (7, 0)):
        assert place.remote.get_range(PACK, start, length) == data[start : start + length]


@pytest.mark.parametrize(("start", "length"), [(4, 2), (5, 1), (6, 1), (0, 6), (1 << 40, 1)])
def test_a_range_beyond_the_end_is_a_bad_answer(place: Place, start: int, length: int) -> None:
    place.writer.create(PACK, b"12345")
    with pytest.raises(BadAnswer, match=re.escape(PACK)):
        place.remote.get_range(PACK, start, length)


@pytest.mark.parametrize("key", ["", "../x", "log/../x", "log//1", "LOG/1", "log/a/b", "log/\n", "/log/1", "log/%2e"])
def test_a_key_that_pacha_did_not_make_is_refused(place: Place, key: str) -> None:
    for ask in (
        lambda: place.remote.get(key, size_max=1),
        lambda: place.remote.get_range(key, 0, 1),
        lambda: place.remote.size(key),
    ):
        with pytest.raises(BadKey):
            ask()


def test_many_threads_read_at_once(place: Place) -> None:
    data = os.urandom(200_000)
    place.writer.put(PACK, Bytes(data))

    def read(number: int) -> bool:
        start = number * 1000
        return place.remote.get_range(PACK, start, 1000) == data[start : start + 1000]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(64)))


# -- writing -----------------------------------------------------------------------------------------------------------


def test_only_the_first_create_wins(remote: Remote) -> None:
    assert remote.create("log/00000001", b"first")
    assert not remote.create("log/00000001", b"other")
    assert not remote.create("log/00000001", b"longer than the first")
    assert remote.get("log/00000001", size_max=10) == b"first"


def test_creating_the_same_again_says_that_it_is_there(remote: Remote) -> None:
    """After a lost answer the writer asks again: the key holds these bytes."""
    assert remote.create("log/00000001", b"first")
    assert remote.create("log/00000001", b"first")


def test_of_many_creators_at_once_exactly_one_wins(remote: Remote) -> None:
    values = [b"%d" % number * 100 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda value: remote.create("log/00000001", value), values))
    assert won.count(True) == 1
    assert remote.get("log/00000001", size_max=1000) == values[won.index(True)]


def test_a_value_of_many_parts_arrives_whole(remote: Remote) -> None:
    data = os.urandom(BIG_BYTES)
    remote.put(PACK, Bytes(data))
    remote.put(PACK, Bytes(data))
    assert remote.size(PACK) == BIG_BYTES
    assert remote.get(PACK, size_max=BIG_BYTES) == data


@pytest.mark.parametrize("size", [10, BIG_BYTES])
def test_a_source_that_fails_leaves_nothing_to_be_seen(remote: Remote, size: int) -> None:
    with pytest.raises(Corrupt, match="damaged"):
        remote.put(PACK, Damaged(bytes(size)))
    assert remote.size(PACK) is None


@pytest.mark.parametrize("promised", [9, 11, BIG_BYTES])
def test_a_source_of_another_size_than_it_says_leaves_nothing(remote: Remote, promised: int) -> None:
    with pytest.raises(Corrupt):
        remote.put(PACK, Bytes(bytes(10), promised))
    assert remote.size(PACK) is None


def test_values_are_listed_by_key_after_a_key(remote: Remote) -> None:
    keys = [f"log/{number:08d}" for number in (1, 2, 10, 11)]
    for key in reversed(keys):
        remote.create(key, key.encode() * 2)
    with suppress(NoSuchKey):  # A server of Pacha has no such folder.
        remote.create("logs/x", b"1")
    remote.create("format", b"1")
    found = list(remote.list("log/"))
    assert [stored.key for stored in found] == keys
    assert {stored.size for stored in found} == {24}
    assert [stored.key for stored in remote.list("log/", after=keys[1])] == keys[2:]
    assert [stored.key for stored in remote.list("log/", after="log/00000003")] == keys[2:]
    assert list(remote.list("log/", after=keys[-1])) == []


def test_more_values_than_a_page_are_listed(remote: Remote) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: remote.create(f"log/{number:08d}", b"x"), range(1, 1101)))
    assert [stored.key for stored in remote.list("log/")] == [f"log/{number:08d}" for number in range(1, 1101)]


def test_what_is_deleted_is_gone(remote: Remote) -> None:
    remote.create("probe/00000001", b"1")
    remote.delete("probe/00000001")
    remote.delete("probe/00000001")
    assert remote.size("probe/00000001") is None
    assert remote.create("probe/00000001", b"2")


def test_a_key_that_pacha_did_not_make_is_not_written(remote: Remote) -> None:
    for write in (
        lambda: remote.create("../x", b""),
        lambda: remote.put("../x", Bytes(b"")),
        lambda: remote.delete("../x"),
    ):
        with pytest.raises(BadKey):
            write()


@pytest.mark.parametrize("kind", READERS[5:])
def test_a_place_that_is_only_read_says_so(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    place = make_place(kind, request, tmp_path)
    assert not place.remote.can_write
    assert not place.remote.can_list
    writes: list[Callable[[], object]] = [
        lambda: place.remote.create("format", b""),
        lambda: place.remote.put("format", Bytes(b"")),
        lambda: place.remote.delete("format"),
        lambda: list(place.remote.list("log/")),
    ]
    for write in writes:
        with pytest.raises(ReadOnlyRemote):
            write()


# -- the suite can fail ------------------------------------------------------------------------------------------------


class Overwriting(FolderRemote):
    """A folder whose create writes over what is there."""

    def create(self, key: str, data: bytes) -> bool:
        self.put(key, Bytes(data))
        return True


class Short(FolderRemote):
    """A folder that gives less than was asked for."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return super().get_range(key, start, length)[:-1]


def test_the_contract_finds_a_create_that_overwrites(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        test_only_the_first_create_wins(Overwriting(str(tmp_path / "one"), durability=Durability.NONE))
    with pytest.raises(AssertionError):
        test_of_many_creators_at_once_exactly_one_wins(Overwriting(str(tmp_path / "two"), durability=Durability.NONE))


def test_the_contract_finds_a_short_range(tmp_path: Path) -> None:
    short = Short(str(tmp_path / "short"), durability=Durability.NONE)
    with pytest.raises(AssertionError):
        test_a_range_is_exactly_the_range(Place(short, short))
