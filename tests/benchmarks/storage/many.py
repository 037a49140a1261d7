"""W5: thousands of versions in one process, listed and told beside Git; and the two groups of the registry before this one."""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pacha.api.registry import Registry
from pacha.base.ids import hash_bytes
from tests.benchmarks.measure import ENVIRONMENT, Row, interleaved, median, ratio_of, run
from tests.benchmarks.storage.ours import Pacha

MILLISECONDS_A_VERSION = 5.0
#: Sizes of the two groups. Units: bytes.
FROM_BYTES = (64, 256, 1024, 4096, 16384, 65536)
VERIFY = (1024, 16384, 65536)
#: A call is repeated until it took so long, so that the clock is no part of it.
LONG_SECONDS = 0.05


def many_versions(folder: Path, *, count: int, rounds: int) -> Iterator[Row]:
    """Registers so many versions of a small file, then lists them and tells their history, against Git's tags and log."""
    project, other = folder / "project", folder / "git"
    project.mkdir(parents=True)
    each = _register(project, count) * 1000
    yield Row(
        f"W5: a version, of {count:,}",
        f"{each:.1f} ms",
        f"≤ {MILLISECONDS_A_VERSION:g} ms",
        each <= MILLISECONDS_A_VERSION,
    )
    _tag_in_git(other, count)
    ours = Pacha()
    for what, words, theirs in (
        ("list", ["list", "stuff"], ["git", "tag"]),
        ("log", ["log", "stuff"], ["git", "log", "--oneline"]),
    ):
        runs = interleaved(
            {
                "pacha": lambda words=words: run(ours.words(*words), cwd=project),  # type: ignore[misc]
                "git": lambda theirs=theirs: run(theirs, cwd=other),  # type: ignore[misc]
            },
            rounds=rounds,
        )
        ratio = ratio_of(runs["pacha"], runs["git"])
        seen = f"{median(runs['pacha']) * 1000:.0f} ms, {ratio:.1f} × git"
        limit = f"≤ 1.0 × {' '.join(theirs)} ({median(runs['git']) * 1000:.0f} ms)"
        yield Row(f"W5: {what} of {count:,}, processes", seen, limit, ratio <= 1)
    for what, ask in (
        ("list", lambda registry: len(registry.versions("stuff"))),
        ("log", lambda registry: sum(1 for _ in registry.log("stuff"))),
    ):
        with Registry.open(project) as registry:
            started = time.perf_counter()
            found = ask(registry)
            seconds = time.perf_counter() - started
        assert found == count
        yield Row(f"W5: {what} of {count:,}, in process", f"{seconds * 1000:.0f} ms", "(git's process: above)", True)


def _register(project: Path, count: int) -> float:
    """Seconds a version, within one session of a registry; each is durable when it is registered."""
    file = project / "weights.bin"
    with Registry.init(project, author="Ada <ada@example.org>") as registry, registry.session():
        started = time.perf_counter()
        for number in range(count):
            file.write_bytes(b"%d" % number)
            registry.register_model("stuff", f"1.0.{number}", file)
        return (time.perf_counter() - started) / count


def _tag_in_git(place: Path, count: int) -> None:
    """As many commits, each with a tag."""
    place.mkdir()
    subprocess.run(["git", "init", "-q", "."], cwd=place, check=True)
    parts = []
    for number in range(count):
        text = f"{number}"
        parts.append(
            f"commit refs/heads/main\ncommitter Ada <ada@example.org> {1_700_000_000 + number} +0000\ndata 1\nx\n"
            f"M 644 inline weights.bin\ndata {len(text)}\n{text}\n\nreset refs/tags/v{number}\nfrom refs/heads/main\n\n"
        )
    subprocess.run(
        ["git", "fast-import", "--quiet"], cwd=place, input="".join(parts), text=True, check=True, env=ENVIRONMENT
    )
    subprocess.run(["git", "symbolic-ref", "HEAD", "refs/heads/main"], cwd=place, check=True)


def old_groups() -> Iterator[Row]:
    """`from_bytes`: an id of bytes; `verify`: bytes held against an id. The bytes are 0 to 255 over and over."""
    for size in FROM_BYTES:
        data = _bytes(size)
        yield _speed(f"from_bytes, {size:,} bytes", size, lambda data=data: hash_bytes(data))  # type: ignore[misc]
    for size in VERIFY:
        data = _bytes(size)
        id = hash_bytes(data)
        yield _speed(f"verify, {size:,} bytes", size, lambda data=data, id=id: hash_bytes(data) == id)  # type: ignore[misc]


def _bytes(size: int) -> bytes:
    return bytes(number % 256 for number in range(size))


def _speed(what: str, size: int, work: Callable[[], object]) -> Row:
    taken = []
    for _ in range(9):
        count, started = 0, time.perf_counter()
        while (seconds := time.perf_counter() - started) < LONG_SECONDS:
            for _ in range(64):
                work()
            count += 64
        taken.append(seconds / count)
    middle = statistics.median(taken)
    return Row(what, f"{middle * 1e6:.2f} µs, {size / middle / 1e6:,.0f} MB/s", "(no limit)", True)
