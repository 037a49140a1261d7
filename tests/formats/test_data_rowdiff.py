"""Row differences against a naive oracle: by key and without one, duplicate keys, formats, examples, limits."""

import io
import json
from collections import Counter
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.formats import rowdiff
from pacha.formats.inspection import BytesSource
from pacha.formats.rowdiff import EXAMPLES_MAX, BadKey, RowDiff, TooManyRows, diff_rows
from pacha.formats.spelling import spelling

Row = dict[str, Any]


def csv_of(rows: list[Row], names: str = "kab") -> bytes:
    body = [",".join("" if row.get(name) is None else str(row[name]) for name in names) for row in rows]
    return ("\n".join([",".join(names), *body]) + "\n").encode()


def json_of(rows: list[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def diff(old: bytes, new: bytes, *key: str, names: tuple[str, str] = ("old.csv", "new.csv")) -> RowDiff:
    return diff_rows((names[0], BytesSource(old)), (names[1], BytesSource(new)), key)


def table(*rows: str) -> bytes:
    return ("\n".join(rows) + "\n").encode()


# -- the oracle ----------------------------------------------------------------------------------------------------

cells = st.sampled_from([None, 1, 2, 3, "x", "y"])
keys = st.integers(0, 5) | st.none()
some_rows = st.lists(st.fixed_dictionaries({"k": keys, "a": cells, "b": cells}), max_size=14)


def naive_by_key(old: list[Row], new: list[Row], key: str) -> Row:
    """Dicts by key; of a key that stands twice, its first row counts."""
    before: dict[Any, Row] = {}
    after: dict[Any, Row] = {}
    for row in old:
        before.setdefault(tuple(row[name] for name in key), row)
    for row in new:
        after.setdefault(tuple(row[name] for name in key), row)
    both = before.keys() & after.keys()
    changed = [(before[place], after[place]) for place in both if before[place] != after[place]]
    return {
        "added": len(after.keys() - before.keys()),
        "removed": len(before.keys() - after.keys()),
        "changed": len(changed),
        "unchanged": len(both) - len(changed),
        "duplicates_old": len(old) - len(before),
        "duplicates_new": len(new) - len(after),
        "columns_changed": dict(Counter(name for left, right in changed for name in left if left[name] != right[name])),
    }


def figures(found: RowDiff, *names: str) -> Row:
    return {name: getattr(found, name) for name in names}


@given(some_rows, some_rows, st.sampled_from(["k", "ka", "bk"]), st.booleans())
def test_counts_by_key_are_those_of_dicts(old: list[Row], new: list[Row], key: str, as_json: bool) -> None:
    write, name = (json_of, "t.jsonl") if as_json else (csv_of, "t.csv")
    if as_json and not (old and new):
        return
    found = diff(write(old), write(new), *key, names=(name, name))
    wanted = naive_by_key(old, new, key)
    assert figures(found, *wanted) == wanted
    assert found.key == tuple(key) and found.is_exact
    assert found.is_same == (not any(wanted[name] for name in ("added", "removed", "changed")) and wanted["duplicates_old"] == wanted["duplicates_new"])  # fmt: skip


@given(some_rows, some_rows)
def test_counts_without_a_key_are_those_of_bags(old: list[Row], new: list[Row]) -> None:
    found = diff(csv_of(old), csv_of(new))
    before, after = (Counter(tuple(row[name] for name in "kab") for row in rows) for rows in (old, new))
    wanted = {
        "added": (after - before).total(), "removed": (before - after).total(), "changed": 0, "unchanged": (before & after).total(),
    }  # fmt: skip
    assert figures(found, *wanted) == wanted
    shown = Counter(tuple(example.new[name] for name in "kab") for example in found.added_examples)
    gone = Counter(tuple(example.old[name] for name in "kab") for example in found.removed_examples)
    assert shown <= _texts(after - before) and shown.total() == min(EXAMPLES_MAX, wanted["added"])
    assert gone <= _texts(before - after) and gone.total() == min(EXAMPLES_MAX, wanted["removed"])


def _texts(rows: Counter[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
    found = Counter[tuple[Any, ...]]()
    for row, count in rows.items():
        found[tuple(None if cell is None else str(cell) for cell in row)] += count
    return found


@given(some_rows, some_rows)
def test_examples_by_key_are_rows_that_differ(old: list[Row], new: list[Row]) -> None:
    found = diff(csv_of(old), csv_of(new), "k")
    wanted = naive_by_key(old, new, "k")
    before, after = ({_text(row["k"]): row for row in reversed(rows)} for rows in (old, new))
    for example in found.changed_examples:
        left, right = before[example.key["k"]], after[example.key["k"]]
        assert example.old == {name: _text(left[name]) for name in left if left[name] != right[name]}
        assert example.new == {name: _text(right[name]) for name in left if left[name] != right[name]}
    for sort in ("added", "removed", "changed"):
        examples = getattr(found, f"{sort}_examples")
        assert len(examples) == min(EXAMPLES_MAX, wanted[sort])
    assert {example.key["k"] for example in found.added_examples} <= after.keys() - before.keys()
    assert {example.key["k"] for example in found.removed_examples} <= before.keys() - after.keys()


def _text(cell: Any) -> str | None:
    return None if cell is None else str(cell)


@given(some_rows, st.randoms(use_true_random=False), st.sampled_from(["", "k"]))
def test_another_order_is_no_difference(rows: list[Row], coin: Any, key: str) -> None:
    rows = list({row["k"]: row for row in rows}.values())
    other = rows[:]
    coin.shuffle(other)
    assert diff(csv_of(rows), csv_of(other, "bka"), *key).is_same


@given(some_rows, some_rows, st.integers(1, 4))
@settings(max_examples=40)
def test_batches_change_nothing(old: list[Row], new: list[Row], size: int) -> None:
    whole = diff(csv_of(old), csv_of(new), "k")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pacha.formats.csvtable.batch_rows", lambda columns: size)
        patch.setattr("pacha.formats.csvtable._CHUNK_ROWS", 1)
        assert diff(csv_of(old), csv_of(new), "k") == whole


@given(some_rows, some_rows)
@settings(max_examples=40)
def test_there_and_back_are_mirror_images(old: list[Row], new: list[Row]) -> None:
    there, back = diff(csv_of(old), csv_of(new), "k"), diff(csv_of(new), csv_of(old), "k")
    assert (there.added, there.removed, there.changed, there.unchanged) == (
        back.removed,
        back.added,
        back.changed,
        back.unchanged,
    )
    assert there.columns_changed == back.columns_changed


# -- duplicate keys ------------------------------------------------------------------------------------------------


def test_of_a_key_that_stands_twice_the_first_row_counts() -> None:
    found = diff(table("k,a", "1,x", "1,y", "2,x"), table("k,a", "1,x", "2,x", "2,z", "2,z"), "k")
    assert figures(found, "unchanged", "changed", "duplicates_old", "duplicates_new") == {
        "unchanged": 2, "changed": 0, "duplicates_old": 1, "duplicates_new": 2,
    }  # fmt: skip
    assert not found.is_same


def test_a_removed_or_changed_row_is_shown_by_its_first_standing() -> None:
    found = diff(table("k,a", "1,x", "1,y", "2,x", "2,q"), table("k,a", "2,z"), "k")
    assert [dict(example.old) for example in found.removed_examples] == [{"k": "1", "a": "x"}]
    assert [(dict(example.old), dict(example.new)) for example in found.changed_examples] == [({"a": "x"}, {"a": "z"})]


def test_nothing_is_a_key_like_any_other_and_no_empty_text() -> None:
    old, new = json_of([{"k": None, "a": 1}, {"k": "", "a": 1}]), json_of([{"k": "", "a": 1}, {"k": None, "a": 2}])
    found = diff(old, new, "k", names=("t.jsonl", "t.jsonl"))
    assert (found.changed, found.unchanged, found.added) == (1, 1, 0)
    assert found.changed_examples[0].key == {"k": None}


def test_cells_do_not_run_into_each_other() -> None:
    assert diff(table("a,b", "x,yz"), table("a,b", "xy,z")).added == 1
    assert diff(table("a,b", '"1;x",y'), table("a,b", '1,";xy"'), "a", "b").added == 1


# -- columns and keys ----------------------------------------------------------------------------------------------


def test_only_columns_of_both_are_compared() -> None:
    found = diff(table("k,a,old", "1,x,1"), table("new,a,k", "2,x,1"), "k")
    assert found.columns == ("k", "a") and found.is_same


@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ("k,a", "k,b", ["a"], "no column 'a' in both"), ("k,a", "k,a", ["z"], "no column 'z'"), ("k,a", "k,a", ["k", "k"], "twice in the key"),
        ("a,b", "c,d", [], "no column in common"),
    ],
)  # fmt: skip
def test_keys_that_are_none(old: str, new: str, key: list[str], said: str) -> None:
    with pytest.raises(BadKey, match=said):
        diff(table(old), table(new), *key)


def test_json_lines_have_the_columns_of_all_rows() -> None:
    old, new = json_of([{"k": 1}, {"k": 2, "late": 1}]), json_of([{"late": None, "k": 1}, {"k": 2, "late": 3}])
    found = diff(old, new, "k", names=("t.jsonl", "t.jsonl"))
    assert found.columns == ("k", "late") and found.columns_changed == {"late": 1}


# -- formats -------------------------------------------------------------------------------------------------------

simple = st.lists(
    st.tuples(st.integers(-50, 50), st.none() | st.floats(-1e6, 1e6), st.none() | st.booleans(), st.none() | st.dates(), st.none() | st.text("abcé x", min_size=1)),
    min_size=1, max_size=8, unique_by=lambda row: row[0],
)  # fmt: skip


@given(simple)
@settings(max_examples=50)
def test_one_table_in_three_formats_does_not_differ(rows: list[Any]) -> None:
    names = ("k", "f", "t", "d", "s")
    kinds = (pyarrow.int64(), pyarrow.float64(), pyarrow.bool_(), pyarrow.date32(), pyarrow.string())
    columns = zip(*rows, strict=True)
    arrays = [pyarrow.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_arrays(arrays, names=list(names)), out)
    texts = [
        [None if cell is None else cell if isinstance(cell, (int, float, str)) else str(cell) for cell in row]
        for row in rows
    ]
    as_json = json_of([dict(zip(names, row, strict=True)) for row in texts])
    as_csv = table(",".join(names), *(",".join("" if cell is None else str(cell) for cell in row) for row in texts))
    written = {"t.parquet": out.getvalue(), "t.jsonl": as_json, "t.csv": as_csv}
    for left in written:
        for right in written:
            for key in ((), ("k",)):
                assert diff(written[left], written[right], *key, names=(left, right)).is_same, (left, right)


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ("1", "1.0", True), ("1", "01", False), ("2024-01-01 10:00", "2024-01-01T10:00:00", True), ("true", "TRUE", True), ("true", "1", False),
        ("2024-01-01T10:00Z", "2024-01-01T12:00+02:00", True), ("1e2", "100", True), ("0.1", "0.10", True), ("-0.0", "0", True), ("a", "A", False),
        ("9007199254740993", "9007199254740992.0", False), ("nan", "NaN", True), ("inf", "-inf", False), ("+1", "1", False),
    ],
)  # fmt: skip
def test_values_are_compared_as_they_would_be_written(left: str, right: str, is_same: bool) -> None:
    assert (spelling(left) == spelling(right)) == is_same
    assert diff(table("k,a", f"1,{left}"), table("k,a", f"1,{right}"), "k").is_same == is_same


def test_nested_values_are_compared_by_their_members() -> None:
    old, new = json_of([{"k": 1, "v": {"a": 1, "b": [1.0]}}]), json_of([{"k": 1, "v": {"b": [1], "a": 1}}])
    assert diff(old, new, "k", names=("t.jsonl", "t.jsonl")).is_same


# -- limits --------------------------------------------------------------------------------------------------------


def test_examples_are_few_and_short() -> None:
    old = table("k,a", *(f"{n},x" for n in range(50)))
    new = table("k,a", *(f"{n},{'y' * 500}" for n in range(25, 80)))
    found = diff(old, new, "k")
    assert (found.added, found.removed, found.changed) == (30, 25, 25)
    examples = (*found.added_examples, *found.removed_examples, *found.changed_examples)
    assert len(examples) == 3 * EXAMPLES_MAX
    assert all(len(cell or "") <= rowdiff.SHOWN_LENGTH_MAX for example in examples for cell in example.new.values())


def test_beyond_the_limit_columns_are_counted_of_some_rows_and_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowdiff, "CHANGED_CELLS_MAX", 40)
    old, new = table("k,a", *(f"{n},x" for n in range(50))), table("k,a", *(f"{n},y" for n in range(50)))
    found = diff(old, new, "k")
    assert (found.changed, found.is_exact, found.columns_changed) == (50, False, {"a": 20})


@pytest.mark.parametrize("key", [[], ["k"]])
def test_more_rows_than_memory_holds_are_refused(key: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rowdiff, "ROWS_MAX", 3)
    few, many = table("k", "1", "2", "3", "x"), table("k", "1", "2", "3", "4", "x")
    for old, new in ((many, few), (few, many)):
        with pytest.raises(TooManyRows):
            diff(old, new, *key)
    assert diff(table("k", "x"), table("k", "x", "y", "z"), *key).added == 2


def test_the_oracle_sees_a_wrong_count() -> None:
    """Negative control: a row that is silently dropped is noticed."""
    rows = [{"k": n, "a": 1, "b": 2} for n in range(3)]
    assert figures(diff(csv_of(rows), csv_of(rows[:-1]), "k"), "removed") != {
        "removed": naive_by_key(rows, rows, "k")["removed"]
    }
