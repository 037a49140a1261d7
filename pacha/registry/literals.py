"""What the value of a search term may stand for: a number, a size, a time or the beginning of one, a version, a span."""

import re
from dataclasses import dataclass

from pacha.base.clock import BadTimestamp, parse_timestamp
from pacha.base.semver import Version, VersionPrefix

#: A number of more digits is a text.
DIGITS_MAX = 64
INFINITIES = {"Infinity": float("inf"), "-Infinity": float("-inf")}
NOT_A_NUMBER = "NaN"
TRUTHS = {"true": True, "yes": True, "false": False, "no": False}
UNITS: dict[str, int] = {"": 1, "b": 1} | {
    unit: base**power
    for power, letter in enumerate("kmgtp", start=1)
    for unit, base in ((f"{letter}b", 1000), (f"{letter}ib", 1024))
}
SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([a-z]*)", re.ASCII)
_SPAN = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smhdwy])", re.ASCII)
_TIME_START = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}([Tt ][0-9]{2}(:[0-9]{2}(:[0-9]{2})?)?)?)?)?", re.ASCII)
_TIME_MODEL = "0000-01-01T00:00:00Z"
_TIME_SHORTEST = len("2026-03-03")


def number_of(text: str) -> int | float | None:
    """The number that a text is, Infinity included; None if it is none. Whole numbers are exact.

    >>> number_of("0.9"), number_of("-3"), number_of("Infinity"), number_of("NaN"), number_of("1,5")
    (0.9, -3, inf, None, None)
    """
    if len(text) > DIGITS_MAX:
        return None
    if text in INFINITIES:
        return INFINITIES[text]
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if _INTEGER.fullmatch(text) else float(text)


def size_of(text: str) -> float | None:
    """Bytes, with a unit or without; None if the text is no size.

    >>> size_of("1GiB"), size_of("1.5 kB"), size_of("7"), size_of("1G")
    (1073741824, 1500.0, 7, None)
    """
    match = _SIZE.fullmatch(text.lower()) if len(text) <= DIGITS_MAX else None
    if match is None or match.group(2) not in UNITS:
        return None
    number, unit = match.group(1), UNITS[match.group(2)]
    return float(number) * unit if "." in number else int(number) * unit


def span_of(text: str) -> float | None:
    """Seconds; None if the text is no span of time.

    >>> span_of("7d"), span_of("1.5h"), span_of("soon")
    (604800.0, 5400.0, None)
    """
    match = _SPAN.fullmatch(text.lower()) if len(text) <= DIGITS_MAX else None
    return None if match is None else float(match.group(1)) * SPANS[match.group(2)]


def time_of(text: str) -> str | None:
    """A time as documents write it, or the beginning of one: a year, a month, a day, …; None if it is no time.

    >>> time_of("2026-03"), time_of("2026-03-03T01:30:00+02:00"), time_of("2026-13")
    ('2026-03', '2026-03-02T23:30:00Z', None)
    """
    start = text.upper().replace(" ", "T")
    try:
        if _TIME_START.fullmatch(text):
            whole = parse_timestamp(start + _TIME_MODEL[len(start) :])
            return start if whole.startswith(start) else None
        return parse_timestamp(text)
    except BadTimestamp:
        return None


def whole_time(text: str) -> str | None:
    """The time that a text of a card is, a day being its beginning; None for any other text.

    >>> whole_time("2026-03-03"), whole_time("2026")
    ('2026-03-03T00:00:00Z', None)
    """
    if len(text) < _TIME_SHORTEST or text[4] != "-":
        return None
    try:
        return parse_timestamp(text)
    except BadTimestamp:
        return None


@dataclass(frozen=True, slots=True)
class VersionBound:
    """A whole version, compared by precedence, or the first numbers of one, compared with the first numbers."""

    count: int
    key: tuple[object, ...]

    @classmethod
    def parse(cls, text: str) -> "VersionBound":
        """Reads a version or the beginning of one. Errors: `BadVersion`."""
        prefix = VersionPrefix.parse(text)
        if prefix is not None:
            return cls(len(prefix.numbers), prefix.numbers)
        return cls(0, Version.parse(text).precedence)

    def key_of(self, version: str) -> tuple[object, ...]:
        """What of a version is compared with this."""
        key = precedence_of(version)
        return key[: self.count] if self.count else key


def precedence_of(version: str) -> tuple[object, ...]:
    """`Version.parse(version).precedence`, without the pattern for the usual three numbers.

    >>> precedence_of("1.10.0") == Version.parse("1.10.0").precedence
    True
    """
    if "-" in version or "+" in version:
        return Version.parse(version).precedence
    major, minor, patch = version.split(".")
    return (int(major), int(minor), int(patch), True, ())
