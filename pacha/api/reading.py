"""The half of `Registry` that only reads: finding, describing, comparing, tracing and checking."""

import os
from collections.abc import Collection, Iterator, Sequence

from pacha.api.artifact import Artifact
from pacha.api.values import Path, Reference, text_of
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.formats.schema import DataSchema
from pacha.graph.lineage import ORIGINS
from pacha.porcelain.changes import Changes, changes
from pacha.porcelain.data import DataDiff, FileValidity, diff_data, schema_at, validate_path, validate_revision
from pacha.porcelain.diff import Difference, diff_known, diff_revisions
from pacha.porcelain.fsck import FsckReport, fsck
from pacha.porcelain.impact import ImpactReport, impact, widest
from pacha.porcelain.inspect import Inspected, inspect_path, inspect_revision
from pacha.porcelain.lineage import Direction, LineageReport, between, lineage
from pacha.porcelain.list import ArtifactRow, VersionRow, list_artifacts, list_in_stage, list_versions
from pacha.porcelain.log import LogEntry, log
from pacha.porcelain.recipe_checks import RecipeFinding
from pacha.porcelain.recipes import validate_recipe_at, validate_recipe_of
from pacha.porcelain.search import SearchResult, search
from pacha.porcelain.show import Shown, show
from pacha.porcelain.stage_report import Holders, StageEntry, history, holders, holders_at
from pacha.porcelain.stats import Stats, stats
from pacha.porcelain.status import StatusReport, status
from pacha.porcelain.storage import Storage, storage
from pacha.porcelain.verify import Verified, everything, verify
from pacha.porcelain.workspace import Workspace
from pacha.registry.resolve import HEAD, LATEST, Revision
from pacha.registry.stages import PRODUCTION


class Reading:
    """What can be asked of an open registry. A name alone is its latest version; `NAME:head` is its head."""

    def __init__(self, workspace: Workspace, *, author: str | None = None) -> None:
        self._workspace = workspace
        self._author = author
        self._start = workspace.repository.work_tree

    # -- finding ---------------------------------------------------------------------------------------------------

    def get(self, reference: Reference) -> Artifact:
        """The artifact that a reference names. Errors: `NoSuchArtifact`, `NoSuchVersion`, `Ambiguous`, `BadRevision`."""
        return Artifact(self._workspace, self._revision(reference))

    def get_model(self, name: str, version: str | None = None) -> Artifact:
        """A model, its latest version if none is named. Errors: as `get`."""
        return self._of_kind("model", name, version)

    def get_data(self, name: str, version: str | None = None) -> Artifact:
        """A dataset, its latest version if none is named. Errors: as `get`."""
        return self._of_kind("data", name, version)

    def get_recipe(self, name: str, version: str | None = None) -> Artifact:
        """A recipe, its latest version if none is named. Errors: as `get`."""
        return self._of_kind("recipe", name, version)

    def _of_kind(self, kind: str, name: str, version: str | None) -> Artifact:
        text = name if name.startswith(f"{kind}/") else f"{kind}/{name}"
        return self.get(text if version is None else f"{text}:{version}")

    def artifacts(self, kind: str | None = None) -> list[ArtifactRow]:
        """Every artifact, or those of one kind, by kind and name; what cannot be read is in their `problems`."""
        return list(list_artifacts(self._workspace, kind).rows)

    def versions(self, name: str) -> list[VersionRow]:
        """The versions of an artifact, the highest first. Errors: `NoSuchArtifact`, `Corrupt`, `Conflict`."""
        return list_versions(self._workspace, self._artifact(name)).whole()

    def in_stage(self, stage: str, *, kind: str | None = None) -> list[VersionRow]:
        """The versions that hold a stage now. Errors: `NoSuchStage`; `Conflict`, `Corrupt` where one cannot be asked."""
        return list_in_stage(self._workspace, stage, kind=kind).whole()

    def search(
        self, query: str = "", *, sort: Sequence[str] = (), limit: int | None = None, fields: Sequence[str] = ()
    ) -> SearchResult:
        """The versions that a query finds, as `kind=model metrics.auc>0.9 stage=production`. Errors: `BadQuery`.

        Every row also has the `fields` that are asked for.
        """
        return search(self._workspace, query, sort=sort, limit=limit, fields=fields)

    # -- describing ------------------------------------------------------------------------------------------------

    def show(self, reference: Reference) -> Shown:
        """Everything known of a commit, as a value. Errors: as `get`."""
        return show(self._workspace, self._revision(reference).manifest)

    def inspect(self, target: Path | Artifact) -> Inspected:
        """What a machine finds in a version, or in a file or folder that exists. Errors: as `get`, `UnknownFormat`."""
        if isinstance(target, os.PathLike) or (isinstance(target, str) and os.path.lexists(self._full(target))):
            text = os.fspath(target)
            return inspect_path(self._full(text), shown=text, kind="model")
        return inspect_revision(self._workspace, self._revision(target).manifest)

    def log(self, *references: Reference) -> Iterator[LogEntry]:
        """The history of some commits, or of everything, the newest first. Errors: as `get`."""
        return log(self._workspace, [self._revision(item, bare=HEAD) for item in references], [])

    def status(self) -> StatusReport:
        """What is staged, changed, behind or unsettled in the work tree."""
        return status(self._workspace)

    def stats(self) -> Stats:
        """How much is stored, and what dedup and compression spare."""
        return stats(self._workspace)

    def storage(self) -> Storage:
        """Where the bytes go: by use, artifact, codec and depth of differences. Errors: `BadRef`, `BadState`."""
        return storage(self._workspace)

    # -- comparing -------------------------------------------------------------------------------------------------

    def diff(self, old: Reference, new: Reference) -> Difference:
        """Which files and members of the card differ. Errors: as `get`, `Absent`."""
        left, right = self._revision(old), self._revision(new)
        return diff_revisions(self._workspace, left.manifest, right.manifest, names=(text_of(old), text_of(new)))

    def diff_work_tree(self, reference: Reference | None = None) -> list[Difference]:
        """What a path of the work tree, or every known one, has that a commit, or its head, has not.

        Errors: as `get`, `NotInWorkTree`, `Absent`.
        """
        return diff_known(self._workspace, None if reference is None else self._revision(reference, bare=HEAD))

    def diff_data(self, old: Reference, new: Reference, *, key: Sequence[str] = ()) -> DataDiff:
        """Which columns and rows of two datasets differ, rows matched by `key`. Errors: as `get`, `BadKey`, `Absent`."""
        left, right = self._revision(old), self._revision(new)
        return diff_data(self._workspace, left, right, key=key, names=(text_of(old), text_of(new)))

    def changes(self, revision: str | None = None) -> Changes:
        """What this checkout adds over a commit of Git. Errors: `NoSuchRevision`, `ShallowHistory`, `GitFailed`."""
        return changes(self._workspace, revision)

    # -- datasets and recipes --------------------------------------------------------------------------------------

    def schema(self, reference: Reference) -> DataSchema:
        """The columns of a dataset. Errors: as `get`, `NoSchema`."""
        return schema_at(self._workspace, self._revision(reference).manifest)

    def validate_data(self, target: Path | Artifact, schema: DataSchema | Reference) -> list[FileValidity]:
        """Holds a file, a folder or a version against a schema, or that of a version.

        Errors: as `get`, `NoSchema`, `NotATable`, `Malformed`.
        """
        schema = schema if isinstance(schema, DataSchema) else self.schema(schema)
        if isinstance(target, os.PathLike) or (isinstance(target, str) and os.path.lexists(self._full(target))):
            text = os.fspath(target)
            return validate_path(self._full(text), schema, shown=text)
        return validate_revision(self._workspace, self._revision(target), schema)

    def validate_recipe(self, target: Path | Artifact) -> list[RecipeFinding]:
        """What is wrong or doubtful in a recipe, the worst first. Errors: as `get`, `BadToml`."""
        if isinstance(target, os.PathLike) or (isinstance(target, str) and os.path.isfile(self._full(target))):
            text = os.fspath(target)
            environment = self._workspace.repository.environment
            return validate_recipe_at(self._workspace, self._full(text), shown=text, environment=environment)
        return validate_recipe_of(self._workspace, self._revision(target))

    # -- stages ----------------------------------------------------------------------------------------------------

    def holders(self, name: str | None = None, *, stage: str | None = None, at: str | None = None) -> Holders:
        """Who holds which stage, now or `at` a time, day, month or year. Errors: `NoSuchStage`, `BadTimestamp`."""
        artifact = None if name is None else self._artifact(name)
        if at is None:
            return holders(self._workspace, artifact, stage=stage)
        return holders_at(self._workspace, at, artifact=artifact, stage=stage)

    def stage_history(self, name: str, version: str | None = None) -> list[StageEntry]:
        """Every move of an artifact, or of one version, the newest first. Errors: `NoSuchArtifact`, `StageFork`."""
        return history(self._workspace, self._artifact(name), None if version is None else Version.parse(version))

    # -- lineage ---------------------------------------------------------------------------------------------------

    def lineage(
        self, reference: Reference, *, direction: str = "both", depth: int | None = None,
        roles: Collection[str] = ORIGINS,
    ) -> LineageReport:  # fmt: skip
        """Where a commit came from (`up`), what came of it (`down`), or both. Errors: as `get`."""
        id = self._revision(reference, bare=HEAD).manifest
        return lineage(self._workspace, id, direction=Direction(direction), depth=depth, roles=roles)

    def between(self, first: Reference, second: Reference, *, roles: Collection[str] = ORIGINS) -> LineageReport:
        """Every way between two commits; no nodes if neither came from the other. Errors: as `get`."""
        ends = [self._revision(item, bare=HEAD).manifest for item in (first, second)]
        return between(self._workspace, ends[0], ends[1], roles=roles)

    def impact(
        self, reference: Reference, *, kind: str = "model", stage: str = PRODUCTION, roles: Collection[str] = ORIGINS
    ) -> ImpactReport:
        """The versions of a kind and stage that came of a commit; `users:3` means every version 3.x. Errors: as `get`."""
        wide = widest(self._workspace, text_of(reference), start=self._start)
        return impact(self._workspace, wide.ids, kind=kind, stage=stage, roles=roles)

    # -- checking --------------------------------------------------------------------------------------------------

    def verify(self, *references: Reference) -> list[Verified]:
        """Reads every byte of some commits, or of all heads and versions. Errors: as `get`."""
        ids: list[ObjectId] = [self._revision(item).manifest for item in references]
        return verify(self._workspace, ids or everything(self._workspace))

    def fsck(self) -> FsckReport:
        """Reads every byte of the repository, and names everything that is wrong."""
        return fsck(self._workspace)

    # -- within ----------------------------------------------------------------------------------------------------

    def _revision(self, reference: Reference, *, bare: str = LATEST) -> Revision:
        return self._workspace.resolve(text_of(reference), start=self._start, bare=bare)

    def _artifact(self, name: str) -> ArtifactName:
        kind, slash, rest = name.rpartition("/")
        return self._workspace.catalog.find(rest, kind if slash else None)

    def _full(self, path: str) -> str:
        return os.path.normpath(os.path.join(self._start, path))
