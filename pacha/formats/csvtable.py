"""CSV and TSV: a header row, then rows; the delimiter is found, quoting is that of RFC 4180.

A row of another length than the header is told, not guessed at: what it lacks is null, what it has too much is left
out. Empty lines are no rows.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from pacha.formats.inspection import Malformed, Source
from pacha.formats.schema import COLUMNS_MAX, NAME_LENGTH_MAX
from pacha.formats.table import BATCH_CHARACTERS, Batch, RowFault, batch_rows
from pacha.formats.textstream import LINE_CHARACTERS_MAX, TextLines
from pacha.formats.values import FLOAT, INTEGER, NULLS

DELIMITERS = ",\t;|"
#: A quote that is never closed would swallow the file; a longer value does not fit a batch.
FIELD_CHARACTERS_MAX = LINE_CHARACTERS_MAX
_SAMPLE_BYTES = 64 << 10
_SAMPLE_ROWS = 50
#: Rows read at once; each may be as long as a line, so they are few.
_CHUNK_ROWS = 16
_BREAK = re.compile(r"\r\n|\r|\n")
_NAMELESS = "column_{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a file is written. A first row of numbers only is data: then columns are named by their place."""

    delimiter: str
    has_header: bool


class CsvTable:
    """A CSV file as a table of texts."""

    format = "csv"
    is_text = True

    def __init__(self, name: str, source: Source, *, bytes_max: int | None = None) -> None:
        self.name = name
        self.source = source
        self._bytes_max = bytes_max
        # Process-wide, and only ever raised: the usual limit of 128 KiB is below the texts of real data sets.
        if csv.field_size_limit() < FIELD_CHARACTERS_MAX:
            csv.field_size_limit(FIELD_CHARACTERS_MAX)
        lines = TextLines(name, source, bytes_max=bytes_max)
        self.is_partial, self.end = lines.is_partial, lines.end
        self.dialect, first = sniff_dialect(name, source, lines)
        self.columns: tuple[str, ...] = _names(name, first, self.dialect)
        self.notes: tuple[str, ...] = () if self.dialect.has_header or not first else (NO_HEADER,)

    def batches(self) -> Iterator[Batch]:
        """The rows as texts. Errors: `Malformed`."""
        return self.batches_from(0, row=1, line=1)

    def batches_from(self, offset: int, *, row: int, line: int) -> Iterator[Batch]:
        """The rows from a byte on, where a row and a line of these numbers begin. Errors: `Malformed`."""
        size = batch_rows(len(self.columns))
        first, cells, lines, read = row, [], [], 0
        text = TextLines(self.name, self.source, bytes_max=self._bytes_max, offset=offset, number=line - 1)
        for began, rows in self._chunks(text, skip=self.dialect.has_header and offset == 0):
            cells += rows
            lines += began
            if len(cells) >= size or text.characters - read >= BATCH_CHARACTERS:
                if cells:
                    yield self._batch(first, cells, lines)
                first, cells, lines, read = first + len(cells), [], [], text.characters
        if cells:
            yield self._batch(first, cells, lines)

    def _batch(self, first: int, cells: list[list[str]], lines: list[int]) -> Batch:
        width, faults = len(self.columns), []
        if set(map(len, cells)) != {width}:
            for at, fields in enumerate(cells):
                if len(fields) != width:
                    reason = _length_reason(len(fields), width)
                    faults.append(RowFault(row=first + at, line=lines[at], reason=reason))
                    cells[at] = [*fields, *[""] * (width - len(fields))][:width]
        columns = [
            column if NULLS.isdisjoint(column) else [None if text in NULLS else text for text in column]
            for column in zip(*cells, strict=True)
        ]
        named = dict(zip(self.columns, columns, strict=True))
        return Batch(first=first, rows=len(cells), columns=named, lines=lines, faults=faults)

    def _chunks(self, text: TextLines, *, skip: bool) -> Iterator[tuple[list[int], list[list[str]]]]:
        """A few rows at a time with the lines on which they begin, without the header."""
        reader = csv.reader(text, delimiter=self.dialect.delimiter)
        held, before = None, text.number
        began = before + 1
        try:
            while rows := list(islice(reader, _CHUNK_ROWS)):
                lines, began = _lines(rows, began, before + reader.line_num), before + reader.line_num + 1
                if not all(rows):
                    kept = [at for at, row in enumerate(rows) if row]
                    rows, lines = [rows[at] for at in kept], [lines[at] for at in kept]
                if skip and rows:
                    skip, rows, lines = False, rows[1:], lines[1:]
                if held is not None:
                    yield held
                held = (lines, rows)
        except csv.Error as error:
            raise Malformed(f"{self.name}: line {before + reader.line_num}: {error}", path=self.name) from error
        if held is not None:
            # Where only the beginning is read, the last row may be cut inside its quotes.
            yield (held[0][:-1], held[1][:-1]) if self.is_partial else held


def _lines(rows: list[list[str]], began: int, ended: int) -> list[int]:
    """On which line each of some rows begins, the first one on `began` and the last one ending on `ended`."""
    if ended - began + 1 == len(rows):
        return list(range(began, ended + 1))
    found = []
    for row in rows:
        found.append(began)
        began += 1 + sum(len(_BREAK.findall(text)) for text in row if "\n" in text or "\r" in text)
    return found


NO_HEADER = "no-header: the first row holds numbers only, so columns are named by their place"


def sniff_dialect(name: str, source: Source, lines: TextLines) -> tuple[Dialect, list[str]]:
    """Finds the delimiter that cuts the first rows into equally many fields, and returns the first row with it.

    Errors: `Malformed`.
    """
    sample = _sample(source, lines.end)
    order = "\t,;|" if name.lower().endswith(".tsv") else DELIMITERS
    best, best_score = order[0], (0.0, 0)
    for delimiter in order:
        widths = [len(row) for row in _parse(sample, delimiter) if row][:_SAMPLE_ROWS]
        if not widths or widths[0] < 2:
            continue
        score = (round(widths.count(widths[0]) / len(widths), 2), widths[0])
        if score > best_score:
            best, best_score = delimiter, score
    first = _first_row(name, lines, best)
    has_header = not first or not all(FLOAT.fullmatch(text) or INTEGER.fullmatch(text) for text in first)
    return Dialect(delimiter=best, has_header=has_header), first


def _sample(source: Source, end: int) -> list[str]:
    """The first whole lines, as far as they are text."""
    text = source.read(0, min(_SAMPLE_BYTES, end)).decode("utf-8", "replace").removeprefix("\ufeff")
    lines = text.splitlines(keepends=True)
    return lines[:-1] if end > _SAMPLE_BYTES and len(lines) > 1 else lines


def _parse(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return []


def _first_row(name: str, lines: TextLines, delimiter: str) -> list[str]:
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        return next((row for row in reader if row), [])
    except csv.Error as error:
        raise Malformed(f"{name}: line {reader.line_num}: {error}", path=name) from error


def _names(name: str, first: Sequence[str], dialect: Dialect) -> tuple[str, ...]:
    """The names of the columns. One without a name (pandas writes its index so) is named by its place."""
    if len(first) > COLUMNS_MAX:
        raise Malformed(f"{name}: {len(first)} columns, more than {COLUMNS_MAX}", path=name)
    texts = first if dialect.has_header else [""] * len(first)
    names = tuple(text.strip() or _NAMELESS.format(place) for place, text in enumerate(texts, start=1))
    seen: dict[str, int] = {}
    for place, column in enumerate(names, start=1):
        if len(column) > NAME_LENGTH_MAX:
            raise Malformed(f"{name}: the name of column {place} has more than {NAME_LENGTH_MAX} characters", path=name)
        if column in seen:
            raise Malformed(f"{name}: columns {seen[column]} and {place} are both named {column!r:.80}", path=name)
        seen[column] = place
    return names


def _length_reason(found: int, wanted: int) -> str:
    return f"{found} field{'' if found == 1 else 's'}, where the header has {wanted}"
