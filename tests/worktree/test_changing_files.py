"""A file that is changed, taken away or replaced while it is read is told as that, in bounded time, and never stored."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pacha.base import files
from pacha.formats import inspection
from pacha.formats.schema import DataSchema
from pacha.porcelain.data import schema_at, validate_path
from pacha.porcelain.inspect import inspect_path
from pacha.worktree import reading
from pacha.worktree.scan import scan
from tests.conftest import Project

ROWS = b"a,b\n" + b"1,2\n" * 2_000
#: Read in windows, by several workers.
BIG = b"a,b\n" + b"1,2\n" * 1_500_000


def take_away(path: Path) -> None:
    path.unlink()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def longer(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"3,4\n")


def shorter(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def another(path: Path) -> None:
    path.with_suffix(".new").write_bytes(path.read_bytes())
    path.with_suffix(".new").rename(path)


SWAPS = [take_away, pipe, folder, link, loop, longer, shorter, another]
swapped = pytest.mark.parametrize("swap", SWAPS, ids=lambda swap: swap.__name__)


def before_each_opening(
    monkeypatch: pytest.MonkeyPatch, module: object, path: Path, swap: Callable[[Path], None], *, first: int = 1
) -> None:
    """Something else comes into a file's place just before it is opened for the Nth time."""
    opened = 0

    def open_(name: str) -> int:
        nonlocal opened
        opened += 1
        if opened == first:
            swap(path)
        return files.open_to_read(name)

    monkeypatch.setattr(module, "open_to_read", open_)


@swapped
@pytest.mark.parametrize("content", [ROWS, BIG], ids=["small", "big"])
@pytest.mark.parametrize("words", [["add", "rows.csv"], ["commit", "rows.csv", "-m", "x"]], ids=["add", "commit"])
def test_it_is_told_and_nothing_is_stored(
    project: Project, words: list[str], content: bytes, swap: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.write("rows.csv", content)
    with monkeypatch.context() as patch:
        before_each_opening(patch, reading, path, swap)
        answer = project(*words, code=4)
    assert "rows.csv: changed while it was read" in answer.err and "hint: wait" in answer.err
    assert project("list", "--json").data == []
    project("fsck")
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    project.write("rows.csv", content)
    project(*words)


@swapped
def test_looking_into_it_tells_so_too(
    project: Project, swap: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project.write("rows.csv", ROWS)
    with monkeypatch.context() as patch:
        before_each_opening(patch, inspection, path, swap)
        answer = project("data", "register", "rows", "rows.csv", "-v", "1.0.0", code=4)
    assert "changed while it was read" in answer.err
    assert project("list", "--json").data == []


@swapped
def test_neither_a_verdict_nor_facts_are_given_of_it(
    project: Project, swap: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    project.commit("rows.csv", ROWS)
    schema = schema_of_rows(project)
    for look in (
        lambda full: validate_path(full, schema, shown="copy.csv"),
        lambda full: inspect_path(full, shown="copy.csv", kind="data"),
    ):
        path = project.write("copy.csv", ROWS)
        look(str(path))
        with monkeypatch.context() as patch:
            before_each_opening(patch, inspection, path, swap)
            with pytest.raises(reading.ChangedWhileRead):
                look(str(path))
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def schema_of_rows(project: Project) -> DataSchema:
    workspace = project.workspace()
    return schema_at(workspace, workspace.resolve("rows", start=str(project.path), bare="latest").manifest)


@swapped
def test_a_digest_of_it_is_none(project: Project, swap: Callable[[Path], None]) -> None:
    path = project.write("rows.csv", ROWS)
    (file,) = scan(str(path), shown="rows.csv").files
    assert reading.digest_of_file(file) is not None
    swap(path)
    assert reading.digest_of_file(file) is None


def test_a_file_that_grows_for_ever_has_no_digest(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    path = project.write("rows.csv", ROWS)
    (file,) = scan(str(path), shown="rows.csv").files

    class Growing:
        """An `os` under which each read is followed by a write."""

        @staticmethod
        def readv(descriptor: int, buffers: list[bytearray]) -> int:
            longer(path)
            return os.readv(descriptor, buffers)

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(reading, "os", Growing())
    assert reading.digest_of_file(file) is None


def test_a_file_that_holds_still_the_second_time_is_stored(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The harness itself: a swap after everything was read changes nothing."""
    path = project.write("rows.csv", ROWS)
    before_each_opening(monkeypatch, reading, path, take_away, first=99)
    project("add", "rows.csv")
