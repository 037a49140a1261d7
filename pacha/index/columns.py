"""Many manifests as columns: what a search reads of 100,000 of them is the few columns that it names.

A column is a path, `("card", "metrics", "auc")`, with each distinct value once and a number a row. Mappings of cards
and facts are taken apart two levels deep; what lies deeper, and a mapping with very many members, stays one value.
Values are JSON texts until they are asked for. Pure: bytes to values and back.
"""

import json
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pacha.objects.manifest import Manifest

#: A column's name: one of the members of every manifest, or card or facts and up to two keys.
Path = tuple[str, ...]
#: A mapping with more members is one column: a table of a thousand features would be thousands of columns.
MEMBERS_MAX = 64
#: A manifest that would have more columns is taken apart one level less.
COLUMNS_OF_ONE_MAX = 512
_GROUPS = ("card", "facts")
_LEVELS = 2
#: Distinct values that a byte numbers, with 0 for none; a wider column needs two bytes a row.
_BYTE_MAX = 255


@dataclass(frozen=True, slots=True)
class Column:
    """The values of some rows. `codes` has a number for each row: 0 for none, else one more than its value's place."""

    values: list[object]
    codes: Sequence[int]

    def marks(self, passes: Iterable[bool]) -> bytes:
        """A byte for each row: 1 where its value is among those that pass, given in the order of `values`."""
        table = b"\0" + bytes(passes)
        if isinstance(self.codes, bytes):
            return self.codes.translate(table.ljust(256, b"\0"))
        return bytes(map(table.__getitem__, self.codes))

    def value(self, row: int) -> object:
        """A row's value, or None."""
        code = self.codes[row]
        return self.values[code - 1] if code else None


def flatten(manifest: Manifest) -> dict[Path, str]:
    """What a manifest says, as JSON texts by column.

    The texts of equal values are equal, so that a column can hold each once.
    """
    found: dict[Path, str] = {
        ("created",): _text(manifest.created),
        ("author",): _text(manifest.author),
        ("message",): _text(manifest.message),
        ("size",): _text(manifest.size),
        ("digest",): _text(manifest.digest.hex),
        ("shape",): _text(manifest.shape),
    }
    if manifest.path is not None:
        found["path",] = _text(manifest.path)
    for group, value in zip(_GROUPS, (manifest.card, manifest.facts), strict=True):
        if value:
            found.update(_parts_of(group, value))
    return found


def _parts_of(group: str, value: Mapping[str, object]) -> dict[Path, str]:
    parts = dict(_take_apart((group,), value, _LEVELS))
    return parts if len(parts) <= COLUMNS_OF_ONE_MAX else dict(_take_apart((group,), value, _LEVELS - 1))


def _take_apart(path: Path, value: object, levels: int) -> Iterator[tuple[Path, str]]:
    if (
        isinstance(value, Mapping)
        and levels
        and len(value) <= MEMBERS_MAX
        and any(v is not None for v in value.values())
    ):
        for key, inner in value.items():
            yield from _take_apart((*path, key), inner, levels - 1)
    elif value is not None:
        yield path, _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode_columns(rows: list[dict[Path, str]]) -> dict[Path, bytes]:
    """The columns of some flattened manifests."""
    paths: dict[Path, None] = {}
    for row in rows:
        paths.update(dict.fromkeys(row))
    return {path: _encode([row.get(path) for row in rows]) for path in paths}


def _encode(texts: list[str | None]) -> bytes:
    numbers = {text: number for number, text in enumerate(dict.fromkeys(t for t in texts if t is not None), start=1)}
    codes = [0 if text is None else numbers[text] for text in texts]
    is_narrow = len(numbers) <= _BYTE_MAX
    packed = bytes(codes) if is_narrow else _little(array("H", codes)).tobytes()
    head = b"%c%s" % (b"B" if is_narrow else b"H", len(packed).to_bytes(4, "little"))
    return b"".join((head, packed, b"[", ",".join(numbers).encode("utf-8"), b"]"))


def decode_column(data: bytes) -> Column:
    """Reads a column that `encode_columns` made."""
    end = 5 + int.from_bytes(data[1:5], "little")
    values = json.loads(data[end:])
    if data[:1] == b"B":
        return Column(values, data[5:end])
    codes = array("H")
    codes.frombytes(data[5:end])
    return Column(values, _little(codes))


def decode_texts(data: bytes) -> list[str | None]:
    """The JSON texts of a column's rows, as `flatten` made them."""
    column = decode_column(data)
    texts = [None, *(_text(value) for value in column.values)]
    return [texts[code] for code in column.codes]


def _little(codes: "array[int]") -> "array[int]":
    """Numbers in the order of bytes that the file has, from or to that of this machine."""
    if sys.byteorder == "big":
        codes.byteswap()
    return codes
