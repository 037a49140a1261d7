"""What a word names among the drafts: they are no part of the catalog yet."""

from pacha.base.names import ArtifactName
from pacha.porcelain.workspace import Workspace
from pacha.registry.catalog import SeveralArtifacts


def staged_artifact(workspace: Workspace, text: str, kind: str | None = None) -> ArtifactName | None:
    """The artifact of the draft that has this name, `kind/name` or path; None if none has. Errors: `SeveralArtifacts`."""
    found = [
        draft.artifact
        for draft in workspace.drafts()
        if text in (str(draft.artifact), draft.artifact.name, draft.path) and kind in (None, draft.artifact.kind)
    ]
    if len(found) > 1:
        raise SeveralArtifacts(
            f"{text!r} is staged as {' and '.join(map(str, found))}",
            candidates=tuple(map(str, found)),
            hint="write the kind in front of the name",
        )
    return found[0] if found else None
