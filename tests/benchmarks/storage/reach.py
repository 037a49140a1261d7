"""The figures to reach, and whether they are: each a ratio over the same rounds, its median held against a limit."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.benchmarks.storage.compare import Measured

Value = Callable[[Measured], float | None]
MIB = 1 << 20
PEAK_MIB = 300
#: The bytes of weights beyond what their exponents need may be so much.
BOUND_MARGIN = 1.015


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One figure: of a work, what is divided by the same of a peer, and the most that may come out.

    Several peers: the best of them counts.
    """

    what: str
    work: str
    value: Value
    peers: tuple[str, ...]
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """How a target stands. `seen` is None where nothing was measured."""

    what: str
    limit: str
    seen: float | None
    holds: bool

    @property
    def word(self) -> str:
        """In one word."""
        return "not measured" if self.seen is None else "reached" if self.holds else "not reached"


def put(measured: Measured) -> float:
    """All versions put. Units: seconds."""
    return sum(measured.put_seconds)


def restored(measured: Measured) -> float:
    """All versions restored. Units: seconds."""
    return sum(measured.restore_seconds)


def stored(measured: Measured) -> float:
    """All versions as stored. Units: bytes."""
    return measured.stored_bytes[-1]


def successor(measured: Measured) -> float:
    """What the last version added. Units: bytes."""
    return measured.stored_bytes[-1] - measured.stored_bytes[-2]


def again(measured: Measured) -> float | None:
    """An add of what is there. Units: seconds."""
    return measured.again_seconds


def status(measured: Measured) -> float | None:
    """A status without changes. Units: seconds."""
    return measured.status_seconds


DEDUPING = ("borg", "restic", "casync", "hf-xet")
TARGETS = (
    Target(what="W1 put", work="W1", value=put, peers=("borg",), limit=0.70),
    Target(what="W1 put", work="W1", value=put, peers=("dvc",), limit=1.0),
    Target(what="W1 restore", work="W1", value=restored, peers=("borg",), limit=0.8),
    Target(what="W1 restore", work="W1", value=restored, peers=("dvc",), limit=0.9),
    Target(what="W2 put", work="W2", value=put, peers=("borg",), limit=0.85),
    Target(what="W2 put", work="W2", value=put, peers=("dvc",), limit=0.45),
    Target(what="W2 restore", work="W2", value=restored, peers=("restic",), limit=0.7),
    Target(what="W3 stored", work="W3", value=stored, peers=("casync",), limit=0.45),
    Target(what="W3b stored", work="W3b", value=stored, peers=("casync",), limit=0.22),
    Target(what="W3l stored", work="W3l", value=stored, peers=("casync",), limit=0.90),
    Target(what="W3i stored", work="W3i", value=stored, peers=("casync",), limit=0.50),
    Target(what="W3 put", work="W3", value=put, peers=DEDUPING, limit=0.7),
    Target(what="W4 stored", work="W4", value=stored, peers=("casync",), limit=1.03),
    Target(what="W4s successor", work="W4s", value=successor, peers=("casync",), limit=1.1),
    Target(what="W4 put", work="W4", value=put, peers=("hf-xet",), limit=1.0),
    Target(what="W2 status without changes", work="W2", value=status, peers=("dvc",), limit=0.25),
    Target(what="W2 added again", work="W2", value=again, peers=("dvc",), limit=0.25),
)  # fmt: skip


def reached(results: Sequence[Measured], notes: dict[str, dict[str, object]], *, ours: str = "pacha") -> list[Line]:
    """Every target and how it stands."""
    lines = [_against_peers(target, results, ours) for target in TARGETS]
    lines += [_own(*own, results=results, ours=ours) for own in OWN]
    for work in ("W1", "W1b"):
        lines.append(_bound(work, results, notes, ours))
    for work, kin in (("W3e", "W3e"), ("W3be", "W3be")):
        lines.append(_own(f"{work} stored ÷ each version alone", kin, _beside_alone, 1.01, results=results, ours=ours))
    peaks = [
        max(found.put_peak_bytes, found.restore_peak_bytes, found.check_peak_bytes)
        for found in results
        if found.peer == ours
    ]
    peak = max(peaks) / MIB if peaks else None
    lines.append(
        Line(
            what="peak memory of any work",
            limit=f"≤ {PEAK_MIB} MiB",
            seen=peak,
            holds=peak is not None and peak <= PEAK_MIB,
        )
    )
    return lines


def ratio(results: Sequence[Measured], work: str, value: Value, ours: str, peer: str) -> float | None:
    """The median over the rounds of ours over a peer's. None where one of them is missing."""
    by = {(found.peer, found.round): value(found) for found in results if found.work == work}
    pairs = [(by[ours, number], by[peer, number]) for name, number in by if name == ours and (peer, number) in by]
    divided = [left / right for left, right in pairs if left is not None and right]
    return statistics.median(divided) if divided else None


def _against_peers(target: Target, results: Sequence[Measured], ours: str) -> Line:
    seen = [
        (found, peer)
        for peer in target.peers
        if (found := ratio(results, target.work, target.value, ours, peer)) is not None
    ]
    worst, peer = max(seen) if seen else (None, " or ".join(target.peers))
    limit = f"≤ {target.limit:.2f} × {peer}"
    return Line(what=target.what, limit=limit, seen=worst, holds=worst is not None and worst <= target.limit)


def _own(what: str, work: str, value: Value, limit: float, *, results: Sequence[Measured], ours: str) -> Line:
    """A ratio within Pacha's own figures."""
    seen = [
        found
        for measured in results
        if measured.work == work and measured.peer == ours and (found := value(measured)) is not None
    ]
    middle = statistics.median(seen) if seen else None
    return Line(what=what, limit=f"≤ {limit:g}", seen=middle, holds=middle is not None and middle <= limit)


def _bound(work: str, results: Sequence[Measured], notes: dict[str, dict[str, object]], ours: str) -> Line:
    bound = notes.get(work, {}).get("bound")
    what = f"{work} stored ÷ the exponents' order-0 bound"
    if not isinstance(bound, float):
        return Line(what=what, limit=f"≤ {BOUND_MARGIN}", seen=None, holds=False)
    return _own(
        what,
        work,
        lambda found: stored(found) / (found.plain_bytes[0] * bound),
        BOUND_MARGIN,
        results=results,
        ours=ours,
    )


def _worst_restore(measured: Measured) -> float:
    """The slowest version over the first, which is whole."""
    return max(measured.restore_seconds[1:]) / measured.restore_seconds[0]


def _check_share(measured: Measured) -> float | None:
    return measured.check_seconds / restored(measured) if measured.check_seconds is not None else None


def _successor_share(measured: Measured) -> float:
    return successor(measured) / measured.plain_bytes[0]


def _files(measured: Measured) -> float:
    return measured.files_made


def _beside_alone(measured: Measured) -> float | None:
    """Stored over what the versions take without one another, where that was measured."""
    return stored(measured) / sum(measured.alone_bytes) if measured.alone_bytes else None


OWN: tuple[tuple[str, str, Value, float], ...] = (
    ("W3 slowest version restored ÷ the first", "W3", _worst_restore, 1.5),
    ("W3 fsck ÷ restoring everything", "W3", _check_share, 2.0),
    ("W4 successor ÷ the first's plain size", "W4", _successor_share, 0.006),
    ("W2 files made", "W2", _files, 20),
)
