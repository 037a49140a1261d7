"""Manifest: an artifact at one moment. What it holds, where it comes from, what a person and a machine say of it.

Source: docs/format.md, "Manifest".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.base.canonical import encode_lines
from pacha.base.clock import check_timestamp
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.paths import check_path
from pacha.objects import fields
from pacha.objects.tree import FileEntry, artifact_digest
from pacha.objects.types import META_BYTES_MAX, BadObject, Link, ObjectType, Storage, checked, decode_document

ROLES = (
    "previous", "trained_on", "validated_on", "evaluated_on", "recipe", "run", "fine_tuned_from", "distilled_from",
    "merged_from", "quantized_from", "pruned_from", "derived_from",
)  # fmt: skip
SHAPES = ("file", "folder")
#: A merge of more models than this is not a lineage that anybody reads.
PARENTS_MAX = 1024
#: With so few files, a fresh clone can answer what an artifact holds without its tree.
FILES_MAX = 64
#: The summary that travels with Git; the whole table is `facts_detail`.
FACTS_BYTES_MAX = 4096
_MEMBERS = frozenset(
    {
        "type", "artifact", "tree", "digest", "size", "shape", "path", "files", "parents", "card", "facts",
        "facts_detail", "author", "created", "message",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """Where something came from, in which role, and with what attributes (temperature, weights, …)."""

    role: str
    manifest: ObjectId
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise BadObject(f"no such role: {self.role!r}", hint=f"roles are {', '.join(ROLES)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One commit of one artifact. Units: `size` in bytes of all files. `extra` keeps members of later versions."""

    artifact: ArtifactName
    tree: ObjectId
    digest: ObjectId
    size: int
    shape: str
    author: str
    created: str
    message: str
    path: str | None = None
    files: tuple[FileEntry, ...] | None = None
    parents: tuple[Parent, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    facts_detail: ObjectId | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.shape not in SHAPES:
            raise BadObject(f"an artifact's shape is file or folder, not {self.shape!r}")
        if len(self.parents) > PARENTS_MAX:
            raise BadObject(f"a manifest has at most {PARENTS_MAX} parents, not {len(self.parents)}")
        if len({(parent.role, parent.manifest) for parent in self.parents}) != len(self.parents):
            raise BadObject("a manifest names the same parent twice in one role")
        if self.path is not None:
            check_path(self.path)
        if self.files is not None:
            _check_files(self)

    def previous(self) -> tuple[ObjectId, ...]:
        """The manifests that this one follows in its artifact's history."""
        return tuple(parent.manifest for parent in self.parents if parent.role == "previous")

    def link(self) -> Link:
        """The link to the tree that holds the files."""
        return Link("tree", self.tree)


def _check_files(manifest: Manifest) -> None:
    files = manifest.files or ()
    if len(files) > FILES_MAX:
        raise BadObject(f"a manifest lists at most {FILES_MAX} files; more are in its tree alone")
    paths = [file.path.encode("utf-8", "surrogatepass") for file in files]
    if any(left >= right for left, right in zip(paths, paths[1:], strict=False)):
        raise BadObject("a manifest's files are not sorted, or one is there twice")
    for file in files:
        check_path(file.path)
    if sum(file.size for file in files) != manifest.size:
        raise BadObject("the sizes of a manifest's files do not add up to its size")
    if manifest.shape == "file":
        if len(files) != 1 or "/" in files[0].path or files[0].digest != manifest.digest:
            raise BadObject("an artifact of shape file has one file, and its digest is that file's")
    elif artifact_digest(files) != manifest.digest:
        raise BadObject("a manifest's digest is not that of its files")


def encode(value: Manifest) -> bytes:
    """The document of a manifest. Errors: `Unrepresentable`, `BadObject` above the limits."""
    document: dict[str, Any] = {
        **value.extra,
        "type": "manifest",
        "artifact": str(value.artifact),
        "tree": f"tree:{value.tree}",
        "digest": value.digest.hex,
        "size": value.size,
        "shape": value.shape,
        "author": value.author,
        "created": value.created,
        "message": value.message,
    }
    if value.path is not None:
        document["path"] = value.path
    if value.files is not None:
        document["files"] = [_file_value(file) for file in value.files]
    if value.parents:
        document["parents"] = [_parent_value(parent) for parent in value.parents]
    if value.card:
        document["card"] = dict(value.card)
    if value.facts:
        document["facts"] = dict(value.facts)
        _check_facts(value.facts)
    if value.facts_detail is not None:
        document["facts_detail"] = f"blob:{value.facts_detail}"
    raw = encode_lines(document)
    if len(raw) > META_BYTES_MAX:
        raise BadObject(
            f"a manifest of {len(raw)} bytes is larger than {META_BYTES_MAX}",
            hint="move long texts of the card to a file",
        )
    return raw


def _check_facts(facts: Mapping[str, Any]) -> None:
    if len(encode_lines(dict(facts))) > FACTS_BYTES_MAX:
        raise BadObject(f"facts are a summary of at most {FACTS_BYTES_MAX} bytes; details belong into facts_detail")


def _file_value(file: FileEntry) -> dict[str, Any]:
    value: dict[str, Any] = {"path": file.path, "size": file.size, "digest": file.digest.hex}
    if file.executable:
        value["executable"] = True
    return value


def _parent_value(parent: Parent) -> dict[str, Any]:
    value: dict[str, Any] = {"role": parent.role, "manifest": f"manifest:{parent.manifest}"}
    if parent.attributes:
        value["attributes"] = dict(parent.attributes)
    return value


def decode(raw: bytes) -> Manifest:
    """Reads a manifest. Errors: `NotCanonical`, `BadObject`."""
    return checked("manifest", _read, decode_document(raw, "manifest", lines=True, size_max=META_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Manifest:
    facts = fields.mapping(value, "facts")
    if facts:
        _check_facts(facts)
    files = fields.items(value, "files", size_max=FILES_MAX) if "files" in value else None
    return Manifest(
        artifact=ArtifactName.parse(fields.text(value, "artifact")),
        tree=_id(value["tree"], "tree"),
        digest=ObjectId.parse(value["digest"]),
        size=fields.count(value, "size"),
        shape=fields.text(value, "shape"),
        author=fields.text(value, "author"),
        created=check_timestamp(fields.text(value, "created")),
        message=fields.text(value, "message"),
        path=fields.text(value, "path") if "path" in value else None,
        files=None if files is None else tuple(_read_file(item) for item in files),
        parents=tuple(_read_parent(item) for item in fields.items(value, "parents", size_max=PARENTS_MAX)),
        card=fields.mapping(value, "card"),
        facts=facts,
        facts_detail=_id(value["facts_detail"], "blob") if "facts_detail" in value else None,
        extra=fields.extra(value, _MEMBERS),
    )


def _id(text: str, type_name: str) -> ObjectId:
    link = Link.parse(text)
    if link.type != type_name:
        raise BadObject(f"a member names a {link.type} where a {type_name} must be")
    return link.id


def _read_file(value: dict[str, Any]) -> FileEntry:
    if not value.keys() <= {"path", "size", "digest", "executable"}:
        raise BadObject("a file has the members path, size, digest and executable")
    return FileEntry(
        path=fields.text(value, "path"),
        size=fields.count(value, "size"),
        digest=ObjectId.parse(value["digest"]),
        executable=fields.true_or_absent(value, "executable"),
    )


def _read_parent(value: dict[str, Any]) -> Parent:
    if not value.keys() <= {"role", "manifest", "attributes"}:
        raise BadObject("a parent has the members role, manifest and attributes")
    return Parent(
        role=fields.text(value, "role"),
        manifest=_id(value["manifest"], "manifest"),
        attributes=fields.mapping(value, "attributes"),
    )


def references(value: Manifest) -> tuple[Link, ...]:
    """The tree, the details, and every parent."""
    detail = () if value.facts_detail is None else (Link("blob", value.facts_detail),)
    return (value.link(), *detail, *(Link("manifest", parent.manifest) for parent in value.parents))


TYPE = ObjectType(
    name="manifest",
    storage=Storage.META,
    size_max=META_BYTES_MAX,
    encode=encode,
    decode=decode,
    references=references,
)
