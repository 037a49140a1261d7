"""What a schema change does to readers, held against a slow oracle; and which version number says so."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.semver import Version
from pacha.formats.change import NO_CHANGE, ChangeKind, SchemaChange, classify, required_bump
from pacha.formats.schema import Column, DataSchema, DataType
from pacha.registry.dataversion import LyingVersion, check_version, least_bump, right_version, version_before

NUMBERS = range(-6, 7)
TEXTS = ("a", "b", "c", "d")


def some_of(values: Any) -> st.SearchStrategy[tuple[Any, ...] | None]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    given_: dict[str, Any] = {"nullable": draw(st.booleans()), "unique": draw(st.booleans())}
    kind = draw(st.sampled_from(["Int8", "Int64", "String", "Categorical", "Bool"]))
    dtype = DataType(name=kind, values=draw(some_of(TEXTS[:3])) if kind == "Categorical" else None)
    if dtype.is_integer:
        ends = sorted(draw(st.lists(st.integers(-4, 4), min_size=2, max_size=2)))
        given_ |= {"minimum": draw(st.sampled_from([None, ends[0]])), "maximum": draw(st.sampled_from([None, ends[1]]))}
        given_["allowed"] = draw(some_of(range(-4, 5)))
    elif kind == "String":
        given_["allowed"] = draw(some_of(TEXTS[:3]))
    return Column(name=name, dtype=dtype, description=draw(st.sampled_from(["", "told"])), **given_)


@st.composite
def schemas(draw: st.DrawFn) -> DataSchema:
    chosen = draw(st.lists(st.sampled_from("xyz"), unique=True, max_size=3))
    return DataSchema(columns=tuple(draw(columns(name)) for name in chosen))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[DataSchema, DataSchema]:
    """Two schemas, most often near each other: the second takes some columns over as they are."""
    old = draw(schemas())
    fresh = draw(schemas())
    kept = {column.name: column for column in old.columns if draw(st.booleans())}
    return old, DataSchema(columns=tuple(kept.get(column.name, column) for column in fresh.columns))


def ruled_out(column: Column) -> dict[str, set[Any]]:
    """What each promise of a column rules out, of all that there is."""
    there = NUMBERS if column.dtype.is_integer else TEXTS
    return {
        "null": set() if column.nullable else {None},
        "twice": {"twice"} if column.unique else set(),
        "low": {n for n in NUMBERS if column.minimum is not None and n < column.minimum},  # type: ignore[operator]
        "high": {n for n in NUMBERS if column.maximum is not None and n > column.maximum},  # type: ignore[operator]
        "allowed": {value for value in there if column.allowed is not None and value not in column.allowed},
        "category": {text for text in TEXTS if column.dtype.values is not None and text not in column.dtype.values},
    }


def oracle(old: DataSchema, new: DataSchema) -> ChangeKind:
    for column in old.columns:
        other = new.column(column.name)
        if other is None or other.dtype.name != column.dtype.name:
            return ChangeKind.BREAKING
        left, right = ruled_out(column), ruled_out(other)
        if any(not left[promise] <= right[promise] for promise in left):
            return ChangeKind.BREAKING

    def told(schema: DataSchema) -> list[Any]:
        return [replace(column, description="", allowed=column.allowed and tuple(sorted(column.allowed, key=str)))
                for column in schema.columns]  # fmt: skip

    return ChangeKind.NONE if told(old) == told(new) else ChangeKind.ADDITIVE


@given(pairs())
def test_the_kind_is_what_a_reader_can_meet(pair: tuple[DataSchema, DataSchema]) -> None:
    found = classify(*pair)
    assert found.kind is oracle(*pair)
    assert found.is_breaking == any(change.is_breaking for change in found.changes)
    assert (found.kind is ChangeKind.NONE) == (not found.changes)
    assert {change.name for change in found.changes} <= {*pair[0].names, *pair[1].names}


@given(pairs(), schemas())
def test_what_breaks_nobody_twice_breaks_nobody(pair: tuple[DataSchema, DataSchema], third: DataSchema) -> None:
    old, new = pair
    if not classify(old, new).is_breaking and not classify(new, third).is_breaking:
        assert not classify(old, third).is_breaking


@given(schemas())
def test_a_schema_against_itself_is_no_change_whatever_its_descriptions(schema: DataSchema) -> None:
    told = DataSchema(columns=tuple(replace(column, description="other") for column in schema.columns))
    assert classify(schema, schema) == classify(schema, told) == NO_CHANGE


def one(dtype: str, **given_: Any) -> DataSchema:
    return DataSchema(columns=(Column(name="x", dtype=DataType.parse(dtype), **given_),))


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ("Int32", "Int64", True), ("Int64", "Int32", True), ("Float32", "Float64", True), ("Int64", "Float64", True),
        ("String", "Categorical", True), ("Categorical", "String", True), ("Date", "Timestamp", True),
        ("Timestamp(us)", "Timestamp(ns)", True), ("Timestamp(us)", "Timestamp", True), ("Timestamp", "Timestamp(us)", False),
        ("Timestamp(UTC)", "Timestamp(us, UTC)", False), ("Timestamp", "Timestamp(UTC)", True),
        ("Timestamp", "Timestamp(us, UTC)", True), ("Timestamp(UTC)", "Timestamp", True),
        ("Decimal", "Decimal(12, 2)", False), ("Decimal(12, 2)", "Decimal", True), ("Decimal(12, 2)", "Decimal(14, 2)", True),
        ("Struct", "Struct<a: Int64>", False), ("Struct<a: Int64>", "Struct", True),
        ("Struct<a: Int64>", "Struct<a: Int64, b: Int64>", False), ("Struct<a: Int64, b: Int64>", "Struct<a: Int64>", True),
        ("Struct<a: Int64>", "Struct<a: Int32>", True), ("List<Int64>", "List<Int32>", True), ("List<Int64>", "Int64", True),
        ("List<Struct<a: Int64>>", "List<Struct<b: String, a: Int64>>", False),
        ('List<Categorical("a", "b")>', 'List<Categorical("a")>', False), ('Categorical("a")', "Categorical", True),
    ],
)  # fmt: skip
def test_types_that_readers_survive(old: str, new: str, breaks: bool) -> None:
    found = classify(one(old), one(new))
    assert found.is_breaking == breaks
    assert [change.change for change in found.changes] == ["retyped"]
    assert (found.changes[0].old, found.changes[0].new) == (old, new)


@pytest.mark.parametrize(
    ("dtype", "old", "new", "breaks"),
    [
        ("Date", {"minimum": "2024-01-01"}, {"minimum": "2023-12-31"}, True),
        ("Date", {"minimum": "2024-01-01"}, {"minimum": "2024-01-02"}, False),
        ("Decimal(9, 2)", {"maximum": 1.1}, {"maximum": 1.11}, True), ("Float64", {"maximum": 2.5}, {"maximum": 2}, False),
        ("Timestamp", {"maximum": "2024-01-01"}, {"maximum": "2024-01-01 00:01"}, True),
        ("Date", {"allowed": ("2024-01-01",)}, {}, True), ("Date", {}, {"allowed": ("2024-01-01",)}, False),
        ("Decimal", {"unique": True}, {}, True), ("Decimal", {}, {"unique": True}, False),
        ("Bool", {"allowed": (True,)}, {"allowed": (True, False)}, True),
    ],
)  # fmt: skip
def test_bounds_are_compared_as_what_they_say(dtype: str, old: Any, new: Any, breaks: bool) -> None:
    assert classify(one(dtype, **old), one(dtype, **new)).kind is (
        ChangeKind.BREAKING if breaks else ChangeKind.ADDITIVE
    )


def test_two_spellings_of_one_moment_are_one_allowed_value_and_one_bound() -> None:
    old = one("Timestamp", minimum="2024-01-01", allowed=("2024-01-01", "2024-01-02T00:00"))
    new = one("Timestamp", minimum="2024-01-01 00:00", allowed=("2024-01-02", "2024-01-01T00:00:00"))
    assert classify(old, new) == NO_CHANGE


def test_a_unit_that_becomes_known_leaves_a_tighter_bound_tighter() -> None:
    assert not classify(one("Timestamp", minimum="2024-01-01"), one("Timestamp(us)", minimum="2024-01-02")).is_breaking
    assert classify(one("Timestamp", minimum="2024-01-02"), one("Timestamp(us)", minimum="2024-01-01")).is_breaking


def test_another_order_is_told_once_and_breaks_nobody() -> None:
    left, right = (Column(name=name, dtype=DataType(name="Int64")) for name in "ab")
    found = classify(DataSchema(columns=(left, right)), DataSchema(columns=(right, left)))
    assert [str(change) for change in found.changes] == ["b: reordered"]
    assert found.kind is ChangeKind.ADDITIVE


def test_changes_are_told_in_words() -> None:
    old = one("Int64", nullable=False, maximum=3)
    new = DataSchema(
        columns=(Column(name="x", dtype=DataType(name="Int32")), Column(name="y", dtype=DataType(name="Bool")))
    )
    assert [str(change) for change in classify(old, new).changes] == [
        "x: retyped (Int64 → Int32), breaks readers",
        "x: nullability (not null → nullable), breaks readers",
        "x: constraint (max 3 → no max), breaks readers",
        "y: added (Bool)",
    ]


# -- which number --------------------------------------------------------------------------------------------------

BREAKING = classify(one("Int64"), one("String"))
ADDITIVE = classify(DataSchema(columns=()), one("Int64"))


@pytest.mark.parametrize(
    ("change", "previous", "part"),
    [
        (BREAKING, "1.2.3", "major"), (BREAKING, "0.2.3", "minor"), (BREAKING, "0.0.3", "minor"),
        (ADDITIVE, "1.2.3", "minor"), (ADDITIVE, "0.2.3", "minor"), (NO_CHANGE, "1.2.3", "patch"), (NO_CHANGE, "0.0.1", "patch"),
    ],
)  # fmt: skip
def test_the_least_part_that_rises(change: SchemaChange, previous: str, part: str) -> None:
    assert least_bump(Version.parse(previous), change) == part
    assert required_bump(change) in ("major", part)


@pytest.mark.parametrize(
    ("change", "previous", "new", "right"),
    [
        (BREAKING, "1.2.3", "2.0.0", None), (BREAKING, "1.2.3", "3.1.4", None), (BREAKING, "1.2.3", "1.3.0", "2.0.0"),
        (BREAKING, "1.2.3", "1.2.4", "2.0.0"), (BREAKING, "1.2.3", "2.0.0-rc.1", None), (BREAKING, "1.2.3", "1.3.0-rc.1", "2.0.0-rc.1"),
        (BREAKING, "0.2.3", "0.3.0", None), (BREAKING, "0.2.3", "1.0.0", None), (BREAKING, "0.2.3", "0.2.4", "0.3.0"),
        (ADDITIVE, "1.2.3", "1.3.0", None), (ADDITIVE, "1.2.3", "2.0.0", None), (ADDITIVE, "1.2.3", "1.2.4", "1.3.0"),
        (ADDITIVE, "0.2.3", "0.2.4", "0.3.0"), (NO_CHANGE, "1.2.3", "1.2.4", None), (NO_CHANGE, "1.2.3", "9.0.0", None),
        (NO_CHANGE, "1.2.3", "1.2.3", "1.2.4"), (NO_CHANGE, "1.2.3", "1.2.2", "1.2.4"), (NO_CHANGE, "1.2.3", "1.2.3-rc.1", "1.2.4-rc.1"),
        (NO_CHANGE, "1.2.3", "1.2.3+build", "1.2.4"),
        # A prerelease has promised nothing.
        (BREAKING, "2.0.0-rc.1", "2.0.0-rc.2", None), (BREAKING, "2.0.0-rc.1", "2.0.0", None), (BREAKING, "1.2.0-rc.1", "1.2.0", None),
        (NO_CHANGE, "2.0.0-rc.2", "2.0.0-rc.1", "2.0.0"),
    ],
)  # fmt: skip
def test_a_number_that_says_too_little_is_refused_with_the_right_one(
    change: SchemaChange, previous: str, new: str, right: str | None
) -> None:
    if right is None:
        check_version(Version.parse(previous), Version.parse(new), change)
        return
    with pytest.raises(LyingVersion) as told:
        check_version(Version.parse(previous), Version.parse(new), change)
    assert told.value.nouns["right"] == right and right in (told.value.hint or "")
    assert told.value.nouns["change"] == change.kind.value


@pytest.mark.parametrize(
    ("change", "previous", "rows", "right"),
    [
        (BREAKING, "1.2.3", False, "2.0.0"), (BREAKING, "0.2.3", True, "0.3.0"), (ADDITIVE, "1.2.3", False, "1.3.0"),
        (NO_CHANGE, "1.2.3", True, "1.3.0"), (NO_CHANGE, "1.2.3", False, "1.2.4"), (NO_CHANGE, "0.1.0", True, "0.2.0"),
        (BREAKING, "2.0.0-rc.1", False, "2.0.0"), (BREAKING, "2.1.0-rc.1", False, "3.0.0"), (ADDITIVE, "2.1.0-rc.1", False, "2.1.0"),
        (NO_CHANGE, "2.0.0-rc.1", False, "2.0.0"), (ADDITIVE, "2.0.1-rc.1", False, "2.1.0"),
    ],
)  # fmt: skip
def test_the_number_that_auto_takes(change: SchemaChange, previous: str, rows: bool, right: str) -> None:
    assert str(right_version(Version.parse(previous), change, rows_changed=rows)) == right


def test_the_same_content_is_a_patch_however_its_rows_are_counted() -> None:
    found = right_version(Version.parse("1.2.3"), NO_CHANGE, is_content_new=False, rows_changed=True)
    assert str(found) == "1.2.4"


versions = st.builds(
    Version, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2),
    st.sampled_from([(), ("rc", "1"), ("rc", "2"), ("rc", "10")]),
)  # fmt: skip
changes = st.sampled_from([BREAKING, ADDITIVE, NO_CHANGE])


@given(versions, changes, st.booleans())
def test_the_right_number_is_never_refused(previous: Version, change: SchemaChange, rows: bool) -> None:
    check_version(previous, right_version(previous, change, rows_changed=rows), change)


@given(versions, versions, changes)
def test_the_number_that_a_refusal_names_is_accepted(previous: Version, new: Version, change: SchemaChange) -> None:
    try:
        check_version(previous, new, change)
    except LyingVersion as error:
        check_version(previous, Version.parse(str(error.nouns["right"])), change)


@given(st.lists(versions, max_size=6), versions)
def test_the_version_before_is_the_highest_release_below(there: list[Version], new: Version) -> None:
    found = version_before(there, new)
    below = [version for version in there if version.precedence < new.precedence]
    releases = [version for version in below if not version.prerelease]
    assert found == (sorted(releases)[-1] if releases else sorted(below)[-1] if below else None)
