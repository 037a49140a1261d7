"""Parquet and Arrow: headers and values against pyarrow, with and without it, and what damaged files do."""

import datetime
import decimal
import io
import random
from collections.abc import Iterator
from typing import Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.formats import columnar, profile
from pacha.formats.arrow import read_arrow
from pacha.formats.columnar import NeedsArrow
from pacha.formats.inspect import inspect
from pacha.formats.inspection import BytesSource, Inspection, Malformed
from pacha.formats.parquet import read_footer
from pacha.formats.profile import Profile
from pacha.formats.tables import open_table
from pacha.formats.validate import validate


def parquet(table: pyarrow.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, **options)
    return out.getvalue()


def arrow(table: pyarrow.Table, *, stream: bool = False, rows: int | None = None) -> bytes:
    out = io.BytesIO()
    made = pyarrow.ipc.new_stream if stream else pyarrow.ipc.new_file
    with made(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return out.getvalue()


def stream(table: pyarrow.Table) -> bytes:
    return arrow(table, stream=True)


def of(raw: bytes, name: str) -> Profile:
    return profile.profile(name, BytesSource(raw))


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "is_available", lambda: False)
    monkeypatch.setattr(profile, "is_available", lambda: False)


# -- types: pyarrow is the oracle ----------------------------------------------------------------------------------

PLAIN = {
    "bool": "Bool", "int8": "Int8", "int16": "Int16", "int32": "Int32", "int64": "Int64", "uint8": "UInt8",
    "uint16": "UInt16", "uint32": "UInt32", "uint64": "UInt64", "halffloat": "Float16", "float": "Float32",
    "double": "Float64", "string": "String", "large_string": "String", "string_view": "String", "binary": "Binary",
    "large_binary": "Binary", "date32[day]": "Date", "date64[ms]": "Date", "time32[s]": "Time", "time32[ms]": "Time",
    "time64[us]": "Time", "time64[ns]": "Time",
}  # fmt: skip


def wanted_type(kind: Any) -> str:
    """Our name of a type of pyarrow's."""
    types = pyarrow.types
    if types.is_dictionary(kind):
        return "Categorical"
    if types.is_timestamp(kind):
        return f"Timestamp({kind.unit}{f', {kind.tz}' if kind.tz else ''})"
    if types.is_decimal(kind):
        return f"Decimal({kind.precision}, {kind.scale})"
    if types.is_map(kind):
        return f"List<Struct<key: {wanted_type(kind.key_type)}, value: {wanted_type(kind.item_type)}>>"
    if types.is_struct(kind):
        return f"Struct<{', '.join(f'{member.name}: {wanted_type(member.type)}' for member in kind)}>"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return f"List<{wanted_type(kind.value_type)}>"
    return "Binary" if types.is_fixed_size_binary(kind) else "Int64" if types.is_duration(kind) else PLAIN[str(kind)]


def wanted_schema(schema: Any) -> list[tuple[str, str, bool]]:
    return [(field.name, wanted_type(field.type), field.nullable) for field in schema]


def found_schema(schema: Any) -> list[tuple[str, str, bool]]:
    return [(column.name, column.dtype.text, column.nullable) for column in schema.columns]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
SCALARS: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (pyarrow.bool_(), st.booleans()),
    *[(kind(), st.integers(-100, 100)) for kind in (pyarrow.int8, pyarrow.int16, pyarrow.int32, pyarrow.int64)],
    *[(kind(), st.integers(0, 200)) for kind in (pyarrow.uint8, pyarrow.uint16, pyarrow.uint32, pyarrow.uint64)],
    (pyarrow.float32(), st.floats(width=32)), (pyarrow.float64(), st.floats()), (pyarrow.string(), texts),
    (pyarrow.large_string(), texts), (pyarrow.binary(), st.binary(max_size=5)), (pyarrow.binary(3), st.binary(min_size=3, max_size=3)),
    (pyarrow.date32(), st.dates()), (pyarrow.time32("ms"), st.times().map(lambda time: time.replace(microsecond=0))),
    (pyarrow.time64("us"), st.times()), (pyarrow.decimal128(9, 2), st.decimals(-1000, 1000, places=2)),
    (pyarrow.timestamp("ms"), st.datetimes().map(lambda at: at.replace(microsecond=0))), (pyarrow.timestamp("us"), st.datetimes()),
    (pyarrow.timestamp("us", "UTC"), st.datetimes(timezones=st.just(datetime.UTC))),
    (pyarrow.timestamp("ns"), st.datetimes(datetime.datetime(1980, 1, 1), datetime.datetime(2200, 1, 1))),
]  # fmt: skip

Kind = tuple[Any, st.SearchStrategy[Any]]


def _list(inner: Kind) -> Kind:
    return pyarrow.list_(inner[0]), st.lists(st.none() | inner[1], max_size=3)


def _struct(inner: list[Kind]) -> Kind:
    fields = {f"f{place}": kind for place, kind in enumerate(inner)}
    made = pyarrow.struct([pyarrow.field(name, kind[0]) for name, kind in fields.items()])
    return made, st.fixed_dictionaries({name: st.none() | kind[1] for name, kind in fields.items()})


def _map(inner: Kind) -> Kind:
    pairs = st.lists(st.tuples(texts, inner[1]), max_size=2, unique_by=lambda pair: pair[0])
    return pyarrow.map_(pyarrow.string(), inner[0]), pairs


kinds = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: inner.map(_list) | st.lists(inner, min_size=1, max_size=3).map(_struct) | inner.map(_map),
    max_leaves=4,
)


@st.composite
def tables(draw: st.DrawFn) -> pyarrow.Table:
    """A table of any columns, each with or without nulls."""
    rows = draw(st.integers(0, 6))
    fields, arrays = [], []
    for place, (kind, values) in enumerate(draw(st.lists(kinds, min_size=1, max_size=3))):
        nullable = draw(st.booleans())
        cells = st.lists(st.none() | values if nullable else values, min_size=rows, max_size=rows)
        fields.append(pyarrow.field(f"c{place}", kind, nullable=nullable))
        arrays.append(pyarrow.array(draw(cells), kind))
    return pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))


@given(tables(), st.integers(1, 4))
def test_a_footer_says_what_pyarrow_reads(table: pyarrow.Table, size: int) -> None:
    raw = parquet(table, row_group_size=size)
    found = read_footer("t.parquet", BytesSource(raw))
    theirs = pyarrow.parquet.ParquetFile(io.BytesIO(raw))
    assert (found.rows, found.row_groups) == (theirs.metadata.num_rows, theirs.metadata.num_row_groups)
    assert found.created_by == theirs.metadata.created_by
    assert found_schema(found.schema) == wanted_schema(table.schema)


@given(tables(), st.integers(1, 4), st.booleans())
def test_arrow_metadata_says_what_pyarrow_reads(table: pyarrow.Table, size: int, is_stream: bool) -> None:
    raw = arrow(table, stream=is_stream, rows=size)
    found = read_arrow("t.arrow", BytesSource(raw))
    theirs = (pyarrow.ipc.open_stream if is_stream else pyarrow.ipc.open_file)(io.BytesIO(raw))
    batches = list(theirs) if is_stream else [theirs.get_batch(place) for place in range(theirs.num_record_batches)]
    assert found_schema(found.schema) == wanted_schema(theirs.schema)
    assert (found.rows, found.batches, found.is_stream) == (
        sum(batch.num_rows for batch in batches),
        len(batches),
        is_stream,
    )


@given(tables())
def test_every_table_fits_the_schema_that_it_declares(table: pyarrow.Table) -> None:
    for raw, name in ((parquet(table), "t.parquet"), (arrow(table), "t.arrow"), (stream(table), "t.arrow")):
        found = of(raw, name)
        held = validate(found.schema, name, BytesSource(raw))
        assert (held.rows, held.faults) == (table.num_rows, ())


@given(tables())
def test_counts_and_nulls_are_those_of_pyarrow(table: pyarrow.Table) -> None:
    for raw, name in ((parquet(table), "t.parquet"), (arrow(table), "t.arrow")):
        found = of(raw, name)
        nulls = {column: table[column].null_count for column in table.column_names}
        assert {column: figures["nulls"] for column, figures in found.statistics.items()} == nulls
        assert {column: figures["count"] + nulls[column] for column, figures in found.statistics.items()} == dict.fromkeys(nulls, table.num_rows)  # type: ignore[operator]  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        pyarrow.float16(), pyarrow.large_binary(), pyarrow.date64(), pyarrow.time32("s"), pyarrow.time64("ns"), pyarrow.duration("us"),
        pyarrow.timestamp("s"), pyarrow.timestamp("ns", "Europe/Berlin"), pyarrow.decimal256(50, 10), pyarrow.decimal128(9, -2),
        pyarrow.list_(pyarrow.int8(), 2), pyarrow.large_list(pyarrow.int8()), pyarrow.dictionary(pyarrow.int8(), pyarrow.string()),
        pyarrow.list_(pyarrow.dictionary(pyarrow.int8(), pyarrow.string())), pyarrow.string_view(),
    ],
    ids=str,
)  # fmt: skip
def test_rarer_types_of_arrow(kind: Any) -> None:
    raw = arrow(pyarrow.table({"x": pyarrow.array([None, None], kind)}))
    found = of(raw, "t.arrow")
    assert found_schema(found.schema) == [("x", wanted_type(kind), True)]
    assert validate(found.schema, "t.arrow", BytesSource(raw)).is_valid


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_nested_moments_and_maps_are_read_as_their_types_say(name: str) -> None:
    at = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    rows = [{"at": at, "took": None, "tags": [("a", 1)], "half": None}]
    kind = pyarrow.struct(
        [
            ("at", pyarrow.timestamp("ns", "UTC")), ("took", pyarrow.int64()), ("tags", pyarrow.map_(pyarrow.string(), pyarrow.int64())),
            ("half", pyarrow.float32()),
        ]
    )  # fmt: skip
    nanoseconds = pyarrow.array([[1_700_000_000_123_456_789]], pyarrow.list_(pyarrow.timestamp("ns")))
    table = pyarrow.table({"x": pyarrow.array(rows, kind), "n": nanoseconds})
    raw = parquet(table) if name.endswith("parquet") else arrow(table)
    found = of(raw, name)
    assert validate(found.schema, name, BytesSource(raw)).faults == ()
    (batch,) = open_table(name, BytesSource(raw)).batches()
    assert batch.columns["x"][0]["tags"] == [{"key": "a", "value": 1}]
    assert batch.columns["x"][0]["at"] == at
    assert batch.columns["n"] == [[datetime.datetime(2023, 11, 14, 22, 13, 20, 123456)]]


def test_a_type_without_a_name_here_is_told() -> None:
    kind = pyarrow.dense_union([pyarrow.field("a", pyarrow.int64())])
    array = pyarrow.UnionArray.from_dense(
        pyarrow.array([0], pyarrow.int8()), pyarrow.array([0], pyarrow.int32()), [pyarrow.array([1])], ["a"]
    )
    assert array.type == kind
    found = read_arrow("t.arrow", BytesSource(arrow(pyarrow.table({"u": array}))))
    assert found.schema.columns[0].dtype.name == "Binary" and "Union" in found.notes[0]


# -- statistics ----------------------------------------------------------------------------------------------------


@given(
    st.lists(st.none() | st.integers(-(2**53) + 1, 2**53 - 1), min_size=1, max_size=12),
    st.sampled_from([pyarrow.int64(), pyarrow.float64(), pyarrow.timestamp("us"), pyarrow.decimal128(19, 0)]),
    st.integers(1, 5),
)
def test_statistics_of_a_footer_are_those_of_the_values(values: list[int | None], kind: Any, size: int) -> None:
    """What the footer says without pyarrow is what reading all values says with it."""
    if pyarrow.types.is_timestamp(kind):
        values = [None if value is None else value % 10**15 for value in values]
    raw = parquet(pyarrow.table({"x": pyarrow.array(values, pyarrow.int64()).cast(kind)}), row_group_size=size)
    footer = read_footer("t.parquet", BytesSource(raw)).statistics["x"]
    full = of(raw, "t.parquet").statistics["x"]
    assert {name: full[name] for name in footer} == dict(footer)
    assert {"count", "nulls"} <= footer.keys()
    # Decimals of fixed length are left to who reads the values.
    is_decoded = not pyarrow.types.is_decimal(kind)
    assert ("min" in footer) == (is_decoded and any(value is not None for value in values))


def test_texts_of_people_are_not_taken_from_statistics() -> None:
    raw = parquet(pyarrow.table({"name": ["Ada", "Zoe"], "raw": [b"Ada", b"Zoe"]}))
    for figures in read_footer("t.parquet", BytesSource(raw)).statistics.values():
        assert dict(figures) == {"count": 2, "nulls": 0}
    assert "Ada" not in str(of(raw, "t.parquet").statistics)


def test_a_row_group_that_is_silent_takes_the_extremes_away() -> None:
    raw = parquet(pyarrow.table({"x": [1, 2]}), write_statistics=False)
    assert read_footer("t.parquet", BytesSource(raw)).statistics["x"] == {}


def test_codecs_metadata_and_row_groups_are_told() -> None:
    table = pyarrow.table({"x": range(10)}).replace_schema_metadata({"made by": "Ada", "long": "a" * 999})
    found = of(parquet(table, row_group_size=3, compression="zstd"), "t.parquet")
    assert found.extra["codecs"] == ["zstd"] and found.extra["row_groups"] == 4
    assert found.extra["metadata"]["made by"] == "Ada" and len(found.extra["metadata"]["long"]) == 256


# -- with and without pyarrow --------------------------------------------------------------------------------------

ODD = pyarrow.table(
    {
        "id": [1, 2, None], "name": ["a", None, "b"], "at": pyarrow.array([0, 1, 2], pyarrow.timestamp("ms", "UTC")),
        "tags": [["a"], [], None], "who": [{"age": 3}, None, {"age": None}], "price": [decimal.Decimal("1.50")] * 3,
    }
)  # fmt: skip


@pytest.mark.usefixtures("without_pyarrow")
@pytest.mark.parametrize(("name", "write"), [("t.parquet", parquet), ("t.arrow", arrow), ("t.arrow", stream)])
def test_schema_and_rows_need_no_pyarrow_and_values_do(name: str, write: Any) -> None:
    raw = write(ODD)
    found = of(raw, name)
    assert found.rows == 3 and found_schema(found.schema) == wanted_schema(ODD.schema)
    with pytest.raises(NeedsArrow, match="read with pyarrow"):
        open_table(name, BytesSource(raw))
    with pytest.raises(NeedsArrow):
        validate(found.schema, name, BytesSource(raw))


@pytest.mark.parametrize(("name", "write"), [("t.parquet", parquet), ("t.arrow", arrow), ("t.arrow", stream)])
def test_schema_rows_and_extra_are_the_same_with_and_without(
    name: str, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = write(ODD)
    full = of(raw, name)
    monkeypatch.setattr(profile, "is_available", lambda: False)
    less = of(raw, name)
    assert (less.schema, less.rows, less.extra, less.warnings) == (full.schema, full.rows, full.extra, full.warnings)
    for column, figures in less.statistics.items():
        assert figures.items() <= full.statistics[column].items()


def test_feather_and_files_without_an_ending_are_known() -> None:
    out = io.BytesIO()
    pyarrow.feather.write_feather(ODD.select(["id"]), out, compression="uncompressed")
    for name in ("t.feather", "data"):
        found = inspect(name, BytesSource(out.getvalue()))
        assert found is not None and found.summary["rows"] == 3
    told = inspect("data", BytesSource(parquet(ODD)))
    assert told is not None and told.summary["format"] == "parquet"


# -- hostile files -------------------------------------------------------------------------------------------------

SMALL = pyarrow.table({"id": [1, 2, 3], "s": ["a", None, "b"], "l": [[1], [], None]})
FILES = [("t.parquet", parquet(SMALL)), ("t.arrow", arrow(SMALL)), ("t.arrow", stream(SMALL))]
IDS = ["parquet", "file", "stream"]


def survives(name: str, raw: bytes) -> Inspection:
    """Whatever the bytes are, there is an inspection."""
    found = inspect(name, BytesSource(raw))
    assert found is not None
    return found


@pytest.mark.usefixtures("without_pyarrow")
@pytest.mark.parametrize(("name", "raw"), FILES, ids=IDS)
def test_every_cut_of_a_file_is_told_as_damaged(name: str, raw: bytes) -> None:
    whole = survives(name, raw)
    assert not whole.warnings
    for length in range(len(raw)):
        found = survives(name, raw[:length])
        if name == "t.parquet" or not whole.detail["stream"]:
            assert found.warnings[0].startswith("malformed: "), length


@pytest.mark.parametrize(("name", "raw"), FILES, ids=IDS)
def test_cuts_with_pyarrow_are_one_error(name: str, raw: bytes) -> None:
    for length in range(0, len(raw), 7):
        survives(name, raw[:length])


def flips(raw: bytes) -> Iterator[bytes]:
    """Every byte on its own, by three flips: the lowest bit, the highest bit, all bits."""
    for place in range(len(raw)):
        for mask in (0x01, 0x80, 0xFF):
            changed = bytearray(raw)
            changed[place] ^= mask
            yield bytes(changed)


@pytest.mark.usefixtures("without_pyarrow")
@pytest.mark.parametrize(("name", "raw"), FILES, ids=IDS)
def test_every_flipped_byte_is_an_inspection(name: str, raw: bytes) -> None:
    for changed in flips(raw):
        survives(name, changed)


@pytest.mark.usefixtures("without_pyarrow")
@pytest.mark.parametrize(("name", "raw"), FILES, ids=IDS)
def test_many_wrong_bytes_at_once_are_an_inspection(name: str, raw: bytes) -> None:
    coin = random.Random(7)
    for _ in range(2_000):
        changed = bytearray(raw)
        for _ in range(coin.randint(2, 12)):
            changed[coin.randrange(len(raw))] = coin.choice([0, 1, 0x7F, 0x80, 0xFF, coin.randrange(256)])
        survives(name, bytes(changed))


@pytest.mark.usefixtures("without_pyarrow")
@given(st.binary(max_size=200), st.sampled_from(["t.parquet", "t.arrow"]))
@settings(max_examples=300)
def test_any_bytes_between_the_right_marks_are_an_inspection(body: bytes, name: str) -> None:
    length = len(body).to_bytes(4, "little")
    if name == "t.parquet":
        survives(name, b"PAR1" + body + length + b"PAR1")
    else:
        survives(name, b"ARROW1\0\0" + body + length + b"ARROW1")
        survives(name, b"\xff\xff\xff\xff" + length + body)


def footer_of(data: bytes) -> bytes:
    return b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"PAR1" + b"\0" * 8 + b"PARE", "encrypted"), (b"PAR1PAR1", "not a whole Parquet file"), (footer_of(b""), "ends too early"),
        (b"PAR1\xff\xff\xff\x7fPAR1", "a footer of"), (footer_of(b"\0"), "how many rows"), (footer_of(b"\x1c" * 64), "nested|ends"),
        (footer_of(b"\x29\xfc\xff\xff\xff\xff\x0f"), "a list of 4294967295 items"), (footer_of(b"\x19\xfb\xff\x7f"), "a list|a map"),
        (footer_of(b"\x36\x02\0"), "no schema"), (footer_of(b"\x36\x01\0"), "how many rows"),
    ],
)  # fmt: skip
def test_lying_footers_are_one_error(raw: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        read_footer("t.parquet", BytesSource(raw))
