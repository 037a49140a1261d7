"""docs/python.md is true: what it types answers what it says, and its table is the one that the tests hold."""

import doctest
import re
from pathlib import Path
from unittest.mock import patch

import pytest

from pacha.base.clock import SystemClock
from tests.api.test_every_command import CALLS

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
NOW = "2026-03-03T12:00:00Z"


def wrong(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a page types in an empty folder and that answers something else."""
    monkeypatch.chdir(folder)
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    said: list[str] = []
    with patch.object(SystemClock, "now", lambda self: NOW):
        doctest.DocTestRunner().run(test, out=said.append)
    assert test.examples
    return said


def test_typing_the_page_answers_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = wrong(PAGE.read_text("utf-8"), tmp_path, monkeypatch)
    assert not said, "".join(said)


def test_a_page_that_says_something_else_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong("```python\n>>> import pacha\n>>> pacha.open('.')\n'a registry'\n```\n", tmp_path, monkeypatch)


def test_the_table_of_the_page_is_that_of_the_tests() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE.read_text("utf-8"), re.M)
    assert {name: tuple(re.findall(r"`([^`]+)`", calls)) for name, calls in rows} == CALLS
