"""The benchmark of searching: 100,000 versions of 100 artifacts, and of 10,000."""

import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects import manifest as manifests
from pacha.objects import move as moves
from pacha.objects import tag as tags
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.tree import FileEntry
from pacha.objects.types import Link
from pacha.porcelain.search import search
from pacha.refs.names import head_ref, stage_ref, version_ref
from pacha.store.meta import meta_path
from tests.benchmarks.many import open_in, project_in
from tests.benchmarks.measure import ROUNDS, Row

QUERY = 'kind=model stage=production metrics.auc>0.9 name~"fraud"'
#: The query of the promise, and others that each ask something else; only the first has the limit.
QUERIES = {
    QUERY: 0.2,
    "version>=2.1 created=2026-03 -license=mit": None,
    "churn baseline": None,
    "facts.parameters>6e6 latest=true": None,
    "metrics.auc>2": None,
}
WORDS = ("fraud", "churn", "price", "image", "speech", "demand", "risk", "rank", "text", "ads")
MOVED = 5


def search_versions(folder: Path) -> Iterator[Row]:
    """`search` over 100,000 versions, in process: with a warm index, after one commit, and without an index."""
    for artifacts, each, is_promised in ((100, 1000, True), (10_000, 10, False)):
        project = project_in(folder, f"of{artifacts}")
        write_versions(project, artifacts=artifacts, each=each)
        time.sleep(3)
        started = time.perf_counter()
        _search(project, QUERY)
        name = f"{artifacts:,} × {each:,}"
        yield Row(f"{name}: first, no index", f"{time.perf_counter() - started:.1f} s", "(no limit)", True)
        _search(project, QUERY)
        for query, limit in QUERIES.items():
            seconds, computing, found = _warm(project, query)
            limit = limit if is_promised else None
            seen = f"{seconds * 1000:.0f} ms (CPU {computing * 1000:.0f}), {found:,} found"
            text = "(no limit)" if limit is None else f"≤ {limit * 1000:.0f} ms"
            yield Row(f"{name}: {query}"[:44], seen, text, limit is None or seconds <= limit)
        _touch(project)
        started = time.perf_counter()
        _search(project, QUERY)
        yield Row(
            f"{name}: after one more version", f"{(time.perf_counter() - started) * 1000:.0f} ms", "(no limit)", True
        )


def _warm(project: Path, query: str) -> tuple[float, float, int]:
    """Median seconds, those of them that the processor worked (a busy machine shows in the difference), rows found."""
    taken, computing, found = [], [], 0
    for _ in range(ROUNDS):
        before = time.process_time()
        seconds, found = _search(project, query)
        taken.append(seconds)
        computing.append(time.process_time() - before)
    return statistics.median(taken), statistics.median(computing), found


def _search(project: Path, query: str) -> tuple[float, int]:
    """Seconds of one search in a fresh workspace, without opening the repository (that asks Git)."""
    workspace = open_in(project)
    try:
        started = time.perf_counter()
        found = search(workspace, query, limit=20)
        return time.perf_counter() - started, found.total
    finally:
        workspace.close()


def _touch(project: Path) -> None:
    """One more version of one artifact."""
    write_versions(project, artifacts=1, each=1, first=5_000)


def write_versions(project: Path, *, artifacts: int, each: int, first: int = 0, seed: int = 1) -> None:
    """Writes META as commits and tags would, without flushes."""
    coin = random.Random(seed + first)
    root = project / ".pacha"
    for number in range(artifacts):
        kind = "model" if number % 4 else "data"
        artifact = ArtifactName(kind, f"{WORDS[number % len(WORDS)]}-{number}")
        previous: ObjectId | None = None
        versions: list[Version] = []
        for turn in range(first, first + each):
            manifest = _manifest(artifact, turn, previous, coin)
            raw = manifests.encode(manifest)
            previous = _put(root, "manifest", raw)
            version = Version(turn // 400 + 1, turn // 20 % 20, turn % 20)
            tag = _put(root, "tag", tags.encode(Tag(artifact=artifact, version=version, manifest=previous)))
            _write(root / version_ref(artifact, version).text, f"tag:{tag}\n".encode())
            versions.append(version)
        assert previous is not None
        _write(root / head_ref(artifact, previous).text, f"manifest:{previous}\n".encode())
        _write_moves(root, artifact, versions, coin)


def _manifest(artifact: ArtifactName, turn: int, previous: ObjectId | None, coin: random.Random) -> Manifest:
    blob = hash_bytes(b"%s %d" % (str(artifact).encode(), turn))
    size = coin.randrange(1_000, 5_000_000_000)
    return Manifest(
        artifact=artifact, tree=blob, digest=blob, size=size, shape="file", path=f"models/{artifact.name}",
        files=(FileEntry(path=artifact.name, size=size, digest=blob),),
        parents=() if previous is None else (Parent(role="previous", manifest=previous),),
        author=coin.choice(["Ada <ada@example.org>", "Bob <bob@example.org>", "Eve <eve@example.org>"]),
        created=f"2026-{coin.randrange(1, 12):02d}-{coin.randrange(1, 29):02d}T{coin.randrange(24):02d}:00:00Z",
        message=coin.choice(["baseline", "more data", "tuned"]) + f" {turn}",
        card={
            "description": f"{artifact.name} model of the {WORDS[turn % 10]} team",
            "license": coin.choice(["mit", "apache-2.0", "proprietary"]),
            "metrics": {name: round(coin.random(), 6) for name in ("auc", "f1", "loss", "recall")},
            "hyperparameters": {"learning_rate": coin.choice([1e-3, 1e-4]), "batch_size": 32, "epochs": turn % 50},
            "primary_uses": ["scoring"],
        },
        facts={"format": "safetensors", "parameters": coin.randrange(1_000, 7_000_000), "tensors": 12, "dtypes": {"F32": 12}},
    )  # fmt: skip


def _write_moves(root: Path, artifact: ArtifactName, versions: list[Version], coin: random.Random) -> None:
    """A few versions go to staging, and the last of them to production."""
    if (root / stage_ref(artifact, 1).text).exists():
        return
    prev: ObjectId | None = None
    moved = sorted(coin.sample(versions, min(MOVED, len(versions))))
    for number, version in enumerate([*moved, moved[-1]], start=1):
        is_last = number > len(moved)
        value = Move(
            artifact=artifact, version=version, from_stage="staging" if is_last else "development",
            to_stage="production" if is_last else "staging", reason="checked", who="Ada <ada@example.org>",
            when="2026-11-01T00:00:00Z", nonce=f"{number:032x}", number=number, prev=prev,
        )  # fmt: skip
        prev = _put(root, "move", moves.encode(value))
        _write(root / stage_ref(artifact, number).text, f"move:{prev}\n".encode())


def _put(root: Path, type_name: str, raw: bytes) -> ObjectId:
    id = hash_bytes(raw)
    _write(root / meta_path(Link(type_name, id)), raw)
    return id


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
