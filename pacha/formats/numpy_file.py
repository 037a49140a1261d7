"""NPY: one array with a header that says its type and shape. NPZ is a ZIP of them.

The header is a Python literal; it is read as one, without running anything. An array of objects holds a pickle.
Source: numpy.lib.format, versions 1.0 to 3.0.
"""

import ast
import struct
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickle_machine import Followed, follow
from pacha.formats.pickle_safety import detail_of, warnings_of
from pacha.formats.stream import Slice, Stream
from pacha.formats.tensors import summary_of, tensor
from pacha.formats.zips import Archive

FORMATS = ("npy", "numpy")
MAGIC = b"\x93NUMPY"
#: Structured types can be long; nobody writes more than this.
HEADER_BYTES_MAX = 64 << 10
#: So much of a member is looked at: its header.
MEMBER_BYTES_MAX = HEADER_BYTES_MAX + 16
#: A packed array of objects is held in memory to be looked at.
PICKLE_BYTES_MAX = 64 << 20
PICKLE = "pickle: an array of objects is a pickle, and loading it runs code"


def inspect_source(name: str, source: Source) -> Inspection:
    """The array of a file, or the arrays of an archive. Errors: `Malformed`."""
    del name
    seen = Followed()
    if source.read(0, len(MAGIC)) == MAGIC:
        row, order, is_object = array_of(source, "array", source.size)
        summary = {"format": "npy", **summary_of([row]), "shape": row["shape"], "order": order}
        if is_object:
            follow(Stream(source, start=row["offset"]), seen)
        return _inspection(summary, [row], seen, has_objects=is_object)
    archive, rows, has_objects = Archive(source), [], False
    for member in archive.members:
        if member.name.endswith(".npy"):
            part = archive.source(member, size_max=MEMBER_BYTES_MAX)
            row, _, is_object = array_of(part, member.name[:-4], member.size)
            if is_object:
                has_objects = True
                follow(Stream(archive.source(member, size_max=PICKLE_BYTES_MAX), start=row["offset"]), seen)
            offset, length = row.pop("offset"), row.pop("bytes")
            rows.append(
                {**row, "offset": offset + archive.offset(member), "bytes": length} if member.is_stored else row
            )
    return _inspection({"format": "npz", **summary_of(rows)}, rows, seen, has_objects=has_objects)


def tensor_rows(source: Source) -> list[dict[str, Any]]:
    """The arrays that lie in a file as they are, without those of objects. Errors: `Malformed`."""
    if source.read(0, len(MAGIC)) == MAGIC:
        row, _, is_object = array_of(source, "array", source.size)
        return [] if is_object else [row]
    archive, rows = Archive(source), []
    for member in archive.members:
        if member.is_stored and member.name.endswith(".npy"):
            start = archive.offset(member)
            row, _, is_object = array_of(Slice(source, start, member.size), member.name[:-4], member.size)
            if not is_object:
                rows.append({**row, "offset": start + row["offset"]})
    return rows


def _inspection(
    summary: dict[str, Any], rows: list[dict[str, Any]], seen: Followed, *, has_objects: bool
) -> Inspection:
    warnings = (PICKLE, *warnings_of(seen)[1:]) if has_objects else ()
    detail = {"tensors": rows, **(detail_of(seen) if has_objects else {})}
    return Inspection(format=summary["format"], summary=summary, detail=detail, warnings=warnings)


def array_of(source: Source, name: str, size: int) -> tuple[dict[str, Any], str, bool]:
    """One array's row, its order, and whether it holds objects. `size` is that of the whole. Errors: `Malformed`."""
    head = source.read(0, 12)
    if len(head) < 12 or head[:6] != MAGIC or head[6] not in (1, 2, 3):
        raise Malformed("not an NPY header")
    wide = head[6] > 1
    (length,) = struct.unpack("<I", head[8:12]) if wide else struct.unpack("<H", head[8:10])
    start = 12 if wide else 10
    if length > HEADER_BYTES_MAX or start + length > size:
        raise Malformed(f"its header of {length} bytes does not fit")
    header = _literal(source.read(start, length))
    dtype, shape = header.get("descr"), header.get("shape")
    if not isinstance(shape, tuple) or any(type(item) is not int or item < 0 for item in shape) or len(shape) > 64:
        raise Malformed("its shape is none")
    shown = dtype if isinstance(dtype, str) else str(dtype)[:256]
    row = tensor(name, shown, shape, offset=start + length, bytes=size - start - length)
    is_object = "O" in shown if isinstance(dtype, str) else "'|O'" in str(dtype) or "'O'" in str(dtype)
    width = _width(shown) if isinstance(dtype, str) else None
    if width is not None and not is_object and _count(shape) * width != size - start - length:
        raise Malformed(f"{name!r:.80}: {shape} of {shown} does not take {size - start - length} bytes")
    return row, "fortran" if header.get("fortran_order") is True else "c", is_object


def _literal(raw: bytes) -> dict[str, Any]:
    text = raw.decode("latin-1").strip()
    if text.count("(") + text.count("[") + text.count("{") > 2_000:
        raise Malformed("its header is nested too deeply")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        raise Malformed("its header is not what NumPy writes") from error
    if not isinstance(value, dict):
        raise Malformed("its header is not what NumPy writes")
    return value


def _width(dtype: str) -> int | None:
    digits = dtype.lstrip("<>|=")[1:]
    if not digits.isdecimal() or len(digits) > 9:
        return None
    return int(digits) * (4 if dtype.lstrip("<>|=")[0] == "U" else 1)


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size
    return count
