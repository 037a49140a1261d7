"""Starting is quick: what a command does not need, it does not import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEAVY = (
    "networkx",
    "numpy",
    "rich",
    "obstore",
    "urllib3",
    "starlette",
    "nacl",
    "tomlkit",
    "pathspec",
    "pyfastcdc",
    "yaml",
)
SCRIPT = """
import sys
from pacha.cli.main import main
code = main({words!r})
heavy = sorted(name for name in {heavy!r} if name in sys.modules)
sys.stderr.write("HEAVY:" + ",".join(heavy) + ";" + ("click" if "click" in sys.modules else ""))
sys.exit(code)
"""


def heavy_imports(words: list[str], cwd: str, heavy: tuple[str, ...] = HEAVY) -> str:
    script = SCRIPT.format(words=words, heavy=heavy)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stderr.rpartition("HEAVY:")[2]


def test_the_version_is_told_without_importing_anything_heavy_or_click(tmp_path) -> None:
    assert heavy_imports(["--version"], str(tmp_path)) == ";"


def test_status_imports_nothing_heavy(project) -> None:
    project.write("a.csv", "a,b\n1,2\n")
    project("add", "a.csv")
    assert heavy_imports(["status"], str(project.path)) == ";click"


#: What takes long to start, and looking at a work tree outside Git needs none of.
UNNEEDED = (
    "ctypes", "difflib", "subprocess", "pacha.graph.lineage", "pacha.porcelain.resolve", "pacha.porcelain.search",
    "pacha.remotes", "concurrent.futures",
)  # fmt: skip


def test_status_outside_git_imports_no_part_of_pacha_that_other_commands_are_for(tmp_path) -> None:
    assert heavy_imports(["init"], str(tmp_path), UNNEEDED).startswith(";")
    assert heavy_imports(["status"], str(tmp_path), UNNEEDED) == ";click"
    assert "pacha.porcelain.search" in heavy_imports(["search", "a"], str(tmp_path), UNNEEDED)


def test_the_probe_itself_sees_a_heavy_import(project) -> None:
    project.write("a.csv", "a,b\n1,2\n" * 100_000)
    found = heavy_imports(["add", "a.csv"], str(project.path))
    assert "pyfastcdc" in found


@pytest.mark.parametrize(
    "words", [["log"], ["list"], ["search", "a"], ["rev-parse", "a"], ["show", "a"], ["lineage", "a"]]
)
def test_looking_imports_nothing_heavy(project, words: list[str]) -> None:
    project.commit("a.csv", "a,b\n1,2\n")
    assert heavy_imports(words, str(project.path)) == ";click"
