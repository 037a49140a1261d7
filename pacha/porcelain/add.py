"""`pacha add`: stores what lies at a path and drafts it. Never moves a ref, never changes a user's file (I7).

Longer than most modules: what is inferred, refused and staged is one decision a path.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pacha.base.errors import Absent, Conflict, Corrupt, PachaError, Usage
from pacha.base.files import Root
from pacha.base.ids import ObjectId
from pacha.base.names import NAME_LENGTH_MAX, ArtifactName, BadName, check_name
from pacha.formats.sniff import HEAD_BYTES, format_of, kind_of_folder
from pacha.porcelain.gitignore import ignore
from pacha.porcelain.observe import committed_as, is_at_head
from pacha.porcelain.workspace import Known, Workspace
from pacha.repo.git import GitFailed
from pacha.repo.session import Session
from pacha.worktree.drafts import Content, Draft, draft_file, encode_draft
from pacha.worktree.ingest import Ingest
from pacha.worktree.scan import Scan, scan
from pacha.worktree.statcache import load_stat_cache

#: Stems that say nothing; the folder's name says more.
GENERIC_STEMS = frozenset(
    {
        "model", "models", "weights", "checkpoint", "best", "last", "final", "pytorch_model", "adapter_model", "data",
        "dataset", "train", "training", "test", "validation", "val", "recipe", "config",
    }
)  # fmt: skip


class Behind(Conflict):
    """The bytes are an older version: committing them would undo what came after."""


class CannotInfer(Usage):
    """Neither name nor bytes say what an artifact is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """What a person says of what is added."""

    kind: str | None = None
    name: str | None = None
    force: bool = False
    dereference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """One path. `state` is new, modified or unchanged. Units: bytes; `new_bytes` is what the store has grown by."""

    artifact: ArtifactName
    path: str
    state: str
    digest: ObjectId
    size: int
    new_bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddResult:
    """All that was added, paths that could be, and lines that the person should read."""

    added: tuple[Added, ...]
    candidates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Job:
    path: str
    artifact: ArtifactName
    known: Known | None
    there: Scan
    notes: list[str] = field(default_factory=list)


def add(workspace: Workspace, paths: Sequence[str], options: AddOptions) -> AddResult:
    """Stores and drafts paths (relative to the work tree). A folder above known paths refreshes those.

    Errors: `NoSuchPath`, `CannotInfer`, `Behind`, `SymlinkFound`, `ChangedWhileRead`, `MachineFailed`.
    """
    notes: list[str] = []
    candidates: list[str] = []
    jobs: list[_Job] = []
    for path in dict.fromkeys(paths):
        below = [known for known in workspace.known.values() if _is_below(known.path, path)]
        if path in workspace.known or (path and not below):
            jobs.append(_job(workspace, path, options))
        else:
            jobs.extend(_refresh(workspace, below, options, notes))
            candidates.extend(_candidates(workspace, path))
    _check_distinct(jobs)
    added = []
    with workspace.session() as session:
        drafts = ingest(workspace, session, jobs, options)
        with session.queue():
            for job, draft in zip(jobs, drafts, strict=True):
                added.append(_stage(workspace, job, draft))
        if any(item.new_bytes for item in added):
            session.maintain_packs()
    notes.extend(note for job in jobs for note in job.notes)
    notes.extend(ignore_paths(workspace, [item for item in added if item.artifact.kind != "recipe"]))
    return AddResult(added=tuple(added), candidates=tuple(candidates), notes=tuple(notes))


def draft_paths(workspace: Workspace, session: Session, paths: Sequence[str], options: AddOptions) -> list[Draft]:
    """Stores paths and returns their drafts without staging them: for a commit of paths in one go."""
    jobs = [_job(workspace, path, options) for path in dict.fromkeys(paths)]
    _check_distinct(jobs)
    return ingest(workspace, session, jobs, options)


def ingest(workspace: Workspace, session: Session, jobs: Sequence[_Job], options: AddOptions) -> list[Draft]:
    """Stores the bytes of all jobs in one pack and returns their drafts. The bytes are durable when it returns."""
    repository = workspace.repository
    bases = [_base(workspace, job) for job in jobs]
    made: list[tuple[Content, int]] = []
    with session.pack_writer() as writer:
        reader = Ingest(writer, workers=repository.jobs, progress=repository.progress)
        caches = []
        for job in jobs:
            cache = load_stat_cache(repository.root, job.artifact)
            caches.append(cache)
            before = writer.stored_bytes
            stored = reader.artifact(job.there, cache=cache, read_at_ns=repository.root.clock_ns())
            if not options.force:
                _check_not_behind(workspace, job, stored.content.digest, bases[len(made)])
            made.append((stored.content, writer.stored_bytes - before))
        writer.close()
    for job, cache in zip(jobs, caches, strict=True):
        cache.save(repository.root, job.artifact)
    return [
        Draft(artifact=job.artifact, path=job.path, content=content, previous=base, new_bytes=new_bytes)
        for job, base, (content, new_bytes) in zip(jobs, bases, made, strict=True)
    ]


def _job(workspace: Workspace, path: str, options: AddOptions) -> _Job:
    known = workspace.known.get(path)
    there = scan(workspace.full(path), shown=path, dereference=options.dereference)
    if (
        known is not None
        and options.kind in (None, known.artifact.kind)
        and options.name in (None, known.artifact.name)
    ):
        return _Job(path, known.artifact, known, there)
    artifact = infer(path, there, options, os.path.basename(workspace.repository.work_tree))
    other = workspace.known_artifact(artifact)
    notes = []
    if other is not None and other.path != path:
        if os.path.lexists(workspace.full(other.path)) and not options.name:
            raise Usage(
                f"{artifact} is {other.path} already, and {path} would be the same",
                hint=f"give it another name: `pacha add {path} --name NAME`; or move it: `pacha add {path} --name {artifact.name}`",
            )
        notes.append(f"{artifact} was at {other.path} and is at {path} now")
    return _Job(path, artifact, other, there, notes)


def _refresh(workspace: Workspace, below: Iterable[Known], options: AddOptions, notes: list[str]) -> list[_Job]:
    jobs = []
    for known in below:
        if os.path.lexists(workspace.full(known.path)):
            jobs.append(_job(workspace, known.path, options))
        else:
            notes.append(f"{known.path} is missing; `pacha checkout {known.path}` brings it back")
    return jobs


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _candidates(workspace: Workspace, folder: str) -> list[str]:
    """Files directly in a folder, or one below, that look like artifacts and are not known yet."""
    found = []
    top = workspace.full(folder)
    if not os.path.isdir(top):
        return []
    for base, folders, files in os.walk(top):
        inside = os.path.relpath(base, workspace.repository.work_tree).replace(os.sep, "/")
        inside = "" if inside == "." else inside
        folders[:] = [name for name in folders if not name.startswith(".") and inside.count("/") < 2]
        if inside in workspace.known:
            folders[:] = []
            continue
        for name in sorted(files):
            path = f"{inside}/{name}" if inside else name
            if format_of(name) is not None and path not in workspace.known:
                found.append(path)
    return found


def infer(path: str, there: Scan, options: AddOptions, project: str) -> ArtifactName:
    """Kind and name of a path, from its name and bytes where the options do not say. `project` is the last resort.

    Errors: `CannotInfer`.
    """
    kind = options.kind or _infer_kind(path, there)
    if kind is None:
        raise CannotInfer(
            f"{path}: cannot tell whether this is a model, data or a recipe",
            hint=f"say so: `pacha add {path} --kind model` (or data, or recipe)",
            path=path,
        )
    return ArtifactName(kind, check_name(options.name) if options.name else _infer_name(path, project))


def _infer_kind(path: str, there: Scan) -> str | None:
    if there.shape == "folder":
        return kind_of_folder(file.path for file in there.files)
    file = there.files[0]
    format = format_of(os.path.basename(path))
    if format is None:
        with open(file.full, "rb") as stream:
            format = format_of(os.path.basename(path), stream.read(HEAD_BYTES))
    return None if format is None else format.kind


def _infer_name(path: str, project: str) -> str:
    folder, _, base = path.rpartition("/")
    stem = base.lstrip(".")
    format = format_of(base)
    if format is not None:
        stem = next((stem[: -len(ending)] for ending in format.endings if stem.lower().endswith(ending)), stem)
    parts = [stem, *reversed(folder.split("/"))] if folder else [stem]
    for part in (*parts, project):
        name = re.sub(r"[^a-z0-9._-]+", "-", part.lower()).strip("-._")[:NAME_LENGTH_MAX]
        if name in GENERIC_STEMS and part is not parts[-1]:
            continue
        try:
            return check_name(name)
        except BadName:
            continue
    raise CannotInfer(
        f"{path}: no name can be made from this path", hint=f"give one: `pacha add {path} --name NAME`", path=path
    )


def _check_distinct(jobs: Sequence[_Job]) -> None:
    seen: dict[ArtifactName, str] = {}
    for job in jobs:
        other = seen.setdefault(job.artifact, job.path)
        if other != job.path:
            raise Usage(
                f"{other} and {job.path} would both be {job.artifact}",
                hint=f"add them one by one, each with --name: `pacha add {job.path} --name NAME`",
            )


def _base(workspace: Workspace, job: _Job) -> tuple[ObjectId, ...]:
    base, note = workspace.base_of(job.artifact)
    if note is not None:
        job.notes.append(note)
    return base


def _check_not_behind(workspace: Workspace, job: _Job, digest: ObjectId, base: tuple[ObjectId, ...]) -> None:
    """Refuses bytes that are an older version, unless they are what the base holds anyway."""
    if job.known is None or job.known.draft is not None or is_at_head(job.known):
        return
    heads = {_digest(workspace, head) for head in job.known.heads}
    if digest in heads:
        return
    older = committed_as(workspace, job.known, digest)
    is_held = job.known.memory is not None and job.known.memory.digest == digest
    if older is None and not is_held:
        return
    name = f"manifest:{older.short}" if older is not None else "a version of another branch"
    raise Behind(
        f"{job.path}: holds {name}, and the head of {job.artifact} has moved on",
        hint=f"`pacha checkout {job.path}` brings the head; --force stages the old bytes as the next version",
        path=job.path,
    )


def _digest(workspace: Workspace, manifest: ObjectId) -> ObjectId | None:
    try:
        return workspace.catalog.manifest(manifest).digest
    except (Absent, Corrupt):
        return None


def _stage(workspace: Workspace, job: _Job, draft: Draft) -> Added:
    repository = workspace.repository
    path = draft_file(draft.artifact)
    is_committed = any(_digest(workspace, id) == draft.content.digest for id in draft.previous)
    if is_committed:
        repository.root.remove(path)
        state = "unchanged"
    else:
        repository.root.replace(path, encode_draft(draft))
        state = "modified" if draft.previous else "new"
    return Added(
        artifact=draft.artifact,
        path=draft.path,
        state=state,
        digest=draft.content.digest,
        size=draft.content.size,
        new_bytes=draft.new_bytes,
        files=len(job.there.files),
    )


def ignore_paths(workspace: Workspace, added: Sequence[Added | Draft]) -> list[str]:
    """Writes the marked block of `.gitignore`; names files that Git tracks, and leaves those to the person."""
    git = workspace.repository.git
    if git is None or not added:
        return []
    notes = []
    try:
        tracked = {item.path: git.tracked(git.relative(workspace.full(item.path))) for item in added}
    except GitFailed as error:
        return [error.message]
    for path, names in tracked.items():
        if names:
            recursive = "-r " if os.path.isdir(workspace.full(path)) else ""
            notes.append(f"Git tracks {path} too; to leave its bytes to Pacha: git rm {recursive}--cached {path}")
    root = Root(workspace.repository.work_tree, temporary=".pacha/local/tmp")
    try:
        ignore(root, [path for path, names in tracked.items() if not names])
    except PachaError as error:
        notes.append(f"{error.message}; add the path to .gitignore yourself")
    return notes
