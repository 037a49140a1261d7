"""Which rows of one table are not in another: added, removed, changed by their key; or added and removed, without one.

Values are compared as they would be written: 1, 1.0 and "1" are the same, so a CSV and a Parquet file of one table do
not differ. Only columns that both tables have are compared; what else changed, `change.classify` tells.
Memory: two hashes of 16 bytes a row of the old table, about 200 bytes with what Python adds, never the rows.
Source: docs/data.md, "Row differences".
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pacha.base.errors import Unsupported, Usage
from pacha.base.ids import hash_bytes
from pacha.formats.inspection import Source
from pacha.formats.spelling import spelled
from pacha.formats.table import Table
from pacha.formats.tables import open_table

#: Two gigabytes of hashes.
ROWS_MAX = 10_000_000
#: Rows that are shown of each sort.
EXAMPLES_MAX = 10
#: A value in an example is cut here.
SHOWN_LENGTH_MAX = 200
#: Cells of changed rows whose hashes are kept to tell which columns changed.
CHANGED_CELLS_MAX = 4_000_000
_DIGEST_BYTES = 16


class TooManyRows(Unsupported):
    """A table has more rows than can be compared in memory."""


class BadKey(Usage):
    """What was given as a key is none of both tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowExample:
    """One row of a difference: its key (empty without one), and the old and new text of what is shown; None is nothing."""

    key: Mapping[str, str | None]
    old: Mapping[str, str | None] = field(default_factory=dict)
    new: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowDiff:
    """How two tables differ. `duplicates_old` and `duplicates_new` count rows whose key stood before: they are left out.

    `columns_changed` counts, for each column, the changed rows in which it differs; `is_exact` is false where there were
    too many to look at all.
    """

    key: tuple[str, ...]
    columns: tuple[str, ...]
    added: int = 0
    removed: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicates_old: int = 0
    duplicates_new: int = 0
    columns_changed: Mapping[str, int] = field(default_factory=dict)
    is_exact: bool = True
    added_examples: tuple[RowExample, ...] = ()
    removed_examples: tuple[RowExample, ...] = ()
    changed_examples: tuple[RowExample, ...] = ()

    @property
    def is_same(self) -> bool:
        """Tells whether both tables hold the same rows, in any order."""
        return not (self.added or self.removed or self.changed or self.duplicates_old != self.duplicates_new)


def diff_rows(old: tuple[str, Source], new: tuple[str, Source], key: Sequence[str] = ()) -> RowDiff:
    """Compares the rows of two files, each a name and its bytes; they are read two or three times.

    Errors: `BadKey`, `TooManyRows`, `Malformed`, `NotTabular`, `NeedsArrow`.
    """
    before, after = open_table(*old), open_table(*new)
    there = set(names_of(after))
    columns = tuple(name for name in names_of(before) if name in there)
    missing = [name for name in key if name not in columns]
    if missing or len(set(key)) != len(key):
        raise BadKey(
            f"no column {missing[0]!r:.80} in both tables" if missing else "a column stands twice in the key",
            hint=f"both have {', '.join(columns[:20])}" if columns else "they have no column in common",
            key=list(key),
        )
    if not columns:
        raise BadKey("the tables have no column in common", hint="compare their schemas")
    order = (*key, *(name for name in columns if name not in key))
    compared = _Keyed(before, after, order, len(key)) if key else _Whole(before, after, order, 0)
    return compared.run()


def names_of(table: Table) -> tuple[str, ...]:
    """The columns of a table; of JSON lines, all rows are read for it."""
    if table.columns is not None:
        return table.columns
    found: dict[str, None] = {}
    for batch in table.batches():
        found.update(dict.fromkeys(batch.columns))
    return tuple(found)


class _Compared:
    """What both ways have in common: reading rows as spelled cells, the key first."""

    def __init__(self, before: Table, after: Table, order: tuple[str, ...], width: int) -> None:
        self._before = before
        self._after = after
        self._order = order
        self._width = width

    def rows(self, table: Table) -> Iterator[tuple[str | None, ...]]:
        """The rows of a table, each cell as it would be written."""
        for batch in table.batches():
            nothing: Sequence[Any] = [None] * batch.rows
            cells = [spelled(batch.columns.get(name, nothing)) for name in self._order]
            yield from zip(*cells, strict=True)

    def example(self, old: Sequence[str | None] | None, new: Sequence[str | None] | None, *, whole: bool) -> RowExample:
        """A row that is shown: whole, or only what changed."""
        key = dict(zip(self._order[: self._width], map(_short, old or new or ()), strict=False))
        sides: list[dict[str, str | None]] = []
        for row in (old, new):
            shown = {} if row is None else dict(zip(self._order, map(_short, row), strict=True))
            if not whole and old is not None and new is not None:
                shown = {
                    name: shown[name] for name, left, right in zip(self._order, old, new, strict=True) if left != right
                }
            sides.append(shown)
        return RowExample(key=key, old=sides[0], new=sides[1])


class _Whole(_Compared):
    """Rows without a key: how often each occurs."""

    def run(self) -> RowDiff:
        """Counts the old rows, takes the new ones away, and looks once more for what is left."""
        counts: Counter[bytes] = Counter()
        unchanged = added = 0
        for row in self.rows(self._before):
            counts[_digest(row)] += 1
            _check_rows(len(counts))
        added_examples: list[RowExample] = []
        for row in self.rows(self._after):
            digest = _digest(row)
            if counts.get(digest, 0) > 0:
                counts[digest] -= 1
                unchanged += 1
                continue
            added += 1
            if len(added_examples) < EXAMPLES_MAX:
                added_examples.append(self.example(None, row, whole=True))
        removed = counts.total()
        return RowDiff(
            key=(), columns=self._order, added=added, removed=removed, unchanged=unchanged,
            added_examples=tuple(added_examples), removed_examples=self._removed(counts if removed else Counter()),
        )  # fmt: skip

    def _removed(self, left: Counter[bytes]) -> tuple[RowExample, ...]:
        examples: list[RowExample] = []
        if left:
            for row in self.rows(self._before):
                digest = _digest(row)
                if left[digest] > 0:
                    left[digest] -= 1
                    examples.append(self.example(row, None, whole=True))
                    if len(examples) == EXAMPLES_MAX:
                        break
        return tuple(examples)


class _Keyed(_Compared):
    """Rows by their key."""

    def __init__(self, before: Table, after: Table, order: tuple[str, ...], width: int) -> None:
        super().__init__(before, after, order, width)
        #: Hash of the key → hash of the rest; what is met in the new table is taken out.
        self._old: dict[bytes, bytes] = {}
        self._changed: dict[bytes, tuple[str | None, ...] | tuple[bytes, ...]] = {}
        self._changed_count = self._added = self._unchanged = 0
        self._examples: dict[str, list[RowExample]] = {"added": [], "removed": [], "changed": []}

    def run(self) -> RowDiff:
        """Three passes: the old keys; the new rows against them; the old rows again, for what changed or went."""
        duplicates_old = self._read_old()
        duplicates_new = self._read_new()
        removed, columns, looked_at = len(self._old), Counter[str](), len(self._changed)
        if removed or self._changed:
            self._read_old_again(columns)
        return RowDiff(
            key=self._order[: self._width], columns=self._order, added=self._added, removed=removed,
            changed=self._changed_count, unchanged=self._unchanged, duplicates_old=duplicates_old,
            duplicates_new=duplicates_new, columns_changed=dict(columns), is_exact=looked_at == self._changed_count,
            added_examples=tuple(self._examples["added"]), removed_examples=tuple(self._examples["removed"]),
            changed_examples=tuple(self._examples["changed"]),
        )  # fmt: skip

    def _read_old(self) -> int:
        duplicates = 0
        for row in self.rows(self._before):
            key = _digest(row[: self._width])
            if key in self._old:
                duplicates += 1
                continue
            self._old[key] = _digest(row[self._width :])
            _check_rows(len(self._old))
        return duplicates

    def _read_new(self) -> int:
        duplicates, seen = 0, set[bytes]()
        cells = 0
        for row in self.rows(self._after):
            key = _digest(row[: self._width])
            if key in seen:
                duplicates += 1
                continue
            seen.add(key)
            _check_rows(len(seen))
            before = self._old.pop(key, None)
            if before is None:
                self._added += 1
                self._show("added", None, row)
            elif before == _digest(row[self._width :]):
                self._unchanged += 1
            else:
                self._changed_count += 1
                cells += len(row)
                if len(self._changed) < EXAMPLES_MAX:
                    self._changed[key] = row
                elif cells <= CHANGED_CELLS_MAX:
                    self._changed[key] = tuple(map(_cell, row))
        return duplicates

    def _read_old_again(self, columns: Counter[str]) -> None:
        for row in self.rows(self._before):
            key = _digest(row[: self._width])
            if self._old.pop(key, None) is not None:
                self._show("removed", row, None)
            after = self._changed.pop(key, None)
            if after is None:
                continue
            if any(isinstance(cell, bytes) for cell in after):
                columns.update(name for at, name in enumerate(self._order) if _cell(row[at]) != after[at])
            else:
                columns.update(name for at, name in enumerate(self._order) if row[at] != after[at])
                self._show("changed", row, after)  # type: ignore[arg-type]

    def _show(self, sort: str, old: Sequence[str | None] | None, new: Sequence[str | None] | None) -> None:
        if len(self._examples[sort]) < EXAMPLES_MAX:
            self._examples[sort].append(self.example(old, new, whole=sort != "changed"))


def _short(cell: str | None) -> str | None:
    return cell if cell is None or len(cell) <= SHOWN_LENGTH_MAX else cell[: SHOWN_LENGTH_MAX - 1] + "…"


def _digest(cells: Sequence[str | None]) -> bytes:
    """A hash of cells that no other cells have: each with its length, nothing apart from the empty text."""
    text = "".join(["-;" if cell is None else f"{len(cell)};{cell}" for cell in cells])
    return hash_bytes(text.encode("utf-8", "surrogatepass")).raw[:_DIGEST_BYTES]


def _cell(cell: str | None) -> bytes:
    return _digest((cell,))[:8]


def _check_rows(count: int) -> None:
    if count > ROWS_MAX:
        raise TooManyRows(
            f"more than {ROWS_MAX} rows", hint="compare parts of the tables: hashes of all rows are held in memory"
        )
