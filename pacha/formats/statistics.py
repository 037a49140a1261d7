"""What is measured of a column in one pass, with flat memory: counts, extremes, mean, deviation, distinct values.

Every figure depends on the values and their order only, never on how they were cut into batches: whole numbers are
summed exactly, other numbers in blocks of a fixed length. Values of text columns are never kept in a result: they may
be names of people, and a card is committed to Git.
Source: Welford 1962 as blocks are merged by Chan, Golub, LeVeque 1979.
"""

import math
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

from pacha.base.canonical import INTEGER_MAX as EXACT_MAX
from pacha.base.ids import hash_bytes

#: Numbers of a block: its sum and deviation are computed at once.
BLOCK = 256
#: Distinct values are counted exactly up to here, then "at least".
DISTINCT_MAX = 10_000
#: The same over all columns, so that a wide table needs no more memory.
DISTINCT_TOTAL_MAX = 2_000_000
_DISTINCT_MIN = 16
#: A longer text is counted by its hash.
_KEPT_LENGTH_MAX = 64
#: Says to `Distinct.add` that some text may be long.
DISTINCT_HASHED = _KEPT_LENGTH_MAX + 1

Statistic = int | float | str


class Integers:
    """Whole numbers, exactly."""

    __slots__ = ("count", "maximum", "minimum", "sum", "sum_of_squares")

    def __init__(self) -> None:
        self.count = self.sum = self.sum_of_squares = 0
        self.minimum: int | None = None
        self.maximum: int | None = None

    def add(self, values: Sequence[int]) -> None:
        """Takes more numbers."""
        if values:
            self.add_sums(len(values), sum(values), sum(map(mul, values, values)), min(values), max(values))

    def add_sums(self, count: int, total: int, squares: int, low: int, high: int) -> None:
        """Takes what was summed exactly elsewhere."""
        self.count += count
        self.sum += total
        self.sum_of_squares += squares
        self.minimum = low if self.minimum is None else min(self.minimum, low)
        self.maximum = high if self.maximum is None else max(self.maximum, high)

    def moments(self) -> "Moments":
        """Count, mean and sum of squared deviations."""
        if not self.count:
            return Moments(0, 0.0, 0.0)
        deviations = self.count * self.sum_of_squares - self.sum * self.sum
        return Moments(self.count, self.sum / self.count, deviations / self.count)


@dataclass(frozen=True, slots=True)
class Moments:
    """Count, mean, and the sum of squared deviations from it."""

    count: int
    mean: float
    deviations: float

    def merged(self, other: "Moments") -> "Moments":
        """Those of both together."""
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        deviations = self.deviations + other.deviations + delta * delta * (self.count * (other.count / count))
        return Moments(count, mean, deviations)


class Floats:
    """Other numbers; those that are not finite are counted apart."""

    __slots__ = ("_block", "_moments", "infinite", "maximum", "minimum", "nan")

    def __init__(self) -> None:
        self._block = array("d")
        self._moments = Moments(0, 0.0, 0.0)
        self.nan = self.infinite = 0
        self.minimum: float | None = None
        self.maximum: float | None = None

    def add(self, values: Sequence[float]) -> None:
        """Takes more numbers."""
        finite = list(filter(math.isfinite, values))
        if len(finite) != len(values):
            self.nan += (nans := sum(map(math.isnan, values)))
            self.infinite += len(values) - len(finite) - nans
            values = [value for value in values if not math.isnan(value)]
        if values:
            low, high = min(values), max(values)
            self.minimum = low if self.minimum is None else min(self.minimum, low)
            self.maximum = high if self.maximum is None else max(self.maximum, high)
        self._block.extend(finite)
        if len(self._block) >= BLOCK:
            whole = len(self._block) // BLOCK * BLOCK
            for start in range(0, whole, BLOCK):
                self._moments = self._moments.merged(_block_moments(self._block[start : start + BLOCK]))
            self._block = self._block[whole:]

    def odd(self) -> dict[str, Statistic]:
        """How many are not finite, where there are any."""
        return {name: count for name, count in (("nan", self.nan), ("infinite", self.infinite)) if count}

    def moments(self) -> Moments:
        """Those of the finite numbers."""
        return self._moments.merged(_block_moments(self._block)) if self._block else self._moments


def _block_moments(values: Sequence[float]) -> Moments:
    try:
        mean = math.fsum(values) / len(values)
        apart = [value - mean for value in values]
        return Moments(len(values), mean, math.fsum(map(mul, apart, apart)))
    except OverflowError:
        return Moments(len(values), math.inf, math.inf)


class Distinct:
    """How many different values there are, exactly up to a cap."""

    __slots__ = ("_cap", "_seen")

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._seen: set[Any] | None = set()

    @property
    def is_counting(self) -> bool:
        """Tells whether more values change anything."""
        return self._seen is not None

    def add(self, values: Iterable[str], longest: int) -> None:
        """Takes more values, each as a text, the longest of which has so many characters."""
        if self._seen is None:
            return
        is_short = longest <= _KEPT_LENGTH_MAX
        self._seen.update(
            values if is_short else (text if len(text) <= _KEPT_LENGTH_MAX else _hashed(text) for text in values)
        )
        if len(self._seen) > self._cap:
            self._seen = None

    def result(self) -> dict[str, Statistic]:
        """`distinct`, or `distinct_at_least` where it was more than the cap."""
        return {"distinct_at_least": self._cap} if self._seen is None else {"distinct": len(self._seen)}


def _hashed(text: str) -> bytes:
    return hash_bytes(text.encode("utf-8", "surrogatepass")).raw[:16]


def distinct_cap(columns: int) -> int:
    """The cap of one column of so many.

    >>> distinct_cap(10), distinct_cap(10_000)
    (10000, 200)
    """
    return max(_DISTINCT_MIN, min(DISTINCT_MAX, DISTINCT_TOTAL_MAX // max(1, columns)))


class Range:
    """The smallest and the largest of values that can be compared."""

    __slots__ = ("maximum", "minimum")

    def __init__(self) -> None:
        self.minimum: Any = None
        self.maximum: Any = None

    def add(self, values: Collection[Any]) -> None:
        """Takes more values, none of them None."""
        if values:
            low, high = min(values), max(values)
            self.minimum = low if self.minimum is None else min(self.minimum, low)
            self.maximum = high if self.maximum is None else max(self.maximum, high)


def number(value: float | int) -> Statistic:
    """A number as a document holds it: not finite and large whole numbers are texts.

    >>> number(float("-inf")), number(2**60), number(1.5)
    ('-Infinity', '1152921504606846976', 1.5)
    """
    if isinstance(value, int):
        return value if abs(value) <= EXACT_MAX else str(value)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def summary_of(moments: Moments) -> dict[str, Statistic]:
    """`mean`, and `std` (of a sample: divided by n − 1) where there are two numbers or more."""
    if not moments.count:
        return {}
    found = {"mean": number(moments.mean)}
    if moments.count > 1:
        variance = moments.deviations / (moments.count - 1)
        found["std"] = number(math.sqrt(variance) if variance >= 0 else math.nan)
    return found


def range_of(low: Any, high: Any) -> dict[str, Statistic]:
    """`min` and `max` of numbers, where there are any."""
    return {} if low is None else {"min": number(low), "max": number(high)}
