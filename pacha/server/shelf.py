"""What the older API reads: the models of a served folder, each question through a view of its own.

A push shows at the next question, and two questions share nothing that could be torn.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from pacha.base.errors import Unsupported
from pacha.base.ids import ObjectId
from pacha.objects.manifest import Manifest
from pacha.porcelain.cat import cat
from pacha.porcelain.list import VersionRow as Row
from pacha.porcelain.list import list_versions
from pacha.porcelain.view import View, open_view
from pacha.porcelain.workspace import Workspace
from pacha.registry.stages import DEVELOPMENT
from pacha.repo.environment import Environment
from pacha.server.v1 import VersionDetail, VersionRow

KIND = "model"
#: The older API knows three kinds of origin; the first parent in one of the roles is told.
_ORIGINS = {
    "parent": ("fine_tuned_from", "distilled_from", "quantized_from", "pruned_from", "merged_from", "derived_from"),
    "dataset": ("trained_on",),
    "recipe": ("recipe",),
}


class FolderReader:
    """Reads the models of one folder. Any thread may call."""

    def __init__(self, folder: str, environment: Environment) -> None:
        self._folder = folder
        self._environment = environment
        self._opening = threading.Lock()

    def list(self) -> Sequence[str]:
        """The names of all models, sorted."""
        with self._view() as view:
            return [artifact.name for artifact in view.catalog.artifacts((KIND,))]

    def versions(self, model: str) -> Sequence[VersionRow]:
        """The versions of a model, the highest first. Errors: `NoSuchArtifact`."""
        with self._view() as view:
            rows = list_versions(view, view.catalog.find(model, KIND)).whole()
            return [_told(row, view.catalog.manifest(row.manifest)) for row in rows]

    def get(self, model: str, version: str) -> VersionDetail:
        """One version. Errors: `NoSuchArtifact`, `NoSuchVersion`."""
        with self._view() as view:
            row = _row(view, model, version)
            manifest = view.catalog.manifest(row.manifest)
            return VersionDetail(row=_told(row, manifest), card=manifest.card or None, lineage=_lineage(view, manifest))

    def open(self, model: str, version: str) -> tuple[int, Iterable[bytes | memoryview]]:
        """The bytes of a version that is one file. Errors: those of `get`, `Unsupported` for a folder."""
        with self._view() as view:
            manifest = view.catalog.manifest(_row(view, model, version).manifest)
        if manifest.shape != "file":
            raise Unsupported(
                f"{model}:{version} is a folder, and this API hands out single files",
                hint=f"`pacha model download {model}:{version} --repo URL`",
            )
        return manifest.size, self._pieces(model, version)

    def _pieces(self, model: str, version: str) -> Iterator[bytes | memoryview]:
        with self._view() as view:
            yield from cat(view, view.resolve(f"{KIND}/{model}:{version}", start=self._folder))

    @contextmanager
    def _view(self) -> Iterator[View]:
        with self._opening:
            view = open_view(self._folder, start="/", environment=self._environment)
        try:
            yield view
        finally:
            view.close()


def _row(view: Workspace, model: str, version: str) -> Row:
    id = view.resolve(f"{KIND}/{model}:{version}", start="/").manifest
    rows = list_versions(view, view.catalog.find(model, KIND)).whole()
    return next(row for row in rows if row.version == version and row.manifest == id)


def _told(row: Row, manifest: Manifest) -> VersionRow:
    return VersionRow(
        version=row.version,
        hash=manifest.digest.hex,
        size=manifest.size,
        created_at=manifest.created,
        stage=row.stage or DEVELOPMENT,
    )


def _lineage(view: Workspace, manifest: Manifest) -> dict[str, str] | None:
    found = {}
    for name, roles in _ORIGINS.items():
        parent = next((parent for parent in manifest.parents if parent.role in roles), None)
        if parent is not None:
            found[name] = _named(view, parent.manifest)
    return found or None


def _named(view: Workspace, id: ObjectId) -> str:
    """A manifest as NAME:VERSION, where it was published."""
    artifact = view.catalog.manifest(id).artifact
    versions = view.catalog.tagged(artifact).of(id)
    return f"{artifact.name}:{versions[-1]}" if versions else f"{artifact.name}@b3:{id.short}"
