"""A table as it is read: batches of columns, so that memory stays flat however long the file is.

Values are texts (CSV), what JSON holds (JSONL), or what Python makes of an Arrow value. Nothing is None everywhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

#: Rows of a batch of few columns.
BATCH_ROWS = 4_096
#: Cells of a batch: a wide table has shorter batches.
BATCH_CELLS = 1 << 18
#: Characters of a batch: long texts make shorter batches.
BATCH_CHARACTERS = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFault:
    """A row that does not fit its table. `row` counts data rows from 1, `line` lines of the file (None: has none)."""

    row: int
    line: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some rows that follow each other. `first` is the number of the first one, from 1; `lines` where each began."""

    first: int
    rows: int
    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int] | None = None
    faults: Sequence[RowFault] = field(default_factory=tuple)

    def line(self, row: int) -> int | None:
        """The line on which a row began."""
        return None if self.lines is None else self.lines[row - self.first]


class Table(Protocol):
    """A file that holds rows. Reading it twice gives the same rows."""

    @property
    def format(self) -> str:
        """The name of its format in `sniff.FORMATS`."""

    @property
    def is_text(self) -> bool:
        """Tells whether every value is a text, whose type has to be found."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The names of the columns in order; None where only reading all rows tells."""

    @property
    def is_partial(self) -> bool:
        """Tells whether only the beginning is read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of how it is read."""

    def batches(self) -> Iterator[Batch]:
        """The rows. Errors: `Malformed`."""


def batch_rows(columns: int) -> int:
    """How many rows a batch of so many columns has.

    >>> batch_rows(10), batch_rows(65_536)
    (4096, 4)
    """
    return max(1, min(BATCH_ROWS, BATCH_CELLS // max(1, columns)))
