"""Opens a file as a table, by what its name and its first bytes say."""

from pacha.base.errors import Usage
from pacha.formats.arrow import read_arrow
from pacha.formats.columnar import ColumnarTable
from pacha.formats.csvtable import CsvTable
from pacha.formats.inspection import Source
from pacha.formats.jsontable import JsonTable
from pacha.formats.parquet import read_footer
from pacha.formats.schema import DataSchema
from pacha.formats.sniff import HEAD_BYTES, format_of
from pacha.formats.table import Table

TEXTUAL, COLUMNAR = ("csv", "jsonl"), ("parquet", "arrow")


class NotTabular(Usage):
    """A file is of no format that holds rows."""


def data_format(name: str, source: Source) -> str:
    """Which of the formats that hold tables a file has. Errors: `NotTabular`."""
    format = format_of(name, source.read(0, HEAD_BYTES))
    if format is None or format.name not in (*TEXTUAL, *COLUMNAR):
        raise NotTabular(
            f"{name}: not a table", hint="tables are CSV, TSV, JSON lines, Parquet and Arrow files", path=name
        )
    return format.name


def open_table(name: str, source: Source, *, bytes_max: int | None = None, strict: bool = True) -> Table:
    """The table in a file; of a text, only its first `bytes_max` bytes.

    Where it is not `strict`, a line that is no object is a fault of its row, as a row of a wrong length always is.
    Errors: `Malformed`, `NotTabular`, `NeedsArrow`.
    """
    format = data_format(name, source)
    if format in COLUMNAR:
        return ColumnarTable(name, source, format=format, schema=columnar_schema(name, source, format))
    if format == "csv":
        return CsvTable(name, source, bytes_max=bytes_max)
    return JsonTable(name, source, bytes_max=bytes_max, strict=strict)


def columnar_schema(name: str, source: Source, format: str) -> DataSchema:
    """The schema that a Parquet or Arrow file declares. Errors: `Malformed`."""
    return read_footer(name, source).schema if format == "parquet" else read_arrow(name, source).schema
