"""A checkout that was interrupted is done again without force; what is nobody's commit is never written over."""

import pytest

from pacha.base.errors import MachineFailed
from pacha.worktree.restore import Restore
from tests.conftest import Project


@pytest.fixture
def folder(project: Project) -> Project:
    """A folder with two versions, of which the first is checked out again until half of it is written."""
    for number in range(6):
        project.write(f"images/{number}.csv", f"a,b\n{number},1\n")
    project("add", "images", "--kind", "data")
    project("commit", "-m", "one", "--tag", "1.0.0")
    for number in range(6):
        project.write(f"images/{number}.csv", f"a,b\n{number},2\n")
    project("commit", "images", "-m", "two", "--tag", "2.0.0")
    with pytest.MonkeyPatch.context() as patch:
        whole = Restore.files

        def half(restore: Restore, files: object) -> int:
            found = list(files)  # type: ignore[call-overload]
            whole(restore, found[: len(found) // 2])
            raise MachineFailed("the power is gone")

        patch.setattr(Restore, "files", half)
        project("checkout", "images:1.0.0", code=10)
    held = {project.read(f"images/{number}.csv")[-2:] for number in range(6)}
    assert held == {b"1\n", b"2\n"}, "the control: it was interrupted midway"
    return project


def test_it_is_done_again_without_force(folder: Project) -> None:
    folder("checkout", "images:1.0.0")
    assert all(folder.read(f"images/{number}.csv").endswith(b",1\n") for number in range(6))


@pytest.mark.parametrize("name", ["images/3.csv", "images/new.csv"])
def test_what_is_nobodys_commit_is_kept(folder: Project, name: str) -> None:
    folder.write(name, "mine")
    for version in ("1.0.0", "2.0.0"):
        assert "not committed" in folder("checkout", f"images:{version}", code=4).err
    assert folder.read(name) == b"mine"
