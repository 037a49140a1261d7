"""JSON lines: an object a line. A member that is missing is null; NaN and Infinity, which Python writes, are numbers."""

import json
from collections.abc import Iterator
from typing import Any

from pacha.formats.datatype import repeated
from pacha.formats.inspection import Malformed, Source
from pacha.formats.schema import COLUMNS_MAX, NAME_LENGTH_MAX, has_surrogate
from pacha.formats.table import BATCH_CHARACTERS, Batch, RowFault, batch_rows
from pacha.formats.textstream import TextLines

#: Deeper values are no table; a reader must not be driven into the stack's limit.
DEPTH_MAX = 16
#: A longer run of digits is no number of a table, and takes long to read.
_DIGITS_MAX = 400


class JsonTable:
    """A file of JSON lines as a table. Which columns it has, only reading all of it tells."""

    format = "jsonl"
    is_text = False
    columns = None
    notes: tuple[str, ...] = ()

    def __init__(self, name: str, source: Source, *, bytes_max: int | None = None, strict: bool = True) -> None:
        self._name = name
        self._source = source
        self._bytes_max = bytes_max
        self._strict = strict
        self.is_partial = TextLines(name, source, bytes_max=bytes_max).is_partial

    def batches(self) -> Iterator[Batch]:
        """The rows. Errors: `Malformed`; where it is not strict, a line that is no object is a fault of its row."""
        rows: list[dict[str, Any]] = []
        lines: list[int] = []
        faults: list[RowFault] = []
        names: dict[str, None] = {}
        first, characters = 1, 0
        text = TextLines(self._name, self._source, bytes_max=self._bytes_max)
        for line in text:
            if line.isspace():
                continue
            row, reason = _read(line)
            if reason:
                if self._strict:
                    raise Malformed(f"{self._name}: line {text.number}: {reason}", path=self._name, line=text.number)
                faults.append(RowFault(row=first + len(rows), line=text.number, reason=reason))
            self._learn(row, names)
            rows.append(row)
            lines.append(text.number)
            characters += len(line)
            if len(rows) >= batch_rows(len(names)) or characters >= BATCH_CHARACTERS:
                yield _batch(first, rows, lines, faults, names)
                first, characters = first + len(rows), 0
                rows, lines, faults = [], [], []
        if rows:
            yield _batch(first, rows, lines, faults, names)

    def _learn(self, row: dict[str, Any], names: dict[str, None]) -> None:
        """Adds a row's new columns: a column that was seen once is in every later batch."""
        if row.keys() <= names.keys():
            return
        names.update(dict.fromkeys(row))
        if len(names) > COLUMNS_MAX:
            raise Malformed(f"{self._name}: more than {COLUMNS_MAX} columns", path=self._name)
        for name in row:
            if not 1 <= len(name) <= NAME_LENGTH_MAX or has_surrogate(name):
                raise Malformed(
                    f"{self._name}: a column's name has 1 to {NAME_LENGTH_MAX} characters: {name!r:.80}",
                    path=self._name,
                )


def _batch(
    first: int, rows: list[dict[str, Any]], lines: list[int], faults: list[RowFault], names: dict[str, None]
) -> Batch:
    columns = {name: [row.get(name) for row in rows] for name in names}
    return Batch(first=first, rows=len(rows), columns=columns, lines=lines, faults=faults)


def _read(line: str) -> tuple[dict[str, Any], str]:
    """The object on a line, or an empty one and what is wrong."""
    try:
        value = _DECODER.decode(line)
    except RecursionError:
        return {}, f"nested more than {DEPTH_MAX} levels deep"
    except json.JSONDecodeError as error:
        return {}, f"not JSON: {error.msg} at character {error.pos + 1}"
    except ValueError as error:
        return {}, str(error)
    if not isinstance(value, dict):
        return {}, f"not an object but {_KINDS.get(type(value), 'null')}"
    if line.count("[") + line.count("{") > DEPTH_MAX and _is_deep(value):
        return {}, f"nested more than {DEPTH_MAX} levels deep"
    return value, ""


def _is_deep(value: object) -> bool:
    """Tells whether a value is nested deeper than later steps, which recurse, are made for."""
    level: list[Any] = [value]
    for _ in range(DEPTH_MAX):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]
        if not level:
            return False
    return True


_KINDS = {list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"two members are named {repeated(name for name, _ in pairs)!r:.80}")
    return found


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX:
        raise ValueError(f"a number of more than {_DIGITS_MAX} digits")
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_int=_integer)
