"""What a table holds: its schema and the statistics of its columns, read once from beginning to end, in flat memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pacha.formats.arrow import read_arrow
from pacha.formats.columnar import ColumnarTable, is_available, measure_block
from pacha.formats.csvblocks import PARTS_IN_PYTHON, PlainBlocks, columns_of
from pacha.formats.csvtable import CsvTable
from pacha.formats.inspection import Source
from pacha.formats.measure import Measured, Typed
from pacha.formats.parquet import read_footer
from pacha.formats.schema import DataSchema, schema_of
from pacha.formats.statistics import Statistic, distinct_cap
from pacha.formats.table import Batch, Table
from pacha.formats.tables import COLUMNAR, data_format, open_table
from pacha.formats.values import NULLS

#: A longer file is profiled by its beginning: at the speed of the standard library this is about half a minute.
PROFILE_BYTES_MAX = 256 << 20
#: What is told of rows that do not fit, and of mixed columns.
NOTES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was found. Where it `is_partial`, there are more rows than those that were read.

    Shape: `extra` is what the format says besides; `statistics` holds a mapping for each column; numbers, or texts where a document holds no such number.
    """

    format: str
    schema: DataSchema
    rows: int
    statistics: Mapping[str, Mapping[str, Statistic]]
    is_partial: bool = False
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def profile(name: str, source: Source, *, bytes_max: int = PROFILE_BYTES_MAX) -> Profile:
    """Profiles a file: CSV, TSV, JSON lines, Parquet or Arrow; of the last two all values if pyarrow is installed.

    A text of more than `bytes_max` is profiled by its beginning. Errors: `Malformed`, `NotTabular`.
    """
    format = data_format(name, source)
    if format in COLUMNAR:
        return _profile_columnar(name, source, format, bytes_max)
    return _profile_text(open_table(name, source, bytes_max=bytes_max))


def _profile_text(table: Table) -> Profile:
    columns: dict[str, Measured] = {}
    if table.columns is not None:
        columns = {name: Measured(distinct_cap(len(table.columns))) for name in table.columns}
    rows, rest = _fast_rows(table, columns)
    uneven, notes = 0, list(table.notes)
    for batch in rest:
        for name, values in batch.columns.items():
            measured = columns.get(name)
            if measured is None:
                measured = columns[name] = Measured(distinct_cap(len(batch.columns)))
            measured.add_texts(values) if table.is_text else measured.add_values(values)
        if batch.faults and not uneven:
            notes.append(f"uneven: row {batch.faults[0].row}, line {batch.faults[0].line}: {batch.faults[0].reason}")
        uneven += len(batch.faults)
        rows += batch.rows
    if uneven > 1:
        notes.append(f"uneven: {uneven} rows in all")
    mixed = [name for name, measured in columns.items() if measured.is_mixed]
    notes += [f"mixed: column {name!r:.80} holds values of several kinds" for name in mixed[:NOTES_MAX]]
    return Profile(
        format=table.format,
        schema=schema_of(
            (name, measured.dtype(), measured.count < rows or not rows) for name, measured in columns.items()
        ),
        rows=rows,
        statistics={name: measured.statistics(rows) for name, measured in columns.items()},
        is_partial=table.is_partial,
        warnings=tuple(notes),
    )


def _fast_rows(table: Table, columns: Mapping[str, Measured]) -> tuple[int, Iterator[Batch]]:
    """How many rows have been measured by blocks, and those that are left. The figures are the same."""
    if not isinstance(table, CsvTable):
        return 0, table.batches()
    measure, parts = (measure_block, 1) if is_available() else (_measure_texts, PARTS_IN_PYTHON)
    rows, blocks = 0, PlainBlocks(table, parts=parts)
    for block in blocks:
        measured = measure(block, table.dialect.delimiter, columns)
        if measured is None:
            break
        rows += measured
    return rows, table.batches_from(blocks.offset, row=rows + 1, line=blocks.line) if rows else table.batches()


def _measure_texts(block: bytes, delimiter: str, columns: Mapping[str, Measured]) -> int | None:
    """Measures a plain block without pyarrow, as `measure_block` does with it."""
    texts = columns_of(block, delimiter, len(columns))
    if texts is None:
        return None
    for column, measured in zip(texts, columns.values(), strict=True):
        measured.add_present(column if NULLS.isdisjoint(column) else [text for text in column if text not in NULLS])
    return len(texts[0])


def _profile_columnar(name: str, source: Source, format: str, bytes_max: int) -> Profile:
    if format == "parquet":
        footer = read_footer(name, source)
        found = Profile(
            format=format, schema=footer.schema, rows=footer.rows, statistics=footer.statistics,
            extra={"row_groups": footer.row_groups, "codecs": list(footer.codecs), "created_by": footer.created_by,
                   "metadata": dict(footer.metadata)},
        )  # fmt: skip
    else:
        file = read_arrow(name, source)
        found = Profile(
            format=format, schema=file.schema, rows=file.rows, statistics={}, warnings=file.notes,
            extra={"batches": file.batches, "stream": file.is_stream},
        )  # fmt: skip
    if not is_available() or source.size > bytes_max:
        return found
    return replace(found, statistics=_measured(ColumnarTable(name, source, format=format, schema=found.schema)))


def _measured(table: ColumnarTable) -> dict[str, dict[str, Statistic]]:
    cap = distinct_cap(len(table.columns))
    columns = {column.name: Typed(column.dtype, cap) for column in table.schema.columns}
    rows = 0
    for batch in table.batches():
        for name, values in batch.columns.items():
            columns[name].add(values)
        rows += batch.rows
    return {name: typed.statistics(rows) for name, typed in columns.items()}
