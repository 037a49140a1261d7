"""A checksummed key-value cache in SQLite, and the only door to it.

Every value carries a BLAKE3 of its key and itself, so a damaged page is a miss, never a wrong answer. Whatever SQLite
says about a file, the answer is the same: forget it, make it anew, and where that fails work without.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from types import TracebackType

from pacha.base.errors import MachineFailed
from pacha.base.files import Root
from pacha.base.ids import hash_bytes

SCHEMA = "pacha-index-1"
FILE = "index.sqlite"
_SUM_BYTES = 16
#: How long a reader waits for another process's write before it works without the cache.
BUSY_SECONDS = 1.0
#: What SQLite raises over a damaged file; the last where its own message quotes the damage.
FAILURES = (sqlite3.Error, UnicodeDecodeError)
_DROP_SUFFIXES = ("", "-wal", "-shm", "-journal")


class Cache:
    """Named tables of bytes. A table's keys and values are bytes; a value that does not check out is not there.

    `folder` is where the file lies; None keeps the cache in memory (a read-only repository without a home).
    """

    def __init__(self, folder: str | None, *, tables: Iterable[str]) -> None:
        self._folder = folder
        self._path = os.path.join(folder, FILE) if folder is not None else ":memory:"
        self._tables = tuple(tables)
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = self._open()
        except (*FAILURES, OSError):
            self.forget()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> sqlite3.Connection:
        if self._path != ":memory:" and os.path.islink(self._path):
            raise OSError("the index is a link")
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA trusted_schema=OFF")
            for table in (SCHEMA, *self._tables):
                connection.execute(
                    f'CREATE TABLE IF NOT EXISTS "{table}" (key BLOB PRIMARY KEY, value BLOB, sum BLOB) WITHOUT ROWID'
                )
            shape = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type != 'index'")}
            if shape != {SCHEMA, *self._tables}:
                raise sqlite3.DatabaseError("another program's file, or an older one")
        except FAILURES:
            connection.close()
            raise
        return connection

    def forget(self) -> None:
        """Throws the file away and begins a new one; where that cannot be done, works in memory."""
        self.close()
        if self._folder is not None:
            for suffix in _DROP_SUFFIXES:
                with contextlib.suppress(MachineFailed):
                    Root(self._folder, temporary="").remove(FILE + suffix)
        try:
            self._connection = self._open()
        except (*FAILURES, OSError):
            self._folder, self._path = None, ":memory:"
            self._connection = self._open()

    def get(self, table: str, key: bytes) -> bytes | None:
        """Returns a value that checks out, or None."""
        return self.get_many(table, [key]).get(key)

    def get_many(self, table: str, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """Returns the values that are here and check out."""
        found = {}
        try:
            for key in keys:
                row = self._live().execute(f'SELECT value, sum FROM "{table}" WHERE key = ?', (key,)).fetchone()
                if row is not None and _is_sound(table, key, row[0], row[1]):
                    found[key] = row[0]
        except FAILURES:
            self.forget()
        return found

    def all(self, table: str) -> dict[bytes, bytes]:
        """Returns every value of a table that checks out."""
        try:
            rows = self._live().execute(f'SELECT key, value, sum FROM "{table}"').fetchall()
        except FAILURES:
            self.forget()
            return {}
        return {row[0]: row[1] for row in rows if isinstance(row[0], bytes) and _is_sound(table, *row)}

    def put_many(self, table: str, values: Mapping[bytes, bytes]) -> None:
        """Stores values together; where SQLite cannot, nothing is stored."""
        self.change({table: values})

    def change(
        self, put: Mapping[str, Mapping[bytes, bytes]], *, drop: Mapping[str, Iterable[bytes]] | None = None
    ) -> None:
        """Stores values of several tables and drops what begins with some keys, all together or not at all."""
        rows = {
            table: [(key, value, _sum(table, key, value)) for key, value in values.items()]
            for table, values in put.items()
        }
        try:
            connection = self._live()
            connection.execute("BEGIN IMMEDIATE")
            for table, starts in (drop or {}).items():
                # What follows the beginning of a key is UTF-8, which has no byte 255.
                ends = [(start, start + b"\xff") for start in starts]
                connection.executemany(f'DELETE FROM "{table}" WHERE key >= ? AND key <= ?', ends)
            for table, new in rows.items():
                connection.executemany(f'INSERT OR REPLACE INTO "{table}" VALUES (?, ?, ?)', new)
            connection.execute("COMMIT")
        except sqlite3.OperationalError:
            # Locked, full or read-only: the answer does not depend on it.
            with contextlib.suppress(*FAILURES):
                self._live().execute("ROLLBACK")
        except FAILURES:
            self.forget()

    def count(self, table: str) -> int:
        """How many rows a table has, sound or not."""
        try:
            return int(self._live().execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])
        except FAILURES:
            self.forget()
            return 0

    def close(self) -> None:
        """Closes the file."""
        if self._connection is not None:
            with contextlib.suppress(*FAILURES):
                self._connection.close()
            self._connection = None

    def _live(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection


def _sum(table: str, key: bytes, value: bytes) -> bytes:
    pieces: list[bytes] = []
    for part in (table.encode("ascii"), key, value):
        pieces += (len(part).to_bytes(8, "little"), part)
    return hash_bytes(b"".join(pieces)).raw[:_SUM_BYTES]


def _is_sound(table: str, key: bytes, value: object, digest: object) -> bool:
    return isinstance(value, bytes) and digest == _sum(table, key, value)
