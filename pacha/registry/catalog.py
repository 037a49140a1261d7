"""What is registered: artifacts, their heads, versions and manifests, as refs and objects say right now."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, overload

from pacha.base.errors import Absent, Ambiguous, Corrupt, NotFound, PachaError
from pacha.base.ids import ObjectId
from pacha.base.names import KINDS, ArtifactName
from pacha.base.semver import Version
from pacha.graph.ancestry import maximal
from pacha.objects.manifest import Manifest
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.refs.names import RefName, heads_folder, version_ref, versions_folder
from pacha.refs.store import RefStore
from pacha.registry.stage_rules import BUILT_IN, StageRules
from pacha.registry.stages import YANKED, DiskStages, StageFork, StageReader, StageState
from pacha.store.objects import Objects

#: What one artifact of a kind is called, where that is not the kind's own word.
NOUNS = {"data": "dataset"}


class NoSuchArtifact(NotFound):
    """No artifact has that name."""


class NoSuchVersion(NotFound):
    """An artifact has no such version, stage or ancestor."""


class SeveralHeads(Ambiguous):
    """An artifact has several heads, and one was asked for."""


class SeveralArtifacts(Ambiguous):
    """A name stands for artifacts of several kinds."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tagged:
    """A version and the manifest that it names."""

    version: Version
    tag: ObjectId
    manifest: ObjectId


class Versions(Sequence[Tagged]):
    """The versions of an artifact, lowest first. A row is (version, tag, manifest) as texts, read when it is asked for."""

    def __init__(self, rows: Sequence[Sequence[str]]) -> None:
        self._rows = rows
        self._by_manifest: dict[str, list[str]] | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Tagged: ...
    @overload
    def __getitem__(self, at: slice) -> "Versions": ...
    def __getitem__(self, at: int | slice) -> "Tagged | Versions":
        if isinstance(at, slice):
            return Versions(self._rows[at])
        version, tag, manifest = self._rows[at][:3]
        return Tagged(version=Version.parse(version), tag=ObjectId.parse(tag), manifest=ObjectId.parse(manifest))

    def texts(self) -> list[str]:
        """The versions as texts, lowest first."""
        return [row[0] for row in self._rows]

    def of(self, manifest: ObjectId) -> list[str]:
        """The versions that name a manifest, lowest first."""
        if self._by_manifest is None:
            self._by_manifest = {}
            for row in self._rows:
                self._by_manifest.setdefault(row[2], []).append(row[0])
        return self._by_manifest.get(manifest.hex, [])

    def latest(self, *, leave_out: Collection[str] = ()) -> Tagged | None:
        """The highest stable version, else the highest prerelease, else None. `leave_out` are versions to pass by."""
        prerelease = None
        for at in range(len(self) - 1, -1, -1):
            text = self._rows[at][0]
            if text in leave_out:
                continue
            if "-" not in text.partition("+")[0]:
                return self[at]
            prerelease = at if prerelease is None else prerelease
        return None if prerelease is None else self[prerelease]


class TagReader(Protocol):
    """Answers which versions an artifact has. The one on disk is the truth; the index answers the same, faster."""

    def tagged(self, artifact: ArtifactName) -> Versions:
        """All versions of an artifact. Errors: `Corrupt`, `Absent`."""


class DiskTags:
    """Reads every version's ref and tag."""

    def __init__(self, refs: RefStore, objects: Objects) -> None:
        self._refs = refs
        self._objects = objects

    def tagged(self, artifact: ArtifactName) -> Versions:
        """All versions of an artifact. Errors: `Corrupt`, `Absent`."""
        found = [
            read_tagged(self._objects, name, link) for name, link in self._refs.read_all(versions_folder(artifact))
        ]
        return Versions([(str(item.version), item.tag.hex, item.manifest.hex) for item in sorted(found)])


def read_tagged(objects: Objects, name: RefName, link: Link) -> Tagged:
    """Reads a version's tag and checks that it is about this version. Errors: `Corrupt`, `Absent`."""
    tag = objects.load(link)
    if not isinstance(tag, Tag) or name != version_ref(tag.artifact, tag.version):
        raise WrongTag(f"{name}: names {link}, which is about something else", ref=str(name), object=str(link))
    return Tagged(version=tag.version, tag=link.id, manifest=tag.manifest)


class WrongTag(Corrupt):
    """A version's ref names a tag of another version."""


class Catalog:
    """The registered artifacts of one checkout. `rules` says what its stages are, when that is first asked."""

    def __init__(
        self,
        refs: RefStore,
        objects: Objects,
        tags: TagReader | None = None,
        *,
        stages: StageReader | None = None,
        rules: Callable[[], StageRules] = lambda: BUILT_IN,
    ) -> None:
        self.refs = refs
        self.objects = objects
        self.tags = tags or DiskTags(refs, objects)
        self.rules = rules
        self._stages = stages or DiskStages(refs, objects)
        self._manifests: dict[ObjectId, Manifest] = {}

    # -- names -----------------------------------------------------------------------------------------------------

    def artifacts(self, kinds: Iterable[str] = KINDS) -> list[ArtifactName]:
        """Every artifact with a head or a version, by kind and name. Alien folders are left out."""
        found = set()
        for kind in kinds:
            for namespace in ("heads", "versions"):
                for name in self.refs.folders(f"refs/{namespace}/{kind}"):
                    try:
                        artifact = ArtifactName(kind, name)
                    except PachaError:
                        continue
                    if not self.refs.is_empty(f"refs/{namespace}/{artifact}"):
                        found.add(artifact)
        return sorted(found, key=str)

    def find(self, name: str, kind: str | None = None) -> ArtifactName:
        """The artifact of that name; the kind may be left out where one kind has it.

        Errors: `NoSuchArtifact` with near names, `SeveralArtifacts`.
        """
        kinds = (kind,) if kind else KINDS
        candidates = [ArtifactName(kind, name) for kind in kinds]
        found = [artifact for artifact in candidates if self.exists(artifact)]
        if len(found) > 1:
            raise SeveralArtifacts(
                f"{name!r} is {' and '.join(str(artifact) for artifact in found)}",
                candidates=tuple(str(artifact) for artifact in found),
                hint="write the kind in front of the name",
            )
        if not found:
            known = [artifact.name for artifact in self.artifacts(kinds)]
            # Only a mistake needs it.
            import difflib

            near = difflib.get_close_matches(name, known, n=3)
            raise NoSuchArtifact(
                f"no {NOUNS.get(kind or '', kind or 'artifact')} is named {name!r}",
                hint=f"did you mean {' or '.join(near)}?" if near else "`pacha list` shows what is registered",
                name=name,
            )
        return found[0]

    def exists(self, artifact: ArtifactName) -> bool:
        """Tells whether an artifact has a head or a version."""
        return not (self.refs.is_empty(heads_folder(artifact)) and self.refs.is_empty(versions_folder(artifact)))

    # -- history ---------------------------------------------------------------------------------------------------

    def manifest(self, id: ObjectId) -> Manifest:
        """Reads a manifest. Errors: `Absent`, `Corrupt`."""
        manifest = self._manifests.get(id)
        if manifest is None:
            loaded = self.objects.load(Link("manifest", id))
            assert isinstance(loaded, Manifest)
            manifest = self._manifests[id] = loaded
        return manifest

    def previous(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """The manifests that this one says come before it; none where it cannot be read."""
        try:
            return self.manifest(id).previous()
        except (Absent, Corrupt):
            return ()

    def created(self, id: ObjectId) -> str:
        """When a manifest was made; empty where it cannot be read."""
        try:
            return self.manifest(id).created
        except (Absent, Corrupt):
            return ""

    def heads(self, artifact: ArtifactName) -> list[ObjectId]:
        """The heads: what the head refs name, minus every ancestor of another. Newest first. Errors: `BadRef`."""
        targets = {link.id for _, link in self.refs.read_all(heads_folder(artifact))}
        heads = targets if len(targets) < 2 else maximal(targets, self.previous, self.created)
        return sorted(heads, key=lambda id: (self.created(id), id.raw), reverse=len(heads) > 1)

    def newest(self, manifests: Iterable[ObjectId]) -> set[ObjectId]:
        """Those of some manifests that are not an ancestor of another, as far as history is known here."""
        return maximal(manifests, self.previous, self.created)

    def head(self, artifact: ArtifactName) -> ObjectId | None:
        """The one head; None if there is none. Errors: `SeveralHeads`."""
        heads = self.heads(artifact)
        if len(heads) > 1:
            raise SeveralHeads(
                f"{artifact} has {len(heads)} heads",
                candidates=tuple(f"manifest:{id.short}" for id in heads),
                hint=f"`pacha resolve {artifact.name}` shows and settles them",
            )
        return heads[0] if heads else None

    # -- versions --------------------------------------------------------------------------------------------------

    def tagged(self, artifact: ArtifactName) -> Versions:
        """All versions, lowest first."""
        return self.tags.tagged(artifact)

    def version(self, artifact: ArtifactName, version: Version) -> Tagged | None:
        """One version, or None."""
        name = version_ref(artifact, version)
        link = self.refs.read(name)
        return None if link is None else read_tagged(self.objects, name, link)

    def latest(self, artifact: ArtifactName) -> Tagged | None:
        """The highest stable version that is not yanked, else the highest such prerelease, else None."""
        return self.tagged(artifact).latest(leave_out=self.yanked(artifact))

    # -- stages ----------------------------------------------------------------------------------------------------

    def stages(self, artifact: ArtifactName) -> StageState:
        """Where an artifact's versions stand. Errors: `StageFork`, `BadStageLog`, `BadRef`, `Absent`."""
        return self._stages.stages(artifact)

    def yanked(self, artifact: ArtifactName) -> frozenset[str]:
        """The yanked versions; none where the log cannot be read, which those who ask for a stage are told."""
        try:
            return frozenset(self.stages(artifact).holders(YANKED))
        except (StageFork, Corrupt, Absent):
            return frozenset()
