"""Readers of one member of a document: the value, or an error that says what it should have been."""

from collections.abc import Mapping
from typing import Any

from pacha.objects.types import BadObject

#: A name, a message or a reason; longer texts belong into cards and blobs.
TEXT_BYTES_MAX = 64 << 10


def text(value: Mapping[str, Any], name: str, *, default: str | None = None) -> str:
    """A text member. Errors: `BadObject`, `KeyError`."""
    found = value[name] if default is None else value.get(name, default)
    if not isinstance(found, str):
        raise BadObject(f"the member {name!r} must be a text")
    if len(found) > TEXT_BYTES_MAX:
        raise BadObject(f"the member {name!r} is longer than {TEXT_BYTES_MAX}")
    return found


def count(value: Mapping[str, Any], name: str) -> int:
    """A whole number, not negative. Errors: `BadObject`, `KeyError`."""
    found = value[name]
    if type(found) is not int or found < 0:
        raise BadObject(f"the member {name!r} must be a whole number, not negative")
    return found


def items(value: Mapping[str, Any], name: str, *, size_max: int) -> list[Any]:
    """A list; empty if it is not there. Errors: `BadObject`."""
    found = value.get(name, [])
    if not isinstance(found, list):
        raise BadObject(f"the member {name!r} must be a list")
    if len(found) > size_max:
        raise BadObject(f"the member {name!r} has {len(found)} items; the most is {size_max}")
    if not found and name in value:
        raise BadObject(f"the member {name!r} is empty, and must then be left out")
    return found


def mapping(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object; empty if it is not there. Errors: `BadObject`."""
    found = value.get(name, {})
    if not isinstance(found, dict):
        raise BadObject(f"the member {name!r} must be an object")
    if not found and name in value:
        raise BadObject(f"the member {name!r} is empty, and must then be left out")
    return found


def true_or_absent(value: Mapping[str, Any], name: str) -> bool:
    """A flag that is written only when it is set. Errors: `BadObject`."""
    found = value.get(name, None)
    if found is None and name not in value:
        return False
    if found is not True:
        raise BadObject(f"the member {name!r} is true or left out")
    return True


def extra(value: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """The members that this version does not know: kept, and written back."""
    return {name: member for name, member in value.items() if name not in known}
