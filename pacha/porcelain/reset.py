"""`pacha reset`: takes drafts back. The bytes stay in the store until gc; files are never touched."""

from collections.abc import Sequence
from dataclasses import dataclass

from pacha.base.errors import Negative, NotFound
from pacha.base.names import ArtifactName
from pacha.porcelain.workspace import Workspace
from pacha.worktree.drafts import draft_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Unstaged:
    """A draft that was taken back."""

    artifact: ArtifactName
    path: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetResult:
    """What was taken back."""

    unstaged: tuple[Unstaged, ...]


class NothingStaged(Negative):
    """There is no draft to take back."""


def reset(workspace: Workspace, only: Sequence[ArtifactName] = ()) -> ResetResult:
    """Removes all drafts, or some artifacts', and returns them. Errors: `NothingStaged`, `NotFound`."""
    drafts = workspace.drafts()
    if not drafts:
        raise NothingStaged("nothing is staged", hint="`pacha add PATH` stages")
    chosen = [draft for draft in drafts if not only or draft.artifact in only]
    missing = set(only) - {draft.artifact for draft in chosen}
    if missing:
        raise NotFound(f"nothing is staged for {', '.join(sorted(map(str, missing)))}", hint="see `pacha status`")
    with workspace.session() as session, session.queue():
        for draft in chosen:
            workspace.repository.root.remove(draft_file(draft.artifact))
    return ResetResult(unstaged=tuple(Unstaged(artifact=draft.artifact, path=draft.path) for draft in chosen))
