"""What a table holds: its schema and the statistics of its columns, read once from beginning to end, in flat memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.formats.csvtable import CsvTable
from pacha.formats.inspection import Malformed, Source
from pacha.formats.jsontable import JsonTable
from pacha.formats.measure import Measured
from pacha.formats.schema import DataSchema, schema_of
from pacha.formats.sniff import HEAD_BYTES, format_of
from pacha.formats.statistics import Statistic, distinct_cap
from pacha.formats.table import Table

#: A longer file is profiled by its beginning: at the speed of the standard library this is about half a minute.
PROFILE_BYTES_MAX = 256 << 20
#: What is told of rows that do not fit, and of mixed columns.
NOTES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What was found. `rows` were read; where it `is_partial`, there are more that were not.

    Shape: `statistics` holds a mapping for each column; numbers, or texts where a document holds no such number.
    """

    format: str
    schema: DataSchema
    rows: int
    statistics: Mapping[str, Mapping[str, Statistic]]
    is_partial: bool = False
    warnings: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def open_text_table(name: str, source: Source, *, bytes_max: int | None = None) -> Table | None:
    """The table in a CSV, TSV or JSON lines file; None if the file is none of these. Errors: `Malformed`."""
    format = format_of(name, source.read(0, HEAD_BYTES))
    if format is None or format.name not in ("csv", "jsonl"):
        return None
    if format.name == "csv":
        return CsvTable(name, source, bytes_max=bytes_max)
    return JsonTable(name, source, bytes_max=bytes_max)


def profile_text(table: Table) -> Profile:
    """Profiles a table of texts or JSON values. Errors: `Malformed`."""
    cap = distinct_cap(len(table.columns) if table.columns is not None else 0)
    columns: dict[str, Measured] = {name: Measured(cap) for name in table.columns or ()}
    rows, uneven, notes = 0, 0, list(table.notes)
    for batch in table.batches():
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


__all__ = ["PROFILE_BYTES_MAX", "Malformed", "Profile", "open_text_table", "profile_text"]
