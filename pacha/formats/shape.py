"""The type of nested values: what the items of lists and the members of objects are, over all rows."""

from collections.abc import Iterable
from typing import Any

from pacha.formats.datatype import DEPTH_MAX, TEXT_LENGTH_MAX, DataType
from pacha.formats.inspection import Malformed
from pacha.formats.values import INTEGER_MAX, INTEGER_MIN, UNSIGNED_MAX

#: An object of more members is a map whose keys are data: a Struct without named fields.
FIELDS_MAX = 256
#: The same over all levels of one column: hostile nesting must not multiply.
SHAPES_MAX = 4_096

_SCALARS = {bool: "Bool", int: "Int64", float: "Float64", str: "String"}


class Shape:
    """The kinds that were seen at one place of nested values."""

    __slots__ = ("_depth", "_fields", "_high", "_item", "_kinds", "_low", "_made", "is_map")

    def __init__(self, depth: int = 0, made: list[int] | None = None) -> None:
        self._depth = depth
        self._made = [0] if made is None else made
        self._made[0] += 1
        self._kinds: set[type] = set()
        self._item: Shape | None = None
        self._fields: dict[str, Shape] = {}
        self._low = self._high = 0
        self.is_map = False
        if depth >= DEPTH_MAX:
            raise Malformed(f"a value is nested more than {DEPTH_MAX} levels deep")

    def add_all(self, values: Iterable[Any]) -> None:
        """Takes values of one place; None is nothing."""
        values = list(values)
        kinds = set(map(type, values)) - {type(None)}
        self._kinds |= kinds
        if int in kinds:
            numbers = [value for value in values if type(value) is int]
            self._low, self._high = min(self._low, min(numbers)), max(self._high, max(numbers))
        if list in kinds:
            self._item = self._item or Shape(self._depth + 1, self._made)
            self._item.add_all(item for value in values if type(value) is list for item in value)
        if dict in kinds:
            self._add_objects([value for value in values if type(value) is dict])

    def _add_objects(self, values: list[dict[str, Any]]) -> None:
        found: dict[str, list[Any]] = {}
        for value in values:
            if self.is_map:
                return
            for name, inner in value.items():
                found.setdefault(name, []).append(inner)
            if len(found) > FIELDS_MAX or self._made[0] > SHAPES_MAX:
                self.is_map = True
        for name, inners in found.items():
            shape = self._fields.get(name)
            if shape is None:
                shape = self._fields[name] = Shape(self._depth + 1, self._made)
            shape.add_all(inners)
        if len(self._fields) > FIELDS_MAX or self._made[0] > SHAPES_MAX:
            self.is_map = True
            self._fields.clear()

    def dtype(self) -> DataType:
        """The narrowest type that holds every value; String where none does."""
        kinds = self._kinds
        if kinds == {int} and not INTEGER_MIN <= self._low <= self._high <= INTEGER_MAX:
            return DataType(name="UInt64" if self._low >= 0 and self._high <= UNSIGNED_MAX else "Float64")
        if len(kinds) == 1 and (name := _SCALARS.get(next(iter(kinds)))):
            return DataType(name=name)
        if kinds == {int, float}:
            return DataType(name="Float64")
        if kinds == {list} and self._item is not None:
            return DataType(name="List", item=self._item.dtype())
        if kinds == {dict}:
            made = DataType(name="Struct", fields=tuple((name, shape.dtype()) for name, shape in self._fields.items()))
            return made if not self.is_map and len(made.text) <= TEXT_LENGTH_MAX else DataType(name="Struct")
        return DataType(name="String")
