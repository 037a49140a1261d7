"""Looking into a model's header, beside the format's own library."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from pacha.formats.inspect import inspect
from pacha.formats.inspection import FileSource
from tests.benchmarks.measure import Row

TENSORS, ROUNDS = 300, 21
LIMIT_MS = 20


def inspecting(folder: Path) -> list[Row]:
    """Inspects a safetensors file of 300 tensors, in process."""
    path = folder / "model.safetensors"
    save_file({f"layer.{number}.weight": np.zeros((64, 32), np.float32) for number in range(TENSORS)}, path)

    def ours() -> None:
        with FileSource(str(path)) as source:
            found = inspect(path.name, source)
        assert found is not None and found.summary["tensors"] == TENSORS

    def theirs() -> None:
        with safe_open(path, "numpy") as file:
            assert len([(name, file.get_slice(name).get_shape()) for name in file.keys()]) == TENSORS  # noqa: SIM118

    mine, other = _median(ours), _median(theirs)
    return [
        Row(
            what=f"inspect, {TENSORS} tensors",
            seen=f"{mine:.2f} ms (safetensors' own reader {other:.2f} ms)",
            limit=f"≤ {LIMIT_MS} ms",
            holds=mine <= LIMIT_MS,
        )
    ]


def _median(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)
