"""Versions of a table: what each costs beside the rows that changed, and that it comes back."""

import io
import random
from collections.abc import Callable

import pyarrow
import pyarrow.parquet
import pytest

from tests.conftest import Project

ROWS = 40_000


def column(seed: int) -> list[int]:
    source = random.Random(seed)
    return [source.getrandbits(40) for _ in range(ROWS)]


TABLE = pyarrow.table({f"c{number}": column(number) for number in range(4)})


def parquet(table: pyarrow.Table) -> bytes:
    out = io.BytesIO()
    pyarrow.parquet.write_table(table, out, row_group_size=ROWS // 2, use_dictionary=False)
    return out.getvalue()


def edited(table: pyarrow.Table) -> pyarrow.Table:
    values = column(2)
    values[ROWS // 4] += 1
    return table.set_column(2, "c2", [values])


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (lambda table: pyarrow.concat_tables([table, table.slice(0, 10)]), 10_000),
        (lambda table: table.add_column(0, "new", [column(9)]), 1.02 * 8 * ROWS),
        (lambda table: table.select(["c0", "c3"]), 8_000),
        (lambda table: table.select(["c3", "c1", "c0", "c2"]), 8_000),
        (lambda table: table.rename_columns(["a", "b", "c", "d"]), 8_000),
        (edited, 1.02 * 8 * ROWS // 2),
    ],
    ids=[
        "rows appended",
        "a column in front",
        "columns dropped",
        "columns in another order",
        "renamed",
        "a cell edited",
    ],
)
def test_a_parquet_file_costs_the_columns_that_changed(
    project: Project, change: Callable[[pyarrow.Table], pyarrow.Table], most: float
) -> None:
    project.commit("t.parquet", parquet(TABLE))
    data = parquet(change(TABLE))
    project.write("t.parquet", data)
    assert project("add", "t.parquet", "--json").data["added"][0]["new_bytes"] < most
    project("commit", "-m", "changed")
    assert project("cat", "data/t:head").raw == data
    assert project("fsck").code == 0


def test_a_column_put_in_front_costs_more_where_its_neighbours_are_not_known(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacha.porcelain.nearest.tensor_spans", lambda name, source: ())
    project.commit("t.parquet", parquet(TABLE))
    project.write("t.parquet", parquet(TABLE.add_column(0, "new", [column(9)])))
    new = project("add", "t.parquet", "--json").data["added"][0]["new_bytes"]
    assert new > 1.1 * 8 * ROWS, "the control"
