"""Measuring: whole processes with their peak memory, in interleaved rounds, by their medians."""

import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 9
ROOT = Path(__file__).parents[2]
PACHA = (sys.executable, "-m", "pacha")
#: The figures are about the program, not about who runs it.
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("PACHA_")},
    "PYTHONPATH": str(ROOT),
    "PACHA_AUTHOR_NAME": "Ada",
    "PACHA_AUTHOR_EMAIL": "ada@example.org",
    "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    "BORG_RELOCATED_REPO_ACCESS_IS_OK": "yes",
    "DVC_NO_ANALYTICS": "1",
}


@dataclass(frozen=True)
class Run:
    """One process. Units: seconds, bytes."""

    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class Row:
    """One figure of a benchmark: what was seen, what it is held against, and whether it holds."""

    what: str
    seen: str
    limit: str
    holds: bool


def run(words: Sequence[str | Path], *, cwd: Path | None = None) -> Run:
    """Runs a process to its end, which must be good."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [str(word) for word in words], cwd=cwd, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise RuntimeError(f"{words}: {child.returncode}\n{said.decode('utf-8', 'replace')}")
    return Run(seconds, usage.ru_maxrss * 1024)


def interleaved(jobs: Mapping[str, Callable[[], Run]], *, rounds: int = ROUNDS, seed: int = 1) -> dict[str, list[Run]]:
    """Runs all jobs in every round, in another order each time, so that they meet the same machine."""
    found: dict[str, list[Run]] = {name: [] for name in jobs}
    coin = random.Random(seed)
    for _ in range(rounds):
        names = list(jobs)
        coin.shuffle(names)
        for name in names:
            found[name].append(jobs[name]())
    return found


def median(runs: Sequence[Run]) -> float:
    """The median time in seconds."""
    return statistics.median(run.seconds for run in runs)


def peak(runs: Sequence[Run]) -> int:
    """The highest peak of memory in bytes."""
    return max(run.peak_bytes for run in runs)


def ratio_of(left: Sequence[Run], right: Sequence[Run]) -> float:
    """The median over the rounds of left over right: noise of the machine hits both."""
    return statistics.median(a.seconds / b.seconds for a, b in zip(left, right, strict=True))
