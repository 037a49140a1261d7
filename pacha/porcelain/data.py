"""`pacha data schema|validate|diff`: the columns of a dataset, whether files fit them, and what two versions differ in."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pacha.base.errors import NotFound
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.formats.change import ChangeKind, ColumnChange, SchemaChange, classify
from pacha.formats.features import schema_of_features
from pacha.formats.inspection import FileSource, Malformed, Source
from pacha.formats.rowdiff import RowDiff, diff_rows
from pacha.formats.schema import DataSchema
from pacha.formats.validate import Fault, validate
from pacha.graph.ranges import StoredFile
from pacha.graph.trees import tree_files
from pacha.objects.manifest import Manifest
from pacha.porcelain.cat import single_file
from pacha.porcelain.declared import TABLES_HINT, NotATable, declared_schema, is_table, no_table
from pacha.porcelain.workspace import Workspace
from pacha.registry.resolve import Revision
from pacha.worktree.reading import holding_still
from pacha.worktree.scan import scan


class NoSchema(NotFound):
    """Nothing is known of a dataset's columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaShown:
    """The columns of one commit. `origin` is declared (a person wrote it) or measured (they were found in the bytes)."""

    artifact: ArtifactName
    manifest: ObjectId
    versions: tuple[str, ...]
    origin: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileValidity:
    """How one file fits: the first faults, and how many there are in all."""

    path: str
    rows: int
    count: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDiff:
    """What two datasets differ in. `rows` is None where only the schemas could be compared; `note` says why."""

    old: str
    new: str
    schema: ChangeKind
    columns: tuple[ColumnChange, ...]
    rows: RowDiff | None
    note: str | None = None

    @property
    def is_same(self) -> bool:
        """Tells whether nothing was found to differ."""
        return not self.columns and (self.rows is None or self.rows.is_same)


def measured_schema(card: Mapping[str, Any]) -> DataSchema | None:
    """The columns that were found in a dataset's bytes, from its card."""
    features = card.get("features")
    if not isinstance(features, Mapping) or not features:
        return None
    try:
        return schema_of_features(features)
    except Malformed:
        return None


def schema_change(before: Manifest, after: Manifest) -> SchemaChange | None:
    """What happened to the columns: of what was declared where both declare, else of what was measured.

    None where either side has nothing to compare.
    """
    old, new = declared_schema(before.card), declared_schema(after.card)
    if old is None or new is None:
        old, new = measured_schema(before.card), measured_schema(after.card)
    return None if old is None or new is None else classify(old, new)


def show_schema(workspace: Workspace, id: ObjectId) -> SchemaShown:
    """The columns of a dataset's commit. Errors: `NoSchema`."""
    manifest = workspace.catalog.manifest(id)
    declared = declared_schema(manifest.card)
    found = declared or measured_schema(manifest.card)
    if found is None:
        raise NoSchema(
            f"nothing is known of the columns of {manifest.artifact}, manifest:{id.short}",
            hint=f"`pacha data inspect {manifest.artifact.name}` looks into its bytes",
        )
    return SchemaShown(
        artifact=manifest.artifact,
        manifest=id,
        versions=tuple(workspace.catalog.tagged(manifest.artifact).of(id)),
        origin="measured" if declared is None else "declared",
        schema=found.document(),
    )


def schema_at(workspace: Workspace, id: ObjectId) -> DataSchema:
    """The schema itself. Errors: `NoSchema`."""
    return DataSchema.from_document(show_schema(workspace, id).schema)


def schema_text(workspace: Workspace, id: ObjectId) -> str:
    """The columns of a dataset as a schema file (JSON). Errors: `NoSchema`."""
    return json.dumps(show_schema(workspace, id).schema, indent=1, ensure_ascii=False) + "\n"


# -- validating ------------------------------------------------------------------------------------------------------


def validate_path(full: str, schema: DataSchema, *, shown: str) -> list[FileValidity]:
    """Holds every table of a file or folder against a schema. Errors: `NoSuchPath`, `NotATable`, `Malformed`."""
    there = scan(full, shown=shown, dereference=True)
    found = []
    for file in there.files:
        if is_table(file.path):
            with holding_still([file]), FileSource(file.full) as source:
                found.append(_validity(shown if there.shape == "file" else file.path, schema, file.path, source))
    return _some(found, shown)


def validate_revision(workspace: Workspace, revision: Revision, schema: DataSchema) -> list[FileValidity]:
    """Holds every table of a commit, or one file of it, against a schema. Errors: `NotATable`, `Absent`, `Corrupt`."""
    objects = workspace.repository.objects
    if revision.entry is not None and not revision.entry.is_folder:
        files = [single_file(workspace, revision)]
    else:
        files = list(tree_files(objects, workspace.catalog.manifest(revision.manifest).tree))
    found = [
        _validity(file.path, schema, file.path, StoredFile(objects, file.entry.link, file.entry.size))
        for file in files
        if is_table(file.path)
    ]
    return _some(found, revision.text)


def _validity(shown: str, schema: DataSchema, name: str, source: Source) -> FileValidity:
    held = validate(schema, name, source)
    return FileValidity(path=shown, rows=held.rows, count=held.count, faults=held.faults)


def _some(found: list[FileValidity], shown: str) -> list[FileValidity]:
    if not found:
        raise no_table(shown)
    return found


# -- comparing -------------------------------------------------------------------------------------------------------


def diff_data(
    workspace: Workspace, old: Revision, new: Revision, *, key: Sequence[str], names: tuple[str, str]
) -> DataDiff:
    """What two commits of datasets differ in: columns, and rows by key (whole rows where there is none).

    Errors: `BadKey`, `NoSchema` where not even the columns are known, `Absent`, `Corrupt`.
    """
    before, after = workspace.catalog.manifest(old.manifest), workspace.catalog.manifest(new.manifest)
    change = schema_change(before, after)
    rows, note = None, None
    try:
        with _table(workspace, old) as left, _table(workspace, new) as right:
            rows = diff_rows(left, right, key)
    except (NotFound, NotATable) as error:
        if key or change is None:
            raise
        note = f"rows are not compared: {error.message}"
    return DataDiff(
        old=names[0],
        new=names[1],
        schema=ChangeKind.NONE if change is None else change.kind,
        columns=() if change is None else change.changes,
        rows=rows,
        note=note,
    )


@contextmanager
def _table(workspace: Workspace, revision: Revision) -> Iterator[tuple[str, Source]]:
    """The one table that a revision holds. Errors: `NotATable`, `Absent`."""
    objects = workspace.repository.objects
    if revision.entry is not None:
        files = [single_file(workspace, revision)]
    else:
        files = list(tree_files(objects, workspace.catalog.manifest(revision.manifest).tree))
    tables = [file for file in files if is_table(file.path)]
    if len(tables) != 1:
        raise NotATable(
            f"{revision.text}: holds {len(tables)} tables" if tables else f"{revision.text}: holds no table",
            hint=f"name one of its files, as {revision.text}/{tables[0].path}" if tables else TABLES_HINT,
        )
    yield tables[0].path, StoredFile(objects, tables[0].entry.link, tables[0].entry.size)
