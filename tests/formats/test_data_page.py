"""What docs/data.md says in its tables is what happens."""

import csv
import io
import re
from pathlib import Path

import pytest

from pacha.base.semver import Version
from pacha.formats import rowdiff, validate
from pacha.formats.change import NO_CHANGE, ChangeKind, ColumnChange, SchemaChange, classify
from pacha.formats.datatype import DEPTH_MAX, NAMES, DataType
from pacha.formats.inspection import BytesSource
from pacha.formats.profile import PROFILE_BYTES_MAX, profile
from pacha.formats.schema import ALLOWED_MAX, COLUMNS_MAX, NAME_LENGTH_MAX, Column, DataSchema, read_schema
from pacha.formats.shape import FIELDS_MAX
from pacha.formats.statistics import DISTINCT_MAX, DISTINCT_TOTAL_MAX
from pacha.formats.values import NULLS
from pacha.registry.dataversion import LyingVersion, check_version, right_version

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text("utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def rows_of(title: str, head: str) -> list[list[str]]:
    """The rows of the table of a section whose head begins so."""
    lines = section(title).split(f"\n| {head} |")[1].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_type_is_on_the_page() -> None:
    shown = [re.sub(r"\bT\b", "Int8", code) for row in rows_of("Schema files", "type") for code in codes(row[0])]
    assert {DataType.parse(re.sub(r"\bb: Int8\b", "b: Date", code)).name for code in shown} >= set(NAMES) - {
        "Int16",
        "Int32",
        "UInt16",
        "UInt32",
    }


def test_the_schema_file_of_the_page_is_one() -> None:
    raw = re.findall(r"```toml\n(.*?)```", section("Schema files"), flags=re.DOTALL)[0]
    assert read_schema(raw.encode(), name="page.toml").names == ("id", "age", "plan", "joined", "tags")


@pytest.mark.parametrize(
    ("values", "wanted"), [(codes(row[0]), codes(row[1])[0]) for row in rows_of("How types are found", "for instance")]
)
def test_types_are_found_as_the_page_says(values: list[str], wanted: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([["n", "x"], *[[0, value] for value in values]])
    assert profile("t.csv", BytesSource(out.getvalue().encode())).schema.columns[1].dtype.text == wanted


def schema(cell: str) -> DataSchema:
    """`a: Int64 not null, b: Struct<x: Int64>`: columns, split where no bracket is open."""
    columns, depth, start = [], 0, 0
    text = codes(cell)[0]
    for place, letter in enumerate(text + ","):
        depth += (letter in "<(") - (letter in ">)")
        if letter == "," and depth == 0:
            name, dtype = text[start:place].strip().split(": ", 1)
            plain = dtype.removesuffix(" not null")
            columns.append(Column(name=name, dtype=DataType.parse(plain), nullable=plain == dtype))
            start = place + 1
    return DataSchema(columns=tuple(columns))


@pytest.mark.parametrize(("old", "new", "kind"), rows_of("What a schema change is", "before"))
def test_changes_are_what_the_page_says(old: str, new: str, kind: str) -> None:
    assert classify(schema(old), schema(new)).kind == kind


def change_of(text: str) -> tuple[SchemaChange, bool]:
    if text.startswith("same schema"):
        return NO_CHANGE, "another number" in text
    one = ColumnChange(name="a", change="retyped", old="x", new="y", is_breaking=text == "breaking")
    return SchemaChange(kind=ChangeKind(text), changes=(one,)), False


@pytest.mark.parametrize(("before", "happened", "least", "auto"), rows_of("Which number", "before"))
def test_numbers_are_what_the_page_says(before: str, happened: str, least: str, auto: str) -> None:
    previous, lowest = Version.parse(before), Version.parse(least)
    change, rows_changed = change_of(happened)
    check_version(previous, lowest, change)
    assert str(right_version(previous, change, rows_changed=rows_changed)) == auto
    below = (
        previous if lowest.patch == 0 or lowest.is_prerelease else Version(lowest.major, lowest.minor, lowest.patch - 1)
    )
    below = (
        Version(previous.major, previous.minor, previous.patch + 50)
        if lowest.patch == 0 and not lowest.is_prerelease
        else below
    )
    with pytest.raises(LyingVersion):
        check_version(previous, below, change)


def test_limits_and_spellings_are_what_the_page_says() -> None:
    (nothing,) = [row for row in rows_of("How types are found", "class") if row[0] == "nothing"]
    assert {*codes(nothing[1]), ""} == NULLS
    said = [
        (COLUMNS_MAX, "at most 65,536 columns"), (FIELDS_MAX, "more than 256 members"), (PROFILE_BYTES_MAX >> 20, "above 256 MiB"),
        (DISTINCT_MAX, "exact up to 10,000"), (DISTINCT_TOTAL_MAX // DISTINCT_MAX, "over 200 columns"), (NAME_LENGTH_MAX, "1 to 1,024 characters"),
        (ALLOWED_MAX, "1 to 1,000 values"), (DEPTH_MAX, "at most 16 levels"), (validate.UNIQUE_ROWS_MAX, "up to 5,000,000 values"),
        (validate.FAULTS_MAX, "first 100 faults"), (rowdiff.ROWS_MAX, "At most 10,000,000 rows"), (rowdiff.EXAMPLES_MAX, "first 10 of each"),
        (rowdiff.SHOWN_LENGTH_MAX, "cut at 200 characters"),
    ]  # fmt: skip
    text = " ".join(PAGE.split())
    for value, phrase in said:
        assert phrase in text and f"{value:,}" in phrase, phrase
