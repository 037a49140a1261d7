"""Arrow IPC files (Feather 2 is one) and streams (as Hugging Face datasets write them): schema, batches, rows.

Only metadata is read, and bodies are passed over.
Source: https://arrow.apache.org/docs/format/Columnar.html, "Serialization and Interprocess Communication", and
Schema.fbs, Message.fbs, File.fbs beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pacha.formats.datatype import DEPTH_MAX, TEXT_LENGTH_MAX, UNITS, BadType, DataType
from pacha.formats.flatbuffers import Buffer, Table
from pacha.formats.inspection import Malformed, Source
from pacha.formats.schema import COLUMNS_MAX, BadSchema, DataSchema, schema_of

MAGIC = b"ARROW1"
#: Metadata of tens of thousands of columns.
METADATA_BYTES_MAX = 16 << 20
#: The length of a batch stands at the beginning of its metadata.
_BATCH_HEAD_BYTES = 64 << 10
#: Batches of 1,000 rows make 200 million rows; counting more takes too long.
BATCHES_MAX = 200_000
#: What is told of columns whose type has no name here.
NOTES_MAX = 20
_CONTINUATION = 0xFFFFFFFF
_SCHEMA, _DICTIONARY, _RECORDS = 1, 2, 3

_BINARY, _LISTS = (4, 15, 19, 23), (12, 16, 21, 25, 26)
_TEXTS = (1, 5, 20, 24)
_INT, _FLOAT, _BOOL, _DECIMAL, _DATE, _TIME, _TIMESTAMP, _STRUCT, _MAP, _DURATION, _RUNS = (
    2,
    3,
    6,
    7,
    8,
    9,
    10,
    13,
    17,
    18,
    22,
)
_OTHERS = {11: "Interval", 14: "Union"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrowFile:
    """What an Arrow file says of itself. `rows` is None where there are too many batches to count."""

    schema: DataSchema
    rows: int
    batches: int
    is_stream: bool
    notes: tuple[str, ...] = ()


def read_arrow(name: str, source: Source) -> ArrowFile:
    """Reads the metadata. Errors: `Malformed`."""
    head = source.read(0, 8)
    if head.startswith(b"FEA1"):
        raise Malformed(f"{name}: Feather 1, which nothing writes any more", hint="write it as Feather 2", path=name)
    if head.startswith(MAGIC):
        return _file(name, source)
    length = int.from_bytes(head[:4], "little")
    if length == _CONTINUATION or 0 < length <= min(METADATA_BYTES_MAX, source.size - 4):
        return _stream(name, source)
    raise Malformed(f"{name}: not an Arrow file: it begins neither with ARROW1 nor with a message", path=name)


def _file(name: str, source: Source) -> ArrowFile:
    tail = source.read(max(0, source.size - 10), 10)
    if source.size < 20 or tail[4:] != MAGIC:
        raise Malformed(f"{name}: not a whole Arrow file: it does not end with ARROW1", path=name)
    length = int.from_bytes(tail[:4], "little")
    if length > METADATA_BYTES_MAX or length > source.size - 18:
        raise Malformed(f"{name}: a footer of {length} bytes in a file of {source.size}", path=name)
    buffer = Buffer(name, source.read(source.size - 10 - length, length))
    footer = buffer.root()
    schema, notes = _schema(name, footer.table(1))
    start, count = footer.vector(3, 24)
    _check_count(name, count)
    rows = 0
    for number in range(count):
        offset = buffer.unpack("<q", start + 24 * number)
        message, _ = _message(name, source, offset, _BATCH_HEAD_BYTES)
        rows += _rows_of(name, message, number)
    return ArrowFile(schema=schema, rows=rows, batches=count, is_stream=False, notes=notes)


def _stream(name: str, source: Source) -> ArrowFile:
    """A message after the other; the first one is the schema."""
    offset, rows, batches = 0, 0, 0
    schema: DataSchema | None = None
    notes: tuple[str, ...] = ()
    for message, offset in _messages(name, source):  # noqa: B007
        kind = message.number(1, "B")
        if schema is None:
            if kind != _SCHEMA:
                raise Malformed(f"{name}: its first message is no schema", path=name)
            schema, notes = _schema(name, message.table(2))
        elif kind == _RECORDS:
            rows += _rows_of(name, message, batches)
            batches += 1
    if schema is None:
        raise Malformed(f"{name}: it has no schema", path=name)
    if offset > source.size:
        raise Malformed(f"{name}: it ends inside a batch", path=name)
    return ArrowFile(schema=schema, rows=rows, batches=batches, is_stream=True, notes=notes)


def _messages(name: str, source: Source) -> Iterator[tuple[Table, int]]:
    """The messages of a stream, each with the place after its body."""
    offset = count = 0
    while offset < source.size:
        _check_count(name, count)
        # An empty message ends the stream, in its newer or its older form.
        if source.read(offset, 8) in (b"\xff\xff\xff\xff\0\0\0\0", bytes(4), bytes(8)):
            return
        limit = METADATA_BYTES_MAX if count == 0 else _BATCH_HEAD_BYTES
        message, length = _message(name, source, offset, limit)
        body = message.number(3, "q")
        if body < 0:
            raise Malformed(f"{name}: a batch of {body} bytes", path=name)
        offset += length + body
        count += 1
        yield message, offset


def _message(name: str, source: Source, offset: int, limit: int) -> tuple[Table, int]:
    """The message at a place, and how long its metadata is with all before it."""
    head = source.read(offset, 8) if 0 <= offset <= source.size else b""
    if len(head) < 8:
        raise Malformed(f"{name}: a message lies at byte {offset} of {source.size}", path=name)
    first, second = int.from_bytes(head[:4], "little"), int.from_bytes(head[4:], "little")
    # Before 0.15 a message began with its length.
    start, length = (8, second) if first == _CONTINUATION else (4, first)
    if not 0 < length <= METADATA_BYTES_MAX or offset + start + length > source.size:
        raise Malformed(f"{name}: a message of {length} bytes at byte {offset} of {source.size}", path=name)
    buffer = Buffer(name, source.read(offset + start, min(length, limit)))
    return buffer.root(), start + length


def _rows_of(name: str, message: Table, number: int) -> int:
    batch = message.table(2) if message.number(1, "B") == _RECORDS else None
    rows = -1 if batch is None else batch.number(0, "q")
    if rows < 0:
        raise Malformed(f"{name}: batch {number + 1} does not say how many rows it has", path=name)
    return rows


def _check_count(name: str, count: int) -> None:
    if count > BATCHES_MAX:
        raise Malformed(f"{name}: more than {BATCHES_MAX} batches", path=name)


def _schema(name: str, schema: Table | None) -> tuple[DataSchema, tuple[str, ...]]:
    if schema is None:
        raise Malformed(f"{name}: it has no schema", path=name)
    notes: list[str] = []
    columns: list[tuple[str, DataType, bool]] = []
    try:
        for field in schema.tables(1):
            if len(columns) >= COLUMNS_MAX:
                raise Malformed(f"{name}: more than {COLUMNS_MAX} columns", path=name)
            columns.append((field.text(0) or "", _field(field, 1, notes), bool(field.number(1, "?"))))
        return schema_of(columns), tuple(dict.fromkeys(notes))[:NOTES_MAX]
    except (BadType, BadSchema) as error:
        raise Malformed(f"{name}: its schema is damaged: {error.message}", path=name) from error


def _field(field: Table, depth: int, notes: list[str]) -> DataType:
    if depth > DEPTH_MAX:
        raise BadType(f"nested more than {DEPTH_MAX} levels deep")
    if field.table(4) is not None:
        return DataType(name="Categorical")
    kind, details = field.number(2, "B"), field.table(3)
    if kind in (_STRUCT, _MAP, _RUNS, *_LISTS):
        children = [(child.text(0) or "", _field(child, depth + 1, notes)) for child in field.tables(5)]
        return _nested(kind, children)
    if details is None:
        raise BadType(f"column {field.text(0)!r:.80} has no type")
    if kind in _OTHERS:
        notes.append(f"type: column {(field.text(0) or '')!r:.80} is of type {_OTHERS[kind]}, shown as Binary")
        return DataType(name="Binary")
    return DataType(**_plain(kind, details))


def _nested(kind: int, children: list[tuple[str, DataType]]) -> DataType:
    if kind == _STRUCT:
        made = DataType(name="Struct", fields=tuple(children))
        return made if len(made.text) <= TEXT_LENGTH_MAX else DataType(name="Struct")
    if kind == _RUNS and len(children) == 2:
        return children[1][1]
    if len(children) != 1:
        raise BadType(f"a list of {len(children)} kinds of items")
    return DataType(name="List", item=children[0][1])


def _plain(kind: int, details: Table) -> dict[str, Any]:
    """A type without children as the parameters of ours."""
    if kind == _INT:
        return {"name": f"{'Int' if details.number(1, '?') else 'UInt'}{details.number(0, 'i')}"}
    if kind == _FLOAT:
        return {"name": f"Float{16 << min(3, max(0, details.number(0, 'h')))}"}
    if kind == _DECIMAL:
        return {"name": "Decimal", "precision": details.number(0, "i"), "scale": details.number(1, "i")}
    if kind == _TIMESTAMP:
        unit = details.number(0, "h")
        return {
            "name": "Timestamp",
            "unit": UNITS[unit] if 0 <= unit < len(UNITS) else None,
            "zone": details.text(1) or None,
        }
    # A duration is a number of units; no type of ours says more.
    names = {_BOOL: "Bool", _DATE: "Date", _TIME: "Time", _DURATION: "Int64", **dict.fromkeys(_TEXTS, "String")}
    names |= dict.fromkeys(_BINARY, "Binary")
    if kind not in names:
        raise BadType(f"no such type of Arrow: {kind}")
    return {"name": names[kind]}
