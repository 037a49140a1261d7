"""The dataset format `.ald` of the earlier registry's data library: its header, and its schema where it can be read.

What is known of it is its published header of 32 bytes. Its rows are compressed, perhaps encrypted, and are not read;
so columns have no statistics. Where the schema is not an Arrow message, only rows are told.
Source: the library's dataset format specification 1.2, section 3, "Header Specification".
"""

from typing import Any

from pacha.formats.arrow import read_arrow
from pacha.formats.inspection import BytesSource, Inspection, Malformed, Source

#: The names of the formats in `sniff.FORMATS` that this module inspects.
FORMATS = ("ald",)
MAGIC = b"ALDF"
HEADER_BYTES = 32
_CHECKSUM_BYTES = 4
_FLAGS = ("encrypted", "signed", "streaming", "licensed", "native")
_EXACT_MAX = 2**53 - 1


def inspect_source(name: str, source: Source) -> Inspection:
    """What the header says. Errors: `Malformed`."""
    head = source.read(0, HEADER_BYTES)
    if len(head) < HEADER_BYTES or head[:4] != MAGIC:
        raise Malformed(f"{name}: not an .ald file: it does not begin with ALDF and a header", path=name)
    metadata, payload, plain = (int.from_bytes(head[at : at + 4], "little") for at in (8, 12, 16))
    schema_size, rows = int.from_bytes(head[22:24], "little"), int.from_bytes(head[24:32], "little")
    least = HEADER_BYTES + metadata + schema_size + payload + _CHECKSUM_BYTES
    if least > source.size:
        raise Malformed(f"{name}: its header tells of {least} bytes, and it has {source.size}", path=name)
    flags = [word for bit, word in enumerate(_FLAGS) if head[21] >> bit & 1]
    summary: dict[str, Any] = {"format": "ald", "rows": rows if rows <= _EXACT_MAX else str(rows)}
    detail: dict[str, Any] = {
        "version": f"{head[4]}.{head[5]}",
        "dataset_type": int.from_bytes(head[6:8], "little"),
        "compression": head[20],
        "flags": flags,
        "uncompressed_size": plain,
    }
    warnings = ["header-only: rows are not read"]
    columns = _columns(name, source.read(HEADER_BYTES + metadata, schema_size), summary)
    if columns is None:
        warnings.append("schema-unread: its schema is not an Arrow message")
    else:
        detail["columns"] = columns
    return Inspection(format="ald", summary=summary, detail=detail, warnings=tuple(warnings))


def _columns(name: str, raw: bytes, summary: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The columns of the schema block, as an Arrow stream without batches; None if it is none."""
    try:
        schema = read_arrow(name, BytesSource(raw)).schema
    except Malformed:
        return None
    summary |= {"columns": len(schema.columns), "schema": schema.fingerprint}
    return [
        {"name": column.name, "dtype": column.dtype.text, "nullable": column.nullable, "statistics": {}}
        for column in schema.columns
    ]
