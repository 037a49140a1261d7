"""What transcripts and tutorials type: the commands, and how each ended."""

import re
import shlex
from collections.abc import Iterator

from pacha.cli.groups import KINDS

_EXIT = re.compile(r"# exit (\d+)$|^\[exit (\d+)\]$", re.M)
#: `pacha …` at the start of a line that is typed, or after a pipe.
_COMMAND = re.compile(r"(?:^|[|;&]\s*)pacha\s+([^|;&>]*)")
#: Flags of `pacha` itself that take a value, where a command may come after.
_VALUED = ("-C", "-c", "--color")


def lines_of(text: str) -> Iterator[tuple[list[str], int]]:
    """The words of each `pacha …` that a text types, without `pacha`, and the exit code of its line."""
    for block in re.split(r"^\$ ", text, flags=re.M)[1:]:
        line = block.splitlines()[0]
        ended = _EXIT.search(block)
        code = int(ended[1] or ended[2]) if ended else 0
        for found in _COMMAND.finditer(line.partition(" # ")[0]):
            yield shlex.split(_closed(found[1])), code


def words_of(words: list[str]) -> str:
    """The command that some words name: `show`, `model card`; empty if there is none.

    >>> words_of(["-q", "-C", "there", "model", "card", "fraud"]), words_of(["show", "fraud"])
    ('model card', 'show')
    """
    rest = iter(words)
    for word in rest:
        if word in _VALUED:
            next(rest, None)
        elif not word.startswith("-"):
            return f"{word} {next(rest, '')}".strip() if word in KINDS else word
    return ""


def _closed(text: str) -> str:
    """A piece of a line of the shell, cut where a quote is open."""
    for end in (text, text.rpartition("'")[0], text.rpartition('"')[0]):
        try:
            shlex.split(end)
        except ValueError:
            continue
        return end
    return ""
