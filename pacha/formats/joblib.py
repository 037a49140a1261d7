"""Pickles and joblib files: what loading them would import. joblib packs them, and puts raw arrays between opcodes.

skops files are ZIPs with a schema that names every type.
"""

import bz2
import json
import lzma
import zlib
from typing import Any, Protocol

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickles import STREAM_BYTES_MAX, walk
from pacha.formats.tensors import text
from pacha.formats.zips import members, read_member

FORMATS = ("joblib",)
SCHEMA_FILE = "schema.json"
SCHEMA_BYTES_MAX = 16 << 20
TYPES_MAX = 2_000
_PACKED = {b"\x1f\x8b": "gzip", b"x\x01": "zlib", b"x\x5e": "zlib", b"x\x9c": "zlib", b"x\xda": "zlib", b"BZh": "bz2",
           b"\xfd7zXZ": "xz", b"]\x00\x00": "lzma", b"\x04\x22\x4d\x18": "lz4"}  # fmt: skip
_PIECE_BYTES = 1 << 20


class _Unpacker(Protocol):
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def inspect_source(name: str, source: Source) -> Inspection:
    """Imports and opcodes, or the types of a skops file. Errors: `Malformed`."""
    head = source.read(0, 8)
    if head.startswith(b"PK\x03\x04"):
        return _skops(source)
    packing = next((word for magic, word in _PACKED.items() if head.startswith(magic)), None)
    format = "joblib" if name.lower().endswith(".joblib") or packing else "pickle"
    if packing == "lz4":
        return Inspection(
            format="joblib", summary={"format": "joblib", "compression": "lz4"},
            warnings=("pickle: loading it runs code", "not followed: it is packed with lz4"),
        )  # fmt: skip
    data = source.read(0, STREAM_BYTES_MAX) if packing is None else _unpacked(source, packing)
    if not data.startswith(b"\x80") and packing is None and not _is_old(data):
        raise Malformed("does not begin like a pickle")
    found = walk(data)
    warnings = found.warnings()
    if "joblib.numpy_pickle.NumpyArrayWrapper" in found.imports and found.problem:
        # The array's own bytes follow its wrapper: no opcodes any more.
        warnings = (
            *(item for item in warnings if not item.startswith("not followed")),
            "not followed: behind a raw array",
        )
    summary = {
        "format": format, "imports": len(found.imports),
        **({"compression": packing} if packing else {}),
    }  # fmt: skip
    return Inspection(format=format, summary=summary, detail=found.detail(), warnings=warnings)


def _is_old(data: bytes) -> bool:
    """Tells whether a stream can be a pickle of protocol 0 or 1, which begin with no magic."""
    return data[:1] in (b"(", b"c", b"]", b"}", b"I", b"S", b"V") and data.rstrip()[-1:] == b"."


def _unpacked(source: Source, packing: str) -> bytes:
    """The beginning of what is packed, never more than is looked at. Errors: `Malformed`."""
    makers: dict[str, Any] = {
        "gzip": lambda: zlib.decompressobj(31), "zlib": zlib.decompressobj, "bz2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(memlimit=256 << 20), "lzma": lambda: lzma.LZMADecompressor(memlimit=256 << 20),
    }  # fmt: skip
    unpacker: _Unpacker = makers[packing]()
    out, at = bytearray(), 0
    try:
        while at < source.size and len(out) < STREAM_BYTES_MAX:
            piece = source.read(at, _PIECE_BYTES)
            at += len(piece)
            out += unpacker.decompress(piece, STREAM_BYTES_MAX - len(out))
            if getattr(unpacker, "eof", False):
                break
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, MemoryError) as error:
        raise Malformed(f"cannot be unpacked: {str(error)[:100]}") from error
    return bytes(out)


def _skops(source: Source) -> Inspection:
    there = {member.name: member for member in members(source)}
    if SCHEMA_FILE not in there:
        raise Malformed("a ZIP archive without schema.json")
    raw = read_member(source, there[SCHEMA_FILE], size_max=SCHEMA_BYTES_MAX)
    try:
        types = sorted(_types(json.loads(raw)))[:TYPES_MAX]
    except (ValueError, RecursionError) as error:
        raise Malformed("its schema.json cannot be read") from error
    return Inspection(
        format="skops", summary={"format": "skops", "types": len(types)},
        detail={"types": types, "members": [member.name for member in there.values()][:TYPES_MAX]},
    )  # fmt: skip


def _types(value: Any) -> set[str]:
    """Every class that a schema names, wherever it stands."""
    found: set[str] = set()
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            name = item.get("__class__")
            if isinstance(name, str):
                found.add(text(f"{item.get('__module__', '')}.{name}"))
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)
    return found
