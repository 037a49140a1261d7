"""`pacha tag`: publishes a version, once and for ever."""

from dataclasses import dataclass

from pacha.base.errors import Absent, Conflict, Corrupt
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.versioning import AUTO, PARTS, check_fits, fitting_version, precedence
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import version_ref, versions_folder
from pacha.refs.transaction import Transaction


class ExistingVersion(Conflict):
    """A version, or one of equal precedence, is taken by other content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagResult:
    """A version and what it names. `is_new` is False if it named this already."""

    artifact: ArtifactName
    version: Version
    manifest: ObjectId
    is_new: bool


def tag(workspace: Workspace, artifact: ArtifactName, version: Version, manifest: ObjectId) -> TagResult:
    """Publishes a manifest as a version; the same one again changes nothing. Errors: `ExistingVersion`, `Absent`."""
    check_fits(workspace, version, workspace.catalog.manifest(manifest))
    with workspace.session() as session, session.queue():
        if not check_free(workspace, artifact, version, manifest):
            return TagResult(artifact=artifact, version=version, manifest=manifest, is_new=False)
        link = session.put("tag", Tag(artifact=artifact, version=version, manifest=manifest, extra={}))
        session.settle()
        present = session.apply(Transaction(refusable=(version_ref(artifact, version), link)))
        if present is not None:
            raise ExistingVersion(describe_taken(workspace, artifact, version, present), hint=_hint(artifact))
    return TagResult(artifact=artifact, version=version, manifest=manifest, is_new=True)


def version_for(workspace: Workspace, artifact: ArtifactName, bump: str, manifest: Manifest) -> Version:
    """A version that was written out, the latest with a part raised, or with `auto` the one that fits what changed.

    The latest counts though it be yanked: its name stays taken. Errors: `BadVersion`.
    """
    if bump not in (AUTO, *PARTS):
        return Version.parse(bump)
    latest = workspace.catalog.tagged(artifact).latest()
    if latest is None:
        return Version.parse("1.0.0" if bump == "major" else "0.1.0")
    if bump == AUTO:
        return fitting_version(latest.version, workspace.catalog.manifest(latest.manifest), manifest)
    return latest.version.bump(bump)


def check_free(workspace: Workspace, artifact: ArtifactName, version: Version, manifest: ObjectId | None) -> bool:
    """Tells whether a version can be published; False if it names `manifest` already. Errors: `ExistingVersion`."""
    link = workspace.repository.refs.read(version_ref(artifact, version))
    if link is not None:
        tagged = workspace.catalog.version(artifact, version)
        if tagged is not None and tagged.manifest == manifest:
            return False
        raise ExistingVersion(describe_taken(workspace, artifact, version, link), hint=_hint(artifact))
    rank = precedence(str(version))
    same = workspace.repository.refs.names_like(versions_folder(artifact), lambda other: precedence(other) == rank)
    if same:
        raise ExistingVersion(
            f"{artifact.name}:{version} equals {artifact.name}:{same[0].last} in precedence, and that exists",
            hint=_hint(artifact),
            version=same[0].last,
        )
    return True


def describe_taken(workspace: Workspace, artifact: ArtifactName, version: Version, link: Link) -> str:
    """One sentence that says whose content a taken version has."""
    taken = f"{artifact.name}:{version} exists"
    try:
        found = workspace.repository.objects.load(link)
        assert isinstance(found, Tag)
        manifest = workspace.catalog.manifest(found.manifest)
    except (Absent, Corrupt):
        return f"{taken} as {link}"
    return f"{taken}: manifest:{found.manifest.short} by {manifest.author}, {manifest.created}"


def _hint(artifact: ArtifactName) -> str:
    return f"a version never changes; choose another (`pacha list {artifact.name}` shows them)"
