"""Parquet and Arrow by their values: the only door to pyarrow, which the extra `data` installs.

Schema and rows never come from here but from Pacha's own readers, so that they are the same with and without it.
"""

import io
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from typing import Any

from pacha.base.errors import Unsupported
from pacha.formats.arrow import MAGIC as ARROW_MAGIC
from pacha.formats.inspection import Malformed, Source
from pacha.formats.schema import DataSchema
from pacha.formats.table import Batch, batch_rows


class NeedsArrow(Unsupported):
    """What was asked needs the values of a Parquet or Arrow file, and pyarrow is not installed."""

    usual_hint = "`pip install 'pacha-registry[data]'` brings pyarrow"


def is_available() -> bool:
    """Tells whether pyarrow is installed, without importing it."""
    return find_spec("pyarrow") is not None


class ColumnarTable:
    """A Parquet or Arrow file as a table of Python's values. Errors: `NeedsArrow`."""

    is_text = False
    is_partial = False
    notes: tuple[str, ...] = ()

    def __init__(self, name: str, source: Source, *, format: str, schema: DataSchema) -> None:
        if not is_available():
            raise NeedsArrow(f"{name}: the values of a {format} file are read with pyarrow", path=name)
        self._name = name
        self._source = source
        self.format = format
        self.schema = schema
        self.columns: tuple[str, ...] = schema.names

    def batches(self) -> Iterator[Batch]:
        """The rows. Errors: `Malformed`, also where a value is one that Python cannot hold."""
        import pyarrow

        first = 1
        try:
            for batch in _batches(self._source, self.format, batch_rows(len(self.columns))):
                columns = {name: _values(column) for name, column in zip(self.columns, batch.columns, strict=True)}
                yield Batch(first=first, rows=batch.num_rows, columns=columns)
                first += batch.num_rows
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError, NotImplementedError) as error:
            raise Malformed(f"{self._name}: {' '.join(str(error).split())[:200]}", path=self._name) from error


class _File(io.RawIOBase):
    """A source as a file that can be sought in."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0 if whence == 0 else self._at if whence == 1 else self._source.size)
        return self._at

    def read(self, length: int | None = -1) -> bytes:
        wanted = self._source.size - self._at if length is None or length < 0 else length
        data = self._source.read(self._at, max(0, wanted))
        self._at += len(data)
        return data


def _batches(source: Source, format: str, rows: int) -> Iterator[Any]:
    """Record batches of at most so many rows."""
    import pyarrow

    file = pyarrow.PythonFile(_File(source), mode="r")
    if format == "parquet":
        import pyarrow.parquet

        yield from pyarrow.parquet.ParquetFile(file).iter_batches(batch_size=rows, use_threads=False)
        return
    is_file = source.read(0, len(ARROW_MAGIC)) == ARROW_MAGIC
    if is_file:
        reader = pyarrow.ipc.open_file(file)
        whole = (reader.get_batch(number) for number in range(reader.num_record_batches))
    else:
        whole = iter(pyarrow.ipc.open_stream(file))
    for batch in whole:
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)


def _values(column: Any) -> list[Any]:
    """An array as a list. Times are cut to microseconds, moments told in UTC, categories are their texts, and so inside
    lists and structs; a map is a list of keys and values."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    if types.is_dictionary(kind):
        return _values(column.cast(kind.value_type))
    if types.is_map(kind):
        pair = pyarrow.struct([("key", kind.key_type), ("value", kind.item_type)])
        return _lists(column.cast(pyarrow.list_(pair)))
    if types.is_nested(kind) and not types.is_union(kind):
        return _structs(column) if types.is_struct(kind) else _lists(column)
    if types.is_timestamp(kind):
        column = column.cast(pyarrow.timestamp("us", "UTC" if kind.tz else None), safe=False)
    elif types.is_time64(kind):
        column = column.cast(pyarrow.time64("us"), safe=False)
    elif types.is_date64(kind):
        column = column.cast(pyarrow.date32())
    elif types.is_duration(kind):
        column = column.cast(pyarrow.int64())
    elif types.is_float16(kind):
        column = column.cast(pyarrow.float32())
    found: list[Any] = column.to_pylist()
    return found


def _lists(column: Any) -> list[Any]:
    """Lists of any kind: the items of all of them, cut by their lengths."""
    import pyarrow.compute

    items = iter(_values(column.flatten()))
    lengths = pyarrow.compute.list_value_length(column).to_pylist()
    return [None if length is None else list(islice(items, length)) for length in lengths]


def _structs(column: Any) -> list[Any]:
    names = [field.name for field in column.type]
    there = column.is_valid().to_pylist()
    members = [_values(member) for member in column.flatten()]
    rows = zip(*members, strict=True) if members else ((),) * len(column)
    return [dict(zip(names, row, strict=True)) if is_row else None for is_row, row in zip(there, rows, strict=True)]
