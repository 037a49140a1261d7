"""`pacha show`: everything known of one revision, and whether its bytes are here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pacha.base.errors import Absent
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.trees import tree_files
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.tree import FileEntry
from pacha.objects.types import Link
from pacha.porcelain.card import full_card
from pacha.porcelain.labels import Label, labels_of
from pacha.porcelain.workspace import Workspace
from pacha.registry.catalog import Versions


class Presence(Enum):
    """Whether an artifact's bytes are in this store."""

    HERE = "here"
    PARTLY = "partly here"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownParent:
    """A parent with the name that people know it by. `artifact` is None where its manifest is not here."""

    role: str
    manifest: ObjectId
    artifact: ArtifactName | None
    versions: tuple[str, ...]
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A manifest for people. `files` is None where they are in a tree that is not here. Units: bytes."""

    manifest: ObjectId
    artifact: ArtifactName
    labels: tuple[Label, ...]
    is_head: bool
    author: str
    created: str
    message: str
    path: str | None
    shape: str
    tree: ObjectId
    digest: ObjectId
    size: int
    presence: Presence
    files: tuple[FileEntry, ...] | None
    parents: tuple[ShownParent, ...]
    card: Mapping[str, object]
    facts: Mapping[str, object]


def show(workspace: Workspace, id: ObjectId) -> Shown:
    """Reads a manifest and what goes with it. Errors: `Absent`, `Corrupt` for the manifest itself."""
    manifest = workspace.catalog.manifest(id)
    labels = labels_of(workspace, manifest.artifact)
    return Shown(
        manifest=id,
        artifact=manifest.artifact,
        labels=labels.of(id),
        is_head=id in workspace.catalog.heads(manifest.artifact),
        author=manifest.author,
        created=manifest.created,
        message=manifest.message,
        path=manifest.path,
        shape=manifest.shape,
        tree=manifest.tree,
        digest=manifest.digest,
        size=manifest.size,
        presence=presence(workspace, manifest),
        files=files_of(workspace, manifest),
        parents=tuple(_parent(workspace, parent, labels.versions, manifest.artifact) for parent in manifest.parents),
        card=full_card(workspace, manifest),
        facts=manifest.facts,
    )


def _parent(workspace: Workspace, parent: Parent, own: Versions, owner: ArtifactName) -> ShownParent:
    """A parent with its versions; `own` are those of `owner`, which most parents are of as well."""
    artifact: ArtifactName | None = None
    versions: Sequence[str] = ()
    if workspace.is_here(parent.manifest):
        artifact = workspace.catalog.manifest(parent.manifest).artifact
        versions = (own if artifact == owner else workspace.catalog.tagged(artifact)).of(parent.manifest)
    return ShownParent(
        role=parent.role,
        manifest=parent.manifest,
        artifact=artifact,
        versions=tuple(versions),
        attributes=parent.attributes,
    )


def files_of(workspace: Workspace, manifest: Manifest) -> tuple[FileEntry, ...] | None:
    """The files of a manifest, from itself or from its tree; None if the tree is not here. Errors: `Corrupt`."""
    if manifest.files is not None:
        return manifest.files
    try:
        files = [file.listed() for file in tree_files(workspace.repository.objects, manifest.tree)]
    except Absent:
        return None
    return tuple(sorted(files, key=lambda file: file.path.encode("utf-8")))


def presence(workspace: Workspace, manifest: Manifest) -> Presence:
    """Tells whether the bytes are here, by the roots of each file's content; `verify` looks at every byte."""
    objects = workspace.repository.objects
    if not objects.has(Link("tree", manifest.tree)):
        return Presence.ABSENT
    try:
        contents = {file.entry.link.id for file in tree_files(objects, manifest.tree)}
    except Absent:
        return Presence.PARTLY
    here = objects.data.has_many(contents)
    if here == contents:
        return Presence.HERE
    return Presence.PARTLY if here else Presence.ABSENT
