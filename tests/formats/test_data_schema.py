"""Schemas: types and their spelling, the canonical document, the files that people write, the limits."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.canonical import decode_compact
from pacha.base.toml import BadToml
from pacha.formats.datatype import CATEGORIES_MAX, DEPTH_MAX, PLAIN, UNITS, BadType, DataType
from pacha.formats.schema import BadSchema, Column, DataSchema, read_schema

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
leaves = st.one_of(
    st.sampled_from(PLAIN).map(lambda name: DataType(name=name)),
    st.builds(DataType, name=st.just("Decimal"), precision=st.integers(1, 76), scale=st.integers(-5, 76)),
    st.just(DataType(name="Decimal")),
    st.builds(
        DataType,
        name=st.just("Timestamp"),
        unit=st.none() | st.sampled_from(UNITS),
        zone=st.none() | st.sampled_from(["UTC", "Europe/Berlin", "+01:00", "Etc/GMT-3"]),
    ),
    st.builds(
        DataType,
        name=st.just("Categorical"),
        values=st.none() | st.lists(texts, min_size=1, max_size=4, unique=True).map(tuple),
    ),
)


def structs(inner: st.SearchStrategy[DataType]) -> st.SearchStrategy[DataType]:
    fields = st.lists(st.tuples(names, inner), max_size=3, unique_by=lambda field: field[0]).map(tuple)
    return st.builds(DataType, name=st.just("Struct"), fields=fields)


types = st.recursive(
    leaves, lambda inner: st.builds(DataType, name=st.just("List"), item=inner) | structs(inner), max_leaves=6
)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    dtype = draw(types)
    given_: dict[str, object] = {}
    if dtype.is_integer:
        low, high = max(dtype.integer_range()[0], -(2**53) + 1), min(dtype.integer_range()[1], 2**53 - 1)
        ends = sorted(draw(st.lists(st.integers(low, high), min_size=2, max_size=2)))
        given_ = {"minimum": draw(st.sampled_from([None, ends[0]])), "maximum": draw(st.sampled_from([None, ends[1]]))}
    elif dtype.is_float:
        floats = st.floats(allow_nan=False, allow_infinity=False)
        given_ = {"minimum": draw(st.none() | floats)}
    elif dtype.name == "String":
        given_ = {"allowed": draw(st.none() | st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple))}
    return Column(
        name=name,
        dtype=dtype,
        nullable=draw(st.booleans()),
        description=draw(texts),
        unique=draw(st.booleans()),
        **given_,
    )


@st.composite
def schemas(draw: st.DrawFn) -> DataSchema:
    chosen = draw(st.lists(names, max_size=4, unique=True))
    return DataSchema(columns=tuple(draw(columns(name)) for name in chosen))


@given(types)
def test_a_type_is_read_back_from_its_spelling(dtype: DataType) -> None:
    assert DataType.parse(dtype.text) == dtype
    assert DataType.parse(f"  {dtype.text}  ") == dtype


@given(schemas())
def test_a_schema_is_read_back_from_its_document_its_bytes_and_a_file(schema: DataSchema) -> None:
    assert DataSchema.from_document(schema.document()) == schema
    assert DataSchema.from_document(decode_compact(schema.encode())) == schema
    assert read_schema(schema.encode(), name="s.json") == schema
    assert read_schema(json.dumps(schema.document(), indent=2).encode(), name="s.json") == schema


@given(schemas(), schemas())
def test_only_equal_schemas_share_a_fingerprint(left: DataSchema, right: DataSchema) -> None:
    assert (left.fingerprint == right.fingerprint) == (left == right)
    assert len(left.fingerprint) == 16


@given(st.text('List<>Struct(),:"\\ Int8a\n', max_size=30))
def test_any_text_is_a_type_or_one_error(text: str) -> None:
    with contextlib.suppress(BadType):
        assert DataType.parse(DataType.parse(text).text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("int64", "Int64"), ("LIST<list<STRING>>", "List<List<String>>"), ("Decimal(12)", "Decimal(12, 0)"),
        ("Timestamp(UTC)", "Timestamp(UTC)"), ("Timestamp(us)", "Timestamp(us)"), ("Timestamp(ns,+05:30)", "Timestamp(ns, +05:30)"),
        ('Struct<"a b":Int8,c:Date>', 'Struct<"a b": Int8, c: Date>'), ("Struct<>", "Struct"), ("Categorical", "Categorical"),
    ],
)  # fmt: skip
def test_spellings_of_types(text: str, wanted: str) -> None:
    assert DataType.parse(text).text == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "Int65", "List", "List<", "List<Int64", "List<Int64>>", "List<>", "Decimal(0, 0)", "Decimal(77, 0)", "Decimal(1,2,3)",
        "Decimal(x)", "Timestamp(Mars; rm)", "Timestamp(us, us)", "Int64(3)", "Struct<a Int64>", "Struct<a: Int64, a: Int8>",
        'Categorical("a", "a")', "Categorical(a)", "Categorical()", 'Categorical("\\x")', "x" * 70_000, "List<" * 20 + "Int8" + ">" * 20,
        "List<" * 20_000, "Struct<" + "a: " * 10_000,
    ],
)  # fmt: skip
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(BadType):
        DataType.parse(text)


def test_types_have_limits() -> None:
    deep = DataType(name="Int8")
    for _ in range(DEPTH_MAX - 1):
        deep = DataType(name="List", item=deep)
    with pytest.raises(BadType, match="levels deep"):
        DataType(name="List", item=deep)
    with pytest.raises(BadType, match="lists 1 to"):
        DataType(name="Categorical", values=tuple(map(str, range(CATEGORIES_MAX + 1))))


TOML = b"""
# what each row of users.csv is
[[columns]]
name = "id"
dtype = "Int64"
nullable = false
unique = true

[[columns]]
name = "age"
dtype = "Int16"
min = 0
max = 150
description = "in years"

[[columns]]
name = "plan"
dtype = "String"
allowed = ["free", "paid"]
"""


def test_a_schema_file_in_toml() -> None:
    schema = read_schema(TOML, name="users.schema.toml")
    assert schema.names == ("id", "age", "plan")
    assert [column.nullable for column in schema.columns] == [False, True, True]
    age = schema.column("age")
    assert age is not None and (age.minimum, age.maximum, age.description) == (0, 150, "in years")


def test_the_short_form_of_a_schema_file() -> None:
    raw = b'[columns]\nid = "Int64"\nscore = { dtype = "Float64", min = 0.5 }\n'
    schema = read_schema(raw, name="s.toml")
    assert [(column.name, column.dtype.text, column.minimum) for column in schema.columns] == [
        ("id", "Int64", None), ("score", "Float64", 0.5),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"columns": [{"name": "a", "dtype": "Int8", "nulable": true}]}', "columns[0] ('a') has no member 'nulable'"),
        (b'{"columns": [{"name": "a"}]}', "columns[0] ('a') needs a name and a dtype"),
        (b'{"columns": [{"name": "a", "dtype": "Intt"}]}', "columns[0] ('a'): not a type: 'Intt'"),
        (b'{"columns": [{"name": 3, "dtype": "Int8"}]}', "columns[0].name is not a text"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "nullable": 1}]}', "columns[0] ('a').nullable is not a true or false"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "min": 5, "max": 4}]}', "max is below min"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "min": 300}]}', "min 300 is no value of Int8"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "min": true}]}', "min True is no value of Int8"),
        (b'{"columns": [{"name": "a", "dtype": "Date", "min": "2023-02-30"}]}', "is no value of Date"),
        (b'{"columns": [{"name": "a", "dtype": "String", "min": "b"}]}', "min has no meaning for String"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "allowed": [1, 1]}]}', "allowed lists a value twice"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "allowed": []}]}', "allowed lists 1 to"),
        (b'{"columns": [{"name": "a", "dtype": "List<Int8>", "allowed": [1]}]}', "allowed has no meaning for List"),
        (b'{"columns": [{"name": "", "dtype": "Int8"}]}', "name has 1 to"),
        (b'{"columns": [{"name": "a", "dtype": "Int8"}, {"name": "a", "dtype": "Int8"}]}', "two columns are named 'a'"),
        (b'{"columns": [{"name": "\\ud800", "dtype": "Int8"}]}', "surrogate"),
        (b'{"columns": [3]}', "columns[0] is not a table"),
        (b'{"columns": 3}', "`columns` is missing"),
        (b'{"rows": []}', "no member 'rows'"),
        (b'{"type": "tag", "columns": []}', "not a schema but a 'tag'"),
        (b'{"columns": [], "columns": []}', "stands twice"),
        (b'{"columns": [{"name": "a", "dtype": "Float64", "min": NaN}]}', "NaN is not JSON"),
        (b'{"columns": [{"name": "a", "dtype": "Float64", "min": 1e999}]}', "is no value of Float64"),
        (b'{"columns": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"columns": [{"name": "a", "dtype": "Int8", "min": ' + b"9" * 5_000 + b"}]}", "not JSON"),
        (b"{\xff}", "not JSON"),
    ],
)  # fmt: skip
def test_a_wrong_schema_file_is_told_with_its_place(raw: bytes, said: str) -> None:
    with pytest.raises(BadSchema) as caught:
        read_schema(raw, name="s.json")
    assert said in caught.value.message and caught.value.message.startswith("s.json: ") and caught.value.hint


def test_a_misspelt_member_has_a_near_one() -> None:
    with pytest.raises(BadSchema) as caught:
        read_schema(b'[[columns]]\nname = "a"\ndtype = "Int8"\nnulable = true\n', name="s.toml")
    assert caught.value.hint == "did you mean nullable?"


def test_what_is_no_toml_is_one_error() -> None:
    with pytest.raises(BadToml):
        read_schema(b"columns = [", name="s.toml")


def test_every_cut_of_a_schema_file_is_read_or_one_error() -> None:
    for length in range(len(TOML)):
        with contextlib.suppress(BadSchema, BadToml):
            read_schema(TOML[:length], name="s.toml")
