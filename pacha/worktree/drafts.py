"""What `add` leaves for `commit`: drafts, and the memory of which manifest each path holds. This machine's own state.

Source: docs/design.md, "The work tree".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pacha.base.canonical import decode_compact, encode_compact
from pacha.base.errors import Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.tree import FileEntry

DRAFTS, MEMORY = "local/drafts", "local/memory"
ENDING = ".json"


class BadState(Corrupt):
    """A file of this machine's own state cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Bytes that are stored: what a manifest says of them. Units: `size` in bytes."""

    tree: ObjectId
    digest: ObjectId
    size: int
    shape: str
    files: tuple[FileEntry, ...] | None


@dataclass(frozen=True, slots=True)
class StagedBytes:
    """What another artifact's draft held when it was named as a parent; printed `data/users@3f2a…`."""

    artifact: ArtifactName
    digest: ObjectId

    def __str__(self) -> str:
        return f"{self.artifact}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftParent:
    """Where the next manifest comes from: a manifest, or bytes that are staged and committed with this draft, or before."""

    role: str
    source: ObjectId | StagedBytes
    attributes: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The next manifest of an artifact, before it has an author, a time and a message.

    `path` is None for an artifact that does not live in the work tree. `card` and `parents` are what was said of it;
    None means that nothing was. `measured` are members of the card that a machine fills.
    """

    artifact: ArtifactName
    path: str | None
    content: Content
    previous: tuple[ObjectId, ...]
    card: Mapping[str, object] | None = None
    parents: tuple[DraftParent, ...] | None = None
    measured: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    facts_detail: ObjectId | None = None
    new_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Which manifest a path of the work tree holds, and that manifest's digest."""

    artifact: ArtifactName
    path: str
    manifest: ObjectId
    digest: ObjectId


def draft_file(artifact: ArtifactName) -> str:
    """Where an artifact's draft lies below `.pacha`."""
    return f"{DRAFTS}/{artifact}{ENDING}"


def memory_file(artifact: ArtifactName) -> str:
    """Where the memory of an artifact's path lies below `.pacha`."""
    return f"{MEMORY}/{artifact}{ENDING}"


def encode_draft(draft: Draft) -> bytes:
    """A draft as bytes."""
    files = draft.content.files
    return encode_compact(
        {
            "artifact": str(draft.artifact),
            "path": draft.path,
            "tree": draft.content.tree.hex,
            "digest": draft.content.digest.hex,
            "size": draft.content.size,
            "shape": draft.content.shape,
            "files": None
            if files is None
            else [[file.path, file.size, file.digest.hex, file.executable] for file in files],
            "previous": [id.hex for id in draft.previous],
            "card": None if draft.card is None else dict(draft.card),
            "parents": None if draft.parents is None else [_parent_value(parent) for parent in draft.parents],
            "measured": dict(draft.measured),
            "facts": dict(draft.facts),
            "facts_detail": None if draft.facts_detail is None else draft.facts_detail.hex,
            "new_bytes": draft.new_bytes,
        }
    )


def decode_draft(data: bytes, *, path: str) -> Draft:
    """Reads a draft. Errors: `BadState`."""
    try:
        value = _mapping(decode_compact(data))
        files = value["files"]
        return Draft(
            artifact=ArtifactName.parse(_text(value["artifact"])),
            path=None if value["path"] is None else _text(value["path"]),
            content=Content(
                tree=ObjectId.parse(_text(value["tree"])),
                digest=ObjectId.parse(_text(value["digest"])),
                size=_number(value["size"]),
                shape=_text(value["shape"]),
                files=None if files is None else tuple(_file(item) for item in _list(files)),
            ),
            previous=tuple(ObjectId.parse(_text(id)) for id in _list(value["previous"])),
            card=None if not value["card"] else _mapping(value["card"]),
            parents=None if value.get("parents") is None else tuple(_parent(item) for item in _list(value["parents"])),
            measured=_mapping(value.get("measured", {})),
            facts=_mapping(value.get("facts", {})),
            facts_detail=None if value.get("facts_detail") is None else ObjectId.parse(_text(value["facts_detail"])),
            new_bytes=_number(value["new_bytes"]),
        )
    except (Corrupt, KeyError, TypeError, ValueError) as error:
        raise _bad(path) from error


def encode_memory(memory: Memory) -> bytes:
    """A memory as bytes."""
    return encode_compact(
        {
            "artifact": str(memory.artifact),
            "path": memory.path,
            "manifest": memory.manifest.hex,
            "digest": memory.digest.hex,
        }
    )


def decode_memory(data: bytes, *, path: str) -> Memory:
    """Reads a memory. Errors: `BadState`."""
    try:
        value = _mapping(decode_compact(data))
        return Memory(
            artifact=ArtifactName.parse(_text(value["artifact"])),
            path=_text(value["path"]),
            manifest=ObjectId.parse(_text(value["manifest"])),
            digest=ObjectId.parse(_text(value["digest"])),
        )
    except (Corrupt, KeyError, TypeError, ValueError) as error:
        raise _bad(path) from error


def _bad(path: str) -> BadState:
    return BadState(f"{path}: cannot be read", hint=f"remove it and add the path again: rm {path}", path=path)


def _parent_value(parent: DraftParent) -> list[object]:
    return [parent.role, str(parent.source), dict(parent.attributes)]


def _parent(item: object) -> DraftParent:
    role, source, attributes = _list(item)
    name, at, digits = _text(source).rpartition("@")
    id = ObjectId.parse(digits)
    return DraftParent(
        role=_text(role),
        source=StagedBytes(ArtifactName.parse(name), id) if at else id,
        attributes=_mapping(attributes),
    )


def _file(item: object) -> FileEntry:
    path, size, digest, executable = _list(item)
    return FileEntry(
        path=_text(path), size=_number(size), digest=ObjectId.parse(_text(digest)), executable=executable is True
    )


def _mapping(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("not a number")
    return value
