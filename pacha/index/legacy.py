"""Reads the SQLite file of an old registry, and never writes to it or beside it: the second door to sqlite3.

The file may come from a stranger. It is opened read-only and as immutable, so that no lock, journal or shared-memory
file is made; only real tables are read, row by row, never a view, a virtual table, an index or a generated column; and
sizes, rows and the work that SQLite may do have limits. Whatever SQLite says of it is one error.

Source: docs/import.md, "What is read".
"""

import os
import sqlite3
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from pacha.base.errors import Busy, Corrupt, NotFound
from pacha.base.files import naming

FILE = "registry.db"
#: A registry of a hundred thousand versions with long cards is half of this.
DATABASE_BYTES_MAX = 4 << 30
#: One text: the largest is a run with every metric of every step.
TEXT_BYTES_MAX = 16 << 20
#: All texts together; they are held in memory while the import is planned.
TOTAL_BYTES_MAX = 1 << 30
ROWS_MAX = 500_000
#: A row that cannot be read is told; more than this many are one damaged table.
FAULTS_MAX = 1_000
#: SQLite is asked to stop after so many of its own steps: reading every row of the largest registry needs a tenth.
STEPS_MAX = 4_000_000_000
_STEPS_PER_LOOK = 1_000_000
_MAGIC = b"SQLite format 3\0"
#: What a writer that is alive, or died, leaves beside the file.
_UNFINISHED = ("-journal", "-wal")

#: Columns that are read, per table; one that ends in `?` may be null or missing. `content_size` is a number.
TABLES = {
    "models": "id name version content_hash content_size card_json stage? created_at updated_at?",
    "datasets": "id name version content_hash content_size datasheet_json created_at",
    "recipes": "id name version recipe_json created_at",
    "runs": "id recipe_name? recipe_version? status started_at finished_at? run_json",
    "lineage": "from_id to_id edge_type metadata_json?",
}
_NUMBERS = frozenset({"content_size"})


class NoOldRegistry(NotFound):
    """There is no old registry at a path."""


class BadOldRegistry(Corrupt):
    """A `registry.db` is not an old registry, or is damaged."""

    usual_hint = "if the old program still opens it, let it write a new copy; else restore it from a backup"


class OldRegistryInUse(Busy):
    """Another program writes to the old registry, or died while it did."""


@dataclass(frozen=True, slots=True)
class OldRow:
    """One row: the columns of `TABLES` without their `?`. Texts are texts, `content_size` is a whole number."""

    table: str
    values: dict[str, str | int | None]

    def text(self, column: str) -> str:
        """A column that holds a text."""
        value = self.values[column]
        return "" if value is None else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OldRegistry:
    """Every row that could be read, what could not, and the tables that are not known with how many rows each has."""

    rows: tuple[OldRow, ...]
    faults: tuple[str, ...]
    other_tables: tuple[tuple[str, int], ...]

    def of(self, table: str) -> list[OldRow]:
        """The rows of one table."""
        return [row for row in self.rows if row.table == table]


def read_old_registry(folder: str) -> OldRegistry:
    """Reads the `registry.db` in a folder. Errors: `NoOldRegistry`, `BadOldRegistry`, `OldRegistryInUse`."""
    path = os.path.join(folder, FILE)
    before = _check_file(path)
    try:
        connection = _open(path)
        try:
            found = _read(connection, path)
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeError) as error:
        # A damaged schema can make SQLite say what is not even text.
        raise BadOldRegistry(f"{path}: {' '.join(str(error).split())[:200]}", path=path) from error
    if _check_file(path) != before:
        raise _in_use(path)
    return found


def _check_file(path: str) -> tuple[int, int, int, int]:
    """Looks at the file before SQLite does; returns its state. Nothing is made where there is none."""
    try:
        state = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NoOldRegistry(
            f"{path}: no such file, so there is no old registry",
            hint="name the folder that holds registry.db",
            path=path,
        ) from error
    if not stat.S_ISREG(state.st_mode):
        raise BadOldRegistry(f"{path}: a link or no regular file", hint="name the folder that it leads to", path=path)
    if state.st_size > DATABASE_BYTES_MAX:
        raise BadOldRegistry(f"{path}: {state.st_size} bytes; the most that is read is {DATABASE_BYTES_MAX}", path=path)
    with naming(path), open(path, "rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise BadOldRegistry(f"{path}: not an SQLite file", path=path)
    for ending in _UNFINISHED:
        if os.path.exists(path + ending) and os.path.getsize(path + ending):
            raise _in_use(path)
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _in_use(path: str) -> OldRegistryInUse:
    return OldRegistryInUse(
        f"{path}: another program writes to it, or died while it did",
        hint="let the old program end, or open it there once more, then run the import again",
        path=path,
    )


def _open(path: str) -> sqlite3.Connection:
    name = f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1"
    connection = sqlite3.connect(name, uri=True, isolation_level=None)
    steps = 0

    def look() -> bool:
        nonlocal steps
        steps += _STEPS_PER_LOOK
        return steps > STEPS_MAX

    connection.set_progress_handler(look, _STEPS_PER_LOOK)
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, TEXT_BYTES_MAX)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = bytes
    for pragma in ("trusted_schema=OFF", "query_only=ON", "cell_size_check=ON", "mmap_size=0"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _read(connection: sqlite3.Connection, path: str) -> OldRegistry:
    rows: list[OldRow] = []
    faults: list[str] = []
    tables = dict(_tables(connection))
    if not tables.keys() & TABLES.keys():
        raise BadOldRegistry(f"{path}: has none of the tables {', '.join(TABLES)}", path=path)
    total = 0
    for table in TABLES:
        if table not in tables:
            faults.append(f"there is no table {table}")
            continue
        for found in _read_table(connection, table, path):
            if isinstance(found, str):
                faults.append(found)
                if len(faults) > FAULTS_MAX:
                    raise BadOldRegistry(f"{path}: more than {FAULTS_MAX} rows cannot be read; the first: {faults[0]}")
                continue
            total += sum(len(value) for value in found.values.values() if isinstance(value, str))
            if total > TOTAL_BYTES_MAX:
                raise BadOldRegistry(f"{path}: more than {TOTAL_BYTES_MAX} characters of text", path=path)
            rows.append(found)
    other = tuple(
        (name, _count(connection, name)) for name, is_plain in tables.items() if name not in TABLES and is_plain
    )
    return OldRegistry(rows=tuple(rows), faults=tuple(faults), other_tables=other)


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, bool]]:
    """The names of the tables that hold rows of their own."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' LIMIT 1000").fetchall()
    for name, sql in found:
        text = (sql or b"").decode("utf-8", "replace").lstrip().upper()
        shown = name.decode("utf-8", "replace")
        if not text.startswith("CREATE VIRTUAL") and not shown.startswith("sqlite_"):
            yield shown, text.startswith("CREATE TABLE") and shown.isidentifier() and shown.isascii()


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f'SELECT count(*) FROM "{table}" NOT INDEXED').fetchone()[0])


def _read_table(connection: sqlite3.Connection, table: str, path: str) -> Iterator[OldRow | str]:
    """The rows of a table, or for one that cannot be read what is wrong with it."""
    # `table_info` leaves generated columns out, whose expressions are a stranger's.
    present = {row[1].decode("utf-8", "replace") for row in connection.execute(f'PRAGMA table_info("{table}")')}
    wanted = TABLES[table].split()
    columns = [name.rstrip("?") for name in wanted]
    missing = [name for name in wanted if not name.endswith("?") and name not in present]
    if missing:
        yield f"the table {table} has no column {missing[0]}"
        return
    listed = ", ".join(f'"{name}"' if name in present else "NULL" for name in columns)
    cursor = connection.execute(f'SELECT rowid, {listed} FROM "{table}" NOT INDEXED ORDER BY rowid')
    for number, (rowid, *values) in enumerate(cursor):
        if number >= ROWS_MAX:
            raise BadOldRegistry(f"{path}: the table {table} has more than {ROWS_MAX} rows", path=path)
        yield _row(table, rowid, wanted, values)


def _row(table: str, rowid: int, wanted: list[str], values: list[object]) -> OldRow | str:
    found: dict[str, str | int | None] = {}
    for name, value in zip(wanted, values, strict=True):
        column = name.rstrip("?")
        if value is None and name.endswith("?"):
            found[column] = None
        elif column in _NUMBERS:
            if not isinstance(value, int) or value < 0:
                return f"row {rowid} of {table}: {column} is not a size"
            found[column] = value
        elif isinstance(value, bytes):
            try:
                found[column] = value.decode("utf-8")
            except UnicodeDecodeError:
                return f"row {rowid} of {table}: {column} is not text"
        else:
            return f"row {rowid} of {table}: {column} is not text"
    return OldRow(table, found)
