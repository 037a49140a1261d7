"""Whatever pushes, cuts, collections and erasures follow each other, a remote keeps all that its refs promise.

RELIABILITY R8: gc never deletes what a writer needs.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.porcelain import push as pushing
from tests.conftest import Project, run_here
from tests.porcelain.test_gc_remote import age

DEEDS = ("push", "other", "cut", "gc", "now", "age", "race", "erase", "heal")


class Two:
    """Two clones of one remote, and what was committed."""

    def __init__(self, folder: Path) -> None:
        self.mine, self.yours = Project(folder / "mine"), Project(folder / "yours")
        self.mine.path.mkdir()
        self.mine("init")
        self.number = 0
        self.commit(self.mine)
        self.mine("remote", "add", "origin", str(folder / "shared"))
        self.mine("push")
        assert run_here(["clone", str(folder / "shared"), str(self.yours.path)]).code == 0

    def commit(self, project: Project) -> None:
        """A version whose bytes are partly those of every version before."""
        self.number += 1
        text = "a,b\n1,2\n" * 40 + f"{self.number},0\n" * 40
        project.commit(f"{project.path.name}.csv", text, "--tag", f"{self.number}.0.0")

    def push(self, project: Project) -> None:
        project("push")

    def cut(self) -> None:
        """A push that ends before its entry."""
        self.commit(self.mine)
        with mock.patch.object(pushing, "append", side_effect=KeyboardInterrupt):
            self.mine("push", code=None)

    def race(self) -> None:
        """A push between whose look and entry gc comes, and the other pushes."""
        real, done = pushing.append, []

        def late(*arguments: object) -> object:
            if not done:
                done.append(True)
                self.yours("gc", "--remote", "origin", "--yes", "--prune=now")
                self.yours("gc", "--remote", "origin", "--yes", "--prune=now")
            return real(*arguments)  # type: ignore[arg-type]

        self.commit(self.mine)
        with mock.patch.object(pushing, "append", late):
            self.mine("push")

    def run(self, deed: str) -> None:
        if deed in ("push", "other"):
            project = self.mine if deed == "push" else self.yours
            self.commit(project)
            self.push(project)
        elif deed in ("gc", "now"):
            self.yours("gc", "--remote", "origin", "--yes", *(["--prune=now"] if deed == "now" else []))
        elif deed == "age":
            age(self.mine, 30)
        elif deed == "erase":
            self.mine("erase", "mine", "--reason", "leak", "--remote", "origin")
        elif deed == "heal":
            self.mine("push", "--check")
        else:
            getattr(self, deed)()

    def check(self) -> None:
        """What the refs promise is there, and a clone gets all of it."""
        self.mine("fsck", "--remote", "origin", "--read-data")
        self.yours("fsck", "--remote", "origin", "--read-data")
        self.mine("push")
        self.mine("fsck")
        target = self.mine.path.parent / "new"
        assert run_here(["clone", str(self.mine.path.parent / "shared"), str(target)]).code == 0
        Project(target)("pull", "--all", "--no-checkout")
        Project(target)("fsck")


@contextlib.contextmanager
def two() -> Iterator[Two]:
    # Each example has a user of its own, who knows no remote of the one before.
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, {"XDG_CONFIG_HOME": f"{folder}/config"}),
    ):
        yield Two(Path(folder))


@settings(max_examples=12)
@given(st.lists(st.sampled_from(DEEDS), min_size=1, max_size=9))
def test_a_remote_keeps_what_its_refs_promise(deeds: list[str]) -> None:
    with two() as world:
        for deed in deeds:
            world.run(deed)
        world.check()


def test_a_file_that_goes_without_a_word_is_caught() -> None:
    """The control: deleting what is on the list, or is just found, breaks the promise."""
    with two() as world:
        world.cut()
        age(world.mine, 30)
        for pack in (world.mine.path.parent / "shared/packs").iterdir():
            pack.unlink()
        world.push(world.mine)
        with pytest.raises(AssertionError):
            world.check()
