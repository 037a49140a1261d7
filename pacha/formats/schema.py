"""What the columns of a table are: names, types, what may be null, and a few constraints.

A schema has one canonical document, whose hash tells whether two schemas are the same, and is read from TOML or JSON
files that people write. There is no `pattern`: the standard library's regular expressions can be made to run for ever,
and a schema comes from strangers.
Source: docs/data.md, "Schema files".

Longer than most modules: a schema is checked at birth, where its members stand.
"""

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pacha.base.canonical import INTEGER_MAX, encode_compact
from pacha.base.errors import Usage
from pacha.base.ids import hash_bytes
from pacha.base.toml import read_toml
from pacha.formats.datatype import BadType, DataType
from pacha.formats.values import read_as

__all__ = ["BadSchema", "Column", "DataSchema", "DataType", "bound", "read_schema", "schema_of"]

#: A table of more columns is a matrix: keep it as one.
COLUMNS_MAX = 65_536
#: The longest name of a column; a sentence fits.
NAME_LENGTH_MAX = 1_024
DESCRIPTION_LENGTH_MAX = 4_096
#: More allowed values are a table of their own.
ALLOWED_MAX = 1_000
ALLOWED_LENGTH_MAX = 1_024
SCHEMA_BYTES_MAX = 16 << 20
FINGERPRINT_DIGITS = 16
_TYPE = "schema"

Scalar = str | int | float | bool


class BadSchema(Usage):
    """A schema breaks a rule; `place` says where: `columns[3].dtype`."""

    usual_hint = 'a column is {name = "age", dtype = "Int64", nullable = false}; see docs/data.md'


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `minimum` and `maximum` are inclusive; `allowed` lists the only values that may stand in it."""

    name: str
    dtype: DataType
    nullable: bool = True
    description: str = ""
    unique: bool = False
    minimum: Scalar | None = None
    maximum: Scalar | None = None
    allowed: tuple[Scalar, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not 1 <= len(self.name) <= NAME_LENGTH_MAX:
            raise BadSchema(f"a column's name has 1 to {NAME_LENGTH_MAX} characters")
        if has_surrogate(self.name) or has_surrogate(self.description):
            raise BadSchema(f"column {self.name!r:.80}: half of a surrogate pair is no text")
        if len(self.description) > DESCRIPTION_LENGTH_MAX:
            raise BadSchema(f"column {self.name!r:.80}: a description has at most {DESCRIPTION_LENGTH_MAX} characters")
        _check_bounds(self)
        _check_allowed(self)

    def document(self) -> dict[str, Any]:
        """The JSON value, without what is usual."""
        found: dict[str, Any] = {"name": self.name, "dtype": self.dtype.text, "nullable": self.nullable}
        if self.description:
            found["description"] = self.description
        if self.unique:
            found["unique"] = True
        if self.minimum is not None:
            found["min"] = self.minimum
        if self.maximum is not None:
            found["max"] = self.maximum
        if self.allowed is not None:
            found["allowed"] = list(self.allowed)
        return found

    @property
    def has_constraints(self) -> bool:
        """Tells whether more than type and nulls is promised."""
        return self.unique or self.allowed is not None or self.minimum is not None or self.maximum is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSchema:
    """The columns of a table, in order, each name once.

    >>> DataSchema(columns=(Column(name="id", dtype=DataType(name="Int64"), nullable=False),)).document()["columns"]
    [{'name': 'id', 'dtype': 'Int64', 'nullable': False}]
    """

    columns: tuple[Column, ...]

    def __post_init__(self) -> None:
        if len(self.columns) > COLUMNS_MAX:
            raise BadSchema(f"a schema has at most {COLUMNS_MAX} columns")
        seen: set[str] = set()
        for column in self.columns:
            if column.name in seen:
                raise BadSchema(f"two columns are named {column.name!r:.80}", name=column.name)
            seen.add(column.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)

    def document(self) -> dict[str, Any]:
        """The JSON value that `from_document` reads."""
        return {"type": _TYPE, "columns": [column.document() for column in self.columns]}

    def encode(self) -> bytes:
        """The canonical document (RFC 8785)."""
        return encode_compact(self.document())

    @property
    def fingerprint(self) -> str:
        """The first 16 digits of the BLAKE3 over the canonical document: equal only for equal schemas."""
        return hash_bytes(self.encode()).hex[:FINGERPRINT_DIGITS]

    @classmethod
    def from_document(cls, value: object) -> "DataSchema":
        """Reads the JSON value. Unknown members are refused: most are misspelt. Errors: `BadSchema`."""
        if not isinstance(value, Mapping):
            raise BadSchema("a schema is a table with `columns`")
        _check_members(value, ("type", "columns"), "the schema")
        if value.get("type", _TYPE) != _TYPE:
            raise BadSchema(f"not a schema but a {value['type']!r:.40}")
        columns = value.get("columns")
        if isinstance(columns, Mapping):
            columns = [_named(name, body) for name, body in columns.items()]
        if not isinstance(columns, list):
            raise BadSchema("`columns` is missing, or is not a list of columns", place="columns")
        return cls(columns=tuple(_column(item, f"columns[{number}]") for number, item in enumerate(columns)))


def has_surrogate(text: str) -> bool:
    """Tells whether a text holds half of a surrogate pair, which has no UTF-8 form.

    >>> has_surrogate("\\ud800"), has_surrogate("é")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def read_schema(raw: bytes, *, name: str) -> DataSchema:
    """Reads a schema file: JSON where it begins with a brace, else TOML. `name` is what errors call it.

    Errors: `BadSchema` that names the place, `BadToml`.
    """
    if len(raw) > SCHEMA_BYTES_MAX:
        raise BadSchema(f"{name}: larger than {SCHEMA_BYTES_MAX} bytes", path=name)
    is_json = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{"
    value = _read_json(raw, name) if is_json else read_toml(raw, name=name)
    try:
        return DataSchema.from_document(value)
    except BadSchema as error:
        raise BadSchema(f"{name}: {error.message}", hint=error.hint, **{**error.nouns, "path": name}) from error


def _read_json(raw: bytes, name: str) -> object:
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refuse)
    except RecursionError:
        raise BadSchema(f"{name}: nested too deeply", path=name) from None
    except ValueError as error:
        raise BadSchema(f"{name}: not JSON: {' '.join(str(error).split())[:200]}", path=name) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _named(name: str, body: object) -> object:
    """The short form of a column in a table of columns: `age = "Int64"` or `[columns.age]`."""
    if isinstance(body, str):
        return {"name": name, "dtype": body}
    return {"name": name, **body} if isinstance(body, Mapping) else body


def _check_members(value: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for member in value:
        if member not in known:
            near = difflib.get_close_matches(str(member), list(known), n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise BadSchema(f"{where} has no member {member!r:.80}", hint=hint, place=where)


_MEMBERS = ("name", "dtype", "nullable", "description", "unique", "min", "max", "allowed")


def _column(value: object, where: str) -> Column:
    if not isinstance(value, Mapping):
        raise BadSchema(f"{where} is not a table with a name and a dtype", place=where)
    if isinstance(value.get("name"), str):
        where = f"{where} ({value['name'][:80]!r})"
    _check_members(value, _MEMBERS, where)
    for member, kind in (("name", str), ("dtype", str), ("nullable", bool), ("description", str), ("unique", bool)):
        if member in value and not isinstance(value[member], kind):
            raise BadSchema(f"{where}.{member} is not a {'text' if kind is str else 'true or false'}", place=where)
    if "name" not in value or "dtype" not in value:
        raise BadSchema(f"{where} needs a name and a dtype", place=where)
    allowed = value.get("allowed")
    if allowed is not None and not isinstance(allowed, list):
        raise BadSchema(f"{where}.allowed is not a list of values", place=where)
    try:
        dtype = DataType.parse(value["dtype"])
        return Column(
            name=value["name"],
            dtype=dtype,
            nullable=value.get("nullable", True),
            description=value.get("description", ""),
            unique=value.get("unique", False),
            minimum=_number(value.get("min"), dtype),
            maximum=_number(value.get("max"), dtype),
            allowed=None if allowed is None else tuple(_number(item, dtype) for item in allowed),
        )
    except (BadSchema, BadType) as error:
        raise BadSchema(f"{where}: {error.message}", hint=error.hint, place=where) from error


def _number(value: Any, dtype: DataType) -> Any:
    """A canonical document spells a large float without its point."""
    is_large = type(value) is int and abs(value) > INTEGER_MAX and not dtype.is_integer
    try:
        return float(value) if is_large else value
    except OverflowError:
        return value


def _check_bounds(column: Column) -> None:
    for member, value in (("min", column.minimum), ("max", column.maximum)):
        if value is not None:
            if column.dtype.is_nested or column.dtype.name in ("Bool", "Binary", "String", "Categorical"):
                raise BadSchema(f"column {column.name!r:.80}: {member} has no meaning for {column.dtype.name}")
            _check_scalar(column, member, value)
    if column.minimum is not None and column.maximum is not None:
        if bound(column.maximum, column.dtype) < bound(column.minimum, column.dtype):
            raise BadSchema(f"column {column.name!r:.80}: max is below min")


def bound(value: Scalar, dtype: DataType) -> Any:
    """A bound or an allowed value as what it is compared with: a number, or a moment of time."""
    if dtype.name == "Decimal":
        return Decimal(str(value))
    return read_as(value, dtype) if isinstance(value, str) else value


def _check_allowed(column: Column) -> None:
    if column.allowed is None:
        return
    if column.dtype.is_nested or column.dtype.name == "Binary":
        raise BadSchema(f"column {column.name!r:.80}: allowed has no meaning for {column.dtype.name}")
    if not 1 <= len(column.allowed) <= ALLOWED_MAX:
        raise BadSchema(f"column {column.name!r:.80}: allowed lists 1 to {ALLOWED_MAX} values")
    for value in column.allowed:
        _check_scalar(column, "allowed", value)
    if len({(isinstance(value, bool), value) for value in column.allowed}) != len(column.allowed):
        raise BadSchema(f"column {column.name!r:.80}: allowed lists a value twice")


def _check_scalar(column: Column, member: str, value: object) -> None:
    """A bound or an allowed value is one that the column's type could hold, as a document writes it."""
    name = column.dtype.name
    if column.dtype.is_integer:
        low, high = column.dtype.integer_range()
        is_right = type(value) is int and abs(value) <= INTEGER_MAX and low <= value <= high
    elif column.dtype.is_float or name == "Decimal":
        is_right = (type(value) is int and abs(value) <= INTEGER_MAX) or (type(value) is float and math.isfinite(value))
    elif name == "Bool":
        is_right = type(value) is bool
    else:
        is_right = (
            isinstance(value, str) and len(value) <= ALLOWED_LENGTH_MAX and read_as(value, column.dtype) is not None
        )
    if not is_right:
        raise BadSchema(f"column {column.name!r:.80}: {member} {value!r:.80} is no value of {column.dtype.name}")


def schema_of(columns: Iterable[tuple[str, DataType, bool]]) -> DataSchema:
    """A schema of names, types and whether each may be null. Errors: `BadSchema`."""
    return DataSchema(columns=tuple(Column(name=name, dtype=dtype, nullable=null) for name, dtype, null in columns))
