"""Pickles and joblib files: what loading them would import. joblib packs them, and puts raw arrays between opcodes.

skops files are ZIPs with a schema that names every type.
"""

import bz2
import io
import json
import lzma
import zlib
from typing import Any, Protocol

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickles import OPCODES_MAX, STREAM_BYTES_MAX, Follower, Walked, walk
from pacha.formats.picklestack import WRAPPER, ArrayValue, PickleStack
from pacha.formats.tensors import text
from pacha.formats.zips import members, read_member

FORMATS = ("joblib",)
SCHEMA_FILE = "schema.json"
SCHEMA_BYTES_MAX = 16 << 20
TYPES_MAX = 2_000
_PACKED = {b"\x1f\x8b": "gzip", b"ZF": "old zlib", b"x\x01": "zlib", b"x\x5e": "zlib", b"x\x9c": "zlib", b"x\xda": "zlib", b"BZh": "bz2",
           b"\xfd7zXZ": "xz", b"]\x00\x00": "lzma", b"\x04\x22\x4d\x18": "lz4"}  # fmt: skip
#: Before 0.10 joblib wrote `ZF` and a length in front.
_OLD_HEADER_BYTES = 21
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
    arrays: list[int] = []
    found = walk(data)
    # The oldest pickles begin with no magic: what imports anything may be one, whatever it begins with.
    if not data.startswith(b"\x80") and found.problem and not found.imports:
        raise Malformed("is no pickle")
    if WRAPPER in found.imports:
        # The bytes of an array follow its stand-in, and are no opcodes: what the first walk saw there means nothing.
        found = walk(data, _past_arrays(PickleStack(), arrays))
    warnings = found.warnings()
    summary = {
        "format": format, "imports": len(found.imports),
        **({"compression": packing} if packing else {}), **({"arrays": len(arrays)} if arrays else {}),
    }  # fmt: skip
    return Inspection(format=format, summary=summary, detail=found.detail(), warnings=warnings)


class _Frames:
    """Knows where the last frame ends. A frame is read ahead, so what follows an opcode in the file is what follows
    its frame: an array in the middle of one would lie elsewhere for the loader than for this walk."""

    def __init__(self) -> None:
        self._end = 0

    def __call__(self, name: str, argument: Any, stream: io.BytesIO, found: Walked) -> None:
        """Takes note of an opcode."""
        if name == "FRAME":
            self._end = stream.tell() + int(argument)

    def check(self, stream: io.BytesIO) -> None:
        """Makes sure that no frame is open. Errors: `ValueError`."""
        if stream.tell() < self._end:
            raise ValueError("an array in the middle of a frame")


def _past_arrays(stack: PickleStack, arrays: list[int]) -> Follower:
    """Follows the stack of a joblib file, and moves on past the bytes of each array, whose sizes it lists."""

    frames, inner_frames = _Frames(), _Frames()

    def follow(name: str, argument: Any, stream: io.BytesIO, found: Walked) -> None:
        frames(name, argument, stream, found)
        stack.step(name, argument)
        if name != "BUILD" or not isinstance(array := stack.top, ArrayValue):
            return
        frames.check(stream)
        if array.is_object:
            inner = walk(stream, inner_frames)
            inner_frames.check(stream)
            found.join(inner)
            if inner.problem or sum(found.opcodes.values()) > OPCODES_MAX:
                raise ValueError(inner.problem or "too long to look at whole")
            arrays.append(0)
            return
        if array.size is None:
            raise ValueError("behind an array of texts or records")
        padding = stream.read(1) if array.is_padded else b"\0"
        place = stream.tell() + padding[0] + array.size
        if place > len(stream.getbuffer()):
            raise ValueError("an array goes beyond what is looked at")
        stream.seek(place)
        arrays.append(array.size)

    return follow


def _unpacked(source: Source, packing: str) -> bytes:
    """The beginning of what is packed, never more than is looked at. Errors: `Malformed`."""
    makers: dict[str, Any] = {
        "gzip": lambda: zlib.decompressobj(31), "zlib": zlib.decompressobj, "old zlib": zlib.decompressobj, "bz2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(memlimit=256 << 20), "lzma": lambda: lzma.LZMADecompressor(memlimit=256 << 20),
    }  # fmt: skip
    unpacker: _Unpacker = makers[packing]()
    out, at = bytearray(), _OLD_HEADER_BYTES if packing == "old zlib" else 0
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
