"""APR, the model format of the earlier registry: a fixed header with flags and the model's type. Source: docs/formats.md."""

import struct

from pacha.formats.inspection import Inspection, Malformed, Source
from pacha.formats.tensors import text

FORMATS = ("apr",)
MAGIC = b"APR\0"
TYPE_BYTES_MAX = 1_024
_FLAGS = {1: "compressed", 2: "encrypted", 4: "signed"}


def inspect_source(name: str, source: Source) -> Inspection:
    """Version, flags and model type. Errors: `Malformed`."""
    del name
    head = source.read(0, 16)
    if len(head) < 16 or head[:4] != MAGIC:
        raise Malformed("does not begin with an APR header")
    version, flags, length = struct.unpack("<III", head[4:])
    if length > TYPE_BYTES_MAX or 16 + length > source.size:
        raise Malformed(f"its model type of {length} bytes does not fit")
    summary = {
        "format": "apr", "version": version,
        "flags": [word for bit, word in _FLAGS.items() if flags & bit],
        "architecture": text(source.read(16, length).decode("utf-8", "replace")),
    }  # fmt: skip
    unknown = flags & ~sum(_FLAGS)
    warnings = (f"unknown flags: {unknown:#x}",) if unknown else ()
    return Inspection(format="apr", summary=summary, detail={"header": summary}, warnings=warnings)
