"""Time as documents carry it: RFC 3339, UTC, whole seconds."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Protocol

from pacha.base.errors import Usage

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_PERIOD = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
CANONICAL = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


class BadTimestamp(Usage):
    """A text is not a date or time."""


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> str:
        """The time, as `2026-11-23T22:30:00Z`."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> str:
        """The time, as `2026-11-23T22:30:00Z`."""
        return _format(datetime.now(UTC))


def parse_timestamp(text: str) -> str:
    """Reads RFC 3339 or a date and returns the canonical form; a time without an offset is UTC.

    Errors: `BadTimestamp`.

    >>> parse_timestamp("2026-03-03T01:30:00+02:00"), parse_timestamp("2026-03-03")
    ('2026-03-02T23:30:00Z', '2026-03-03T00:00:00Z')
    """
    match = _TIMESTAMP.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError("no match")
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        return _format(datetime(year, month, day, hour, minute, second, tzinfo=_zone(match.group(7))))
    except (ValueError, OverflowError) as error:
        raise BadTimestamp(
            f"not a date or time: {text[:60]!r}", hint="write for instance 2026-03-03 or 2026-03-03T12:00:00+01:00"
        ) from error


def parse_period(text: str) -> tuple[str, str]:
    """Reads a day, a month or a year as its first moment and the first after it (UTC); a time as itself twice.

    Errors: `BadTimestamp`.

    >>> parse_period("2026-03"), parse_period("2026-03-03T12:00:00Z")
    (('2026-03-01T00:00:00Z', '2026-04-01T00:00:00Z'), ('2026-03-03T12:00:00Z', '2026-03-03T12:00:00Z'))
    """
    match = _PERIOD.fullmatch(text.strip())
    if match is None:
        moment = parse_timestamp(text)
        return moment, moment
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
        if day is not None:
            return _format(start), _format(start + timedelta(days=1))
        later = (start.year, start.month + 1) if month is not None else (start.year + 1, 1)
        return _format(start), _format(datetime(later[0] + later[1] // 13, (later[1] - 1) % 12 + 1, 1, tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise BadTimestamp(
            f"not a date or time: {text[:60]!r}", hint="write for instance 2026-03-03, 2026-03 or 2026-03-03T12:00:00Z"
        ) from error


def check_timestamp(text: str) -> str:
    """Returns a canonical timestamp unchanged. Errors: `BadTimestamp`."""
    if not CANONICAL.fullmatch(text) or parse_timestamp(text) != text:
        raise BadTimestamp(f"not a canonical time: {text[:60]!r}", hint="write it as 2026-11-23T22:30:00Z")
    return text


def _zone(text: str | None) -> timezone:
    if not text or text in "Zz":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def _format(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}-{utc.month:02d}-{utc.day:02d}T{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d}Z"
