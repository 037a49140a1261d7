"""Benchmarks of many things: files, commits, versions, adds."""

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pacha.base import files
from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.tag import Tag
from pacha.objects.tree import FileEntry, Tree, TreeEntry, encode
from pacha.objects.types import Link
from pacha.porcelain.commit import CommitOptions, commit_paths
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import head_ref, version_ref
from pacha.repo.environment import Environment
from pacha.repo.repository import open_repository
from pacha.store.data import DataStore
from pacha.store.merge import maintain
from tests.benchmarks.measure import ENVIRONMENT, PACHA, ROUNDS, Row, Run, interleaved, median, ratio_of, run

FILES_OF_STATUS = 10_000
SMALL_FILES = 5_000
COMMITS = 60
VERSIONS = 10_000
ADDS = 10_000


def project_in(folder: Path, name: str = "project") -> Path:
    """Makes a repository."""
    project = folder / name
    project.mkdir()
    subprocess.run([*PACHA, "init"], cwd=project, env=ENVIRONMENT, check=True, capture_output=True)
    return project


def open_in(project: Path) -> Workspace:
    """Opens a repository in this process."""
    return Workspace(open_repository(str(project), environment=Environment.current()))


def status(folder: Path) -> Iterator[Row]:
    """`status` on 10,000 unchanged files in one folder."""
    project = project_in(folder)
    data = project / "images"
    for number in range(FILES_OF_STATUS):
        path = data / f"{number % 100:02d}" / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"%d,1\n" % number)
    time.sleep(3)
    run([*PACHA, "add", "images", "--kind", "data"], cwd=project)
    run([*PACHA, "commit", "-m", "images"], cwd=project)
    runs = interleaved(
        {
            "status": lambda: run([*PACHA, "status"], cwd=project),
            "add": lambda: run([*PACHA, "add", "images"], cwd=project),
        }
    )
    seconds = median(runs["status"])
    yield Row("status on 10,000 unchanged files", f"{seconds:.3f} s", "≤ 0.5 s", seconds <= 0.5)
    yield Row("add of the same again", f"{median(runs['add']):.3f} s", "(no limit)", True)


def tiny_commits(folder: Path) -> Iterator[Row]:
    """Tiny commits in one process, against a bare loop of the same fsyncs, round by round."""
    project = project_in(folder)
    flushed = [0]
    real = files._flush

    def counting(descriptor: int) -> None:
        flushed[0] += 1
        real(descriptor)

    rates, ratios = [], []
    for number in range(ROUNDS):
        flushed[0] = 0
        files._flush = counting
        try:
            taken = _commit_often(project, number)
        finally:
            files._flush = real
        each = flushed[0] / COMMITS
        bare = _bare_loop(folder / f"bare{number}", flushes=each)
        rates.append(COMMITS / taken)
        ratios.append(bare / taken)
    yield Row("flushes a commit, storing its bytes included", f"{each:.2f}", "≤ 6", each <= 6)
    ratio = statistics.median(ratios)
    seen = f"{statistics.median(rates):.0f} a second, {ratio:.2f} × the bare loop"
    yield Row("tiny commits in one process", seen, "≥ 0.4 × the bare loop", ratio >= 0.4)


def _commit_often(project: Path, turn: int) -> float:
    """Seconds of 60 commits of a small file, through one session."""
    options = CommitOptions(message="tiny", author="Ada <ada@example.org>", date="2026-03-03T12:00:00Z")
    workspace = open_in(project)
    try:
        started = time.perf_counter()
        with workspace.session():
            for number in range(COMMITS):
                (project / "rows.csv").write_bytes(b"a,b\n%d,%d\n" % (turn, number))
                commit_paths(workspace, ["rows.csv"], options)
        return time.perf_counter() - started
    finally:
        workspace.close()


def _bare_loop(place: Path, *, flushes: float) -> float:
    """Seconds of writing and flushing as many small files as so many commits flush."""
    place.mkdir()
    started = time.perf_counter()
    for number in range(round(flushes * COMMITS)):
        descriptor = os.open(place / str(number), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(descriptor, b"x" * 300)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - started


def history(folder: Path) -> Iterator[Row]:
    """`log`, `show`, `rev-parse` and `reindex` where an artifact has 10,000 versions."""
    project = project_in(folder)
    _write_history(project)
    for words in (
        ["log", "-n", "20", "rows"],
        ["show", "rows:5000.0.0"],
        ["rev-parse", "rows:latest"],
        ["list", "rows"],
    ):
        run([*PACHA, *words], cwd=project)
    bare = interleaved({"bare": lambda: run([sys.executable, "-I", "-c", "pass"], cwd=project)})
    for words in (["log", "-n", "20", "rows"], ["show", "rows:5000.0.0"], ["rev-parse", "rows:latest"]):
        runs = interleaved({"it": lambda words=words: run([*PACHA, *words], cwd=project)})  # type: ignore[misc]
        seconds = median(runs["it"])
        seen = f"{seconds * 1000:.0f} ms (python itself {median(bare['bare']) * 1000:.0f})"
        yield Row(" ".join(words), seen, "≤ 200 ms", seconds <= 0.2)
    shutil.rmtree(project / ".pacha/refs/versions")
    taken = []
    for _ in range(ROUNDS):
        workspace = open_in(project)
        try:
            started = time.perf_counter()
            rebuilt = workspace.index.rebuild()
            taken.append(time.perf_counter() - started)
        finally:
            workspace.close()
    rate = rebuilt.manifests / statistics.median(taken)
    yield Row("reindex, manifests of 1 KB a second", f"{rate:,.0f} (in process)", "≥ 8,000", rate >= 8000)


def _write_history(project: Path) -> None:
    """10,000 manifests of about 1 KB, each after the one before, each with a version."""
    workspace = open_in(project)
    artifact = ArtifactName("data", "rows")
    root = Root(workspace.repository.root.path, durability=Durability.NONE)
    previous: ObjectId | None = None
    blob = hash_bytes(b"x")
    tree = hash_bytes(encode(Tree(entries=(TreeEntry(name="rows.csv", link=Link("blob", blob), size=1, digest=blob),))))
    objects = workspace.repository.objects
    for number in range(VERSIONS):
        batch = files.Batch(root)
        manifest = Manifest(
            artifact=artifact, tree=tree, digest=blob, size=1, shape="file", path="rows.csv",
            files=(FileEntry(path="rows.csv", size=1, digest=blob),),
            parents=() if previous is None else (Parent(role="previous", manifest=previous),),
            author="Ada <ada@example.org>", created="2026-03-03T12:00:00Z", message=f"turn {number}",
            card={"text": "x" * 300},
        )  # fmt: skip
        link = objects.put_meta(batch, "manifest", manifest)
        tagged = objects.put_meta(
            batch, "tag", Tag(artifact=artifact, version=Version(number + 1, 0, 0), manifest=link.id)
        )
        batch.barrier()
        root.create(version_ref(artifact, Version(number + 1, 0, 0)).text, f"{tagged}\n".encode())
        previous = link.id
    assert previous is not None
    root.create(head_ref(artifact, previous).text, f"manifest:{previous}\n".encode())
    workspace.close()


def dedup(folder: Path) -> Iterator[Row]:
    """Looking up 5,000 ids in the history of 10,000 adds, in process."""
    store = DataStore(Root(str(folder), durability=Durability.NONE))
    (folder / "local").mkdir()
    for number in range(ADDS):
        with store.writer() as writer:
            writer.add("blob", b"%d" % number)
            writer.add("blob", b"and %d" % number)
            writer.close()
        maintain(store)
    store.close()
    half = [hash_bytes(b"%d" % number) for number in random.Random(1).sample(range(ADDS), 2_500)]
    wanted = [*half, *(hash_bytes(b"not %d" % number) for number in range(2_500))]
    taken = []
    for _ in range(9):
        fresh = DataStore(Root(str(folder)))
        started = time.perf_counter()
        found = fresh.has_many(wanted)
        taken.append(time.perf_counter() - started)
        assert found == set(half)
    milliseconds = statistics.median(taken) * 1000
    seen = f"{milliseconds:.1f} ms, {len(store.packs())} packs"
    yield Row("5,000 ids against 10,000 adds", seen, "≤ 50 ms", milliseconds <= 50)


def small_files(folder: Path) -> Iterator[Row]:
    """`add` of 5,000 files of 1 to 100 KB, against `dvc add`."""
    source = folder / "source"
    coin = random.Random(5)
    for number in range(SMALL_FILES):
        path = source / f"{number % 50:02d}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(coin.randbytes(coin.randrange(1_000, 100_000)))
    jobs = {"pacha": lambda: _pacha_small(folder, source)}
    dvc = os.environ.get("DVC", shutil.which("dvc") or "")
    if dvc:
        jobs["dvc"] = lambda: _dvc_small(folder, source, dvc)
    runs = interleaved(jobs, rounds=5)
    seen = f"{median(runs['pacha']):.2f} s"
    if not dvc:
        yield Row("add of 5,000 files of 1 to 100 KB", seen, "(dvc is not installed: set DVC=path)", True)
        return
    ratio = ratio_of(runs["pacha"], runs["dvc"])
    limit = f"≤ 1.00 × dvc add ({median(runs['dvc']):.2f} s)"
    yield Row("add of 5,000 files of 1 to 100 KB", f"{seen}, {ratio:.2f} × dvc", limit, ratio <= 1)


def _copied(folder: Path, source: Path, name: str) -> Path:
    shutil.rmtree(folder / name, ignore_errors=True)
    project = folder / name
    project.mkdir()
    shutil.copytree(source, project / "images", copy_function=os.link)
    return project


def _pacha_small(folder: Path, source: Path) -> Run:
    project = _copied(folder, source, "pacha")
    subprocess.run([*PACHA, "init"], cwd=project, env=ENVIRONMENT, check=True, capture_output=True)
    return run([*PACHA, "add", "images", "--kind", "data"], cwd=project)


def _dvc_small(folder: Path, source: Path, dvc: str) -> Run:
    shutil.rmtree(folder / "dvc", ignore_errors=True)
    project = folder / "dvc"
    project.mkdir()
    shutil.copytree(source, project / "images")
    subprocess.run([dvc, "init", "-q", "--no-scm"], cwd=project, env=ENVIRONMENT, check=True, capture_output=True)
    return run([dvc, "add", "-q", "images"], cwd=project)
