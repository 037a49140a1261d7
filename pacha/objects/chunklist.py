"""Chunklist: a big file as a list of pieces, in levels. Source: docs/format.md, "Chunklist"."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pacha.base.canonical import encode_compact
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import DOCUMENT_BYTES_MAX, BadObject, Link, ObjectType, Storage, checked, decode_document

#: A document of this many chunks is 350 KB; four levels hold 2^48 chunks.
CHUNKS_MAX = 4096
DEPTH_MAX = 4


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece: a blob, or a chunklist that holds a run of pieces. Units: `length` in bytes of the file."""

    length: int
    link: Link


@dataclass(frozen=True, slots=True)
class Chunklist:
    """The pieces of a file, or of a run of it, in order."""

    size: int
    chunks: tuple[Chunk, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.chunks) <= CHUNKS_MAX:
            raise BadObject(f"a chunklist has 1 to {CHUNKS_MAX} chunks, not {len(self.chunks)}")
        if any(chunk.length < 1 for chunk in self.chunks) or sum(chunk.length for chunk in self.chunks) != self.size:
            raise BadObject("the lengths of a chunklist's chunks do not add up to its size")
        if any(chunk.link.type not in ("blob", "chunklist") for chunk in self.chunks):
            raise BadObject("a chunk is a blob or a chunklist")


def encode(value: Chunklist) -> bytes:
    """The document of a chunklist."""
    return encode_compact(
        {
            "type": "chunklist",
            "size": value.size,
            "chunks": [[chunk.length, str(chunk.link)] for chunk in value.chunks],
        }
    )


def decode(raw: bytes) -> Chunklist:
    """Reads a chunklist. Errors: `NotCanonical`, `BadObject`."""
    return checked("chunklist", _read, decode_document(raw, "chunklist", lines=False, size_max=DOCUMENT_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Chunklist:
    if value.keys() != {"type", "size", "chunks"} or type(value["size"]) is not int:
        raise BadObject("a chunklist has the members type, size and chunks")
    chunks = tuple(Chunk(_length(length), Link.parse(link)) for length, link in value["chunks"])
    return Chunklist(value["size"], chunks)


def _length(value: object) -> int:
    if type(value) is not int:
        raise BadObject("a chunk's length is a whole number")
    return value


def build_chunklists(pieces: Sequence[tuple[int, ObjectId]]) -> list[tuple[ObjectId, bytes]]:
    """Builds the levels over the pieces of a file (length, blob): children first, the root last.

    Errors: `BadObject` for more pieces than four levels hold.
    """
    level = [Chunk(length, Link("blob", id)) for length, id in pieces]
    built: list[tuple[ObjectId, bytes]] = []
    for _ in range(DEPTH_MAX):
        above = []
        for start in range(0, len(level), CHUNKS_MAX):
            chunks = tuple(level[start : start + CHUNKS_MAX])
            value = Chunklist(sum(chunk.length for chunk in chunks), chunks)
            raw = encode(value)
            id = hash_bytes(raw)
            built.append((id, raw))
            above.append(Chunk(value.size, Link("chunklist", id)))
        if len(above) == 1:
            return built
        level = above
    raise BadObject(f"a file of {len(pieces)} chunks needs more than {DEPTH_MAX} levels")


TYPE = ObjectType(
    name="chunklist",
    storage=Storage.DATA,
    size_max=DOCUMENT_BYTES_MAX,
    encode=encode,
    decode=decode,
    references=lambda value: tuple(chunk.link for chunk in value.chunks),
)
