"""The only door to the terminal: every text is sanitised here, coloured here, paged here, and printed here.

What comes out of a repository was written by strangers, so control characters, bidirectional marks and invisible
characters are shown as escapes and never reach a terminal.

Longer than most modules: one door, so that nothing can pass it by.
"""

import json
import shlex
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pacha.cli.plain import plain

_COLORS = {
    "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36", "bold": "1", "dim": "2",
}  # fmt: skip
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
#: What is shown of a text before and after the place that an error points at.
_POINTER_BEFORE, _POINTER_AFTER = 50, 40
#: An error may quote what was typed or read; of a longer sentence the middle is left out on a terminal, not in JSON.
SENTENCE_MAX = 1_000
#: Lines of a long answer that are written at once: a person sees the first of them soon, and few calls write many.
LINES_TOGETHER = 256
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def _cut(text: str) -> str:
    """An error's sentence whose end can still be seen, whatever was typed into it."""
    return text if len(text) <= SENTENCE_MAX else f"{text[: SENTENCE_MAX // 2]} … {text[-SENTENCE_MAX // 2 :]}"


def sanitise(text: str) -> str:
    """Returns a text in which nothing can steer a terminal. Line ends and tabs stay.

    >>> sanitise("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN_CATEGORIES:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def json_text(value: object, *, indent: int | None = None) -> str:
    """JSON in which what could steer a terminal is escaped as JSON escapes it, so that the value is the same.

    >>> json_text("a\x9b")
    '"a\\\\u009b"'
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(
        json.dumps(character)[1:-1] if character > "~" and _shown(character) != character else character
        for character in text
    )


def size_text(size: int) -> str:
    """A number of bytes for people.

    >>> size_text(0), size_text(1536), size_text(5 * 2**30)
    ('0 B', '1.5 KiB', '5.0 GiB')
    """
    value = float(size)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the last unit takes everything")


def span_text(seconds: int) -> str:
    """A span of time for people: the greatest unit that fits, as searches write it.

    >>> span_text(59), span_text(7200), span_text(40 * 86400)
    ('59s', '2h', '5w')
    """
    for unit, size in (("y", 365 * 86_400), ("w", 7 * 86_400), ("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size or (seconds >= size and unit in "dhm"):
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def count_text(count: int, noun: str) -> str:
    """A number with its noun.

    >>> count_text(1, "file"), count_text(3, "file")
    ('1 file', '3 files')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def first_line(text: str) -> str:
    """The first line of a message, for lists."""
    return text.splitlines()[0] if text.strip() else ""


@dataclass(frozen=True, slots=True)
class Styled:
    """A piece of text in a colour."""

    text: str
    style: str


Piece = str | Styled


class Output:
    """stdout is the answer, stderr the talk."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._color: str | None = None
        self._no_pager = False
        self._pager: str | None = None
        self._paged: list[str] | None = None
        self._answered = False
        self.is_quiet = False
        self.is_json = False

    # -- settings --------------------------------------------------------------------------------------------------

    def set_up(self, *, color: str | None, no_pager: bool, quiet: bool) -> None:
        """What the global options say."""
        self._color, self._no_pager, self.is_quiet = color, no_pager, quiet

    def set_again(self, name: str, value: str | bool) -> None:
        """What one of those options says where it stands after the command: `quiet`, `no_pager` or `color`."""
        if name == "color":
            self._color = str(value)
        elif name == "no_pager":
            self._no_pager = True
        else:
            self.is_quiet = True

    def set_settings(self, *, color: str | None, pager: str | None) -> None:
        """What the configuration says, where no option did."""
        self._color = self._color or color
        self._pager = pager

    @property
    def is_watched(self) -> bool:
        """Tells whether a person may see a bar on stderr."""
        return sys.stderr.isatty() and not self.is_quiet and self._variables.get("TERM") != "dumb"

    def _has_color(self, *, err: bool) -> bool:
        if self._color in ("always", "never"):
            return self._color == "always"
        if self._variables.get("NO_COLOR"):
            return False
        if self._variables.get("FORCE_COLOR") or self._variables.get("CLICOLOR_FORCE"):
            return True
        stream = sys.stderr if err else sys.stdout
        return stream.isatty() and self._variables.get("TERM") != "dumb"

    # -- the answer ------------------------------------------------------------------------------------------------

    def line(self, *pieces: Piece) -> None:
        """Prints one line of the answer."""
        self._write(self._painted(pieces, err=False))

    def lines(self, lines: Iterable[Sequence[Piece]]) -> None:
        """Prints lines of the answer as they come, many at a time: each by itself costs as much as its making."""
        waiting: list[str] = []
        try:
            for pieces in lines:
                waiting.append(self._painted(pieces, err=False))
                if len(waiting) == LINES_TOGETHER:
                    self._write("\n".join(waiting))
                    waiting = []
        finally:
            # What was told before something went wrong is part of the answer.
            if waiting:
                self._write("\n".join(waiting))

    def text(self, text: str) -> None:
        """Prints some lines of the answer."""
        for line in text.splitlines():
            self.line(line)

    def painted_text(self, text: str) -> None:
        """Prints lines that were sanitised before they were painted."""
        for line in text.splitlines():
            self._write(line.rstrip())

    @property
    def has_color(self) -> bool:
        """Tells whether the answer may be coloured."""
        return self._has_color(err=False)

    def table(self, rows: Sequence[Sequence[Piece]], *, header: Sequence[str] = ()) -> None:
        """Prints columns, the last one as long as it is. Empty cells at the end of a row leave no blanks."""
        named = [[Styled(name, "bold") for name in header]] if header else []
        all_rows = [*named, *rows]
        texts = [_without_empty_end([_clean(cell) for cell in row]) for row in all_rows]
        widths: list[int] = []
        for row in texts:
            for column, text in enumerate(row[:-1]):
                if column == len(widths):
                    widths.append(0)
                if len(text) > widths[column]:
                    widths[column] = len(text)
        is_painted = self.has_color
        lines = []
        for cells, row in zip(all_rows, texts, strict=True):
            columns = [text.ljust(width + 2) for text, width in zip(row[:-1], widths, strict=False)] + row[-1:]
            if is_painted:
                columns = [_in_color(cell, text) for cell, text in zip(cells, columns, strict=False)]
            lines.append("".join(columns))
        if lines:
            self._write("\n".join(lines))

    def data(self, schema: str, value: object) -> None:
        """Prints the whole answer as one JSON object with its schema's name."""
        self._answered = True
        self._write(self.data_text(schema, value))

    def data_text(self, schema: str, value: object) -> str:
        """The whole answer as `data` prints it."""
        return json_text({"schema": schema, "data": plain(value)}, indent=1)

    def record(self, *fields: str, nul: bool = False) -> None:
        """Prints one record of plumbing: fields with a blank between, and a line end or NUL after."""
        text = " ".join(fields)
        if nul:
            self.raw(text.encode("utf-8", "surrogateescape") + b"\0")
        else:
            self._write(sanitise(text))

    def raw(self, data: bytes | memoryview) -> None:
        """Writes bytes of a file, unchanged."""
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        self._answered = True

    def _write(self, text: str) -> None:
        if self._paged is not None:
            self._paged.append(text)
            return
        encoded = (text + "\n").encode("utf-8", "backslashreplace")
        sys.stdout.flush()
        sys.stdout.buffer.write(encoded)

    # -- paging ----------------------------------------------------------------------------------------------------

    def page(self) -> None:
        """From here on the answer is long: a pager shows it if a person reads it."""
        if self._pager_command() is not None:
            self._paged = []

    def _pager_command(self) -> list[str] | None:
        if self._no_pager or self.is_json or not sys.stdout.isatty():
            return None
        chosen = self._variables.get("PACHA_PAGER", self._pager)
        if chosen is None:
            chosen = self._variables.get("PAGER", "less -FIRX")
        return None if chosen.strip() in ("", "cat") else shlex.split(chosen)

    def close(self) -> None:
        """Shows what was collected for the pager, and flushes."""
        lines, self._paged = self._paged, None
        if lines is not None:
            self._show_paged("\n".join(lines) + "\n" if lines else "")
        sys.stdout.flush()

    def _show_paged(self, text: str) -> None:
        command = self._pager_command()
        data = text.encode("utf-8", "backslashreplace")
        try:
            if command is not None and data:
                import subprocess

                subprocess.run(command, input=data, check=False)
                return
        except OSError:
            pass
        sys.stdout.buffer.write(data)

    # -- the talk --------------------------------------------------------------------------------------------------

    def note(self, *pieces: Piece) -> None:
        """Tells something on stderr, unless quiet."""
        if not self.is_quiet:
            self._say(self._painted((Styled("note: ", "dim"), *pieces), err=True))

    def hint(self, text: str) -> None:
        """Suggests the next command on stderr, unless quiet or read by a program."""
        if not self.is_quiet and not self.is_json:
            self._say(self._painted((Styled(text, "dim"),), err=True))

    def warn(self, text: str) -> None:
        """Warns on stderr, quiet or not."""
        self._say(self._painted((Styled("warning: ", "yellow"), text), err=True))

    def error_lines(self, lines: Iterable[str]) -> None:
        """Prints lines on stderr as they are, sanitised."""
        for line in lines:
            self._say(sanitise(line))

    def failure(
        self, *, code: str, exit_code: int, message: str, hint: str | None, nouns: Mapping[str, object]
    ) -> None:
        """Prints an error: one line and a hint, or one JSON object where the answer was to be JSON."""
        self._paged = None
        if self.is_json:
            error = {
                "code": code,
                "exit_code": exit_code,
                "message": message,
                "hint": hint,
                "nouns": plain(dict(nouns)),
            }
            self._say(json_text({"schema": "pacha.error/1", "error": error}))
            return
        self._say(self._painted((Styled("error: ", "red"), _cut(message.replace("\n", " "))), err=True))
        for line in _pointer(nouns.get("source"), nouns.get("position")):
            self._say(line)
        candidates = nouns.get("candidates")
        for candidate in candidates if isinstance(candidates, list) else []:
            self._say(f"  {sanitise(str(candidate))}")
        if hint:
            self._say(self._painted((Styled("hint: ", "cyan"), _cut(hint)), err=True))

    def _say(self, text: str) -> None:
        sys.stdout.flush()
        sys.stderr.buffer.write((text + "\n").encode("utf-8", "backslashreplace"))
        sys.stderr.flush()

    def _painted(self, pieces: Iterable[Piece], *, err: bool) -> str:
        pieces = list(pieces)
        if any(isinstance(piece, Styled) for piece in pieces) and self._has_color(err=err):
            return "".join(_in_color(piece, _clean(piece)) for piece in pieces)
        return "".join(map(_clean, pieces))


def _in_color(piece: Piece, text: str) -> str:
    """A piece's text, clean and perhaps with blanks after it, in the colour of the piece."""
    bare = text.rstrip(" ") if isinstance(piece, Styled) else ""
    return (
        f"\x1b[{_COLORS[piece.style]}m{bare}\x1b[0m{text[len(bare) :]}" if isinstance(piece, Styled) and bare else text
    )


def _pointer(source: object, position: object) -> list[str]:
    """The piece of a text around a place in it, and below it a sign that points there."""
    if not isinstance(source, str) or not isinstance(position, int):
        return []
    start = max(0, position - _POINTER_BEFORE)
    before, after = (
        sanitise(part.replace("\n", " ").replace("\t", " "))
        for part in (source[start:position], source[position : position + _POINTER_AFTER])
    )
    return [f"  {before}{after}", f"  {' ' * len(before)}^"]


def _without_empty_end(row: list[str]) -> list[str]:
    while row and not row[-1]:
        row.pop()
    return row


def _clean(piece: Piece) -> str:
    return sanitise(piece.text if isinstance(piece, Styled) else piece)
