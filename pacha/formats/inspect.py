"""Picks the inspector of a file by its name and first bytes. A module with `FORMATS` and `inspect_source` is one.

A file that is not what it says is no error: it can be stored all the same, and the inspection says what is wrong.
"""

import pkgutil
import re
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path

from pacha.formats.bounds import bounded
from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickle_safety import LOADING_RUNS_CODE
from pacha.formats.sniff import HEAD_BYTES, format_of

FOLDER = Path(__file__).parent
MALFORMED = "malformed"
#: What cannot be read of these may still be a pickle to whoever loads it.
PICKLED = ("pytorch", "pickle")
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
    """What a file holds; None if no inspector knows it. Where the ending lies, the first bytes are believed."""
    head = source.read(0, HEAD_BYTES)
    format, by_bytes = format_of(name, head), format_of("", head)
    if format is None:
        return None
    found = _inspected(format.name, name, source)
    if found is None or not _is_malformed(found) or found.detail:
        return found
    if format == by_bytes:
        # Two bytes are no proof: what has only them, and no known ending, accuses nobody.
        return None if format.is_weak and format_of(name) is None else found
    other = None if by_bytes is None else _inspected(by_bytes.name, name, source)
    if other is None or by_bytes is None or _is_malformed(other):
        return found
    return replace(other, warnings=(f"named like {format.name}, and holds {by_bytes.name}", *other.warnings))


def _is_malformed(found: Inspection) -> bool:
    return any(warning.startswith(f"{MALFORMED}:") for warning in found.warnings)


def _inspected(format: str, name: str, source: Source) -> Inspection | None:
    module = inspectors().get(format)
    if module is None:
        return None
    try:
        found: Inspection = import_module(f"{__name__.rpartition('.')[0]}.{module}").inspect_source(name, source)
    except Malformed as error:
        reason = error.message.removeprefix(f"{name}: ")
        badges = (LOADING_RUNS_CODE,) if format in PICKLED else ()
        return Inspection(format=format, summary={"format": format}, warnings=(f"{MALFORMED}: {reason}", *badges))
    return bounded(found)
