"""What a word that should be an artifact names: `kind/name`, a name, or a path that is known."""

import click

from pacha.base.errors import Usage
from pacha.base.ids import ObjectId
from pacha.base.names import KINDS, ArtifactName
from pacha.base.semver import Version
from pacha.cli.app import App
from pacha.porcelain.naming import staged_artifact
from pacha.registry.catalog import NoSuchArtifact
from pacha.registry.resolve import LATEST, Revision


def artifact_named(app: App, text: str, kind: str | None = None) -> ArtifactName:
    """Finds an artifact, drafts included. Errors: `NoSuchArtifact`, `SeveralArtifacts`."""
    workspace = app.workspace
    typed_kind, slash, name = text.rpartition("/")
    staged = staged_artifact(workspace, text, kind)
    if staged is not None:
        return staged
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


def revision_named(app: App, kind: str, name: str, version: str | None, *, bare: str = LATEST) -> Revision:
    """What `NAME -v VERSION`, `NAME:VERSION`, or the path of an artifact of this kind names.

    Errors: `Usage` where both a selector and -v are there or it is of another kind, and those of references.
    """
    text = name
    typed, slash, _ = name.partition("/")
    if slash and typed in KINDS and typed != kind:
        raise WrongKind(f"{name} is not a {kind}", hint=f"`pacha {typed} …` is for a {typed}")
    is_path = name.startswith(("./", "../", "/")) or name in app.workspace.known
    if not is_path and not (slash and typed == kind):
        text = f"{kind}/{name}"
    if version is not None:
        if ":" in name:
            raise click.UsageError(f"{name} has a version already; leave out -v")
        artifact = artifact_named(app, name, kind)
        text = f"{artifact}:{version}"
    revision = app.resolve(text, bare=bare)
    if revision.artifact is None or revision.artifact.kind != kind:
        raise WrongKind(
            f"{name} is {revision.artifact or revision.link}, not a {kind}", hint=f"see `pacha list --kind {kind}`"
        )
    return revision


def manifest_named(app: App, kind: str, name: str, version: str | None, *, bare: str = LATEST) -> ObjectId:
    """Like `revision_named`, for what is told of a version as a whole. Errors: the same, `Usage` for a file in it."""
    revision = revision_named(app, kind, name, version, bare=bare)
    if revision.path is not None:
        whole = name.removesuffix(f"/{revision.path}")
        raise Usage(
            f"{name} is a file in {whole}, and this is about the whole",
            hint=f"leave the file out: {whole}; `pacha cat {name}` prints it",
        )
    return revision.manifest


def revision_or_path_named(app: App, kind: str, name: str, version: str | None) -> Revision:
    """Like `revision_named`, where a path would have done as well and there is none. Errors: the same."""
    try:
        return revision_named(app, kind, name, version)
    except NoSuchArtifact as error:
        raise NoSuchArtifact(f"{error.message}, and nothing lies at such a path", hint=error.hint) from error


class WrongKind(Usage):
    """An artifact of another kind was named."""


def version_named(app: App, kind: str, name: str, version: str | None) -> tuple[ArtifactName, Version]:
    """The version that `NAME:VERSION` or `NAME -v VERSION` names, as one that has a stage. Errors: `UsageError`."""
    if version is None:
        check_names_version(name)
    return version_of(app, revision_named(app, kind, name, version), name)


def check_names_version(name: str) -> None:
    """Refuses a name alone where a version is wanted. Errors: `UsageError`."""
    if not any(sign in name for sign in ":~^"):
        raise click.UsageError(f"{name} names no version; say which: {name}:VERSION")


def version_of(app: App, revision: Revision, name: str) -> tuple[ArtifactName, Version]:
    """The version of a revision, by itself or because its commit is published once. Errors: `UsageError`."""
    if revision.artifact is None or revision.path is not None:
        raise click.UsageError(f"{name} is no version of an artifact")
    if revision.version is not None:
        return revision.artifact, revision.version
    versions = app.workspace.catalog.tagged(revision.artifact).of(revision.manifest)
    if len(versions) != 1:
        told = " and ".join(versions) or "no version"
        raise click.UsageError(f"{name} is {told}; only a version has a stage: name one, or publish with `pacha tag`")
    return revision.artifact, Version.parse(versions[0])
