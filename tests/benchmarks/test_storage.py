"""The storage benchmarks are sound: works are the same each time, damage is seen, tables are drawn."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.benchmarks.measure import Run
from tests.benchmarks.storage import generate, weights
from tests.benchmarks.storage.backups import Cp
from tests.benchmarks.storage.command import Report
from tests.benchmarks.storage.compare import Measured, WrongBytes, one_round
from tests.benchmarks.storage.profile import Sample, stage_of, summary
from tests.benchmarks.storage.reach import TARGETS, reached
from tests.benchmarks.storage.report import plot, tables
from tests.benchmarks.storage.works import SCALES, WORKS, read

TINY = SCALES["tiny"]


@pytest.fixture(autouse=True)
def _without_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(weights.FOLDERS_VARIABLE, raising=False)


def bytes_below(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def measured(peer: str, *, round: int = 0, put: float = 1.0, stored: int = 50) -> Measured:
    return Measured(
        work="W1", peer=peer, round=round, plain_bytes=(100,), put_seconds=(put,), restore_seconds=(1.0,),
        stored_bytes=(stored,), files_made=3, put_peak_bytes=1 << 20, restore_peak_bytes=1 << 20,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["W1", "W2", "W3b", "W3l", "W3i", "W4s"])
def test_a_work_is_the_same_bytes_each_time(name: str, tmp_path: Path) -> None:
    first = bytes_below(generate.write(name, TINY, tmp_path / "first"))
    assert first == bytes_below(generate.write(name, TINY, tmp_path / "second"))
    assert len(first) > 1


def test_every_work_has_a_writer() -> None:
    assert list(generate.WRITERS) == list(WORKS)


def test_a_safetensors_file_reads_back(tmp_path: Path) -> None:
    tensors = weights.tiled(weights.model().tensors, 1 << 20)
    weights.write(tmp_path / "model.safetensors", tensors)
    found = weights.decode((tmp_path / "model.safetensors").read_bytes())
    assert {name: values.tobytes() for name, values in found.items()} == {
        name: values.tobytes() for name, values in tensors.items()
    }


class Damaging(Cp):
    """Gives back a file of which one byte is another."""

    def restore(self, place: Path, number: int, target: Path) -> Run:
        taken = super().restore(place, number, target)
        path = next(path for path in sorted(target.rglob("*")) if path.is_file())
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)
        return taken


class Losing(Cp):
    """Gives back a file less."""

    def restore(self, place: Path, number: int, target: Path) -> Run:
        taken = super().restore(place, number, target)
        next(path for path in sorted(target.rglob("*")) if path.is_file()).unlink()
        return taken


@pytest.mark.skipif(shutil.which("cp") is None, reason="needs cp")
def test_a_peer_that_gives_back_other_bytes_fails_the_run(tmp_path: Path) -> None:
    made = read("W2", generate.write("W2", TINY, tmp_path / "works"))
    assert one_round(made, Cp(), tmp_path / "cp").files_made == TINY.small_files
    for peer in (Damaging(), Losing()):
        with pytest.raises(WrongBytes):
            one_round(made, peer, tmp_path / "damaged")


def test_the_tables_and_the_picture_are_drawn() -> None:
    results = [measured("pacha", round=number) for number in range(3)] + [measured("a<b", put=2, round=0)]
    assert "| **pacha** | 1.00 |" in tables(results)
    assert "| a<b | 2.00 | 2.00 |" in tables(results)
    ElementTree.fromstring(plot(results))


def test_a_report_reads_back_as_it_was_written() -> None:
    report = Report(machine="here", scale="tiny", peers=(("cp", "1", ""),), notes={}, results=(measured("cp"),))
    assert Report.load(report.dump()) == report


@pytest.mark.parametrize(("put", "word"), [(0.5, "reached"), (1.5, "not reached")])
def test_a_figure_is_reached_or_not(put: float, word: str) -> None:
    results = [
        found
        for number in range(3)
        for found in (measured("borg", round=number), measured("pacha", put=put, round=number))
    ]
    assert reached(results, {})[0].word == word


def test_a_figure_without_its_peer_is_not_measured() -> None:
    assert {line.word for line in reached([measured("pacha")], {})[: len(TARGETS)]} == {"not measured"}


def test_where_time_goes_is_told_by_the_nearest_known_frame() -> None:
    assert stage_of([("pacha/worktree/ingest.py", "_big_file"), ("pacha/base/ids.py", "hash_bytes")]) == "hash"
    samples = [Sample(thread="a", stage="hash"), Sample(thread="b", stage="hash"), Sample(thread="a", stage="write")]
    assert summary(samples)[0] == ("hash", 2)
