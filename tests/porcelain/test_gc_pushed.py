"""`gc --pushed` frees only what a remote has and nobody here works on, and `pull` brings it back."""

import os

import pytest

from tests.conftest import Project
from tests.remotely import packs, there

OLD, NEW = os.urandom(200_000), os.urandom(200_000)


@pytest.fixture
def pushed(project: Project) -> Project:
    """Two versions of a model, pushed."""
    for number, data in enumerate((OLD, NEW), start=1):
        project.write("model.bin", data)
        project("model", "register", "fraud", "model.bin", "-v", f"{number}.0.0")
    project("remote", "add", "origin", str(project.path.parent / "bucket"))
    project("push")
    return project


def size(project: Project) -> int:
    return sum(path.stat().st_size for path in packs(project))


def test_what_a_remote_has_goes_and_comes_back(pushed: Project) -> None:
    before = size(pushed)
    report = pushed("gc", "--pushed", "origin", "-n", "--json").data
    assert report["is_dry_run"] and 200_000 < report["trashed_bytes"] < 210_000 and size(pushed) == before
    pushed("gc", "--pushed", "origin", "--prune=now")
    assert size(pushed) < before - 199_000
    assert "not here" in pushed("checkout", "fraud:1.0.0", "--to", "out", code=3).err
    report = pushed("fsck", "--json").data
    assert report["absent"] == 1 and all(problem["severity"] == "notice" for problem in report["problems"])
    pushed("gc")
    pushed("checkout", "fraud:2.0.0", "--to", "new")
    assert (pushed.path / "new").read_bytes() == NEW
    pushed("pull", "-r", "fraud:1.0.0")
    pushed("checkout", "fraud:1.0.0", "--to", "out")
    assert (pushed.path / "out").read_bytes() == OLD


def test_what_was_not_pushed_stays(pushed: Project) -> None:
    late = os.urandom(100_000)
    pushed.write("model.bin", late)
    pushed("model", "register", "fraud", "model.bin", "-v", "3.0.0")
    pushed("checkout", "fraud:2.0.0", "--force")
    pushed.write("other.bin", OLD[:150_000])
    pushed("add", "other.bin", "--kind", "model", "--name", "other")
    pushed("gc", "--pushed", "origin", "--prune=now")
    pushed("fsck")
    pushed("checkout", "fraud:3.0.0", "--to", "late")
    assert (pushed.path / "late").read_bytes() == late
    pushed("commit", "other.bin", "-m", "other")
    pushed("fsck")


@pytest.mark.parametrize("damage", ["gone", "cut", "index"])
def test_nothing_goes_that_the_remote_only_says_it_has(pushed: Project, damage: str) -> None:
    before = size(pushed)
    if damage == "index":
        there(pushed, "indexes")[0].unlink()
        pushed("gc", "--pushed", "origin", "--prune=now", code=5)
    else:
        for pack in there(pushed, "packs"):
            pack.unlink() if damage == "gone" else pack.write_bytes(pack.read_bytes()[:-1])
        assert pushed("gc", "--pushed", "origin", "--prune=now", "--json").data["trashed_bytes"] == 0
    assert size(pushed) == before


def test_trash_is_read_until_it_goes(pushed: Project) -> None:
    pushed("gc", "--pushed", "origin")
    pushed("checkout", "fraud:1.0.0", "--to", "out")
    assert (pushed.path / "out").read_bytes() == OLD
    pushed("fsck")


def test_what_a_linked_work_tree_holds_stays(git_project: Project) -> None:
    git_project.write("model.bin", OLD)
    git_project("model", "register", "fraud", "model.bin", "-v", "1.0.0")
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "one")
    git_project.git("worktree", "add", "-q", str(git_project.path.parent / "linked"), "-b", "side")
    linked = Project(git_project.path.parent / "linked")
    linked("checkout", "fraud:1.0.0", "--force")
    git_project.write("model.bin", NEW)
    git_project("model", "register", "fraud", "model.bin", "-v", "2.0.0")
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "two")
    git_project("remote", "add", "origin", str(git_project.path.parent / "bucket"))
    git_project("push")
    git_project("gc", "--pushed", "origin", "--prune=now")
    linked("checkout", "fraud:1.0.0", "--to", "out")
    assert linked.read("out") == OLD
