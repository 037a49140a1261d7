"""A repack as a person meets it: smaller packs, the same ids, and nothing lost whoever interferes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pacha.base.errors import MachineFailed
from pacha.base.files import Durability, NoSuchFile, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link
from pacha.porcelain import repack
from pacha.repo.layout import prepare_private
from pacha.repo.session import Session
from pacha.store import repack as store_repack
from pacha.store.chains import DEPTH_MAX, Base, chain
from pacha.store.data import DataStore
from tests.conftest import Project
from tests.porcelain.test_checkpoints import A, B, onnx_model, stepped
from tests.store.test_chains import forge, put, steps
from tests.tensors import as_before, commit_versions, versions

GOLDEN = Path(__file__).parents[1] / "golden"


def store_of(project: Project) -> DataStore:
    return DataStore(Root(str(project.path / ".pacha"), durability=Durability.NONE))


def snapshot(project: Project) -> dict[str, tuple[int, bytes]]:
    """Every file of `.pacha` but the index, which is a cache."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted((project.path / ".pacha").rglob("*"))
        if path.is_file() and "index.sqlite" not in path.name
    }


def packs(project: Project) -> set[str]:
    return {path.name for path in (project.path / ".pacha/objects/pack").glob("*.pack")}


def size_of(project: Project) -> int:
    return sum(path.stat().st_size for path in (project.path / ".pacha/objects/pack").glob("*.pack"))


def records(project: Project) -> list[ObjectId]:
    return [id for id, _ in store_of(project).records()]


def answers(project: Project) -> list[str]:
    """What a person sees of versions, ids and digests."""
    shown = [project("show", f"m:{row['version']}", "--json").out for row in project("list", "m", "--json").data]
    return [*shown, project("log", "m").out, project("for-each-ref").out]


def test_versions_take_less_and_no_id_changes(project: Project) -> None:
    data = commit_versions(project, 6)
    before, size = answers(project), size_of(project)
    report = project("repack", "--json").data
    assert report["reencoded"] > 0 and report["size_after"] < 0.7 * size
    assert report["size_after"] == size_of(project)
    assert report["packs_after"] == len(packs(project)) == 1
    assert answers(project) == before
    for number, content in enumerate(data, start=1):
        assert project("cat", f"m:{number}.0.0").raw == content
    project("verify")
    project("fsck")
    store = store_of(project)
    assert max(len(chain(store, id)) for id, _ in store.records()) <= DEPTH_MAX


def test_what_was_stored_before_tensors_were_known_is_stored_by_significance(project: Project) -> None:
    with as_before(knows_tensors=False):
        data = next(versions(1))
        project.commit("m.safetensors", data)
    # Cut by content, few of its chunks begin in step with the numbers; cut at the tensors, all do.
    size = size_of(project)
    report = project("repack", "--json").data
    assert report["size_after"] <= size
    assert project("cat", "m").raw == data
    project("fsck")


def test_tensors_are_found_in_whatever_file_of_the_version_before_they_were(project: Project) -> None:
    for number, names in enumerate((("a", "b"), ("b", "c"))):
        shutil.rmtree(project.path / "net", ignore_errors=True)
        for name, seed in zip(names, (1, 2), strict=True):
            shard = list(versions(2, seed=seed))[number].replace(b"layer.", b"shard." if seed == 2 else b"layer.")
            project.write(f"net/{name}.safetensors", shard)
        with as_before(knows_tensors=True):
            project("commit", "net", "-m", "x", "--tag", f"{number + 1}.0.0")
    size = size_of(project)
    report = project("repack", "--json").data
    assert report["size_after"] < 0.8 * size
    project("fsck")


def test_tensors_beside_an_onnx_model_are_known(project: Project) -> None:
    for number in range(2):
        onnx_model(project.path / "net", *([A, B] if number == 0 else [stepped(A, 3), stepped(B, 4)]))
        with as_before(knows_tensors=True):
            project("commit", "net", "-m", "x", "--tag", f"{number + 1}.0.0")
    size, data = size_of(project), project.read("net/weights.data")
    assert project("repack", "--json").data["size_after"] < 0.8 * size
    assert project("cat", "net:2.0.0/weights.data").raw == data


def test_a_second_repack_has_nothing_to_do(project: Project) -> None:
    commit_versions(project, 4)
    project("repack")
    before = packs(project)
    assert "nothing to store anew" in project("repack").out
    assert packs(project) == before


def test_the_price_comes_near_what_is_paid(project: Project) -> None:
    commit_versions(project, 4)
    plan = project("repack", "--dry-run", "--json").data
    done = project("repack", "--json").data
    assert plan["is_estimate"] and not done["is_estimate"]
    assert plan["read_bytes"] == done["read_bytes"] and plan["packs_after"] == done["packs_after"]
    assert abs(plan["size_after"] - done["size_after"]) < 0.1 * done["size_before"]


def test_a_dry_run_changes_no_byte(project: Project) -> None:
    commit_versions(project, 3)
    before = snapshot(project)
    project("repack", "--dry-run")
    project("gc", "--repack", "--dry-run")
    assert snapshot(project) == before


def test_old_packs_wait_in_the_trash_until_gc(project: Project) -> None:
    commit_versions(project, 3)
    old = packs(project)
    report = project("repack", "--json").data
    trashed = {path.name for path in (project.path / ".pacha/local/trash").rglob("*.pack")}
    assert trashed == old and report["trashed_bytes"] > 0
    project("gc")
    assert {path.name for path in (project.path / ".pacha/local/trash").rglob("*.pack")} == old
    project("gc", "--prune=now")
    assert not list((project.path / ".pacha/local/trash").rglob("*.pack"))
    project("verify")


def test_gc_repacks_where_it_is_asked_to(project: Project) -> None:
    commit_versions(project, 3)
    assert project("gc", "--json").data["repack"] is None
    assert project("gc", "--repack", "--json").data["repack"]["reencoded"] > 0
    project("verify")


def test_a_base_that_no_version_names_is_left_and_freed(project: Project) -> None:
    first, second, third = versions(3)
    store = store_of(project)
    cuts = {}

    def stray(store: DataStore, nearest: object, length: int) -> list[Base]:
        return [Base(id, 0, data) for id, data in cuts.values() if len(data) == length]

    with as_before(knows_tensors=True):
        project.write("stray.safetensors", first)
        project("add", "stray.safetensors")
        project("reset")
        project.commit("m.safetensors", second)
        store.refresh()
    body = first[-65_536:]
    cuts[0] = (hash_bytes(body), body)
    assert store.has(hash_bytes(body))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DataStore, "bases_for", stray)
        project.commit("m.safetensors", third)
    store.refresh()
    assert cuts[0][0] in {base for bases in store.storage_bases().values() for base in bases}
    project("config", "set", "gc.grace_days", "0", "--scope", "user")
    report = project("repack", "--json").data
    assert report["base_bytes"] > 0
    project("gc", "--prune=now")
    project("gc", "--prune=now")
    store.refresh()
    assert not store.has(cuts[0][0])
    assert project("cat", "m").raw == third and project("cat", "m~1").raw == second
    project("fsck")


@pytest.mark.parametrize("name", ["first-store", "store"])
def test_packs_of_earlier_versions_shrink_or_are_left(project: Project, name: str) -> None:
    shutil.rmtree(project.path / ".pacha")
    shutil.copytree(GOLDEN / name, project.path / ".pacha")
    prepare_private(Root(str(project.path / ".pacha"), durability=Durability.NONE))
    size, refs = size_of(project), project("for-each-ref").out
    project("repack")
    assert size_of(project) <= size and project("for-each-ref").out == refs
    project("fsck")
    project("verify")
    assert project("cat", "rows:1.0.0").raw == b"a,b\n1,2\n"


def test_drafts_of_a_linked_work_tree_stay_readable(git_project: Project, tmp_path: Path) -> None:
    commit_versions(git_project, 3)
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "versions")
    git_project.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Project(tmp_path / "linked")
    staged = list(versions(5))[4]
    linked.write("m.safetensors", staged)
    linked("add", "m.safetensors")
    git_project("repack")
    git_project("gc", "--prune=now")
    linked("commit", "-m", "from the linked one")
    assert linked("cat", "m:head").raw == staged
    linked("fsck")
    git_project("fsck")


# -- others at work --------------------------------------------------------------------------------------------------


def test_one_repack_waits_for_no_other(project: Project) -> None:
    commit_versions(project, 2)
    lock = project.path / ".pacha/local/locks/gc"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("{}")
    before = snapshot(project)
    answer = project("repack", code=7)
    assert answer.err.count("error: ") == 1
    assert {path for path in snapshot(project)} >= {path for path in before}


BESIDE = """
import contextlib, sys
from pacha.porcelain import repack
from pacha.store.codec import delta_planes
if "unlocked" in sys.argv[1]:
    repack.alone = lambda workspace: contextlib.nullcontext()
if "mistaken" in sys.argv[1]:
    right = delta_planes.CODEC.encode
    delta_planes.CODEC.encode = lambda self, plain, **rest: right(self, bytes(plain)[:-1] + b"?", **rest)
from pacha.cli.main import main
sys.exit(main(["-C", sys.argv[2], *sys.argv[3:]]))
"""


def all_at_once(project: Project, how: str, commands: list[list[str]]) -> list[int]:
    """The exit codes of some commands that are started together."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", BESIDE, how, str(project.path), *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PACHA_DURABILITY": "none"},
        )
        for words in commands
    ]  # fmt: skip
    return [process.wait() for process in running]


@pytest.mark.parametrize("lock", ["locked", "unlocked"])
def test_processes_at_once_lose_nothing_and_find_no_damage(project: Project, lock: str) -> None:
    """With the lock one of them may be told to wait; without it, as if it was broken, all go on to the end."""
    data = commit_versions(project, 5)
    *_, draft = versions(6)
    project.write("m.safetensors", draft)
    commands = [["repack"], ["add", "m.safetensors"], ["repack"], ["gc", "--prune=now"], ["repack"]]
    assert {*all_at_once(project, lock, commands)} <= {0, 7}
    project("commit", "-m", "afterwards")
    project("fsck")
    assert not store_of(project).endless()
    for number, content in enumerate(data, start=1):
        assert project("cat", f"m:{number}.0.0").raw == content
    assert project("cat", "m:head").raw == draft


def test_processes_that_make_mistakes_find_damage(project: Project) -> None:
    """The negative control."""
    commit_versions(project, 3)
    assert 5 in all_at_once(project, "mistaken", [["repack"]])


def test_an_add_meanwhile_is_no_damage_and_keeps_what_it_rests_on(project: Project) -> None:
    """The schedule that a stress of many processes found."""
    data = commit_versions(project, 4)
    *_, draft = versions(5)
    project.write("m.safetensors", draft)

    def meanwhile(session: Session, pack: ObjectId) -> None:
        patch.undo()
        project("add", "m.safetensors")
        session.claim(pack)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "claim", meanwhile)
        report = project("repack", "--json").data
    assert [item["reason"] for item in report["kept"]] == ["what was stored meanwhile rests on it"]
    project("gc", "--prune=now")
    project("commit", "-m", "the fifth")
    assert [project("cat", f"m:{number}.0.0").raw for number in range(1, 5)] == data
    assert project("cat", "m:head").raw == draft
    project("repack")
    assert len(packs(project)) == 1
    project("fsck")


def test_packs_that_were_moved_meanwhile_leave_none_twice(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 7, and what was written anew goes to the trash: nothing would else take it away but another repack."""
    commit_versions(project, 4)
    there = packs(project)

    def moved(*words: object) -> None:
        raise NoSuchFile("gone")

    monkeypatch.setattr(store_repack, "_read_back", moved)
    answer = project("repack", code=7)
    assert answer.err.count("error: ") == 1 and "another process moved packs" in answer.err
    assert packs(project) == there
    monkeypatch.undo()
    project("gc", "--prune=now")
    assert packs(project) == there
    project("repack")
    project("fsck")


def test_what_one_that_died_left_twice_is_taken_away_by_the_next(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = commit_versions(project, 4)
    there = packs(project)

    def dies(*words: object, **rest: object) -> None:
        raise MachineFailed("the machine stopped")

    monkeypatch.setattr(repack, "retire", dies)
    project("repack", code=10)
    assert packs(project) > there
    assert len(records(project)) > len({*records(project)})
    monkeypatch.undo()
    project("repack")
    assert len(records(project)) == len({*records(project)})
    assert not packs(project) & there and len(packs(project)) == 1
    assert [project("cat", f"m:{number}.0.0").raw for number in range(1, 5)] == data


# -- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["circle", "too deep"])
def test_a_store_from_strangers_is_refused_in_one_line(project: Project, shape: str) -> None:
    commit_versions(project, 2)
    store = store_of(project)
    data = steps(DEPTH_MAX + 2)
    if shape == "circle":
        forge(store, data[0], hash_bytes(data[1]), data[1])
        forge(store, data[1], hash_bytes(data[0]), data[0])
    else:
        below = put(store, data[0])
        for before, after in zip(data, data[1:], strict=False):
            below = forge(store, after, below, before)
    there = packs(project)
    for words in (["repack", "--dry-run"], ["repack"]):
        answer = project(*words, code=5)
        assert answer.err.count("error: ") == 1 and "nothing is written anew" in answer.err
    assert packs(project) == there
    assert not list((project.path / ".pacha/local/trash").rglob("*.pack"))


def test_a_flipped_bit_stops_it_and_every_pack_stays(project: Project) -> None:
    commit_versions(project, 2)
    store = store_of(project)
    place = max((place for _, place in store.records()), key=lambda place: place.stored_length)
    path = Path(store.root.full(store.packs()[place.pack]))
    data = bytearray(path.read_bytes())
    data[place.offset + place.stored_length // 2] ^= 4
    path.write_bytes(bytes(data))
    there = packs(project)
    assert project("repack", code=5).err.count("error: ") == 1
    assert packs(project) == there


def test_a_writer_that_makes_mistakes_is_found_out(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control of reading back: what does not have its id never replaces what has."""
    from pacha.store.codec import delta_planes

    data = commit_versions(project, 3)
    codec = delta_planes.CODEC
    right = codec.encode

    def wrong(self: object, plain: bytes | memoryview, **rest: object) -> object:
        return right(self, bytes(plain)[:-4] + b"\x01\x02\x03\x04", **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(codec, "encode", wrong)
    there = packs(project)
    assert "could not be read back" in project("repack", code=5).err
    monkeypatch.undo()
    assert packs(project) == there
    assert project("cat", "m:3.0.0").raw == data[2]
    project("fsck")


def test_the_link_of_a_record_is_what_it_was(project: Project) -> None:
    commit_versions(project, 3)
    store = store_of(project)
    links = {Link(place.type, id): bytes(store.read(Link(place.type, id))) for id, place in store.records()}
    project("repack")
    store.refresh()
    assert {link: bytes(store.read(link)) for link in links} == links
