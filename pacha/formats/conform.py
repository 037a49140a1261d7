"""Whether a value fits a column: as a text of CSV, or as a value of JSON or Arrow."""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from typing import Any

from pacha.formats.datatype import DataType
from pacha.formats.schema import Column, bound
from pacha.formats.values import read_as

#: A value in a message is cut here.
SHOWN_LENGTH_MAX = 80

#: Says why a value does not fit; empty where it does.
Judge = Callable[[Any], str]
#: Looks at all values of a batch at once: None where all fit, else who judges each.
Check = Callable[[Sequence[Any]], Judge | None]


def shown(value: Any) -> str:
    """A value as a message shows it, short and printable.

    >>> shown("a" * 100)[-3:], shown("b")
    ('aa…', "'b'")
    """
    text = repr(value) if isinstance(value, (str, bytes)) else str(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN_LENGTH_MAX else text[: SHOWN_LENGTH_MAX - 1] + "…"


def check_of(column: Column, *, is_text: bool) -> Check:
    """What checks the values of a column, as texts or as values."""
    judge = partial(_judge_text if is_text else _judge_value, column)
    if column.has_constraints:
        judge = partial(_judge_constraints, column, judge, _reader(column, is_text=is_text), _Limits(column))
    return partial(_check, judge)


def _check(judge: Judge, values: Sequence[Any]) -> Judge | None:
    """Judges every value once, however often it occurs."""
    if len({type(value) for value in values} - {type(None)}) > 1:
        # True equals 1 and 1.0: of several kinds, each is judged by itself.
        return judge
    try:
        unique = {value for value in values if value is not None}
    except TypeError:
        # Lists and objects are not looked up.
        return judge
    return judge if any(map(judge, unique)) else None


def _judge_text(column: Column, text: str) -> str:
    if column.dtype.is_nested:
        return f"a {column.dtype.name} cannot stand in CSV"
    return "" if read_as(text, column.dtype) is not None else f"not a value of {column.dtype.text}"


def _judge_value(column: Column, value: Any) -> str:
    return "" if fits(value, column.dtype) else f"not a value of {column.dtype.text}"


_PLAIN: dict[str, tuple[type, ...]] = {
    "Bool": (bool,),
    "String": (str,),
    "Date": (date,),
    "Time": (time,),
    "Binary": (str, bytes),
}


def fits(value: Any, dtype: DataType) -> bool:
    """Tells whether a value of JSON or Arrow is one of a type. Texts stand for moments, and for exact decimals.

    >>> fits(300, DataType(name="UInt8")), fits([1, None], DataType.parse("List<Int64>")), fits(True, DataType(name="Int8"))
    (False, True, False)
    """
    if value is None:
        return True
    if dtype.is_integer:
        low, high = dtype.integer_range()
        return type(value) is int and low <= value <= high
    if dtype.is_float:
        return type(value) in (int, float)
    if dtype.name == "List":
        return isinstance(value, list) and dtype.item is not None and all(fits(item, dtype.item) for item in value)
    if dtype.name == "Struct":
        return isinstance(value, dict) and (not dtype.fields or _members_fit(value, dtype))
    if dtype.name == "Decimal" and isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return math.isfinite(value) and read_as(format(Decimal(str(value)), "f"), dtype) is not None
    if dtype.name == "Timestamp" and isinstance(value, datetime):
        return (value.tzinfo is not None) == (dtype.zone is not None)
    if isinstance(value, str) and dtype.name not in ("Bool",):
        return read_as(value, dtype) is not None
    return type(value) in _PLAIN.get(dtype.name, ())


def _members_fit(value: dict[str, Any], dtype: DataType) -> bool:
    types = dict(dtype.fields)
    return value.keys() <= types.keys() and all(fits(inner, types[name]) for name, inner in value.items())


class _Limits:
    """The constraints of a column, as what values are compared with."""

    def __init__(self, column: Column) -> None:
        self.low = None if column.minimum is None else bound(column.minimum, column.dtype)
        self.high = None if column.maximum is None else bound(column.maximum, column.dtype)
        self.allowed = None if column.allowed is None else [bound(value, column.dtype) for value in column.allowed]


def _reader(column: Column, *, is_text: bool) -> Callable[[Any], Any]:
    """What turns a value that fits into one that is compared."""
    if is_text:
        return lambda text: read_as(text, column.dtype)
    if column.dtype.name == "Decimal":
        return lambda value: Decimal(str(value))
    return lambda value: read_as(value, column.dtype) if isinstance(value, str) else value


def identity_of(column: Column, *, is_text: bool) -> Callable[[Any], str]:
    """What turns equal values of a column into equal texts, however they are spelled; other values stay what they are."""
    if not column.dtype.is_float and column.dtype.name not in ("Bool", "Date", "Time", "Timestamp", "Decimal"):
        return repr
    return partial(_identity, column, _reader(column, is_text=is_text))


def _identity(column: Column, read: Callable[[Any], Any], value: Any) -> str:
    try:
        found = read(value)
        if column.dtype.is_float:
            # Zero has two signs, and is one value.
            return repr(float(found) + 0.0)
        return repr(found.as_integer_ratio() if isinstance(found, Decimal) else value if found is None else found)
    except (ArithmeticError, TypeError, ValueError):
        return repr(value)


def _judge_constraints(column: Column, judge: Judge, read: Callable[[Any], Any], limits: _Limits, value: Any) -> str:
    if reason := judge(value):
        return reason
    found = read(value)
    if isinstance(found, float) and math.isnan(found):
        is_limited = column.allowed or column.minimum is not None or column.maximum is not None
        return "NaN, where a range or a list of values is given" if is_limited else ""
    if limits.low is not None and found < limits.low:
        return f"below the least, {column.minimum}"
    if limits.high is not None and found > limits.high:
        return f"above the most, {column.maximum}"
    if limits.allowed is not None and found not in limits.allowed:
        return "not one of the allowed values"
    return ""
