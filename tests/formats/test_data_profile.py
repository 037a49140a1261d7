"""Profiles of CSV and JSON lines: types, statistics, how files are read, and what hostile files cost."""

import contextlib
import csv
import io
import json
import math
import statistics
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pyarrow
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.formats import columnar, csvtable, jsontable, table
from pacha.formats.datafile import inspect_source
from pacha.formats.inspection import BytesSource, Malformed
from pacha.formats.profile import Profile, profile
from pacha.formats.statistics import BLOCK, DISTINCT_MAX


@pytest.fixture(autouse=True, scope="module")
def without_pyarrow() -> Iterator[None]:
    """These are promises of Pacha's own reader; test_data_speed shows that the other way differs in nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columnar, "find_spec", lambda name: None)
        yield


def of(text: str | bytes, name: str = "t.csv", **options: Any) -> Profile:
    return profile(name, BytesSource(text.encode() if isinstance(text, str) else text), **options)


def types_of(found: Profile) -> dict[str, str]:
    return {column.name: column.dtype.text for column in found.schema.columns}


def column_of(values: list[str]) -> tuple[str, dict[str, Any]]:
    """The type and figures of one column of texts, beside one that is never empty."""
    out = io.StringIO()
    csv.writer(out).writerows([["n", "x"], *[[number, value] for number, value in enumerate(values)]])
    found = of(out.getvalue())
    return types_of(found)["x"], dict(found.statistics["x"])


# -- how types are found -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (["1", "-2", "0"], "Int64"), (["1", "2.5"], "Float64"), (["1", "x"], "String"), (["1.", ".5", "1e5", "-1E-3"], "Float64"),
        (["9223372036854775807", "-9223372036854775808"], "Int64"), (["9223372036854775808", "0"], "UInt64"),
        (["9223372036854775808", "-1"], "String"), (["18446744073709551616"], "String"), (["18446744073709551616", "1.5"], "String"),
        (["007", "12"], "String"), (["+1"], "String"), (["1_000"], "String"), (["1,5"], "String"), ([" 1"], "String"), (["٣"], "String"),
        (["nan", "1"], "Float64"), (["inf", "-inf", "Infinity"], "Float64"), (["-0"], "Float64"), (["0x10"], "String"),
        (["true", "False", "TRUE"], "Bool"), (["true", "1"], "String"), (["yes", "no"], "String"),
        (["2024-02-29", "1999-12-31"], "Date"), (["2023-02-29"], "String"), (["2024-1-1"], "String"), (["0000-01-01"], "String"),
        (["2024-01-01", "2024-01-01T10:00:00"], "Timestamp"), (["2024-01-01 10:00", "2024-01-01T10:00:00.123456789"], "Timestamp"),
        (["2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"], "Timestamp(UTC)"), (["2024-01-01T10:00:00Z", "2024-01-01T10:00:00"], "String"),
        (["0001-01-01T00:00:00+14:00"], "String"), (["2024-01-01T25:00:00"], "String"), (["10:00", "23:59:59.5"], "Time"),
        (["10:00", "2024-01-01"], "String"), (["24:00"], "String"), (["2024-01-01", "5"], "String"),
        (["", "NA", "N/A", "n/a", "null", "NULL"], "String"), (["", "1"], "Int64"), (["None", "1"], "String"), (["-", "1"], "String"),
    ],
)  # fmt: skip
def test_the_narrowest_type_that_holds_every_value(values: list[str], wanted: str) -> None:
    assert column_of(values)[0] == wanted
    assert column_of(values[::-1])[0] == wanted


numbers = (
    st.integers(-(2**63), 2**63 - 1).map(str) | st.floats().map(repr) | st.sampled_from(["", "NA", "nan", "Infinity"])
)
spellings = (
    numbers | st.text("0123456789.-+eE_ :TZtruefalsNA", max_size=12) | st.dates().map(str) | st.datetimes().map(str)
)


@given(st.lists(spellings, max_size=12), st.randoms(use_true_random=False))
def test_neither_order_nor_batches_change_the_type_or_the_counts(values: list[str], coin: Any) -> None:
    kind, figures = column_of(values)
    shuffled = values[:]
    coin.shuffle(shuffled)
    again, others = column_of(shuffled)
    assert again == kind
    for name in ("count", "nulls", "distinct", "min", "max", "length_min", "length_max", "nan", "infinite", "true"):
        assert figures.get(name) == others.get(name), name


@given(st.lists(numbers, max_size=700), st.integers(1, 50))
@settings(max_examples=40)
def test_the_figures_do_not_depend_on_how_rows_are_cut_into_batches(values: list[str], size: int) -> None:
    whole = column_of(values)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csvtable, "batch_rows", lambda columns: size)
        patch.setattr(csvtable, "_CHUNK_ROWS", 1 + size % 3)
        assert column_of(values) == whole


@given(
    st.lists(
        st.sampled_from(["1", "-7", "2.5", "x", "true", "2024-01-01", "2024-01-01 10:00:00", "10:00:00", ""]),
        min_size=1,
        max_size=5,
    )
)
def test_types_are_those_of_pyarrow_where_both_have_them(values: list[str]) -> None:
    """The oracle differs on purpose where pyarrow reads more forms; these are the forms that both read."""
    options = pyarrow.csv.ConvertOptions(
        strings_can_be_null=True, null_values=["", "NA"], true_values=["true"], false_values=["false"]
    )
    raw = ("n,x\n" + "".join(f"0,{value}\n" for value in values)).encode()
    theirs = pyarrow.csv.read_csv(io.BytesIO(raw), convert_options=options).schema.field("x").type
    wanted = {
        "int64": "Int64", "double": "Float64", "string": "String", "bool": "Bool", "date32[day]": "Date",
        "timestamp[s]": "Timestamp", "time32[s]": "Time", "null": "String",
    }[str(theirs)]  # fmt: skip
    assert types_of(of(raw))["x"] == wanted


# -- statistics ----------------------------------------------------------------------------------------------------


def near(left: Any, right: float) -> bool:
    return math.isclose(float(left), right, rel_tol=1e-9, abs_tol=1e-12)


@given(st.lists(st.integers(-(10**9), 10**9) | st.floats(-1e6, 1e6), min_size=2, max_size=3 * BLOCK))
@settings(max_examples=50)
def test_mean_and_deviation_are_those_of_the_standard_library(values: list[float]) -> None:
    _, figures = column_of([repr(value) for value in values])
    assert near(figures["mean"], statistics.fmean(values))
    assert math.isclose(float(figures["std"]), statistics.stdev(values), rel_tol=1e-7, abs_tol=1e-6)
    assert (float(figures["min"]), float(figures["max"])) == (float(min(values)), float(max(values)))
    assert figures["count"] == len(values) and figures["nulls"] == 0


def test_a_large_offset_does_not_spoil_the_deviation() -> None:
    values = [1e9 + number % 2 for number in range(5_000)]
    _, figures = column_of([repr(value) for value in values])
    assert near(figures["std"], statistics.stdev(values))


def test_numbers_that_are_not_finite_are_counted_apart() -> None:
    kind, figures = column_of(["1", "3", "nan", "inf", "-inf", ""])
    assert kind == "Float64"
    assert figures == {
        "count": 5, "nulls": 1, "distinct": 5, "min": "-Infinity", "max": "Infinity", "mean": 2.0, "std": math.sqrt(2),
        "nan": 1, "infinite": 2,
    }  # fmt: skip


def test_overflow_is_a_text_and_large_integers_are_texts() -> None:
    assert column_of(["1e308", "1e308", "-1e308"])[1]["std"] in ("Infinity", "NaN")
    assert column_of(["1e999"])[1]["max"] == "Infinity"
    assert column_of(["9223372036854775807"])[1]["max"] == "9223372036854775807"


def test_texts_give_lengths_and_counts_but_none_of_their_values() -> None:
    kind, figures = column_of(["ada", "grace hopper", "ada"])
    assert kind == "String" and figures == {"count": 3, "nulls": 0, "distinct": 2, "length_min": 3, "length_max": 12}


def test_distinct_values_are_counted_up_to_a_cap() -> None:
    assert column_of([f"t{number}" for number in range(DISTINCT_MAX)])[1]["distinct"] == DISTINCT_MAX
    assert column_of([f"t{number}" for number in range(DISTINCT_MAX + 1)])[1]["distinct_at_least"] == DISTINCT_MAX
    long = ["x" * 100 + str(number % 5) for number in range(50)]
    assert column_of(long)[1]["distinct"] == 5


def test_moments_have_a_range() -> None:
    assert column_of(["2024-05-01", "2023-01-01 12:00"])[1]["min"] == "2023-01-01T12:00:00"
    assert column_of(["2024-05-01T00:00+02:00", "2024-05-01T00:00Z"])[1]["min"] == "2024-04-30T22:00:00Z"
    assert column_of(["10:00", "09:30"])[1]["min"] == "09:30:00"


# -- CSV -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", list(csvtable.DELIMITERS))
def test_the_delimiter_is_found(delimiter: str) -> None:
    rows = [["id", "name, or not", "when"], ["1", "a;b|c", "2024-01-01"], ["2", "d,e", "2024-01-02"]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    assert types_of(of(out.getvalue())) == {"id": "Int64", "name, or not": "String", "when": "Date"}


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)


@given(st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_what_the_csv_module_wrote_is_read_with_all_rows(rows: list[list[str]], end: str) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    found = of(out.getvalue())
    assert found.rows == len(rows) and found.schema.names == ("a", "b", "c") and found.warnings == ()
    for place, name in enumerate("abc"):
        kept = [row[place] for row in rows if row[place] not in ("", "NA", "N/A", "n/a", "null", "NULL")]
        assert found.statistics[name]["count"] == len(kept)


def test_lines_are_told_as_an_editor_counts_them() -> None:
    raw = b'a,b\n1,"two\nlines"\n\n3,4,5\r\n"x\r\ny",6\n7\n'
    batch = next(iter(csvtable.CsvTable("t.csv", BytesSource(raw)).batches()))
    assert list(batch.lines or ()) == [2, 5, 6, 8]
    assert [(fault.row, fault.line, fault.reason) for fault in batch.faults] == [
        (2, 5, "3 fields, where the header has 2"), (4, 8, "1 field, where the header has 2"),
    ]  # fmt: skip


def test_uneven_rows_are_told_and_not_guessed_at() -> None:
    found = of("a,b\n1,2\n3\n4,5,6\n")
    assert found.rows == 3 and found.warnings[0] == "uneven: row 2, line 3: 1 field, where the header has 2"
    assert found.warnings[1] == "uneven: 2 rows in all" and found.statistics["b"]["nulls"] == 1


def test_headers() -> None:
    assert of("\ufeffid,x\n1,2\n").schema.names == ("id", "x")
    assert of(",x\n0,2\n").schema.names == ("column_1", "x")
    found = of("5.1,3\n4.9,2\n")
    assert found.schema.names == ("column_1", "column_2") and found.rows == 2 and "no-header" in found.warnings[0]
    assert of("year,2001,2002\nx,1,2\n").schema.names == ("year", "2001", "2002")
    assert of("").schema.names == () and of("a,b\n").rows == 0
    assert [column.nullable for column in of("a,b\n").schema.columns] == [True, True]
    with pytest.raises(Malformed, match="columns 1 and 3 are both named 'a'"):
        of("a,b,a\n1,2,3\n")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"a,b\n1,\0\n", "NUL byte at byte 6"), ("a,b\n1,ü\n".encode("utf-16"), "UTF-16"), ("a,b\n1,ü\n".encode("latin-1"), "not UTF-8"),
        (b"a,b\n1,\xff", "not UTF-8"),
    ],
)  # fmt: skip
def test_what_is_no_text_in_utf_8_is_one_error_with_a_hint(raw: bytes, said: str) -> None:
    with pytest.raises(Malformed) as caught:
        of(raw)
    assert said in caught.value.message and "iconv" in (caught.value.hint or "")


def test_a_long_file_is_profiled_by_its_whole_rows_within_the_limit() -> None:
    raw = "n,x\n" + "".join(f'{number},"a\nb"\n' for number in range(1_000))
    found = of(raw, bytes_max=5_000)
    assert found.is_partial and 0 < found.rows < 1_000 and types_of(found) == {"n": "Int64", "x": "String"}
    assert found.statistics["n"]["max"] == found.rows - 1
    assert inspect_source("t.csv", BytesSource(raw.encode())).summary.get("partial") is None
    assert not of(raw, bytes_max=len(raw)).is_partial


# -- JSON lines ----------------------------------------------------------------------------------------------------


def lines(*rows: Any) -> Profile:
    return of("".join(json.dumps(row) + "\n" for row in rows), "t.jsonl")


def test_json_lines_have_the_columns_of_all_rows() -> None:
    found = lines({"a": 1, "b": "x"}, {"a": 2.5, "c": None}, {"a": None, "d": True})
    assert types_of(found) == {"a": "Float64", "b": "String", "c": "String", "d": "Bool"}
    assert [column.nullable for column in found.schema.columns] == [True] * 4
    assert found.statistics["b"] == {"count": 1, "nulls": 2, "distinct": 1, "length_min": 1, "length_max": 1}


def test_nested_values_have_types() -> None:
    found = lines(
        {"tags": ["x"], "at": {"lat": 1, "lon": 2.5, "who": {"id": 1}}, "v": [[1.0], []], "e": []},
        {"tags": [], "at": {"lat": None, "alt": "high"}, "v": None, "e": [None]},
    )
    assert types_of(found) == {
        "tags": "List<String>", "at": "Struct<lat: Int64, lon: Float64, who: Struct<id: Int64>, alt: String>",
        "v": "List<List<Float64>>", "e": "List<String>",
    }  # fmt: skip
    assert found.statistics["tags"] == {"count": 2, "nulls": 0, "length_min": 0, "length_max": 1}


def test_json_texts_are_moments_where_all_are_and_never_numbers_or_nothing() -> None:
    found = lines({"d": "2024-01-01", "n": "1", "e": ""}, {"d": "2024-01-02", "n": "NA", "e": ""})
    assert types_of(found) == {"d": "Date", "n": "String", "e": "String"} and found.statistics["n"]["nulls"] == 0


def test_values_of_several_kinds_are_told() -> None:
    found = lines({"a": [1]}, {"a": 1})
    assert types_of(found)["a"] == "String" and "mixed: column 'a'" in found.warnings[0]
    assert types_of(lines({"a": 1}, {"a": True}))["a"] == "String"
    assert types_of(lines({"a": 2**64}, {"a": 1}))["a"] == "Float64"
    assert types_of(of('{"a": NaN}\n{"a": 1}\n', "t.jsonl"))["a"] == "Float64"


def test_an_object_used_as_a_map_has_no_named_fields() -> None:
    found = lines(*({"m": {f"k{number}-{inner}": inner for inner in range(200)}} for number in range(100)))
    assert types_of(found) == {"m": "Struct"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"a": 1}\n[1]\n', "line 2: not an object but a list"), ('{"a": 1}\n\n"x"\n', "line 3: not an object but a text"),
        ('{"a": 1', "line 1: not JSON"), ('{"a": 1, "a": 2}\n', "two members are named 'a'"), ("null\n", "not an object but null"),
        ('{"a": ' + "9" * 5_000 + "}\n", "a number of more than"), ('{"a": ' + "[" * 100_000, "levels deep"),
        ('{"a": ' + "[" * 20 + "]" * 20 + "}", "levels deep"), ('{"": 1}', "name has 1 to"), ('{"\\ud800": 1}', "name has 1 to"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_object_is_told_with_its_number(raw: str, said: str) -> None:
    with pytest.raises(Malformed) as caught:
        of(raw, "t.jsonl")
    assert said in caught.value.message


values = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5)
nested = st.recursive(
    values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(
        st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3), nested, max_size=4),
        max_size=6,
    )
)
def test_any_json_lines_are_profiled(rows: list[dict[str, Any]]) -> None:
    found = lines(*rows)
    assert found.rows == len(rows) and set(found.schema.names) == {name for row in rows for name in row}
    for name in found.schema.names:
        present = sum(row.get(name) is not None for row in rows)
        assert found.statistics[name]["count"] == present and found.statistics[name]["nulls"] == len(rows) - present


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.dates()), min_size=1, max_size=30))
def test_one_table_as_csv_and_as_json_lines_has_one_profile(rows: list[tuple[int, float, Any]]) -> None:
    as_csv = of("i,f,d\n" + "".join(f"{i},{f!r},{d}\n" for i, f, d in rows))
    as_json = lines(*({"i": i, "f": f, "d": str(d)} for i, f, d in rows))
    assert as_csv.schema == as_json.schema and as_csv.statistics == as_json.statistics


# -- hostile -------------------------------------------------------------------------------------------------------


def test_every_cut_of_a_file_is_a_profile_or_one_error() -> None:
    raws = {
        "t.csv": '\ufeffid,"na""me",at\r\n1,"a\nb",2024-01-01\n2,ü,\n'.encode(),
        "t.jsonl": '{"a": [1, {"b": "ü"}]}\n{"a": null}\n'.encode(),
    }
    for name, raw in raws.items():
        for length in range(len(raw) + 1):
            for limit in (3, 10, 1 << 20):
                with contextlib.suppress(Malformed):
                    of(raw[:length], name, bytes_max=limit)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_profile_or_one_error(raw: bytes) -> None:
    for name in ("t.csv", "t.tsv", "t.jsonl"):
        with contextlib.suppress(Malformed):
            of(raw, name)


class Repeated:
    """A long file that is not in memory: one piece over and over, between a beginning and an end."""

    def __init__(self, head: bytes, piece: bytes, size: int) -> None:
        self.head, self.piece, self.size = head, piece, size

    def read(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        start = (offset - len(self.head)) % len(self.piece)
        body = (self.piece * (length // len(self.piece) + 2))[start : start + length]
        if offset >= len(self.head):
            return body
        return (self.head[offset:] + self.piece * (length // len(self.piece) + 2))[:length]


def peak_of(name: str, source: Any) -> tuple[int, str]:
    tracemalloc.start()
    try:
        said = str(profile(name, source).rows)
    except Malformed as error:
        said = error.message
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, said


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("t.csv", Repeated(b"a,b\n1,", b"x", 100 << 20), "characters"),
        ("t.csv", Repeated(b'a,b\n1,"', b"x" * 80 + b"\n", 100 << 20), "field larger than field limit"),
        ("t.csv", Repeated(b"", b"a,", 2_000_000), "1000001 columns, more than"),
        ("t.csv", Repeated(b'"', b"a" * 80 + b"\n", 64 << 20), "field larger than field limit"),
        ("t.jsonl", Repeated(b'{"a": "', b"x", 100 << 20), "characters"),
        ("t.jsonl", Repeated(b'{"a": ', b"[", 4 << 20), "levels deep"),
    ],
)  # fmt: skip
def test_what_has_no_end_is_refused_in_bounded_memory(name: str, source: Any, said: str) -> None:
    peak, message = peak_of(name, source)
    assert said in message and peak < 120 << 20


def test_memory_stays_flat_however_many_rows_there_are() -> None:
    piece = b"12,3.5,some text,2024-01-01\n" * 100
    small, _ = peak_of("t.csv", Repeated(b"a,b,c,d\n", piece, 1 << 20))
    large, rows = peak_of("t.csv", Repeated(b"a,b,c,d\n", piece, 8 << 20))
    assert int(rows) > 250_000 and large < small * 1.5 + (1 << 20)


def test_rows_of_ever_new_columns_are_bounded() -> None:
    rows = "".join(json.dumps({f"c{number}": 1}) + "\n" for number in range(3_000))
    tracemalloc.start()
    assert len(of(rows, "t.jsonl").schema.columns) == 3_000
    assert tracemalloc.get_traced_memory()[1] < 80 << 20
    tracemalloc.stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsontable, "COLUMNS_MAX", 1_000)
        with pytest.raises(Malformed, match="more than 1000 columns"):
            of(rows, "t.jsonl")


def test_wide_tables_have_short_batches() -> None:
    assert table.batch_rows(65_536) * 65_536 <= table.BATCH_CELLS
    wide = ",".join(f"c{number}" for number in range(20_000))
    found = of(wide + "\n" + ",".join(["1.5"] * 20_000) + "\n")
    assert len(found.schema.columns) == 20_000 and found.rows == 1


# -- the inspector -------------------------------------------------------------------------------------------------


def test_an_inspection_tells_rows_columns_and_a_fingerprint_of_the_schema() -> None:
    first = inspect_source("t.csv", BytesSource(b"id,x\n1,a\n"))
    assert dict(first.summary) == {"format": "csv", "rows": 1, "columns": 2, "schema": first.summary["schema"]}
    assert inspect_source("t.csv", BytesSource(b"id,x\n5,b\n6,c\n")).summary["schema"] == first.summary["schema"]
    assert inspect_source("t.csv", BytesSource(b"id,y\n1,a\n")).summary["schema"] != first.summary["schema"]
    assert first.detail["columns"][0] == {
        "name": "id", "dtype": "Int64", "nullable": False,
        "statistics": {"count": 1, "nulls": 0, "distinct": 1, "min": 1, "max": 1, "mean": 1.0},
    }  # fmt: skip
