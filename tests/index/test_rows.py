"""Idea 7: delete the index, damage it or make it stale between any two searches, and no answer changes.

The oracle reads every file each time. Time passes as the test says: every folder that changes gets a time of its own,
and the index is told that all of them have long been quiet.
"""

import os
import random
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.index import artifacts, presence, segments
from pacha.index.index import Index
from pacha.index.rows import read_rows
from pacha.objects import manifest as manifests
from pacha.objects import move as moves
from pacha.objects import tag as tags
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.search import search
from pacha.refs.names import head_ref, heads_folder, stage_ref, stages_folder, version_ref, versions_folder
from pacha.registry.criteria import find
from pacha.registry.matching import Rules
from pacha.registry.query import Node, Query
from pacha.registry.stage_rules import BUILT_IN
from pacha.store.meta import FETCHED, SHARED, meta_path
from tests.conftest import Project
from tests.registry import naive
from tests.registry.queries import CARDS, NODES

NOW = "2026-11-24T00:00:00Z"
RULES = Rules(now=NOW, stages=(), stage_named=lambda text: BUILT_IN.find(text) or text.lower())
NAMES = st.sampled_from([ArtifactName("model", "alpha"), ArtifactName("data", "beta")])
VERSIONS = ("0.9.0", "1.0.0", "1.2.0-rc.2", "1.2.0-rc.10", "1.2.0", "1.10.0")
STAGES = ("staging", "production", "archived", "yanked")
#: Far enough ahead that every folder counts as quiet.
LATER_NS = 4_000_000_000_000_000_000


class Meta:
    """Writes META below one `.pacha` as other programs would, each change at a time of its own."""

    def __init__(self, pacha: Path) -> None:
        self.pacha = pacha
        self.turn = 0

    def write(self, relative: str, data: bytes) -> None:
        path = self.pacha / relative
        new = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        self.stamp(path, path.parent, *new, *(folder.parent for folder in new))

    def remove(self, relative: str) -> None:
        path = self.pacha / relative
        path.unlink()
        self.stamp(path.parent)

    def stamp(self, *paths: Path) -> None:
        self.turn += 1
        for path in paths:
            os.utime(path, ns=(0, 1_700_000_000_000_000_000 + self.turn * 1_000_000_000))

    def put(self, type_name: str, raw: bytes) -> ObjectId:
        link = Link(type_name, hash_bytes(raw))
        self.write(meta_path(link), raw)
        return link.id

    def commit(self, artifact: ArtifactName, card: Any, previous: list[ObjectId]) -> ObjectId:
        turn = self.turn
        blob = hash_bytes(b"%d" % turn)
        card = {name: value for name, value in card.items() if value not in (None, {}, [])}
        return self.put(
            "manifest",
            manifests.encode(
                Manifest(
                    artifact=artifact, tree=blob, digest=blob, size=turn * 700, shape="file", card=card,
                    author="Ada <ada@example.org>", created=f"2026-03-{turn % 28 + 1:02d}T12:00:00Z", message=f"tuned {turn}",
                    parents=tuple(Parent(role="previous", manifest=id) for id in previous),
                    path=f"models/{artifact.name}" if turn % 2 else None, facts={"format": "gguf", "parameters": turn},
                )
            ),
        )  # fmt: skip

    def head(self, artifact: ArtifactName, id: ObjectId) -> None:
        self.write(head_ref(artifact, id).text, f"manifest:{id}\n".encode())

    def tag(self, artifact: ArtifactName, version: str, id: ObjectId) -> None:
        tag = self.put("tag", tags.encode(Tag(artifact=artifact, version=Version.parse(version), manifest=id)))
        self.write(version_ref(artifact, Version.parse(version)).text, f"tag:{tag}\n".encode())

    def move(self, artifact: ArtifactName, version: str, stage: str, before: list[ObjectId]) -> ObjectId:
        number = len(before) + 1
        value = Move(
            artifact=artifact, version=Version.parse(version), from_stage="development", to_stage=stage, reason="x", who="Ada",
            when="2026-05-05T00:00:00Z", nonce=f"{number:032x}", number=number, prev=before[-1] if before else None,
        )  # fmt: skip
        id = self.put("move", moves.encode(value))
        self.write(stage_ref(artifact, number).text, f"move:{id}\n".encode())
        return id

    def refs(self, folder: str) -> list[str]:
        return sorted(f"{folder}/{path.name}" for path in (self.pacha / folder).glob("*"))


def answer(project: Project) -> list[dict[str, Any]]:
    """Everything that a search of everything says, by a workspace of its own."""
    workspace = project.workspace()
    try:
        found = search(workspace, fields=["card.metrics", "facts.format", "digest", "latest", "path", "license"])
        assert all("no version here has" in note for note in found.notes)
        return [
            {
                "artifact": str(row.artifact), "version": row.version, "stage": row.stage, "head": row.head,
                "manifest": row.manifest.hex, "created": row.created, "message": row.message, "size": row.size,
                **row.fields,
            }
            for row in found.rows
        ]  # fmt: skip
    finally:
        workspace.close()


def told(row: naive.Row) -> dict[str, Any]:
    """What a search says of a row that the naive reader found."""
    card, facts = row["card"] or {}, row["facts"] or {}
    return {
        **{name: row[name] for name in ("artifact", "version", "stage", "head", "manifest", "created", "message", "size")},
        **{name: row[name] for name in ("digest", "latest", "path")},
        "card.metrics": card.get("metrics"), "facts.format": facts.get("format"), "license": card.get("license"),
    }  # fmt: skip


def without_nulls(value: Any) -> Any:
    """A null member of a mapping is none."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Step:
    """Something that happens, with what it may choose by. Small numbers are taken modulo what there is to choose from."""

    what: str
    artifact: ArtifactName
    card: Any
    node: Node
    number: int
    other: int


STEPS = st.builds(
    Step,
    st.sampled_from(
        ["commit", "commit", "tag", "tag", "move", "fork", "lose", "lose", "take", "take", "bring", "hurt", "old", "columns", "wait"]
    ),
    NAMES, CARDS, NODES, st.integers(0, 99), st.integers(0, 99),
)  # fmt: skip


class Life:
    """A repository that commands, people, Git and accidents change."""

    def __init__(self, folder: Path) -> None:
        self.project = Project(folder)
        self.project("init")
        self.pacha = folder / ".pacha"
        self.meta = Meta(self.pacha)
        self.commits: dict[ArtifactName, list[ObjectId]] = {}
        self.moves: dict[ArtifactName, list[ObjectId]] = {}
        self.taken: list[ObjectId] = []
        self.kept: dict[ObjectId, bytes] = {}

    def do(self, step: Step) -> None:
        if step.what in ("tag", "move", "fork", "lose", "take") and step.artifact not in self.commits:
            self.commit(step)
        getattr(self, step.what)(step)

    # -- what commands do

    def commit(self, step: Step) -> None:
        """The old heads stay for a while, now and then: then they are ancestors."""
        before = self.commits.setdefault(step.artifact, [])
        id = self.meta.commit(step.artifact, step.card, before[-1:])
        old = self.meta.refs(heads_folder(step.artifact))
        self.meta.head(step.artifact, id)
        before.append(id)
        for ref in old if step.number % 3 else []:
            self.meta.remove(ref)

    def fork(self, step: Step) -> None:
        """A second head."""
        self.meta.head(step.artifact, self.meta.commit(step.artifact, step.card, self.commits[step.artifact][:1]))

    def tag(self, step: Step) -> None:
        """A version is made, or, as Git would, replaced by that of another branch."""
        commits = self.commits[step.artifact]
        self.meta.tag(step.artifact, VERSIONS[step.number % len(VERSIONS)], commits[-1 - step.other % len(commits)])

    def move(self, step: Step) -> None:
        before = self.moves.setdefault(step.artifact, [])
        version, stage = VERSIONS[step.number % len(VERSIONS)], STAGES[step.other % len(STAGES)]
        before.append(self.meta.move(step.artifact, version, stage, before))

    # -- what Git and people do

    def lose(self, step: Step) -> None:
        """A ref goes: of the stage log the last."""
        folder_of = (heads_folder, versions_folder, stages_folder)[step.number % 3]
        refs = self.meta.refs(folder_of(step.artifact))
        if refs and folder_of is stages_folder:
            self.moves[step.artifact].pop()
            self.meta.remove(refs[-1])
        elif refs:
            self.meta.remove(refs[step.other % len(refs)])

    def take(self, step: Step) -> None:
        """A switch of branches takes a manifest away."""
        commits = self.commits[step.artifact]
        link = Link("manifest", commits[-1 - step.number % len(commits)])
        for place in (SHARED, FETCHED):
            path = self.pacha / meta_path(link, place=place)
            if path.exists():
                self.kept[link.id] = path.read_bytes()
                self.taken.append(link.id)
                self.meta.remove(meta_path(link, place=place))

    def bring(self, step: Step) -> None:
        """A fetch brings it, elsewhere."""
        if self.taken:
            id = self.taken.pop(step.number % len(self.taken))
            place = (SHARED, FETCHED)[step.other % 2]
            self.meta.write(meta_path(Link("manifest", id), place=place), self.kept[id])

    # -- what happens to the index

    def hurt(self, step: Step) -> None:
        path = self.pacha / "local/index.sqlite"
        data = bytearray(path.read_bytes()) if path.is_file() else bytearray()
        remove_index(path)
        coin = random.Random(step.other)
        damage = ("delete", "truncate", "flip", "flip", "other", "folder", "link")[step.number % 7]
        if damage == "truncate":
            path.write_bytes(bytes(data[: coin.randrange(len(data) + 1)]))
        elif damage == "flip" and data:
            for _ in range(coin.choice([3, 200])):
                data[coin.randrange(len(data))] ^= 1 << coin.randrange(8)
            path.write_bytes(bytes(data))
        elif damage == "other":
            path.write_bytes(b"not a database at all")
        elif damage == "folder":
            path.mkdir()
        elif damage == "link":
            path.symlink_to("elsewhere")

    def old(self, step: Step) -> None:
        """Somebody keeps a copy of the index, and puts it back later."""
        path, copy = self.pacha / "local/index.sqlite", self.pacha / "local/old.sqlite"
        if copy.exists():
            remove_index(path)
            copy.rename(path)
        elif path.is_file() and not path.is_symlink():
            shutil.copy(path, copy)

    def columns(self, step: Step) -> None:
        """Another process made segments anew while this one was looking at the old ones."""
        workspace = self.project.workspace()
        keys = [b"%c" % byte for byte in range(step.number % 2, 255, 2)]
        workspace.index.cache.change({}, drop={segments.COLUMNS: keys})
        workspace.close()

    def wait(self, step: Step) -> None:
        """Nothing happens."""

    # -- what must hold

    def check(self, step: Step) -> None:
        rows = naive.read_rows(self.pacha)
        assert without_nulls(answer(self.project)) == without_nulls([told(row) for row in rows])
        workspace = self.project.workspace()
        try:
            read = read_rows(workspace.index, workspace.repository)
            choice = find(Query(step.node), read, RULES)
            assert read.chosen(choice) == [at for at, row in enumerate(rows) if naive.holds(row, step.node, NOW)]
        finally:
            workspace.close()


def remove_index(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def live(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        life = Life(Path(folder))
        for step in steps:
            life.do(step)
            life.check(step)


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything has long been quiet, and segments are small, so that they are many and merge."""
    monkeypatch.setattr(Index, "clock_ns", lambda self: LATER_NS)
    monkeypatch.setattr(segments, "ROWS_MAX", 5)
    monkeypatch.setattr(segments, "SMALL_MAX", 2)
    monkeypatch.setattr(segments, "COLUMNS_MAX", 25)


LIVES = st.lists(STEPS, min_size=15, max_size=40)
EXAMPLES = int(os.environ.get("PACHA_SOAK", "20"))


@given(steps=LIVES)
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
def test_no_answer_depends_on_the_index(quiet: None, steps: list[Step]) -> None:
    live(steps)


@pytest.mark.parametrize("module", [artifacts, presence], ids=["refs", "manifests"])
def test_an_index_that_believed_what_it_had_would_be_found(
    quiet: None, monkeypatch: pytest.MonkeyPatch, module: ModuleType
) -> None:
    """The control: folders that always look the same."""
    monkeypatch.setattr(module, "stamp_of", lambda state: "same")

    def is_found(steps: list[Step]) -> bool:
        try:
            live(steps)
        except AssertionError:
            return True
        return False

    assert hypothesis.find(LIVES, is_found, settings=settings(max_examples=40, phases=[Phase.generate]))
