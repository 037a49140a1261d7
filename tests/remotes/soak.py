"""Many who push at once to one remote: `python -m tests.remotes.soak [--at moto] [--writers 16] [--pushes 50] [URL…]`.

Each writer is a process with a clone of its own, that commits and pushes so many times. Afterwards every push that was
acknowledged must be reachable on the remote, to its last byte. With several URLs (two mounts of one folder) the writers
share them out. `--at` makes a place: a folder, a folder under two mounts of sshfs, a bucket of moto, `pacha serve`. `--lying` is the negative control: creating a log entry overwrites it, and pushes must be lost.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from pacha.base.files import Durability
from pacha.porcelain.clone import clone
from pacha.porcelain.commit import CommitOptions, commit_paths
from pacha.porcelain.connect import connect
from pacha.porcelain.push import push
from pacha.porcelain.pushing import PushOptions
from pacha.porcelain.workspace import Workspace
from pacha.remotes.folder import FolderRemote
from pacha.remotes.named import NamedRemote
from pacha.repo.environment import Environment
from pacha.repo.layout import create
from pacha.repo.repository import open_repository
from tests.remotes import servers

AUTHOR = "Ada <ada@example.org>"
DATE = "2026-03-03T12:00:00Z"


PLACES = ("folder", "sshfs", "moto", "serve")


@contextlib.contextmanager
def place(kind: str, folder: Path) -> Iterator[list[str]]:
    """A remote that many can push to: its URLs. What they need to reach it stands in the environment meanwhile."""
    if kind == "sshfs":
        (folder / "remote").mkdir(parents=True)
        mounts = [folder / "mount1", folder / "mount2"]
        with servers.sshfs(folder / "remote", mounts):
            yield [f"{mount}/registry" for mount in mounts]
    elif kind == "moto":
        with servers.moto("pacha") as endpoint, _environment({"AWS_ENDPOINT_URL": endpoint, **servers.KEYS}):
            yield ["s3://pacha/registry"]
    elif kind == "serve":
        with contextlib.ExitStack() as stack:
            served = stack.enter_context(servers.serve(folder / "remote", durability="batch"))
            stack.enter_context(_environment({"PACHA_TOKEN": served.variable}))
            yield [served.url]
    else:
        yield [f"{folder}/remote"]


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name)
        os.environ.update({name: value for name, value in before.items() if name in values})


def _workspace(path: Path) -> Workspace:
    return Workspace(open_repository(str(path), environment=Environment.current()))


def _commit_and_push(path: Path, url: str, name: str, text: str) -> str:
    (path / name).write_text(text)
    workspace = _workspace(path)
    try:
        (commit,) = commit_paths(workspace, [name], CommitOptions(message="x", author=AUTHOR, date=DATE))
        connection = connect(workspace, NamedRemote(name="it", url=url), is_writing=True)
        assert push(workspace, connection, PushOptions(), writer=AUTHOR).number is not None
        return commit.manifest.hex
    finally:
        workspace.close()


def _overwrite(self: FolderRemote, key: str, data: bytes) -> bool:
    """Creating a key overwrites it, as on servers that ignore conditions."""
    self._prepare()
    self._root.replace(key, data)
    return True


def overwritten(url: str, folder: Path, *, writers: int) -> tuple[int, int]:
    """The negative control: all have read the log before the first pushes, and each entry overwrites the one before.

    Returns how many pushes were acknowledged, and how many of those are reachable.
    """
    acknowledged = _seed(url, folder)
    with patch.object(FolderRemote, "create", _overwrite):
        ready = []
        for number in range(writers):
            target = folder / f"writer{number}"
            clone(NamedRemote(name="it", url=url), str(target), environment=Environment.current())
            (target / f"rows{number}.csv").write_text(f"a,b\n{number},1\n")
            workspace = _workspace(target)
            options = CommitOptions(message="x", author=AUTHOR, date=DATE)
            acknowledged += [made.manifest.hex for made in commit_paths(workspace, [f"rows{number}.csv"], options)]
            connection = connect(workspace, NamedRemote(name="it", url=url), is_writing=True)
            # The probe would find it out.
            connection.is_first = False
            ready.append((workspace, connection))
        for workspace, connection in ready:
            assert push(workspace, connection, PushOptions(), writer=AUTHOR).number is not None
            workspace.close()
        return len(acknowledged), len(set(acknowledged) & reached(url, folder / "reader"))


def _seed(url: str, folder: Path) -> list[str]:
    first = folder / "first"
    first.mkdir(parents=True)
    create(str(first), id="ab" * 16, durability=Durability.BATCH)
    return [_commit_and_push(first, url, "seed.csv", "a,b\n1,1\n")]


def _write(number: int, url: str, folder: Path, pushes: int) -> list[str]:
    """One writer. Returns the manifests whose pushes were acknowledged."""
    return [_commit_and_push(folder, url, f"rows{number}.csv", f"a,b\n{number},{turn}\n") for turn in range(pushes)]


def reached(url: str, folder: Path) -> set[str]:
    """The manifests that somebody new can reach from the remote's refs, having read all their bytes."""
    environment = Environment.current()
    clone(NamedRemote(name="it", url=url), str(folder), environment=environment)
    workspace = _workspace(folder)
    try:
        found: set[str] = set()
        for artifact in workspace.catalog.artifacts():
            todo = list(workspace.catalog.heads(artifact))
            while todo:
                id = todo.pop()
                if id.hex not in found:
                    found.add(id.hex)
                    todo.extend(parent.manifest for parent in workspace.catalog.manifest(id).parents)
        return found
    finally:
        workspace.close()


def race(urls: Sequence[str], folder: Path, *, writers: int, pushes: int) -> tuple[int, int]:
    """Lets them all push. Returns how many pushes were acknowledged, and how many of those are reachable."""
    seeds = _seed(urls[0], folder)
    jobs = []
    for number in range(writers):
        target = folder / f"writer{number}"
        url = urls[number % len(urls)]
        clone(NamedRemote(name="it", url=url), str(target), environment=Environment.current())
        jobs.append((number, url, target, pushes))
    context = multiprocessing.get_context("spawn")
    with context.Pool(writers) as pool:
        acknowledged = [id for ids in pool.starmap(_write, jobs) for id in ids] + seeds
    return len(acknowledged), len(set(acknowledged) & reached(urls[0], folder / "reader"))


def main() -> int:
    """Runs one race and says how it ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.remotes.soak", description=__doc__)
    parser.add_argument(
        "urls", nargs="*", metavar="URL", help="places that are one remote; a new folder if none is given"
    )
    parser.add_argument("--at", choices=PLACES, default="folder", help="what to make where no URL is given")
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--pushes", type=int, default=50)
    parser.add_argument("--lying", action="store_true", help="the negative control")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CONFIG_HOME"] = f"{folder}/config"
        started = time.perf_counter()
        work = Path(folder) / "work"
        if options.lying:
            acknowledged, there = overwritten(f"{folder}/remote", work, writers=options.writers)
        else:
            with place(options.at, Path(folder)) as made:
                acknowledged, there = race(options.urls or made, work, writers=options.writers, pushes=options.pushes)
    print(f"{there} of {acknowledged} acknowledged pushes are reachable ({time.perf_counter() - started:.0f} s)")
    return 0 if (there == acknowledged) is not options.lying else 1


if __name__ == "__main__":
    sys.exit(main())
