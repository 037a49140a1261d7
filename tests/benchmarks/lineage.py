"""Benchmark of lineage: a store of 100,000 manifests, asked with a warm index, a cold one, and after one commit."""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.graph.lineage import ORIGINS
from pacha.index.edges import Edges
from pacha.objects.manifest import ROLES, Manifest, Parent, encode
from pacha.objects.tag import Tag
from pacha.objects.tag import encode as encode_tag
from pacha.objects.types import Link
from pacha.porcelain import lineage as verbs
from pacha.porcelain.impact import ANY, impact
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import head_ref, version_ref
from pacha.store.meta import meta_path
from tests.benchmarks.many import open_in, project_in
from tests.benchmarks.measure import ROUNDS, Row

MANIFESTS = 100_000
ARTIFACTS = [ArtifactName(kind, f"{kind}-{number}") for kind in ("data", "model", "recipe") for number in range(40)]
#: Every so many commits get a version.
TAGGED = 20
LIMIT_SECONDS = 0.3


def lineage(folder: Path) -> Iterator[Row]:
    """Lineage over 100,000 manifests in process, warm, cold and after a commit; then the whole verbs."""
    project = project_in(folder)
    tip, model, root, edges = _write(project)
    time.sleep(3)
    yield Row("manifests, edges", f"{MANIFESTS:,}, {edges:,}", "", True)
    cold, count = _timed(project, lambda workspace: len(workspace.once(Edges).lineage().all_ancestors(tip)))
    yield Row("ancestors, cold index", f"{cold:.1f} s, {count:,} found", "(the same answer, slower)", True)
    for what, ask in (
        ("ancestors of the newest", lambda workspace: len(workspace.once(Edges).lineage().all_ancestors(tip))),
        ("descendants of the oldest", lambda workspace: len(workspace.once(Edges).lineage().all_descendants(root))),
        (
            "ancestors of a merge, without history",
            lambda workspace: len(workspace.once(Edges).lineage().all_ancestors(model, roles=ORIGINS)),
        ),
    ):
        taken = [_timed(project, ask) for _ in range(ROUNDS)]
        seconds = statistics.median(seconds for seconds, _ in taken)
        seen = f"{seconds * 1000:.0f} ms, {taken[0][1]:,} found"
        yield Row(f"{what}, warm index", seen, f"≤ {LIMIT_SECONDS * 1000:.0f} ms", seconds <= LIMIT_SECONDS)
    yield from _verbs(project, tip, model)
    _commit(project, tip)
    after, _ = _timed(project, lambda workspace: len(workspace.once(Edges).lineage().all_ancestors(tip)))
    yield Row("the same after one more commit", f"{after * 1000:.0f} ms", "(no limit)", True)


def _verbs(project: Path, tip: ObjectId, model: ObjectId) -> Iterator[Row]:
    """The verbs, from an open repository to the report."""
    workspace = open_in(project)
    origins = list(workspace.once(Edges).lineage().all_ancestors(model, roles=ORIGINS))
    workspace.close()
    for what, verb in (
        ("`lineage` of a merge, without history", lambda workspace: len(verbs.lineage(workspace, model).nodes)),
        (
            "`lineage --impact` of what the merge came from",
            lambda workspace: len(impact(workspace, origins, kind=ANY, stage=ANY).hits),
        ),
        (
            "`lineage --history`, the whole graph",
            lambda workspace: len(verbs.lineage(workspace, tip, roles=ROLES).nodes),
        ),
    ):
        taken = [_timed(project, verb) for _ in range(3)]
        seconds = statistics.median(seconds for seconds, _ in taken)
        yield Row(what, f"{seconds * 1000:.0f} ms, {taken[0][1]:,} shown", "(no limit)", True)


def _timed(project: Path, ask: Callable[[Workspace], int]) -> tuple[float, int]:
    """Seconds from an open repository to the answer, the index loaded anew."""
    workspace = open_in(project)
    try:
        started = time.perf_counter()
        found = ask(workspace)
        return time.perf_counter() - started, found
    finally:
        workspace.close()


def _write(project: Path) -> tuple[ObjectId, ObjectId, ObjectId, int]:
    """Histories of 120 artifacts; each commit follows one, merges now and then, and names others in roles."""
    root = Root(str(project / ".pacha"), durability=Durability.NONE)
    coin = random.Random(7)
    heads: dict[ArtifactName, list[ObjectId]] = {}
    made: list[ObjectId] = []
    edges, model = 0, ObjectId(b"\0" * 32)
    for number in range(MANIFESTS):
        artifact = ARTIFACTS[number % len(ARTIFACTS)]
        parents = _parents(artifact, heads, made, coin)
        edges += len(parents)
        id = _put(project, _manifest(artifact, number, parents))
        heads.setdefault(artifact, []).append(id)
        if any(parent.role == "merged_from" for parent in parents):
            model = id
        made.append(id)
        if number % TAGGED == 0:
            version = Version(number // TAGGED + 1, 0, 0)
            raw = encode_tag(Tag(artifact=artifact, version=version, manifest=id))
            link = Link("tag", hash_bytes(raw))
            _write_file(project / ".pacha" / meta_path(link), raw)
            _write_file(project / ".pacha" / version_ref(artifact, version).text, f"{link}\n".encode())
    for artifact, ids in heads.items():
        root.create(head_ref(artifact, ids[-1]).text, f"manifest:{ids[-1]}\n".encode())
    return made[-1], model, made[0], edges


def _parents(
    artifact: ArtifactName, heads: dict[ArtifactName, list[ObjectId]], made: list[ObjectId], coin: random.Random
) -> tuple[Parent, ...]:
    own = heads.get(artifact, [])
    chosen = [("previous", own[-1])] if own else []
    if len(own) > 2 and coin.random() < 0.05:
        chosen.append(("previous", own[-2]))
    others = [name for name in heads if name.kind != artifact.kind]
    roles = {"model": ("trained_on", "recipe", "evaluated_on"), "recipe": ("trained_on",), "data": ("derived_from",)}
    for role in roles[artifact.kind][: coin.randrange(3)] if others else ():
        chosen.append((role, coin.choice(heads[coin.choice(others)][-3:])))
    if artifact.kind == "model" and coin.random() < 0.01:
        chosen += [("merged_from", id) for id in coin.sample(made, min(len(made), 8))]
    return tuple(Parent(role=role, manifest=id) for role, id in dict.fromkeys(chosen))


def _manifest(artifact: ArtifactName, number: int, parents: tuple[Parent, ...]) -> Manifest:
    blob = hash_bytes(b"x")
    return Manifest(
        artifact=artifact, tree=blob, digest=blob, size=1, shape="file", parents=parents, message=f"turn {number}",
        author="Ada <ada@example.org>", created=f"2026-03-{number * 28 // MANIFESTS + 1:02d}T12:00:00Z",
        card={"description": "x" * 300, "metrics": {"auc": number / MANIFESTS}},
    )  # fmt: skip


def _put(project: Path, manifest: Manifest) -> ObjectId:
    raw = encode(manifest)
    link = Link("manifest", hash_bytes(raw))
    _write_file(project / ".pacha" / meta_path(link), raw)
    return link.id


def _write_file(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)


def _commit(project: Path, tip: ObjectId) -> None:
    _put(project, _manifest(ARTIFACTS[0], MANIFESTS, (Parent(role="derived_from", manifest=tip),)))
