"""Pickles, looked at without being loaded: a walk over their opcodes lists what loading would import.

A pickle is a program. Nothing here runs it: `pickletools` only splits its bytes into opcodes, and a small stack keeps
track of texts so that `STACK_GLOBAL` can be told. What cannot be followed is said, never guessed. A list of imports
makes nobody safe: it is a tripwire. Source: the opcode table of the standard library's pickletools.
"""

import io
import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pacha.formats.tensors import text

#: Opcodes looked at: a state dict of a large model has some hundred thousand.
OPCODES_MAX = 2_000_000
#: Bytes of a stream looked at: arrays may lie inside.
STREAM_BYTES_MAX = 64 << 20
IMPORTS_MAX = 2_000
LOADING_RUNS_CODE = "pickle: loading it runs code"
#: What an honest model imports. Anything else is named with a warning.
HARMLESS = frozenset(
    {
        "collections.OrderedDict", "collections.defaultdict", "builtins.set", "builtins.frozenset", "builtins.slice",
        "builtins.complex", "builtins.range", "builtins.bytearray", "builtins.dict", "builtins.list", "builtins.tuple",
        "copyreg._reconstructor", "copy_reg._reconstructor", "builtins.object", "__builtin__.object",
        "_codecs.encode", "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.ndarray", "numpy.dtype", "numpy.matrixlib.defmatrix.matrix", "numpy.matrix",
        "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer", "numpy.random._pickle.__randomstate_ctor",
        "datetime.datetime", "datetime.date", "datetime.timedelta", "decimal.Decimal", "fractions.Fraction",
        "pathlib.PosixPath", "pathlib.PurePosixPath", "uuid.UUID", "torch.Size", "torch.device", "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3", "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_parameter_with_state", "torch._utils._rebuild_qtensor", "torch.nn.parameter.Parameter",
        "torch._tensor._rebuild_from_type_v2", "torch.serialization._get_layout", "joblib.numpy_pickle.NumpyArrayWrapper",
    }
)  # fmt: skip
#: Libraries whose classes are data: their names are told and not warned of. Their functions are not: one is `eval`.
HARMLESS_PACKAGES = ("sklearn.", "scipy.sparse.", "pandas.core.", "pandas._libs.", "xgboost.", "lightgbm.")
_CLASS = re.compile(r"_{0,2}[A-Z]\w*|__pyx_unpickle_\w+|_new_Index|_unpickle_block|newObj", re.ASCII)
#: What a warning shows of a name.
SHOWN_LENGTH_MAX = 200
#: Classes of the program inside a TorchScript archive, and what its lists are made with. `code: …` tells of the program.
_SCRIPT = re.compile(
    r"__torch__\.[\w.]+|torch\.jit\._pickle\.(build_(int|tensor|double|bool)list|restore_type_tag)", re.ASCII
)
HARMLESS_SUFFIXES = ("Storage",)
_STRINGS = frozenset(
    {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}
)
#: What a broken stream, or following a broken stack, can raise.
BROKEN = (
    ValueError, IndexError, KeyError, TypeError, OverflowError, MemoryError, RecursionError, AttributeError
)  # fmt: skip
_EXTENSIONS = frozenset({"EXT1", "EXT2", "EXT4"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})


@dataclass(slots=True)
class Walked:
    """What a walk has seen. `problem` says why it did not come to the end."""

    opcodes: dict[str, int] = field(default_factory=dict)
    imports: list[str] = field(default_factory=list)
    problem: str | None = None
    end: int = 0

    def join(self, other: "Walked") -> None:
        """Takes over what was seen in a pickle that lies inside this one."""
        for name, count in other.opcodes.items():
            self.opcodes[name] = self.opcodes.get(name, 0) + count
        self.imports.extend(other.imports)
        self.problem = self.problem or other.problem

    def warnings(self) -> tuple[str, ...]:
        """The badges: that it is a pickle, which imports are unusual, and what could not be followed."""
        unusual = [name for name in self.imports if not is_harmless(name)]
        told = tuple(f"suspicious import: {name[:SHOWN_LENGTH_MAX]}" for name in unusual[:20])
        more = (f"suspicious import: {len(unusual) - 20} more",) if len(unusual) > 20 else ()
        return (LOADING_RUNS_CODE, *told, *more, *((f"not followed: {self.problem}",) if self.problem else ()))

    def detail(self) -> dict[str, Any]:
        """The whole list."""
        return {"imports": sorted(self.imports), "opcodes": dict(sorted(self.opcodes.items()))}


def is_harmless(name: str) -> bool:
    """Tells whether an import is one that honest models have.

    >>> is_harmless("torch.FloatStorage"), is_harmless("posix.system"), is_harmless("sklearn.utils:os.system")
    (True, False, False)
    """
    if name in HARMLESS or _SCRIPT.fullmatch(name):
        return True
    if name.startswith(HARMLESS_PACKAGES) and ":" not in name:
        return _CLASS.fullmatch(name.rpartition(".")[2]) is not None
    return name.startswith("torch.") and name.count(".") == 1 and name.endswith(HARMLESS_SUFFIXES)


def opcodes(data: bytes) -> Iterator[tuple[str, Any, int]]:
    """Name, argument and place of each opcode. Errors: `ValueError` where it is cut or unknown."""
    return _opcodes(io.BytesIO(data))


def _opcodes(stream: io.BytesIO) -> Iterator[tuple[str, Any, int]]:
    for opcode, argument, position in pickletools.genops(stream):
        yield opcode.name, argument, position or 0


#: Sees each opcode, its argument, and the stream behind it, which it may move on past what is no opcode.
Follower = Callable[[str, Any, io.BytesIO, "Walked"], None]


def walk(data: bytes | io.BytesIO, follower: Follower | None = None) -> Walked:
    """Looks at one pickle to its STOP; a stream then stands behind it. Never raises: what goes wrong is in the answer."""
    found, stream = Walked(), data if isinstance(data, io.BytesIO) else io.BytesIO(data)
    texts: list[str | None] = []
    memo: dict[int, str | None] = {}
    seen: set[str] = set()
    ended = False
    try:
        for count, (name, argument, position) in enumerate(_opcodes(stream)):
            if count >= OPCODES_MAX or len(seen) >= IMPORTS_MAX:
                found.problem = "too long to look at whole"
                break
            found.opcodes[name] = found.opcodes.get(name, 0) + 1
            found.end = position + 1
            ended = name == "STOP"
            imported = _import(name, argument, texts)
            if imported is not None and imported not in seen:
                seen.add(imported)
                found.imports.append(imported)
            _follow(name, argument, texts, memo)
            if follower is not None:
                follower(name, argument, stream, found)
    except BROKEN as error:
        found.problem = text(str(error))[:120] or "cut off"
    else:
        if not ended and found.problem is None:
            found.problem = "it has no end"
    found.imports = list(dict.fromkeys(found.imports))
    return found


def _import(name: str, argument: Any, texts: list[str | None]) -> str | None:
    if name in ("GLOBAL", "INST"):
        return qualified(*str(argument).split(" ", 1))
    if name in _EXTENSIONS:
        return f"(number {argument} of the registry of extensions)"
    if name != "STACK_GLOBAL":
        return None
    module, word = (None, None, *texts)[-2:]
    return "(a name that is made while loading)" if module is None or word is None else qualified(module, word)


def qualified(module: str, name: str = "") -> str:
    """The name of an import. One that reaches through an object (`os.system` of `sklearn.utils`) has a colon.

    >>> qualified("posix", "system"), qualified("sklearn.utils", "os.system")
    ('posix.system', 'sklearn.utils:os.system')
    """
    return text(f"{module}{':' if '.' in name else '.'}{name}")


def _follow(name: str, argument: Any, texts: list[str | None], memo: dict[int, str | None]) -> None:
    """Keeps the last texts and what the memo holds: all that is needed to tell what STACK_GLOBAL imports."""
    if name in _STRINGS:
        texts.append(str(argument))
    elif name == "MEMOIZE":
        memo[len(memo)] = texts[-1] if texts else None
    elif name in _PUTS:
        memo[int(argument)] = texts[-1] if texts else None
    elif name in _GETS:
        texts.append(memo.get(int(argument)))
    elif name not in ("PROTO", "FRAME"):
        texts.append(None)
    del texts[:-4]
