"""PyTorch: checkpoints and TorchScript archives, ZIP or the older row of pickles. Their pickles are followed, never run.

Source: torch.serialization (_save, _legacy_save); caffe2/serialize/inline_container.cc.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickle_machine import Followed, follow
from pacha.formats.pickle_safety import NOT_FOLLOWED, detail_of, warnings_of
from pacha.formats.pickle_tensors import STORAGES, Found, Storage, tensors_of
from pacha.formats.pickle_values import Beside, Imported, Made
from pacha.formats.stream import Stream
from pacha.formats.tensors import summary_of, tensor, text
from pacha.formats.zips import MAGIC, Archive, ZipMember

FORMATS = ("pytorch",)
#: The pickle of a checkpoint names tensors, and holds none; one that is packed is held in memory.
PICKLE_BYTES_MAX = 64 << 20
#: The number that the older layout begins with, and its version.
LEGACY_MAGIC, LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
STORAGES_MAX = 200_000
#: An archive has one or two; each is looked at whole.
PICKLES_MAX = 8
_MEMBERS_SHOWN = 1_000
_PICKLES = ("data.pkl", "constants.pkl", "attributes.pkl")
SCRIPT = "code: TorchScript holds a program, which loading it makes ready to run"


def inspect_source(name: str, source: Source) -> Inspection:
    """Tensors, imports and members. Errors: `Malformed`."""
    del name
    if source.read(0, 4) != MAGIC:
        return _pickles(source)
    return _archive(source)


def _archive(source: Source) -> Inspection:
    archive = Archive(source)
    pickles, is_script = _pickles_of(archive)
    seen, found = Followed(), Found([], [])
    for folder, prefix in _values(archive, seen):
        part = _tensors_in(archive, folder, seen.value)
        found.rows += [{**row, "name": f"{prefix}{row['name']}"} for row in part.rows]
        found.faults += part.faults
    summary: dict[str, Any] = {"layout": "torchscript" if is_script else "zip"}
    members = [{"name": text(member.name), "bytes": member.size} for member in archive.members[:_MEMBERS_SHOWN]]
    made = _inspection(summary, seen, found, {"members": members})
    warnings = list(made.warnings)
    if len(pickles) > PICKLES_MAX:
        warnings.append(f"{NOT_FOLLOWED}: only {PICKLES_MAX} of {len(pickles)} pickles are looked at")
    return replace(made, warnings=(*warnings, SCRIPT) if is_script else tuple(warnings))


def tensor_rows(source: Source) -> list[dict[str, Any]]:
    """The tensors, and the storages in which no tensor has a place of its own. Errors: `Malformed`."""
    if source.read(0, 4) != MAGIC:
        rows: list[dict[str, Any]] = _pickles(source).detail["tensors"]
        return rows
    archive, seen, rows = Archive(source), Followed(), []
    for folder, prefix in _values(archive, seen):
        storages = _members_as_storages(archive, folder)
        part = tensors_of(seen.value, storages).rows
        kinds = _kinds(seen.value)
        taken = sorted(row["offset"] for row in part if "offset" in row)
        for key, place in storages.items():
            after = bisect_left(taken, place.offset)
            if after == len(taken) or taken[after] >= place.offset + place.length:
                dtype = kinds.get(key, ("unknown", 0))[0]
                part.append(tensor(f"{folder}/{key}", dtype, (), offset=place.offset, bytes=place.length))
        rows += [{**row, "name": f"{prefix}{row['name']}"} for row in part]
    return rows


def _pickles_of(archive: Archive) -> tuple[list[ZipMember], bool]:
    """The pickles of an archive, and whether it holds a program. Errors: `Malformed` without a pickle."""
    pickles = [member for member in archive.members if member.name.rpartition("/")[2] in _PICKLES]
    if not pickles:
        raise Malformed("a ZIP archive without a data.pkl")
    return pickles, any("/code/" in f"/{member.name}" for member in archive.members)


def _values(archive: Archive, seen: Followed) -> Iterator[tuple[str, str]]:
    """For each pickle that leaves its value in `seen`: the folder of its storages, what its tensors' names begin with."""
    pickles, is_script = _pickles_of(archive)
    for member in pickles[:PICKLES_MAX]:
        stream = Stream(archive.source(member, size_max=PICKLE_BYTES_MAX))
        if follow(stream, seen) and not member.name.endswith("attributes.pkl"):
            folder = member.name.removesuffix(".pkl") if is_script else f"{member.name.rpartition('/')[0]}/data"
            yield folder.lstrip("/"), "constants." if member.name.endswith("constants.pkl") else ""


def _tensors_in(archive: Archive, folder: str, value: Any) -> Found:
    """The tensors of a pickle, those whose members cannot be found among them."""
    try:
        return tensors_of(value, _members_as_storages(archive, folder))
    except Malformed as error:
        found = tensors_of(value, {})
        return Found(found.rows, [error.message, *found.faults])


def _members_as_storages(archive: Archive, folder: str) -> dict[str, Storage]:
    """The members of a folder by their names in it: each is the bytes of one storage."""
    found = {}
    for member in archive.members:
        parent, _, key = member.name.rpartition("/")
        if parent == folder and member.is_stored:
            found[key] = Storage(archive.offset(member), member.size)
    return found


def _pickles(source: Source) -> Inspection:
    """The older layout: a number, a version, the machine, the object, the keys of its storages, and their bytes."""
    stream, seen = Stream(source), Followed()
    is_legacy = follow(stream, seen) and seen.value == LEGACY_MAGIC and type(seen.value) is int
    if is_legacy:
        is_legacy = (
            follow(stream, seen) and seen.value == LEGACY_VERSION and follow(stream, seen) and follow(stream, seen)
        )
    value = seen.value
    if seen.is_broken and source.read(0, 1) != b"\x80":
        raise Malformed(f"neither a ZIP archive nor a pickle: {seen.fault}")
    if not is_legacy:
        return _inspection({"layout": "pickle"}, seen, tensors_of(value, {}), {})
    storages, faults = {}, []
    try:
        if follow(stream, seen):
            storages = _behind(stream, seen.value, _kinds(value))
    except Malformed as error:
        faults.append(f"its storages: {error.message}")
    found = tensors_of(value, storages)
    return _inspection({"layout": "pickles"}, seen, Found(found.rows, faults + found.faults), {})


def _behind(stream: Stream, keys: Any, kinds: Mapping[str, tuple[str, int]]) -> dict[str, Storage]:
    """Where each storage lies: a count of elements, and the elements, in the order of the keys. Errors: `Malformed`."""
    if type(keys) is not list or len(keys) > STORAGES_MAX:
        raise Malformed("their keys are no list")
    found: dict[str, Storage] = {}
    for key in keys:
        if type(key) is not str or key not in kinds:
            raise Malformed("a key that no tensor names")
        length = int.from_bytes(stream.take(8), "little", signed=True) * kinds[key][1]
        found[key] = Storage(stream.at, length)
        stream.skip(length)
    return found


def _kinds(value: Any) -> dict[str, tuple[str, int]]:
    """The element type of each storage that a value names, and its bytes."""
    found: dict[str, tuple[str, int]] = {}
    todo, entered = [value], set()
    while todo:
        item = todo.pop()
        if type(item) is Beside:
            identity = item.identity
            if type(identity) is tuple and len(identity) > 2 and type(identity[1]) is Imported:
                found[str(identity[2])[:64]] = STORAGES.get(identity[1].name, ("", 0))
        elif type(item) in (list, tuple, dict, Made) and id(item) not in entered:
            entered.add(id(item))
            if type(item) is Made:
                todo.extend((item.arguments, item.state, item.items, item.listed))
            else:
                todo.extend(item.values() if type(item) is dict else item)
    return found


def _inspection(summary: dict[str, Any], seen: Followed, found: Found, detail: dict[str, Any]) -> Inspection:
    faults = [f"malformed: {fault}" for fault in found.faults[:1]]
    about = summary_of(found.rows) if found.rows else {}
    return Inspection(
        format="pytorch",
        summary={"format": "pytorch", **summary, "imports": len(seen.imports), **about},
        detail={"tensors": found.rows, **detail, **detail_of(seen)},
        warnings=(*faults, *warnings_of(seen)),
    )
