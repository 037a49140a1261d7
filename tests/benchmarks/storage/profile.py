"""Where the time of a put and of a restore goes: the stacks of all threads, looked at every few milliseconds.

A tracing profiler counts calls of one thread and slows what it counts. Here a thread looks at the others and names the
stage by the innermost frame that it knows. What waits for another thread is a stage of its own. A look needs the lock
of the interpreter, so long calls that hold it are seen less often than they last.
"""

import argparse
import os
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

EVERY_SECONDS = 0.002
#: (end of a file's path, function or "" for any, stage); the innermost frame that fits decides.
STAGES = (
    ("threading.py", "wait", "wait"),
    ("concurrent/futures/thread.py", "_worker", "idle"),
    ("pacha/base/ids.py", "", "hash"),
    ("pacha/base/files.py", "_flush", "flush"),
    ("pacha/base/files.py", "flush", "flush"),
    ("pacha/base/files.py", "flush_folder", "flush"),
    ("pacha/base/files.py", "barrier", "flush"),
    ("pacha/base/files.py", "reserve", "reserve"),
    ("pacha/base/files.py", "write_at", "write"),
    ("pacha/base/files.py", "write", "write"),
    ("pacha/worktree/chunker.py", "", "cut"),
    ("pacha/worktree/cutting.py", "", "cut"),
    ("pacha/worktree/scan.py", "", "scan"),
    ("pacha/worktree/reading.py", "read_into", "read"),
    ("pacha/worktree/ingest.py", "_read_small", "read"),
    ("pacha/store/codec/", "", "encode, decode"),
    ("pacha/store/planes.py", "", "encode, decode"),
    ("pacha/store/chains.py", "", "bases"),
    ("pacha/store/packindex.py", "", "index"),
    ("pacha/store/packwriter.py", "", "pack"),
    ("pacha/store/", "", "store"),
    ("pacha/formats/", "", "inspect"),
    ("pacha/index/", "", "cache"),
    ("pacha/", "", "the rest of Pacha"),
)
OTHER = "imports and the rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one thread did at one moment."""

    thread: str
    stage: str


def stage_of(stack: Sequence[tuple[str, str]]) -> str:
    """The stage of a stack of (path, function), the innermost last."""
    for path, function in reversed(stack):
        for part, name, stage in STAGES:
            if part in path and name in ("", function):
                return stage
    return OTHER


class Sampler:
    """Looks at all threads but its own until it is stopped."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="sampler", daemon=True)

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *about: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        own = threading.get_ident()
        while not self._end.wait(EVERY_SECONDS):
            names = {thread.ident: thread.name for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                if ident != own:
                    self.samples.append(Sample(thread=names.get(ident, "?"), stage=stage_of(_stack(frame))))


def _stack(frame: FrameType | None) -> list[tuple[str, str]]:
    found = []
    while frame is not None:
        found.append((frame.f_code.co_filename, frame.f_code.co_name))
        frame = frame.f_back
    return found[::-1]


def summary(samples: Sequence[Sample]) -> list[tuple[str, int]]:
    """How often each stage was seen, over all threads, the most first."""
    return Counter(sample.stage for sample in samples).most_common()


def profile(words: Sequence[str]) -> int:
    """`profile [WORK]`: puts and restores the first version of a work in this process."""
    from tests.benchmarks.storage.works import SCALES, made

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks storage profile", description=profile.__doc__)
    parser.add_argument("work", nargs="?", default="W1")
    parser.add_argument("--scale", choices=list(SCALES), default="small")
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args(words)
    work = made(options.work, SCALES[options.scale], options.folder)
    place = options.folder / "profiled"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    _run(work.kind, work.versions, place)
    shutil.rmtree(place)
    return 0


def _run(kind: str, versions: Sequence[Path], place: Path) -> None:
    from pacha.api.registry import Registry

    with Registry.init(place, author="Ada <ada@example.org>") as registry:
        register = registry.register_model if kind == "model" else registry.register_data
        for number, version in enumerate(versions[:2]):
            shutil.rmtree(place / "stuff", ignore_errors=True)
            shutil.copytree(version, place / "stuff", copy_function=os.link)
            what = "put" if number == 0 else "put the successor"
            _sampled(what, lambda number=number: register("stuff", f"1.0.{number}", place / "stuff"))  # type: ignore[misc]
        shutil.rmtree(place / "stuff")
        _sampled("restore the first", lambda: registry.checkout(f"{kind}/stuff:1.0.0", force=True))
        _sampled("fsck", registry.fsck)


def _sampled(what: str, work: Callable[[], object]) -> None:
    os.sync()
    started, used = time.perf_counter(), time.process_time()
    with Sampler() as sampler:
        work()
    seconds, computing = time.perf_counter() - started, time.process_time() - used
    print(f"\n{what}: {seconds:.2f} s, {computing:.2f} s of processor time")
    rows = summary(sampler.samples)
    threads = {sample.thread for sample in sampler.samples}
    looks = max(1, len([sample for sample in sampler.samples if sample.thread == "MainThread"]))
    for stage, count in rows:
        print(f"  {stage:<22} {count / looks * seconds:6.2f} s of the {len(threads)} threads' time")
