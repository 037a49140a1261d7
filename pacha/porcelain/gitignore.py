"""The marked block of `.gitignore`: the artifacts whose bytes Git should leave to Pacha."""

import re
from collections.abc import Iterable

from pacha.base.files import NoSuchFile, Root

BEGIN = "# >>> pacha: these bytes are tracked by Pacha, not by Git"
END = "# <<< pacha"
#: An ignore file is small; a larger one is not rewritten.
BYTES_MAX = 1 << 20
_SPECIAL = re.compile(r"([\\*?\[\]!# ])")


def ignore(root: Root, paths: Iterable[str]) -> list[str]:
    """Adds paths, anchored, to the block and returns those that are new to it. `root` is the work tree.

    Errors: `NotRegular` if `.gitignore` is a link, `TooLarge`, `MachineFailed`.
    """
    try:
        text = root.read(".gitignore", size_max=BYTES_MAX).decode("utf-8", "surrogateescape")
    except NoSuchFile:
        text = ""
    before, block, after = _split(text)
    new = [line for path in paths if (line := anchored(path)) not in block]
    if new:
        lines = [BEGIN, *sorted({*block, *new}), END, ""]
        root.replace(".gitignore", (before + "\n".join(lines) + after).encode("utf-8", "surrogateescape"))
    return new


def anchored(path: str) -> str:
    """The pattern that ignores exactly one path.

    >>> anchored("models/a [1].bin")
    '/models/a\\\\ \\\\[1\\\\].bin'
    """
    return "/" + _SPECIAL.sub(r"\\\1", path)


def _split(text: str) -> tuple[str, list[str], str]:
    start = text.find(BEGIN)
    end = text.find(END, start)
    if start < 0 or end < 0:
        return (text if not text or text.endswith("\n") else text + "\n"), [], ""
    block = [line for line in text[start + len(BEGIN) : end].splitlines() if line.strip()]
    return text[:start], block, text[end + len(END) :].removeprefix("\n")
