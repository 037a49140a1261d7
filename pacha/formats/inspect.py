"""Picks the inspector of a file by its name and first bytes. A module with `FORMATS` and `inspect_source` is one.

A file that is not what it says is no error: it can be stored all the same, and the inspection says what is wrong.
"""

import pkgutil
import re
from functools import cache
from importlib import import_module
from pathlib import Path

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.sniff import HEAD_BYTES, format_of

FOLDER = Path(__file__).parent
_FORMATS = re.compile(r"^FORMATS\b[^=\n]*= \((.*?)\)$", re.MULTILINE | re.DOTALL)


@cache
def inspectors() -> dict[str, str]:
    """The module of each format, read from the files without running them."""
    found = {}
    for module in pkgutil.iter_modules([str(FOLDER)]):
        text = (FOLDER / f"{module.name}.py").read_text("utf-8")
        match = _FORMATS.search(text)
        if match is not None and "def inspect_source(" in text:
            for name in re.findall(r'"([^"]+)"', match.group(1)):
                found[name] = module.name
    return found


def inspect(name: str, source: Source) -> Inspection | None:
    """What a file holds; None if no inspector knows it."""
    format = format_of(name, source.read(0, HEAD_BYTES))
    module = None if format is None else inspectors().get(format.name)
    if format is None or module is None:
        return None
    try:
        found: Inspection = import_module(f"{__name__.rpartition('.')[0]}.{module}").inspect_source(name, source)
    except Malformed as error:
        return Inspection(
            format=format.name, summary={"format": format.name}, warnings=(f"malformed: {error.message}",)
        )
    return found
