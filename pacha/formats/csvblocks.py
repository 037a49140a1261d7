"""The beginning of a CSV file as blocks of whole lines without quotes: these any parser cuts alike, so a fast one may.

Where the first quote, odd line end or overlong line comes, the blocks end, and the rest is read as always.
"""

from collections.abc import Iterator
from itertools import repeat

from pacha.formats.csvtable import CsvTable

BLOCK_BYTES = 2 << 20
#: Python holds some fifteen times the bytes of a block whose values it looks at itself: those blocks are shorter.
PARTS_IN_PYTHON = 4
#: A block of more columns costs more in overhead than it saves.
COLUMNS_MAX = 1_000


class PlainBlocks:
    """Blocks of data rows. `offset` and `line` tell where the rest begins once the blocks have ended."""

    def __init__(self, table: CsvTable, *, parts: int = 1) -> None:
        self._table = table
        self._length = max(1, BLOCK_BYTES // parts)
        self._source = table.source
        self.offset = 0
        self.line = 1

    def __iter__(self) -> Iterator[bytes]:
        # A file that is read in part ends with a row that only the careful reader may judge.
        end = self._table.end - (BLOCK_BYTES if self._table.is_partial else 0)
        if not self._table.columns or len(self._table.columns) > COLUMNS_MAX or not self._pass_header(end):
            return
        while self.offset < end:
            block = self._block(end)
            if not block or not _is_plain(block):
                return
            yield block
            self.take(block)

    def take(self, block: bytes) -> None:
        """Passes over a block."""
        self.offset += len(block)
        self.line += block.count(b"\n")

    def _block(self, end: int) -> bytes:
        """The next bytes up to their last line end, or to the end of the file."""
        data = self._source.read(self.offset, min(self._length, end - self.offset))
        return data if self.offset + len(data) >= self._table.end else data[: data.rfind(b"\n") + 1]

    def _pass_header(self, end: int) -> bool:
        """Passes over a byte order mark, empty lines and the header, if they are plain."""
        block = self._block(end)
        if block.startswith(b"\xef\xbb\xbf"):
            self.offset += 3
            block = block[3:]
        while self._table.dialect.has_header:
            line, newline, block = block.partition(b"\n")
            if not newline or not _is_plain(line + newline):
                return False
            self.take(line + newline)
            if line.strip(b"\r"):
                break
        return True


def columns_of(block: bytes, delimiter: str, width: int) -> list[list[str]] | None:
    """The texts of a plain block column by column; None where only the careful reader may judge: rows of different
    lengths, empty lines, or no UTF-8.

    >>> columns_of(b"1,a\\r\\n2,b\\r\\n", ",", 2), columns_of(b"1\\n2,b\\n", ",", 2)
    ([['1', '2'], ['a', 'b']], None)
    """
    try:
        text = block.decode().replace("\r\n", "\n").removesuffix("\n")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    if set(map(str.count, lines, repeat(delimiter))) != {width - 1} or "" in lines:
        return None
    cells = lines if width == 1 else text.replace("\n", delimiter).split(delimiter)
    return [cells[place::width] for place in range(width)]


def _is_plain(block: bytes) -> bool:
    """Tells whether a block has no quote, no NUL and no line end but `\\n` and `\\r\\n`."""
    return b'"' not in block and b"\0" not in block and block.count(b"\r") == block.count(b"\r\n")
