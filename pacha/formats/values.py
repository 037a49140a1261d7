"""How values are spelled in text: numbers, truth, dates and times, and what stands for nothing.

Source: docs/data.md, "How types are found". The grammars are linear: no text can make them run long.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from pacha.formats.datatype import DataType

#: What stands for nothing in CSV. `NaN` is a number, `None` and `-` are texts.
NULLS = frozenset({"", "NA", "N/A", "n/a", "null", "NULL"})
INTEGER_MIN, INTEGER_MAX, UNSIGNED_MAX = -(2**63), 2**63 - 1, 2**64 - 1

#: No sign but minus and no leading zero: a ZIP code or a telephone number is a text.
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,19}", re.ASCII)
_WHOLE, _EXPONENT = r"(?:0|[1-9][0-9]{0,399})", r"[eE][+-]?[0-9]{1,4}"
#: A number with a point or an exponent, or one that is not finite. More digits than these no number needs.
FLOAT = re.compile(
    rf"-?(?:(?:{_WHOLE}\.[0-9]{{0,1100}}|\.[0-9]{{1,1100}})(?:{_EXPONENT})?|{_WHOLE}{_EXPONENT}|0)"
    r"|[+-]?(?:inf|Inf|INF|Infinity)|NaN|nan|NAN",
    re.ASCII,
)
_ZERO = frozenset({"0"})
#: Every whole number of so many characters fits 64 bits.
_SAFE_DIGITS = 18
#: Many numbers, each with a line end; possessive, so that nothing is tried twice.
ALIKE = {
    "integer": re.compile(r"(?:(?:0|-?[1-9][0-9]{0,17})\n)*+", re.ASCII),
    "float": re.compile(
        r"(?:-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,40}+(?:[eE][+-]?[0-9]{1,2})?|[eE][+-]?[0-9]{1,2})\n)*+", re.ASCII
    ),
}
_DECIMAL = re.compile(r"(-?)([0-9]{1,80})(?:\.([0-9]{0,80}))?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?", re.ASCII)
_OFFSET = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?" + _OFFSET,
    re.ASCII,
)
_NAIVE = re.compile(_TIMESTAMP.pattern.removesuffix(_OFFSET), re.ASCII)
_ALIKE: tuple[tuple[str, re.Pattern[str], Callable[[str], Any]], ...] = (
    ("timestamp", _NAIVE, datetime.fromisoformat),
    ("date", _DATE, date.fromisoformat),
    ("time", _TIME, time.fromisoformat),
)
TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def integers_among(texts: Iterable[str]) -> set[str]:
    """The texts that are whole numbers which some 64-bit type holds.

    >>> sorted(integers_among(["-7", "007", "0", "+1", "1.0", "18446744073709551616"]))
    ['-7', '0']
    """
    found = set(filter(INTEGER.fullmatch, texts))
    large = [text for text in found if len(text) > _SAFE_DIGITS and not INTEGER_MIN <= int(text) <= UNSIGNED_MAX]
    return found.difference(large) if large else found


def floats_among(texts: Iterable[str]) -> set[str]:
    """The texts that are numbers with a point or an exponent, or not finite. A whole number beyond 64 bits is not: as
    a number it would lose digits.

    >>> sorted(floats_among(["1e5", ".5", "NaN", "1,5", "00.5", "12345678901234567890123"]))
    ['.5', '1e5', 'NaN']
    """
    return set(filter(FLOAT.fullmatch, texts)) - _ZERO


def all_alike(kind: str, texts: Sequence[str]) -> bool:
    """Tells whether all texts surely are numbers of a kind in their usual form, looking at them all at once.

    >>> all_alike("integer", ["1", "-20"]), all_alike("integer", ["1", "2.5"]), all_alike("float", ["2.5", "-1e-05"])
    (True, False, True)
    """
    lines = "\n".join(texts) + "\n"
    # A text that holds a line end is more than one line.
    return lines.count("\n") == len(texts) and ALIKE[kind].fullmatch(lines) is not None


def read_date(text: str) -> date | None:
    """A day of the calendar, YYYY-MM-DD; else None.

    >>> read_date("2024-02-29"), read_date("2023-02-29")
    (datetime.date(2024, 2, 29), None)
    """
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def read_time(text: str) -> time | None:
    """A time of day, HH:MM, HH:MM:SS or with a fraction, of which six digits count; else None."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return time.fromisoformat(text)
    except ValueError:
        return None


def read_timestamp(text: str) -> datetime | None:
    """A day and a time with `T` or a blank between; with an offset or `Z` it is turned to UTC. Else None.

    >>> read_timestamp("2024-02-29 12:00:00+02:00"), read_timestamp("2024-02-29")
    (datetime.datetime(2024, 2, 29, 10, 0, tzinfo=datetime.timezone.utc), None)
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if match[1] else found
    except (ValueError, OverflowError):
        return None


def moments_alike(texts: Collection[str]) -> tuple[str, list[Any]] | None:
    """What kind of moment all texts spell, and what they are; None if they differ in kind, or have an offset.

    What a column most often holds is so told without a call for each of its values.

    >>> moments_alike({"2024-02-29"}), moments_alike({"2024-02-29", "12:00"}), moments_alike({"2023-02-29"})
    (('date', [datetime.date(2024, 2, 29)]), None, None)
    """
    for kind, pattern, read in _ALIKE:
        if all(map(pattern.fullmatch, texts)):
            try:
                return kind, list(map(read, texts))
            except ValueError:
                return None
    return None


def moment_text(value: date | time | datetime) -> str:
    """The ISO spelling of a moment; UTC is `Z`.

    >>> moment_text(datetime(2024, 2, 29, 10, 0, tzinfo=UTC))
    '2024-02-29T10:00:00Z'
    """
    return value.isoformat().removesuffix("+00:00") + ("Z" if isinstance(value, datetime) and value.tzinfo else "")


def read_decimal(text: str, type: DataType) -> Decimal | None:
    """A decimal number that fits precision and scale, where they are known; else None."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        return None
    whole, fraction = match[2].lstrip("0"), (match[3] or "").rstrip("0")
    if type.precision is not None and type.scale is not None:
        if len(fraction) > max(type.scale, 0) or len(whole) > type.precision - type.scale:
            return None
    return Decimal(text)


def _read_integer(text: str, type: DataType) -> int | None:
    low, high = type.integer_range()
    return int(text) if INTEGER.fullmatch(text) and low <= int(text) <= high else None


def _read_float(text: str, _: DataType) -> float | None:
    return float(text) if FLOAT.fullmatch(text) or INTEGER.fullmatch(text) else None


def _read_instant(text: str, type: DataType) -> datetime | None:
    """A timestamp; a bare date is its midnight. One with an offset fits a type with a zone, and only that."""
    if (day := read_date(text)) is not None:
        return None if type.zone else datetime(day.year, day.month, day.day)
    found = read_timestamp(text)
    return found if found is not None and (found.tzinfo is not None) == (type.zone is not None) else None


_READERS: dict[str, Callable[[str, DataType], object]] = {
    "Bool": lambda text, _: TRUTHS.get(text),
    "Date": lambda text, _: read_date(text),
    "Time": lambda text, _: read_time(text),
    "Timestamp": _read_instant,
    "Decimal": read_decimal,
    "String": lambda text, _: text,
    "Binary": lambda text, _: text,
    "Categorical": lambda text, type: text if type.values is None or text in type.values else None,
}


def read_as(text: str, type: DataType) -> object | None:
    """The value that a text spells in a column of a type; None where it spells none. Lists and structs have no text.

    >>> read_as("300", DataType(name="UInt8")), read_as("30", DataType(name="UInt8"))
    (None, 30)
    """
    if type.is_integer:
        return _read_integer(text, type)
    if type.is_float:
        return _read_float(text, type)
    reader = _READERS.get(type.name)
    return None if reader is None else reader(text, type)
