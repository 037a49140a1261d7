"""Links and object types: what every object says of itself, and the one way to follow what it names."""

import pkgutil
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

from pacha.base.canonical import decode_compact, decode_lines
from pacha.base.errors import Corrupt, PachaError
from pacha.base.ids import BadId, ObjectId

_Value = TypeVar("_Value")
_LINK = re.compile(r"([a-z]+):([0-9a-f]{64})", re.ASCII)
#: META is small text that Git carries; more than this belongs into DATA.
META_BYTES_MAX = 1 << 20
#: Larger documents are split: a tree fans out, a chunklist has levels.
DOCUMENT_BYTES_MAX = 8 << 20


class Storage(Enum):
    """META: a text file that Git carries. DATA: a record in a pack, moved by push and pull."""

    META = "meta"
    DATA = "data"


class BadLink(BadId):
    """A text is not `type:hex`."""


class BadObject(Corrupt):
    """A document is canonical, and not an object of its type."""


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A typed pointer to an object; printed `manifest:3f2a…`."""

    type: str
    id: ObjectId

    @classmethod
    def parse(cls, text: str) -> "Link":
        """Reads `type:hex` of a type that exists. Errors: `BadLink`."""
        match = _LINK.fullmatch(text) if isinstance(text, str) else None
        if match is None or match.group(1) not in type_names():
            raise BadLink(f"not a link: {text!r}", hint="a link is type:hex with 64 digits")
        return cls(match.group(1), ObjectId(bytes.fromhex(match.group(2))))

    def __str__(self) -> str:
        return f"{self.type}:{self.id.raw.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """What a type of object is. `references` lists every object that a value names, children first.

    Units: `size_max` in bytes. A leaf has no references, so a walk need not read it.
    """

    name: str
    storage: Storage
    size_max: int
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    references: Callable[[Any], Iterable[Link]]
    is_leaf: bool = False


@cache
def type_names() -> frozenset[str]:
    """The names of all types, by the modules found beside this one."""
    package = __name__.rpartition(".")[0]
    folder = import_module(package).__path__
    return frozenset(module.name for module in pkgutil.iter_modules(folder)) - {"types", "fields"}


@cache
def type_named(name: str) -> ObjectType:
    """The type of that name. Errors: `BadLink` if there is none."""
    if name not in type_names():
        raise BadLink(f"no such object type: {name!r}", hint=f"types are {', '.join(sorted(type_names()))}")
    found: ObjectType = import_module(f"{__name__.rpartition('.')[0]}.{name}").TYPE
    return found


def all_types() -> list[ObjectType]:
    """Every type, by name."""
    return [type_named(name) for name in sorted(type_names())]


def decode_document(raw: bytes, type_name: str, *, lines: bool, size_max: int) -> dict[str, Any]:
    """Reads a document and checks that it names its own type. Errors: `NotCanonical`, `BadObject`."""
    if len(raw) > size_max:
        raise BadObject(f"a {type_name} has at most {size_max} bytes, not {len(raw)}")
    value = decode_lines(raw) if lines else decode_compact(raw)
    if not isinstance(value, dict) or value.get("type") != type_name:
        raise BadObject(f"a document does not say that it is a {type_name}")
    return value


def checked(type_name: str, read: Callable[[Mapping[str, Any]], _Value], value: Mapping[str, Any]) -> _Value:
    """Runs a reader of members, and turns whatever is missing or of a wrong kind into `BadObject`."""
    try:
        return read(value)
    except BadObject:
        raise
    except PachaError as error:
        raise BadObject(f"not a well-formed {type_name}: {error.message}") from error
    except KeyError as error:
        raise BadObject(f"a {type_name} lacks the member {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise BadObject(f"not a well-formed {type_name}: {error}") from error
