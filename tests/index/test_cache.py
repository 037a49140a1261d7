"""The cache: what is damaged is not there, and nothing else is lost."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pacha.index.cache import FILE, Cache

ONE, TWO = "one", "two"


def test_damage_that_sqlite_quotes_as_no_text_is_damage_like_any_other(tmp_path: Path) -> None:
    """SQLite's message held the damaged words of the file, and Python could not read the message."""
    with Cache(str(tmp_path), tables=(ONE,)) as opened:
        opened.put_many(ONE, {b"key": b"value"})
    path = tmp_path / FILE
    data = path.read_bytes()
    assert b"CREATE TABLE" in data
    path.write_bytes(data.replace(b"CREATE TABLE", b"CREATE\xad\xff\xfe\xfd\xfcE"))
    with Cache(str(tmp_path), tables=(ONE,)) as opened:
        assert opened.get(ONE, b"key") is None
        opened.put_many(ONE, {b"key": b"value"})
        assert opened.get(ONE, b"key") == b"value"


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(str(tmp_path), tables=(ONE, TWO)) as opened:
        yield opened


def test_what_begins_with_a_key_is_dropped_and_nothing_else(cache: Cache) -> None:
    cache.change({TWO: {b"ab\xf0\x9f": b"1", b"ab": b"2", b"ac": b"3", b"aa\xff": b"4"}, ONE: {b"ab": b"5"}})
    cache.change({ONE: {b"new": b"6"}}, drop={TWO: [b"ab"]})
    assert cache.all(TWO) == {b"ac": b"3", b"aa\xff": b"4"}
    assert cache.all(ONE) == {b"ab": b"5", b"new": b"6"}
