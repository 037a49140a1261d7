"""Whatever storage call a push, fetch, pull, clone or summary dies at, here or in the remote's folder: what was
acknowledged is there, no ref of the remote lacks a byte, and the next command just works (I2, R1, R9).
"""

import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pacha.base.errors import PachaError
from pacha.base.files import Durability
from pacha.remotes import compact, folder, log, opening, sending, state
from pacha.remotes.folder import FolderRemote
from pacha.remotes.options import Options
from tests.conftest import Project, run_here
from tests.crash.disk import Disk, Left, Stopped
from tests.crash.test_failing_calls import NUMBERS, FailingDisk

DATE = ("--date", "2026-03-03T12:00:00Z")
ROWS = b"name,value\n" + b"".join(b"row %d,%d\n" % (number, number * number) for number in range(9_000))


@dataclass(frozen=True)
class Scenario:
    """A command, who runs it, what must exist before it, and what it changes."""

    words: tuple[str, ...]
    prepare: Callable[["Place"], None]
    runner: str = "ada"


@dataclass(frozen=True)
class Place:
    """Two people's projects and a remote, below one folder."""

    top: Path

    @property
    def ada(self) -> Project:
        """Who pushes."""
        return Project(self.top / "ada")

    @property
    def bob(self) -> Project:
        """Who pulls."""
        return Project(self.top / "bob")

    @property
    def remote(self) -> Path:
        """The remote's folder."""
        return self.top / "remote"

    def drop_caches(self) -> None:
        """The index is a cache that anybody may delete; a copy of one in use would only slow the test down."""
        for file in self.top.glob("*/.pacha/local/index.sqlite*"):
            file.unlink()


def committed(place: Place) -> None:
    place.ada.path.mkdir()
    place.ada("init")
    place.ada.write("images/one.csv", ROWS)
    place.ada.write("images/two.csv", b"a,b\n1,1\n")
    place.ada("add", "images", "--kind", "data")
    place.ada("commit", "-m", "images", *DATE)
    place.ada("tag", "images", "1.0.0")
    place.ada("remote", "add", "origin", str(place.remote))


def pushed(place: Place) -> None:
    committed(place)
    place.ada("push")


def pushed_and_changed(place: Place) -> None:
    pushed(place)
    place.ada.write("images/two.csv", b"a,b\n2,2\n")
    place.ada("add", "images")
    place.ada("commit", "-m", "again", *DATE, "--tag", "2.0.0")


def due(place: Place) -> None:
    """The next push is one after which something is written down, and merged."""
    committed(place)
    place.ada("push")
    for number in range(2):
        place.ada.commit("rows.csv", b"a,b\n%d,%d\n" % (number, number), *DATE)
        place.ada("push")
    place.ada.commit("rows.csv", b"a,b\n9,9\n", *DATE)


def cloned(place: Place) -> None:
    pushed(place)
    answer = run_here(["-C", str(place.top), "clone", str(place.remote), "bob"])
    assert answer.code == 0, answer.err
    place.ada.write("images/two.csv", b"a,b\n2,2\n")
    place.ada("add", "images")
    place.ada("commit", "-m", "again", *DATE, "--tag", "2.0.0")
    place.ada.write("images/two.csv", b"a,b\n3,3\n")
    place.ada("add", "images")
    place.ada("commit", "-m", "and again", *DATE, "--tag", "3.0.0")
    place.ada("push")


SCENARIOS = {
    "first push": Scenario(("push",), committed),
    "push": Scenario(("push",), pushed_and_changed),
    "push that writes down": Scenario(("push",), due),
    "fetch": Scenario(("fetch",), cloned, runner="bob"),
    "pull": Scenario(("pull",), cloned, runner="bob"),
    "clone": Scenario(("clone", "remote", "bob"), pushed, runner=""),
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same calls in the same order each time; summaries are due soon."""
    monkeypatch.setenv("PACHA_JOBS", "1")
    for module in ("pacha.remotes.upload.UPLOADS_AT_ONCE", "pacha.remotes.holdings.REQUESTS_AT_ONCE",
                   "pacha.remotes.meta.REQUESTS_AT_ONCE", "pacha.remotes.receiving.DOWNLOADS_AT_ONCE"):  # fmt: skip
        monkeypatch.setattr(module, 1)
    monkeypatch.setattr(sending, "PART_BYTES_MAX", 20_000)
    for patched in (state, log, compact):
        monkeypatch.setattr(patched, "DELTA_ENTRIES", 4)
        monkeypatch.setattr(patched, "CHECKPOINT_ENTRIES", 8)


class Bench:
    """Runs one scenario again and again from the same beginning, each time stopped elsewhere."""

    def __init__(self, scenario: Scenario, tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.scenario = scenario
        self.tmp = tmp
        self.monkeypatch = monkeypatch
        self.place = Place(tmp / "place")
        self.place.top.mkdir()
        scenario.prepare(self.place)
        self.place.drop_caches()
        self.counter = itertools.count()
        self.sound: set[frozenset[tuple[str, int]]] = set()
        shutil.copytree(self.place.top, tmp / "before")
        # What this user has set lies elsewhere, and a clone names its remote there.
        self.before = refs_of(self.place)
        self.run_words()
        self.done = refs_of(self.place)

    @property
    def words(self) -> list[str]:
        """The command as it is typed."""
        return ["-C", str(self.place.top / self.scenario.runner), *self.scenario.words]

    def run_words(self) -> None:
        """Runs the command to its end."""
        answer = run_here(self.words)
        assert answer.code == 0, answer.err

    def restore(self) -> None:
        """Brings the beginning back."""
        shutil.rmtree(self.place.top)
        shutil.copytree(self.tmp / "before", self.place.top)

    def run(self, stop_at: int | None) -> tuple[Disk, bool]:
        """Runs the command up to a call. Tells whether it was acknowledged."""
        self.restore()
        disk = Disk(self.place.top, self.tmp / f"graves{next(self.counter)}")
        disk.stop_at = stop_at
        with self.monkeypatch.context() as patch:
            disk.install(patch)
            try:
                answer = run_here(self.words)
            except Stopped:
                return disk, False
        assert answer.code == 0, answer.err
        return disk, True

    def faults(self, *, is_acknowledged: bool) -> Iterator[str]:
        """What is wrong with what is left."""
        try:
            found = refs_of(self.place)
        except PachaError as error:
            yield (
                f"an acknowledged push is lost: {error.message}" if is_acknowledged else f"unreadable: {error.message}"
            )
            return
        if found not in (self.before, self.done):
            yield f"half of a push: {found}"
        if is_acknowledged and found != self.done:
            yield "an acknowledged push is lost"
        # Most stops leave a remote of the same files as another: names tell contents apart, and sizes what is torn.
        held = frozenset(
            (str(path.relative_to(self.place.remote)), path.stat().st_size)
            for path in self.place.remote.rglob("*")
            if path.is_file() and path.parent.name != "tmp"
        )
        if held not in self.sound:
            yield from broken(self.place, self.tmp / f"new{next(self.counter)}")
            self.sound.add(held)
        # What a cut fetch left names more than is here; nothing names it, and the next fetch completes it.
        owners = ("ada", "bob") if self.scenario.words[0] == "push" else ("ada",)
        people = [
            each
            for each in (self.place.ada, self.place.bob)
            if each.path.name in owners and (each.path / ".pacha/format").exists()
        ]
        for person in people:
            answer = run_here(["-C", str(person.path), "fsck"])
            if answer.code != 0:
                yield f"fsck of {person.path.name}: {answer.out}"
        yield from self._goes_on()

    def _goes_on(self) -> Iterator[str]:
        """The same again, and then work in both directions."""
        bob = self.place.bob
        if self.scenario.words[0] == "clone" and bob.path.exists() and not (bob.path / ".pacha/format").exists():
            shutil.rmtree(bob.path)
        if self.scenario.words[0] != "clone" or not bob.path.exists():
            answer = run_here(self.words)
            if answer.code != 0:
                yield f"again: {answer.code} {answer.err}"
                return
        elif not run_here(["-C", str(bob.path), "remote", "list"]).out.strip():
            # Stopped before the remote was written down: the clone is to be made again.
            return
        if self.scenario.runner != "ada":
            for words in (["pull"], ["fsck"]):
                answer = run_here(["-C", str(bob.path), *words])
                if answer.code != 0:
                    yield f"{words} of bob: {answer.code} {answer.out}{answer.err}"
                    return
            if run_here(["-C", str(bob.path), "status", "--json"]).out.count('"modified"'):
                # A folder that was half written is taken for work of one's own, and told as such.
                bob("checkout", "images", "--to", "images", "--force")
            if bob.read("images/two.csv") != self.place.ada.read("images/two.csv"):
                yield "bob has other files than ada"
        if refs_of(self.place) != self.done:
            yield "the next command does not do what was left"


def refs_of(place: Place) -> dict[str, str]:
    """The refs of the remote, as somebody sees them who was never there."""
    if not (place.remote / "format").exists():
        return {}
    state = log.read_state(FolderRemote(str(place.remote)))
    return {str(ref): str(held.link) for ref, held in state.refs.items()}


def broken(place: Place, folder: Path) -> Iterator[str]:
    """Refs of the remote that somebody new cannot read to the last byte."""
    if not refs_of(place):
        return
    for words in (
        ["clone", str(place.remote), str(folder)],
        ["-C", str(folder), "pull", "--all", "--with-lineage"],
        ["-C", str(folder), "fsck"],
    ):
        answer = run_here(["-C", str(place.top), *words])
        if answer.code != 0 or (words[-1] == "fsck" and "never brought" in answer.out):
            yield f"a new clone: {words}: {answer.code} {answer.out[-300:]}{answer.err}"
            break
    shutil.rmtree(folder, ignore_errors=True)


def every_fault(bench: Bench, kinds: tuple[Left, ...] = tuple(Left)) -> Iterator[str]:
    disk, _ = bench.run(None)
    assert disk.calls > 5
    for stop_at in [*range(1, disk.calls + 1), None]:
        stopped, is_acknowledged = bench.run(stop_at)
        kept = bench.tmp / f"kept{next(bench.counter)}"
        bench.place.top.rename(kept)
        stopped.top = kept
        for seed, left in enumerate(kinds):
            stopped.rebuild(bench.place.top, left, seed + (stop_at or 0))
            bench.place.drop_caches()
            for fault in bench.faults(is_acknowledged=is_acknowledged):
                yield f"call {stop_at} ({stopped.log[-1] if stopped.log else '-'}), {left.value}: {fault}"
            shutil.rmtree(bench.place.top)
        kept.rename(bench.place.top)


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_storage_call_is_a_bad_one_to_die_at(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(every_fault(Bench(SCENARIOS[name], tmp_path, monkeypatch))) == []


def test_the_harness_finds_what_is_lost_where_nothing_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control: a remote that flushes nothing loses acknowledged pushes in a power cut."""

    def careless(url: str, options: Options) -> folder.FolderRemote:
        del options
        return folder.FolderRemote(url, durability=Durability.NONE)

    monkeypatch.setattr(opening, "openers", lambda: {"": careless})
    found = "\n".join(itertools.islice(every_fault(Bench(SCENARIOS["push"], tmp_path, monkeypatch)), 60))
    assert "lost: an acknowledged push is lost" in found


@pytest.mark.parametrize("is_sticky", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_failing_call_costs_nothing(
    name: str, is_sticky: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(SCENARIOS[name], tmp_path, monkeypatch)
    calls = bench.run(None)[0].calls
    bad = []
    for number, stop_at in itertools.product(NUMBERS, range(1, calls + 1)):
        bench.restore()
        disk = FailingDisk(bench.place.top, tmp_path / "graves")
        disk.stop_at, disk.number, disk.is_sticky = stop_at, number, is_sticky
        with monkeypatch.context() as patch:
            disk.install(patch)
            answer = run_here(bench.words)
        where = f"error {number} at call {stop_at} ({disk.log[stop_at - 1]})"
        if answer.code not in (0, 10) or "Traceback" in answer.err:
            bad.append(f"{where}: {answer.code} {answer.err}")
        if answer.code == 10 and answer.err.count("error: ") != 1:
            bad.append(f"{where}: not one line: {answer.err}")
        # A flush that fails may be of an entry that is there already: that is an error, since it may yet be lost.
        faults = bench.faults(is_acknowledged=answer.code == 0)
        bad.extend(f"{where}: {answer.code}: {fault}" for fault in faults)
    assert bad == []
