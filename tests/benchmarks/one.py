"""Benchmarks of one thing: starting, and one big file."""

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import ENVIRONMENT, PACHA, Row, Run, interleaved, median, peak, ratio_of, run

GIB = 1 << 30
ROUNDS_OF_BIG_FILE = 5


def startup(folder: Path) -> Iterator[Row]:
    """`pacha --version` against a bare interpreter."""
    runs = interleaved(
        {
            "bare": lambda: run([sys.executable, "-I", "-c", "pass"], cwd=folder),
            "version": lambda: run([*PACHA, "--version"], cwd=folder),
            "help": lambda: run([*PACHA, "--help"], cwd=folder),
        },
        rounds=25,
    )
    more = (median(runs["version"]) - median(runs["bare"])) * 1000
    yield Row("pacha --version, more than a bare python", f"{more:.1f} ms", "≤ 60 ms", more <= 60)
    help_more = (median(runs["help"]) - median(runs["bare"])) * 1000
    yield Row("pacha --help, more than a bare python", f"{help_more:.1f} ms", "(no limit)", True)


def weights(path: Path, size: int) -> None:
    """Writes something like fp32 weights: normal noise, whose exponents repeat and whose digits do not."""
    import numpy as np

    generator = np.random.default_rng(7)
    with open(path, "wb") as file:
        for _ in range(size // (64 << 20)):
            file.write((generator.standard_normal(16 << 20, dtype=np.float32) * 0.02).tobytes())


def big_file(folder: Path) -> Iterator[Row]:
    """`add` of 1 GiB of weights and restoring it, against `borg create` and `borg extract`."""
    source = folder / "source"
    source.mkdir()
    weights(source / "model.safetensors", GIB)
    added = interleaved(
        {"pacha": lambda: _pacha_add(folder, source), "borg": lambda: _borg_create(folder, source)},
        rounds=ROUNDS_OF_BIG_FILE,
    )
    ratio = ratio_of(added["pacha"], added["borg"])
    seen = f"{median(added['pacha']):.2f} s, {ratio:.2f} × borg"
    yield Row("add of 1 GiB", seen, f"≤ 1.00 × borg create ({median(added['borg']):.2f} s)", ratio <= 1)
    memory = peak(added["pacha"]) / (1 << 20)
    yield Row("add of 1 GiB, peak memory", f"{memory:.0f} MiB", "≤ 300 MiB", memory <= 300)
    if shutil.which("borg") is None:
        return
    restored = interleaved(
        {"pacha": lambda: _pacha_restore(folder), "borg": lambda: _borg_extract(folder)}, rounds=ROUNDS_OF_BIG_FILE
    )
    ratio = ratio_of(restored["pacha"], restored["borg"])
    seen = f"{median(restored['pacha']):.2f} s, {ratio:.2f} × borg"
    yield Row("restoring 1 GiB", seen, f"≤ 1.00 × borg extract ({median(restored['borg']):.2f} s)", ratio <= 1)
    memory = peak(restored["pacha"]) / (1 << 20)
    yield Row("restoring 1 GiB, peak memory", f"{memory:.0f} MiB", "(no limit)", True)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _quietly(words: list[str | Path], cwd: Path) -> None:
    subprocess.run([str(word) for word in words], cwd=cwd, env=ENVIRONMENT, check=True, capture_output=True)


def _pacha_add(folder: Path, source: Path) -> Run:
    project = _fresh(folder / "pacha")
    _quietly([*PACHA, "init"], project)
    (project / "model.safetensors").hardlink_to(source / "model.safetensors")
    taken = run([*PACHA, "add", "model.safetensors"], cwd=project)
    _quietly([*PACHA, "commit", "-m", "one"], project)
    return taken


def _borg_create(folder: Path, source: Path) -> Run:
    repository = _fresh(folder / "borg")
    _quietly(["borg", "init", "-e", "none", repository], folder)
    return run(["borg", "create", f"{repository}::one", "."], cwd=source)


def _pacha_restore(folder: Path) -> Run:
    target = folder / f"out{random.random()}"
    taken = run([*PACHA, "checkout", "pacha", "--to", target], cwd=folder / "pacha")
    target.unlink()
    return taken


def _borg_extract(folder: Path) -> Run:
    target = _fresh(folder / "extracted")
    taken = run(["borg", "extract", f"{folder / 'borg'}::one"], cwd=target)
    shutil.rmtree(target)
    return taken
