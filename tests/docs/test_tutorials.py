"""The tutorials are true: each command that they type ends as they say and prints what they say.

`python -m tests.docs.test_tutorials` writes the outputs anew, after a change that is meant. Dates are those of a patched
clock, a command an hour; ids and sizes of what is new
are passed over, because a recipe holds the environment that it was registered in.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from pacha.base.clock import SystemClock
from tests.conftest import Project

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("tutorial-*.md"))
#: Where the pages say that their folder lies.
HOME = "/home/ada/project"
#: A file to save, or commands with what they print.
_BLOCK = re.compile(r"(?<=^```)(?:toml (?P<name>\S+)|(?P<console>console))\n(?P<body>.*?)(?=^```$)", re.M | re.S)
_ID = re.compile(r"\b[0-9a-f]{8,64}\b|[\d.]+ K?i?B new")


def typed(project: Project, page: str) -> str:
    """A page whose console blocks hold what is said now. Its files are saved as they are met."""
    minutes = iter(range(24 * 60))

    def block(found: re.Match[str]) -> str:
        if found["console"]:
            return f"console\n{_said(project, found['body'], minutes)}"
        project.write(found["name"], found["body"])
        return found.group()

    return _BLOCK.sub(block, page)


def _said(project: Project, block: str, minutes: Iterator[int]) -> str:
    out = []
    for line in block.splitlines():
        if not line.startswith("$ "):
            continue
        code, said = _run(project, line[2:], "2026-03-03T{:02d}:{:02d}:00Z".format(*divmod(next(minutes), 60)))
        wanted = int((re.search(r"# exit (\d+)$", line) or [0, 0])[1])
        assert code == wanted, f"{line}: exit {code}\n{said}"
        out += [line, *(text.rstrip() for text in said.replace(str(project.path), HOME).splitlines())]
    return "\n".join(out) + "\n"


def _run(project: Project, command: str, now: str) -> tuple[int, str]:
    if command.startswith("pacha ") and {">", "|"}.isdisjoint(shlex.split(command, comments=True)):
        with patch.object(SystemClock, "now", lambda self: now):
            answer = project("--color", "never", *shlex.split(command, comments=True)[1:], code=None)
        return answer.code, answer.out + answer.err
    here = shlex.quote(sys.executable)
    tools = f'python() {{ {here} "$@"; }}; pacha() {{ {here} -m pacha "$@"; }}; '
    done = subprocess.run(
        ["bash", "-c", tools + command],
        cwd=project.path,
        env={**os.environ, "PYTHONPATH": str(DOCS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def without_ids(page: str) -> str:
    """A page without what differs from machine to machine."""
    return _ID.sub("ID", page)


@pytest.fixture
def empty(project: Project) -> Project:
    """A folder in which nothing was done yet."""
    subprocess.run(["rm", "-r", str(project.path / ".pacha")], check=True)
    return project


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_typing_a_tutorial_gives_what_it_says(empty: Project, page: Path) -> None:
    text = page.read_text("utf-8")
    assert without_ids(typed(empty, text)) == without_ids(text)


def test_there_is_a_tutorial_of_each_noun() -> None:
    assert [page.stem for page in PAGES] == ["tutorial-data", "tutorial-models", "tutorial-recipes", "tutorial-remotes"]


def test_a_tutorial_that_says_something_else_is_found(empty: Project) -> None:
    page = "```console\n$ pacha init\nmade nothing\n```\n"
    assert without_ids(typed(empty, page)) != page
    with pytest.raises(AssertionError, match="exit 2"):
        typed(empty, "```console\n$ pacha nonsense\n```\n")


if __name__ == "__main__":
    os.environ.update(PACHA_AUTHOR_NAME="Ada", PACHA_AUTHOR_EMAIL="ada@example.org", NO_COLOR="1")
    for path in PAGES:
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(typed(Project(Path(folder)), path.read_text("utf-8")), "utf-8")
