"""What a machine finds in the bytes of an artifact: facts for its manifest, and the columns of a dataset.

Facts are small and travel with Git; the whole table of every file is one document beside the bytes.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

from pacha.base.canonical import Unrepresentable, encode_compact, encode_lines
from pacha.formats.features import features_of_rows
from pacha.formats.inspect import inspect
from pacha.formats.inspection import FileSource, Inspection, Source
from pacha.formats.sniff import HEAD_BYTES, format_of
from pacha.formats.tensors import structure
from pacha.objects.blob import BLOB_BYTES_MAX
from pacha.objects.manifest import FACTS_BYTES_MAX
from pacha.worktree.reading import holding_still
from pacha.worktree.scan import FoundFile, Scan

#: A folder of many files is a dataset of parts: so many are looked into, the rest is counted.
FILES_MAX = 256
#: The configuration of a model folder is a page of JSON.
CONFIG_BYTES_MAX = 1 << 20
CONFIG_FILE = "config.json"
#: What the table of an artifact of one file calls that file.
ONLY = ""
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUMS = ("parameters", "tensors", "rows")

Opener = Callable[[], AbstractContextManager[Source]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Facts (the summary), the whole table as bytes, and members of the card that follow from the bytes."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    detail: bytes | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Unknown:
    """Files that no inspector knows, by the bytes that were read to store them. Any thread may show one."""

    def __init__(self) -> None:
        self.paths: set[str] = set()

    def look(self, file: FoundFile, data: bytes) -> None:
        """Looks at a file that was read whole."""
        if file.path != CONFIG_FILE and format_of(file.path.rpartition("/")[2], data[:HEAD_BYTES]) is None:
            self.paths.add(file.path)


def measure_files(there: Scan, kind: str, *, unknown: Set[str] = frozenset()) -> Measured:
    """Looks into the files of an artifact as they lie; those that are `unknown` are not opened to see that they are.

    Errors: `ChangedWhileRead`, `MachineFailed`.
    """
    with holding_still([file for file in there.files if file.path not in unknown]):
        openers = [(file.path, None if file.path in unknown else _opener(file.full)) for file in there.files]
        return measure(openers, kind, shape=there.shape)


def _opener(full: str) -> Opener:
    return lambda: FileSource(full)


def measure(files: Sequence[tuple[str, Opener | None]], kind: str, *, shape: str) -> Measured:
    """Looks into files by name, each opened when its turn comes. What no inspector knows is passed over.

    None for an opener says that no inspector does. Of a `shape` that is file, the table names no path: the same bytes under another name have the same table.
    """
    inspected: dict[str, Inspection] = {}
    config: Mapping[str, Any] = {}
    passed = 0
    for path, open_file in files:
        if len(inspected) >= FILES_MAX:
            passed += 1
            continue
        if open_file is None:
            continue
        with open_file() as source:
            if path == CONFIG_FILE and kind == "model":
                config = _config(source)
            inspection = inspect(path.rpartition("/")[2], source)
        if inspection is not None:
            inspected[path] = inspection
    if not inspected:
        return Measured()
    try:
        return _measured(inspected, config, kind, shape=shape, passed=passed)
    except Unrepresentable:
        told = {path: _readable_inspection(item) for path, item in inspected.items()}
        return _measured(told, _readable(config), kind, shape=shape, passed=passed)


def _measured(
    inspected: Mapping[str, Inspection], config: Mapping[str, Any], kind: str, *, shape: str, passed: int
) -> Measured:
    notes = [f"{passed} files more are in it; {FILES_MAX} were looked into"] if passed else []
    facts = _facts(inspected, config, is_whole=not passed)
    card = _card(inspected, notes, is_whole=not passed) if kind == "data" else {}
    tables = inspected if shape == "folder" else {ONLY: next(iter(inspected.values()))}
    warnings = [f"{path}: {warning}" for path, item in inspected.items() for warning in item.warnings]
    return Measured(
        facts=facts,
        detail=_detail(tables),
        card=card,
        notes=(*notes, *warnings[:8]),
    )


def _readable_inspection(item: Inspection) -> Inspection:
    return replace(
        item,
        summary=_readable(item.summary),
        detail=_readable(item.detail),
        warnings=tuple(_readable(warning) for warning in item.warnings),
    )


def _readable(value: Any) -> Any:
    """A value whose texts all have a UTF-8 form: half of a surrogate pair, which JSON can spell, becomes U+FFFD.

    >>> _readable({"architectures": ["\\ud800x"]})
    {'architectures': ['\ufffdx']}
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_readable(name): _readable(member) for name, member in value.items()}
    return [_readable(item) for item in value] if isinstance(value, (list, tuple)) else value


def _config(source: Source) -> Mapping[str, Any]:
    """What a model folder's own configuration says of its architecture."""
    if source.size > CONFIG_BYTES_MAX:
        return {}
    try:
        value = json.loads(source.read(0, source.size))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _facts(inspected: Mapping[str, Inspection], config: Mapping[str, Any], *, is_whole: bool) -> dict[str, Any]:
    """The summary. Where some files were passed over, nothing is summed up: a sum of a part is wrong."""
    if len(inspected) == 1:
        only = next(iter(inspected.values()))
        facts = {**only.summary, "format": only.format}
    else:
        formats = sorted({item.format for item in inspected.values()})
        facts = {"format": formats[0] if len(formats) == 1 else "mixed", "formats": formats, "files": len(inspected)}
        for name in _SUMS if is_whole else ():
            numbers = [item.summary[name] for item in inspected.values() if isinstance(item.summary.get(name), int)]
            if numbers:
                facts[name] = sum(numbers)
        facts.update(_merged(inspected, is_whole=is_whole))
        if not is_whole:
            facts["partial"] = True
    architectures = config.get("architectures")
    if isinstance(architectures, list) and architectures and isinstance(architectures[0], str):
        facts.setdefault("architecture", architectures[0][:200])
    warnings = sorted({warning.partition(":")[0] for item in inspected.values() for warning in item.warnings})
    if warnings:
        facts["warnings"] = warnings
    return fitting(facts)


def _merged(inspected: Mapping[str, Inspection], *, is_whole: bool) -> dict[str, Any]:
    """Counts of element types, and one digest over the tensors of all files."""
    dtypes: dict[str, int] = {}
    for item in inspected.values():
        for name, count in dict(item.summary.get("dtypes", {})).items():
            dtypes[name] = dtypes.get(name, 0) + count
    rows = [row for item in inspected.values() for row in item.detail.get("tensors", ())]
    merged: dict[str, Any] = {"dtypes": dtypes} if dtypes and is_whole else {}
    if rows and is_whole:
        merged["structure"] = structure(rows)
    columns = [item.summary.get("schema") for item in inspected.values()]
    if columns[0] is not None and len(set(columns)) == 1:
        merged["schema"] = columns[0]
        merged["columns"] = next(iter(inspected.values())).summary.get("columns")
    return merged


def fitting(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts that fit a manifest: the largest members go until the rest does.

    >>> fitting({"format": "gguf", "metadata": {"text": "x" * 5000}})
    {'format': 'gguf', 'truncated': True}
    """
    while len(encode_lines(facts)) > FACTS_BYTES_MAX:
        largest = max(
            (name for name in facts if name != "format"), key=lambda name: len(encode_lines({"": facts[name]}))
        )
        facts = {name: value for name, value in facts.items() if name != largest}
        facts["truncated"] = True
    return facts


def _detail(inspected: Mapping[str, Inspection]) -> bytes | None:
    files = {
        path: {"format": item.format, "warnings": list(item.warnings), **_plain(item.summary), **_plain(item.detail)}
        for path, item in inspected.items()
    }
    raw = encode_compact({"files": files})
    return raw if len(raw) <= BLOB_BYTES_MAX else None


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if name not in ("format", "warnings")}


def _card(inspected: Mapping[str, Inspection], notes: list[str], *, is_whole: bool) -> dict[str, Any]:
    """The columns and rows of a dataset. Parts with other columns than the first have no common features."""
    tables = [item for item in inspected.values() if item.detail.get("columns")]
    if not tables:
        return {}
    card: dict[str, Any] = {}
    rows = [item.summary.get("rows") for item in tables]
    is_counted = is_whole and not any(item.summary.get("partial") for item in tables)
    if is_counted and all(isinstance(count, int) for count in rows):
        card["instance_count"] = sum(count for count in rows if isinstance(count, int))
    if len({item.summary.get("schema") for item in tables}) > 1:
        notes.append("its files have different columns; `features` is left out")
        return card
    features = features_of_rows(tables[0].detail["columns"], with_statistics=len(tables) == 1)
    if not features:
        notes.append(f"{tables[0].summary['columns']} columns are too many for the card; `inspect` shows them all")
        return card
    return {**card, "features": features}
