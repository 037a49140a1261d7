"""`pacha lineage --impact`: which versions came of some commits, in any number of steps, and on which way."""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pacha.base.errors import Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version, VersionPrefix
from pacha.graph.lineage import ORIGINS, Lineage
from pacha.index.edges import Edges
from pacha.objects.manifest import ROLES
from pacha.porcelain.labels import Label
from pacha.porcelain.lineage_nodes import LineageNode, Names
from pacha.porcelain.workspace import Workspace
from pacha.registry.catalog import NoSuchArtifact
from pacha.registry.revspec import parse_revision
from pacha.registry.stages import DEVELOPMENT, PRODUCTION

#: Roles in which a dataset tells how good something is, and does not become a part of it.
MEASURES = ("validated_on", "evaluated_on")
#: For kinds and stages: whichever.
ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a way: what came from the step before, in which role. Of the first step the role is None."""

    role: str | None
    name: str
    manifest: ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Versions that a change would reach, and a shortest way on which; of a long way its end.

    `is_measured_only`: every way goes through `validated_on` or `evaluated_on`. What a change reaches then is what is
    said of the version, not what it is made of.
    """

    node: LineageNode
    versions: tuple[Label, ...]
    way: tuple[Step, ...]
    is_measured_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactReport:
    """What came of some commits: the versions of one kind in one stage, the nearest first."""

    starts: tuple[LineageNode, ...]
    kind: str
    stage: str
    roles: tuple[str, ...]
    hits: tuple[Hit, ...]
    notes: tuple[str, ...]


def impact(
    workspace: Workspace,
    ids: Sequence[ObjectId],
    *,
    kind: str = "model",
    stage: str = PRODUCTION,
    roles: Collection[str] = ORIGINS,
) -> ImpactReport:
    """Which versions of a kind, in a stage, came from any of some commits, in any number of steps.

    `kind` and `stage` may be `any`. A version that no move names is in development. Those that were only measured on
    the commits, or came of what was, are last.
    """
    names = Names(workspace)
    stage = ANY if stage.lower() == ANY else workspace.rules.stage(stage)
    wanted = _versions_in(workspace, names, kind, stage)

    def question(graph: Lineage) -> tuple[ImpactReport, Iterable[ObjectId]]:
        hits: dict[ObjectId, Hit] = {}
        rests: set[ObjectId] = set(ids)
        for is_second, followed in enumerate((set(roles) - set(MEASURES), set(roles))):
            for id, way in graph.impact(ids, wanted.keys() - hits.keys(), roles=followed):
                rests.update(way)
                hits[id] = Hit(
                    node=names.node(graph, id), versions=tuple(wanted[id]),
                    way=tuple(_steps(names, graph, way, followed)), is_measured_only=bool(is_second),
                )  # fmt: skip
        report = ImpactReport(
            starts=tuple(names.node(graph, id) for id in ids), kind=kind, stage=stage,
            roles=tuple(role for role in ROLES if role in roles), hits=tuple(hits.values()), notes=names.notes(),
        )  # fmt: skip
        return report, rests

    return workspace.once(Edges).ask(question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wide:
    """Every commit that a reference can mean, with what to tell of the choice."""

    ids: tuple[ObjectId, ...]
    note: str | None = None


def widest(workspace: Workspace, text: str, *, start: str) -> Wide:
    """All commits that a reference can mean: for `users:3` every version 3.x, for a name alone every commit.

    Whoever asks what a dataset has reached must not miss a model because it was trained on 3.1 and not on 3.2. What
    names one commit (`users:3.1.0`, `users:head`, `users~1`, `manifest:…`) is that one.
    Errors: those of `Workspace.resolve`.
    """
    spec = None if text.startswith((".", "/")) else parse_revision(text)
    if spec is not None and (spec.name is None or spec.pin or spec.steps):
        return _one(workspace, text, start)
    selector = None if spec is None else spec.selector
    prefix = None if selector is None else VersionPrefix.parse(selector)
    if spec is None or spec.name is None or selector is None:
        return _every_commit(workspace, text, start)
    if prefix is None:
        return _one(workspace, text, start)
    artifact = workspace.catalog.find(spec.name, spec.kind)
    tagged = [item for item in workspace.catalog.tagged(artifact) if prefix.matches(item.version)]
    if not tagged:
        return _one(workspace, text, start)
    versions = f"{tagged[0].version} to {tagged[-1].version}" if len(tagged) > 1 else str(tagged[0].version)
    ids = tuple(dict.fromkeys(item.manifest for item in tagged))
    return Wide(ids=ids, note=f"{text} is every such version here: {versions}")


def _one(workspace: Workspace, text: str, start: str) -> Wide:
    revision = workspace.resolve(text, start=start)
    return Wide(ids=(revision.manifest,), note=revision.note)


def _every_commit(workspace: Workspace, text: str, start: str) -> Wide:
    """All commits of an artifact that a name or a path stands for; of a path inside an artifact, its one commit."""
    artifact: ArtifactName | None = None
    with contextlib.suppress(NoSuchArtifact, Usage):
        spec = parse_revision(text)
        if spec.path is None and spec.name is not None:
            artifact = workspace.catalog.find(spec.name, spec.kind)
    if artifact is None:
        revision = workspace.resolve(text, start=start)
        if revision.path is not None or revision.artifact is None:
            return Wide(ids=(revision.manifest,), note=revision.note)
        artifact = revision.artifact
    commits = artifact

    def question(graph: Lineage) -> tuple[tuple[ObjectId, ...], Iterable[ObjectId]]:
        ids = tuple(graph.commits_of(commits))
        return ids, ids

    ids = workspace.once(Edges).ask(question)
    return Wide(ids=ids, note=f"{text} is every commit of {artifact} here: {len(ids)}")


def _steps(names: Names, graph: Lineage, way: Sequence[ObjectId], roles: Collection[str]) -> Iterator[Step]:
    before: ObjectId | None = None
    for id in way:
        role = None if before is None else next(e.role for e in graph.parents(id, roles=roles) if e.parent == before)
        yield Step(role=role, name=names.node(graph, id).name, manifest=id)
        before = id


def _versions_in(workspace: Workspace, names: Names, kind: str, stage: str) -> dict[ObjectId, list[Label]]:
    """The versions of a kind that are in a stage, by the manifests they name."""
    found: dict[ObjectId, list[Label]] = {}
    for artifact in workspace.catalog.artifacts() if kind == ANY else workspace.catalog.artifacts((kind,)):
        labels = names.labels(artifact)
        if labels is None:
            continue
        if stage in (ANY, DEVELOPMENT):
            tagged = [(str(item.version), item.manifest) for item in labels.versions]
        else:
            moved = [version for version, held in labels.stages.items() if held == stage]
            versions = [workspace.catalog.version(artifact, Version.parse(version)) for version in moved]
            tagged = [(str(item.version), item.manifest) for item in versions if item is not None]
        for version, manifest in tagged:
            held = labels.stages.get(version)
            if stage in (ANY, held or DEVELOPMENT):
                found.setdefault(manifest, []).append(Label(version=version, stage=held))
    return found
