"""Rounds: every peer does the same work in each, in another order each time, and what it gives back is compared.

Results are plain values, kept as JSON, so that tables and plots are drawn without measuring again.
"""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks.measure import Run
from tests.benchmarks.storage.peers import Peer
from tests.benchmarks.storage.works import Made

BLOCK = 1 << 20
#: Files younger than this are trusted by no stat cache.
QUIET_SECONDS = 2.1
#: Works whose versions are held against what each takes alone: no difference may cost more than none.
ALONE = ("W3e", "W3be")


class WrongBytes(AssertionError):
    """A peer gave back other bytes than it was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one peer did with one work in one round. Units: seconds, bytes; a list has one entry a version."""

    work: str
    peer: str
    round: int
    plain_bytes: tuple[int, ...]
    put_seconds: tuple[float, ...]
    restore_seconds: tuple[float, ...]
    stored_bytes: tuple[int, ...]
    files_made: int
    put_peak_bytes: int
    restore_peak_bytes: int
    check_seconds: float | None = None
    check_peak_bytes: int = 0
    again_seconds: float | None = None
    status_seconds: float | None = None
    #: What each version takes in a store of its own, where that was asked for.
    alone_bytes: tuple[int, ...] = ()

    def as_json(self) -> dict[str, object]:
        """As plain values."""
        return asdict(self)


def compare(made: Made, peers: Sequence[Peer], folder: Path, *, rounds: int, seed: int = 1) -> Iterator[Measured]:
    """Interleaved rounds of a work. Errors: `WrongBytes`, and whatever a peer fails with."""
    coin = random.Random(seed)
    for number in range(rounds):
        order = list(peers)
        coin.shuffle(order)
        for peer in order:
            yield one_round(made, peer, folder / peer.name, number=number)


def one_round(made: Made, peer: Peer, place: Path, *, number: int = 0) -> Measured:
    """All of a work in a new store, which is removed afterwards."""
    remove(place)
    store = place / "store"
    store.mkdir(parents=True)
    peer.prepare(store)
    empty, files_before = _held(peer, store)
    puts, stored = [], []
    for at, version in enumerate(made.versions):
        peer.stage(store, version)
        puts.append(_settled(lambda at=at, version=version: peer.put(store, version, at)))  # type: ignore[misc]
        stored.append(_held(peer, store)[0] - empty)
    files_made = _held(peer, store)[1] - files_before
    _quieten(peer, store)
    again, status = (
        _settled(lambda ask=ask: ask(store)) if (ask := getattr(peer, name, None)) else None
        for name in ("again", "status")
    )  # type: ignore[misc]
    restores = [_restore(peer, store, place / f"out{at}", at, version) for at, version in enumerate(made.versions)]
    check = _settled(lambda: peer.check(store)) if peer.has_check else None
    alone = _alone(made, peer, place) if made.name in ALONE else ()
    remove(place)
    return Measured(
        work=made.name,
        peer=peer.name,
        round=number,
        plain_bytes=tuple(_size(version) for version in made.versions),
        put_seconds=tuple(run.seconds for run in puts),
        restore_seconds=tuple(run.seconds for run in restores),
        stored_bytes=tuple(stored),
        files_made=files_made,
        put_peak_bytes=max(run.peak_bytes for run in puts),
        restore_peak_bytes=max(run.peak_bytes for run in restores),
        check_seconds=check and check.seconds,
        check_peak_bytes=check.peak_bytes if check else 0,
        again_seconds=again and again.seconds,
        status_seconds=status and status.seconds,
        alone_bytes=alone,
    )


def _alone(made: Made, peer: Peer, place: Path) -> tuple[int, ...]:
    """What each version takes without the others, where a peer can say it."""
    ask: Callable[[Path, Path], int] | None = getattr(peer, "alone", None)
    return () if ask is None else tuple(ask(place / f"alone{at}", version) for at, version in enumerate(made.versions))


def _quieten(peer: Peer, store: Path) -> None:
    """Lets files be as old as those are that people add again: these were linked a moment ago, which changes a time.

    One look that is not measured comes first, since a peer may have to read once more what was too young.
    """
    ask: Callable[[Path], Run] | None = getattr(peer, "again", None)
    if ask is not None:
        time.sleep(QUIET_SECONDS)
        ask(store)


def _settled(work: Callable[[], Run]) -> Run:
    """Runs with nothing left to write from what went before, so that nobody pays for another."""
    os.sync()
    return work()


def _restore(peer: Peer, store: Path, target: Path, number: int, version: Path) -> Run:
    taken = _settled(lambda: peer.restore(store, number, target))
    same(version, peer.restored(target), who=peer.name)
    remove(target)
    return taken


def same(expected: Path, found: Path, *, who: str) -> None:
    """Compares two folders, names and bytes. Errors: `WrongBytes`."""
    names = sorted(str(path.relative_to(expected)) for path in expected.rglob("*") if path.is_file())
    others = sorted(
        str(path.relative_to(found))
        for path in found.rglob("*")
        if path.is_file() and not path.name.startswith(".git") and ".git" not in path.relative_to(found).parts
    )
    if names != others:
        raise WrongBytes(f"{who} gave back {len(others)} files where {len(names)} were put")
    for name in names:
        if not _equal(expected / name, found / name):
            raise WrongBytes(f"{who} gave back other bytes of {name}")


def _equal(left: Path, right: Path) -> bool:
    with open(left, "rb") as first, open(right, "rb") as second:
        while True:
            block = first.read(BLOCK)
            if block != second.read(BLOCK):
                return False
            if not block:
                return True


def _held(peer: Peer, store: Path) -> tuple[int, int]:
    """Bytes and files of a store; a file under two names counts once."""
    seen = {(told.st_dev, told.st_ino): told.st_size for path in peer.stored(store) if (told := os.lstat(path))}
    return sum(seen.values()), len(seen)


def _size(version: Path) -> int:
    return sum(path.stat().st_size for path in version.rglob("*") if path.is_file())


def remove(place: Path) -> None:
    """Removes a folder, also one that a peer made read-only."""
    if place.exists():
        for folder, _, _ in os.walk(place):
            os.chmod(folder, 0o755)
        shutil.rmtree(place)


def now() -> str:
    """The date, for the report."""
    return time.strftime("%Y-%m-%d")
