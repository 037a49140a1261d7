"""What a reference means: from a parsed text to one manifest, one object or one file inside an artifact."""

from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Ambiguous, Corrupt, NotFound
from pacha.base.ids import HEX_DIGITS, ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import BadVersion, Version, VersionPrefix
from pacha.graph.trees import find_entry
from pacha.objects.manifest import Manifest
from pacha.objects.tree import TreeEntry
from pacha.objects.types import Link, Storage, type_named
from pacha.refs.names import stage_ref
from pacha.registry.catalog import Catalog, NoSuchVersion, Tagged
from pacha.registry.revspec import Along, Back, RevisionSpec, parse_revision
from pacha.registry.stages import DEVELOPMENT, YANKED, StageFork, read_entry

LATEST, HEAD = "latest", "head"
#: So many versions are listed where several hold a stage.
CANDIDATES_MAX = 16


class NoSuchObject(NotFound):
    """No object begins with those digits."""


class SeveralObjects(Ambiguous):
    """Several objects begin with those digits."""


class PinMismatch(Corrupt):
    """What a reference names is not what its pin demands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What a reference names. `link` is the object; `path` and `entry` are set where it goes inside an artifact.

    `note` says which of two readings was taken; `sha256` is a pin that whoever reads the bytes must check.
    """

    text: str
    link: Link
    artifact: ArtifactName | None = None
    version: Version | None = None
    path: str | None = None
    entry: TreeEntry | None = None
    note: str | None = None
    sha256: str | None = None

    @property
    def manifest(self) -> ObjectId:
        """The manifest's id. Errors: `NotFound` if the reference names another type of object."""
        if self.link.type != "manifest":
            raise NotFound(f"{self.text} names a {self.link.type}, not a commit of an artifact")
        return self.link.id


def resolve(catalog: Catalog, text: str, *, bare: str = HEAD) -> Revision:
    """Finds what a reference names. `bare` is what a name alone means: `head`, or `latest` where things are handed out.

    Errors: `BadRevision`, `NotFound`, `Ambiguous`, `PinMismatch`, `Absent`, `Corrupt`.
    """
    spec = parse_revision(text)
    revision = _object(catalog, spec) if spec.type is not None else _artifact(catalog, spec, bare)
    for step in spec.steps:
        revision = _step(catalog, revision, step)
    return revision if spec.path is None else _inside(catalog, revision, spec.path)


def _object(catalog: Catalog, spec: RevisionSpec) -> Revision:
    assert spec.type is not None and spec.digits is not None
    id = complete(catalog, spec.type, spec.digits)
    link = Link(spec.type, id)
    if spec.type == "tag":
        tag = catalog.objects.load(link)
        return Revision(text=spec.text, link=link, artifact=getattr(tag, "artifact", None))
    if spec.type != "manifest":
        return Revision(text=spec.text, link=link)
    return Revision(text=spec.text, link=link, artifact=catalog.manifest(id).artifact)


def complete(catalog: Catalog, type_name: str, digits: str) -> ObjectId:
    """The one object of a type whose id begins with some digits. Errors: `NoSuchObject`, `SeveralObjects`."""
    if len(digits) == HEX_DIGITS:
        return ObjectId.parse(digits)
    objects = catalog.objects
    if type_named(type_name).storage is Storage.META:
        found = objects.meta.starting_with(type_name, digits)
    else:
        ids = objects.data.starting_with(digits)
        found = {id for id in ids if any(place.type == type_name for place in objects.data.locate(id))}
    if not found:
        raise NoSuchObject(
            f"no {type_name} begins with {digits}", hint="give more or other digits; `pacha log` shows them"
        )
    if len(found) > 1:
        raise SeveralObjects(
            f"{len(found)} objects begin with {type_name}:{digits}",
            candidates=tuple(describe(catalog, Link(type_name, id)) for id in sorted(found)),
            hint="give more digits",
        )
    return found.pop()


def describe(catalog: Catalog, link: Link) -> str:
    """One line that tells a candidate from the others."""
    text = f"{link.type}:{link.id.hex[:16]}"
    if link.type != "manifest":
        return text
    manifest = catalog.manifest(link.id)
    return f"{text}  {manifest.artifact}  {manifest.created}  {manifest.message.splitlines()[0] if manifest.message else ''}"


def _artifact(catalog: Catalog, spec: RevisionSpec, bare: str) -> Revision:
    assert spec.name is not None
    artifact = catalog.find(spec.name, spec.kind)
    revision = _select(catalog, spec, artifact, spec.selector or bare, is_bare=spec.selector is None)
    if spec.pin is None:
        return revision
    if spec.pin.algorithm == "sha256":
        return replace(revision, sha256=spec.pin.digits)
    manifest = catalog.manifest(revision.manifest)
    if not any(id.hex.startswith(spec.pin.digits) for id in (revision.manifest, manifest.digest)):
        raise PinMismatch(
            f"{spec.text}: the pin does not fit: this is manifest:{revision.manifest.short} "
            f"with the digest {manifest.digest.short}",
            hint="somebody changed what the name stands for, or the pin is wrong",
        )
    return revision


def _select(catalog: Catalog, spec: RevisionSpec, artifact: ArtifactName, selector: str, *, is_bare: bool) -> Revision:
    if selector == HEAD:
        return _head(catalog, spec, artifact)
    if selector == LATEST:
        return _latest(catalog, spec, artifact, is_bare=is_bare)
    prefix = VersionPrefix.parse(selector)
    if prefix is not None:
        return _highest(catalog, spec, artifact, prefix)
    try:
        version = Version.parse(selector)
    except BadVersion as error:
        stage = catalog.rules().find(selector)
        if stage is not None:
            return _stage(catalog, spec, artifact, stage)
        raise BadVersion(
            f"{spec.text}: {selector!r} is neither a version, latest, head, nor a stage",
            hint=(
                error.hint
                if selector.startswith("v") and "write" in str(error.hint)
                else "for instance name:1.2.0, name:1.2, name:latest, name:production"
            ),
        ) from error
    exact = catalog.version(artifact, version)
    if exact is None:
        raise _no_version(catalog, artifact, selector)
    return _revision(spec, artifact, exact, note=_yanked_note(catalog, artifact, version))


def _revision(spec: RevisionSpec, artifact: ArtifactName, tagged: Tagged, note: str | None = None) -> Revision:
    link = Link("manifest", tagged.manifest)
    return Revision(text=spec.text, link=link, artifact=artifact, version=tagged.version, note=note)


def _highest(catalog: Catalog, spec: RevisionSpec, artifact: ArtifactName, prefix: VersionPrefix) -> Revision:
    """The highest version that begins so and is not yanked."""
    found = [item for item in catalog.tagged(artifact) if prefix.matches(item.version)]
    yanked = catalog.yanked(artifact) if found else frozenset()
    kept = [item for item in found if str(item.version) not in yanked]
    if found and not kept:
        raise _all_yanked(artifact, spec.selector or "", found[-1].version)
    if not kept:
        raise _no_version(catalog, artifact, spec.selector or "")
    stable = [item for item in kept if not item.version.is_prerelease]
    return _revision(spec, artifact, (stable or kept)[-1])


def _all_yanked(artifact: ArtifactName, selector: str, highest: Version) -> NoSuchVersion:
    return NoSuchVersion(
        f"{artifact} has no version {selector} that is not yanked",
        hint=f"a yanked version is had by its whole name: {artifact.name}:{highest}",
        artifact=str(artifact),
    )


def _yanked_note(catalog: Catalog, artifact: ArtifactName, version: Version) -> str | None:
    """Says that a version is yanked, by whom and why; None if it is not, or if the log cannot be read."""
    try:
        standing = catalog.stages(artifact).versions.get(str(version))
        if standing is None or standing.stage != YANKED:
            return None
        name = stage_ref(artifact, standing.number)
        link = catalog.refs.read(name)
        move = None if link is None else read_entry(catalog.objects, artifact, name, link).move
    except (StageFork, Corrupt, Absent):
        return None
    # One line each: who wrote the log may be a stranger.
    said = f" by {_first_line(move.who)}: {_first_line(move.reason)}" if move is not None else ""
    return f"{artifact.name}:{version} is yanked{said}"


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text.strip() else "-"


def _head(catalog: Catalog, spec: RevisionSpec, artifact: ArtifactName) -> Revision:
    head = catalog.head(artifact)
    if head is not None:
        return Revision(text=spec.text, link=Link("manifest", head), artifact=artifact)
    latest = catalog.latest(artifact)
    if latest is None:
        raise NoSuchVersion(f"{artifact} has no commits")
    return _revision(spec, artifact, latest, f"{artifact} has no head here; taking {artifact.name}:{latest.version}")


def _latest(catalog: Catalog, spec: RevisionSpec, artifact: ArtifactName, *, is_bare: bool) -> Revision:
    latest = catalog.latest(artifact)
    if latest is None:
        every = catalog.tagged(artifact)
        if not is_bare and every:
            raise _all_yanked(artifact, LATEST, every[-1].version)
        if not is_bare:
            raise NoSuchVersion(
                f"{artifact} has no versions yet", hint=f"publish one: `pacha tag {artifact.name} 0.1.0`"
            )
        head = catalog.head(artifact)
        if head is None:
            raise NoSuchVersion(f"{artifact} has no commits")
        return Revision(text=spec.text, link=Link("manifest", head), artifact=artifact)
    heads = catalog.heads(artifact)
    note = None
    if is_bare and heads and heads != [latest.manifest]:
        note = f"{artifact.name} is {artifact.name}:{latest.version} here; the head is {artifact.name}:head"
    return _revision(spec, artifact, latest, note)


def _stage(catalog: Catalog, spec: RevisionSpec, artifact: ArtifactName, stage: str) -> Revision:
    state = catalog.stages(artifact)
    holders = state.holders(stage)
    if stage == DEVELOPMENT:
        # Where no move has brought a version: every new one is there.
        holders = [version for version in catalog.tagged(artifact).texts() if state.stage(version) == stage]
    if not holders:
        raise NoSuchVersion(f"no version of {artifact} is in {stage}", hint=f"`pacha list {artifact.name}` shows all")
    if len(holders) > 1:
        raise Ambiguous(
            f"{len(holders)} versions of {artifact} are in {stage}",
            candidates=tuple(f"{artifact.name}:{version}" for version in reversed(holders[-CANDIDATES_MAX:])),
            hint="name one of them",
        )
    version = Version.parse(holders[0])
    tagged = catalog.version(artifact, version)
    if tagged is None:
        raise NoSuchVersion(f"{artifact.name}:{version} is in {stage}, and its version is not here")
    return _revision(spec, artifact, tagged)


def _no_version(catalog: Catalog, artifact: ArtifactName, selector: str) -> NoSuchVersion:
    versions = catalog.tagged(artifact).texts()
    known = ", ".join(reversed(versions[-5:]))
    return NoSuchVersion(
        f"{artifact} has no version {selector}",
        hint=f"the newest are: {known}"
        if known
        else f"it has none yet; `pacha tag {artifact.name} 0.1.0` publishes one",
        artifact=str(artifact),
        version=selector,
    )


def _step(catalog: Catalog, revision: Revision, step: Back | Along) -> Revision:
    id = revision.manifest
    if isinstance(step, Back):
        for _ in range(step.steps):
            id = _parent(catalog, revision, id, "previous")
    else:
        id = _parent(catalog, revision, id, step.role)
    return Revision(
        text=revision.text, link=Link("manifest", id), artifact=catalog.manifest(id).artifact, note=revision.note
    )


def _parent(catalog: Catalog, revision: Revision, id: ObjectId, role: str) -> ObjectId:
    manifest: Manifest = catalog.manifest(id)
    parents = [parent.manifest for parent in manifest.parents if parent.role == role]
    if not parents:
        raise NoSuchVersion(
            f"{revision.text}: manifest:{id.short} has no parent in the role {role}",
            hint="`pacha log` shows its history, `pacha show` its parents",
        )
    if len(parents) > 1 and role != "previous":
        raise Ambiguous(
            f"{revision.text}: manifest:{id.short} has {len(parents)} parents in the role {role}",
            candidates=tuple(describe(catalog, Link("manifest", parent)) for parent in parents),
            hint="name one of them",
        )
    return parents[0]


def _inside(catalog: Catalog, revision: Revision, path: str) -> Revision:
    tree = revision.link.id if revision.link.type == "tree" else catalog.manifest(revision.manifest).tree
    entry = find_entry(catalog.objects, tree, path)
    return replace(revision, path=path, entry=entry)
