"""`pacha status`: what is staged, changed, behind or unsettled, and what Git does not know yet."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.progress import Progress
from pacha.porcelain.issues import Issue
from pacha.porcelain.observe import State, observe
from pacha.porcelain.workspace import Known, Workspace
from pacha.refs.store import RefConflict
from pacha.registry.stages import StageFork, staged_artifacts
from pacha.repo.git import GitFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStatus:
    """One known path. `staged` is new or modified where a draft waits, `draft_is_current` whether it is what lies there."""

    artifact: ArtifactName
    path: str
    state: State
    staged: str | None
    draft_is_current: bool
    size: int
    heads: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """An artifact of which two sides published one version for different content, or whose stage log forks."""

    issue: Issue
    artifact: ArtifactName


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """Everything that `status` tells. Lists are sorted by path.

    `unsettled` have several heads; `disputed` are the other things that `resolve` would settle.
    """

    repository: str
    paths: tuple[PathStatus, ...]
    unsettled: tuple[ArtifactName, ...]
    disputed: tuple[Disputed, ...]
    untracked_meta: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Tells whether there is nothing to do."""
        changed = any(item.state is not State.CLEAN or item.staged for item in self.paths)
        return not (changed or self.unsettled or self.disputed or self.untracked_meta)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteStatus:
    """How a remote compares with this checkout. `lacks_bytes_of` are refs here whose bytes it does not have.

    `not_there` are versions and heads that were not pushed, `not_here` refs that it has and this checkout has not.
    """

    remote: str
    url: str
    number: int
    lacks_bytes_of: tuple[str, ...]
    not_there: tuple[str, ...]
    not_here: tuple[str, ...]


def status(workspace: Workspace) -> StatusReport:
    """Looks at every known path. Reads the content only of files that the stat cache cannot vouch for."""
    workspace.repository.check_is_here()
    progress: Progress = workspace.repository.progress
    progress.start("looking", total_bytes=None)
    try:
        paths = tuple(_path_status(workspace, known) for known in workspace.every_known)
    finally:
        progress.finish()
    untracked, notes = untracked_meta(workspace)
    return StatusReport(
        repository=workspace.repository.root.path,
        paths=tuple(sorted(paths, key=lambda item: item.path)),
        unsettled=tuple(known.artifact for known in workspace.every_known if len(known.heads) > 1),
        disputed=tuple(_disputed(workspace)),
        untracked_meta=untracked,
        notes=notes,
    )


def _path_status(workspace: Workspace, known: Known) -> PathStatus:
    observed = observe(workspace, known)
    staged = None
    if known.draft is not None:
        staged = "modified" if known.draft.previous else "new"
    return PathStatus(
        artifact=known.artifact,
        path=known.path,
        state=observed.state,
        staged=staged,
        draft_is_current=observed.matches_draft,
        size=observed.size,
        heads=known.heads,
    )


def _disputed(workspace: Workspace) -> Iterator[Disputed]:
    """Asks for versions and stages, which the index knows. What is damaged otherwise is for `fsck` to say."""
    catalog = workspace.catalog
    for artifact in sorted({*catalog.artifacts(), *staged_artifacts(catalog.refs)}, key=str):
        for issue, ask in ((Issue.VERSION, catalog.tagged), (Issue.STAGES, catalog.stages)):
            try:
                ask(artifact)
            except (StageFork, RefConflict):
                yield Disputed(issue=issue, artifact=artifact)
            except (Corrupt, Absent):
                continue


def untracked_meta(workspace: Workspace) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """META files that Git does not track: nobody else would ever see them."""
    repository = workspace.repository
    if repository.git is None:
        return (), ()
    try:
        found = repository.git.untracked(repository.git.relative(repository.root.path))
    except GitFailed as error:
        return (), (error.message,)
    private = tuple(os.path.join(".pacha", folder) + "/" for folder in ("local", "objects/pack"))
    inside = repository.git.relative(repository.work_tree)
    prefix = "" if inside == "." else f"{inside}/"
    names = (name.removeprefix(prefix) for name in found)
    return tuple(name for name in names if not name.startswith(private)), ()
