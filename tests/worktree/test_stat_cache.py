"""Unchanged files are not read again; changed ones always are, however they try to hide."""

import os
import time

import pytest

from pacha.worktree import ingest
from tests.conftest import Project


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the work tree that are opened for their content."""
    found: list[str] = []
    real = os.open

    def counting(path: object, *arguments: object, **named: object) -> int:
        if str(path).endswith(".csv"):
            found.append(str(path))
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest.os, "open", counting)
    return found


def age(project: Project, name: str) -> None:
    """Waits until the file system's clock has moved on far enough from a file's times."""
    path = project.path / name
    while time.time() - os.stat(path).st_ctime < 2.2:
        time.sleep(0.1)


def test_unchanged_files_are_not_read_again(project: Project, reads: list[str]) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("commit", "-m", "x")
    reads.clear()
    project("status")
    project("add", "rows.csv")
    project("status")
    assert reads == []
    os.utime(project.path / "rows.csv")
    project("status")
    assert len(reads) == 1


def test_a_file_changed_within_the_same_tick_is_seen(project: Project) -> None:
    """Same size, same tick, times put back: what a cache that trusts times alone would miss."""
    for turn in range(20):
        path = project.write("rows.csv", f"a,b\n{turn:03d},2\n")
        project("add", "rows.csv")
        project("commit", "-m", f"{turn}")
        state = os.stat(path)
        path.write_bytes(path.read_bytes().replace(b",2", b",3"))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert project("status", "--json").data["paths"][0]["state"] == "modified"


def test_a_file_changed_later_with_its_times_put_back_is_seen(project: Project) -> None:
    path = project.write("rows.csv", "a,b\n1,2\n")
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("commit", "-m", "x")
    state = os.stat(path)
    path.write_bytes(b"a,b\n1,3\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert project("status", "--json").data["paths"][0]["state"] == "modified"


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"0" * 64 + b"\n{}"])
def test_a_damaged_cache_is_an_empty_one(project: Project, damage: bytes) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("commit", "-m", "x")
    assert (project.path / ".pacha/local/stat/data/rows").read_bytes()
    (project.path / ".pacha/local/stat/data/rows").write_bytes(damage)
    assert project("status", "--json").data["paths"][0]["state"] == "clean"
    project.write("rows.csv", "a,b\n1,3\n")
    (project.path / ".pacha/local/stat/data/rows").write_bytes(damage)
    assert project("status", "--json").data["paths"][0]["state"] == "modified"


def test_bytes_that_were_collected_are_stored_again(project: Project) -> None:
    """The cache knows the file, and the store does not have it any more."""
    project.write("rows.csv", "a,b\n1,2\n" * 40)
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("reset")
    project("gc", "--prune=now")
    project("gc", "--prune=now")
    project("add", "rows.csv")
    project("commit", "-m", "again")
    project("verify", "rows")
