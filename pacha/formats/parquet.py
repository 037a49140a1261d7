"""Parquet: what its footer says. Schema with logical types and nesting, rows, row groups, codecs, statistics.

Only the footer is read. Longer than most modules: the tables of Parquet's types belong together.
Source: https://github.com/apache/parquet-format, parquet.thrift and LogicalTypes.md.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pacha.formats import thrift
from pacha.formats.datatype import DEPTH_MAX, TEXT_LENGTH_MAX, BadType, DataType
from pacha.formats.inspection import Malformed, Source
from pacha.formats.schema import COLUMNS_MAX, BadSchema, DataSchema, schema_of
from pacha.formats.statistics import Statistic, number
from pacha.formats.thrift import BINARY, I32, I64, LIST, STRUCT, Reader
from pacha.formats.values import moment_text

MAGIC = b"PAR1"
#: A larger footer belongs to tens of thousands of columns, and takes too long to read.
FOOTER_BYTES_MAX = 16 << 20
#: Members of the footer's own key/value metadata that are kept, and how much of each.
METADATA_MAX, METADATA_LENGTH_MAX = 64, 256

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
_PHYSICAL = {
    BOOLEAN: "Bool", INT32: "Int32", INT64: "Int64", FLOAT: "Float32", DOUBLE: "Float64", BYTE_ARRAY: "Binary", FIXED: "Binary",
}  # fmt: skip
_CODECS = ("uncompressed", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4_raw")
#: Converted types of older writers, by number.
_CONVERTED: dict[int, dict[str, Any]] = {
    0: {"name": "String"}, 4: {"name": "String"}, 6: {"name": "Date"}, 7: {"name": "Time"}, 8: {"name": "Time"},
    9: {"name": "Timestamp", "unit": "ms", "zone": "UTC"}, 10: {"name": "Timestamp", "unit": "us", "zone": "UTC"},
    11: {"name": "UInt8"}, 12: {"name": "UInt16"}, 13: {"name": "UInt32"}, 14: {"name": "UInt64"},
    15: {"name": "Int8"}, 16: {"name": "Int16"}, 17: {"name": "Int32"}, 18: {"name": "Int64"}, 19: {"name": "String"},
}  # fmt: skip
_MAP, _MAP_KEY_VALUE, _LIST, _DECIMAL = 1, 2, 3, 5
#: Members of the union LogicalType.
_LOGICAL_NAMES = {1: "String", 4: "String", 6: "Date", 7: "Time", 11: "String", 12: "String", 15: "Float16"}
_LOGICAL_MAP, _LOGICAL_LIST, _LOGICAL_DECIMAL, _LOGICAL_TIMESTAMP, _LOGICAL_INTEGER = 2, 3, 5, 8, 10
_UNITS = {1: "ms", 2: "us", 3: "ns"}


@dataclass(slots=True)
class Element:
    """One element of the schema as the file lists it: a group with children, or a column."""

    name: str = ""
    physical: int | None = None
    length: int = 0
    repetition: int = 0
    children: int = 0
    converted: int | None = None
    scale: int = 0
    precision: int = 0
    logical: int | None = None
    given: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Chunk:
    """One column of one row group: its path in the schema, codec, and statistics as they are stored."""

    path: tuple[str, ...] = ()
    codec: int = 0
    values: int = 0
    low: bytes | None = None
    high: bytes | None = None
    nulls: int | None = None
    is_old: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Footer:
    """What a Parquet file says of itself."""

    schema: DataSchema
    rows: int
    row_groups: int
    codecs: tuple[str, ...]
    created_by: str
    metadata: Mapping[str, str]
    statistics: Mapping[str, Mapping[str, Statistic]]


def read_footer(name: str, source: Source) -> Footer:
    """Reads the footer. Errors: `Malformed`."""
    return _File(name, footer_of(name, source)).footer()


def footer_of(name: str, source: Source) -> Reader:
    """The footer's bytes, to be read. Errors: `Malformed`."""
    tail = source.read(max(0, source.size - 8), 8)
    if tail[4:] == b"PARE":
        raise Malformed(f"{name}: its footer is encrypted", hint="only who has the key can read it", path=name)
    if source.size < 12 or tail[4:] != MAGIC or source.read(0, 4) != MAGIC:
        raise Malformed(f"{name}: not a whole Parquet file: it does not begin and end with PAR1", path=name)
    length = int.from_bytes(tail[:4], "little")
    if length > FOOTER_BYTES_MAX or length > source.size - 12:
        raise Malformed(f"{name}: a footer of {length} bytes in a file of {source.size}", path=name)
    return Reader(name, source.read(source.size - 8 - length, length))


class _File:
    """The footer's outermost struct, FileMetaData."""

    def __init__(self, name: str, reader: Reader) -> None:
        self._name = name
        self._reader = reader
        self._elements: list[Element] = []
        self._rows: int | None = None
        self._groups = 0
        self._chunks: dict[tuple[str, ...], list[Chunk]] = {}
        self._codecs: set[int] = set()
        self._created_by = ""
        self._metadata: dict[str, str] = {}

    def footer(self) -> Footer:
        """Reads all of it."""
        reader = self._reader
        for number_, kind in reader.fields():
            if number_ == 2 and kind == LIST:
                self._elements = [_element(reader) for _ in reader.list_of(STRUCT)]
            elif number_ == 3 and kind == I64:
                self._rows = reader.integer()
            elif number_ == 4 and kind == LIST:
                for _ in reader.list_of(STRUCT):
                    self._row_group()
            elif number_ == 5 and kind == LIST:
                for _ in reader.list_of(STRUCT):
                    self._member()
            elif number_ == 6 and kind == BINARY:
                self._created_by = reader.text()[:METADATA_LENGTH_MAX]
            else:
                reader.skip(kind)
        if self._rows is None or self._rows < 0:
            raise reader.fault("it does not say how many rows there are")
        columns = self._columns()
        try:
            schema = schema_of((name, dtype, nullable) for name, dtype, nullable, _ in columns)
        except BadSchema as error:
            raise Malformed(f"{self._name}: {error.message}", path=self._name) from error
        return Footer(
            schema=schema,
            rows=self._rows,
            row_groups=self._groups,
            codecs=tuple(sorted(_CODECS[codec] if codec < len(_CODECS) else str(codec) for codec in self._codecs)),
            created_by=self._created_by,
            metadata=self._metadata,
            statistics={name: self._figures(name, dtype, leaf) for name, dtype, _, leaf in columns},
        )

    def _row_group(self) -> None:
        reader = self._reader
        self._groups += 1
        for number_, kind in reader.fields():
            if number_ == 1 and kind == LIST:
                for _ in reader.list_of(STRUCT):
                    chunk = _column_chunk(reader)
                    self._codecs.add(chunk.codec)
                    # Of nested columns nothing is kept but their codec.
                    if len(chunk.path) == 1:
                        self._chunks.setdefault(chunk.path, []).append(chunk)
            else:
                reader.skip(kind)

    def _member(self) -> None:
        reader, key, value = self._reader, "", ""
        for number_, kind in reader.fields():
            if number_ == 1 and kind == BINARY:
                key = reader.text()
            elif number_ == 2 and kind == BINARY:
                value = reader.text()
            else:
                reader.skip(kind)
        if len(self._metadata) < METADATA_MAX:
            self._metadata[key[:METADATA_LENGTH_MAX]] = value[:METADATA_LENGTH_MAX]

    def _columns(self) -> list[tuple[str, DataType, bool, Element]]:
        """The columns at the top: name, type, whether they may be null, and their element."""
        if not self._elements:
            raise self._reader.fault("it has no schema")
        root, places = self._elements[0], _Places(self._name, self._elements)
        if root.children > COLUMNS_MAX:
            raise Malformed(f"{self._name}: {root.children} columns, more than {COLUMNS_MAX}", path=self._name)
        found = []
        for _ in range(root.children):
            element, dtype = places.take(1)
            found.append((element.name, dtype, element.repetition == 1, element))
        places.end()
        return found

    def _figures(self, name: str, dtype: DataType, element: Element) -> dict[str, Statistic]:
        """What the row groups say together; nothing where one of them is silent."""
        chunks = self._chunks.get((name,), [])
        if not chunks or len(chunks) != self._groups:
            return {}
        found: dict[str, Statistic] = {}
        nulls = [chunk.nulls for chunk in chunks if chunk.nulls is not None and chunk.nulls >= 0]
        values = sum(chunk.values for chunk in chunks)
        if len(nulls) == len(chunks) and 0 <= sum(nulls) <= values:
            found |= {"count": values - sum(nulls), "nulls": sum(nulls)}
        full = [chunk for chunk in chunks if chunk.nulls is None or chunk.nulls != chunk.values]
        lows = [_decoded(chunk.low, dtype, element) for chunk in full]
        highs = [_decoded(chunk.high, dtype, element) for chunk in full]
        is_sound = not dtype.name.startswith("UInt") or not any(chunk.is_old for chunk in full)
        if full and is_sound and not any(end is None or end != end for end in (*lows, *highs)):
            found |= {"min": _shown(min(lows)), "max": _shown(max(highs))}
        return found


def _element(reader: Reader) -> Element:
    made = Element()
    places = {1: "physical", 2: "length", 3: "repetition", 5: "children", 6: "converted", 7: "scale", 8: "precision"}
    for number_, kind in reader.fields():
        if number_ in places and kind == I32:
            setattr(made, places[number_], reader.integer())
        elif number_ == 4 and kind == BINARY:
            made.name = reader.text()
        elif number_ == 10 and kind == STRUCT:
            _logical(reader, made)
        else:
            reader.skip(kind)
    return made


def _logical(reader: Reader, made: Element) -> None:
    """The union LogicalType: one member, some with a struct of their own."""
    for number_, kind in reader.fields():
        made.logical = number_
        if kind != STRUCT:
            reader.skip(kind)
            continue
        inner: dict[int, int] = {}
        for place, inner_kind in reader.fields():
            if inner_kind in (thrift.TRUE, thrift.FALSE):
                inner[place] = int(inner_kind == thrift.TRUE)
            elif inner_kind == thrift.BYTE:
                inner[place] = reader.byte()
            elif inner_kind == I32:
                inner[place] = reader.integer()
            elif inner_kind == STRUCT:
                inner[place] = _union_member(reader)
            else:
                reader.skip(inner_kind)
        made.given = _logical_given(number_, inner)


def _union_member(reader: Reader) -> int:
    """Which member a union has, such as a unit of time."""
    found = 0
    for number_, kind in reader.fields():
        found = number_
        reader.skip(kind)
    return found


def _logical_given(number_: int, inner: Mapping[int, int]) -> dict[str, Any]:
    """What a logical type says, as parameters of ours."""
    if number_ == _LOGICAL_DECIMAL:
        return {"name": "Decimal", "scale": inner.get(1, 0), "precision": inner.get(2, 0)}
    if number_ == _LOGICAL_TIMESTAMP:
        zone = "UTC" if inner.get(1) else None
        return {"name": "Timestamp", "unit": _UNITS.get(inner.get(2, 0)), "zone": zone}
    if number_ == _LOGICAL_INTEGER and inner.get(1) in (8, 16, 32, 64):
        return {"name": f"{'Int' if inner.get(2) else 'UInt'}{inner[1]}"}
    return {"name": _LOGICAL_NAMES[number_]} if number_ in _LOGICAL_NAMES else {}


def _column_chunk(reader: Reader) -> Chunk:
    made = Chunk()
    for number_, kind in reader.fields():
        if number_ == 3 and kind == STRUCT:
            _column_metadata(reader, made)
        else:
            reader.skip(kind)
    return made


def _column_metadata(reader: Reader, made: Chunk) -> None:
    for number_, kind in reader.fields():
        if number_ == 3 and kind == LIST:
            made.path = tuple(reader.text() for _ in reader.list_of(BINARY))
        elif number_ == 4 and kind == I32:
            made.codec = max(0, reader.integer())
        elif number_ == 5 and kind == I64:
            made.values = reader.integer()
        elif number_ == 12 and kind == STRUCT:
            _chunk_statistics(reader, made)
        else:
            reader.skip(kind)


def _chunk_statistics(reader: Reader, made: Chunk) -> None:
    """The newer members win over the older `max` and `min`, which compare every number with a sign."""
    old_low = old_high = None
    for number_, kind in reader.fields():
        if number_ == 1 and kind == BINARY:
            old_high = reader.binary()
        elif number_ == 2 and kind == BINARY:
            old_low = reader.binary()
        elif number_ == 3 and kind == I64:
            made.nulls = reader.integer()
        elif number_ == 5 and kind == BINARY:
            made.high = reader.binary()
        elif number_ == 6 and kind == BINARY:
            made.low = reader.binary()
        else:
            reader.skip(kind)
    if made.low is None and made.high is None:
        made.low, made.high, made.is_old = old_low, old_high, True


class _Places:
    """The list of elements as a tree, depth first: each group says how many children follow."""

    def __init__(self, name: str, elements: list[Element]) -> None:
        self._name = name
        self._elements = elements
        self._at = 1

    def _fault(self, reason: str) -> Malformed:
        return Malformed(f"{self._name}: its schema is damaged: {reason}", path=self._name)

    def end(self) -> None:
        """Nothing may be left."""
        if self._at != len(self._elements):
            raise self._fault(f"{len(self._elements) - self._at} elements belong to no group")

    def take(self, depth: int) -> tuple[Element, DataType]:
        """The next element with all below it."""
        if self._at >= len(self._elements):
            raise self._fault("a group has fewer children than it says")
        if depth > 2 * DEPTH_MAX:
            raise self._fault(f"nested more than {2 * DEPTH_MAX} levels deep")
        element = self._elements[self._at]
        self._at += 1
        try:
            dtype = self._group(element, depth) if element.children or element.physical is None else _leaf(element)
            if element.repetition == 2:
                dtype = DataType(name="List", item=dtype)
        except BadType as error:
            raise self._fault(f"{element.name!r:.80}: {error.message}") from error
        return element, dtype

    def _group(self, element: Element, depth: int) -> DataType:
        """A list, a map or a struct. Lists are a repeated group around one element, or the element repeated itself."""
        if element.children > len(self._elements) - self._at or element.children < 0:
            raise self._fault(f"{element.name!r:.80} has fewer children than it says")
        children = [self.take(depth + 1) for _ in range(element.children)]
        is_list = element.logical == _LOGICAL_LIST or element.converted == _LIST
        is_map = element.logical == _LOGICAL_MAP or element.converted in (_MAP, _MAP_KEY_VALUE)
        if (is_list or is_map) and len(children) == 1 and children[0][1].item is not None:
            inner, listed = children[0]
            assert listed.item is not None
            return DataType(name="List", item=_list_item(element, inner, listed.item) if is_list else listed.item)
        made = DataType(name="Struct", fields=tuple((child.name, dtype) for child, dtype in children))
        return made if len(made.text) <= TEXT_LENGTH_MAX else DataType(name="Struct")


def _list_item(outer: Element, inner: Element, item: DataType) -> DataType:
    """A repeated group of one member is only a layer, unless it is named as older writers named their structs.

    Source: LogicalTypes.md, "Backward-compatibility rules".
    """
    is_struct = inner.physical is not None or len(item.fields) != 1 or inner.name in ("array", f"{outer.name}_tuple")
    return item if is_struct else item.fields[0][1]


def _leaf(element: Element) -> DataType:
    if element.physical not in _PHYSICAL and element.physical != INT96:
        raise BadType(f"no such physical type: {element.physical}")
    if element.physical == INT96:
        return DataType(name="Timestamp", unit="ns")
    if element.given:
        return DataType(**element.given)
    if element.converted == _DECIMAL:
        return DataType(name="Decimal", precision=element.precision, scale=element.scale)
    if element.converted in _CONVERTED and element.logical is None:
        return DataType(**_CONVERTED[element.converted])
    return DataType(name=_PHYSICAL[element.physical])


_LAYOUTS = {INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d", BOOLEAN: "<?"}
_EPOCH = datetime(1970, 1, 1)
_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _decoded(raw: bytes | None, dtype: DataType, element: Element) -> Any:
    """A stored extreme as a value; None where it is not stored, not sound, or the text of a person."""
    layout = _LAYOUTS.get(element.physical if element.physical is not None else -1)
    if raw is None or layout is None or len(raw) != struct.calcsize(layout) or dtype.name in ("Bool", "Time"):
        return None
    (value,) = struct.unpack(layout, raw)
    try:
        if dtype.name.startswith("UInt"):
            return int.from_bytes(raw, "little") & (2 ** int(dtype.name[4:]) - 1)
        if dtype.name == "Date":
            return date(1970, 1, 1) + timedelta(days=value)
        if dtype.name == "Timestamp":
            return _instant(value, dtype)
        if dtype.name == "Decimal":
            return Decimal(value).scaleb(-(dtype.scale or 0))
    except (OverflowError, ValueError):
        return None
    return value if dtype.is_integer or dtype.is_float else None


def _instant(value: int, dtype: DataType) -> datetime | None:
    ticks = _PER_SECOND.get(dtype.unit or "")
    if ticks is None:
        return None
    found = _EPOCH + timedelta(microseconds=value * 1_000_000 // ticks)
    return found.replace(tzinfo=UTC) if dtype.zone else found


def _shown(value: Any) -> Statistic:
    if isinstance(value, (date, datetime)):
        return moment_text(value)
    return str(value) if isinstance(value, Decimal) else number(value)
