"""One spelling for equal values, whatever file they come from: so that tables of two formats can be compared."""

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from pacha.formats.values import FLOAT, INTEGER, TRUTHS, moment_text, read_time, read_timestamp

#: Whole numbers up to here are spelled alike, with or without a point; beyond, a double skips some.
_EXACT_MAX = 2**53
#: Only a text that begins so can be a number, a truth or a moment.
_TELLING = frozenset("-+.0123456789tTfFnNiI")


def spelled(values: Sequence[Any]) -> list[str | None]:
    """The spelling of each value of a column; equal values are looked at once."""
    known: dict[Any, str | None] = {None: None}
    found: list[str | None] = []
    for value in values:
        # True is not 1 here, and a list cannot be looked up.
        if type(value) is str:
            if value not in known:
                known[value] = _of_text(value)
            found.append(known[value])
        else:
            found.append(None if value is None else spelling(value))
    return found


def spelling(value: Any) -> str:
    """The spelling of one value that is not None.

    >>> spelling(1.0), spelling("1"), spelling("2024-01-01 10:00"), spelling(True), spelling("007")
    ('1', '1', '2024-01-01T10:00:00', 'true', '007')
    """
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _of_float(value)
    if isinstance(value, Decimal):
        return _of_text(format(value, "f"))
    if isinstance(value, (datetime, date, time)):
        return moment_text(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def _of_text(text: str) -> str:
    if text[:1] not in _TELLING:
        return text
    if INTEGER.fullmatch(text):
        return text
    if FLOAT.fullmatch(text):
        return _of_float(float(text))
    if text in TRUTHS:
        return "true" if TRUTHS[text] else "false"
    moment = read_timestamp(text) or read_time(text)
    return text if moment is None else moment_text(moment)


def _of_float(value: float) -> str:
    if math.isfinite(value):
        return str(int(value)) if value == int(value) and abs(value) < _EXACT_MAX else repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> Any:
    """A nested value whose leaves are spelled."""
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return None if value is None else spelling(value)
