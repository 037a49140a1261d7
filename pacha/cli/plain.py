"""Values as plain JSON: dataclasses by their members, ids and names as texts, times as they are, bytes as integers."""

from collections.abc import Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.types import Link
from pacha.refs.names import RefName

_TEXTS = (ObjectId, ArtifactName, Version, Link, RefName)


def plain(value: object) -> object:
    """Turns a value of any verb into what JSON has. Members that are None are null, so that keys are stable."""
    if isinstance(value, _TEXTS):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Set):
        return sorted(str(plain(item)) for item in value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"no JSON for a {type(value).__name__}")


def words(value: Any) -> str:
    """A value of a document on one line, as people would write it.

    Members without a value are left out; a table in a table stands in parentheses.

    >>> words({"auc": 0.9300000001, "seeds": [1, 2], "none": []}), words(None), words(True)
    ('auc 0.93, seeds 1 2', '', 'true')
    >>> words([{"name": "x", "by": {"id": 1}}, {"name": "y"}])
    'name x, by (id 1); name y'
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        members = ((name, words(item), _has_members(item)) for name, item in value.items())
        return ", ".join(f"{name} ({text})" if nested else f"{name} {text}" for name, text, nested in members if text)
    if isinstance(value, (list, tuple)):
        if _has_members(value):
            return "; ".join(map(words, value))
        is_short = all(isinstance(item, (int, float)) for item in value)
        return (" " if is_short else ", ").join(map(words, value))
    return " ".join(str(plain(value)).split())


def _has_members(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, Mapping) for item in value)
    return isinstance(value, Mapping)


def json_schema(kind: Any) -> dict[str, Any]:
    """The JSON Schema of what `plain` makes of a type."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return {"anyOf": [json_schema(argument) for argument in arguments]}
    if origin in (list, tuple, set, frozenset):
        return {"type": "array", "items": json_schema(arguments[0]) if arguments else {}}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": json_schema(arguments[1])}
    if isinstance(kind, type):
        return _schema_of_class(kind)
    return {}


def _schema_of_class(kind: type) -> dict[str, Any]:
    if issubclass(kind, _TEXTS) or kind is str:
        return {"type": "string"}
    if issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)]
        return {
            "type": "object",
            "properties": {name: json_schema(hints[name]) for name in names},
            "required": names,
            "additionalProperties": False,
        }
    simple = {bool: "boolean", int: "integer", float: "number", NoneType: "null", dict: "object", list: "array"}
    return {"type": simple[kind]} if kind in simple else {}
