"""Parquet and Arrow by their values: the only door to pyarrow, which the extra `data` installs.

Schema and rows never come from here but from Pacha's own readers, so that they are the same with and without it.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import islice
from operator import mul
from typing import Any

from pacha.base.errors import Unsupported
from pacha.formats.arrow import MAGIC as ARROW_MAGIC
from pacha.formats.inspection import Malformed, Source
from pacha.formats.measure import Measured
from pacha.formats.schema import DataSchema
from pacha.formats.table import Batch, batch_rows
from pacha.formats.values import FLOAT, NULLS, TRUTHS


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


#: Forms that both sides read alike. Longer numbers are left to Pacha's own reader.
_INTEGER = r"^(?:0|-?[1-9][0-9]{0,17})$"
_FLOAT = r"^-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,40}|\.[0-9]{0,40}[eE][+-]?[0-9]{1,2}|[eE][+-]?[0-9]{1,2})$"
#: Days and moments as most files write them, all of one length; of the year 0 Python knows nothing.
_DAY = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-[0-9]{2}-[0-9]{2}"
_FORMS = {
    "integer": _INTEGER,
    "float": _FLOAT,
    "timestamp": rf"^{_DAY} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}$",
    "date": rf"^{_DAY}$",
}
#: Columns that are measured at once.
WORKERS_MAX = 4
_SUM_MAX = 2**63 - 1


def measure_block(block: bytes, delimiter: str, columns: Mapping[str, Measured]) -> int | None:
    """Measures a block of CSV without quotes and returns how many rows it has; None if they are not all of one length.

    The figures are those that `Measured.add_texts` would make of the same texts, to the bit.
    """
    import pyarrow
    import pyarrow.csv

    names = list(columns)
    try:
        table = pyarrow.csv.read_csv(
            pyarrow.BufferReader(block),
            pyarrow.csv.ReadOptions(column_names=names, block_size=len(block) + 1),
            pyarrow.csv.ParseOptions(delimiter=delimiter, quote_char=False, double_quote=False),
            pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pyarrow.string()), strings_can_be_null=False),
        )
    except pyarrow.ArrowException:
        # Uneven rows, or no UTF-8: who reads them next says where.
        return None
    # pyarrow leaves Python's lock while it works, so columns are measured beside each other.
    with ThreadPoolExecutor(min(WORKERS_MAX, pyarrow.cpu_count())) as pool:
        list(pool.map(_measure, (column.combine_chunks() for column in table.columns), columns.values()))
    rows: int = table.num_rows
    return rows


def _measure(texts: Any, measured: Measured) -> None:
    import pyarrow
    import pyarrow.compute as compute

    nothing = compute.is_in(texts, value_set=pyarrow.array(sorted(NULLS)))
    if compute.any(nothing).as_py():
        texts = texts.filter(compute.invert(nothing))
    if not len(texts):
        return
    lengths = compute.min_max(compute.utf8_length(texts)).as_py()
    unique = compute.unique(texts).to_pylist() if measured.is_counting else None
    measured.add_counted(len(texts), lengths["min"], lengths["max"], unique)
    if measured.is_text:
        return
    if _measure_alike(texts, measured):
        return
    whole = compute.match_substring_regex(texts, _INTEGER)
    broken = compute.match_substring_regex(texts, _FLOAT)
    rest = texts.filter(compute.invert(compute.or_(whole, broken)))
    kinds = compute.unique(rest).to_pylist()
    numbers = [text for text in kinds if FLOAT.fullmatch(text)]
    if any(math.isfinite(float(text)) for text in numbers):
        # Numbers that only the careful reader knows stand between others, and their order counts.
        measured.sort(texts.to_pylist())
        return
    integers = texts.filter(whole)
    measured.add_numbers(_sums(integers) if len(integers) else None, _floats(texts.filter(broken)))
    # How often each occurs counts only for truths and for what is not finite.
    measured.sort(rest.to_pylist() if numbers or not TRUTHS.keys().isdisjoint(kinds) else kinds)


def _measure_alike(texts: Any, measured: Measured) -> bool:
    """Measures texts that are all of one usual form, as most columns are; tells whether they are.

    The form that was met before is looked for, then that of the first text: so one look at the column is enough.
    """
    import pyarrow
    import pyarrow.compute as compute

    first = texts[0].as_py()
    for kind, form in _FORMS.items():
        if (measured.kinds and kind not in measured.kinds) or not re.search(form, first, re.ASCII):
            continue
        if not compute.all(compute.match_substring_regex(texts, form)).as_py():
            return False
        if kind == "integer":
            measured.add_numbers(_sums(texts), ())
        elif kind == "float":
            measured.add_numbers(None, _floats(texts))
        else:
            try:
                texts.cast(pyarrow.date32() if kind == "date" else pyarrow.timestamp("s"))
            except pyarrow.ArrowException:
                # No day of the calendar is among them.
                return False
            # Of one length, their order as texts is that in time.
            ends = compute.min_max(texts).as_py()
            measured.add_ends(kind, ends["min"], ends["max"])
        return True
    return False


def _floats(texts: Any) -> Sequence[float]:
    """The numbers that texts of the form `_FLOAT` spell."""
    import pyarrow

    values = texts.cast(pyarrow.float64())
    if not len(values):
        return ()
    found: Sequence[float] = (
        memoryview(values.buffers()[1]).cast("d")[values.offset : values.offset + len(values)].tolist()
    )
    return found


def _sums(texts: Any) -> tuple[int, int, int, int, int]:
    """Count, sum, sum of squares, least and largest, exactly: where 64 bits are too few, Python counts."""
    import pyarrow
    import pyarrow.compute as compute

    values = texts.cast(pyarrow.int64())
    count, ends = len(values), compute.min_max(values).as_py()
    largest = max(abs(ends["min"]), abs(ends["max"]))
    if count * largest * largest <= _SUM_MAX:
        squares = compute.sum(compute.multiply(values, values)).as_py()
        return count, compute.sum(values).as_py(), squares, ends["min"], ends["max"]
    numbers: list[int] = values.to_pylist()
    return count, sum(numbers), sum(map(mul, numbers, numbers)), ends["min"], ends["max"]


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
