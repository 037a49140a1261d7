"""Benchmarks of remotes: bytes to and from a folder against `cp` and fsync of the same packs, and requests counted.

Requests are counted in this process, by a remote that stands before one in memory: an S3 remote sends one for each.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pacha.base.names import ArtifactName
from pacha.base.progress import Silent
from pacha.objects.types import Link
from pacha.porcelain import clone as clones
from pacha.porcelain import connect as connecting
from pacha.porcelain.push import push
from pacha.porcelain.pushing import PushOptions
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import heads_folder, versions_folder
from pacha.remotes.compact import is_due, write_down
from pacha.remotes.entries import Update
from pacha.remotes.keys import FORMAT
from pacha.remotes.log import append
from pacha.remotes.named import NamedRemote
from pacha.remotes.opening import open_place
from pacha.remotes.options import Options
from pacha.remotes.sending import meta_packs
from pacha.remotes.state import EMPTY
from pacha.remotes.upload import Cargo, bring, next_entry
from pacha.repo.environment import Environment
from tests.benchmarks.many import _write_history, open_in, project_in
from tests.benchmarks.measure import ENVIRONMENT, PACHA, Row, Run, interleaved, median, peak, ratio_of, run
from tests.remotes import servers
from tests.remotes.chaos import chaos
from tests.remotes.long import copy, long_remote
from tests.remotes.places import Count, Memory, Watched

ROUNDS = 5
TENSORS = 64
PEAK_LIMIT = 300 << 20
TIME = "2026-03-03T12:00:00Z"
_WEIGHTS = (
    "import numpy as np; from safetensors.numpy import save_file; rng = np.random.default_rng(1); "
    f"save_file({{f'l{{n}}': rng.standard_normal(4 << 20, dtype=np.float32) * 0.02 for n in range({TENSORS})}}, 'm.safetensors')"
)


def remotes(folder: Path) -> Iterator[Row]:
    """Push and pull of 1 GiB with a folder; nothing to do, small files, and clones of 10,000 versions, in requests."""
    # What a user has set, and names of remotes, must not come from whoever measures.
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    ENVIRONMENT["XDG_CONFIG_HOME"] = str(folder / "config")
    yield from _one_gibibyte(folder)
    yield from _small_files(folder)
    yield from _many_versions(folder)
    yield from _long_log(folder)


def _one_gibibyte(folder: Path) -> Iterator[Row]:
    project = project_in(folder)
    subprocess.run([sys.executable, "-c", _WEIGHTS], cwd=project, check=True)
    run([*PACHA, "add", "m.safetensors", "--kind", "model", "--name", "m"], cwd=project)
    run([*PACHA, "commit", "-m", "weights"], cwd=project)
    packs = list((project / ".pacha/objects/pack").glob("*.pack"))
    run([*PACHA, "push", str(folder / "kept")], cwd=project)
    jobs = {
        "cp": lambda: _cp(packs, folder / "copy"),
        "push": lambda: _push(project, folder / "remote"),
        "pull": lambda: _pull(folder, "--no-checkout"),
        "pull and write out": lambda: _pull(folder),
    }
    runs = interleaved(jobs, rounds=ROUNDS)
    base = f"cp + fsync ({median(runs['cp']):.2f} s)"
    for name, limit in (("push", 1.3), ("pull", 1.8), ("pull and write out", None)):
        ratio = ratio_of(runs[name], runs["cp"])
        text = "(no limit)" if limit is None else f"≤ {limit} × {base}"
        seen = f"{median(runs[name]):.2f} s, {ratio:.2f} ×, {peak(runs[name]) >> 20} MiB"
        holds = (limit is None or ratio <= limit) and peak(runs[name]) <= PEAK_LIMIT
        yield Row(f"{name} of 1 GiB", seen, text, holds)


def _cp(packs: list[Path], target: Path) -> Run:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    started = time.perf_counter()
    subprocess.run(["cp", *map(str, packs), str(target)], check=True)
    for path in target.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return Run(time.perf_counter() - started, 0)


def _push(project: Path, remote: Path) -> Run:
    shutil.rmtree(remote, ignore_errors=True)
    shutil.rmtree(project / ".pacha/local/remotes", ignore_errors=True)
    return run([*PACHA, "push", str(remote)], cwd=project)


def _pull(folder: Path, *words: str) -> Run:
    shutil.rmtree(folder / "clone", ignore_errors=True)
    run([*PACHA, "clone", str(folder / "kept"), str(folder / "clone"), "--no-data"], cwd=folder)
    return run([*PACHA, "pull", *words], cwd=folder / "clone")


def _small_files(folder: Path) -> Iterator[Row]:
    """5,000 files, counted in requests; then one more, in bytes."""
    import random

    project, coin = project_in(folder, "small"), random.Random(5)
    for number in range(5_000):
        path = project / "images" / f"{number % 50:02d}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(coin.randbytes(coin.randrange(1_000, 100_000)))
    run([*PACHA, "add", "images", "--kind", "data"], cwd=project)
    run([*PACHA, "commit", "-m", "images"], cwd=project)
    memory, counted = Memory(), Count()
    with _standing_in(Watched(memory, counted)):
        _push_here(project)
        yield Row("push of 5,000 small files", f"{counted.total} requests", "≤ 60", counted.total <= 60)
        new = coin.randbytes(1 << 20)
        (project / "images/new.bin").write_bytes(new)
        run([*PACHA, "add", "images"], cwd=project)
        run([*PACHA, "commit", "-m", "one more"], cwd=project)
        before = sum(map(len, memory.values.values()))
        _push_here(project)
        ratio = (sum(map(len, memory.values.values())) - before) / len(new)
        yield Row("push of 1 MiB more", f"{ratio:.3f} × the new bytes", "≤ 1.05", ratio <= 1.05)


class _standing_in:
    """Lets every URL mean one remote, in this process."""

    def __init__(self, remote: Watched) -> None:
        self._remote = remote

    def __enter__(self) -> None:
        self._before = connecting.open_remote, clones.open_remote
        for module in (connecting, clones):
            module.open_remote = lambda *words, **named: self._remote  # type: ignore[assignment]

    def __exit__(self, *error: object) -> None:
        connecting.open_remote, clones.open_remote = self._before


def _push_here(project: Path) -> int | None:
    workspace = open_in(project)
    try:
        remote = NamedRemote(name="it", url="memory")
        connection = connecting.connect(workspace, remote, is_writing=True)
        return push(workspace, connection, PushOptions(), writer="Ada").number
    finally:
        workspace.close()


def _many_versions(folder: Path) -> Iterator[Row]:
    """10,000 versions, pushed one by one."""
    project = project_in(folder, "many")
    _write_history(project)
    workspace = open_in(project)
    memory = Memory()
    started = time.perf_counter()
    count = _push_one_by_one(workspace, memory)
    workspace.close()
    yield Row(
        "pushing 10,000 versions one by one",
        f"{time.perf_counter() - started:.0f} s, {count} entries",
        "(no limit)",
        True,
    )
    _write_out(memory, folder / "many-remote")
    counted = Count()
    with _standing_in(Watched(memory, counted)):
        started = time.perf_counter()
        clones.clone(
            NamedRemote(name="it", url="memory"),
            str(folder / "many-clone"),
            environment=Environment.current(),
            with_data=False,
        )
        seen = f"{counted.total} requests, {time.perf_counter() - started:.1f} s"
        yield Row("clone --no-data of 10,000 versions", seen, "≤ 300 requests", counted.total <= 300)
        _push_here(project)
        counted.calls.clear()
        assert _push_here(project) is None
        yield Row("push with nothing to do", f"{counted.total} requests", "≤ 5", counted.total <= 5)
    run([*PACHA, "push", str(folder / "many-remote")], cwd=project)
    runs = [run([*PACHA, "push", str(folder / "many-remote")], cwd=project) for _ in range(ROUNDS)]
    seconds = statistics.median(each.seconds for each in runs)
    seen = f"{seconds * 1000:.0f} ms, {peak(runs) >> 20} MiB"
    yield Row("push with nothing to do, a folder", seen, "≤ 250 ms", seconds <= 0.25)


def _long_log(folder: Path) -> Iterator[Row]:
    """A bucket with a log of 10,000 entries, asked by somebody who was never there: requests counted at the server."""
    project = project_in(folder, "long")
    (project / "model.bin").write_bytes(os.urandom(1 << 20))
    memory = long_remote(lambda *words: run([*PACHA, *words], cwd=project), folder / "long-remote", entries=10_000)
    bucket = "s3://pacha/registry"
    download = ["model", "download", "fraud:production", "--repo", bucket, "-o", "out.bin"]
    with servers.moto("pacha") as endpoint, chaos(endpoint, "pass", 0) as proxy:
        os.environ.update(servers.KEYS)  # The library of buckets looks for them there, and on the network otherwise.
        ENVIRONMENT.update({**servers.KEYS, "AWS_ENDPOINT_URL": endpoint})
        copy(memory, open_place(bucket, Options(endpoint=endpoint, variables=ENVIRONMENT)))
        run([*PACHA, "push", bucket], cwd=project)
        ENVIRONMENT["AWS_ENDPOINT_URL"] = proxy.url
        ENVIRONMENT["XDG_CACHE_HOME"] = str(folder / "cold")
        for name, words, limit in (
            ("download from", download, 15),
            ("push with nothing to do to", ["push", bucket], 5),
        ):
            proxy.requests.clear()
            took = run([*PACHA, *words], cwd=project)
            writes = [method for method, _ in proxy.requests if method not in ("GET", "HEAD")]
            seen = f"{len(proxy.requests)} requests, {len(writes)} of them write, {took.seconds:.1f} s"
            holds = len(proxy.requests) <= limit and not writes
            yield Row(f"{name} a bucket with 10,000 entries", seen, f"≤ {limit}, 0 write", holds)


def _push_one_by_one(workspace: Workspace, memory: Memory) -> int:
    """Each version with its manifest and tag, as a push makes them, and the head with the last."""
    memory.create(FORMAT, workspace.repository.format.encode())
    artifact, objects, state = ArtifactName("data", "rows"), workspace.repository.objects, EMPTY
    versions = sorted(workspace.catalog.tagged(artifact), key=lambda tagged: tagged.version)
    heads = list(workspace.repository.refs.read_all(heads_folder(artifact)))
    tags = dict(workspace.repository.refs.read_all(versions_folder(artifact)))
    by_tag = {link.id: (ref, link) for ref, link in tags.items()}
    for tagged in versions:
        ref, link = by_tag[tagged.tag]
        packs = tuple(meta_packs(objects, [link, Link("manifest", tagged.manifest)]))
        brought = bring(memory, Cargo(meta=packs), Silent())
        updates = [Update(ref=ref, new=link, body=objects.read(link))]
        if tagged is versions[-1]:
            updates.extend(Update(ref=name, new=head) for name, head in heads)
        entry = next_entry(state, updates=updates, brought=brought, writer="Ada", time=TIME)
        after = append(memory, state, entry)
        assert after is not None
        state = replace(after)
        if is_due(entry.number):
            write_down(memory, entry.number)
    return state.number


def _write_out(memory: Memory, folder: Path) -> None:
    for key, data in memory.values.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
