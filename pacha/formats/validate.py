"""Holds a file against a schema, row by row: what is missing, of another type, null, or breaks a constraint.

A file is checked whole, in flat memory but for `unique` columns, of which a hash a row is kept.
Source: docs/data.md, "Validation".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pacha.base.errors import Negative, Unsupported
from pacha.base.ids import hash_bytes
from pacha.formats.columnar import ColumnarTable
from pacha.formats.conform import Check, check_of, identity_of, shown
from pacha.formats.inspection import Source
from pacha.formats.schema import Column, DataSchema
from pacha.formats.table import Batch, Table
from pacha.formats.tables import open_table

#: So many faults are listed; all are counted.
FAULTS_MAX = 100
#: Rows whose hashes are kept for a `unique` column: about 110 bytes each, half a gigabyte.
UNIQUE_ROWS_MAX = 5_000_000


class TooManyRows(Unsupported):
    """Something would need more memory than is promised."""


class NotValid(Negative):
    """A file does not fit its schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that does not fit. `row` counts data rows from 1, `line` lines of the file; a fault of the whole file
    has neither. `value` is what stands there, shortened."""

    row: int | None
    line: int | None
    column: str | None
    value: str | None
    reason: str

    def __str__(self) -> str:
        places = [f"row {self.row}" if self.row else "", f"line {self.line}" if self.line else ""]
        places.append(f"column {self.column}" if self.column is not None else "")
        place = ", ".join(part for part in places if part)
        value = f" ({self.value})" if self.value is not None else ""
        return f"{place}: {self.reason}{value}" if place else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """How a file fits: the first faults in order of rows, how many there are in all, and the rows that were read."""

    rows: int
    faults: tuple[Fault, ...]
    count: int

    @property
    def is_valid(self) -> bool:
        """Tells whether nothing was found."""
        return self.count == 0


def validate(schema: DataSchema, name: str, source: Source, *, faults_max: int = FAULTS_MAX) -> Validation:
    """Holds a file against a schema. Errors: `Malformed` (no table at all), `NeedsArrow`, `TooManyRows`, `NotTabular`."""
    return _Validator(schema, faults_max).run(open_table(name, source, strict=False))


def require_valid(schema: DataSchema, name: str, source: Source) -> Validation:
    """The same, as a refusal. Errors: `NotValid` that names the first row and column, and those of `validate`."""
    found = validate(schema, name, source)
    if not found.is_valid:
        more = f", and {found.count - 1} more" if found.count > 1 else ""
        raise NotValid(
            f"{name} does not fit its schema: {found.faults[0]}{more}",
            hint="mend the data or the schema; `pacha data validate` lists every fault",
            path=name,
            faults=[str(fault) for fault in found.faults],
        )
    return found


class _Validator:
    """Collects faults. A collector, not a doer: it stops at nothing but a file that is no table."""

    def __init__(self, schema: DataSchema, faults_max: int) -> None:
        self._schema = schema
        self._faults_max = faults_max
        self._faults: list[Fault] = []
        self._count = 0
        self._unique: dict[str, set[bytes]] = {column.name: set() for column in schema.columns if column.unique}
        self._checks: dict[str, Check] = {}
        self._identities: dict[str, Callable[[Any], str]] = {}
        self._wanted = frozenset(schema.names)

    def run(self, table: Table) -> Validation:
        """Reads all rows."""
        self._checks = {column.name: check_of(column, is_text=table.is_text) for column in self._schema.columns}
        self._identities = {
            column.name: identity_of(column, is_text=table.is_text) for column in self._schema.columns if column.unique
        }
        known: set[str] = set()
        if table.columns is not None:
            self._names(table.columns, is_whole=True)
            known = set(table.columns)
        if isinstance(table, ColumnarTable):
            self._types(table.schema)
        rows = 0
        for batch in table.batches():
            self._extra(batch, known)
            self._batch(batch, is_sparse=table.columns is None)
            rows += batch.rows
        if table.columns is None and rows:
            self._names(tuple(known), is_whole=False)
        return Validation(rows=rows, faults=tuple(self._faults), count=self._count)

    def _fault(self, reason: str, *, column: str | None, **place: Any) -> None:
        self._count += 1
        if len(self._faults) < self._faults_max:
            given = {"row": None, "line": None, "value": None, **place}
            self._faults.append(Fault(column=column, reason=reason, **given))

    def _names(self, names: Sequence[str], *, is_whole: bool) -> None:
        """Columns that are missing from the file, and (of a file that lists its columns) those it has too much."""
        there = set(names)
        for name in self._schema.names:
            if name not in there:
                self._fault("the column is missing", column=name)
        for name in names if is_whole else ():
            if name not in self._wanted:
                self._fault("the schema has no such column", column=name)

    def _types(self, found: DataSchema) -> None:
        """Types that a file declares and that are not those of the schema."""
        declared = {column.name: column for column in found.columns}
        for column in self._schema.columns:
            other = declared.get(column.name)
            if other is not None and not _is_same_type(other, column):
                self._fault(f"{other.dtype.text}, where the schema has {column.dtype.text}", column=column.name)
                # One fault says it for all of its values.
                self._checks.pop(column.name)
                self._unique.pop(column.name, None)

    def _extra(self, batch: Batch, known: set[str]) -> None:
        for name in batch.columns:
            if name not in known:
                known.add(name)
                if name not in self._wanted:
                    self._fault("the schema has no such column", column=name)

    def _batch(self, batch: Batch, *, is_sparse: bool) -> None:
        found: list[tuple[int, str | None, Any, str]] = []
        for fault in batch.faults:
            found.append((fault.row, None, None, fault.reason))
        bad_rows = {fault.row for fault in batch.faults}
        for column in self._schema.columns:
            check = self._checks.get(column.name)
            values = batch.columns.get(column.name)
            if check is None or (values is None and not is_sparse):
                continue
            values = [None] * batch.rows if values is None else values
            for at, value, reason in self._column(column, check, values):
                if batch.first + at not in bad_rows:
                    found.append((batch.first + at, column.name, value, reason))
        for row, name, value, reason in sorted(found, key=lambda fault: fault[0]):
            text = None if value is None else shown(value)
            self._fault(reason, column=name, row=row, line=batch.line(row), value=text)

    def _column(self, column: Column, check: Check, values: Sequence[Any]) -> Iterator[tuple[int, Any, str]]:
        """What does not fit in one column of a batch: the place, the value, and why."""
        if not column.nullable and None in values:
            yield from (
                (at, None, "nothing, where nothing may not be") for at, value in enumerate(values) if value is None
            )
        told: set[int] = set()
        if (bad := check(values)) is not None:
            for at, value in enumerate(values):
                if value is not None and (reason := bad(value)):
                    told.add(at)
                    yield at, value, reason
        if column.name in self._unique:
            yield from self._repeated(column.name, values, told)

    def _repeated(self, name: str, values: Sequence[Any], told: set[int]) -> Iterator[tuple[int, Any, str]]:
        """Values that stood before, but for those of which something worse was told."""
        seen, identity = self._unique[name], self._identities[name]
        for at, value in enumerate(values):
            if value is None or at in told:
                continue
            digest = hash_bytes(identity(value).encode("utf-8", "backslashreplace")).raw[:16]
            if digest in seen:
                yield at, value, "a value that stood before, in a column where each stands once"
            seen.add(digest)
        if len(seen) > UNIQUE_ROWS_MAX:
            raise TooManyRows(
                f"column {name!r:.80} is unique, and has more than {UNIQUE_ROWS_MAX} rows",
                hint="leave `unique` out of the schema: so many values are not held in memory",
                column=name,
            )


def _is_same_type(found: Column, wanted: Column) -> bool:
    """Tells whether a declared type is the wanted one. A type whose parameters the schema leaves out stands for any of
    them (a timestamp's zone is no such parameter), and a category is a text: its values are judged one by one."""
    names = {found.dtype.name, wanted.dtype.name}
    if names == {"Timestamp"}:
        return found.dtype.zone == wanted.dtype.zone and wanted.dtype.unit in (None, found.dtype.unit)
    return found.dtype == wanted.dtype or found.dtype.name == wanted.dtype.text or names <= {"Categorical", "String"}
