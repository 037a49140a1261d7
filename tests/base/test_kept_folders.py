"""A folder that a session keeps open is used only while it still lies where it was opened."""

import os
from pathlib import Path

import pytest

from pacha.base import files
from pacha.base.files import Durability, NotRegular, Root


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "local/tmp").mkdir(parents=True)
    return Root(str(tmp_path), durability=Durability.NONE)


def test_a_kept_folder_is_not_opened_again(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    with root.keeping_folders():
        root.create("refs/heads/model/a", b"1")
        opened: list[object] = []
        monkeypatch.setattr(Root, "_open_part", lambda self, part, *rest: opened.append(part))
        os.close(root.open_folder("refs/heads/model"))
        assert opened == []


@pytest.mark.parametrize("at", ["refs", "refs/heads", "refs/heads/model"])
def test_nothing_is_written_into_a_folder_that_was_moved(root: Root, tmp_path: Path, at: str) -> None:
    with root.keeping_folders():
        root.create("refs/heads/model/a", b"1")
        os.rename(tmp_path / at, tmp_path / "aside")
        root.create("refs/heads/model/b", b"2")
        assert root.stat("refs/heads/model/a") is None
        assert root.read("refs/heads/model/b", size_max=9) == b"2"
    assert [path.name for path in (tmp_path / "aside").rglob("*") if path.is_file()] == ["a"]


def test_a_link_in_the_place_of_a_kept_folder_is_refused(root: Root, tmp_path: Path) -> None:
    with root.keeping_folders():
        root.create("refs/heads/a", b"1")
        os.rename(tmp_path / "refs/heads", tmp_path / "aside")
        os.symlink(tmp_path / "aside", tmp_path / "refs/heads")
        with pytest.raises(NotRegular):
            root.create("refs/heads/b", b"2")


def test_a_folder_that_was_removed_is_made_anew(root: Root, tmp_path: Path) -> None:
    with root.keeping_folders():
        root.make_folder("refs/heads")
        os.rmdir(tmp_path / "refs/heads")
        root.create("refs/heads/b", b"2")
        assert (tmp_path / "refs/heads/b").read_bytes() == b"2"


def test_no_more_are_kept_than_the_limit_and_all_are_closed(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FOLDERS_KEPT_MAX", 5)
    before = len(os.listdir("/dev/fd"))
    with root.keeping_folders():
        for number in range(20):
            root.create(f"refs/{number}/a", b"1")
        with root.keeping_folders():
            root.create("refs/heads/a", b"1")
        assert len(os.listdir("/dev/fd")) == before + 5
        assert root.read("refs/19/a", size_max=9) == b"1"
    assert len(os.listdir("/dev/fd")) == before
