"""Which rows differ, held against plain dictionaries and multisets; one table in three formats does not differ."""

import csv
import datetime
import io
import json
import tracemalloc
from collections import Counter
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.formats import rowdiff
from pacha.formats.inspection import BytesSource
from pacha.formats.rowdiff import BadKey, RowDiff, TooManyRows, diff_rows
from pacha.formats.spelling import spelling

Rows = list[dict[str, Any]]
NAMES = ("id", "x", "y")


def csv_of(rows: Rows, names: tuple[str, ...] = NAMES) -> tuple[str, BytesSource]:
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return "t.csv", BytesSource(out.getvalue().encode())


def jsonl_of(rows: Rows) -> tuple[str, BytesSource]:
    return "t.jsonl", BytesSource("".join(json.dumps(row, default=str) + "\n" for row in rows).encode())


def parquet_of(rows: Rows) -> tuple[str, BytesSource]:
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return "t.parquet", BytesSource(out.getvalue())


def row(id: Any, x: Any = "a", y: Any = 1) -> dict[str, Any]:
    return {"id": id, "x": x, "y": y}


def counts(found: RowDiff) -> tuple[int, int, int, int]:
    return found.added, found.removed, found.changed, found.unchanged


def test_rows_are_told_by_their_key() -> None:
    old = [row(1), row(2, "b"), row(3), row(4)]
    new = [row(4), row(2, "c", 9), row(5), row(1)]
    found = diff_rows(csv_of(old), csv_of(new), ["id"])
    assert counts(found) == (1, 1, 1, 2) and not found.is_same and found.is_exact
    assert found.columns_changed == {"x": 1, "y": 1}
    (added,), (removed,), (changed,) = found.added_examples, found.removed_examples, found.changed_examples
    assert added.new == {"id": "5", "x": "a", "y": "1"} and removed.key == {"id": "3"} and removed.old["x"] == "a"
    assert (changed.key, changed.old, changed.new) == ({"id": "2"}, {"x": "b", "y": "1"}, {"x": "c", "y": "9"})


def test_without_a_key_rows_are_a_multiset() -> None:
    found = diff_rows(csv_of([row(1), row(1), row(2)]), csv_of([row(1), row(3), row(3), row(2)]))
    assert counts(found) == (2, 1, 0, 2)
    assert [example.new["id"] for example in found.added_examples] == ["3", "3"]
    assert [example.old["id"] for example in found.removed_examples] == ["1"]


ids = st.integers(0, 8)
rows = st.lists(st.builds(row, ids, st.sampled_from(["", "a", "b", "1", "1.0"]), st.sampled_from([1, 2])), max_size=14)


@given(rows, rows, st.booleans())
def test_counts_are_those_of_a_dictionary(old: Rows, new: Rows, two: bool) -> None:
    key = ["id", "y"] if two else ["id"]

    def by_key(table: Rows) -> dict[tuple[Any, ...], dict[str, Any]]:
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for item in table:
            found.setdefault(tuple(item[name] for name in key), {**item, "x": {"1.0": "1"}.get(item["x"], item["x"])})
        return found

    before, after = by_key(old), by_key(new)
    both = before.keys() & after.keys()
    changed = [name for name in both if before[name] != after[name]]
    found = diff_rows(csv_of(old), csv_of(new), key)
    assert counts(found) == (
        len(after.keys() - both),
        len(before.keys() - both),
        len(changed),
        len(both) - len(changed),
    )
    assert (found.duplicates_old, found.duplicates_new) == (len(old) - len(before), len(new) - len(after))
    wanted = Counter(column for name in changed for column in NAMES if before[name][column] != after[name][column])
    assert found.columns_changed == wanted
    back = diff_rows(csv_of(new), csv_of(old), key)
    assert counts(back) == (found.removed, found.added, found.changed, found.unchanged)


@given(rows, rows)
def test_counts_without_a_key_are_those_of_a_multiset(old: Rows, new: Rows) -> None:
    def counted(table: Rows) -> Counter[str]:
        return Counter(str({**item, "x": {"1.0": "1"}.get(item["x"], item["x"])}) for item in table)

    before, after = counted(old), counted(new)
    found = diff_rows(csv_of(old), csv_of(new))
    assert counts(found) == ((after - before).total(), (before - after).total(), 0, (before & after).total())
    assert len(found.removed_examples) == min(found.removed, rowdiff.EXAMPLES_MAX)


values = st.none() | st.integers(-(2**53), 2**53)
texts = st.none() | st.text(st.characters(categories=["L"]), min_size=1, max_size=4).filter(
    lambda text: text not in ("NA", "null", "NULL")
)


@given(
    st.lists(
        st.tuples(values, texts, st.none() | st.booleans(), st.none() | st.floats(-1e9, 1e9), st.none() | st.dates()),
        min_size=1,
        max_size=8,
    )
)
def test_one_table_in_three_formats_does_not_differ(cells: list[tuple[Any, ...]]) -> None:
    names = ("n", "i", "t", "b", "f", "d")
    types = dict(
        zip(
            names,
            (pyarrow.int64(), pyarrow.int64(), pyarrow.string(), pyarrow.bool_(), pyarrow.float64(), pyarrow.date32()),
            strict=True,
        )
    )
    table = [dict(zip(names, (number, *cell), strict=True)) for number, cell in enumerate(cells)]
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table, pyarrow.schema(types)), out)
    as_csv, as_json = csv_of(table, names), jsonl_of(table)
    as_parquet = ("t.parquet", BytesSource(out.getvalue()))
    for left in (as_csv, as_json, as_parquet):
        for right in (as_csv, as_json, as_parquet):
            by_key = diff_rows(left, right, ["n"])
            assert by_key.is_same and by_key.unchanged == len(table)
            assert diff_rows(left, right).is_same


def test_a_single_changed_cell_is_seen_between_formats() -> None:
    found = diff_rows(csv_of([row(1), row(2)]), parquet_of([row(1), row(2, y=2)]), ["id"])
    assert counts(found) == (0, 0, 1, 1) and found.columns_changed == {"y": 1}


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (1, 1.0, True), ("1", 1, True), ("1.50", 1.5, True), (True, "True", True), (True, 1, False), ("007", 7, False), ("", None, False),
        ("2024-01-01 10:00", "2024-01-01T10:00:00", True), ("2024-01-01T12:00+02:00", "2024-01-01T10:00:00Z", True),
        (datetime.datetime(2024, 1, 1, 10), "2024-01-01 10:00", True), (2**60, float(2**60), False), ({"a": 1.0}, {"a": 1}, True),
        ([1, None], [1], False), ("nan", float("nan"), True), ("a", "A", False), ("-0", 0, True), (b"ab", "ab", True),
    ],
)  # fmt: skip
def test_which_values_are_the_same(left: Any, right: Any, same: bool) -> None:
    assert ((None if left is None else spelling(left)) == (None if right is None else spelling(right))) == same


def test_cells_do_not_run_into_each_other() -> None:
    old, new = [{"id": "1", "x": "ab", "y": ""}], [{"id": "1", "x": "a", "y": "b"}]
    assert counts(diff_rows(csv_of(old), csv_of(new), ["id"])) == (0, 0, 1, 0)
    old, new = [{"id": 1, "x": "", "y": "z"}], [{"id": 1, "y": "z"}]
    assert counts(diff_rows(jsonl_of([*old, row(9)]), jsonl_of([*new, row(9)]), ["id"])) == (0, 0, 1, 1)


def test_only_columns_of_both_tables_are_compared() -> None:
    found = diff_rows(csv_of([row(1)]), ("t.csv", BytesSource(b"y,id,z\n1,1,new\n")), ["id"])
    assert found.columns == ("id", "y") and found.is_same


def test_a_key_that_is_none_is_refused() -> None:
    for key, said in ((["nope"], "no column 'nope' in both"), (["id", "id"], "stands twice")):
        with pytest.raises(BadKey, match=said):
            diff_rows(csv_of([row(1)]), csv_of([row(1)]), key)
    with pytest.raises(BadKey, match="no column in common"):
        diff_rows(("a.csv", BytesSource(b"a,b\n")), ("b.csv", BytesSource(b"c,d\n")))


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowdiff, "ROWS_MAX", 10)
    many = [row(number) for number in range(11)]
    for key in ([], ["id"]):
        with pytest.raises(TooManyRows):
            diff_rows(csv_of(many), csv_of(many), key)


def test_examples_are_few_and_short() -> None:
    old = [row(number, "x" * 10_000) for number in range(30)]
    new = [row(number, "z" * 10_000) for number in range(10, 40)]
    found = diff_rows(csv_of(old), csv_of(new), ["id"])
    assert counts(found) == (10, 10, 20, 0)
    examples = (*found.added_examples, *found.removed_examples, *found.changed_examples)
    assert len(examples) == 30
    assert all(
        len(text or "") <= rowdiff.SHOWN_LENGTH_MAX
        for example in examples
        for text in (*example.old.values(), *example.new.values())
    )


def test_columns_of_changed_rows_are_counted_as_far_as_memory_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = [row(number) for number in range(100)], [row(number, "b") for number in range(100)]
    assert diff_rows(csv_of(old), csv_of(new), ["id"]).columns_changed == {"x": 100}
    monkeypatch.setattr(rowdiff, "CHANGED_CELLS_MAX", 90)
    found = diff_rows(csv_of(old), csv_of(new), ["id"])
    assert found.changed == 100 and not found.is_exact and found.columns_changed == {"x": 30}


def test_memory_is_about_hashes_not_rows() -> None:
    count = 20_000
    table = csv_of([row(number, "text " * 60) for number in range(count)])
    tracemalloc.start()
    assert diff_rows(table, table, ["id"]).is_same
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (1 << 20) + count * 400
