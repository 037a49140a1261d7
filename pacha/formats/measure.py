"""Finds the type of a column from its values, and its statistics, in one pass.

Each value falls into one class by itself: a whole number, a number, true or false, a day, a time, a moment, a text. The
type is the narrowest that holds all classes that occurred, so neither the order of the rows nor how they are cut into
batches changes it.
Source: docs/data.md, "How types are found".

Longer than most modules: what is counted of a column and how its type widens follow one pass.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from pacha.formats.datatype import DataType
from pacha.formats.shape import Shape
from pacha.formats.statistics import DISTINCT_HASHED, Distinct, Floats, Integers, Range, Statistic, range_of, summary_of
from pacha.formats.values import (
    ALIKE,
    INTEGER_MAX,
    INTEGER_MIN,
    TRUTHS,
    UNSIGNED_MAX,
    all_alike,
    floats_among,
    integers_among,
    moment_text,
    moments_alike,
    read_date,
    read_time,
    read_timestamp,
)

MOMENTS: dict[str, Callable[[str], Any]] = {"date": read_date, "time": read_time, "timestamp": read_timestamp}
_STRING = DataType(name="String")


class Measured:
    """One column's classes and figures so far. `add_texts` takes CSV, `add_values` JSON."""

    __slots__ = (
        "_distinct", "_floats", "_integers", "_kinds", "_lengths", "_ranges", "_shape", "_truths", "count", "is_text",
    )  # fmt: skip

    def __init__(self, cap: int) -> None:
        self.count = 0
        self._kinds: set[str] = set()
        self.is_text = False
        self._integers: Integers | None = None
        self._floats: Floats | None = None
        self._truths = 0
        self._ranges: dict[str, Range] = {}
        self._lengths = Range()
        self._distinct = Distinct(cap)
        self._shape: Shape | None = None

    # -- texts -----------------------------------------------------------------------------------------------------

    def add_texts(self, values: Sequence[str | None]) -> None:
        """Takes the texts of a batch; None is nothing."""
        self.add_present(_present(values))

    def add_present(self, texts: Sequence[str]) -> None:
        """Takes texts, each of which is something."""
        if not texts:
            return
        self.count += len(texts)
        if not self.is_counting and self._add_alike(texts):
            return
        unique = set(texts)
        self._add_lengths(unique)
        if not self.is_text:
            self._sort(texts, unique)

    def add_counted(self, count: int, shortest: int, longest: int, unique: Iterable[str] | None) -> None:
        """Takes what was counted of texts elsewhere; `unique` is needed while `is_counting`."""
        self.count += count
        self._lengths.add((shortest, longest))
        if unique is not None:
            self._distinct.add(unique, longest)

    def add_numbers(self, sums: tuple[int, int, int, int, int] | None, floats: Sequence[float]) -> None:
        """Takes numbers that were read elsewhere: whole ones as `Integers.add_sums` does, others in order."""
        if sums is not None:
            self._kinds.add("integer")
            self._integers = self._integers or Integers()
            self._integers.add_sums(*sums)
        if floats:
            self._add_floats(floats)

    def sort(self, texts: Sequence[str]) -> None:
        """Takes texts that were counted elsewhere into their classes."""
        if texts and not self.is_text:
            self._sort(texts, set(texts))

    def add_ends(self, kind: str, low: str, high: str) -> None:
        """Takes moments of one kind that were found valid elsewhere: the first and the last."""
        self._add_moments({kind: [MOMENTS[kind](low), MOMENTS[kind](high)]})

    @property
    def kinds(self) -> frozenset[str]:
        """The classes that were met so far."""
        return frozenset(self._kinds)

    @property
    def is_counting(self) -> bool:
        """Tells whether distinct values are still counted."""
        return self._distinct.is_counting

    def _add_alike(self, texts: Sequence[str]) -> bool:
        """Takes texts that are all numbers of one usual form, or all text once it is a text; tells whether they are."""
        lengths = set(map(len, texts))
        if self.is_text:
            self._lengths.add(lengths)
            return True
        for kind in self._kinds & ALIKE.keys():
            if all_alike(kind, texts):
                self._lengths.add(lengths)
                if kind == "integer":
                    self._add_integers(list(map(int, texts)))
                else:
                    self._add_floats(list(map(float, texts)))
                return True
        return False

    def _sort(self, texts: Sequence[str], unique: set[str]) -> None:
        """Sorts spellings into classes; each is looked at once however often it occurs."""
        rest = unique
        if self._ranges and (alike := moments_alike(unique)) is not None:
            self._add_moments(dict([alike]))
            return
        # Classes do not overlap, so the one that was met before may be tried first.
        for kind in ("float", "integer") if "float" in self._kinds else ("integer", "float"):
            some = integers_among(rest) if kind == "integer" else floats_among(rest)
            if some and kind == "integer":
                self._add_integers(list(map(int, _only(texts, some, unique))))
            elif some:
                self._add_floats(list(map(float, _only(texts, some, unique))))
            if len(some) == len(rest):
                return
            rest = rest - some
        if rest:
            if truths := rest & TRUTHS.keys():
                self._kinds.add("bool")
                self._truths += sum(map(TRUTHS.__getitem__, _only(texts, truths, unique)))
                rest = rest - truths
        if rest:
            self._sort_moments(rest)

    def _sort_moments(self, unique: Collection[str]) -> None:
        """Days, times and moments; what is none of them makes the column one of texts."""
        if (alike := moments_alike(unique)) is not None:
            self._add_moments(dict([alike]))
            return
        found: dict[str, list[Any]] = {}
        # Most often a text is what the one before it was.
        kind, read = next(iter(MOMENTS.items()))
        for text in unique:
            value = read(text)
            if value is None:
                kind, read, value = _moment(text)
            if value is None:
                self.is_text = True
                self._kinds.add("text")
                return
            found.setdefault("instant" if kind == "timestamp" and value.tzinfo else kind, []).append(value)
        self._add_moments(found)

    def _add_moments(self, found: Mapping[str, list[Any]]) -> None:
        for kind, values in found.items():
            self._kinds.add(kind)
            self._ranges.setdefault(kind, Range()).add(values)

    def _add_lengths(self, unique: set[str]) -> None:
        lengths = set(map(len, unique))
        self._lengths.add(lengths)
        self._distinct.add(unique, max(lengths))

    def _add_integers(self, values: Sequence[int]) -> None:
        self._kinds.add("integer")
        self._integers = self._integers or Integers()
        self._integers.add(values)

    def _add_floats(self, values: Sequence[float]) -> None:
        self._kinds.add("float")
        self._floats = self._floats or Floats()
        self._floats.add(values)

    # -- values ----------------------------------------------------------------------------------------------------

    def add_values(self, values: Sequence[Any]) -> None:
        """Takes the values of a batch as JSON has them; None is nothing. Errors: `Malformed` where nested too deep."""
        present = _present(values)
        self.count += len(present)
        kinds = set(map(type, present))
        for kind in kinds:
            some = present if len(kinds) == 1 else [value for value in present if type(value) is kind]
            self._add_of_kind(kind, some)

    def _add_of_kind(self, kind: type, values: Sequence[Any]) -> None:
        if kind is str:
            unique = set(values)
            self._add_lengths(unique)
            if not self.is_text:
                self._sort_moments(unique)
            return
        if kind in (list, dict):
            self._kinds.add("list" if kind is list else "struct")
            self._shape = self._shape or Shape()
            self._shape.add_all(values)
            if kind is list:
                self._lengths.add(set(map(len, values)))
            return
        if self._distinct.is_counting:
            self._distinct.add(map(repr, set(values)), 0)
        if kind is bool:
            self._kinds.add("bool")
            self._truths += sum(values)
        elif kind is int:
            self._add_numbers(values)
        else:
            self._add_floats(values)

    def _add_numbers(self, values: Sequence[int]) -> None:
        """Whole numbers; JSON's are doubles, so one beyond 64 bits is a number like any other."""
        large = [value for value in values if not INTEGER_MIN <= value <= UNSIGNED_MAX]
        if large:
            self._add_floats([_as_float(value) for value in large])
            values = [value for value in values if INTEGER_MIN <= value <= UNSIGNED_MAX]
        if values:
            self._add_integers(values)

    # -- results ---------------------------------------------------------------------------------------------------

    @property
    def is_mixed(self) -> bool:
        """Tells whether values that no type but a text holds stand together, one of them nested."""
        return self._shape is not None and len(self._kinds) > 1

    def dtype(self) -> DataType:
        """The narrowest type that holds every value; String where there was none."""
        kinds = self._kinds
        if kinds == {"integer"}:
            assert (
                self._integers is not None and self._integers.minimum is not None and self._integers.maximum is not None
            )
            if self._integers.maximum <= INTEGER_MAX:
                return DataType(name="Int64")
            # Whole numbers of both halves of 64 bits fit no type without loss.
            return DataType(name="UInt64") if self._integers.minimum >= 0 else _STRING
        if kinds and kinds <= {"integer", "float"}:
            return DataType(name="Float64")
        if kinds in ({"list"}, {"struct"}) and self._shape is not None:
            return self._shape.dtype()
        return _TYPES.get(frozenset(kinds), _STRING)

    def statistics(self, rows: int) -> dict[str, Statistic]:
        """The figures of a column of so many rows."""
        found: dict[str, Statistic] = {"count": self.count, "nulls": rows - self.count}
        dtype = self.dtype()
        if not dtype.is_nested and not self.is_mixed:
            found |= self._distinct.result()
        if dtype.is_integer or dtype.is_float:
            return found | self._number_figures(is_float=dtype.is_float)
        if dtype.name == "Bool":
            return found | {"true": self._truths}
        if dtype.name in ("Date", "Time", "Timestamp"):
            return found | self._moment_figures(dtype)
        if dtype.name in ("String", "List") and self._lengths.minimum is not None:
            found |= {"length_min": self._lengths.minimum, "length_max": self._lengths.maximum}
        return found

    def _number_figures(self, *, is_float: bool) -> dict[str, Statistic]:
        integers, floats = self._integers or Integers(), self._floats or Floats()
        ends = [end for part in (integers, floats) for end in (part.minimum, part.maximum) if end is not None]
        found: dict[str, Statistic] = {}
        if ends:
            low, high = min(ends), max(ends)
            found |= range_of(float(low), float(high)) if is_float else range_of(low, high)
        found |= summary_of(integers.moments().merged(floats.moments()))
        return found | floats.odd()

    def _moment_figures(self, dtype: DataType) -> dict[str, Statistic]:
        ranges = dict(self._ranges)
        if dtype.name == "Timestamp" and "date" in ranges:
            days = ranges.pop("date")
            midnights = [read_timestamp(f"{day.isoformat()} 00:00") for day in (days.minimum, days.maximum)]
            ranges["timestamp"].add(midnights)
        (found,) = ranges.values()
        return {"min": moment_text(found.minimum), "max": moment_text(found.maximum)}


class Typed:
    """The figures of a column whose type is known, from values as Python has them."""

    __slots__ = ("_distinct", "_dtype", "_floats", "_integers", "_lengths", "_range", "_truths", "count")

    def __init__(self, dtype: DataType, cap: int) -> None:
        self._dtype = dtype
        self.count = 0
        self._integers = Integers()
        self._floats = Floats()
        self._range = Range()
        self._lengths = Range()
        self._distinct = Distinct(cap)
        self._truths = 0

    def add(self, values: Sequence[Any]) -> None:
        """Takes the values of a batch; None is nothing."""
        present = _present(values)
        self.count += len(present)
        if not present:
            return
        if self._dtype.name in ("String", "Categorical", "Binary", "List"):
            self._lengths.add(set(map(len, present)))
        if self._dtype.is_nested:
            return
        if self._dtype.name in ("String", "Categorical"):
            self._distinct.add(set(present), self._lengths.maximum)
        elif self._distinct.is_counting:
            self._distinct.add(map(repr, set(present)), DISTINCT_HASHED)
        self._add_figures(present)

    def _add_figures(self, values: Sequence[Any]) -> None:
        if self._dtype.is_integer:
            self._integers.add(values)
        elif self._dtype.is_float:
            self._floats.add(values)
        elif self._dtype.name == "Bool":
            self._truths += sum(values)
        elif self._dtype.name in ("Date", "Time", "Timestamp", "Decimal"):
            self._range.add(values)

    def statistics(self, rows: int) -> dict[str, Statistic]:
        """The figures of a column of so many rows."""
        found: dict[str, Statistic] = {"count": self.count, "nulls": rows - self.count}
        if not self._dtype.is_nested:
            found |= self._distinct.result()
        if self._dtype.is_integer:
            found |= range_of(self._integers.minimum, self._integers.maximum)
            found |= summary_of(self._integers.moments())
        elif self._dtype.is_float:
            found |= range_of(self._floats.minimum, self._floats.maximum) | summary_of(self._floats.moments())
            found |= self._floats.odd()
        elif self._dtype.name == "Bool":
            found["true"] = self._truths
        elif self._range.minimum is not None:
            found |= {"min": _end_text(self._range.minimum), "max": _end_text(self._range.maximum)}
        elif self._lengths.minimum is not None:
            found |= {"length_min": self._lengths.minimum, "length_max": self._lengths.maximum}
        return found


def _end_text(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else moment_text(value)


_TYPES = {
    frozenset({"bool"}): DataType(name="Bool"),
    frozenset({"date"}): DataType(name="Date"),
    frozenset({"time"}): DataType(name="Time"),
    frozenset({"timestamp"}): DataType(name="Timestamp"),
    frozenset({"date", "timestamp"}): DataType(name="Timestamp"),
    frozenset({"instant"}): DataType(name="Timestamp", zone="UTC"),
}


def _moment(text: str) -> tuple[str, Callable[[str], Any], Any]:
    """What kind of moment a text spells, how it is read, and what it is; None where it spells none."""
    for kind, read in MOMENTS.items():
        if (value := read(text)) is not None:
            return kind, read, value
    return "date", read_date, None


def _present(values: Sequence[Any]) -> Sequence[Any]:
    return [value for value in values if value is not None] if None in values else values


def _only(texts: Sequence[str], some: set[str], unique: set[str]) -> Iterable[str]:
    """The texts that are among some of the unique ones."""
    return texts if len(some) == len(unique) else [text for text in texts if text in some]


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
