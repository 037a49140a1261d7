"""Tables of tensors, the same for every format: counted, summed, and told apart by one digest of names and shapes."""

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite, isnan, prod
from typing import Any

from pacha.base.canonical import INTEGER_MAX
from pacha.base.ids import hash_bytes
from pacha.formats.inspection import Malformed

#: A table of more rows is cut: the largest models have some ten thousand tensors.
TENSORS_MAX = 200_000
#: No machine addresses more; and the product of such sizes can still be written as a text.
SIZE_MAX = 2**63 - 1
#: A name is a dotted path in a model; a longer one is an attack.
NAME_LENGTH_MAX = 1_024
STRUCTURE_DIGITS = 16
#: Real files mix a handful of element types.
DTYPES_MAX = 64
#: Values of metadata are cut here: chat templates and licences are long, and lie in the file itself.
TEXT_LENGTH_MAX = 4_096
METADATA_MAX = 2_000


def tensor(name: str, dtype: str, shape: Sequence[int], **more: int) -> dict[str, Any]:
    """One row: `more` is offset and bytes, where they are known. Errors: `Malformed` for a size beyond 63 bits."""
    if any(size > SIZE_MAX for size in shape):
        raise Malformed(f"{name!r:.80} has a size of more than 63 bits")
    return {
        "name": _unicode(name[:NAME_LENGTH_MAX]),
        "dtype": _unicode(dtype),
        "shape": list(map(number, shape)),
        **more,
    }


def number(value: int) -> int | str:
    """A whole number as documents hold it: a text beyond ±(2^53−1).

    >>> number(3), number(2**60)
    (3, '1152921504606846976')
    """
    return value if abs(value) <= INTEGER_MAX else str(value)


def plain(value: Any) -> Any:
    """A number as documents hold it; what is no number is left.

    >>> plain(float("-inf")), plain(2**60), plain(True)
    ('-Infinity', '1152921504606846976', True)
    """
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return number(value) if type(value) is int else value


def _unicode(text: str) -> str:
    """A text without halves of surrogate pairs, which no document may hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def check_layout(spans: Iterable[tuple[int, int, str]], size: int, *, is_dense: bool) -> None:
    """Checks where data lies: (begin, end, name) within `size` bytes, no two overlapping; if dense, without holes.

    Errors: `Malformed`.
    """
    end = 0
    for begin, after, name in sorted(spans):
        if (is_dense and begin != end) or (begin < end and begin != after):
            raise Malformed(f"{name!r:.80} leaves a hole or lies over another tensor")
        if not begin <= after <= size:
            raise Malformed(f"{name!r:.80} lies at bytes {begin} to {after} of {size}")
        end = max(end, after)
    if is_dense and end != size:
        raise Malformed(f"its tensors end at {end} of {size} bytes")


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
    most = sorted(dtypes.items(), key=lambda item: -item[1])[:DTYPES_MAX]
    return {
        "parameters": number(sum(elements(row) for row in rows)),
        "tensors": len(rows),
        "dtypes": dict(most),
        "structure": structure(rows),
    }


def text(value: object) -> str:
    """A value of a file's metadata as a text, cut where it is long, with nothing that no document may hold."""
    whole = value if isinstance(value, str) else str(value)
    cut = whole[:TEXT_LENGTH_MAX].encode("utf-8", "replace").decode("utf-8")
    return cut if len(whole) <= TEXT_LENGTH_MAX else f"{cut}…"
