"""Peers that copy and back up: cp, borg, restic, casync."""

from pathlib import Path

from tests.benchmarks.measure import Run
from tests.benchmarks.storage.peers import Peer, timed


class Cp(Peer):
    """A copy of every version and a flush: what any store is held against."""

    name = "cp"
    settings = "cp -r, then sync -f (flushes the file system)"
    program = "cp"

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Copies and flushes."""
        return timed(["sh", "-c", 'cp -r "$1" "$2" && sync -f "$2"', "sh", version, place / str(number)], place)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Copies back."""
        return timed(["cp", "-r", place / str(number), target], place)


class Borg(Peer):
    """BorgBackup."""

    name = "borg"
    settings = "init -e none, create (lz4), check --verify-data"
    program = "borg"
    has_check = True

    def prepare(self, place: Path) -> None:
        """Makes a repository."""
        timed(["borg", "init", "-e", "none", place / "repo"], place)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """An archive a version."""
        return timed(["borg", "create", f"{place / 'repo'}::v{number}", "."], version)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Extracts into a folder."""
        target.mkdir()
        return timed(["borg", "extract", f"{place / 'repo'}::v{number}"], target)

    def check(self, place: Path) -> Run:
        """Reads and compares every chunk."""
        return timed(["borg", "check", "--verify-data", place / "repo"], place)


class Restic(Peer):
    """restic; always encrypted."""

    name = "restic"
    settings = "format 2, compression auto, no cache, check --read-data"
    program = "restic"
    has_check = True

    def _words(self, place: Path, *more: str | Path) -> list[str | Path]:
        return ["env", "RESTIC_PASSWORD=benchmark", "restic", "-q", "--no-cache", "-r", place / "repo", *more]

    def version(self) -> str:
        """The version."""
        return self.first_line("version")

    def prepare(self, place: Path) -> None:
        """Makes a repository."""
        timed(self._words(place, "init", "--repository-version", "2"), place)

    def put(self, place: Path, version: Path, number: int) -> Run:
        """A snapshot a version."""
        return timed(self._words(place, "backup", ".", "--tag", f"v{number}"), version)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Restores into a folder."""
        return timed(self._words(place, "restore", "latest", "--tag", f"v{number}", "--target", target), place)

    def check(self, place: Path) -> Run:
        """Reads every blob."""
        return timed(self._words(place, "check", "--read-data"), place)


class Casync(Peer):
    """casync, chunks of about 64 KiB."""

    name = "casync"
    settings = "make, chunks of 64 KiB, zstd"
    program = "casync"

    def put(self, place: Path, version: Path, number: int) -> Run:
        """An index a version over one store of chunks."""
        words = ["casync", "make", f"--store={place / 'store.castr'}", place / f"{number}.caidx", version]
        return timed(words, place)

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Extracts into a folder."""
        target.mkdir()
        words = ["casync", "extract", f"--store={place / 'store.castr'}", place / f"{number}.caidx", target]
        return timed(words, place)


PEERS: list[Peer] = [Cp(), Borg(), Restic(), Casync()]
