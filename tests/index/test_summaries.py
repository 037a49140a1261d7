"""Idea 7: whatever happens to the index or to manifests between any two lists and logs, no answer changes."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pacha.base.errors import PachaError
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.index import summaries
from pacha.index.index import Index
from pacha.objects.types import Link
from pacha.porcelain.list import list_versions
from pacha.porcelain.log import log
from pacha.porcelain.workspace import Workspace
from pacha.store.meta import meta_path
from tests.index.test_rows import CARDS, EXAMPLES, LATER_NS, NAMES, NODES, Life, Step

STEPS = st.builds(
    Step,
    st.sampled_from(
        ["commit", "commit", "tag", "tag", "move", "fork", "lose", "take", "bring", "damage", "damage", "heal", "hurt", "old", "wait"]
    ),
    NAMES, CARDS, NODES, st.integers(0, 99), st.integers(0, 99),
)  # fmt: skip


class Told(Life):
    """A repository whose manifests are also damaged where they lie, and healed."""

    def do(self, step: Step) -> None:
        if step.what in ("damage", "heal") and step.artifact not in self.commits:
            self.commit(step)
        super().do(step)

    def path(self, step: Step) -> Path:
        commits = self.commits[step.artifact]
        return self.pacha / meta_path(Link("manifest", commits[-1 - step.number % len(commits)]))

    def damage(self, step: Step) -> None:
        """A file is overwritten in place with as many other bytes."""
        path = self.path(step)
        if path.is_file():
            raw = path.read_bytes()
            self.kept.setdefault(ObjectId.parse(path.parent.name + path.stem), raw)
            path.write_bytes(raw[:-3] + b"???")
            self.meta.stamp(path)

    def heal(self, step: Step) -> None:
        """It is written anew."""
        path = self.path(step)
        raw = self.kept.get(ObjectId.parse(path.parent.name + path.stem))
        if path.is_file() and raw is not None:
            self.meta.write(str(path.relative_to(self.pacha)), raw)

    def check(self, step: Step) -> None:
        assert self.told(is_remembered=True) == self.told(is_remembered=False)

    def told(self, *, is_remembered: bool) -> list[Any]:
        """What lists and logs of every artifact say, by way of the index or as files say."""
        workspace = self.project.workspace()
        if not is_remembered:
            workspace.index._folder = None
        try:
            return [_told(workspace, ask, name) for name in self.commits for ask in (_listed, _logged)]
        finally:
            workspace.close()


def _listed(workspace: Workspace, name: ArtifactName) -> list[Any]:
    found = list_versions(workspace, name)
    return [*found.rows, *(problem.message for problem in found.problems)]


def _logged(workspace: Workspace, name: ArtifactName) -> list[Any]:
    return list(log(workspace, [], [name]))


def _told(workspace: Workspace, ask: Any, name: ArtifactName) -> Any:
    try:
        return ask(workspace, name)
    except PachaError as error:
        return type(error), error.message


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything has long been quiet, chunks are small, and none is too few to remember."""
    monkeypatch.setattr(Index, "clock_ns", lambda self: LATER_NS)
    monkeypatch.setattr(summaries, "CHUNK_ROWS", 3)
    monkeypatch.setattr(summaries, "READ_FIRST", 0)


def live(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Told(Path(folder))
        for step in steps:
            life.do(step)
            life.check(step)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, min_size=15, max_size=40))
def test_no_answer_changes(quiet: None, steps: list[Step]) -> None:
    live(steps)


def step(what: str) -> Step:
    """A step after which only the newest commit is a head."""
    return Step(what, ArtifactName("model", "alpha"), {}, None, 1, 0)  # type: ignore[arg-type]


DAMAGED = [*map(step, ("commit", "tag", "commit", "wait", "damage", "heal"))]


def test_a_damaged_manifest_is_told_and_a_healed_one_too(quiet: None) -> None:
    live(DAMAGED)


def test_whoever_does_not_look_at_files_fails(quiet: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "_packed", lambda state: bytes(32))
    with pytest.raises(AssertionError):
        live(DAMAGED)


def test_a_second_list_reads_no_manifest_and_a_short_log_only_what_it_shows(
    quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Told(Path(folder))
        for what in ("commit", "tag", "commit", "commit", "commit", "commit"):
            life.do(step(what))
        life.told(is_remembered=True)
        read: list[ObjectId] = []
        workspace = life.project.workspace()
        real = workspace.catalog.manifest
        workspace.catalog.manifest = lambda id: read.append(id) or real(id)  # type: ignore[func-returns-value,method-assign]
        list_versions(workspace, ArtifactName("model", "alpha"))
        assert read == []
        monkeypatch.setattr(summaries, "READ_FIRST", 10)
        next(log(workspace, [], [ArtifactName("model", "alpha")]))
        workspace.close()
        assert len(set(read)) == 1
