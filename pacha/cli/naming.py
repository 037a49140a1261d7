"""What a word that should be an artifact names: `kind/name`, a name, or a path that is known."""

from pacha.base.names import ArtifactName
from pacha.cli.app import App
from pacha.registry.catalog import NoSuchArtifact


def artifact_named(app: App, text: str, kind: str | None = None) -> ArtifactName:
    """Finds an artifact, drafts included. Errors: `NoSuchArtifact`, `SeveralArtifacts`."""
    workspace = app.workspace
    typed_kind, slash, name = text.rpartition("/")
    for draft in workspace.drafts():
        if text in (str(draft.artifact), draft.artifact.name, draft.path) and kind in (None, draft.artifact.kind):
            return draft.artifact
    try:
        if not slash or typed_kind in ("model", "data", "recipe", "run"):
            return workspace.catalog.find(name, typed_kind or kind)
    except NoSuchArtifact:
        if text not in workspace.known:
            raise
    known = workspace.known.get(app.relative(text))
    if known is None:
        raise NoSuchArtifact(f"no artifact is named {text!r}, and none lives at that path", hint="see `pacha list`")
    return known.artifact
