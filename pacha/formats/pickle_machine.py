"""Follows a pickle symbolically: what it would import and make is told; nothing is imported, called or made.

A pickle is a program for a small stack machine. Here the machine's values are texts, numbers, tuples, lists, dicts and
three symbols: something imported, something made by a call, something that lies beside the pickle. What cannot be
followed is a symbol too, so that a name which is put together while loading is told as exactly that.
Source: Lib/pickle.py, class _Unpickler; joblib/numpy_pickle.py, NumpyArrayWrapper.read_array.
"""

from collections.abc import Callable
from typing import Any

from pacha.formats.inspection import Malformed
from pacha.formats.pickle_codes import Opaque, next_opcode
from pacha.formats.pickle_values import OBJECTS, Beside, Imported, Made, RawArray, numpy_dtype
from pacha.formats.stream import Stream, TooMuch

#: Steps of one file: a state dict has some thousand, a vocabulary three a word. More take too long to look at.
STEPS_MAX = 2_000_000
IMPORTS_MAX = 2_000
#: Texts that are kept of one file, in characters; beyond this they are passed by.
TEXTS_MAX = 64 << 20
#: Arrays of objects between the opcodes hold pickles of their own, in which there may be more.
NESTING_MAX = 8
_DIMENSIONS_MAX = 64
#: An import whose name is no text of the pickle.
MADE_WHILE_LOADING = "(a name that is made while loading)"
#: joblib writes the bytes of an array right behind the object that describes it.
RAW_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"


class Followed:
    """What was seen of one file: counts of opcodes, imports in their order, and the last value.

    An import that has no name in the file is a text that says so.
    """

    def __init__(self) -> None:
        self.opcodes: dict[str, int] = {}
        self.imports: dict[Imported | str, None] = {}
        self.value: Any = None
        self.steps = self.texts = 0
        #: Why it was not followed to its end.
        self.fault: str | None = None
        self.is_too_much = self.has_raw_arrays = False

    @property
    def is_broken(self) -> bool:
        """Tells whether it is no pickle, as far as anybody can tell: it broke off before it imported anything."""
        return self.fault is not None and not self.imports and not self.is_too_much


def follow(stream: Stream, seen: Followed, *, raw_arrays: bool = False, depth: int = 0) -> bool:
    """Follows one pickle to its STOP, and tells whether it came there; if not, `seen.fault` says why. Never raises."""
    try:
        seen.value = _Machine(stream, seen, raw_arrays=raw_arrays, depth=depth).run()
        return True
    except Malformed as error:
        fault, is_too_much = error.message, isinstance(error, TooMuch)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        fault, is_too_much = f"its stack is broken ({type(error).__name__})", False
    # What was wrong first is told, whatever comes after it.
    seen.value, seen.fault, seen.is_too_much = None, seen.fault or fault, seen.is_too_much or is_too_much
    return False


class _Machine:
    """The stack, the marks and the memo of one pickle."""

    def __init__(self, stream: Stream, seen: Followed, *, raw_arrays: bool, depth: int) -> None:
        self._stream, self._seen, self._raw_arrays, self._depth = stream, seen, raw_arrays, depth
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._frame_end = 0

    def run(self) -> Any:
        """The value at STOP. Errors: `Malformed`, and what a broken stack raises."""
        seen, counts = self._seen, self._seen.opcodes
        while True:
            name, argument = next_opcode(self._stream)
            counts[name] = counts.get(name, 0) + 1
            seen.steps += 1
            if seen.steps > STEPS_MAX:
                raise TooMuch(f"it has more than {STEPS_MAX} opcodes")
            if name == "STOP":
                return self._stack.pop()
            step = _STEPS.get(name)
            if step is None:
                self._stack.append(self._kept(argument))
            else:
                step(self, argument)

    def _kept(self, argument: object) -> object:
        if type(argument) is str:
            self._seen.texts += len(argument)
            if self._seen.texts > TEXTS_MAX:
                return Opaque("text", len(argument))
        return argument

    def marked(self) -> list[Any]:
        """What was pushed since the last mark."""
        items, self._stack = self._stack, self._below.pop()
        return items

    def _note(self, found: Imported | str) -> Any:
        if len(self._seen.imports) >= IMPORTS_MAX:
            raise TooMuch(f"it has more than {IMPORTS_MAX} imports")
        self._seen.imports[found] = None
        return found if type(found) is Imported else Opaque("import")

    def frame(self, length: Any) -> None:
        self._frame_end = self._stream.at + length

    def mark(self, _: object) -> None:
        self._below.append(self._stack)
        self._stack = []

    def pop(self, _: object) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self.marked()

    def pop_marked(self, _: object) -> None:
        self.marked()

    def push_import(self, argument: Any) -> None:
        self._stack.append(self._note(Imported(*argument)))

    def push_stack_import(self, _: object) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        is_told = type(name) is str and type(module) is str
        self._stack.append(self._note(Imported(module, name) if is_told else MADE_WHILE_LOADING))

    def push_extension(self, argument: object) -> None:
        # It stands for an import that some library registered where the pickle is loaded.
        self._stack.append(self._note(f"(number {argument} of the registry of extensions)"))

    def inst(self, argument: Any) -> None:
        arguments = self.marked()
        self._stack.append(_made(self._note(Imported(*argument)), tuple(arguments)))

    def obj(self, _: object) -> None:
        arguments = self.marked()
        self._stack.append(_made(arguments[0], tuple(arguments[1:])))

    def call(self, _: object) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(_made(function, arguments if type(arguments) is tuple else ()))

    def call_named(self, _: object) -> None:
        self._stack.pop()
        self.call(None)

    def build(self, _: object) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if type(target) is Made:
            target.state = state
            if self._raw_arrays and target.call == RAW_ARRAY:
                self._stack[-1] = self._raw_array(state)

    def beside(self, argument: object) -> None:
        self._stack.append(Beside(argument if argument is not None else self._stack.pop()))

    def tuple_of(self, count: int | None) -> None:
        if count is None:
            items = self.marked()
            self._stack.append(tuple(items))
            return
        start = len(self._stack) - count
        if start < 0:
            raise IndexError
        self._stack[start:] = [tuple(self._stack[start:])]

    def append_to(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is Made:
            target.listed.extend(items)

    def set_in(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is Made:
            target = target.items
        if type(target) is dict:
            for key, value in zip(items[::2], items[1::2], strict=True):
                # Other keys have no name here; their values are kept all the same.
                target[key if type(key) in (str, int, bool) else f"#{len(target)}"] = value

    def dict_of(self, _: object) -> None:
        items = self.marked()
        self._stack.append({})
        self.set_in(items)

    def put(self, argument: Any) -> None:
        self._memo[argument] = self._stack[-1]

    def memoize(self, _: object) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def get(self, argument: Any) -> None:
        self._stack.append(self._memo[argument])

    def push(self, value: object) -> None:
        self._stack.append(value)

    def drop_one(self) -> Any:
        """The uppermost value, taken away."""
        return self._stack.pop()

    def double(self, _: object) -> None:
        self._stack.append(self._stack[-1])

    def _raw_array(self, state: Any) -> RawArray:
        """Passes by the bytes of an array. Errors: `Malformed` if it does not say how many there are."""
        self._seen.has_raw_arrays = True
        if self._stream.at < self._frame_end:
            # A loader has read the frame ahead: for it the array lies elsewhere.
            raise Malformed("an array in the middle of a frame")
        if type(state) is not dict or type(shape := state.get("shape")) is not tuple:
            raise Malformed("an array between the opcodes has no shape")
        if len(shape) > _DIMENSIONS_MAX or not all(type(size) is int and 0 <= size < 2**62 for size in shape):
            raise Malformed("an array between the opcodes has a shape that is none")
        dtype, width = numpy_dtype(state.get("dtype"))
        if dtype == OBJECTS:
            return self._pickled_array(shape)
        if type(state.get("numpy_array_alignment_bytes")) is int:
            self._stream.skip(self._stream.take(1)[0])
        if width is None:
            raise Malformed("an array between the opcodes is of an unknown type")
        length = width
        for size in shape:
            length *= size
        offset = self._stream.at
        self._stream.skip(length)
        return RawArray(dtype, shape, offset, length)

    def _pickled_array(self, shape: tuple[int, ...]) -> RawArray:
        offset = self._stream.at
        if self._depth >= NESTING_MAX:
            raise TooMuch("arrays of objects are nested too deeply")
        if not follow(self._stream, self._seen, raw_arrays=False, depth=self._depth + 1):
            raise (TooMuch if self._seen.is_too_much else Malformed)(self._seen.fault or "")
        return RawArray(OBJECTS, shape, offset, self._stream.at - offset)


def _made(function: object, arguments: tuple[Any, ...]) -> Made:
    return Made(str(function) if type(function) is Imported else "", arguments)


def _single(machine: _Machine) -> list[Any]:
    return [machine.drop_one()]


def _pair(machine: _Machine) -> list[Any]:
    value = machine.drop_one()
    return [machine.drop_one(), value]


_Step = Callable[[_Machine, Any], None]
#: What an opcode does; one that is not here pushes its argument.
_STEPS: dict[str, _Step] = {
    "PROTO": lambda machine, _: None, "FRAME": _Machine.frame, "READONLY_BUFFER": lambda machine, _: None,
    "NEXT_BUFFER": lambda machine, _: machine.push(Opaque("buffer")),
    "MARK": _Machine.mark, "POP": _Machine.pop, "POP_MARK": _Machine.pop_marked,
    "DUP": _Machine.double, "PUT": _Machine.put, "BINPUT": _Machine.put, "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize, "GET": _Machine.get, "BINGET": _Machine.get, "LONG_BINGET": _Machine.get,
    "NONE": lambda machine, _: machine.push(None), "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "GLOBAL": _Machine.push_import, "STACK_GLOBAL": _Machine.push_stack_import, "INST": _Machine.inst,
    "EXT1": _Machine.push_extension, "EXT2": _Machine.push_extension, "EXT4": _Machine.push_extension,
    "OBJ": _Machine.obj, "REDUCE": _Machine.call, "NEWOBJ": _Machine.call, "NEWOBJ_EX": _Machine.call_named,
    "BUILD": _Machine.build, "PERSID": _Machine.beside, "BINPERSID": _Machine.beside,
    "TUPLE": lambda machine, _: machine.tuple_of(None), "EMPTY_TUPLE": lambda machine, _: machine.tuple_of(0),
    "TUPLE1": lambda machine, _: machine.tuple_of(1), "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": lambda machine, _: machine.push(machine.marked()),
    "FROZENSET": lambda machine, _: machine.push(machine.marked()), "DICT": _Machine.dict_of,
    "EMPTY_LIST": lambda machine, _: machine.push([]), "EMPTY_SET": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "APPEND": lambda machine, _: machine.append_to(_single(machine)),
    "APPENDS": lambda machine, _: machine.append_to(machine.marked()),
    "ADDITEMS": lambda machine, _: machine.append_to(machine.marked()),
    "SETITEM": lambda machine, _: machine.set_in(_pair(machine)),
    "SETITEMS": lambda machine, _: machine.set_in(machine.marked()),
}  # fmt: skip
