"""Versions of weights as an older Pacha stored them: without a base, or knowing nothing of tensors."""

import json
import random
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

from pacha.porcelain import drafting
from pacha.store.data import DataStore
from pacha.worktree.ingest import Guide
from tests.conftest import Project

TENSORS, NUMBERS = 3, 16_384


def versions(count: int, *, seed: int = 7) -> Iterator[bytes]:
    """The same weights as safetensors after so many small steps, each from the one before."""
    source = random.Random(seed)
    values = [source.gauss(0, 0.02) for _ in range(TENSORS * NUMBERS)]
    size = 4 * NUMBERS
    header = json.dumps(
        {
            f"layer.{number}": {
                "dtype": "F32",
                "shape": [NUMBERS],
                "data_offsets": [number * size, (number + 1) * size],
            }
            for number in range(TENSORS)
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    for _ in range(count):
        yield struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(values)}f", *values)
        values = [value + source.gauss(0, 1e-7) for value in values]


@contextmanager
def as_before(*, knows_tensors: bool) -> Iterator[None]:
    """What is added meanwhile is stored without bases; or, as by the first version, with no look at tensors."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(DataStore, "bases_for", lambda store, nearest, length: []))
        if not knows_tensors:
            stack.enter_context(mock.patch.object(drafting, "guide_for", lambda *rest: Guide()))
        yield


def commit_versions(project: Project, count: int, *, knows_tensors: bool = True, seed: int = 7) -> list[bytes]:
    """Commits versions of `m.safetensors`, tagged 1.0.0, 2.0.0 and so on."""
    found = list(versions(count, seed=seed))
    with as_before(knows_tensors=knows_tensors):
        for number, data in enumerate(found, start=1):
            project.write("m.safetensors", data)
            project(
                "commit", "m.safetensors", "-m", f"step {number}", "--tag", f"{number}.0.0", "--date",
                f"2026-03-{number:02}T12:00:00Z",
            )  # fmt: skip
    return found
