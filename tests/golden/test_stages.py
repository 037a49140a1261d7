"""The life of a model's stages as it looks on a terminal, and what docs/stages.md says that it looks like.

`python -m tests.golden.test_stages` writes both anew, after a change that is meant.
"""

import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from pacha.base.clock import SystemClock
from tests.conftest import Project
from tests.golden.test_golden import played

STAGES = Path(__file__).parent / "stages.txt"
PAGE = Path(__file__).parents[2] / "docs" / "stages.md"


def typed(project: Project, page: str) -> str:
    """A page in which every block that is typed into a console holds what is said now, one command an hour."""
    for number, version in enumerate(("1.1.0", "1.2.0", "1.3.0")):
        content = b"\x08\0\0\0\0\0\0\0{" + b" " * number + b"}" + b" " * (6 - number)
        project.write("model.safetensors", content)
        project("add", "model.safetensors", "--name", "fraud")
        project("commit", "-m", f"model {number + 1}", "--tag", version, "--date", "2026-03-01")
    hours = iter(range(24))
    return re.sub(
        r"(?<=```console\n).*?(?=```)", lambda block: _said(project, block.group(), hours), page, flags=re.DOTALL
    )


def _said(project: Project, block: str, hours: Iterator[int]) -> str:
    out = []
    for line in block.splitlines():
        if line.startswith("$ pacha "):
            now = f"2026-03-03T{next(hours):02d}:00:00Z"
            with patch.object(SystemClock, "now", lambda self, now=now: now):
                answer = project("--color", "never", *shlex.split(line)[2:], code=None)
            out += [line, *(text.rstrip() for text in (answer.out + answer.err).splitlines())]
    return "\n".join(out) + "\n"


def test_the_page_about_stages_is_true(project: Project) -> None:
    assert typed(project, PAGE.read_text("utf-8")) == PAGE.read_text("utf-8")


def test_the_stages_look_as_they_did(make_project) -> None:
    golden = make_project("golden")
    for path in sorted((golden.path / ".pacha").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (golden.path / ".pacha").rmdir()
    assert played(golden, STAGES.read_text("utf-8")) == STAGES.read_text("utf-8")


if __name__ == "__main__":
    os.environ.update(PACHA_AUTHOR_NAME="Ada", PACHA_AUTHOR_EMAIL="ada@example.org", NO_COLOR="1", PACHA_JOBS="1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "golden"
        path.mkdir()
        STAGES.write_text(played(Project(path), STAGES.read_text("utf-8")), "utf-8")
        path = Path(folder) / "project"
        path.mkdir()
        Project(path)("init")
        PAGE.write_text(typed(Project(path), PAGE.read_text("utf-8")), "utf-8")
