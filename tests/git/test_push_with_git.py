"""Where Git carries refs: bytes go by push and pull, refs by Git, and nothing that Git tracks is changed."""

from pathlib import Path

import pytest

from tests.conftest import Project


def save(project: Project, message: str = "save") -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", message, "--allow-empty")


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Where the bytes go."""
    return tmp_path / "remote"


@pytest.fixture
def ada(git_project: Project, remote: Path) -> Project:
    """A project whose first version is in Git and on the remote."""
    git_project.commit("rows.csv", "a,b\n1,2\n", "--tag", "1.0.0")
    save(git_project)
    git_project("remote", "add", "origin", str(remote))
    git_project("push")
    return git_project


@pytest.fixture
def bob(ada: Project) -> Project:
    """A colleague's clone by Git."""
    path = ada.path.parent / "bob"
    ada.git("clone", "-q", str(ada.path), str(path))
    return Project(path)


def heads(project: Project) -> list[str]:
    """The heads of the one artifact."""
    found: list[str] = project("list", "--json").data[0]["heads"]
    return found


def clean(project: Project) -> None:
    """Nothing that Git tracks has changed, and there is one head."""
    assert project.git("status", "--porcelain") == ""
    assert len(heads(project)) == 1


def test_a_colleague_gets_refs_by_git_and_bytes_by_pull(ada: Project, bob: Project, remote: Path) -> None:
    assert bob("cat", "rows:1.0.0", code=None).code != 0
    bob("remote", "add", "origin", str(remote))
    bob("pull")
    assert bob.read("rows.csv") == b"a,b\n1,2\n"
    clean(bob)
    bob("fsck")


def test_a_push_from_a_branch_never_merged_disturbs_nobody(ada: Project, bob: Project, remote: Path) -> None:
    ada.git("switch", "-qc", "idea")
    ada.commit("rows.csv", "a,b\n7,7\n", "--tag", "2.0.0")
    save(ada)
    ada("push")
    before = heads(bob)
    bob("remote", "add", "origin", str(remote))
    bob("fetch")
    clean(bob)
    bob("pull")
    clean(bob)
    assert heads(bob) == before and bob.read("rows.csv") == b"a,b\n1,2\n"
    assert [row["version"] for row in bob("list", "rows", "--json").data] == ["1.0.0"]
    bob("fsck")
    # What came lies where Git does not look.
    assert list((bob.path / ".pacha/local/objects/manifest").rglob("*.json"))
    bob.commit("rows.csv", "a,b\n8,8\n")
    save(bob)
    clean(bob)
    bob("push")
    clean(bob)
    bob("pull")
    clean(bob)


def test_the_branch_merged_later_brings_its_bytes(ada: Project, bob: Project, remote: Path) -> None:
    ada.git("switch", "-qc", "idea")
    ada.commit("rows.csv", "a,b\n7,7\n", "--tag", "2.0.0")
    save(ada)
    ada("push")
    bob("remote", "add", "origin", str(remote))
    bob("fetch")
    bob.git("pull", "-q", "origin", "idea")
    clean(bob)
    bob("pull")
    assert bob.read("rows.csv") == b"a,b\n7,7\n"
    clean(bob)
    bob("fsck")


def test_no_ref_depends_on_what_was_fetched(ada: Project, bob: Project, remote: Path) -> None:
    """META that lies in `local` is nobody's but this machine's: a commit over it must not name what Git lacks (I4)."""
    bob("remote", "add", "origin", str(remote))
    ada.commit("rows.csv", "a,b\n7,7\n", "--tag", "2.0.0")
    save(ada)
    ada("push")
    bob("fetch")
    bob("pull", "--join")
    save(bob)
    third = Project(bob.path.parent / "third")
    bob.git("clone", "-q", str(bob.path), str(third.path))
    third("fsck")
    assert len(third("list", "rows", "--json").data) == 2
    clean(bob)


def test_stage_moves_stay_with_git_unless_asked(ada: Project, remote: Path) -> None:
    ada("stage", "rows:1.0.0", "staging", "--reason", "x")
    save(ada)
    assert ada("push", "--json").data["number"] is None
    found = ada("push", "--stages", "--json").data
    assert [move["ref"].split("/")[1] for move in found["moved"]] == ["stages"]


def test_join_takes_refs_over_and_git_sees_them(ada: Project, bob: Project, remote: Path) -> None:
    bob("remote", "add", "origin", str(remote))
    ada.commit("rows.csv", "a,b\n7,7\n", "--tag", "2.0.0")
    ada("push")
    bob("pull", "--join")
    assert bob.read("rows.csv") == b"a,b\n7,7\n"
    assert len(heads(bob)) == 1
    changed = [line[3:] for line in bob.git("status", "--porcelain", "-uall").splitlines()]
    assert changed and all(path.startswith(".pacha/") for path in changed)
    save(bob)
    clean(bob)
    bob("fsck")


def test_a_push_stages_nothing_for_git(ada: Project) -> None:
    ada.commit("rows.csv", "a,b\n7,7\n")
    before = ada.git("status", "--porcelain")
    ada("push")
    assert ada.git("status", "--porcelain") == before


def test_git_clean_keeps_what_is_remembered(ada: Project, remote: Path) -> None:
    ada.git("clean", "-qxdf")
    assert ada("push", "--json").data["number"] is None
    ada("pull")
    clean(ada)
