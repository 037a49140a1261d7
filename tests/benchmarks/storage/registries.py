"""Peers that version data beside Git: dvc, git-lfs, git-annex."""

import shutil
from pathlib import Path

from tests.benchmarks.measure import Run
from tests.benchmarks.storage.peers import Peer, copied, files_below, quietly, timed, together

STUFF = "stuff"


class Dvc(Peer):
    """dvc without Git; the file of a version is kept aside."""

    program = "dvc"

    def __init__(self, *, name: str, cache: str) -> None:
        self.name = name
        self.settings = f"init --no-scm, cache.type {cache}, add, checkout; the cache is not flushed"
        self._cache = cache

    def _words(self, *more: str | Path) -> list[str | Path]:
        return [self.found() or "dvc", *more]

    def prepare(self, place: Path) -> None:
        """Makes a project."""
        quietly(self._words("init", "-q", "--no-scm"), place)
        quietly(self._words("config", "cache.type", self._cache), place)

    def stage(self, place: Path, version: Path) -> None:
        """A copy: dvc takes over what it is given."""
        copied(version, place / STUFF)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Adds the folder."""
        taken = timed(self._words("add", "-q", STUFF), place)
        shutil.copy(place / f"{STUFF}.dvc", place / f"{number}.kept")
        return taken

    def again(self, place: Path) -> Run:
        """Adds what is there already."""
        return timed(self._words("add", "-q", STUFF), place)

    def status(self, place: Path) -> Run:
        """Looks whether anything changed."""
        return timed(self._words("status", "-q"), place)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Checks a version out anew; it is moved to the target untimed."""
        quietly(["rm", "-rf", place / STUFF], place)
        shutil.copy(place / f"{number}.kept", place / f"{STUFF}.dvc")
        taken = timed(self._words("checkout", "-q", f"{STUFF}.dvc"), place)
        (place / STUFF).rename(target)
        return taken

    def stored(self, place: Path) -> list[Path]:
        """The cache and the files that point into it."""
        return [*files_below(place / ".dvc"), *place.glob("*.kept")]


class GitLfs(Peer):
    """Git with LFS for every file."""

    name = "git-lfs"
    settings = "track all, add and commit, a work tree of the version; lfs fsck"
    program = "git-lfs"
    has_check = True

    def prepare(self, place: Path) -> None:
        """Makes a repository in which LFS takes everything."""
        quietly(["git", "init", "-q", "."], place)
        quietly(["git", "lfs", "install", "--local"], place)
        quietly(["git", "lfs", "track", f"{STUFF}/**"], place)
        _identify(place)

    def stage(self, place: Path, version: Path) -> None:
        """A copy in the work tree."""
        copied(version, place / STUFF)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Adds, commits, tags."""
        added = timed(["git", "add", "-A", ".gitattributes", STUFF], place)
        committed = timed(["git", "commit", "-q", "--allow-empty", "-m", "version"], place)
        quietly(["git", "tag", f"v{number}"], place)
        return together(added, committed)

    def again(self, place: Path) -> Run:
        """Adds what is there already."""
        return timed(["git", "add", "-A", STUFF], place)

    def status(self, place: Path) -> Run:
        """Looks whether anything changed."""
        return timed(["git", "status", "--porcelain"], place)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """A work tree of the version."""
        return timed(["git", "worktree", "add", "-f", target, f"v{number}"], place)

    def restored(self, target: Path) -> Path:
        """The folder in the work tree."""
        return target / STUFF

    def check(self, place: Path) -> Run:
        """Hashes every object of LFS."""
        return timed(["git", "lfs", "fsck", "--objects"], place)

    def stored(self, place: Path) -> list[Path]:
        """What Git holds."""
        return files_below(place / ".git")


class GitAnnex(Peer):
    """git-annex with its default backend."""

    name = "git-annex"
    settings = "add and commit; clone and get; fsck"
    program = "git-annex"
    has_check = True

    def version(self) -> str:
        """The version."""
        return self.first_line("version", "--raw")

    def prepare(self, place: Path) -> None:
        """Makes a repository."""
        quietly(["git", "init", "-q", "."], place)
        _identify(place)
        quietly(["git", "annex", "init", "-q"], place)

    def stage(self, place: Path, version: Path) -> None:
        """A copy: what is added is moved away."""
        copied(version, place / STUFF)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Adds, commits, tags."""
        added = timed(["git", "annex", "add", "-q", STUFF], place)
        committed = timed(["git", "commit", "-q", "--allow-empty", "-m", "version"], place)
        quietly(["git", "tag", f"v{number}"], place)
        return together(added, committed)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """A clone, and all its bytes fetched."""
        cloned = timed(["git", "clone", "-q", "-b", f"v{number}", place, target], place)
        _identify(target)
        return together(cloned, timed(["git", "annex", "get", "-q", "."], target))

    def restored(self, target: Path) -> Path:
        """The folder in the clone."""
        return target / STUFF

    def check(self, place: Path) -> Run:
        """Hashes every object of the work tree."""
        return timed(["git", "annex", "fsck", "-q", "--all"], place)

    def stored(self, place: Path) -> list[Path]:
        """What Git and the annex hold."""
        return files_below(place / ".git")


def _identify(place: Path) -> None:
    quietly(["git", "config", "user.name", "Ada"], place)
    quietly(["git", "config", "user.email", "ada@example.org"], place)


PEERS: list[Peer] = [
    Dvc(name="dvc", cache="hardlink"),
    Dvc(name="dvc-copy", cache="copy"),
    GitLfs(),
    GitAnnex(),
]
