"""Files written one after another: each is the old one or the new one, and nothing is left beside it."""

import os
from pathlib import Path

import pytest

from pacha.base import files
from pacha.base.errors import MachineFailed
from pacha.base.files import NotRegular, Placing, Root


def test_files_come_to_lie_in_folders_that_are_made_on_the_way(tmp_path: Path) -> None:
    with Placing(Root(str(tmp_path), temporary="t")) as placing:
        for number in range(6):
            placing.put(f"a/{number % 2}/{number}", b"%d" % number, is_executable=number == 3)
        placing.put("a/0/0", b"again", is_executable=False)
    assert (tmp_path / "a/0/0").read_bytes() == b"again"
    assert [(tmp_path / f"a/{number % 2}/{number}").read_bytes() for number in range(1, 6)] == [
        b"1",
        b"2",
        b"3",
        b"4",
        b"5",
    ]
    assert os.access(tmp_path / "a/1/3", os.X_OK) and not os.access(tmp_path / "a/1/5", os.X_OK)
    assert list((tmp_path / "t").iterdir()) == []


def test_a_link_is_replaced_and_a_linked_folder_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "outside/file").write_bytes(b"theirs")
    (tmp_path / "root/file").symlink_to(tmp_path / "outside/file")
    (tmp_path / "root/folder").symlink_to(tmp_path / "outside")
    with Placing(Root(str(tmp_path / "root"))) as placing:
        placing.put("file", b"ours", is_executable=False)
        with pytest.raises(NotRegular):
            placing.put("folder/file", b"ours", is_executable=False)
    assert (tmp_path / "outside/file").read_bytes() == b"theirs" and not (tmp_path / "root/file").is_symlink()


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"old")

    def fails(*words: object) -> None:
        raise OSError(28, "No space left on device")

    with Placing(Root(str(tmp_path), temporary="t")) as placing:
        monkeypatch.setattr(files, "write_all", fails)
        with pytest.raises(MachineFailed):
            placing.put("file", b"new", is_executable=False)
    assert (tmp_path / "file").read_bytes() == b"old" and list((tmp_path / "t").iterdir()) == []
