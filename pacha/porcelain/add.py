"""`pacha add`: stores what lies at a path and drafts it. Never moves a ref, never changes a user's file (I7)."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pacha.base.errors import PachaError
from pacha.base.files import Root
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.porcelain.drafting import AddOptions, Job, check_distinct, job_for, make_drafts, same_bytes
from pacha.porcelain.gitignore import ignore
from pacha.porcelain.infer import candidates
from pacha.porcelain.said import adds_to
from pacha.porcelain.workspace import Known, Workspace
from pacha.repo.git import GitFailed
from pacha.worktree.drafts import Draft, draft_file, encode_draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """One path. `state` is new, modified, described (only card or parents differ) or unchanged.

    Units: bytes; `new_bytes` is what the store has grown by.
    """

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


def add(workspace: Workspace, paths: Sequence[str], options: AddOptions) -> AddResult:
    """Stores and drafts paths (relative to the work tree). A folder above known paths refreshes those.

    Errors: `NoSuchPath`, `CannotInfer`, `Behind`, `SymlinkFound`, `ChangedWhileRead`, `MachineFailed`, and those of
    what is said of them: `BadRole`, `Unstaged`, `BadCard`.
    """
    notes: list[str] = []
    others: list[str] = []
    jobs: list[Job] = []
    for path in dict.fromkeys(paths):
        below = [known for known in workspace.every_known if _is_below(known.path, path)]
        if path in workspace.known or (path and not below):
            jobs.append(job_for(workspace, path, options))
        else:
            jobs.extend(_refresh(workspace, below, options, notes))
            others.extend(candidates(workspace, path))
    check_distinct(jobs)
    added = []
    with workspace.session() as session:
        drafts = make_drafts(workspace, session, jobs, options)
        with session.queue():
            for job, draft in zip(jobs, drafts, strict=True):
                added.append(_stage(workspace, job, draft))
        if any(item.new_bytes for item in added):
            session.maintain_packs()
    notes.extend(note for job in jobs for note in job.notes)
    notes.extend(ignore_paths(workspace, [item.path for item in added if item.artifact.kind != "recipe"]))
    return AddResult(added=tuple(added), candidates=tuple(others), notes=tuple(notes))


def _refresh(workspace: Workspace, below: Iterable[Known], options: AddOptions, notes: list[str]) -> list[Job]:
    jobs = []
    for known in below:
        if os.path.lexists(workspace.full(known.path)):
            jobs.append(job_for(workspace, known.path, options, known))
        else:
            notes.append(f"{known.path} is missing; `pacha checkout {known.path}` brings it back")
    return jobs


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _stage(workspace: Workspace, job: Job, draft: Draft) -> Added:
    repository = workspace.repository
    assert draft.path is not None
    same = same_bytes(workspace, draft.previous, draft.content.digest)
    if same is not None and not adds_to(same, draft):
        repository.root.remove(draft_file(draft.artifact))
        state = "unchanged"
    else:
        repository.root.replace(draft_file(draft.artifact), encode_draft(draft))
        state = "new" if not draft.previous else "modified" if same is None else "described"
    return Added(
        artifact=draft.artifact,
        path=draft.path,
        state=state,
        digest=draft.content.digest,
        size=draft.content.size,
        new_bytes=draft.new_bytes,
        files=len(job.there.files),
    )


def ignore_paths(workspace: Workspace, paths: Sequence[str]) -> list[str]:
    """Writes the marked block of `.gitignore`; names files that Git tracks, and leaves those to the person."""
    git = workspace.repository.git
    if git is None or not paths:
        return []
    notes = []
    try:
        tracked = {path: git.tracked(git.relative(workspace.full(path))) for path in paths}
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
