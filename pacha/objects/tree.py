"""Tree: the files and folders of one folder, by name. Source: docs/format.md, "Tree".

Above 4,096 entries a tree fans out by the hexadecimal digits of the BLAKE3 of the entries' names, so that changing one
of a million files writes a few small documents. Fan-out adds no path component.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pacha.base.canonical import encode_compact
from pacha.base.ids import Hasher, ObjectId, hash_bytes
from pacha.base.paths import check_entry_name, check_siblings
from pacha.objects.types import DOCUMENT_BYTES_MAX, BadObject, Link, ObjectType, Storage, checked, decode_document

ENTRIES_MAX = 4096
#: Sixteen ways at each level: eight levels are more than any folder needs.
FANOUT_DEPTH_MAX = 8
_DIGITS = "0123456789abcdef"
_ENTRY_MEMBERS = frozenset({"name", "type", "size", "content", "digest", "executable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """A file (`link` is a blob or a chunklist) or a folder (`link` is a tree, `digest` is None). Units: bytes."""

    name: str
    link: Link
    size: int
    digest: ObjectId | None
    executable: bool = False

    @property
    def is_folder(self) -> bool:
        """Tells whether this is a folder."""
        return self.link.type == "tree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fan:
    """All entries whose names' digests go on with one digit."""

    digit: str
    link: Link
    count: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """Either entries, sorted by the bytes of their names, or fans, sorted by digit."""

    entries: tuple[TreeEntry, ...] = ()
    fans: tuple[Fan, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files below."""
        return sum(entry.size for entry in self.entries) + sum(fan.size for fan in self.fans)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of an artifact. Units: `size` in bytes."""

    path: str
    size: int
    digest: ObjectId
    executable: bool = False


def artifact_digest(files: Iterable[FileEntry]) -> ObjectId:
    """The digest of a folder's files: BLAKE3 of the lines `<64 hex>  <size> <path>`, sorted by path bytes."""
    hasher = Hasher()
    lines = sorted((file.path.encode("utf-8"), f"{file.digest}  {file.size} {file.path}\n".encode()) for file in files)
    hasher.update(b"".join(line for _, line in lines))
    return hasher.id()


def encode(value: Tree) -> bytes:
    """The document of a tree."""
    if value.fans:
        fans = [
            {"digit": fan.digit, "content": str(fan.link), "count": fan.count, "size": fan.size} for fan in value.fans
        ]
        return encode_compact({"type": "tree", "fanout": fans})
    return encode_compact({"type": "tree", "entries": [_entry_value(entry) for entry in value.entries]})


def _entry_value(entry: TreeEntry) -> dict[str, object]:
    member: dict[str, object] = {
        "name": entry.name,
        "type": "folder" if entry.is_folder else "file",
        "size": entry.size,
        "content": str(entry.link),
    }
    if entry.link.type == "chunklist" and entry.digest is not None:
        member["digest"] = entry.digest.hex
    if entry.executable:
        member["executable"] = True
    return member


def decode(raw: bytes) -> Tree:
    """Reads a tree and checks every name. Errors: `NotCanonical`, `BadObject`."""
    return checked("tree", _read, decode_document(raw, "tree", lines=False, size_max=DOCUMENT_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Tree:
    if value.keys() == {"type", "fanout"}:
        return Tree(fans=_read_fans(value["fanout"]))
    if value.keys() != {"type", "entries"} or not isinstance(value["entries"], list):
        raise BadObject("a tree has the members type and entries, or type and fanout")
    if len(value["entries"]) > ENTRIES_MAX:
        raise BadObject(f"a tree of more than {ENTRIES_MAX} entries must fan out")
    entries = tuple(_read_entry(entry) for entry in value["entries"])
    names = [entry.name.encode("utf-8") for entry in entries]
    if any(left >= right for left, right in zip(names, names[1:], strict=False)):
        raise BadObject("a tree's entries are not sorted, or one is there twice")
    check_siblings(entry.name for entry in entries)
    return Tree(entries=entries)


def _read_entry(value: dict[str, Any]) -> TreeEntry:
    if not value.keys() <= _ENTRY_MEMBERS:
        raise BadObject(f"a tree entry has unknown members: {sorted(value.keys() - _ENTRY_MEMBERS)}")
    name = check_entry_name(value["name"])
    link = Link.parse(value["content"])
    size = value["size"]
    executable = value.get("executable", False)
    is_folder = value["type"] == "folder"
    if type(size) is not int or size < 0 or ("executable" in value and executable is not True):
        raise BadObject(f"the entry {name!r} has a wrong size or flag")
    if (
        is_folder != (link.type == "tree")
        or link.type not in ("blob", "chunklist", "tree")
        or (not is_folder and value["type"] != "file")
    ):
        raise BadObject(f"the entry {name!r} is a {value['type']!r} and names a {link.type}")
    if ("digest" in value) != (link.type == "chunklist") or (is_folder and executable):
        raise BadObject(f"the entry {name!r} has members that do not go together")
    digest = ObjectId.parse(value["digest"]) if link.type == "chunklist" else None if is_folder else link.id
    return TreeEntry(name=name, link=link, size=size, digest=digest, executable=executable)


def _read_fans(value: list[dict[str, Any]]) -> tuple[Fan, ...]:
    fans = []
    for item in value:
        if item.keys() != {"digit", "content", "count", "size"}:
            raise BadObject("a fan has the members digit, content, count and size")
        link = Link.parse(item["content"])
        if item["digit"] not in list(_DIGITS) or link.type != "tree" or type(item["size"]) is not int:
            raise BadObject("a fan names a tree by one hexadecimal digit")
        if type(item["count"]) is not int or item["count"] < 1 or item["size"] < 0:
            raise BadObject("a fan counts its entries and their bytes")
        fans.append(Fan(digit=item["digit"], link=link, count=item["count"], size=item["size"]))
    digits = [fan.digit for fan in fans]
    if not fans or digits != sorted(set(digits)):
        raise BadObject("a tree's fans are not sorted, or one is there twice")
    if sum(fan.count for fan in fans) <= ENTRIES_MAX:
        raise BadObject(f"a tree of at most {ENTRIES_MAX} entries does not fan out")
    return tuple(fans)


def build_trees(entries: Sequence[TreeEntry]) -> list[tuple[ObjectId, bytes]]:
    """Builds the documents of one folder: children first, the root last. Errors: `BadPath` for unsafe names."""
    for entry in entries:
        check_entry_name(entry.name)
    check_siblings(entry.name for entry in entries)
    built: list[tuple[ObjectId, bytes]] = []
    _build(sorted(entries, key=lambda entry: entry.name.encode("utf-8")), 0, built)
    return built


def _build(entries: list[TreeEntry], depth: int, built: list[tuple[ObjectId, bytes]]) -> ObjectId:
    if len(entries) <= ENTRIES_MAX:
        raw = encode(Tree(entries=tuple(entries)))
    elif depth >= FANOUT_DEPTH_MAX:
        raise BadObject(f"a folder of so many entries needs more than {FANOUT_DEPTH_MAX} levels")
    else:
        groups: dict[str, list[TreeEntry]] = {}
        for entry in entries:
            groups.setdefault(name_digits(entry.name)[depth], []).append(entry)
        fans = []
        for digit, members in sorted(groups.items()):
            id = _build(members, depth + 1, built)
            size = sum(member.size for member in members)
            fans.append(Fan(digit=digit, link=Link("tree", id), count=len(members), size=size))
        raw = encode(Tree(fans=tuple(fans)))
    id = hash_bytes(raw)
    built.append((id, raw))
    return id


def name_digits(name: str) -> str:
    """The digits by which an entry's name fans out."""
    return hash_bytes(name.encode("utf-8")).hex


TYPE = ObjectType(
    name="tree",
    storage=Storage.DATA,
    size_max=DOCUMENT_BYTES_MAX,
    encode=encode,
    decode=decode,
    references=lambda value: tuple(item.link for item in (*value.entries, *value.fans)),
)
