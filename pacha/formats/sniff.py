"""Guesses the kind of artifact from a file's name and first bytes."""

from collections.abc import Iterable
from dataclasses import dataclass

#: Enough for every magic number in the table, and for the name of a ZIP archive's first member.
HEAD_BYTES = 256
_ZIP = b"PK\x03\x04"
#: Protocols 2 to 5. A pickle under any name is worth a warning.
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A file format: its name, the kind of artifact that it usually is, how it is known.

    `magics` are the first bytes, `first_member` what a ZIP archive's first member is called. Weak magics are short: they
    may be there by chance, so what has only them and is malformed is of no known format.
    """

    name: str
    kind: str
    endings: tuple[str, ...]
    magics: tuple[bytes, ...] = ()
    first_member: bytes = b""
    is_weak: bool = False

    def fits(self, head: bytes) -> bool:
        """Tells whether a file can begin like this."""
        if self.first_member and head.startswith(_ZIP):
            length = int.from_bytes(head[26:28], "little")
            return head[30 : 30 + length].endswith(self.first_member)
        return head.startswith(self.magics) if self.magics else False


FORMATS = (
    Format(name="safetensors", kind="model", endings=(".safetensors",)),
    Format(name="gguf", kind="model", endings=(".gguf",), magics=(b"GGUF",)),
    Format(name="onnx", kind="model", endings=(".onnx",)),
    Format(
        name="pytorch",
        kind="model",
        endings=(".pt", ".pth", ".ckpt", ".jit", "pytorch_model.bin"),
        first_member=b"/data.pkl",
    ),
    Format(name="keras", kind="model", endings=(".keras", ".h5", ".hdf5"), magics=(b"\x89HDF\r\n\x1a\n",)),
    Format(name="tflite", kind="model", endings=(".tflite",)),
    Format(name="pickle", kind="model", endings=(".joblib", ".pkl", ".pickle"), magics=_PICKLES, is_weak=True),
    Format(name="skops", kind="model", endings=(".skops",)),
    Format(name="apr", kind="model", endings=(".apr",), magics=(b"APR\0",)),
    Format(name="numpy", kind="model", endings=(".npz",)),
    Format(name="npy", kind="data", endings=(".npy",), magics=(b"\x93NUMPY",)),
    Format(name="csv", kind="data", endings=(".csv", ".tsv")),
    Format(name="jsonl", kind="data", endings=(".jsonl", ".ndjson")),
    Format(name="parquet", kind="data", endings=(".parquet",), magics=(b"PAR1",)),
    Format(name="arrow", kind="data", endings=(".arrow", ".feather"), magics=(b"ARROW1",)),
    Format(name="ald", kind="data", endings=(".ald",), magics=(b"ALDF",)),
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
        if format.fits(head):
            return format
    return None


def kind_of_folder(names: Iterable[str]) -> str | None:
    """The kind of a folder's artifact: a model if it holds any model file, else data if it holds any data.

    >>> kind_of_folder(["config.json", "model.safetensors"]), kind_of_folder(["notes.txt"])
    ('model', None)
    """
    kinds = {format.kind for name in names if (format := format_of(name)) is not None}
    return next((kind for kind in ("model", "data", "recipe") if kind in kinds), None)
