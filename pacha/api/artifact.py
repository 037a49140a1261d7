"""A version or commit of an artifact as Python sees it: a value whose members are read when they are asked for."""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pacha.base.ids import ObjectId
from pacha.base.semver import Version
from pacha.formats.schema import DataSchema
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.tree import FileEntry
from pacha.porcelain.card import card_at
from pacha.porcelain.cat import cat
from pacha.porcelain.checkout import export
from pacha.porcelain.data import measured_schema
from pacha.porcelain.declared import declared_schema
from pacha.porcelain.labels import labels_of
from pacha.porcelain.show import files_of
from pacha.porcelain.workspace import Workspace
from pacha.registry.cards import Card
from pacha.registry.resolve import Revision
from pacha.registry.stages import DEVELOPMENT


class Artifact:
    """One commit of a model, dataset or recipe. What it was committed with never changes; `stage` may."""

    def __init__(self, workspace: Workspace, revision: Revision) -> None:
        self._workspace = workspace
        self._revision = revision

    def __repr__(self) -> str:
        return f"<pacha.Artifact {self.reference}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Artifact) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    # -- what it is ------------------------------------------------------------------------------------------------

    @property
    def id(self) -> ObjectId:
        """The manifest's id."""
        return self._revision.manifest

    @cached_property
    def manifest(self) -> Manifest:
        """The manifest itself."""
        return self._workspace.catalog.manifest(self.id)

    @property
    def kind(self) -> str:
        """`model`, `data`, `recipe` or `run`."""
        return self.manifest.artifact.kind

    @property
    def name(self) -> str:
        """The artifact's name, without its kind."""
        return self.manifest.artifact.name

    @cached_property
    def version(self) -> Version | None:
        """The version that was asked for, else the highest that names this commit, else None."""
        if self._revision.version is not None:
            return self._revision.version
        versions = self.versions
        return versions[-1] if versions else None

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every version that names this commit, lowest first."""
        found = self._workspace.catalog.tagged(self.manifest.artifact).of(self.id)
        return tuple(Version.parse(text) for text in found)

    @property
    def reference(self) -> str:
        """What pins it: `model/fraud:1.2.0`, or its manifest where it has no version."""
        return f"{self.manifest.artifact}:{self.version}" if self.version else f"manifest:{self.id}"

    @property
    def stage(self) -> str | None:
        """The stage that its version holds now; None where it has no version. Errors: `StageFork`."""
        if self.version is None:
            return None
        return labels_of(self._workspace, self.manifest.artifact).stages.get(str(self.version), DEVELOPMENT)

    @property
    def digest(self) -> ObjectId:
        """The BLAKE3 of its file, or of the list of its files: what `b3sum` prints for a file."""
        return self.manifest.digest

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.manifest.size

    @property
    def card(self) -> Card:
        """Its typed card, with the references that its lineage fills in. Errors: `BadCard`."""
        return card_at(self._workspace, self.id)

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The metrics of its card."""
        found = self.manifest.card.get("metrics", {})
        return found if isinstance(found, Mapping) else {}

    @property
    def facts(self) -> Mapping[str, Any]:
        """What a machine found in its bytes."""
        return self.manifest.facts

    @property
    def schema(self) -> DataSchema | None:
        """The columns of a dataset, declared or else found; None where there are none, or too many for its manifest."""
        return declared_schema(self.manifest.card) or measured_schema(self.manifest.card)

    @property
    def parents(self) -> tuple[Parent, ...]:
        """Where it comes from, its history left out."""
        return tuple(parent for parent in self.manifest.parents if parent.role != "previous")

    @property
    def files(self) -> tuple[FileEntry, ...] | None:
        """Its files; None where the list of so many is not here."""
        return files_of(self._workspace, self.manifest)

    # -- its bytes -------------------------------------------------------------------------------------------------

    def download(self, to: str | os.PathLike[str], *, force: bool = False) -> str:
        """Writes its file or folder to a path, every byte checked, and returns the path.

        Nothing that lies there is replaced without `force`. Errors: `Unsaved`, `Absent`, `Corrupt`, `MachineFailed`.
        """
        return export(self._workspace, self._revision, os.fspath(to), force=force).path

    def read(self, path: str | None = None) -> bytes:
        """The bytes of its file, or of one of its files, checked. Errors: `Usage`, `NoSuchEntry`, `Absent`, `Corrupt`."""
        revision = self._revision
        if path is not None:
            start = self._workspace.repository.work_tree
            revision = self._workspace.resolve(f"manifest:{self.id}/{path}", start=start)
        return b"".join(bytes(data) for data in cat(self._workspace, revision))
