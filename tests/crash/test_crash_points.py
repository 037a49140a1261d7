"""Whatever storage call a command dies at, nothing acknowledged is lost and the next command just works (I2, I6)."""

import contextlib
import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Project, mount_read_only, run_here
from tests.crash.disk import Disk, Left, Stopped
from tests.tensors import commit_versions

CSV = b"name,value\n" + b"".join(b"row %d,%d\n" % (number, number * number) for number in range(12_000))
#: With a date, the same commit has the same id in each run.
DATE = ("--date", "2026-03-03T12:00:00Z")


@dataclass(frozen=True)
class Scenario:
    """A command, what must exist before it, and whether it may be half done in the eyes of a reader."""

    words: tuple[str, ...]
    prepare: Callable[[Project], None]
    after: Callable[[Project], object]


def files_of(project: Project, text: bytes) -> None:
    project.write("alpha.csv", CSV + text)
    project.write("beta.csv", b"a,b\n" + text)
    project.write("gamma/one.csv", b"x\n" + text)
    project.write("gamma/two.csv", b"y\n" + text)


def nothing(project: Project) -> None:
    files_of(project, b"0,0\n")


def staged(project: Project) -> None:
    files_of(project, b"0,0\n")
    project("add", "alpha.csv", "beta.csv", "gamma")


def committed(project: Project) -> None:
    staged(project)
    project("commit", "-m", "first", *DATE)


def staged_again(project: Project) -> None:
    committed(project)
    project("tag", "beta", "1.0.0")
    files_of(project, b"1,1\n")
    project("add", ".")


def one_staged_again(project: Project) -> None:
    committed(project)
    project.write("beta.csv", "a,b\n9,9\n")
    project("add", "beta.csv")


def littered(project: Project) -> None:
    committed(project)
    for number in range(3):
        project.write("beta.csv", CSV[number + 1 :] + b"%d,9\n" % number)
        project("add", "beta.csv")
    project("reset")
    project.write("beta.csv", b"a,b\n0,0\n")


def weighed(project: Project) -> None:
    """Versions of weights that an older Pacha stored whole, each in its own pack."""
    committed(project)
    commit_versions(project, 2)


def heads(project: Project) -> object:
    return {row["artifact"]: row["heads"] for row in project("list", "--json").data}


def versions(project: Project) -> object:
    return heads(project), [row["version"] for row in project("list", "beta", "--json").data]


def promoted(project: Project) -> None:
    """A version in production and one in staging."""
    committed(project)
    project("tag", "beta", "1.0.0")
    project("stage", "beta:1.0.0", "staging", *DATE)
    project("stage", "beta:1.0.0", "production", *DATE)
    project.commit("beta.csv", "a,b\n5,5\n", "--tag", "1.1.0", *DATE)
    project("stage", "beta:1.1.0", "staging", *DATE)


def promoted_again(project: Project) -> None:
    promoted(project)
    project("stage", "beta:1.1.0", "production", *DATE)


def stages(project: Project) -> object:
    return [(row["version"], row["stage"]) for row in project("list", "beta", "--json").data]


def contents(project: Project) -> object:
    """What every version of the weights holds, read through."""
    return heads(project), [hashlib.sha256(project("cat", f"m:{number}.0.0").raw).hexdigest() for number in (1, 2)]


def drafts(project: Project) -> object:
    return {item["artifact"]: item["staged"] for item in project("status", "--json").data["paths"]}


SCENARIOS = {
    "add": Scenario(("add", "alpha.csv", "beta.csv", "gamma"), nothing, heads),
    "commit": Scenario(("commit", "-m", "first", *DATE), staged, heads),
    "commit again": Scenario(("commit", "-m", "second", *DATE), staged_again, heads),
    "commit with a version": Scenario(("commit", "-m", "second", "--tag", "2.0.0", *DATE), one_staged_again, versions),
    "tag": Scenario(("tag", "beta", "1.0.0"), committed, versions),
    "stage": Scenario(("stage", "beta:1.1.0", "production", "--reason", "x", *DATE), promoted, stages),
    "rollback": Scenario(("stage", "beta", "--rollback", "--reason", "x", *DATE), promoted_again, stages),
    "gc": Scenario(("gc", "--prune=now"), littered, heads),
    "repack": Scenario(("repack",), weighed, contents),
}


@pytest.fixture
def slow_and_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACHA_JOBS", "1")


class Bench:
    """Runs one scenario again and again from the same beginning, each time stopped elsewhere."""

    def __init__(self, scenario: Scenario, tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scenario = scenario
        self.tmp = tmp
        self.monkeypatch = monkeypatch
        self.path = tmp / "project"
        self.path.mkdir()
        self.project = Project(self.path)
        self.project("init")
        scenario.prepare(self.project)
        self._drop_index(self.path)
        shutil.copytree(self.path, tmp / "before")
        self.before = scenario.after(self.project)
        self.project(*scenario.words)
        self.done = scenario.after(self.project)
        self.counter = itertools.count()

    @staticmethod
    def _drop_index(path: Path) -> None:
        """The index is a cache that anybody may delete; a copy of one in use would only slow the test down."""
        for file in path.glob(".pacha/local/index.sqlite*"):
            file.unlink()

    def restore(self) -> None:
        """Brings the beginning back."""
        shutil.rmtree(self.path)
        shutil.copytree(self.tmp / "before", self.path)

    def run(self, stop_at: int | None) -> tuple[Disk, bool]:
        """Runs the command up to a call. Tells whether it was acknowledged."""
        self.restore()
        disk = Disk(self.path, self.tmp / f"graves{next(self.counter)}")
        disk.stop_at = stop_at
        with self.monkeypatch.context() as patch:
            disk.install(patch)
            try:
                answer = run_here(["-C", str(self.path), *self.scenario.words])
            except Stopped:
                return disk, False
        assert answer.code == 0, answer.err
        return disk, True

    def leave(self, disk: Disk, left: Left, seed: int) -> None:
        """Puts what is left at the project's own path."""
        aside = self.tmp / f"aside{next(self.counter)}"
        disk.rebuild(aside, left, seed)
        shutil.rmtree(self.path)
        aside.rename(self.path)
        self._drop_index(self.path)

    def faults(self, *, is_acknowledged: bool) -> Iterator[str]:
        """What is wrong with what is left."""
        seen = []
        for words in (["status"], ["list"], ["log", "alpha"], ["fsck"]):
            answer = run_here(["-C", str(self.path), *words])
            if answer.code != 0 and (words[0] != "log" or answer.code != 3):
                yield f"{words}: {answer.code} {answer.out[-400:]}{answer.err}"
                return
        seen.append(self.scenario.after(self.project))
        files_of(self.project, b"7,7\n")
        for path in ("alpha.csv", "beta.csv", "gamma"):
            answer = run_here(["-C", str(self.path), "commit", path, "-m", "the next one"])
            if answer.code != 0:
                yield f"the next commit: {answer.code} {answer.err}"
                return
        for state in seen:
            if is_acknowledged and state != self.done:
                yield "an acknowledged change is lost"
            elif state not in (self.before, self.done):
                yield f"half of a change: {state}"
        for row in self.project("list", "--json").data:
            if len(row["heads"]) != 1:
                yield f"{row['artifact']} has forked"
        answer = run_here(["-C", str(self.path), "fsck"])
        if answer.code != 0:
            yield f"fsck afterwards: {answer.out}"


def every_fault(bench: Bench) -> Iterator[str]:
    disk, _ = bench.run(None)
    assert disk.calls > 5
    for stop_at in [*range(1, disk.calls + 1), None]:
        stopped, is_acknowledged = bench.run(stop_at)
        # The rebuilt folder takes the place of the one that the disk looks at: look at it first.
        kept = bench.tmp / f"kept{next(bench.counter)}"
        for seed, left in enumerate(Left):
            source = kept if kept.exists() else None
            if source is None:
                bench.path.rename(kept)
                stopped.top = kept
                bench.path.mkdir()
            bench.leave(stopped, left, seed=seed + (stop_at or 0))
            for fault in bench.faults(is_acknowledged=is_acknowledged):
                yield f"call {stop_at} ({stopped.log[-1] if stopped.log else '-'}), {left.value}: {fault}"
        shutil.rmtree(kept)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_storage_call_is_a_bad_one_to_die_at(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_and_sure: None
) -> None:
    assert list(every_fault(Bench(SCENARIOS[name], tmp_path, monkeypatch))) == []


@pytest.mark.parametrize("name", ["commit again", "commit with a version"])
def test_a_read_only_mount_shows_all_of_it_or_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_and_sure: None
) -> None:
    bench = Bench(SCENARIOS[name], tmp_path, monkeypatch)
    seen = []
    for stop_at in range(1, bench.run(None)[0].calls + 1):
        disk, _ = bench.run(stop_at)
        kept = tmp_path / f"kept{stop_at}"
        bench.path.rename(kept)
        disk.top = kept
        bench.path.mkdir()
        bench.leave(disk, Left.KILLED, seed=0)
        with monkeypatch.context() as patch:
            mount_read_only(patch)
            bench.project("status")
            seen.append(bench.scenario.after(bench.project))
    assert all(state in (bench.before, bench.done) for state in seen)
    assert bench.before in seen and bench.done in seen


def test_the_harness_finds_what_is_lost_where_nothing_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow_and_sure: None
) -> None:
    """The negative control: without flushes, names overtake contents and acknowledged changes are lost."""
    monkeypatch.setenv("PACHA_DURABILITY", "none")
    found = "\n".join(
        itertools.islice(every_fault(Bench(SCENARIOS["commit with a version"], tmp_path, monkeypatch)), 200)
    )
    assert "lost: an acknowledged change is lost" in found
    assert "reordered: " in found


def test_init_makes_all_of_a_repository_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(stop_at: int | None) -> tuple[Disk, Path]:
        path = tmp_path / f"at{stop_at}"
        path.mkdir()
        disk = Disk(path, tmp_path / f"graves{stop_at}")
        disk.stop_at = stop_at
        with monkeypatch.context() as patch:
            disk.install(patch)
            with contextlib.suppress(Stopped):
                assert run_here(["-C", str(path), "init"]).code == 0
        return disk, path

    disk, _ = attempt(None)
    for stop_at in range(1, disk.calls + 1):
        stopped, _path = attempt(stop_at)
        for left in Left:
            target = tmp_path / f"{stop_at}-{left.value}"
            stopped.rebuild(target, left, seed=stop_at)
            project = Project(target)
            answer = project("init", code=None)
            assert answer.code in (0, 2), (stop_at, left, answer.err)
            project("fsck")
            project.commit("a.csv", "a,b\n1,2\n")
