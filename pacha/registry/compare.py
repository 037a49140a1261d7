"""What sets two manifests of one artifact apart, as people ask for it: metrics, columns, lineage, card, facts.

Pure. A card is what a person, or a stranger, wrote: a member that is not of the expected kind is compared as it is.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pacha.base.ids import ObjectId
from pacha.formats.change import classify
from pacha.formats.features import schema_of_features
from pacha.formats.inspection import Malformed
from pacha.objects.manifest import Manifest, Parent

METRICS, FEATURES = "metrics", "features"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """A metric before and after; None where it is not there. `delta` is None unless both are finite numbers."""

    name: str
    before: float | str | None
    after: float | str | None
    delta: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """A column that was added, removed or retyped. A type is written with a `?` where it may be null.

    `is_breaking` tells whether readers of the old columns break.
    """

    name: str
    change: str
    before: str | None
    after: str | None
    is_breaking: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ParentChange:
    """A parent that was added or removed, or whose attributes changed. `name` is what people call it."""

    role: str
    change: str
    manifest: ObjectId
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueChange:
    """A member of a card or of facts before and after; None where it is not there."""

    name: str
    before: object
    after: object


def metric_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[MetricChange, ...]:
    """The metrics of the second card, beside those of the first, by name; those that are gone too."""
    old, new = _mapping(before.get(METRICS)), _mapping(after.get(METRICS))
    return tuple(_metric(name, old.get(name), new.get(name)) for name in sorted({*old, *new}))


def _metric(name: str, before: object, after: object) -> MetricChange:
    left, right = _metric_value(before), _metric_value(after)
    delta = None
    if isinstance(left, float | int) and isinstance(right, float | int):
        difference = float(right) - float(left)
        delta = difference if math.isfinite(difference) else None
    return MetricChange(name=name, before=left, after=right, delta=delta)


def _metric_value(value: object) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    return value if isinstance(value, float | int) and not isinstance(value, bool) else str(value)


def column_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[ColumnChange, ...]:
    """How the columns of two datasheets differ: a name, a type, or whether it may be null. Statistics do not count."""
    old, new = _columns(before), _columns(after)
    breaking = _breaking(before, after)
    found = []
    for name in sorted({*old, *new}):
        left, right = old.get(name), new.get(name)
        if left != right:
            change = "added" if left is None else "removed" if right is None else "retyped"
            found.append(ColumnChange(name=name, change=change, before=left, after=right, is_breaking=name in breaking))
    return tuple(found)


def _breaking(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The columns whose change breaks readers; none where a stranger's columns cannot be read."""
    try:
        old, new = (schema_of_features(_mapping(card.get(FEATURES))) for card in (before, after))
    except Malformed:
        return set()
    return {change.name for change in classify(old, new).changes if change.is_breaking}


def _columns(card: Mapping[str, Any]) -> dict[str, str]:
    """The type of every column that a card lists."""
    found = {}
    for name, feature in _mapping(card.get(FEATURES)).items():
        feature = _mapping(feature)
        found[name] = f"{feature.get('dtype', 'unknown')}{'?' if feature.get('nullable') is True else ''}"
    return found


def parent_changes(
    before: Manifest | None, after: Manifest, name_of: Callable[[ObjectId], str]
) -> tuple[ParentChange, ...]:
    """How the parents of two manifests differ, by role; `previous` is history and does not count."""
    old = {} if before is None else _parents(before)
    new = _parents(after)
    found = []
    for key in sorted({*old, *new}):
        left, right = old.get(key), new.get(key)
        if left is None or right is None or left.attributes != right.attributes:
            change = "added" if left is None else "removed" if right is None else "changed"
            found.append(ParentChange(role=key[0], change=change, manifest=key[1], name=name_of(key[1])))
    return tuple(found)


def _parents(manifest: Manifest) -> dict[tuple[str, ObjectId], Parent]:
    return {(parent.role, parent.manifest): parent for parent in manifest.parents if parent.role != "previous"}


def value_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, leave_out: str = ""
) -> tuple[ValueChange, ...]:
    """The members in which two mappings differ, but for some names with blanks between."""
    skipped = leave_out.split()
    return tuple(
        ValueChange(name=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if name not in skipped and before.get(name) != after.get(name)
    )


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
