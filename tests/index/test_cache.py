"""The cache: what is damaged is not there, and nothing else is lost."""

from pathlib import Path

from pacha.index.cache import FILE, Cache

ONE = "one"


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
