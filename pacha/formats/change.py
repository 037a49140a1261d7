"""What a new schema does to those who read data of the old one: it breaks them, gives them more, or nothing.

The one rule: a change breaks if a reader who relies on the old schema can meet, in a column that it knows, what the old
schema ruled out. So a column that goes breaks, a column that comes does not; nulls that may come break, nulls that may
not come any more do not. A type is relied on to the bit: any other type breaks, wider ones too.
Source: docs/data.md, "What a schema change is"; docs/decisions/0014-what-breaks-a-reader.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pacha.formats.datatype import DataType
from pacha.formats.schema import Column, DataSchema, bound


class ChangeKind(StrEnum):
    """What a change means to readers of the old schema."""

    BREAKING = "breaking"
    ADDITIVE = "additive"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    """One change of one column. `change` is added, removed, retyped, nullability, constraint or reordered; `old` and
    `new` are what is shown, None where there was or is nothing."""

    name: str
    change: str
    old: str | None
    new: str | None
    is_breaking: bool

    def __str__(self) -> str:
        told = " → ".join(part for part in (self.old, self.new) if part is not None)
        return (
            f"{self.name}: {self.change}{f' ({told})' if told else ''}{', breaks readers' if self.is_breaking else ''}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """All that changed, in the old order and then the new one. Descriptions do not count."""

    kind: ChangeKind
    changes: tuple[ColumnChange, ...]

    @property
    def is_breaking(self) -> bool:
        """Tells whether readers of the old schema break."""
        return self.kind is ChangeKind.BREAKING


#: Nothing changed; also what is said of content that has no schema.
NO_CHANGE = SchemaChange(kind=ChangeKind.NONE, changes=())


def classify(old: DataSchema, new: DataSchema) -> SchemaChange:
    """Compares two schemas, column by name.

    >>> id, name = Column(name="id", dtype=DataType(name="Int64")), Column(name="name", dtype=DataType(name="String"))
    >>> one, two = DataSchema(columns=(id,)), DataSchema(columns=(id, name))
    >>> classify(one, two).kind.value, classify(two, one).kind.value
    ('additive', 'breaking')
    """
    before = {column.name: column for column in old.columns}
    after = {column.name: column for column in new.columns}
    changes: list[ColumnChange] = []
    for name, column in before.items():
        if name not in after:
            changes.append(_change(name, "removed", column.dtype.text, None, is_breaking=True))
        else:
            changes.extend(_column_changes(column, after[name]))
    changes += [
        _change(name, "added", None, column.dtype.text, is_breaking=False)
        for name, column in after.items()
        if name not in before
    ]
    changes += _reordered([name for name in before if name in after], [name for name in after if name in before])
    kind = ChangeKind.NONE if not changes else ChangeKind.ADDITIVE
    if any(change.is_breaking for change in changes):
        kind = ChangeKind.BREAKING
    return SchemaChange(kind=kind, changes=tuple(changes))


def required_bump(change: SchemaChange) -> str:
    """The least part of a version that has to rise: major, minor or patch."""
    return {ChangeKind.BREAKING: "major", ChangeKind.ADDITIVE: "minor", ChangeKind.NONE: "patch"}[change.kind]


def _change(name: str, change: str, old: str | None, new: str | None, *, is_breaking: bool) -> ColumnChange:
    return ColumnChange(name=name, change=change, old=old, new=new, is_breaking=is_breaking)


def _column_changes(old: Column, new: Column) -> Iterator[ColumnChange]:
    if old.dtype != new.dtype:
        yield _change(old.name, "retyped", old.dtype.text, new.dtype.text, is_breaking=not _holds(old.dtype, new.dtype))
    if old.nullable != new.nullable:
        shown = {True: "nullable", False: "not null"}
        yield _change(old.name, "nullability", shown[old.nullable], shown[new.nullable], is_breaking=new.nullable)
    for member, before, after, is_breaking in _constraints(old, new):
        if _meaning(before, old.dtype) != _meaning(after, new.dtype):
            yield _change(
                old.name, "constraint", _shown(member, before), _shown(member, after), is_breaking=is_breaking
            )


def _shown(member: str, value: Any) -> str:
    return f"{member} {value}" if value is not None else f"no {member}"


def _constraints(old: Column, new: Column) -> Iterator[tuple[str, Any, Any, bool]]:
    """Each promise before and after, and whether it is weaker now."""
    yield "unique", old.unique or None, new.unique or None, old.unique and not new.unique
    yield "min", old.minimum, new.minimum, _is_weaker(old, old.minimum, new, new.minimum, sign=1)
    yield "max", old.maximum, new.maximum, _is_weaker(old, old.maximum, new, new.maximum, sign=-1)
    before, after = _meaning(old.allowed, old.dtype), _meaning(new.allowed, new.dtype)
    is_weaker = before is not None and (after is None or not after <= before)
    yield "allowed values", old.allowed, new.allowed, is_weaker


def _meaning(value: Any, dtype: DataType) -> Any:
    """What a promise says, however it is spelled: the moment of a text, the set of a list."""
    if isinstance(value, tuple):
        return {bound(item, dtype) for item in value}
    return value if value is None or value is True else bound(value, dtype)


def _is_weaker(old: Column, before: Any, new: Column, after: Any, *, sign: int) -> bool:
    if before is None:
        return False
    if after is None or (old.dtype.name, old.dtype.zone) != (new.dtype.name, new.dtype.zone):
        return True
    left, right = bound(before, old.dtype), bound(after, new.dtype)
    return bool(right < left if sign > 0 else right > left)


def _holds(old: DataType, new: DataType) -> bool:
    """Tells whether every value of the new type is one that a reader of the old type knows: fewer categories, more
    members of a struct, the same inside a list. Anything else is another type."""
    if old == new:
        return True
    if old.name != new.name:
        return False
    if old.item is not None and new.item is not None:
        return _holds(old.item, new.item)
    if old.name == "Struct" and old.fields:
        members = dict(new.fields)
        return all(name in members and _holds(dtype, members[name]) for name, dtype in old.fields)
    if old.name == "Categorical":
        return old.values is None or (new.values is not None and set(new.values) <= set(old.values))
    if old.name == "Timestamp":
        # Without a zone it is another type, whose values cannot even be compared with the others.
        return old.zone == new.zone and old.unit is None
    # A parameter that the old schema did not know was not relied on.
    return old.name == "Struct" or old.text == old.name


def _reordered(old: list[str], new: list[str]) -> list[ColumnChange]:
    """One change for the whole order: columns are read by name, and who counts them should know."""
    if old == new:
        return []
    first = next(at for at, (left, right) in enumerate(zip(old, new, strict=True)) if left != right)
    return [_change(new[first], "reordered", None, None, is_breaking=False)]
