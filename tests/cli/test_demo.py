"""The demo tells a true story, and typing its commands gives the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pacha.cli.story_steps import FIRST, REGISTRY, SECOND, SHARING, THIRD
from tests.conftest import Project, run_here

ROOT = Path(__file__).parents[2]
#: The steps that are refused, and with which code.
REFUSED = {step.command: step.code for step in (*FIRST, *SECOND, *THIRD, *REGISTRY, *SHARING) if step.code}
VERSIONS = ("penguins:1.0.0", "penguins:2.0.0", "base:1.0.0", *(f"penguin-classifier:1.{n}.0" for n in range(4)))


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
    return [project("show", name, "--json").data["digest"] for name in VERSIONS]


def as_typed(command: str) -> str:
    return f"{command} || test $? = {REFUSED[command]}" if command in REFUSED else command


def test_typing_the_demos_commands_gives_the_same(tmp_path: Path, typed: dict[str, str]) -> None:
    answer = run_here(["demo", str(tmp_path / "shown")])
    assert answer.code == 0, answer.err
    commands = [line[2:] for line in answer.out.splitlines() if line.startswith("$ ")]
    assert any(command.startswith("pacha verify") for command in commands) and len(commands) > 30
    assert set(REFUSED) <= set(commands) and REFUSED
    again = tmp_path / "typed"
    again.mkdir()
    for name in ("penguins.csv", "train.py", "base.recipe.toml"):
        (again / name).write_bytes((ROOT / "pacha/demo" / name).read_bytes())
    script = "\n".join(as_typed(command) for command in commands if not command.startswith("cd "))
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=again, env=typed, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert digests(again) == digests(tmp_path / "shown")
    Project(again)("fsck")
    assert (
        Project(again)("lineage", "penguins", "--impact").out
        == run_here(["-C", str(tmp_path / "shown"), "lineage", "penguins", "--impact"]).out
    )


def test_the_demo_promotes_the_model_that_tells_more_birds_right(tmp_path: Path) -> None:
    project = Project(tmp_path / "shown")
    assert run_here(["demo", str(project.path)]).code == 0
    found = project("search", "kind=model has:metrics.accuracy", "--sort", "metrics.accuracy:desc", "--json").data
    assert [str(row["version"]) for row in found["rows"]] == ["1.2.0", "1.3.0"]
    assert found["rows"][0]["stage"] == "production"


def test_the_demo_works_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    answer = run_here(["demo", str(tmp_path / "shown")])
    assert answer.code == 0 and "$ git" not in answer.out


def test_the_demo_takes_no_folder_that_exists(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here/mine.txt").write_text("mine")
    answer = run_here(["demo", str(tmp_path / "here")])
    assert answer.code == 2 and "here" in answer.err
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["mine.txt"]
