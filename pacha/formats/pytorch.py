"""PyTorch checkpoints: a ZIP with a pickle that says which tensors lie in which member, or, in old files, a bare pickle.

The pickle is walked symbolically: texts, numbers, tuples and the calls that rebuild tensors are followed as values, and
nothing is ever called. What the walk does not understand it does not claim: then the members alone are listed.
Source: torch.serialization; the opcode table of pickletools.
"""

from dataclasses import dataclass
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickles import OPCODES_MAX, STREAM_BYTES_MAX, Walked, opcodes, qualified, walk
from pacha.formats.tensors import NAME_LENGTH_MAX, TENSORS_MAX, summary_of, tensor, text
from pacha.formats.zips import ZipMember, members, read_member

FORMATS = ("pytorch",)
DTYPES = {
    "FloatStorage": "F32", "DoubleStorage": "F64", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64",
    "IntStorage": "I32", "ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL",
    "ComplexFloatStorage": "C64", "ComplexDoubleStorage": "C128", "QInt8Storage": "QI8", "QUInt8Storage": "QU8",
    "QInt32Storage": "QI32", "UntypedStorage": "untyped",
}  # fmt: skip
_REBUILD = ("torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v3")
_PARAMETER = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_MEMBERS_SHOWN = 1_000
#: State dicts lie in dicts of optimisers and epochs; deeper ones are not models.
DEPTH_MAX = 8
#: One object can lie in many places of a pickle, so what is small on disk can be endless to walk through.
ITEMS_MAX = 1_000_000
#: An archive has one or two; each is looked at whole.
PICKLES_MAX = 8
_SIZE_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


@dataclass(frozen=True, slots=True)
class _Tensor:
    dtype: str
    shape: tuple[int, ...]


class _Unknown:
    """A value that was not followed."""


class _Mark:
    """Where a tuple, list or dict begins."""


def inspect_source(name: str, source: Source) -> Inspection:
    """Tensors, imports and members. Errors: `Malformed`."""
    del name
    if source.read(0, 4) != b"PK\x03\x04":
        data = source.read(0, STREAM_BYTES_MAX)
        if not data.startswith(b"\x80"):
            raise Malformed("neither a ZIP archive nor a pickle")
        return _rowed(data)
    return _zip(source)


def _rowed(data: bytes) -> Inspection:
    """The old layout is several pickles in a row: a number, a version, the machine, the object, and its storages."""
    found, rows, warnings = walk(data), list[dict[str, Any]](), list[str]()
    for _ in range(4):
        rows = rows or _tensors(data, warnings)
        data = data[found.end :]
        if found.problem or not data.startswith(b"\x80"):
            break
        found = _joined(found, walk(data))
    summary = {"format": "pytorch", "layout": "pickle", **(summary_of(rows) if rows else {})}
    summary["imports"] = len(found.imports)
    detail = {"tensors": rows, **found.detail()}
    return Inspection(format="pytorch", summary=summary, detail=detail, warnings=(*found.warnings(), *warnings))


def _joined(first: Walked, second: Walked) -> Walked:
    counts = dict(first.opcodes)
    for name, count in second.opcodes.items():
        counts[name] = counts.get(name, 0) + count
    imports = list(dict.fromkeys((*first.imports, *second.imports)))
    return Walked(opcodes=counts, imports=imports, problem=second.problem, end=second.end)


def _zip(source: Source) -> Inspection:
    there = members(source)
    pickles = [member for member in there if member.name.rpartition("/")[2] in ("data.pkl", "constants.pkl")]
    is_script = any("/code/" in f"/{member.name}" for member in there)
    rows: list[dict[str, Any]] = []
    seen = Walked()
    warnings: list[str] = []
    if len(pickles) > PICKLES_MAX:
        warnings.append(f"not followed: only {PICKLES_MAX} of {len(pickles)} pickles are looked at")
    for member in pickles[:PICKLES_MAX]:
        data = read_member(source, member, size_max=STREAM_BYTES_MAX)
        seen = _joined(seen, walk(data))
        if member.name.endswith("data.pkl"):
            rows.extend(_tensors(data, warnings))
    if not pickles:
        raise Malformed("a ZIP archive without a data.pkl")
    if is_script:
        warnings.append("code: TorchScript holds a program, which loading it makes ready to run")
    summary: dict[str, Any] = {"format": "pytorch", "layout": "torchscript" if is_script else "zip"}
    if rows:
        summary.update(summary_of(rows))
    detail = {"tensors": rows, "members": _listed(there), **seen.detail()}
    return Inspection(format="pytorch", summary=summary, detail=detail, warnings=(*seen.warnings(), *warnings))


def _listed(there: list[ZipMember]) -> list[dict[str, Any]]:
    return [{"name": text(member.name), "bytes": member.size} for member in there[:_MEMBERS_SHOWN]]


def _tensors(data: bytes, warnings: list[str]) -> list[dict[str, Any]]:
    try:
        value = _Evaluator().run(data)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, RecursionError, AttributeError):
        warnings.append("not followed: its tensors are not listed")
        return []
    rows: list[dict[str, Any]] = []
    todo: list[tuple[str, Any, int]] = [("", value, 0)]
    steps = 0
    while todo and len(rows) < TENSORS_MAX:
        name, item, depth = todo.pop()
        steps += 1
        if steps + len(todo) > ITEMS_MAX:
            warnings.append("not followed: its tensors are not listed, there is no end of them")
            return []
        if isinstance(item, _Tensor):
            rows.append(tensor(text(name) or "tensor", item.dtype, item.shape))
        elif isinstance(item, dict) and depth < DEPTH_MAX:
            for key, inner in item.items():
                if isinstance(inner, (dict, _Tensor, list)):
                    todo.append((_path(name, key), inner, depth + 1))
        elif isinstance(item, list) and depth < DEPTH_MAX and len(item) < TENSORS_MAX:
            todo.extend((_path(name, at), inner, depth + 1) for at, inner in enumerate(item))
    return sorted(rows, key=lambda row: str(row["name"]))


def _path(name: str, key: str | int) -> str:
    """The name of what lies under a key. It is cut here, not at the end: names add up along a path."""
    word = key[:NAME_LENGTH_MAX] if isinstance(key, str) else str(max(-_SIZE_MAX, min(key, _SIZE_MAX)))
    return f"{name}.{word}"[:NAME_LENGTH_MAX] if name else word


class _Evaluator:
    """A pickle's stack with values that mean nothing but tensors and what leads to them. Calls nothing."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:
        """The value that a pickle stands for, as far as it was followed. Errors: whatever a broken stack raises."""
        for count, (name, argument, _) in enumerate(opcodes(data)):
            if count > OPCODES_MAX:
                raise ValueError("too long")
            if name == "STOP":
                return self._stack[-1]
            self._step(name, argument)
        raise ValueError("no end")

    def _step(self, name: str, argument: Any) -> None:
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
            state = stack.pop()
            if isinstance(stack[-1], _Unknown) and isinstance(state, dict):
                stack[-1] = state
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
        elif argument is not None and isinstance(argument, (str, int, float, bytes)):
            self._stack.append(argument)
        else:
            self._stack.append(_Unknown())

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
            if (
                isinstance(shape, tuple)
                and all(type(size) is int and 0 <= size <= _SIZE_MAX for size in shape)
                and len(shape) <= 64
            ):
                value = _Tensor(storage if isinstance(storage, str) else "unknown", shape)
        elif called in _PARAMETER and isinstance(arguments, tuple) and arguments:
            value = arguments[0]
        elif called.endswith((".OrderedDict", ".defaultdict")):
            value = {}
        self._stack.append(value)

    def _storage(self, identity: Any) -> Any:
        """The element type of a storage: `("storage", FloatStorage, key, place, count)`."""
        if isinstance(identity, tuple) and len(identity) > 1 and isinstance(identity[1], _Global):
            kind = identity[1].name.rpartition(".")[2]
            return DTYPES.get(kind, "unknown")
        return _Unknown()
