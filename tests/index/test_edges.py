"""The index of edges changes no answer: deleted, damaged or stale between any two questions, it is only slower without."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.graph.lineage import Lineage, NodeState
from pacha.index import edges as module
from pacha.index.edges import Edges
from pacha.index.index import Index
from pacha.objects.manifest import ROLES, Manifest, Parent, encode
from pacha.objects.types import Link
from pacha.repo.environment import Environment
from pacha.repo.layout import create
from pacha.repo.repository import open_repository
from pacha.store.meta import FETCHED, SHARED, meta_path
from tests.conftest import Project
from tests.registered import story

EMPTY = hash_bytes(b"")


def manifest(number: int, parents: tuple[Parent, ...] = ()) -> Manifest:
    return Manifest(
        artifact=ArtifactName("data", f"d{number % 2}"), tree=EMPTY, digest=EMPTY, size=0, shape="file",
        author="Ada <ada@example.org>", created="2026-03-03T12:00:00Z", message=str(number), parents=parents,
    )  # fmt: skip


class Store:
    """A `.pacha` whose manifests are written and broken by hand."""

    def __init__(self, folder: Path) -> None:
        create(str(folder), id="0" * 32, durability=Durability.NONE)
        self.folder = folder
        self.pacha = folder / ".pacha"
        self.made: list[tuple[Link, bytes]] = []

    def path(self, link: Link, place: str = SHARED) -> Path:
        return self.pacha / meta_path(link, place=place)

    def put(self, number: int, parents: tuple[Parent, ...] = (), *, place: str = SHARED) -> Link:
        raw = encode(manifest(number, parents))
        link = Link("manifest", hash_bytes(raw))
        self.made.append((link, raw))
        self.restore(len(self.made) - 1, place)
        return link

    def restore(self, at: int, place: str = SHARED) -> None:
        link, raw = self.made[at]
        path = self.path(link, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)

    @contextmanager
    def edges(self, *, remembered: bool = True) -> Iterator[Edges]:
        """The edges by way of the index, or as they are without one."""
        repository = open_repository(str(self.folder), environment=Environment.current())
        index = Index(repository)
        if not remembered:
            index._folder = None
        try:
            yield Edges(index)
        finally:
            index.close()
            repository.close()

    def tick(self) -> None:
        """Lets the file system's clock go on, so that what changes next is newer than all that is here."""
        root = Root(str(self.pacha / "local"), temporary="", durability=Durability.NONE)
        start = root.clock_ns()
        while root.clock_ns() == start:
            pass


def told(graph: Lineage) -> list[Any]:
    """Everything that a graph says."""
    return [(graph.find_node(id), graph.parents(id), graph.children(id)) for id in graph]


def ask(store: Store, id: ObjectId, *, remembered: bool) -> Any:
    """What a person would be told of one manifest."""

    def question(graph: Lineage) -> tuple[Any, list[ObjectId]]:
        if id not in graph:
            return None, []
        ids = [id, *graph.all_ancestors(id), *graph.all_descendants(id)]
        return [(graph.find_node(one), graph.edges_among(ids)) for one in ids], ids

    with store.edges(remembered=remembered) as edges:
        return edges.ask(question)


@contextmanager
def quiet_at_once() -> Iterator[None]:
    """A tick of the clock instead of two seconds, so that no test waits."""
    before, module.QUIET_NS = module.QUIET_NS, 1
    try:
        yield
    finally:
        module.QUIET_NS = before


ACTIONS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 3), st.sampled_from([SHARED, FETCHED])),
    st.tuples(st.sampled_from(["remove", "damage", "heal", "empty", "link", "fetch"]), st.integers(0, 30), st.none()),
    st.tuples(st.sampled_from(["delete", "keep", "stale", "flip", "cut", "nonsense"]), st.integers(0, 2000), st.none()),
)


def act(store: Store, action: tuple[str, int, str | None]) -> None:
    """One thing that people, Git or a bad disk do between two commands."""
    what, number, place = action
    index, kept = store.pacha / "local/index.sqlite", store.folder / "kept"
    if what == "put":
        near = [link for link, _ in store.made[-number:]] if number else []
        parents = [
            Parent(role=ROLES[at], manifest=link.id, attributes={"n": at} if at else {}) for at, link in enumerate(near)
        ]
        store.put(len(store.made), tuple(parents), place=str(place))
    elif what in ("delete", "keep", "stale", "flip", "cut", "nonsense"):
        break_index(what, number, index, kept)
    elif store.made:
        at = number % len(store.made)
        break_manifest(store, what, at)


def break_index(what: str, number: int, index: Path, kept: Path) -> None:
    if what == "delete":
        for path in index.parent.glob("index.sqlite*"):
            path.unlink()
    elif what == "nonsense":
        index.write_bytes(b"not a database" * number)
    elif what == "keep" and index.exists():
        shutil.copy(index, kept)
    elif what == "stale" and kept.exists():
        break_index("delete", 0, index, kept)
        shutil.copy(kept, index)
    elif what in ("flip", "cut") and index.exists():
        raw = bytearray(index.read_bytes())
        if what == "flip":
            for at in range(number, len(raw), 997):
                raw[at] ^= 0x55
        index.write_bytes(raw if what == "flip" else raw[: number * len(raw) // 2000])


def break_manifest(store: Store, what: str, at: int) -> None:
    link, raw = store.made[at]
    path = store.path(link)
    if what == "heal":
        path.unlink(missing_ok=True)
        store.restore(at)
    elif what == "fetch":
        store.restore(at, FETCHED)
    elif path.is_symlink():
        return
    elif what == "remove":
        path.unlink(missing_ok=True)
    elif path.exists() and what == "link":
        path.unlink()
        path.symlink_to("/etc/hostname")
    elif path.exists():
        path.write_bytes(b"" if what == "empty" else raw.replace(b"Ada", b"Eve"))


@settings(max_examples=60)
@given(st.lists(ACTIONS, max_size=24))
def test_no_answer_depends_on_the_index(actions: list[tuple[str, int, str | None]]) -> None:
    with TemporaryDirectory() as folder, quiet_at_once():
        store = Store(Path(folder))
        store.put(0)
        for number, action in enumerate([("put", 0, SHARED), *actions]):
            act(store, action)
            store.tick()
            id = store.made[number % len(store.made)][0].id
            assert ask(store, id, remembered=True) == ask(store, id, remembered=False), action
            store.tick()
        with store.edges() as edges, store.edges(remembered=False) as truth:
            edges.refresh(list(edges.lineage()))
            assert told(edges.lineage()) == told(truth.lineage())


def test_a_second_question_reads_no_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    first = store.put(0)
    second = store.put(1, (Parent(role="trained_on", manifest=first.id),))
    store.tick()
    with quiet_at_once():
        before = ask(store, second.id, remembered=True)
        monkeypatch.setattr(module, "_manifest", lambda *_: pytest.fail("a manifest was read"))
        assert ask(store, second.id, remembered=True) == before


def test_a_harness_that_forgets_to_look_again_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    first = store.put(0)
    second = store.put(1, (Parent(role="trained_on", manifest=first.id),))
    store.tick()
    with quiet_at_once():
        ask(store, second.id, remembered=True)
        store.tick()
        break_manifest(store, "damage", 1)
        monkeypatch.setattr(Edges, "refresh", lambda *_: False)
        assert ask(store, second.id, remembered=True) != ask(store, second.id, remembered=False)


def test_what_was_written_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    """Within the same tick a file may change and look as before: until it was quiet, nothing is believed."""
    store = Store(tmp_path)
    link = store.put(0)
    ask(store, link.id, remembered=True)
    with store.edges() as edges:
        edges.lineage()
        fan = edges._fans[f"{SHARED}/manifest/{link.id.hex[:2]}"]
        assert fan.state(link.id.raw) == module._UNSETTLED
        assert edges.refresh([link.id]) and not edges.refresh([link.id])


def test_a_file_that_never_settles_is_read_once_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    first = store.put(0)
    second = store.put(1, (Parent(role="trained_on", manifest=first.id),))
    store.tick()
    monkeypatch.setattr(module, "_state", lambda *_: module._UNSETTLED)
    read: list[bytes] = []
    real = module._manifest
    with quiet_at_once():
        before = ask(store, second.id, remembered=True)
        monkeypatch.setattr(module, "_manifest", lambda root, path, id: (read.append(id), real(root, path, id))[1])
        assert ask(store, second.id, remembered=True) == before
    assert sorted(read) == sorted([first.id.raw, second.id.raw])


def test_git_takes_manifests_away_and_brings_them_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.put(0)
    second = store.put(1, (Parent(role="previous", manifest=first.id),))
    for path, state in ((store.path(first), NodeState.ABSENT), (store.path(second), None)):
        path.unlink()
        for remembered in (True, False):
            with store.edges(remembered=remembered) as edges:
                node = edges.lineage().find_node(first.id)
                assert (None if node is None else node.state) == state
    store.restore(0)
    store.restore(1)
    with store.edges() as edges:
        assert edges.lineage().all_ancestors(second.id) == [first.id]


def test_a_circle_cannot_be_forged_on_disk(tmp_path: Path) -> None:
    """Two files that name each other do not have their ids: both are damaged, and nothing goes round."""
    store = Store(tmp_path)
    link = store.put(0)
    other = Link("manifest", hash_bytes(b"other"))
    store.path(link).write_bytes(encode(manifest(0, (Parent(role="previous", manifest=other.id),))))
    path = store.path(other)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode(manifest(1, (Parent(role="previous", manifest=link.id),))))
    with store.edges() as edges:
        graph = edges.lineage()
        assert {node.state for id in graph if (node := graph.find_node(id))} == {NodeState.DAMAGED}
        assert graph.is_dag() and len(graph.all_ancestors(link.id)) == 0


def test_a_store_that_is_a_link_is_refused_with_and_without_the_index(tmp_path: Path) -> None:
    from pacha.base.files import NotRegular

    store = Store(tmp_path)
    store.put(0)
    with store.edges() as edges:
        edges.lineage()
    shutil.move(store.pacha / "objects/manifest", tmp_path / "elsewhere")
    (store.pacha / "objects/manifest").symlink_to(tmp_path / "elsewhere")
    for remembered in (True, False):
        with store.edges(remembered=remembered) as edges, pytest.raises(NotRegular):
            edges.lineage()


def test_no_verb_tells_more_with_the_index_than_without(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that is damaged where it lies leaves its folder as it was."""
    monkeypatch.setattr(module, "QUIET_NS", 1)
    made = story(project)
    local = Root(str(project.path / ".pacha/local"), temporary="", durability=Durability.NONE)
    words = (
        ["lineage", "tiny:0.2.0"],
        ["lineage", "users", "--impact"],
        ["lineage", "--between", "users:3.1.0", "tiny"],
    )
    for name in ("model/tiny:0.1.0", "data/labels:1.0.0", "model/fraud:1.2.0"):
        start = local.clock_ns()
        while local.clock_ns() == start:
            pass
        before = [project(*each, "--json", code=None).out for each in words]
        path = project.path / ".pacha" / meta_path(Link("manifest", made[name]))
        path.write_bytes(path.read_bytes().replace(b"Ada", b"Eve"))
        after = [project(*each, "--json", code=None).out for each in words]
        (project.path / ".pacha/local/index.sqlite").unlink()
        assert [project(*each, "--json", code=None).out for each in words] == after != before
