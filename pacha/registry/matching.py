"""What one comparison means: a test of the values of its field, by what kind of field that is.

Texts are compared without regard to case, and have no order. NaN passes no comparison, `!=` included. A whole list
passes if an item does; a mapping passes nothing. Source: docs/search.md, "Comparing".
"""

import difflib
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pacha.base.ids import is_prefix
from pacha.base.names import KINDS
from pacha.base.semver import BadVersion
from pacha.registry.fields import Meaning, meaning_of
from pacha.registry.literals import (
    INFINITIES,
    NOT_A_NUMBER,
    TRUTHS,
    VersionBound,
    number_of,
    size_of,
    span_of,
    time_of,
    whole_time,
)
from pacha.registry.query import BadQuery, Compare, Query

#: Tells whether a value, which is there, passes.
Test = Callable[[Any], bool]
_Compare = Callable[[Any, Any], bool]
_ORDERS: dict[str, _Compare] = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_ALL_ORDERS: dict[str, _Compare] = {**_ORDERS, "=": operator.eq, "!=": operator.ne}
#: Integers that no JSON number holds are decimal texts.
_LARGE_INTEGER = re.compile(r"-?[0-9]{16,64}", re.ASCII)
_ID_TYPES = ("manifest:", "blake3:", "b3:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a meaning depends on besides the query: what time it is, which stages there are, and which a text names.

    What `stage_named` does not know is a stage that the project no longer has, in lower case.
    """

    now: str
    stages: tuple[str, ...]
    stage_named: Callable[[str], str]


def test_of(term: Compare, query: Query, rules: Rules) -> Test:
    """The test that a comparison makes of values. Errors: `BadQuery`, pointing at the value or the comparator."""
    return _MAKERS[meaning_of(term.field)](_Reading(term, query, rules))


def age_seconds(time: str, *, now: str) -> int:
    """How long ago a time is, both as documents write them.

    >>> age_seconds("2026-03-03T12:00:00Z", now="2026-03-04T12:00:00Z")
    86400
    """
    return int((datetime.fromisoformat(now) - datetime.fromisoformat(time)).total_seconds())


def contains(text: str) -> Test:
    """The test that a value, or an item of a list, holds a text, whatever its case."""
    wanted = text.casefold()

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return wanted in value.casefold()
        if isinstance(value, list):
            return any(holds(item) for item in value)
        if isinstance(value, bool):
            return wanted in ("true" if value else "false")
        return isinstance(value, (int, float)) and wanted in repr(value)

    return holds


@dataclass(frozen=True, slots=True)
class _Reading:
    """A comparison that is being read, and how to complain about it."""

    term: Compare
    query: Query
    rules: Rules

    @property
    def comparator(self) -> str:
        return self.term.comparator

    @property
    def value(self) -> str:
        return self.term.value

    def bad_value(self, wanted: str, hint: str) -> BadQuery:
        return BadQuery(
            f"not {wanted}: {self.value[:60]!r}",
            source=self.query.source, position=self.term.value_at, hint=hint,
        )  # fmt: skip

    def allow(self, *comparators: str, why: str) -> None:
        if self.comparator not in comparators:
            raise BadQuery(
                f"{self.term.field} knows no {self.comparator}: {why}",
                source=self.query.source, position=self.term.at, hint=f"use {' '.join(comparators)}",
            )  # fmt: skip


def _text(reading: _Reading) -> Test:
    reading.allow("=", "!=", "~", why="texts have no order")
    return _of_text(reading.comparator, reading.value.casefold())


def _of_text(comparator: str, wanted: str) -> Test:
    if comparator == "~":
        return contains(wanted)
    if comparator == "=":
        return lambda value: value.casefold() == wanted
    return lambda value: value.casefold() != wanted


def _kind(reading: _Reading) -> Test:
    if reading.comparator in ("=", "!=") and reading.value.casefold() not in KINDS:
        raise reading.bad_value("a kind", _near(reading.value, KINDS, f"kinds are {', '.join(KINDS)}"))
    return _text(reading)


def _stage(reading: _Reading) -> Test:
    reading.allow("=", "!=", "~", why="stages have no order")
    if reading.comparator == "~":
        return contains(reading.value)
    return _of_text(reading.comparator, reading.rules.stage_named(reading.value))


def _id(reading: _Reading) -> Test:
    reading.allow("=", "!=", "~", why="ids have no order")
    if reading.comparator == "~":
        return contains(reading.value)
    digits = reading.value.lower()
    for type_name in _ID_TYPES:
        digits = digits.removeprefix(type_name)
    if not is_prefix(digits):
        raise reading.bad_value("an id", "write 8 to 64 hexadecimal digits")
    if reading.comparator == "=":
        return lambda value: value.startswith(digits)
    return lambda value: not value.startswith(digits)


def _version(reading: _Reading) -> Test:
    if reading.comparator == "~":
        return contains(reading.value)
    try:
        bound = VersionBound.parse(reading.value.lower())
    except BadVersion as error:
        hint = "write latest=true" if reading.value == "latest" else "for instance version=1.2 or version>=1.2.0"
        raise reading.bad_value("a version or the beginning of one", hint) from error
    compare, key_of, key = _ALL_ORDERS[reading.comparator], bound.key_of, bound.key
    return lambda value: compare(key_of(value), key)


def _truth(reading: _Reading) -> Test:
    reading.allow("=", "!=", why="it is true or false")
    truth = TRUTHS.get(reading.value.casefold())
    if truth is None:
        raise reading.bad_value("true or false", f"write {reading.term.field}=true")
    wanted = truth is (reading.comparator == "=")
    return lambda value: value is wanted


def _time(reading: _Reading) -> Test:
    if reading.comparator == "~":
        return contains(reading.value)
    start = time_of(reading.value)
    if start is None:
        hint = "write age<7d" if span_of(reading.value) is not None else "for instance 2026, 2026-03 or 2026-03-03"
        raise reading.bad_value("a time or the beginning of one", hint)
    return _of_time(reading.comparator, start)


def _of_time(comparator: str, start: str) -> Test:
    compare, length = _ALL_ORDERS[comparator], len(start)
    return lambda value: compare(value[:length], start)


def _age(reading: _Reading) -> Test:
    reading.allow(*_ORDERS, why="nothing is exactly so old")
    seconds = span_of(reading.value)
    if seconds is None:
        raise reading.bad_value("a span of time", "for instance 12h, 7d, 3w or 1y")
    compare, now = _ORDERS[reading.comparator], reading.rules.now
    return lambda value: compare(age_seconds(value, now=now), seconds)


def _bytes(reading: _Reading) -> Test:
    if reading.comparator == "~":
        reading.allow(*_ALL_ORDERS, why="it is a number")
    size = size_of(reading.value)
    if size is None:
        raise reading.bad_value("bytes", "for instance 500, 10MB (10^7) or 1.5GiB")
    compare = _ALL_ORDERS[reading.comparator]
    return lambda value: compare(value, size)


def _free(reading: _Reading) -> Test:
    comparator = reading.comparator
    if comparator == "~":
        return contains(reading.value)
    if comparator == "!=":
        equals = _of_one("=", reading.value)
        return lambda value: not any(_has_no_order(item) or equals(item) for item in _items(value))
    if comparator in _ORDERS and number_of(reading.value) is None and time_of(reading.value) is None:
        raise reading.bad_value("a number or a time", f"texts have no order for {comparator}; use = or ~")
    return _of_one(comparator, reading.value)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _has_no_order(value: Any) -> bool:
    return isinstance(value, dict) or value == NOT_A_NUMBER


def _of_one(comparator: str, text: str) -> Test:
    """The test of a value that may be a number, a truth, a time, another text, or a list of such."""
    number, start, truth, wanted = number_of(text), time_of(text), TRUTHS.get(text.casefold()), text.casefold()
    compare, of_time = _ALL_ORDERS[comparator], None if start is None else _of_time(comparator, start)

    def passes(value: Any) -> bool:
        kind = type(value)
        if kind is float or kind is int:
            return number is not None and compare(value, number)
        if kind is str:
            return of_text(value)
        if kind is list:
            return any(passes(item) for item in value)
        return comparator == "=" and kind is bool and value is truth

    def of_text(value: str) -> bool:
        if value == NOT_A_NUMBER:
            return False
        if number is not None and (value in INFINITIES or _LARGE_INTEGER.fullmatch(value)):
            return compare(number_of(value), number)
        if of_time is not None and (time := whole_time(value)) is not None:
            return of_time(time)
        return comparator == "=" and value.casefold() == wanted

    return passes


def _near(text: str, known: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(text.casefold(), list(known), n=1)
    return f"did you mean {near[0]}?" if near else otherwise


_MAKERS: dict[Meaning, Callable[[_Reading], Test]] = {
    Meaning.KIND: _kind,
    Meaning.TEXT: _text,
    Meaning.ID: _id,
    Meaning.VERSION: _version,
    Meaning.STAGE: _stage,
    Meaning.TRUTH: _truth,
    Meaning.TIME: _time,
    Meaning.AGE: _age,
    Meaning.BYTES: _bytes,
    Meaning.FREE: _free,
}
