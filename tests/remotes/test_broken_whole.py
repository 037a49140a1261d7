"""Whole pushes and clones over connections that break, stall and lie.

No wrong byte is put in place, no ref of the remote lacks anything that it names, and no push is told as failed whose
entry is there. `PACHA_CHAOS=100 python -m pytest tests/remotes/test_broken_whole.py` harms a hundred offsets of each kind.
"""

import contextlib
import itertools
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pacha.base.errors import PachaError
from pacha.porcelain.clone import clone
from pacha.porcelain.connect import Connection, connect
from pacha.porcelain.fsck import fsck
from pacha.porcelain.fsck_remote import fsck_remote
from pacha.porcelain.push import push
from pacha.porcelain.pushing import PushOptions
from pacha.refs.names import RefName
from pacha.remotes import opening
from pacha.remotes.named import NamedRemote
from pacha.remotes.options import options_of
from pacha.repo.environment import Environment
from tests.conftest import Project
from tests.remotes import servers
from tests.remotes.chaos import chaos

OFFSETS = int(os.environ.get("PACHA_CHAOS", "2"))
MODES = ["reset", "truncate", "flip", "delay", "stall"]
STALL_SECONDS = 1.5
SIZE_BYTES = 60_000
#: What fsck finds where bytes are wrong. Others may be missing: a clone that was cut off goes on with `pacha pull`.
DAMAGES = {"hashMismatch", "badHeader", "badChecksum", "badFrame", "badTrailer", "badBase", "badObject", "notCanonical"}


@dataclass
class Place:
    """A remote that is reached through a proxy, and by its own address."""

    kind: str
    address: str
    direct: NamedRemote
    monkeypatch: pytest.MonkeyPatch
    token: str | None = None
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def through(self, address: str) -> NamedRemote:
        settings: dict[str, str | bool] = {}
        name = f"through{next(self.numbers)}"
        if self.kind == "moto":
            return NamedRemote(name=name, url=self.direct.url, settings={"endpoint": address})
        if self.kind == "serve":
            self.monkeypatch.setenv("PACHA_TOKEN", f"{address.partition('://')[2]}={self.token}")
            return NamedRemote(name=name, url=f"pacha+{address}/", settings=settings)
        return NamedRemote(name=name, url=f"{address}/whole", settings=settings)


@contextlib.contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What stalls is given up soon; whoever checks afterwards, on a busy machine, has all the usual time."""
    with monkeypatch.context() as patch:
        patch.setattr(opening, "options_of", lambda *words: replace(options_of(*words), stall_seconds=STALL_SECONDS))
        yield


@pytest.fixture(params=["moto", "serve", "nginx"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    if request.param == "moto":
        endpoint = request.getfixturevalue("moto")
        url = f"s3://pacha/{os.urandom(6).hex()}"
        yield Place("moto", endpoint, NamedRemote(name="it", url=url, settings={"endpoint": endpoint}), monkeypatch)
    elif request.param == "serve":
        with servers.serve(tmp_path / "served") as served:
            there = NamedRemote(name="it", url=str(tmp_path / "served"))
            yield Place("serve", served.url.removeprefix("pacha+").rstrip("/"), there, monkeypatch, served.token)
    else:
        folder = request.getfixturevalue("web_folder") / "whole"
        shutil.rmtree(folder, ignore_errors=True)
        yield Place("nginx", request.getfixturevalue("nginx"), NamedRemote(name="it", url=str(folder)), monkeypatch)


@pytest.fixture
def worked(project: Project) -> Project:
    """A project with a model, of which nothing was pushed."""
    change(project, 0)
    return project


def change(project: Project, number: int) -> RefName:
    """Commits other bytes; returns the head's ref."""
    project.write("m.bin", random.Random(number).randbytes(SIZE_BYTES))
    project("add", "m.bin", *(["--kind", "model", "--name", "m"] if number == 0 else []))
    made = project("commit", "-m", "a change", "--json").data[0]["manifest"]
    return RefName(f"refs/heads/model/m/{made}")


def push_to(project: Project, remote: NamedRemote) -> int | None:
    workspace = project.workspace()
    try:
        return push(workspace, connect(workspace, remote, is_writing=True), PushOptions(), writer="Ada").number
    finally:
        workspace.close()


def check(project: Project, remote: NamedRemote, *, read_data: bool = False) -> Connection:
    """Holds what is there against what its log says."""
    workspace = project.workspace()
    try:
        connection = connect(workspace, remote, is_writing=True)
        report = fsck_remote(workspace, connection, read_data=read_data)
        assert report.is_clean, report.problems
        return connection
    finally:
        workspace.close()


def offsets(mode: str, longest: int) -> list[int]:
    chance = random.Random(f"{mode}{longest}")
    count = max(1, OFFSETS // 5) if mode == "stall" else OFFSETS
    return [chance.randrange(longest) for _ in range(count)]


@pytest.mark.parametrize("is_up", [False, True], ids=["answers", "requests"])
@pytest.mark.parametrize("place", ["moto", "serve"], indirect=True)
def test_a_push_happened_or_failed_and_says_which(place: Place, worked: Project, is_up: bool) -> None:
    """moto does not hold what it is sent against its signature, as S3 does: there no request has a flipped bit."""
    push_to(worked, place.through(place.address))
    change(worked, 1)
    with chaos(place.address, "pass", 0, is_up=is_up) as proxy:
        push_to(worked, place.through(proxy.url))
        longest = proxy.longest
    number, failures = 1, 0
    for mode in (mode for mode in MODES if (place.kind, is_up, mode) != ("moto", True, "flip")):
        for offset in offsets(mode, longest):
            ref, failure = change(worked, number := number + 1), None
            with chaos(place.address, mode, offset, is_up=is_up) as proxy, impatient(place.monkeypatch):
                try:
                    assert push_to(worked, place.through(proxy.url)) is not None
                except PachaError as error:
                    failure = error
            is_there = check(worked, place.direct).state.link(ref) is not None
            assert is_there is (failure is None), (mode, offset, failure)
            if failure is not None:
                assert mode in ("flip", "stall"), (offset, failure)
                assert "\n" not in failure.message
                failures += 1
                push_to(worked, place.through(place.address))
    check(worked, place.direct, read_data=True)
    print(f"{place.kind}: {number - 1} pushes, of which {failures} failed and said so")


def test_a_clone_is_right_or_says_that_it_failed(place: Place, worked: Project, tmp_path: Path) -> None:
    for number in range(1, 4):
        change(worked, number)
        push_to(worked, place.direct)
    with chaos(place.address, "pass", 0) as proxy:
        clone(place.through(proxy.url), str(tmp_path / "first"), environment=Environment.current())
        longest = proxy.longest
    clones, failures = 0, 0
    for mode in MODES:
        for offset in offsets(mode, longest):
            clones += 1
            target = Project(tmp_path / f"clone{clones}")
            try:
                with chaos(place.address, mode, offset) as proxy, impatient(place.monkeypatch):
                    clone(place.through(proxy.url), str(target.path), environment=Environment.current())
                assert target.read("m.bin") == worked.read("m.bin"), (mode, offset)
            except PachaError as error:
                assert mode in ("flip", "stall"), (offset, error)
                failures += 1
            check_clone(target, (mode, offset))
            shutil.rmtree(target.path, ignore_errors=True)
    print(f"{place.kind}: {clones} clones, of which {failures} failed and said so")


def check_clone(target: Project, what: object) -> None:
    """No byte that was put in place is wrong."""
    if (target.path / ".pacha/format").exists():
        workspace = target.workspace()
        try:
            found = [each for each in fsck(workspace).problems if each.check in DAMAGES]
        finally:
            workspace.close()
        assert not found, (what, found)
