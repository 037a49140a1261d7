"""What every peer does: prepare a store, put a version, write one back, check. Each command is timed as whole processes.

A peer is a small class; those in `PEERS` of the modules beside this one take part where their programs are found, on
the path or in the `bin` of the environments that PACHA_PEERS names.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.measure import ENVIRONMENT, Run, run

#: Folders of virtual environments in which peers are installed.
VARIABLE = "PACHA_PEERS"
FOLDERS = [str(Path(folder) / "bin") for folder in os.environ.get(VARIABLE, "").split(os.pathsep) if folder]
SEARCHED = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])


class Peer:
    """A program that keeps versions of a folder. Without `has_check` it has no command that reads every byte."""

    #: What it is called in the table, and how it was set up.
    name = ""
    settings = "as installed"
    #: The program that must be there.
    program = ""
    has_check = False

    def is_installed(self) -> bool:
        """Whether it can take part."""
        return self.found() is not None

    def found(self) -> str | None:
        """Where its program is."""
        return shutil.which(self.program, path=SEARCHED)

    def version(self) -> str:
        """What it says its version is, in one line."""
        return self.first_line("--version")

    def first_line(self, *words: str) -> str:
        """The first line that the program says to some words."""
        done = subprocess.run([self.found() or "", *words], capture_output=True, text=True, env=ENVIRONMENT)
        return ((done.stdout or done.stderr).strip().splitlines() or ["?"])[0]

    def prepare(self, place: Path) -> None:
        """Makes an empty store in a folder that exists. Not timed."""

    def stage(self, place: Path, version: Path) -> None:
        """Brings a version to where the peer wants it. Not timed."""

    def put(self, place: Path, version: Path, number: int) -> Run:
        """Stores a version."""
        raise NotImplementedError

    def restore(self, place: Path, number: int, target: Path) -> Run:
        """Writes a version into a folder that does not exist yet."""
        raise NotImplementedError

    def restored(self, target: Path) -> Path:
        """Where the files lie after `restore`."""
        return target

    def check(self, place: Path) -> Run:
        """Reads every byte that is stored."""
        raise NotImplementedError

    def stored(self, place: Path) -> list[Path]:
        """The files of the store; what was staged does not count."""
        return files_below(place)


def files_below(*places: Path) -> list[Path]:
    """Every file below some folders."""
    return [Path(folder) / name for place in places for folder, _, names in os.walk(place) for name in names]


def quietly(words: Sequence[str | Path], cwd: Path) -> None:
    """Runs what is not timed."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{words}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def together(*runs: Run) -> Run:
    """Several processes one after another, as one."""
    return Run(sum(run.seconds for run in runs), max(run.peak_bytes for run in runs))


def linked(version: Path, place: Path) -> None:
    """Puts hard links to the files of a version into a folder, in place of what it holds."""
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(version, place, copy_function=os.link)


def copied(version: Path, place: Path) -> None:
    """Copies a version into a folder, in place of what it holds: for programs that change what they are given."""
    if place.exists():
        quietly(["chmod", "-R", "u+w", place], place)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(version, place)


def timed(words: Sequence[str | Path], cwd: Path) -> Run:
    """Runs a process to its end and says how long and how large it was."""
    return run(words, cwd=cwd)
