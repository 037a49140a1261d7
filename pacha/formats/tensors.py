"""Tables of tensors, the same for every format: counted, summed, and told apart by one digest of names and shapes."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any

from pacha.base.canonical import INTEGER_MAX
from pacha.base.ids import hash_bytes

#: A table of more rows is cut: the largest models have some ten thousand tensors.
TENSORS_MAX = 200_000
#: A name is a dotted path in a model; a longer one is an attack.
NAME_LENGTH_MAX = 1_024
STRUCTURE_DIGITS = 16
#: Values of metadata are cut here: chat templates and licences are long, and lie in the file itself.
TEXT_LENGTH_MAX = 4_096
METADATA_MAX = 2_000


def tensor(name: str, dtype: str, shape: Sequence[int], **more: int) -> dict[str, Any]:
    """One row: `more` is offset and bytes, where they are known."""
    return {"name": name[:NAME_LENGTH_MAX], "dtype": dtype, "shape": [number(size) for size in shape], **more}


def number(value: int) -> int | str:
    """A whole number as documents hold it: a text beyond ±(2^53−1).

    >>> number(3), number(2**60)
    (3, '1152921504606846976')
    """
    return value if abs(value) <= INTEGER_MAX else str(value)


def elements(row: Mapping[str, Any]) -> int:
    """How many numbers a tensor holds."""
    return prod(int(size) for size in row["shape"])


def structure(rows: Iterable[Mapping[str, Any]]) -> str:
    """What is the same for two models of one architecture: the digest of their tensors' names and shapes.

    >>> structure([tensor("w", "F32", (2, 3))]) == structure([tensor("w", "BF16", (2, 3))])
    True
    """
    lines = sorted(f"{row['name']} {row['shape']}\n" for row in rows)
    return hash_bytes("".join(lines).encode("utf-8", "surrogatepass")).hex[:STRUCTURE_DIGITS]


def summary_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters, tensors, element types and structure."""
    dtypes: dict[str, int] = {}
    for row in rows:
        dtypes[row["dtype"]] = dtypes.get(row["dtype"], 0) + 1
    return {
        "parameters": number(sum(elements(row) for row in rows)),
        "tensors": len(rows),
        "dtypes": dtypes,
        "structure": structure(rows),
    }


def text(value: object) -> str:
    """A value of a file's metadata as a text, cut where it is long, with nothing that no document may hold."""
    whole = value if isinstance(value, str) else str(value)
    cut = whole[:TEXT_LENGTH_MAX].encode("utf-8", "replace").decode("utf-8")
    return cut if len(whole) <= TEXT_LENGTH_MAX else f"{cut}…"
