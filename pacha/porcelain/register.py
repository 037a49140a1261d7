"""`pacha model|data|recipe register`: add, commit and tag in one go, all of it or nothing."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from pacha.base.errors import Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.porcelain.commit import CommitOptions, NothingToCommit, commit_jobs
from pacha.porcelain.drafting import AddOptions, Job, job_for, job_outside
from pacha.porcelain.said import Said
from pacha.porcelain.tag import tag, version_for
from pacha.porcelain.workspace import OutsideWorkTree, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterOptions:
    """What a person says of what is registered. `version` is one, or major, minor, patch or auto."""

    version: str
    author: str
    date: str
    message: str | None = None
    said: Said = field(default_factory=Said)
    dereference: bool = False
    bases: tuple[ObjectId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A registered version. `is_new` is False if it was this already. Units: bytes."""

    artifact: ArtifactName
    version: Version
    manifest: ObjectId
    digest: ObjectId
    size: int
    new_bytes: int
    path: str | None
    is_new: bool
    notes: tuple[str, ...] = ()


def register(workspace: Workspace, artifact: ArtifactName, source: str, options: RegisterOptions) -> Registered:
    """Stores a file or folder, wherever it lies, as a version of an artifact.

    What lies in the work tree is tracked there from now on; what lies outside is stored and not tied to its place.
    Errors: those of `add`, `commit` and `tag`; nothing is registered then.
    """
    job = _job(workspace, artifact, source, options)
    if job.artifact != artifact:
        raise Usage(
            f"{source} is {job.artifact}, not {artifact}", hint=f"register it under that name: {job.artifact.name}"
        )
    message = options.message or f"register {artifact.name}"
    committing = CommitOptions(message=message, author=options.author, date=options.date, bump=options.version)
    adding = AddOptions(
        kind=artifact.kind,
        name=artifact.name,
        dereference=options.dereference,
        bases=options.bases,
        said=options.said,
    )
    try:
        made = commit_jobs(workspace, [job], committing, adding)[0]
    except NothingToCommit:
        return _tag_head(workspace, artifact, options.version)
    assert made.version is not None
    return Registered(
        artifact=artifact, version=made.version, manifest=made.manifest, digest=made.digest, size=made.size,
        new_bytes=made.new_bytes, path=made.path, is_new=True, notes=made.notes,
    )  # fmt: skip


def _job(workspace: Workspace, artifact: ArtifactName, source: str, options: RegisterOptions) -> Job:
    try:
        path = workspace.relative(source, start=options.said.start)
    except OutsideWorkTree:
        full = os.path.normpath(os.path.join(options.said.start, source))
        return job_outside(full, artifact, dereference=options.dereference)
    named = AddOptions(kind=artifact.kind, name=artifact.name, dereference=options.dereference)
    return job_for(workspace, path, named)


def _tag_head(workspace: Workspace, artifact: ArtifactName, version: str) -> Registered:
    """The head holds exactly this: it only wants the version, if it has not got it."""
    head = workspace.catalog.head(artifact)
    assert head is not None
    manifest = workspace.catalog.manifest(head)
    known: Sequence[str] = workspace.catalog.tagged(artifact).of(head)
    if version in ("major", "minor", "patch", "auto") and known:
        number, is_new = Version.parse(known[-1]), False
    else:
        done = tag(workspace, artifact, version_for(workspace, artifact, version, manifest), head)
        number, is_new = done.version, done.is_new
    return Registered(
        artifact=artifact, version=number, manifest=head, digest=manifest.digest, size=manifest.size, new_bytes=0,
        path=manifest.path, is_new=is_new,
    )  # fmt: skip
