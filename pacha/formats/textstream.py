"""Text files as streams of lines: UTF-8, bounded lines, and only their beginning where that is asked."""

import io
from collections.abc import Iterator

from pacha.formats.inspection import Malformed, Source

#: A longer line is held in memory whole; no table needs it.
LINE_CHARACTERS_MAX = 8 << 20
_CHUNK_BYTES = 1 << 20
_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


class _Raw(io.RawIOBase):
    """The first bytes of a source as a stream."""

    def __init__(self, name: str, source: Source, start: int, end: int) -> None:
        self._name = name
        self._source = source
        self._end = end
        self._at = start

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._source.read(self._at, min(len(buffer), self._end - self._at))
        if (nul := data.find(0)) >= 0:
            raise Malformed(
                f"{self._name}: a NUL byte at byte {self._at + nul}: not a text in UTF-8",
                hint="a file in UTF-16 is turned into UTF-8 with `iconv -f UTF-16 -t UTF-8`",
                path=self._name,
            )
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class TextLines:
    """The lines of a text file with their ends, each read when it is asked for. `number` is that of the last
    one, `characters` how many were read."""

    def __init__(
        self, name: str, source: Source, *, bytes_max: int | None = None, offset: int = 0, number: int = 0
    ) -> None:
        self.name = name
        self.number, self.characters = number, 0
        self.end, self.is_partial = _end_of(source, bytes_max)
        head = source.read(0, 2)
        for mark, encoding in _MARKS:
            if head == mark:
                raise Malformed(
                    f"{name}: {encoding}, not UTF-8",
                    hint=f"turn it into UTF-8: `iconv -f {encoding} -t UTF-8`",
                    path=name,
                )
        raw = io.BufferedReader(_Raw(name, source, offset, self.end), _CHUNK_BYTES)
        # Newlines are kept as they are: inside quotes they belong to the value.
        self._text = io.TextIOWrapper(raw, "utf-8-sig" if offset == 0 else "utf-8", newline="")

    def __iter__(self) -> Iterator[str]:
        read, limit = self._text.readline, LINE_CHARACTERS_MAX
        try:
            while line := read(limit):
                self.number += 1
                self.characters += len(line)
                if len(line) >= limit and line[-1] not in "\r\n":
                    raise Malformed(f"{self.name}: line {self.number} has more than {limit} characters", path=self.name)
                yield line
        except UnicodeDecodeError as error:
            number = self.number + 1 + error.object[: error.start].count(b"\n")
            raise Malformed(
                f"{self.name}: line {number}: not UTF-8 text",
                hint="turn it into UTF-8, for instance with `iconv -f WINDOWS-1252 -t UTF-8`",
                path=self.name,
            ) from error


def _end_of(source: Source, bytes_max: int | None) -> tuple[int, bool]:
    """Where to stop, and whether that is before the end: after the last whole line within the limit."""
    if bytes_max is None or source.size <= bytes_max:
        return source.size, False
    end = bytes_max
    while end > 0 and bytes_max - end < 4 * LINE_CHARACTERS_MAX:
        start = max(0, end - _CHUNK_BYTES)
        newline = source.read(start, end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1, True
        end = start
    return 0, True
