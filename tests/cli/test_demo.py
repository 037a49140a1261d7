"""The demo tells a true story, and typing its commands gives the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Project, run_here

ROOT = Path(__file__).parents[2]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which `pacha` and `python` can be typed."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, words in (("pacha", f"{sys.executable} -m pacha"), ("python", sys.executable)):
        (tools / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return {**os.environ, "PATH": f"{tools}:/usr/bin:/bin"}


def digests(folder: Path) -> list[str]:
    project = Project(folder)
    return [
        project("show", name, "--json").data["digest"]
        for name in ("penguins:1.0.0", "penguin-classifier:1.0.0", "penguin-classifier:1.1.0")
    ]


def test_typing_the_demos_commands_gives_the_same(tmp_path: Path, typed: dict[str, str]) -> None:
    answer = run_here(["demo", str(tmp_path / "shown")])
    assert answer.code == 0, answer.err
    commands = [line[2:] for line in answer.out.splitlines() if line.startswith("$ ")]
    assert any(command.startswith("pacha verify") for command in commands) and len(commands) > 15
    again = tmp_path / "typed"
    again.mkdir()
    for name in ("penguins.csv", "train.py"):
        (again / name).write_bytes((ROOT / "pacha/demo" / name).read_bytes())
    script = "\n".join(command for command in commands if not command.startswith("cd "))
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=again, env=typed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert digests(again) == digests(tmp_path / "shown")
    Project(again)("fsck")


def test_the_demo_takes_no_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/mine.txt").write_text("mine")
    answer = run_here(["demo", str(tmp_path / "here")])
    assert answer.code == 2 and "here" in answer.err
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["mine.txt"]
