"""Benchmarks of tables: profiling a CSV file with and without pyarrow, reading a footer, comparing rows."""

import io
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pacha.formats.inspection import BytesSource
from pacha.formats.parquet import read_footer
from tests.benchmarks.measure import Row, interleaved, median, peak, ratio_of, run

ROWS = 1_500_000
DIFFED = 1_000_000
COLUMNS, GROUPS = 300, 10
MIB = 1 << 20

_PROFILE = """
import sys
from pacha.formats import columnar
if sys.argv[2] == "without":
    columnar.find_spec = lambda name: None
from pacha.formats.inspection import FileSource
from pacha.formats.profile import profile
with FileSource(sys.argv[1]) as source:
    profile(sys.argv[1], source)
"""
_DIFF = """
import sys
from pacha.formats.inspection import FileSource
from pacha.formats.rowdiff import diff_rows
with FileSource(sys.argv[1]) as source:
    assert diff_rows((sys.argv[1], source), (sys.argv[1], source), ["id"]).is_same
"""


def profile(folder: Path) -> Iterator[Row]:
    """The profile of a CSV of 100 MB with and without pyarrow, a Parquet footer, rows compared by key."""
    path = folder / "big.csv"
    _write(path, ROWS)
    size = path.stat().st_size
    python = [sys.executable, "-c"]
    runs = interleaved(
        {way: lambda way=way: run([*python, _PROFILE, path, way], cwd=folder) for way in ("with", "without")},  # type: ignore[misc]
        rounds=5,
    )
    for way, limit in (("without", 64 * MIB), ("with", 320 * MIB)):
        memory = peak(runs[way])
        seen = f"{size / median(runs[way]) / 1e6:.0f} MB/s, {memory / MIB:.0f} MiB"
        yield Row(f"CSV of {size / 1e6:.0f} MB {way} pyarrow", seen, f"≤ {limit / MIB:.0f} MiB", memory <= limit)
    ratio = ratio_of(runs["without"], runs["with"])
    yield Row("pyarrow makes it faster", f"{ratio:.2f} ×", "≥ 1.2 ×", ratio >= 1.2)
    milliseconds = _footer_milliseconds()
    seen = f"{milliseconds:.0f} ms"
    yield Row(f"a Parquet footer, {COLUMNS} columns × {GROUPS} groups", seen, "≤ 200 ms", milliseconds <= 200)
    small = folder / "small.csv"
    _write(small, DIFFED)
    compared = interleaved({"diff": lambda: run([*python, _DIFF, small], cwd=folder)}, rounds=3)
    each = (peak(compared["diff"]) - 40 * MIB) / DIFFED
    seen = f"{median(compared['diff']):.1f} s, {each:.0f} bytes a row"
    yield Row(f"{DIFFED:,} rows compared by key", seen, "≤ 300 bytes a row", each <= 300)


def _write(path: Path, rows: int) -> None:
    coin = random.Random(1)
    cities = ["Lima", "Quito", "La Paz", "Cusco"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("id,user,amount,score,city,at,ok\n")
        for number in range(rows):
            moment = f"2024-0{coin.randrange(1, 10)}-1{coin.randrange(10)} 1{coin.randrange(10)}:30:00"
            file.write(
                f"{number},{coin.randrange(10**6)},{coin.random() * 100:.2f},{coin.gauss(0, 1)!r},"
                f"{coin.choice(cities)},{moment},{coin.choice(('true', 'false'))}\n"
            )


def _footer_milliseconds() -> float:
    """In process, without pyarrow's help: it only writes the file."""
    import pyarrow
    import pyarrow.parquet

    out = io.BytesIO()
    table = pyarrow.table({f"column_{number}": [number, 2, None] * 10 for number in range(COLUMNS)})
    pyarrow.parquet.write_table(table, out, row_group_size=30 // GROUPS)
    source = BytesSource(out.getvalue())
    taken = []
    for _ in range(9):
        started = time.perf_counter()
        assert len(read_footer("t.parquet", source).schema.columns) == COLUMNS
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000
