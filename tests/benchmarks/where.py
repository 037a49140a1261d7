"""The benchmark of `stats --storage`: 10,000 versions of one artifact, of a hundred, and of as many that share a file."""

import random
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects import manifest as manifests
from pacha.objects import tag as tags
from pacha.objects.chunklist import build_chunklists
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.tag import Tag
from pacha.objects.tree import Tree, TreeEntry, encode
from pacha.objects.types import Link
from pacha.refs.names import head_ref, version_ref
from pacha.store.data import DataStore
from pacha.store.merge import maintain
from pacha.store.meta import meta_path
from pacha.store.packwriter import PackWriter
from tests.benchmarks.many import project_in
from tests.benchmarks.measure import PACHA, Row, median, peak, run

VERSIONS, CHUNKS, CHANGED = 10_000, 40, 4
#: Beside the plain `stats`, and in memory. Only a step back is to be told.
TIMES_MAX, PEAK_BYTES_MAX = 4.0, 300 << 20


def where(folder: Path) -> Iterator[Row]:
    """`stats` and `stats --storage` on 10,000 versions of files in 40 chunks, of which each version changes four."""
    for artifacts in (1, 100, VERSIONS):
        project = project_in(folder, f"of{artifacts}")
        # In a process of its own: what this one holds would count as the peak memory of every process it starts.
        writing = get_context("spawn").Process(target=write_versions, args=(project, artifacts, VERSIONS // artifacts))
        writing.start()
        writing.join()
        plain = [run([*PACHA, "stats"], cwd=project) for _ in range(3)]
        runs = [run([*PACHA, "stats", "--storage"], cwd=project) for _ in range(3)]
        before, seconds = median(plain), median(runs)
        yield Row(
            f"{artifacts:,} × {VERSIONS // artifacts:,}: beside stats",
            f"{seconds:.1f} s, {seconds / before:.2f} × of {before:.1f} s",
            f"≤ {TIMES_MAX} × of stats",
            seconds <= TIMES_MAX * before,
        )
        yield Row(
            f"{artifacts:,} × {VERSIONS // artifacts:,}: peak memory",
            f"{peak(runs) / 2**20:.0f} MiB, stats {peak(plain) / 2**20:.0f} MiB",
            f"≤ {PEAK_BYTES_MAX >> 20} MiB",
            peak(runs) <= PEAK_BYTES_MAX,
        )


def write_versions(project: Path, artifacts: int, each: int) -> None:
    """Writes what commits and tags would, without flushes; every version also has one empty file that all share."""
    coin = random.Random(artifacts)
    store = DataStore(Root(str(project / ".pacha"), durability=Durability.NONE))
    with store.writer() as writer:
        assert isinstance(writer, PackWriter)
        for number in range(artifacts):
            artifact = ArtifactName("model", f"m-{number}")
            chunks = [coin.randbytes(64) for _ in range(CHUNKS)]
            previous: ObjectId | None = None
            for turn in range(each):
                for at in coin.sample(range(CHUNKS), CHANGED):
                    chunks[at] = coin.randbytes(64)
                previous = _write_version(project, writer, artifact, chunks, previous, turn)
            assert previous is not None
            _write(project / ".pacha" / head_ref(artifact, previous).text, f"manifest:{previous}\n".encode())
        writer.close()
    store.refresh()
    maintain(store)


def _write_version(
    project: Path, writer: PackWriter, artifact: ArtifactName, chunks: list[bytes], previous: ObjectId | None, turn: int
) -> ObjectId:
    empty = writer.add("blob", b"")
    lists = build_chunklists([(len(data), writer.add("blob", data)) for data in chunks])
    for _, raw in lists:
        writer.add("chunklist", raw)
    digest = hash_bytes(b"".join(chunks))
    size = sum(len(data) for data in chunks)
    entries = (
        TreeEntry(name="empty", link=Link("blob", empty), size=0, digest=empty),
        TreeEntry(name="weights", link=Link("chunklist", lists[-1][0]), size=size, digest=digest),
    )
    raw = manifests.encode(
        Manifest(
            artifact=artifact, tree=writer.add("tree", encode(Tree(entries=entries))), digest=digest, size=size,
            shape="folder", author="Ada <ada@example.org>", created="2026-03-03T12:00:00Z", message=f"step {turn}",
            parents=() if previous is None else (Parent(role="previous", manifest=previous),),
        )
    )  # fmt: skip
    manifest = _put(project, "manifest", raw)
    version = Version(1, turn, 0)
    tag = _put(project, "tag", tags.encode(Tag(artifact=artifact, version=version, manifest=manifest)))
    _write(project / ".pacha" / version_ref(artifact, version).text, f"tag:{tag}\n".encode())
    return manifest


def _put(project: Path, kind: str, raw: bytes) -> ObjectId:
    link = Link(kind, hash_bytes(raw))
    _write(project / ".pacha" / meta_path(link), raw)
    return link.id


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
