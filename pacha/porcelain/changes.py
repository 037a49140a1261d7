"""`pacha changes`: what the META of this checkout adds over a commit of Git, and what it lacks.

This checkout is what lies in the work tree, committed to Git or not. No bytes are needed. What cannot be read on
either side is a problem that is told beside the rest.

Longer than most modules: half of it is the shape of the answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.graph.ancestry import ancestors
from pacha.objects.manifest import Manifest
from pacha.objects.move import Displaced, Move
from pacha.porcelain.changes_base import Base, choose_base, git_of
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName
from pacha.registry.committed import CommittedMeta
from pacha.registry.compare import (
    FEATURES,
    METRICS,
    ColumnChange,
    MetricChange,
    ParentChange,
    ValueChange,
    column_changes,
    metric_changes,
    parent_changes,
    value_changes,
)
from pacha.registry.state import State, table_of

#: The search for the version before goes so far back; older ones are not what a reviewer compares with.
HISTORY_STEPS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What a manifest is compared with. `version` is None for a head."""

    version: Version | None
    manifest: ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A new version, or a new head without one (`version` is None).

    Units: bytes. `new_bytes` counts the files that no manifest of the base lists, each once; None where a manifest
    lists no files, because it has too many. `signers` are key ids as the attestations claim them: nothing is verified.
    """

    version: Version | None
    manifest: ObjectId
    before: Before | None
    author: str
    created: str
    message: str
    size_before: int | None
    size: int
    new_bytes: int | None
    metrics: tuple[MetricChange, ...]
    columns: tuple[ColumnChange, ...]
    parents: tuple[ParentChange, ...]
    card: tuple[ValueChange, ...]
    facts: tuple[ValueChange, ...]
    same_content_as: str | None
    attestations: int
    signers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageChange:
    """A new entry of the stage log."""

    number: int
    version: Version
    from_stage: str
    to_stage: str
    displaced: tuple[Displaced, ...]
    reason: str
    who: str
    when: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """Something that the base has and this checkout lacks or contradicts: a version, a head or a stage move."""

    what: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactChanges:
    """What changed of one artifact. Versions are lowest first, moves oldest first."""

    artifact: ArtifactName
    is_new: bool
    published: tuple[Published, ...]
    moves: tuple[StageChange, ...]
    removed: tuple[Removed, ...]
    problems: tuple[str, ...]

    @property
    def is_silent(self) -> bool:
        """Tells whether there is nothing to say."""
        return not (self.published or self.moves or self.removed or self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """All changes. `new_bytes` counts every new file once; `unlisted` manifests have too many files to be counted."""

    base: Base
    artifacts: tuple[ArtifactChanges, ...]
    runs: tuple[str, ...]
    new_bytes: int
    unlisted: int
    problems: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Tells whether nothing changed."""
        return not (self.artifacts or self.runs or self.problems)


def changes(workspace: Workspace, revision: str | None = None) -> Changes:
    """Compares this checkout with a commit of Git: see `choose_base`.

    Errors: those of `choose_base`, `GitFailed`, `NewerFormat`.
    """
    git = git_of(workspace)
    base = choose_base(git, revision)
    repository = workspace.repository
    committed = CommittedMeta(git, base.commit, git.relative(repository.root.path))
    problems = []
    format = committed.format()
    if format is not None and format.id != repository.format.id:
        problems.append(f"the base has a repository of another id: {format.id}, and this one is {repository.format.id}")
    old = State(committed.table(), committed.load)
    new = State(table_of(repository.refs), repository.objects.load)
    return _Comparison(old, new, committed).run(base, problems)


@dataclass(slots=True)
class _Comparison:
    """One comparison of two states."""

    old: State
    new: State
    committed: CommittedMeta
    known_files: set[ObjectId] = field(default_factory=set)
    known_contents: dict[ObjectId, str] = field(default_factory=dict)
    counted: dict[ObjectId, int] = field(default_factory=dict)
    unlisted: int = 0

    def run(self, base: Base, problems: list[str]) -> Changes:
        changed = [name for name in sorted(self.old.artifacts() | self.new.artifacts(), key=str) if self._differs(name)]
        self.committed.prefetch(link for name in changed for link in self.old.refs_of(name).values())
        if any(self.new.refs_of(name).keys() - self.old.refs_of(name).keys() for name in changed):
            self._learn_base()
        found = [self._artifact(name) for name in changed]
        # Faults of artifacts are told there; what is left is told at the end.
        told = {fault.ref for name in changed for fault in self.new.faults_of(name)}
        problems.extend(f"at the base: {fault.message}" for fault in self.old.faults if fault.ref not in told)
        problems.extend(fault.message for fault in self.new.faults if fault.ref not in told)
        return Changes(
            base=base,
            artifacts=tuple(item for item in found if not item.is_silent),
            runs=tuple(sorted(_run_name(name) for name in self.new.links if self._is_new_run(name))),
            new_bytes=sum(self.counted.values()),
            unlisted=self.unlisted,
            problems=tuple(problems),
        )

    def _differs(self, artifact: ArtifactName) -> bool:
        return self.old.refs_of(artifact) != self.new.refs_of(artifact) or bool(self.new.faults_of(artifact))

    def _is_new_run(self, name: RefName) -> bool:
        return name.namespace == "runs" and name not in self.old.links

    def _learn_base(self) -> None:
        """Remembers every file and every content that any manifest of the base has."""
        for manifest in self.committed.manifests():
            self.known_files.update(file.digest for file in manifest.files or ())
            self.known_contents.setdefault(manifest.digest, str(manifest.artifact))

    # -- one artifact ----------------------------------------------------------------------------------------------

    def _artifact(self, artifact: ArtifactName) -> ArtifactChanges:
        old_versions, new_versions = self.old.versions(artifact), self.new.versions(artifact)
        old_heads, new_heads = self.old.heads(artifact), self.new.heads(artifact)
        published = [
            self._published(artifact, version, tagged.manifest, self._version_before(artifact, version))
            for version, tagged in new_versions.items()
            if version not in old_versions
        ]
        named = {tagged.manifest for tagged in new_versions.values()}
        published.extend(
            self._published(artifact, None, head, self._head_before(artifact, head))
            for head in new_heads
            if head not in old_heads and head not in named
        )
        old_moves, new_moves = self.old.moves(artifact), self.new.moves(artifact)
        known = {entry.id for entry in old_moves}
        problems = [fault.message for fault in self.new.faults_of(artifact)]
        if len(new_heads) > 1:
            problems.append(f"{artifact} has {len(new_heads)} heads; `pacha resolve {artifact.name}` settles them")
        return ArtifactChanges(
            artifact=artifact,
            is_new=artifact not in self.old.artifacts(),
            published=tuple(item for item in published if item is not None),
            moves=tuple(_stage_change(entry.move) for entry in new_moves if entry.id not in known),
            removed=(
                *self._removed_versions(artifact),
                *self._removed_heads(artifact, old_heads, [*new_heads, *named]),
                *self._removed_moves(artifact),
            ),
            problems=tuple(problems),
        )

    def _removed_versions(self, artifact: ArtifactName) -> Iterable[Removed]:
        new = self.new.versions(artifact)
        here = self.new.refs_of(artifact)
        refs = {fault.ref for fault in self.new.faults_of(artifact)}
        for version, tagged in self.old.versions(artifact).items():
            name = f"{artifact}:{version}"
            if version in new and new[version].manifest != tagged.manifest:
                reason = f"named manifest:{tagged.manifest.short} and names manifest:{new[version].manifest.short} here"
                yield Removed(what="version", name=name, reason=f"{reason}; a version never changes")
            elif version not in new:
                ref = f"refs/versions/{artifact}/{version}"
                is_damaged = ref in refs or any(str(known) == ref for known in here)
                reason = "cannot be read here" if is_damaged else "is not here; a version stays for ever"
                yield Removed(what="version", name=name, reason=reason)

    def _removed_heads(
        self, artifact: ArtifactName, old_heads: list[ObjectId], starts: list[ObjectId]
    ) -> Iterable[Removed]:
        """Heads of the base that no head or version of this checkout comes after: history that would be lost."""
        if all(head in starts for head in old_heads):
            return
        kept = self.new.reachable(starts)
        for head in old_heads:
            if head not in kept:
                yield Removed(
                    what="head", name=f"{artifact}@manifest:{head.short}", reason="nothing here comes after it"
                )

    def _removed_moves(self, artifact: ArtifactName) -> Iterable[Removed]:
        kept = {entry.id for entry in self.new.moves(artifact)}
        for entry in self.old.moves(artifact):
            if entry.id not in kept:
                move = entry.move
                what = f"{artifact}:{move.version} {move.from_stage} → {move.to_stage} (move {move.number})"
                yield Removed(what="stage move", name=what, reason="is not here, or another move has its number")

    # -- one manifest ----------------------------------------------------------------------------------------------

    def _version_before(self, artifact: ArtifactName, version: Version) -> Before | None:
        """The highest lower version of the same manifest or of an ancestor, else the highest lower one, else the old head."""
        versions = self.new.versions(artifact)
        manifest = versions[version].manifest
        lower = {item: tagged.manifest for item, tagged in versions.items() if item < version}
        line = self._line(manifest, set(lower.values()))
        best = max((item for item, id in lower.items() if id in line), default=max(lower, default=None))
        if best is not None:
            return Before(version=best, manifest=lower[best])
        return self._old_head(artifact, manifest)

    def _head_before(self, artifact: ArtifactName, head: ObjectId) -> Before | None:
        """The base's head that this one comes after, else the highest version that it comes after, else any old head."""
        old_heads = self.old.heads(artifact)
        versions = {version: tagged.manifest for version, tagged in self.new.versions(artifact).items()}
        line = self._line(head, {*old_heads, *versions.values()})
        for old in old_heads:
            if old in line:
                return Before(version=None, manifest=old)
        best = max((version for version, id in versions.items() if id in line), default=None)
        return self._old_head(artifact, head) if best is None else Before(version=best, manifest=versions[best])

    def _old_head(self, artifact: ArtifactName, manifest: ObjectId) -> Before | None:
        heads = [head for head in self.old.heads(artifact) if head != manifest]
        return Before(version=None, manifest=heads[0]) if heads else None

    def _line(self, manifest: ObjectId, wanted: set[ObjectId]) -> set[ObjectId]:
        """Those of `wanted` that are a manifest or come before it."""
        found = wanted & {manifest}
        for step, id in enumerate(ancestors([manifest], self.new.previous)):
            if step >= HISTORY_STEPS_MAX or len(found) == len(wanted):
                break
            if id in wanted:
                found.add(id)
        return found

    def _published(
        self, artifact: ArtifactName, version: Version | None, id: ObjectId, before: Before | None
    ) -> Published | None:
        """What a version or head adds; None, and a fault, where its manifest cannot be read."""
        manifest = self.new.manifest(id)
        if manifest is None:
            return None
        last = None if before is None else self._known_manifest(before.manifest)
        old_card, old_facts = ({}, {}) if last is None else (last.card, last.facts)
        subjects = [id, *(item.tag for item in self.new.versions(artifact).values() if item.manifest == id)]
        attested = self.new.attestations(subjects)
        same = self.known_contents.get(manifest.digest)
        return Published(
            version=version,
            manifest=id,
            before=before,
            author=manifest.author,
            created=manifest.created,
            message=manifest.message,
            size_before=None if last is None else last.size,
            size=manifest.size,
            new_bytes=self._count_new(manifest),
            metrics=metric_changes(old_card, manifest.card),
            columns=column_changes(old_card, manifest.card),
            parents=parent_changes(last, manifest, self._name_of),
            card=value_changes(old_card, manifest.card, leave_out=f"{METRICS} {FEATURES}"),
            facts=value_changes(old_facts, manifest.facts),
            same_content_as=same if same != str(artifact) else None,
            attestations=len(attested),
            signers=tuple(sorted({signature.keyid for item in attested for signature in item.signatures})),
        )

    def _known_manifest(self, id: ObjectId) -> Manifest | None:
        """A manifest of this checkout, or of the base where this checkout has lost it."""
        return self.new.find_manifest(id) or self.old.find_manifest(id)

    def _count_new(self, manifest: Manifest) -> int | None:
        if manifest.digest in self.known_contents:
            return 0
        if manifest.files is None:
            self.unlisted += 1
            return None
        fresh = {file.digest: file.size for file in manifest.files if file.digest not in self.known_files}
        self.counted.update(fresh)
        return sum(fresh.values())

    def _name_of(self, id: ObjectId) -> str:
        """What people call a manifest: `data/users:3.0.0`, or its id where no version names it."""
        manifest = self._known_manifest(id)
        if manifest is None:
            return f"manifest:{id.short} (not here)"
        versions = self.new.versions(manifest.artifact).values()
        named = [item.version for item in versions if item.manifest == id]
        return f"{manifest.artifact}:{max(named)}" if named else f"{manifest.artifact}@manifest:{id.short}"


def _stage_change(move: Move) -> StageChange:
    return StageChange(
        number=move.number,
        version=move.version,
        from_stage=move.from_stage,
        to_stage=move.to_stage,
        displaced=move.displaced,
        reason=move.reason,
        who=move.who,
        when=move.when,
    )


def _run_name(name: RefName) -> str:
    """`run/<experiment>:<run-id>`, as a run is referred to."""
    return f"run/{name.folder.removeprefix('refs/runs/')}:{name.last}"
