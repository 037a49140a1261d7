"""Tables to measure with: a CSV file, its successor with rows appended, and one with scattered edits."""

import random
from collections.abc import Iterator
from pathlib import Path

CITIES = ("Lima", "Quito", "La Paz", "Cusco", "Arequipa", "Trujillo", "Iquitos", "Puno")
HEADER = "id,user,amount,score,city,at,ok\n"
APPENDED = 0.01
#: One row in so many is edited: about one in each 10 MB of rows.
EDITED_EVERY = 150_000
ROW_BYTES = 70


def rows(start: int, count: int, *, seed: int) -> Iterator[str]:
    """Rows from a number on."""
    coin = random.Random(seed)
    for number in range(start, start + count):
        moment = f"2024-{coin.randrange(1, 13):02d}-{coin.randrange(1, 29):02d} {coin.randrange(24):02d}:{coin.randrange(60):02d}:00"
        yield (
            f"{number},{coin.randrange(10**6)},{coin.random() * 100:.2f},{coin.gauss(0, 1)!r},"
            f"{CITIES[coin.randrange(8)]},{moment},{'true' if coin.random() < 0.7 else 'false'}\n"
        )


def write_table(path: Path, size_bytes: int) -> int:
    """Writes a table of about a size; returns its rows."""
    count = size_bytes // ROW_BYTES
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(HEADER)
        file.writelines(rows(0, count, seed=1))
    return count


def append_rows(source: Path, target: Path, count: int) -> None:
    """The table with one row in a hundred more at its end."""
    with open(target, "w", encoding="utf-8", newline="") as file:
        file.writelines(open(source, encoding="utf-8"))
        file.writelines(rows(count, int(count * APPENDED), seed=2))


def edit_rows(source: Path, target: Path) -> None:
    """The table with a digit put before the user of a few rows all over it: their lengths change, no column's type does."""
    with open(source, encoding="utf-8") as before, open(target, "w", encoding="utf-8", newline="") as after:
        for number, line in enumerate(before):
            after.write(line.replace(",", ",1", 1) if number % EDITED_EVERY == EDITED_EVERY // 2 else line)
