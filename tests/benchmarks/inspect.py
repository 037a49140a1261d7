"""Benchmark of looking into the header of a model, in process."""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from pacha.formats.inspect import inspect
from pacha.formats.inspection import FileSource
from tests.benchmarks.measure import Row

TENSORS, ROUNDS = 300, 51
LIMIT_SECONDS = 0.02


def inspect_tensors(folder: Path) -> Iterator[Row]:
    """Names, types and shapes of 300 tensors of a safetensors file, beside the format's own library."""
    path = folder / "model.safetensors"
    save_file({f"layers.{number}.weight": np.ones((16, 8), np.float32) for number in range(TENSORS)}, path)
    ours, theirs = _median(lambda: _ours(path)), _median(lambda: _theirs(path))
    yield Row(
        "inspect of 300 tensors", f"{ours * 1000:.1f} ms", f"≤ {LIMIT_SECONDS * 1000:.0f} ms", ours <= LIMIT_SECONDS
    )
    yield Row("the library's own reader", f"{theirs * 1000:.1f} ms", "(no limit)", True)


def _ours(path: Path) -> None:
    with FileSource(str(path)) as source:
        found = inspect(path.name, source)
    assert found is not None and found.summary["tensors"] == TENSORS


def _theirs(path: Path) -> None:
    with safe_open(path, "numpy") as file:
        tensors = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118
        assert sum(len(tensor.get_shape()) > 0 and tensor.get_dtype() == "F32" for tensor in tensors) == TENSORS


def _median(work: Callable[[], None]) -> float:
    """The first round, which imports, does not count. Units: seconds."""
    work()
    return statistics.median(_seconds(work) for _ in range(ROUNDS))


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
