"""The works of the comparison: what each is, at which scale, and where it lies. A work is a list of versions, each a folder.

Made once into a folder and kept: the same scale always gives the same bytes. This module never imports numpy: what the
measuring process holds would count as the peak of every process that it starts.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import ROOT

MIB = 1 << 20
#: Raised when a generator changes, so that what an older one made is not taken for it.
GENERATION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large the works are. Units: bytes."""

    name: str
    model: int
    table: int
    checkpoint: int
    small_files: int = 5_000
    checkpoints: int = 10
    versions: int = 1_000


SCALES = {
    scale.name: scale
    for scale in (
        Scale(
            name="tiny", model=1 * MIB, table=200_000, checkpoint=MIB // 2, small_files=40, checkpoints=3, versions=20
        ),
        Scale(name="small", model=256 * MIB, table=100_000_000, checkpoint=32 * MIB),
        Scale(name="full", model=1024 * MIB, table=1_000_000_000, checkpoint=96 * MIB, versions=10_000),
    )
}
#: What each work is, and the kind of its artifact.
WORKS = {
    "W1": ("one fp32 model", "model"),
    "W1b": ("one bf16 model of half the size", "model"),
    "W2": ("5,000 files of 1 to 100 KB", "data"),
    "W3": ("ten fine-tuned fp32 checkpoints", "model"),
    "W3b": ("the same in bf16", "model"),
    "W3l": ("five LoRA-like versions", "model"),
    "W3i": ("five versions, each with a tensor more in front", "model"),
    "W3e": ("four fp32 checkpoints, each far from the last", "model"),
    "W3be": ("the same in bf16", "model"),
    "W4": ("a CSV file and its successor with 1 % more rows", "data"),
    "W4s": ("a CSV file and its successor with scattered edits", "data"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A work as it lies on disk: its versions in order, and the notes of its generator."""

    name: str
    kind: str
    versions: tuple[Path, ...]
    notes: dict[str, object]

    @property
    def size_bytes(self) -> int:
        """What all its versions hold together."""
        return sum(path.stat().st_size for version in self.versions for path in version.rglob("*") if path.is_file())


def place_of(name: str, scale: Scale, folder: Path) -> Path:
    """Where a work lies below a folder."""
    return folder / f"{scale.name}-{GENERATION}" / name


def made(name: str, scale: Scale, folder: Path) -> Made:
    """A work, made by a process of its own unless it is there."""
    place = place_of(name, scale, folder)
    if not (place / "notes.json").exists():
        words = [sys.executable, "-m", "tests.benchmarks.storage.generate", name, scale.name, str(folder)]
        subprocess.run(words, cwd=ROOT, check=True)
    return read(name, place)


def read(name: str, place: Path) -> Made:
    """A work that was made."""
    versions = tuple(sorted(path for path in place.iterdir() if path.is_dir()))
    notes = json.loads((place / "notes.json").read_text("utf-8"))
    return Made(name=name, kind=WORKS[name][1], versions=versions, notes=notes)
