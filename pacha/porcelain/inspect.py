"""`pacha model|data inspect`: what a machine finds in an artifact's bytes, registered or not. Nothing is ever loaded."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pacha.base.errors import Absent, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.formats.inspect import inspectors
from pacha.formats.inspection import Source
from pacha.graph.ranges import StoredFile
from pacha.graph.trees import TreeFile, tree_files
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link
from pacha.porcelain.facts import ONLY, Measured, Opener, measure, measure_files
from pacha.porcelain.workspace import Workspace
from pacha.worktree.scan import scan


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What was found. `files` is the whole table of each file, by its path; empty where the bytes are not here."""

    name: str
    artifact: ArtifactName | None
    manifest: ObjectId | None
    versions: tuple[str, ...]
    size: int
    facts: Mapping[str, Any]
    files: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def known_formats() -> str:
    """Which formats there are inspectors for, as a hint."""
    return f"known are {', '.join(sorted(inspectors()))}"


class UnknownFormat(Usage):
    """No inspector knows a file."""


def inspect_revision(workspace: Workspace, id: ObjectId) -> Inspected:
    """What was found when a commit was made; where nothing was, its bytes are looked into now. Errors: `Corrupt`."""
    manifest = workspace.catalog.manifest(id)
    notes: list[str] = []
    facts, files = manifest.facts, _stored_detail(workspace, manifest)
    if not files:
        try:
            measured = measure(_openers(workspace, manifest), manifest.artifact.kind, shape=manifest.shape)
            facts, files = facts or measured.facts, _files_in(measured)
        except Absent as error:
            notes.append(f"the whole table is not here: {error.message}")
        else:
            notes.extend([] if facts or files else [f"no format that is known; {known_formats()}"])
    return Inspected(
        name=str(manifest.artifact),
        artifact=manifest.artifact,
        manifest=id,
        versions=tuple(workspace.catalog.tagged(manifest.artifact).of(id)),
        size=manifest.size,
        facts=facts,
        files=_named(files, manifest.files[0].path if manifest.files else manifest.artifact.name),
        notes=tuple(notes),
    )


def inspect_path(full: str, *, shown: str, kind: str) -> Inspected:
    """Looks into a file or folder that need not be registered. Errors: `NoSuchPath`, `UnknownFormat`."""
    there = scan(full, shown=shown, dereference=True)
    measured = measure_files(there, kind)
    if not measured.facts:
        raise UnknownFormat(f"{shown}: no format that is known", hint=known_formats(), path=shown)
    return Inspected(
        name=shown, artifact=None, manifest=None, versions=(), size=there.size, facts=measured.facts,
        files=_named(_files_in(measured), shown), notes=measured.notes,
    )  # fmt: skip


def _named(files: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The tables by path, with the name of an artifact's only file."""
    return {name if path == ONLY else path: table for path, table in files.items()}


def _stored_detail(workspace: Workspace, manifest: Manifest) -> Mapping[str, Any]:
    if manifest.facts_detail is None:
        return {}
    try:
        raw = workspace.repository.objects.read(Link("blob", manifest.facts_detail))
    except Absent:
        return {}
    return _files(raw)


def _files_in(measured: Measured) -> Mapping[str, Any]:
    return {} if measured.detail is None else _files(measured.detail)


def _files(raw: bytes) -> Mapping[str, Any]:
    """The table, which another Pacha may have written: what cannot be read is not there."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    files = value.get("files") if isinstance(value, dict) else None
    return files if isinstance(files, dict) else {}


def _openers(workspace: Workspace, manifest: Manifest) -> list[tuple[str, Opener]]:
    objects = workspace.repository.objects

    def opener(file: TreeFile) -> Opener:
        @contextmanager
        def opened() -> Iterator[Source]:
            yield StoredFile(objects, file.entry.link, file.entry.size)

        return opened

    return [(file.path, opener(file)) for file in tree_files(objects, manifest.tree)]
