"""What is said of a pickle: that loading it runs code, which of its imports are unusual, what could not be followed.

A list of imports makes nobody safe: it is a tripwire. So what is not known to be harmless is named, and what cannot be
told is named too.
"""

import re
from collections.abc import Iterable
from typing import Any

from pacha.formats.pickle_machine import Followed
from pacha.formats.pickle_values import Imported
from pacha.formats.tensors import text

LOADING_RUNS_CODE = "pickle: loading it runs code"
SUSPICIOUS = "suspicious import"
NOT_FOLLOWED = "not followed"
#: Of more imports that are unusual, the number is told.
SHOWN_MAX = 20
#: What is shown of a name.
NAME_LENGTH_MAX = 200

#: Functions and types, by module, that rebuild plain values of the languages and libraries in which models are kept.
_HARMLESS = {
    "builtins": "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple",
    "collections": "OrderedDict defaultdict deque Counter",
    "copyreg": "_reconstructor __newobj__",
    "_codecs": "encode",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "fractions": "Fraction",
    "pathlib": "Path PosixPath PurePath PurePosixPath WindowsPath PureWindowsPath",
    "uuid": "UUID",
    "numpy": "ndarray dtype bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 str_ matrix",
    "numpy.core.multiarray": "_reconstruct scalar",
    "numpy.core.numeric": "_frombuffer",
    "numpy.matrixlib.defmatrix": "matrix",
    "numpy.ma.core": "_mareconstruct MaskedArray",
    "numpy.random._pickle": "__randomstate_ctor __generator_ctor __bit_generator_ctor",
    "numpy.random._mt19937": "MT19937",
    "numpy.random._pcg64": "PCG64",
    "joblib.numpy_pickle": "NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper",
    "torch": "Size device dtype Tensor float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool strided",
    "torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3 _rebuild_parameter "
    "_rebuild_parameter_with_state _rebuild_qtensor _rebuild_sparse_tensor _rebuild_meta_tensor_no_storage "
    "_rebuild_device_tensor_from_numpy",
    "torch._tensor": "_rebuild_from_type_v2",
    "torch.jit._pickle": "build_intlist build_doublelist build_boollist build_tensorlist restore_type_tag",
    "torch.nn.parameter": "Parameter Buffer",
    "torch.serialization": "_get_layout",
    "torch.storage": "_load_from_bytes UntypedStorage TypedStorage",
    "sklearn.tree._tree": "Tree",
    "sklearn.neighbors._kd_tree": "KDTree newObj",
    "sklearn.neighbors._ball_tree": "BallTree newObj",
    "pandas.core.indexes.base": "_new_Index Index",
    "pandas._libs.internals": "_unpickle_block BlockPlacement BlockManager",
}
_HARMLESS_PAIRS = frozenset((module, name) for module, names in _HARMLESS.items() for name in names.split())
# Loading the bytes of a storage by this function loads a pickle once more.
_RELOADS = frozenset({("torch.storage", "_load_from_bytes")})
#: Old names of the same modules.
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}
#: Libraries whose classes are data. Their functions are not: some of them load files or evaluate texts.
_CLASSES = re.compile(
    r"(sklearn|scipy\.(sparse|stats|interpolate|spatial)|pandas\.core|xgboost|lightgbm|catboost|torch\.nn\.modules|"
    r"torch\.optim|statsmodels)(\.\w+)*",
    re.ASCII,
)
_CLASS_NAME = re.compile(r"_?[A-Z]\w*|(csr|csc|coo|bsr|dia|dok|lil)_(matrix|array)", re.ASCII)
#: TorchScript's own classes are in the archive, as code that is named with a warning of its own.
_SCRIPT = re.compile(r"__torch__(\.\w+)*", re.ASCII)


def is_harmless(found: Imported) -> bool:
    """Tells whether an import is one that honest models have.

    >>> is_harmless(Imported("torch", "FloatStorage")), is_harmless(Imported("posix", "system"))
    (True, False)
    >>> is_harmless(Imported("sklearn.svm", "SVC")), is_harmless(Imported("sklearn.svm", "os.system"))
    (True, False)
    """
    module = _RENAMED.get(found.module, found.module).replace("numpy._core.", "numpy.core.")
    if (module, found.name) in _HARMLESS_PAIRS:
        return (module, found.name) not in _RELOADS
    if module in ("torch", "torch.cuda") and re.fullmatch(r"[A-Z]\w*Storage", found.name, re.ASCII):
        return True
    if module.startswith("numpy.dtypes") and re.fullmatch(r"[A-Z]\w*DType", found.name, re.ASCII):
        return True
    is_class = _CLASS_NAME.fullmatch(found.name) is not None
    return is_class and (_CLASSES.fullmatch(module) is not None or _SCRIPT.fullmatch(module) is not None)


def warnings_of(seen: Followed, more: Iterable[Imported | str] = ()) -> tuple[str, ...]:
    """The badges of a pickle. `more` is what another way of reading the same bytes would import."""
    imports = [*seen.imports, *(found for found in more if found not in seen.imports)]
    unusual = [shown(found) for found in imports if type(found) is not Imported or not is_harmless(found)]
    told = [f"{SUSPICIOUS}: {name}" for name in unusual[:SHOWN_MAX]]
    if len(unusual) > SHOWN_MAX:
        told.append(f"{SUSPICIOUS}: {len(unusual) - SHOWN_MAX} more")
    if seen.fault is not None:
        told.append(f"{NOT_FOLLOWED}: {text(seen.fault)}")
    return (LOADING_RUNS_CODE, *told)


def shown(found: Imported | str) -> str:
    """An import as people read it."""
    return text(str(found))[:NAME_LENGTH_MAX]


def detail_of(seen: Followed) -> dict[str, Any]:
    """All imports and the counts of opcodes."""
    return {
        "imports": sorted(shown(found) for found in seen.imports),
        "opcodes": dict(sorted(seen.opcodes.items())),
    }
