"""Writes the works. Nothing is fetched, and the same scale always gives the same bytes.

Run as a process of its own: `python -m tests.benchmarks.storage.generate W1 small FOLDER`.
"""

import json
import random
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.benchmarks.storage import tables, tuned, weights
from tests.benchmarks.storage.works import SCALES, Scale, place_of

Notes = dict[str, object]
Writer = Callable[[Path, Scale], Notes]
#: Steps between two checkpoints.
STEPS = 15
#: So fast, every checkpoint is as far from the one before as whole epochs at the usual rate leave it.
EPOCH_RATE, EPOCH_CHECKPOINTS = 1e-3, 4
#: Versions of the works that are not of ten checkpoints.
FEW = 5


def _model(folder: Path, scale: Scale) -> Notes:
    source = weights.model()
    tensors = weights.tiled(source.tensors, scale.model)
    weights.write(_version(folder, 0) / "model.safetensors", tensors)
    return {"origin": source.origin, "bound": weights.exponent_bound(tensors)}


def _half_model(folder: Path, scale: Scale) -> Notes:
    source = weights.model()
    tensors = {name: weights.bf16(values) for name, values in weights.tiled(source.tensors, scale.model).items()}
    weights.write(_version(folder, 0) / "model.safetensors", tensors, "BF16")
    return {"origin": source.origin, "bound": weights.exponent_bound(tensors)}


def _files(folder: Path, scale: Scale) -> Notes:
    """Half noise, half text, as a folder of pictures and their notes would be."""
    coin = random.Random(5)
    words = [coin.randbytes(4).hex() for _ in range(4_000)]
    for number in range(scale.small_files):
        path = _version(folder, 0) / f"{number % 50:02d}" / f"{number}.{'bin' if number % 2 else 'txt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = coin.randrange(1_000, 100_000)
        path.write_bytes(coin.randbytes(size) if number % 2 else " ".join(coin.choices(words, k=size // 9)).encode())
    return {}


def _tuned(dtype: str, rate: float, count: int | None) -> Writer:
    def write(folder: Path, scale: Scale) -> Notes:
        source = weights.model()
        base = weights.tiled(source.tensors, scale.checkpoint)
        made = tuned.checkpoints(base, count=count or scale.checkpoints, steps=STEPS, rate=rate)
        _write_all(folder, made, dtype)
        return {"origin": source.origin, "steps": STEPS, "rate": rate}

    return write


def _adapted(folder: Path, scale: Scale) -> Notes:
    source = weights.model()
    _write_all(folder, tuned.adapted(weights.tiled(source.tensors, scale.checkpoint), count=FEW), "F32")
    return {"origin": source.origin}


def _inserted(folder: Path, scale: Scale) -> Notes:
    source = weights.model()
    base = weights.tiled(source.tensors, scale.checkpoint)
    _write_all(folder, tuned.inserted(base, count=FEW, steps=STEPS), "F32")
    return {"origin": source.origin}


def _write_all(folder: Path, versions: Iterable[weights.Tensors], dtype: str) -> None:
    for number, tensors in enumerate(versions):
        shown = {name: weights.bf16(values) for name, values in tensors.items()} if dtype == "BF16" else tensors
        weights.write(_version(folder, number) / "model.safetensors", shown, dtype)


def _appended(folder: Path, scale: Scale) -> Notes:
    first = _version(folder, 0) / "table.csv"
    count = tables.write_table(first, scale.table)
    tables.append_rows(first, _version(folder, 1) / "table.csv", count)
    return {"rows": count}


def _edited(folder: Path, scale: Scale) -> Notes:
    first = _version(folder, 0) / "table.csv"
    count = tables.write_table(first, scale.table)
    tables.edit_rows(first, _version(folder, 1) / "table.csv")
    return {"rows": count, "edits": count // tables.EDITED_EVERY}


def _version(folder: Path, number: int) -> Path:
    path = folder / f"{number:02d}"
    path.mkdir(parents=True, exist_ok=True)
    return path


WRITERS: dict[str, Writer] = {
    "W1": _model,
    "W1b": _half_model,
    "W2": _files,
    "W3": _tuned("F32", tuned.RATE, None),
    "W3b": _tuned("BF16", tuned.RATE, None),
    "W3l": _adapted,
    "W3i": _inserted,
    "W3e": _tuned("F32", EPOCH_RATE, EPOCH_CHECKPOINTS),
    "W3be": _tuned("BF16", EPOCH_RATE, EPOCH_CHECKPOINTS),
    "W4": _appended,
    "W4s": _edited,
}


def write(name: str, scale: Scale, folder: Path) -> Path:
    """Makes a work below a folder. Crash: the notes come last; a work without them is made anew."""
    place = place_of(name, scale, folder)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    notes = WRITERS[name](place, scale)
    (place / "notes.json").write_text(json.dumps(notes), "utf-8")
    return place


if __name__ == "__main__":
    write(sys.argv[1], SCALES[sys.argv[2]], Path(sys.argv[3]))
