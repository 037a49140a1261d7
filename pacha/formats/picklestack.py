"""A pickle's stack, followed with values that mean nothing but tensors, arrays and what leads to them. Calls nothing.

Every opcode takes and puts as much as in the real machine, or the walk ends: whoever gets the stack wrong can be made
to see a tensor or an array where there is code. Source: the opcode table of the standard library's pickletools;
torch._utils, torch.serialization; joblib.numpy_pickle.
"""

import re
from dataclasses import dataclass
from math import prod
from typing import Any

from pacha.formats.pickles import OPCODES_MAX, opcodes, qualified

SIZE_MAX = 2**63 - 1
DIMENSIONS_MAX = 64
#: joblib's stand-in for an array, whose bytes follow it in the file.
WRAPPER = "joblib.numpy_pickle.NumpyArrayWrapper"
#: A letter alone has a size of its own, so only those with one are followed.
_PLAIN = re.compile(r"[biufcmM]([1-9][0-9]?)", re.ASCII)
_BEGUN = {"subclass", "shape", "order", "dtype"}
DTYPES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128", "QInt8Storage": "QI8", "QUInt8Storage": "QU8",
    "QInt32Storage": "QI32", "UntypedStorage": "untyped",
}  # fmt: skip
_REBUILD = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v3")
_PARAMETER = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


@dataclass(frozen=True, slots=True)
class TensorValue:
    """A tensor that would be rebuilt."""

    dtype: str
    shape: tuple[int, ...]


class _Unknown:
    """A value that was not followed."""


class _Ordered(dict[Any, Any]):
    """A mapping that is known in part: what it was made of was not followed."""


@dataclass(frozen=True, slots=True)
class ObjectValue:
    """An object of any class, known by its state."""

    state: dict[Any, Any]


class _Mark:
    """Where a tuple, list or dict begins."""


@dataclass(slots=True)
class _DType:
    """An element type of numpy. `size` is None where only loading it can tell. Units: bytes."""

    size: int | None
    is_object: bool = False


@dataclass(slots=True)
class ArrayValue:
    """An array of joblib. `size` is that of its elements in the file; None where they are objects or texts, or the
    stand-in has not been filled. `is_padded` means that a byte with a length of padding comes first; objects have none,
    and are a pickle of their own. Units: bytes."""

    size: int | None = None
    is_object: bool = False
    is_padded: bool = False


class PickleStack:
    """The stack and the memo."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._pairs = 0

    def run(self, data: bytes) -> Any:
        """The value that a pickle stands for, as far as it was followed. Errors: whatever a broken stack raises."""
        for count, (name, argument, _) in enumerate(opcodes(data)):
            if count > OPCODES_MAX:
                raise ValueError("too long")
            if name == "STOP":
                return self._stack[-1]
            self.step(name, argument)
        raise ValueError("no end")

    @property
    def top(self) -> Any:
        """The value on top."""
        return self._stack[-1]

    def step(self, name: str, argument: Any) -> None:
        """Follows one opcode. Errors: `BROKEN`."""
        stack = self._stack
        if name in ("PROTO", "FRAME"):
            return
        if name == "MARK":
            stack.append(_Mark())
        elif name in ("EMPTY_DICT", "EMPTY_LIST", "EMPTY_SET"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name in ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "DICT", "LIST", "FROZENSET"):
            self._collect(name)
        elif name in ("APPEND", "APPENDS", "ADDITEMS"):
            items = self._marked() if name != "APPEND" else [stack.pop()]
            if isinstance(stack[-1], list):
                stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            self._set(self._marked() if name == "SETITEMS" else [stack.pop(), stack.pop()][::-1])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            stack.append(_Global(qualified(*str(argument).split(" ", 1))) if name == "GLOBAL" else self._global())
        elif name in ("REDUCE", "NEWOBJ", "NEWOBJ_EX"):
            self._call(name)
        elif name in ("BINPERSID", "PERSID"):
            stack.append(self._storage(stack.pop()) if name == "BINPERSID" else _Unknown())
        elif name == "BUILD":
            self._build(stack.pop())
        elif name in ("INST", "OBJ"):
            self._marked()
            stack.append(_Unknown())
        elif name in ("POP", "POP_MARK"):
            self._marked() if name == "POP_MARK" else stack.pop()
        elif name == "DUP":
            stack.append(stack[-1])
        else:
            self._memory_or_value(name, argument)

    def _memory_or_value(self, name: str, argument: Any) -> None:
        if name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self._memo[int(argument)] = self._stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[int(argument)])
        elif name in ("NONE", "NEWTRUE", "NEWFALSE"):
            self._stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
        elif name == "READONLY_BUFFER":
            self._stack[-1] = _Unknown()
        elif argument is not None and isinstance(argument, (str, int, float, bytes)):
            self._stack.append(argument)
        else:
            self._stack.append(_Unknown())

    def _build(self, state: Any) -> None:
        target = self._stack[-1]
        if isinstance(target, _Unknown) and isinstance(state, dict):
            self._stack[-1] = ObjectValue(state)
        elif isinstance(target, _DType):
            # Version, byte order, then an inner type, names and fields: with any of them it is no plain number.
            if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
                target.size, target.is_object = None, False
        elif isinstance(target, ArrayValue):
            self._fill(target, state)

    def _fill(self, target: ArrayValue, state: Any) -> None:
        """Takes over what an array's stand-in is told. A part of it could hide the rest, so that ends the walk."""
        if type(state) is not dict or not state.keys() >= _BEGUN:
            raise ValueError("a raw array that is not described")
        shape, dtype, padding = state["shape"], state["dtype"], state.get("numpy_array_alignment_bytes")
        if not _is_shape(shape):
            raise ValueError("a raw array of no known shape")
        if padding is not None and type(padding) is not int:
            raise ValueError("a raw array that lies at no known place")
        size = dtype.size if isinstance(dtype, _DType) else None
        target.size = None if size is None else size * prod(shape)
        target.is_object = isinstance(dtype, _DType) and dtype.is_object
        target.is_padded = padding is not None

    def _marked(self) -> list[Any]:
        at = len(self._stack) - 1
        while not isinstance(self._stack[at], _Mark):
            at -= 1
            if at < 0:
                raise ValueError("no mark")
        items = self._stack[at + 1 :]
        del self._stack[at:]
        return items

    def _collect(self, name: str) -> None:
        count = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}.get(name)
        if count is None:
            items = self._marked()
        else:
            items = self._stack[len(self._stack) - count :] if count else []
            del self._stack[len(self._stack) - count :]
        if name == "DICT":
            self._stack.append({})
            self._set(items)
        else:
            self._stack.append(items if name in ("LIST", "FROZENSET") else tuple(items))

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, dict):
            for key, value in zip(items[0::2], items[1::2], strict=True):
                if isinstance(key, (str, int)):
                    target[key] = value

    def _global(self) -> Any:
        name, module = self._stack.pop(), self._stack.pop()
        return _Global(qualified(module, name)) if isinstance(name, str) and isinstance(module, str) else _Unknown()

    def _call(self, name: str) -> None:
        if name == "NEWOBJ_EX":
            self._stack.pop()
        arguments, function = self._stack.pop(), self._stack.pop()
        called = function.name if isinstance(function, _Global) else ""
        value: Any = _Unknown()
        if called in _REBUILD and isinstance(arguments, tuple):
            storage, _, shape = arguments[:3]
            if _is_shape(shape):
                value = TensorValue(storage if isinstance(storage, str) else "unknown", shape)
        elif called in _PARAMETER and isinstance(arguments, tuple) and arguments:
            value = arguments[0]
        elif called == WRAPPER:
            value = ArrayValue()
        elif called == "numpy.dtype":
            code = arguments[0] if isinstance(arguments, tuple) and arguments else None
            plain = _PLAIN.fullmatch(code) if isinstance(code, str) else None
            value = _DType(int(plain[1]) if plain else None, code in ("O", "O8", "O4"))
        elif called.endswith((".OrderedDict", ".defaultdict")):
            value = self._ordered(arguments)
        self._stack.append(value)

    def _storage(self, identity: Any) -> Any:
        """The element type of a storage: `("storage", FloatStorage, key, place, count)`."""
        if isinstance(identity, tuple) and len(identity) > 1 and isinstance(identity[1], _Global):
            kind = identity[1].name.rpartition(".")[2]
            return DTYPES.get(kind, "unknown")
        return _Unknown()

    def _ordered(self, arguments: Any) -> _Ordered:
        """A mapping with the pairs that it is made of, as Python 2 wrote them."""
        made = _Ordered()
        pairs = arguments[0] if isinstance(arguments, tuple) and arguments else None
        if not isinstance(pairs, list):
            return made
        # One list can be in many calls.
        self._pairs += len(pairs)
        if self._pairs > OPCODES_MAX:
            raise ValueError("mappings without end")
        for pair in pairs:
            if isinstance(pair, (list, tuple)) and len(pair) == 2 and isinstance(pair[0], (str, int)):
                made[pair[0]] = pair[1]
        return made


def _is_shape(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) > DIMENSIONS_MAX:
        return False
    return all(type(size) is int and 0 <= size <= SIZE_MAX for size in value)
