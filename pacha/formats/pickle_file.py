"""Pickles and joblib files: what loading them would import, what they would make, and the arrays in them.

joblib packs a pickle, and puts the bytes of arrays between its opcodes. The same bytes can be loaded with either
library, so where there are such arrays they are followed both ways.
"""

import re
from typing import Any

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.pickle_machine import Followed, follow
from pacha.formats.pickle_safety import LOADING_RUNS_CODE, NOT_FOLLOWED, detail_of, warnings_of
from pacha.formats.pickle_tensors import tensors_of
from pacha.formats.pickle_values import OBJECTS, Imported, Made
from pacha.formats.stream import PackedStream, Stream
from pacha.formats.tensors import NAME_LENGTH_MAX, summary_of, text

FORMATS = ("pickle",)
ENDINGS = (".pkl", ".pickle", ".joblib")
#: Several pickles may lie one after the other; a reader that loads one may load all.
PICKLES_MAX = 64
#: Before 0.10 joblib wrote `ZF` and a length in front of what it packed.
_OLD_HEADER_BYTES = 21
PACKINGS = {
    b"ZF": "zlib", b"\x1f\x8b": "gzip", b"x\x01": "zlib", b"x\x5e": "zlib", b"x\x9c": "zlib", b"x\xda": "zlib", b"BZh": "bz2",
    b"\xfd7zXZ": "xz", b"]\x00\x00": "lzma", b"\x04\x22\x4d\x18": "lz4",
}  # fmt: skip
#: What joblib calls an array whose bytes follow, and where the first one is looked for: estimators begin with theirs.
_WRAPPER = b"NumpyArrayWrapper"
WRAPPER_NEAR_BYTES = 256 << 10
#: A module's name as Python can import it: what is read out of an array's bytes by chance is none.
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


def inspect_source(name: str, source: Source) -> Inspection:
    """Imports, opcodes and arrays. Errors: `Malformed`."""
    head = source.read(0, 8)
    packing = next((word for magic, word in PACKINGS.items() if head.startswith(magic)), None)
    format = "joblib" if name.lower().endswith(".joblib") or packing else "pickle"
    if packing == "lz4":
        warnings = (LOADING_RUNS_CODE, f"{NOT_FOLLOWED}: it is packed with lz4")
        return Inspection(format=format, summary={"format": format, "compression": packing}, warnings=warnings)
    seen = followed(_opened(source, packing), raw_arrays=True)
    # Under another name two bytes are no proof that it is one; under this name they are enough for the badge.
    if seen.is_broken and not (head[:1] == b"\x80" and name.lower().endswith(ENDINGS)):
        raise Malformed(f"no pickle: {seen.fault}")
    otherwise = _otherwise(source, packing, seen)
    about, rows = _made_of(seen.value, in_place=packing is None)
    summary = {"format": format, "imports": len(seen.imports), **({"compression": packing} if packing else {}), **about}
    detail = {"tensors": rows, **detail_of(seen)}
    return Inspection(format=format, summary=summary, detail=detail, warnings=warnings_of(seen, otherwise))


def tensor_rows(source: Source) -> list[dict[str, Any]]:
    """The arrays that joblib has put between the opcodes. Nothing is followed where none is near. Errors: `Malformed`."""
    if _WRAPPER not in source.read(0, WRAPPER_NEAR_BYTES):
        return []
    seen = followed(Stream(source), raw_arrays=True)
    return [row for row in tensors_of(seen.value, {}).rows if row["dtype"] != OBJECTS]


def followed(stream: Stream, *, raw_arrays: bool) -> Followed:
    """Follows the pickles of a file, one after the other; the value is the first one's."""
    seen = Followed()
    if follow(stream, seen, raw_arrays=raw_arrays):
        value = seen.value
        for _ in range(PICKLES_MAX):
            if not _is_next(stream, seen) or not follow(stream, seen, raw_arrays=raw_arrays):
                break
        seen.value = value
    return seen


def _is_next(stream: Stream, seen: Followed) -> bool:
    try:
        return stream.peek(1) == b"\x80"
    except Malformed as error:
        seen.fault = error.message
        return False


def _opened(source: Source, packing: str | None) -> Stream:
    if packing is None:
        return Stream(source)
    return PackedStream(source, packing, start=_OLD_HEADER_BYTES if source.read(0, 2) == b"ZF" else 0)


def _otherwise(source: Source, packing: str | None, seen: Followed) -> list[Imported | str]:
    """What a reader that does not know of arrays between the opcodes would import on its way through them."""
    if not seen.has_raw_arrays:
        return []
    plain = followed(_opened(source, packing), raw_arrays=False)
    return [found for found in plain.imports if isinstance(found, str) or _MODULE.fullmatch(found.module)]


def _made_of(value: Any, *, in_place: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a pickle makes: its outermost class, and its arrays. Places in what is packed are no places in the file."""
    rows = tensors_of(value, {}).rows
    if not in_place:
        rows = [{key: item for key, item in row.items() if key not in ("offset", "bytes")} for row in rows]
    summary = summary_of(rows) if rows else {}
    if type(value) is Made and value.call:
        made = value.arguments[0] if value.call.endswith("._reconstructor") and value.arguments else value.call
        summary["architecture"] = text(str(made) if isinstance(made, (str, Imported)) else value.call)[:NAME_LENGTH_MAX]
    return summary, rows
