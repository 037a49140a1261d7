"""Values of a pickle that is followed: what is imported, made or lies beside it, and the element types among them."""

import re
from dataclasses import dataclass, field
from typing import Any

#: An array of objects, whose bytes are a pickle of their own.
OBJECTS = "object"
#: A record has plain members, and so many: its type may be that of many arrays.
MEMBERS_MAX = 64
#: A letter alone has a size of its own.
_CODE = re.compile(r"([<>|=]?)([biufcmMSUVO])([0-9]{0,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Imported:
    """What a module holds under a name."""

    module: str
    name: str

    def __str__(self) -> str:
        # A name with dots reaches through an object to another one, whatever the module is.
        return f"{self.module}{':' if '.' in self.name else '.'}{self.name}"


@dataclass(slots=True, eq=False)
class Made:
    """What a call would give: called with `arguments`, then filled with items and set up with a state."""

    call: str
    arguments: tuple[Any, ...] = ()
    items: dict[Any, Any] = field(default_factory=dict)
    listed: list[Any] = field(default_factory=list)
    state: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What lies beside the pickle, under an identity that its reader knows."""

    identity: Any


@dataclass(frozen=True, slots=True, eq=False)
class RawArray:
    """An array whose bytes lie in the file itself. Units: bytes from the beginning."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int


def numpy_dtype(value: Any, *, is_member: bool = False) -> tuple[str, int | None]:
    """How NumPy spells an element type, and its bytes; None where two readers could count them differently.

    >>> numpy_dtype(Made("numpy.dtype", ("f8", False, True), state=(3, "<", None, None, None, -1, -1, 0)))
    ('<f8', 8)
    """
    if type(value) is not Made or not value.call.endswith(".dtype") or not value.arguments:
        return "unknown", None
    code = value.arguments[0]
    found = _CODE.fullmatch(code) if type(code) is str else None
    if found is None or (is_member and found[2] == "V"):
        return "unknown", None
    state = value.state if type(value.state) is tuple and len(value.state) > 7 else (None,) * 8
    order = state[1] if state[1] in ("<", ">", "|") and not found[1] else found[1]
    if found[2] == "O":
        return OBJECTS, None
    return f"{order}{found[2]}{found[3]}", _width(found[2], int(found[3] or 0), state)


def _width(kind: str, size: int, state: tuple[Any, ...]) -> int | None:
    """Bytes of an element. Inner arrays are not followed, nor what says its size twice and differently."""
    inner, names, fields, told = state[2:6]
    if inner is not None or not size:
        return None
    if kind not in "SUV":
        return size if names is None and fields is None else None
    width = size * 4 if kind == "U" else size
    parts = list(fields.values())[: MEMBERS_MAX + 1] if type(fields) is dict else []
    is_plain = all(type(part) is tuple and part and numpy_dtype(part[0], is_member=True)[1] for part in parts)
    is_whole = told == width and len(parts) <= MEMBERS_MAX and (fields is None) == (names is None)
    return width if is_plain and is_whole else None
