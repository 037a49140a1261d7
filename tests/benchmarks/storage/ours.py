"""Pacha as a peer, from this checkout or from another one beside it."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measure import ENVIRONMENT, ROOT, Run, run
from tests.benchmarks.storage.peers import Peer, files_below, linked

#: What an artifact is called in its project.
STUFF = "stuff"


class Pacha(Peer):
    """Pacha: `register` is add, commit and tag in one process, durable when it returns."""

    name = "pacha"
    settings = "register (add, commit, tag), durability batch; checkout --to; fsck"
    has_check = True

    def __init__(self, *, source: Path = ROOT, name: str = "pacha", kind: str = "model") -> None:
        self.name = name
        self.kind = kind
        self._source = source

    def is_installed(self) -> bool:
        """It is what is measured."""
        return True

    def words(self, *more: str | Path) -> list[str | Path]:
        """A command line."""
        return ["env", f"PYTHONPATH={self._source}", sys.executable, "-m", "pacha", *more]

    def version(self) -> str:
        """The version, and the commit of the checkout."""
        said = subprocess.run(
            [str(word) for word in self.words("--version")], capture_output=True, text=True, env=ENVIRONMENT, cwd="/"
        )
        commit = subprocess.run(
            ["git", "-C", self._source, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
        )
        return f"{said.stdout.strip()} at {commit.stdout.strip()}"

    def prepare(self, place: Path) -> None:
        """Makes a registry. What is installed has its byte code, as the peers have; a checkout may not."""
        subprocess.run([sys.executable, "-m", "compileall", "-q", self._source / "pacha"], check=True)
        run(self.words("init"), cwd=place)

    def stage(self, place: Path, version: Path) -> None:
        """Links the files of a version into the project."""
        linked(version, place / STUFF)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Registers the folder, or its one file, as a version."""
        return run(self.words(self.kind, "register", STUFF, self._path(place), "-v", f"1.0.{number}"), cwd=place)

    def _path(self, place: Path) -> Path:
        entries = list((place / STUFF).iterdir())
        return entries[0] if len(entries) == 1 and entries[0].is_file() else place / STUFF

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Writes a version elsewhere."""
        one = self._path(place)
        if one.is_file():
            target.mkdir()
            target = target / one.name
        return run(self.words("checkout", f"{STUFF}:1.0.{number}", "--to", target), cwd=place)

    def alone(self, place: Path, version: Path) -> int:
        """What a version takes in a store of its own. Units: bytes."""
        place.mkdir()
        self.prepare(place)
        before = sum(path.stat().st_size for path in self.stored(place))
        self.stage(place, version)
        self.put(place, version, 0)
        return sum(path.stat().st_size for path in self.stored(place)) - before

    def check(self, place: Path) -> Run:
        """Reads every byte."""
        return run(self.words("fsck"), cwd=place)

    def again(self, place: Path) -> Run:
        """Adds what is there already."""
        return run(self.words("add", self._path(place)), cwd=place)

    def status(self, place: Path) -> Run:
        """Looks whether anything changed."""
        return run(self.words("status"), cwd=place)

    def stored(self, place: Path) -> list[Path]:
        """What the registry holds."""
        return files_below(place / ".pacha")
