"""The table of docs/cli.md: what each reading command answers with which bytes here. One test a cell."""

import re
import shutil
from pathlib import Path

import pytest

from pacha.base.files import Durability, Root
from pacha.objects.types import Link
from pacha.store.data import DataStore
from tests.conftest import Project

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text("utf-8")
STATES = ("all here", "trees only", "fresh clone")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## What works with which bytes")[2].partition("##")[0].splitlines()
    if line.startswith("| `")
]


def words_of(cell: str, blob: str, manifest: str) -> list[list[str]]:
    """The commands that a row of the table is about."""
    many = "more files" in cell
    name = "many" if many else "rows"
    known = {
        "status": ["status"], "list": ["list"], "search": ["search"], "log": ["log", "rows"], "tag": ["tag", "rows", "0.9.0", "--json"],
        "resolve": ["resolve"], "stats": ["stats"], "count-objects": ["count-objects"], "rev-parse": ["rev-parse", "rows"],
        "rev-list": ["rev-list", "rows"], "for-each-ref": ["for-each-ref"], "reindex": ["reindex"],
        "show": ["show", "rows", "--json"], "diff A B": ["diff", f"{name}~1", f"{name}:head"], "ls-tree": ["ls-tree", "rows"],
        "cat": ["cat", "rows"], "checkout": ["checkout", "rows", "--to", "OUT"], "cat-file": ["cat-file", f"blob:{blob}"],
        "verify": ["verify", "rows"], "fsck": ["fsck", "--json"],
    }  # fmt: skip
    return [known[word] for word in re.findall(r"`([^`]+)`", cell)]


@pytest.fixture(params=STATES)
def state(request: pytest.FixtureRequest, git_project: Project) -> tuple[str, Project, str, str]:
    """A repository with two commits of a file and of a folder of 70 files, and some of its bytes."""
    for turn in range(2):
        git_project.write("rows.csv", f"a,b\n{turn},1\n")
        for number in range(70):
            git_project.write(f"many/{number}.csv", f"{number},{turn if number == 7 else 0}\n")
        git_project("add", "rows.csv")
        git_project("add", "many", "--kind", "data", "--name", "many")
        git_project("commit", "-m", f"turn {turn}")
    git_project("tag", "rows", "1.0.0")
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "all")
    shown = git_project("show", "rows", "--json").data
    blob, manifest = shown["digest"], shown["manifest"]
    if request.param == "fresh clone":
        git_project.git("clone", "-q", ".", "../clone")
        return request.param, Project(git_project.path.parent / "clone"), blob, manifest
    if request.param == "trees only":
        keep_trees_only(git_project)
        (git_project.path / "rows.csv").unlink()
        shutil.rmtree(git_project.path / "many")
    return request.param, git_project, blob, manifest


def keep_trees_only(project: Project) -> None:
    root = Root(str(project.path / ".pacha"), durability=Durability.NONE)
    old = DataStore(root)
    trees = [old.read(Link("tree", id)) for id, place in old.records() if place.type == "tree"]
    for path in (project.path / ".pacha/objects/pack").glob("*.*x"):
        path.unlink()
    for path in (project.path / ".pacha/objects/pack").glob("*.pack"):
        path.unlink()
    with DataStore(root).writer() as writer:
        for tree in trees:
            writer.add("tree", bytes(tree))
        writer.close()


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_cell_of_the_table_is_true(row: list[str], state: tuple[str, Project, str, str], tmp_path: Path) -> None:
    name, project, blob, manifest = state
    promised = row[1 + STATES.index(name)]
    for words in words_of(row[0], blob, manifest):
        words = [str(tmp_path / "out") if word == "OUT" else word for word in words]
        answer = project(*words, code=int(promised.split(",")[0]))
        if "path is missing" in promised:
            assert "missing" in answer.out
        if "3, absent" in promised:
            assert "not here" in answer.err + answer.out
        if "bytes here" in promised:
            assert answer.data["presence"] == "here"
        if "bytes absent" in promised:
            assert answer.data["presence"] != "here"
        if "never fetched" in promised:
            assert answer.data["absent"] > 0
        if "what stored trees name is missing" in promised:
            assert {item["check"] for item in answer.data["problems"]} == {"missingObject"}


def test_the_table_names_every_reading_command_once() -> None:
    named = [word for row in ROWS for word in re.findall(r"`([^`]+)`", row[0])]
    assert len(ROWS) == 10 and len(named) == 21
