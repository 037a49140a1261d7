"""Files against schemas: each fault has its row, line and column; all are counted; constraints hold for every format."""

import io
import json
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.formats import columnar
from pacha.formats import validate as rules
from pacha.formats.columnar import NeedsArrow
from pacha.formats.inspection import BytesSource, Malformed
from pacha.formats.profile import profile
from pacha.formats.schema import Column, DataSchema, DataType
from pacha.formats.tables import NotTabular
from pacha.formats.validate import FAULTS_MAX, NotValid, TooManyRows, Validation, require_valid, validate


def column(name: str, dtype: str, **given_: Any) -> Column:
    return Column(name=name, dtype=DataType.parse(dtype), **given_)


def schema(*columns: Column) -> DataSchema:
    return DataSchema(columns=columns)


def held(wanted: DataSchema, text: str | bytes, name: str = "t.csv", **options: Any) -> Validation:
    return validate(wanted, name, BytesSource(text.encode() if isinstance(text, str) else text), **options)


def told(found: Validation) -> list[str]:
    return [str(fault) for fault in found.faults]


def parquet(**columns: Any) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), out)
    return out.getvalue()


def lines(*rows: Any) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


PEOPLE = schema(
    column("id", "Int64", nullable=False, unique=True), column("age", "UInt8", maximum=120), column("name", "String")
)


# -- where a fault is ----------------------------------------------------------------------------------------------


def test_a_fault_names_row_line_and_column() -> None:
    found = held(PEOPLE, 'id,age,name\n1,30,"two\nlines"\n\nx,300,b\n,121,c\n1,5,d\n')
    assert told(found) == [
        "row 2, line 5, column id: not a value of Int64 ('x')",
        "row 2, line 5, column age: not a value of UInt8 ('300')",
        "row 3, line 6, column id: nothing, where nothing may not be",
        "row 3, line 6, column age: above the most, 120 ('121')",
        "row 4, line 7, column id: a value that stood before, in a column where each stands once ('1')",
    ]
    assert (found.rows, found.count, found.is_valid) == (4, 5, False)


def test_json_lines_have_lines_and_parquet_has_none() -> None:
    found = held(PEOPLE, "\n" + lines({"id": 1, "age": 1, "name": "a"}, {"id": 2, "age": -1, "name": "a"}), "t.jsonl")
    assert told(found) == ["row 2, line 3, column age: not a value of UInt8 (-1)"]
    raw = parquet(id=[1, 1], age=pyarrow.array([1, 130], pyarrow.uint8()), name=["a", "b"])
    assert told(held(PEOPLE, raw, "t.parquet")) == [
        "row 2, column id: a value that stood before, in a column where each stands once (1)",
        "row 2, column age: above the most, 120 (130)",
    ]


def test_columns_are_missing_or_too_many_once() -> None:
    assert told(held(PEOPLE, "id,name,more\n1,a,b\n2,a,b\n")) == [
        "column age: the column is missing",
        "column more: the schema has no such column",
    ]
    raw = lines({"id": 1, "name": "a", "more": 1}, {"id": 2, "name": "a", "more": 1})
    assert told(held(PEOPLE, raw, "t.jsonl")) == [
        "column more: the schema has no such column",
        "column age: the column is missing",
    ]


def test_a_row_of_another_length_is_one_fault_and_none_of_its_cells() -> None:
    assert told(held(PEOPLE, "id,age,name\n1,2,a\n,300\n2,3,b,c\n")) == [
        "row 2, line 3: 2 fields, where the header has 3",
        "row 3, line 4: 4 fields, where the header has 3",
    ]


def test_a_line_that_is_no_object_is_one_fault() -> None:
    found = held(PEOPLE, '{"id": 1, "age": 1, "name": "a"}\n[1]\nnot json\n', "t.jsonl")
    assert [(fault.row, fault.line, fault.column) for fault in found.faults] == [(2, 2, None), (3, 3, None)]
    assert "not an object but a list" in told(found)[0]


def test_a_type_that_a_file_declares_is_one_fault_for_all_rows() -> None:
    found = held(
        PEOPLE, parquet(id=["a", "a"], age=pyarrow.array([1, 2], pyarrow.uint8()), name=["a", "b"]), "t.parquet"
    )
    assert told(found) == ["column id: String, where the schema has Int64"]


def test_values_are_shown_short_and_printable() -> None:
    (fault,) = held(schema(column("x", "Int64")), 'x\n"' + "a\x1b" * 100 + '"\n').faults
    assert (
        fault.value is not None and len(fault.value) == 80 and fault.value.endswith("…") and fault.value.isprintable()
    )


# -- counts --------------------------------------------------------------------------------------------------------


def test_so_many_faults_are_listed_and_all_are_counted() -> None:
    found = held(schema(column("x", "Int64")), "x\n" + "a\n" * 250)
    assert (len(found.faults), found.count, found.rows) == (FAULTS_MAX, 250, 250)
    assert [fault.row for fault in found.faults] == list(range(1, FAULTS_MAX + 1))
    assert len(held(schema(column("x", "Int64")), "x\na\na\n", faults_max=1).faults) == 1


@given(st.lists(st.sampled_from(["1", "-3", "7", "9", "", "x", "1.5"]), max_size=30), st.booleans(), st.booleans())
def test_faults_are_those_of_a_naive_reading(cells: list[str], nullable: bool, unique: bool) -> None:
    wanted = schema(column("n", "Int64"), column("x", "Int8", nullable=nullable, unique=unique, minimum=0, maximum=8))
    found = held(wanted, "n,x\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells)))
    expected = []
    for row, cell in enumerate(cells, start=1):
        if not cell:
            bad = not nullable
        else:
            bad = cell not in ("1", "7")
        expected += [row] * bad
        if unique and cell and not bad and cell in cells[: row - 1]:
            expected.append(row)
    assert [fault.row for fault in found.faults] == expected
    assert found.count == len(expected)


@given(
    st.lists(st.lists(st.sampled_from(["", "1", "x"]), min_size=2, max_size=2), min_size=1, max_size=20),
    st.integers(1, 5),
)
def test_batches_do_not_change_what_is_found(rows: list[list[str]], size: int) -> None:
    wanted = schema(column("a", "Int64", nullable=False, unique=True), column("b", "Int64", unique=True))
    text = "a,b\n" + "".join(f"{a},{b}\n" for a, b in rows)
    whole = held(wanted, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pacha.formats.csvtable.batch_rows", lambda columns: size)
        patch.setattr("pacha.formats.csvtable._CHUNK_ROWS", 1)
        assert held(wanted, text) == whole


# -- constraints ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "given_", "good", "bad"),
    [
        ("Int64", {"minimum": 0}, ["0", "5"], ["-1"]), ("Float64", {"minimum": 0, "maximum": 1.5}, ["0", "1.5", "-0.0"], ["1.6", "-1", "nan", "inf"]),
        ("Float64", {"allowed": (1, 2.5)}, ["1", "1.0", "2.5"], ["2", "NaN"]), ("Float32", {}, ["nan", "-inf", "1e5"], ["x"]),
        ("Date", {"minimum": "2024-01-01"}, ["2024-01-01"], ["2023-12-31", "2024-02-30", "2024-01-01T10:00"]),
        ("Timestamp", {"maximum": "2024-01-01"}, ["2024-01-01 00:00", "2023-12-31"], ["2024-01-01 00:01", "2023-01-01T00:00Z"]),
        ("Timestamp(UTC)", {"maximum": "2024-01-01T00:00Z"}, ["2024-01-01T01:00+01:00"], ["2024-01-01T00:00-01:00", "2023-01-01"]),
        ("Time", {"minimum": "09:00"}, ["09:00:00", "10:00"], ["08:59:59.9"]), ("String", {"allowed": ("a", "1")}, ["a", "1"], ["b", "1.0"]),
        ("Bool", {"allowed": (True,)}, ["true", "True"], ["false", "1"]), ('Categorical("a", "b")', {}, ["a"], ["c", "A"]),
        ("Decimal(4, 2)", {"maximum": 50.5}, ["50.50", "0.01", "12.340"], ["50.51", "1.234", "100", "1e1"]),
        ("UInt8", {}, ["0", "255"], ["256", "-1", "1.0", "01"]), ("List<Int64>", {}, [], ["[1]"]),
    ],
)  # fmt: skip
def test_texts_that_fit_and_texts_that_do_not(dtype: str, given_: Any, good: list[str], bad: list[str]) -> None:
    wanted = schema(column("n", "Int64"), column("x", dtype, **given_))
    assert held(wanted, "n,x\n" + "".join(f"0,{text}\n" for text in good)).faults == ()
    found = held(wanted, "n,x\n" + "".join(f"0,{text}\n" for text in bad))
    assert [fault.row for fault in found.faults] == list(range(1, len(bad) + 1))


@pytest.mark.parametrize(
    ("dtype", "given_", "good", "bad"),
    [
        ("Int64", {"maximum": 5}, [5, None], [6, "5", 5.0, True, [5]]), ("Float64", {"minimum": 0}, [0, 1.5], [-1, "1", False]),
        ("Bool", {}, [True, False], [0, 1, "true"]), ("String", {}, ["", "1"], [1, True, ["a"]]),
        ("Date", {"minimum": "2024-01-01"}, ["2024-01-01"], ["2023-01-01", "x", 20240101]), ("Decimal(4, 2)", {}, [1, 1.25, "12.50"], [100, 1.255, True]),
        ("List<Int64>", {}, [[], [1, None]], [[1.5], ["1"], 1, {}]), ("Struct<a: Int8>", {}, [{}, {"a": 1}, {"a": None}], [{"a": 300}, {"b": 1}, [1]]),
        ("Struct", {}, [{"any": [1]}], ["x"]), ("Int64", {"allowed": (1, 2)}, [1, 2], [3]), ('Categorical("a")', {}, ["a"], ["b", 1]),
        ("Float64", {"maximum": 1}, [1.0], [float("nan"), float("inf")]),
    ],
)  # fmt: skip
def test_json_values_that_fit_and_values_that_do_not(dtype: str, given_: Any, good: list[Any], bad: list[Any]) -> None:
    wanted = schema(column("x", dtype, **given_))
    assert held(wanted, lines(*({"x": value} for value in good)), "t.jsonl").faults == ()
    found = held(wanted, lines(*({"x": value} for value in bad)), "t.jsonl")
    assert [fault.row for fault in found.faults] == list(range(1, len(bad) + 1))
    for value in bad:
        assert held(wanted, lines({"x": value}), "t.jsonl").count == 1


def test_unique_values_are_compared_as_their_type_reads_them_and_nulls_may_repeat() -> None:
    def repeated(dtype: str, *texts: str) -> list[int | None]:
        found = held(
            schema(column("n", "Int64"), column("x", dtype, unique=True)),
            "n,x\n" + "".join(f"0,{text}\n" for text in texts),
        )
        return [fault.row for fault in found.faults]

    assert repeated("Int64", "1", "", "", "2", "1", "1") == [5, 6]
    assert repeated("String", "1", "1.0", "01") == []
    assert repeated("Float64", "1", "1.0", "10e-1") == [2, 3]
    assert repeated("Timestamp", "2024-01-01 10:00", "2024-01-01T10:00:00") == [2]
    assert repeated("Decimal", "1.50", "1.5") == [2]
    nested = held(
        schema(column("x", "List<Int64>", unique=True)), lines({"x": [1]}, {"x": [1, 2]}, {"x": [1]}), "t.jsonl"
    )
    assert [fault.row for fault in nested.faults] == [3]
    numbers = held(schema(column("x", "Float64", unique=True)), lines({"x": 1}, {"x": 1.0}), "t.jsonl")
    assert [fault.row for fault in numbers.faults] == [2]


def test_more_unique_values_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "UNIQUE_ROWS_MAX", 3)
    with pytest.raises(TooManyRows, match="'x' is unique"):
        held(schema(column("x", "Int64", unique=True), column("y", "Int64")), "x,y\n1,1\n2,1\n3,1\n4,1\n")


@pytest.mark.parametrize(
    ("wanted", "kind", "is_same"),
    [
        ("Timestamp", pyarrow.timestamp("us"), True), ("Timestamp(us)", pyarrow.timestamp("ms"), False),
        ("Timestamp(UTC)", pyarrow.timestamp("us", "UTC"), True), ("Timestamp", pyarrow.timestamp("us", "UTC"), False),
        ("Timestamp(UTC)", pyarrow.timestamp("us"), False), ("Decimal", pyarrow.decimal128(9, 2), True),
        ("Decimal(9, 3)", pyarrow.decimal128(9, 2), False), ("Int64", pyarrow.int32(), False), ("Categorical", pyarrow.string(), True),
    ],
)  # fmt: skip
def test_declared_types_that_are_the_same(wanted: str, kind: Any, is_same: bool) -> None:
    found = held(schema(column("x", wanted)), parquet(x=pyarrow.array([None, None], kind)), "t.parquet")
    assert found.is_valid == is_same and found.count == (not is_same)


# -- as a refusal --------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_first_fault_and_how_many_more() -> None:
    with pytest.raises(
        NotValid, match=r"t\.csv does not fit its schema: row 1, line 2, column age: .* and 1 more"
    ) as refused:
        require_valid(PEOPLE, "t.csv", BytesSource(b"id,age,name\n1,x,a\n2,y,b\n"))
    assert len(refused.value.nouns["faults"]) == 2  # type: ignore[arg-type]
    assert require_valid(PEOPLE, "t.csv", BytesSource(b"id,age,name\n1,2,a\n")).rows == 1


def test_what_is_no_table_is_an_error_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotTabular):
        held(PEOPLE, "text", "t.txt")
    with pytest.raises(Malformed):
        held(PEOPLE, b"\xff\xfea\0", "t.csv")
    with pytest.raises(Malformed):
        held(PEOPLE, b"PAR1", "t.parquet")
    raw = parquet(id=[1])
    monkeypatch.setattr(columnar, "is_available", lambda: False)
    with pytest.raises(NeedsArrow):
        held(PEOPLE, raw, "t.parquet")


def test_a_table_without_rows_fits_if_its_columns_do() -> None:
    assert held(PEOPLE, "id,age,name\n").is_valid
    assert held(PEOPLE, "", "t.jsonl").is_valid
    assert held(PEOPLE, "id\n").count == 2


@given(
    st.lists(
        st.tuples(
            st.integers() | st.none(), st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False)
        ),
        max_size=8,
    )
)
def test_a_file_fits_the_schema_that_was_found_in_it(rows: list[Any]) -> None:
    raw = lines(*(dict(zip("abc", row, strict=True)) for row in rows)).encode()
    found = profile("t.jsonl", BytesSource(raw))
    assert validate(found.schema, "t.jsonl", BytesSource(raw)).faults == ()
