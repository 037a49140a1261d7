"""What a call within a longer session acknowledged survives like that of a command of its own (I6)."""

import contextlib
import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacha import Registry
from tests.crash.disk import Disk, Left, Stopped

#: More than are flushed together, so that this is passed too.
VERSIONS = 18
#: Every fifth call, so that a run of the tests does not take minutes; which ones changes with the storage code.
STEP = 5


def register(path: Path, acknowledged: list[str]) -> None:
    with Registry.open(path, author="Ada <ada@example.org>") as registry, registry.session():
        for number in range(VERSIONS):
            (path / "weights.bin").write_bytes(b"%d" % number)
            registry.register_model("m", f"1.0.{number}", "weights.bin")
            acknowledged.append(f"1.0.{number}")


def stopped_at(stop_at: int | None, place: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Disk, list[str]]:
    path = place / "project"
    path.mkdir(parents=True)
    Registry.init(path).close()
    disk = Disk(path, place / "graves")
    disk.stop_at = stop_at
    acknowledged: list[str] = []
    with monkeypatch.context() as patch:
        disk.install(patch)
        with contextlib.suppress(Stopped):
            register(path, acknowledged)
    return disk, acknowledged


def lost(disk: Disk, place: Path, acknowledged: list[str]) -> Iterator[str]:
    """What was acknowledged and is not there, or not whole, after each kind of death."""
    for left in Left:
        disk.rebuild(place / left.value, left, seed=disk.calls)
        with Registry.open(place / left.value, author="Ada <ada@example.org>") as registry:
            there = {row.version for row in registry.versions("m")} if registry.artifacts() else set()
            yield from (f"{left.value}: {version}" for version in acknowledged if version not in there)
            for version in acknowledged[-2:]:
                if version in there and registry.get(f"m:{version}").read() != version.rpartition(".")[2].encode():
                    yield f"{left.value}: bytes of {version}"
            if there and len(registry.get("m:head").manifest.parents) != (len(there) > 1):
                yield f"{left.value}: no line of history"


@pytest.mark.parametrize("part", range(2))
def test_no_call_of_a_session_is_a_bad_one_to_die_at(
    part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, acknowledged = stopped_at(None, tmp_path / "whole", monkeypatch)
    assert len(acknowledged) == VERSIONS and list(lost(disk, tmp_path / "whole", acknowledged)) == []
    # The first versions in one part, those around the sixteenth, where all are flushed, in the other.
    first = 1 if part == 0 else disk.calls * 15 // VERSIONS
    for stop_at in range(first, first + disk.calls * 3 // VERSIONS, STEP):
        place = tmp_path / str(stop_at)
        stopped, acknowledged = stopped_at(stop_at, place, monkeypatch)
        assert list(lost(stopped, place, acknowledged)) == [], f"call {stop_at}"
        shutil.rmtree(place)


def test_the_harness_finds_what_is_lost_where_nothing_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACHA_DURABILITY", "none")
    places = (stopped_at(number, tmp_path / str(number), monkeypatch) for number in itertools.count(200, 7))
    disk, acknowledged = next(found for found in places if found[1])
    assert any(line.startswith("lost: ") for line in lost(disk, tmp_path, acknowledged))
