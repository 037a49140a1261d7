"""Finds the tensors among the values that a pickle would make: those of PyTorch, of NumPy, and of joblib between opcodes.

Source: torch._utils._rebuild_tensor_v2, torch.serialization (persistent_load); numpy ndarray.__reduce__ and __setstate__.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from pacha.formats.pickle_values import OBJECTS, Beside, Imported, Made, RawArray, numpy_dtype
from pacha.formats.tensors import NAME_LENGTH_MAX, TENSORS_MAX, number, tensor

#: Element type and its bytes, by the kind of storage.
STORAGES = {
    "FloatStorage": ("F32", 4), "DoubleStorage": ("F64", 8), "HalfStorage": ("F16", 2), "BFloat16Storage": ("BF16", 2),
    "LongStorage": ("I64", 8), "IntStorage": ("I32", 4), "ShortStorage": ("I16", 2), "CharStorage": ("I8", 1),
    "ByteStorage": ("U8", 1), "BoolStorage": ("BOOL", 1), "ComplexFloatStorage": ("C64", 8),
    "ComplexDoubleStorage": ("C128", 16), "QInt8Storage": ("QI8", 1), "QUInt8Storage": ("QU8", 1),
    "QInt32Storage": ("QI32", 4), "UntypedStorage": ("U8", 1),
}  # fmt: skip
#: Element types without a storage of their own are named in the call. Source: torch._utils._rebuild_tensor_v3.
_NAMED = {
    "float8_e4m3fn": ("F8_E4M3", 1), "float8_e5m2": ("F8_E5M2", 1), "uint16": ("U16", 2), "uint32": ("U32", 4),
    "uint64": ("U64", 8),
}  # fmt: skip
#: A module of PyTorch keeps its parts under these names, which its state dict leaves out.
_UNSAID = ("_parameters", "_buffers", "_modules")
_ORDERED = "collections.OrderedDict"
_HOLDERS = frozenset({dict, list, tuple, Made, RawArray})
DEPTH_MAX = 64
_DIMENSIONS_MAX = 64
_SIZE_MAX = 2**62


@dataclass(frozen=True, slots=True)
class Storage:
    """Where the bytes of a storage lie. Units: bytes from the beginning of the file."""

    offset: int
    length: int


@dataclass(slots=True)
class Found:
    """Rows of tensors, and what does not fit, once a tensor."""

    rows: list[dict[str, Any]]
    faults: list[str]


def tensors_of(value: Any, storages: Mapping[str, Storage]) -> Found:
    """All tensors that a value holds, each by the path that leads to it. `storages` is where their bytes lie, by key."""
    found = Found([], [])
    for name, item in _walk(value):
        if len(found.rows) >= TENSORS_MAX:
            break
        if type(item) is RawArray:
            found.rows.append(tensor(name, item.dtype, item.shape, offset=item.offset, bytes=item.length))
        elif item.call.startswith("torch"):
            _torch(name, item, storages, found)
        else:
            dtype, shape = _numpy(item)
            found.rows.append(tensor(name, dtype, shape))
    return found


#: The way to a value: the way to what holds it, and its key there. Whole names would take memory for each value.
_Way = tuple[Any, object] | None


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    """The leaves that are tensors, with their paths. What holds itself, or is held twice, is entered once."""
    todo: list[tuple[_Way, Any, int]] = [(None, value, 0)]
    entered: set[int] = set()
    while todo:
        way, item, depth = todo.pop()
        kind = type(item)
        if kind is RawArray or (kind is Made and _is_tensor(item)):
            yield _name(way) or "tensor", item
        elif kind in _HOLDERS and depth < DEPTH_MAX and id(item) not in entered:
            entered.add(id(item))
            inner = [((way, key), part, depth + 1) for key, part in _parts(item, entered) if type(part) in _HOLDERS]
            todo.extend(reversed(inner))


def _name(way: _Way) -> str:
    """The keys along a way. Those that a module of PyTorch leaves unsaid, and those of states, are none."""
    keys = []
    while way is not None:
        way, key = way
        if key is not None and key not in _UNSAID:
            keys.append(str(key)[:NAME_LENGTH_MAX])
    return ".".join(reversed(keys))[:NAME_LENGTH_MAX]


def _parts(item: Any, entered: set[int]) -> Iterator[tuple[object, Any]]:
    if type(item) is dict:
        yield from item.items()
    elif type(item) is Made:
        # A state is the object's own attributes; a parameter is its one argument.
        yield from ((None, part) for part in (item.state, item.items, item.listed))
        count = 1 if item.call.startswith("torch._utils._rebuild_parameter") else None
        for part in item.arguments[:count]:
            if item.call == _ORDERED and type(part) is list and id(part) not in entered:
                # One list can be in many calls.
                entered.add(id(part))
                yield None, dict(_pairs(part))
            elif item.call != _ORDERED:
                yield None, part
    else:
        is_state = type(item) is tuple
        yield from ((None if is_state and type(part) is dict else place, part) for place, part in enumerate(item))


def _pairs(items: list[Any]) -> Iterator[tuple[object, Any]]:
    """What an ordered dict of Python 2 is made from."""
    for pair in items:
        if type(pair) in (list, tuple) and len(pair) == 2 and type(pair[0]) in (str, int):
            yield pair


def _is_tensor(item: Made) -> bool:
    if item.call.startswith("torch._utils._rebuild_tensor"):
        return len(item.arguments) >= 4
    return _shape(_numpy(item)[1])


def _shape(shape: Any) -> bool:
    if type(shape) is not tuple or len(shape) > _DIMENSIONS_MAX:
        return False
    return all(type(size) is int and 0 <= size < _SIZE_MAX for size in shape)


def _numpy(item: Made) -> tuple[str, Any]:
    """Element type and shape of an array of NumPy; no shape if it is none."""
    if item.call.endswith(".multiarray._reconstruct") and type(item.state) is tuple and len(item.state) >= 3:
        return numpy_dtype(item.state[2])[0], item.state[1]
    if item.call.endswith(".numeric._frombuffer") and len(item.arguments) >= 3:
        return numpy_dtype(item.arguments[1])[0], item.arguments[2]
    return OBJECTS, None


def _torch(name: str, item: Made, storages: Mapping[str, Storage], found: Found) -> None:
    """A tensor, and whether it lies inside its storage. One that is not contiguous has no place of its own."""
    beside, start, shape, strides = item.arguments[:4]
    kind, key, count = _storage(beside)
    dtype, width = STORAGES.get(kind, (kind or "unknown", 0))
    if item.call.endswith("_v3") and len(item.arguments) > 6 and type(item.arguments[6]) is Imported:
        dtype, width = _NAMED.get(item.arguments[6].name, (item.arguments[6].name[:64], 0))
    if not _shape(shape):
        found.faults.append(f"the tensor {name!r:.80} has a shape that is none")
        return
    row = tensor(name, dtype, shape)
    found.rows.append(row)
    if not _shape(strides) or len(shape) != len(strides) or type(start) is not int or start < 0:
        found.faults.append(f"the tensor {name!r:.80} has strides that do not fit its shape")
        return
    total = prod(shape)
    last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) if total else -1
    place = storages.get(key)
    held = count if place is None or not width else place.length // width
    if start + last + 1 > held >= 0 and not kind.startswith("Untyped"):
        found.faults.append(f"the tensor {name!r:.80} reaches beyond its storage")
    elif place is not None and width and last + 1 == total:
        row |= {"offset": number(place.offset + start * width), "bytes": number(total * width)}


def _storage(beside: Any) -> tuple[str, str, int]:
    """Kind, key and number of elements of a storage: `("storage", FloatStorage, key, place, count)`; −1: not told."""
    identity = beside.identity if type(beside) is Beside else ()
    if type(identity) is not tuple or len(identity) < 5 or type(identity[1]) is not Imported:
        return "", "", -1
    count = identity[4] if type(identity[4]) is int else -1
    return identity[1].name[:64], str(identity[2])[:64] if type(identity[2]) in (str, int) else "", count
