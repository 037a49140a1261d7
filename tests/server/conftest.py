"""A served folder, its tokens, and pushes to replay to it."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pacha.base.files import Durability
from pacha.base.progress import Silent
from pacha.objects.types import Link
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName
from pacha.remotes.choosing import Choice, Lines
from pacha.remotes.entries import Chained, LogEntry, Update, chained, decode_file, encode_file
from pacha.remotes.folder import FolderRemote
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import log_key
from pacha.remotes.log import append, read_state
from pacha.remotes.remote import Remote
from pacha.remotes.sending import data_packs, meta_packs, needed
from pacha.remotes.state import State
from pacha.remotes.upload import Cargo, bring, next_entry
from pacha.server.access import AccessLog
from pacha.server.limits import Limits
from pacha.server.running import Binding
from pacha.server.service import Service, application
from pacha.server.tokens import Role, Tokens
from tests.conftest import Project
from tests.server.asgi import Answer, Asked

NOW = "2026-03-03T12:00:00Z"


@dataclass
class StoppedClock:
    """A clock that a test sets."""

    time: str = NOW

    def now(self) -> str:
        return self.time


@dataclass
class Served:
    """A folder as its keeper sees it."""

    folder: Path
    tokens: Tokens
    clock: StoppedClock
    log: io.StringIO
    limits: Limits = field(default_factory=Limits)
    is_public: bool = False
    is_debug: bool = False
    address: str = "127.0.0.1"

    def token(self, role: Role = Role.PUSH, *refs: str, expires: str | None = None) -> str:
        return self.tokens.create(role, refs=refs or ("*",), now=self.clock.now(), expires=expires)[1]

    def app(self) -> Any:
        return application(
            Service(
                folder=str(self.folder),
                tokens=self.tokens,
                clock=self.clock,
                log=AccessLog(stream=self.log),
                limits=self.limits,
                binding=Binding(is_public=self.is_public),
                durability=Durability.NONE,
                is_debug=self.is_debug,
            )
        )

    def asked(self, token: str | None = None) -> Asked:
        return Asked(self.app(), token=token)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    @property
    def remote(self) -> FolderRemote:
        return FolderRemote(str(self.folder), durability=Durability.NONE)


@pytest.fixture
def served(tmp_path: Path) -> Served:
    folder = tmp_path / "remote"
    folder.mkdir()
    tokens = Tokens(str(tmp_path / "keeper" / "tokens"), durability=Durability.NONE)
    return Served(folder, tokens, StoppedClock(), io.StringIO())


def push(
    workspace: Workspace, remote: Remote, *, entry_of: Callable[[LogEntry], LogEntry] = lambda entry: entry
) -> State:
    """Pushes every ref of a workspace that the remote has not, as `pacha push` does. Asserts that it was first."""
    state = read_state(remote)
    holdings = Holdings(remote, state)
    refs = workspace.repository.refs
    here = {name: refs.read(name) for name in refs.walk()}
    moved = {name: link for name, link in here.items() if link is not None and state.link(name) != link}
    manifests = [link for link in moved.values() if link.type == "manifest"]
    objects = workspace.repository.objects
    found = needed(objects, meta_roots=moved.values(), data_roots=manifests, has=holdings.has)
    cargo = Cargo(
        data=tuple(data_packs(objects.data, found.data, Choice(objects.data, Lines(holdings).within))),
        meta=tuple(meta_packs(objects, found.meta)),
    )
    brought = bring(remote, cargo, Silent())
    updates = [Update(ref=name, old=state.link(name), new=link) for name, link in moved.items()]
    entry = next_entry(state, updates=updates, brought=brought, writer="test", time=NOW)
    after = append(remote, state, entry_of(entry))
    assert after is not None
    return after


@pytest.fixture
def model(project: Project) -> Project:
    """A project with one version of one model."""
    project.write("model.bin", b"weights" * 5000)
    project("model", "register", "fraud", "model.bin", "-v", "1.0.0")
    return project


@pytest.fixture
def staged(model: Project, tmp_path: Path) -> FolderRemote:
    """A folder that somebody pushed to: what is replayed."""
    remote = FolderRemote(str(tmp_path / "staged"), durability=Durability.NONE)
    push(model.workspace(), remote)
    return remote


def contents(remote: FolderRemote, prefix: str) -> dict[str, bytes]:
    return {stored.key: remote.get(stored.key, size_max=1 << 30) for stored in remote.list(prefix)}


def send_packs(remote: FolderRemote, asked: Asked) -> None:
    """Sends packs and indexes, and not the log."""
    for key, data in {**contents(remote, "packs/"), **contents(remote, "indexes/")}.items():
        answer = asked("PUT", f"/r/{key}", data)
        assert answer.status == 201, answer.body


def send_entry(asked: Asked, entry: LogEntry, recent: tuple[Chained, ...] = ()) -> Answer:
    """Sends an entry."""
    return asked("PUT", f"/r/{log_key(entry.number)}", encode_file(chained(entry), recent))


def first_entry(remote: FolderRemote) -> LogEntry:
    """The first entry of a folder."""
    return decode_file(remote.get(log_key(1), size_max=1 << 20), number=1, where="test")[0].entry


def a_ref(kind: str = "model", name: str = "fraud") -> RefName:
    return RefName(f"refs/heads/{kind}/{name}/{'a' * 64}")


def a_link(text: str = "manifest") -> Link:
    return Link.parse(f"{text}:{'a' * 64}")
