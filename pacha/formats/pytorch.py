"""PyTorch checkpoints: a ZIP with a pickle that says which tensors lie in which member, or, in old files, a bare pickle.

The pickle is walked symbolically: texts, numbers, tuples and the calls that rebuild tensors are followed as values, and
nothing is ever called. What the walk does not understand it does not claim: then the members alone are listed.
Source: torch.serialization; the opcode table of pickletools.
"""

from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickles import BROKEN, STREAM_BYTES_MAX, Walked, walk
from pacha.formats.picklestack import SIZE_MAX, ObjectValue, PickleStack, TensorValue
from pacha.formats.tensors import NAME_LENGTH_MAX, TENSORS_MAX, summary_of, tensor, text
from pacha.formats.zips import ZipMember, members, read_member

FORMATS = ("pytorch",)
_MEMBERS_SHOWN = 1_000
#: State dicts lie in dicts of optimisers and epochs; deeper ones are not models.
DEPTH_MAX = 8
#: One object can lie in many places of a pickle, so what is small on disk can be endless to walk through.
ITEMS_MAX = 1_000_000
#: An archive has one or two; each is looked at whole.
PICKLES_MAX = 8


def inspect_source(name: str, source: Source) -> Inspection:
    """Tensors, imports and members. Errors: `Malformed`."""
    del name
    if source.read(0, 4) != b"PK\x03\x04":
        return _rowed(source.read(0, STREAM_BYTES_MAX))
    return _zip(source)


def _rowed(data: bytes) -> Inspection:
    """The old layout is several pickles in a row: a number, a version, the machine, the object, and its storages."""
    found, rows, warnings = walk(data), list[dict[str, Any]](), list[str]()
    # The oldest pickles begin with no magic: what imports anything may be one, whatever it begins with.
    if not data.startswith(b"\x80") and found.problem and not found.imports:
        raise Malformed("neither a ZIP archive nor a pickle")
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
    return Walked(opcodes=counts, imports=imports, problem=first.problem or second.problem, end=second.end)


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
        value = PickleStack().run(data)
    except BROKEN:
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
        if isinstance(item, ObjectValue):
            item = item.state
        if isinstance(item, TensorValue):
            rows.append(tensor(text(name) or "tensor", item.dtype, item.shape))
        elif isinstance(item, dict) and depth < DEPTH_MAX:
            for key, inner in item.items():
                if isinstance(inner, (dict, ObjectValue, TensorValue, list)):
                    todo.append((_path(name, key), inner, depth + 1))
        elif isinstance(item, list) and depth < DEPTH_MAX and len(item) < TENSORS_MAX:
            todo.extend((_path(name, at), inner, depth + 1) for at, inner in enumerate(item))
    return sorted(rows, key=lambda row: str(row["name"]))


def _path(name: str, key: str | int) -> str:
    """The name of what lies under a key. It is cut here, not at the end: names add up along a path."""
    word = key[:NAME_LENGTH_MAX] if isinstance(key, str) else str(max(-SIZE_MAX, min(key, SIZE_MAX)))
    return f"{name}.{word}"[:NAME_LENGTH_MAX] if name else word
