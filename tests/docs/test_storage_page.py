"""docs/storage.md is true: what it types ends as it says, and its sizes come near what is stored now.

Compression differs from release to release of its library, and this machine's own state from day to day, so sizes are
compared as numbers. `python -m tests.docs.test_storage_page` writes the page anew, after a change that is meant.
"""

import os
import re
import tempfile
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.docs.test_tutorials import DOCS, typed, without_ids

PAGE = DOCS / "storage.md"
#: A size with its unit, or a percentage; the blanks and the bar beside it follow from it.
_SIZE = re.compile(r"(?<![\w.])([\d.]+) (B|KiB|MiB|GiB|%)(?!\w)")
_UNITS = {"%": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
#: Sizes may be so much off, and what is small by so many bytes; percentages by so many points.
SHARE_MAX, BYTES_MAX, POINTS_MAX = 0.05, 8 << 10, 3.0


def wording(page: str) -> str:
    """A page without sizes, bars and ids."""
    text = re.sub(r"SIZE +#+", "SIZE", _SIZE.sub("SIZE", without_ids(page)))
    return re.sub(r" *\n", "\n", re.sub(r" +", " ", text))


def far_off(said: str, wanted: str) -> list[str]:
    """The sizes of a page that are not near those of another one."""
    found = []
    for left, right in zip(_SIZE.finditer(said), _SIZE.finditer(wanted), strict=True):
        a, b = (float(each[1]) * _UNITS[each[2]] for each in (left, right))
        if abs(a - b) > (POINTS_MAX if right[2] == "%" else max(BYTES_MAX, SHARE_MAX * b)):
            found.append(f"{left[0]}, not {right[0]}")
    return found


def test_typing_the_page_gives_what_it_says(make_project) -> None:
    text = PAGE.read_text("utf-8")
    said = typed(_empty(make_project().path), text)
    assert wording(said) == wording(text)
    assert not far_off(said, text)


@pytest.mark.parametrize(
    ("said", "wanted"), [("10.0 KiB", "30.0 KiB"), ("40 %", "45 %"), ("3.0 MiB", "3.4 MiB"), ("1.0 GiB", "1.0 MiB")]
)
def test_a_size_that_is_something_else_is_found(said: str, wanted: str) -> None:
    assert far_off(f"a {said} b\n", f"a {wanted} b\n") and not far_off(f"a {said} b\n", f"a {said} b\n")


def test_another_wording_is_found() -> None:
    assert wording("stored  9 B\n") == wording("stored  10 B   ##\n") != wording("kept  9 B\n")
    assert wording("## What") != wording("What")


def _empty(folder: Path) -> Project:
    """A folder in which nothing was done yet."""
    here = folder / "project"
    here.mkdir()
    return Project(here)


if __name__ == "__main__":
    os.environ.update(PACHA_AUTHOR_NAME="Ada", PACHA_AUTHOR_EMAIL="ada@example.org", NO_COLOR="1")
    with tempfile.TemporaryDirectory() as place:
        PAGE.write_text(typed(_empty(Path(place)), PAGE.read_text("utf-8")), "utf-8")
