"""Fixtures of all rooms: a user with an environment of their own, projects, and the command run in this process."""

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pacha.base import files
from pacha.cli.entry import run
from pacha.porcelain.workspace import Workspace
from pacha.repo.environment import Environment
from pacha.repo.repository import open_repository

#: The same examples each time, on a machine of any speed; PACHA_SOAK asks for more and other ones.
settings.register_profile("here", deadline=None, database=None, derandomize="PACHA_SOAK" not in os.environ)
settings.load_profile("here")


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    code: int
    out: str
    err: str
    raw: bytes

    @property
    def data(self) -> Any:
        """The data of a JSON answer."""
        return json.loads(self.out)["data"]


@dataclass(frozen=True)
class Project:
    """A folder that a person works in."""

    path: Path

    def __call__(self, *words: str, code: int | None = 0, stdin: bytes = b"") -> Answer:
        """Runs `pacha` here and checks its exit code (None: whatever it is)."""
        answer = run_here(["-C", str(self.path), *words], stdin=stdin)
        if code is not None:
            assert answer.code == code, f"pacha {' '.join(words)}: {answer.code}\n{answer.out}\n{answer.err}"
        return answer

    def git(self, *words: str, code: int = 0) -> str:
        """Runs the real git here."""
        done = subprocess.run(["git", *words], cwd=self.path, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"git {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write(self, name: str, data: bytes | str) -> Path:
        """Writes a file of the work tree."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    def read(self, name: str) -> bytes:
        """The bytes of a file of the work tree."""
        return (self.path / name).read_bytes()

    def workspace(self) -> Workspace:
        """The repository, opened afresh."""
        return Workspace(open_repository(str(self.path), environment=Environment.current()))

    def commit(self, name: str, data: bytes | str, *words: str, message: str = "a change") -> str:
        """Writes a file, commits it, and returns the manifest's id."""
        self.write(name, data)
        found: str = self("commit", name, "-m", message, "--json", *words).data[0]["manifest"]
        return found


def run_here(words: list[str], *, stdin: bytes = b"") -> Answer:
    """Runs the command in this process."""
    out, err = io.BytesIO(), io.BytesIO()
    before = sys.stdin, sys.stdout, sys.stderr
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    sys.stdout = io.TextIOWrapper(out, "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(err, "utf-8", write_through=True)
    try:
        code = run(words)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        streams = sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in streams:
            stream.detach()
    return Answer(
        code, out.getvalue().decode("utf-8", "replace"), err.getvalue().decode("utf-8", "replace"), out.getvalue()
    )


def mount_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every write of the durable writer fail as on a read-only mount, also for root."""

    def refuse(*arguments: object, **named: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def open_(path: Any, flags: int, *rest: int, dir_fd: int | None = None) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse()
        return os.open(path, flags, *rest, dir_fd=dir_fd)

    class ReadOnly:
        open = staticmethod(open_)
        mkdir = link = rename = unlink = rmdir = utime = staticmethod(refuse)

        @staticmethod
        def access(path: Any, mode: int) -> bool:
            return not mode & os.W_OK

        def __getattr__(self, name: str) -> object:
            return getattr(os, name)

    monkeypatch.setattr(files, "os", ReadOnly())
    monkeypatch.setattr(os, "access", ReadOnly.access)


@pytest.fixture(autouse=True)
def user(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of one's own: no test sees or changes what this user has set."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("PACHA_", "GIT_")) and name != "PACHA_CI":
            monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PACHA_AUTHOR_NAME": "Ada",
        "PACHA_AUTHOR_EMAIL": "ada@example.org",
        "GIT_CONFIG_NOSYSTEM": "1",
        "NO_COLOR": "1",
    }.items():
        monkeypatch.setenv(name, value)
    (home / ".gitconfig").write_text("[user]\n name = Ada\n email = ada@example.org\n[init]\n defaultBranch = main\n")
    yield home


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[..., Project]:
    """Makes projects, with Git around them or without."""

    def make(name: str = "project", *, git: bool = False) -> Project:
        path = tmp_path / name
        path.mkdir()
        project = Project(path)
        if git:
            project.git("init", "-q", ".")
        project("init")
        return project

    return make


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A project without Git."""
    return make_project()


@pytest.fixture
def git_project(make_project: Callable[..., Project]) -> Project:
    """A project in a Git repository, with the empty `.pacha` committed."""
    made = make_project(git=True)
    made.git("commit", "-qm", "init")
    return made
