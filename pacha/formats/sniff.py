"""Guesses the kind of artifact from a file's name and first bytes."""

from collections.abc import Iterable
from dataclasses import dataclass

#: Enough for every magic number in the table.
HEAD_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A file format: its name, the kind of artifact that it usually is, how it is known."""

    name: str
    kind: str
    endings: tuple[str, ...]
    magic: bytes = b""


FORMATS = (
    Format(name="safetensors", kind="model", endings=(".safetensors",)),
    Format(name="gguf", kind="model", endings=(".gguf",), magic=b"GGUF"),
    Format(name="onnx", kind="model", endings=(".onnx",)),
    Format(name="pytorch", kind="model", endings=(".pt", ".pth", ".ckpt", ".jit", "pytorch_model.bin")),
    Format(name="keras", kind="model", endings=(".keras", ".h5", ".hdf5"), magic=b"\x89HDF\r\n\x1a\n"),
    Format(name="tflite", kind="model", endings=(".tflite",)),
    Format(name="joblib", kind="model", endings=(".joblib", ".pkl", ".pickle", ".skops")),
    Format(name="apr", kind="model", endings=(".apr",), magic=b"APR\0"),
    Format(name="numpy", kind="model", endings=(".npz",)),
    Format(name="npy", kind="data", endings=(".npy",), magic=b"\x93NUMPY"),
    Format(name="csv", kind="data", endings=(".csv", ".tsv")),
    Format(name="jsonl", kind="data", endings=(".jsonl", ".ndjson")),
    Format(name="parquet", kind="data", endings=(".parquet",), magic=b"PAR1"),
    Format(name="arrow", kind="data", endings=(".arrow", ".feather"), magic=b"ARROW1"),
    Format(name="ald", kind="data", endings=(".ald",), magic=b"ALDF"),
    Format(name="recipe", kind="recipe", endings=(".recipe.toml",)),
)


def format_of(name: str, head: bytes = b"") -> Format | None:
    """The format of a file, by its ending, else by its first bytes; None if neither is known.

    >>> format_of("model.safetensors").kind, format_of("README.md")
    ('model', None)
    """
    lower = name.lower()
    for format in FORMATS:
        if lower.endswith(format.endings):
            return format
    for format in FORMATS:
        if format.magic and head.startswith(format.magic):
            return format
    return None


def kind_of_folder(names: Iterable[str]) -> str | None:
    """The kind of a folder's artifact: a model if it holds any model file, else data if it holds any data.

    >>> kind_of_folder(["config.json", "model.safetensors"]), kind_of_folder(["notes.txt"])
    ('model', None)
    """
    kinds = {format.kind for name in names if (format := format_of(name)) is not None}
    return next((kind for kind in ("model", "data", "recipe") if kind in kinds), None)
