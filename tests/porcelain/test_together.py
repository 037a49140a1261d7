"""Many processes at once lose nothing, and gc takes nothing that somebody needs."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pacha.base.files import Durability, Queue, Root
from pacha.porcelain import gc
from pacha.repo import session
from pacha.store.data import DataStore
from tests.conftest import Project

ROOT = Path(__file__).parents[2]
WRITERS, TURNS = 4, 6

COMMITTER = """
import sys
from pathlib import Path
from pacha.cli.main import main
name, turns = sys.argv[1], int(sys.argv[2])
for turn in range(turns):
    Path(f"{name}.csv").write_bytes(b"a,b\\n" + f"{name},{turn}\\n".encode() * 2_000)
    for words in (["-q", "add", f"{name}.csv"], ["-q", "commit", name, "-m", f"{turn}"]):
        code = main(words)
        if code:
            sys.exit(code)
"""
COLLECTOR = """
import sys
from pacha.cli.main import main
for turn in range(int(sys.argv[1])):
    code = main(["-q", "gc", "--prune=now"])
    if code not in (0, 7):
        sys.exit(code)
"""
TAGGER = """
import sys
from pacha.cli.main import main
sys.exit(main(["tag", "rows", "1.0.0", "--json"] if len(sys.argv) < 2 else ["tag", sys.argv[1], "1.0.0", "--json"]))
"""


EDITOR = """
import sys
from pacha.cli.main import main
sys.exit(main(sys.argv[1:]))
"""
DYING = """
import os, sys
from pacha.refs import transaction
transaction._create_refs = lambda *_: os._exit(9)
from pacha.cli.main import main
main(sys.argv[1:])
"""


def start(project: Project, script: str, *words: str) -> "subprocess.Popen[str]":
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PACHA_AUTHOR_NAME": "Ada"}
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        cwd=project.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(processes: list["subprocess.Popen[str]"]) -> list[int]:
    said = [process.communicate() for process in processes]
    codes = [process.returncode for process in processes]
    assert all(code in (0, 4) for code in codes), [err[-600:] for _, err in said]
    return codes


def test_writers_side_by_side_with_gc_lose_nothing(project: Project) -> None:
    names = [f"rows{number}" for number in range(WRITERS)]
    processes = [start(project, COMMITTER, name, str(TURNS)) for name in names]
    processes.append(start(project, COLLECTOR, "12"))
    assert finish(processes) == [0] * (WRITERS + 1)
    for name in names:
        assert len(project("log", name, "--json").data) == TURNS
        for steps in range(TURNS):
            project("cat", f"{name}~{steps}")
    project("fsck")
    project("verify", "--all", code=None)


def test_gc_leaves_to_the_next_what_was_merged_meanwhile(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    project("add", "rows.csv")
    project("reset")
    data = DataStore(Root(str(project.path / ".pacha"), durability=Durability.NONE))
    real = gc._plan

    def overtaken(*words: Any) -> Any:
        plan = real(*words)
        assert {item.action for item in plan.packs} == {gc.Action.TRASH}
        for item in plan.packs:
            data.root.remove(f"{data.folder}/{item.pack}.pack")
        return plan

    monkeypatch.setattr(gc, "_plan", overtaken)
    assert project("gc", "--prune=now", "--json").data["trashed"] == []


def test_one_version_is_won_once(project: Project) -> None:
    sides = [project.commit("rows.csv", f"a,b\n{number},1\n") for number in range(WRITERS)]
    codes = finish([start(project, TAGGER, f"manifest:{side}") for side in sides])
    assert sorted(codes) == [0, *[4] * (WRITERS - 1)]
    assert len(project("list", "rows", "--json").data) == 1


def test_a_commit_follows_that_of_a_process_that_died_while_it_waited(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project.write("rows.csv", "a,b\n3,4\n")

    class Waiting(Queue):
        """Somebody else is in the queue, decides and dies, and only then is it our turn."""

        def __enter__(self) -> Queue:
            if not died:
                project.write("rows.csv", "a,b\n5,6\n")
                died.append(start(project, DYING, "commit", "rows.csv", "-m", "theirs").wait())
            return super().__enter__()

    died: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(session, "Queue", Waiting)
        project("commit", "rows.csv", "-m", "ours")
    assert died == [9]
    assert [row["message"] for row in project("log", "rows", "--json").data] == ["ours", "theirs", "a change"]
    assert [len(row["heads"]) for row in project("list", "--json").data] == [1]
    project("fsck")


def test_editing_a_card_that_somebody_edits_at_this_moment_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    edit = ("data", "card", "rows", "--set")

    class Waiting(Queue):
        """Somebody else was in the queue before."""

        def __enter__(self) -> Queue:
            codes.append(start(project, EDITOR, *edit, "purpose=theirs", "-m", "theirs").wait())
            return super().__enter__()

    codes: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(session, "Queue", Waiting)
        answer = project(*edit, "purpose=ours", "-m", "ours", code=4)
    assert codes == [0] and "is not the head" in answer.err
    assert [row["message"] for row in project("log", "rows", "--json").data] == ["theirs", "a change"]
    project(*edit, "purpose=ours", "-m", "ours")
