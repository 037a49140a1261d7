"""Unchanged files are not read again; changed ones always are, however they try to hide."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from pacha.base.files import Durability, Root
from pacha.base.ids import hash_bytes
from pacha.base.names import ArtifactName
from pacha.porcelain import observe
from pacha.store.data import DataStore
from pacha.worktree import ingest, storing
from pacha.worktree.statcache import StatCache
from pacha.worktree.whole import Whole, load_whole, save_whole
from tests.conftest import Project


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files of the work tree that are opened for their content."""
    found: list[str] = []
    real = os.open

    def counting(path: object, *arguments: object, **named: object) -> int:
        if str(path).endswith(".csv"):
            found.append(str(path))
        return real(path, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest.os, "open", counting)
    return found


def age(project: Project, name: str) -> None:
    """Waits until the file system's clock has moved on far enough from a file's times."""
    path = project.path / name
    while time.time() - os.stat(path).st_ctime < 2.2:
        time.sleep(0.1)


def test_unchanged_files_are_not_read_again(project: Project, reads: list[str]) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("commit", "-m", "x")
    reads.clear()
    project("status")
    project("add", "rows.csv")
    project("status")
    assert reads == []
    os.utime(project.path / "rows.csv")
    project("status")
    assert len(reads) == 1


def test_a_file_changed_within_the_same_tick_is_seen(project: Project) -> None:
    """Same size, same tick, times put back: what a cache that trusts times alone would miss."""
    for turn in range(20):
        path = project.write("rows.csv", f"a,b\n{turn:03d},2\n")
        project("add", "rows.csv")
        project("commit", "-m", f"{turn}")
        state = os.stat(path)
        path.write_bytes(path.read_bytes().replace(b",2", b",3"))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert project("status", "--json").data["paths"][0]["state"] == "modified"


def test_a_file_changed_later_with_its_times_put_back_is_seen(project: Project) -> None:
    path = project.write("rows.csv", "a,b\n1,2\n")
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("commit", "-m", "x")
    state = os.stat(path)
    path.write_bytes(b"a,b\n1,3\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert project("status", "--json").data["paths"][0]["state"] == "modified"


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"0" * 64 + b"\n{}"])
def test_a_damaged_cache_is_an_empty_one(project: Project, damage: bytes) -> None:
    project.write("rows.csv", "a,b\n1,2\n")
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("commit", "-m", "x")
    assert (project.path / ".pacha/local/stat/data/rows").read_bytes()
    (project.path / ".pacha/local/stat/data/rows").write_bytes(damage)
    assert project("status", "--json").data["paths"][0]["state"] == "clean"
    project.write("rows.csv", "a,b\n1,3\n")
    (project.path / ".pacha/local/stat/data/rows").write_bytes(damage)
    assert project("status", "--json").data["paths"][0]["state"] == "modified"


def test_bytes_that_were_collected_are_stored_again(project: Project) -> None:
    """The cache knows the file, and the store does not have it any more."""
    project.write("rows.csv", "a,b\n1,2\n" * 40)
    age(project, "rows.csv")
    project("add", "rows.csv")
    project("reset")
    project("gc", "--prune=now")
    project("gc", "--prune=now")
    project("add", "rows.csv")
    project("commit", "-m", "again")
    project("verify", "rows")


COUNT = 70


@pytest.fixture
def many(project: Project) -> Project:
    """A committed folder of more files than a manifest lists, all of which the cache can vouch for."""
    for number in range(COUNT):
        project.write(f"rows/{number % 3}/{number}.csv", f"a,b\n{number},2\n" * 20)
    age(project, f"rows/{(COUNT - 1) % 3}/{COUNT - 1}.csv")
    project("add", "rows", "--kind", "data")
    project("commit", "-m", "x")
    return project


@pytest.fixture
def single(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The artifacts of which the files were asked for one by one."""
    asked: list[str] = []
    for room in (storing, observe):
        real = room.load_stat_cache

        def counting(root: Root, artifact: ArtifactName, real: Any = real) -> StatCache:
            asked.append(str(artifact))
            return real(root, artifact)  # type: ignore[no-any-return]

        monkeypatch.setattr(room, "load_stat_cache", counting)
    return asked


def state_of(project: Project) -> str:
    return str(project("status", "--json").data["paths"][0]["state"])


def test_an_unchanged_folder_is_known_at_one_glance(many: Project, single: list[str]) -> None:
    assert state_of(many) == "clean"
    assert many("add", "rows", "--json").data["added"][0]["state"] == "unchanged"
    assert single == []


@pytest.mark.parametrize("change", ["content", "gone", "new", "renamed", "mode", "touched"])
def test_a_folder_in_which_anything_differs_is_looked_at_file_by_file(
    many: Project, single: list[str], change: str
) -> None:
    path = many.path / "rows/1/1.csv"
    state = os.stat(path)
    if change == "content":
        path.write_bytes(path.read_bytes().replace(b",2", b",3"))
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    elif change == "gone":
        path.unlink()
    elif change == "new":
        many.write("rows/1/1000.csv", "a,b\n")
    elif change == "renamed":
        path.rename(path.with_name("1001.csv"))
    elif change == "mode":
        path.chmod(0o755)
    else:
        os.utime(path)
    is_same = change in ("mode", "touched")
    assert state_of(many) == ("clean" if is_same else "modified")
    assert single
    assert many("add", "rows", "--json").data["added"][0]["state"] == ("unchanged" if is_same else "modified")


def test_a_folder_that_was_too_young_is_not_known_as_a_whole(project: Project, single: list[str]) -> None:
    for number in range(COUNT):
        project.write(f"rows/{number}.csv", f"a,b\n{number},2\n")
    project("add", "rows", "--kind", "data")
    project("commit", "-m", "x")
    single.clear()
    assert state_of(project) == "clean"
    assert single


@pytest.mark.parametrize("damage", [b"", b"nonsense", b"0" * 64 + b"\n{}"])
def test_a_damaged_whole_is_an_unknown_one(many: Project, damage: bytes) -> None:
    place = many.path / ".pacha/local/whole/data/rows"
    assert place.read_bytes()
    place.write_bytes(damage)
    assert state_of(many) == "clean"
    place.write_bytes(damage)
    assert many("add", "rows", "--json").data["added"][0]["state"] == "unchanged"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"listing":1}', b'{"listing":"","digest":""}', b"[" * 1000, b"\xff"])
def test_a_whole_of_another_shape_is_an_unknown_one(many: Project, body: bytes) -> None:
    place = many.path / ".pacha/local/whole/data/rows"
    place.write_bytes(hash_bytes(body).hex.encode() + b"\n" + body)
    assert state_of(many) == "clean"


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_whole_that_is_cut_short_is_an_unknown_one(tmp_path: Path, cut: int) -> None:
    root = Root(str(tmp_path), durability=Durability.NONE)
    artifact = ArtifactName.parse("data/rows")
    some = tuple(hash_bytes(bytes([number])) for number in range(4))
    whole = Whole(listing=some[0], digest=some[1], tree=some[2], trees=some, packs=some[:1])
    root.make_folder("tmp")
    save_whole(root, artifact, whole)
    assert load_whole(root, artifact) == whole
    place = tmp_path / "local/whole/data/rows"
    place.write_bytes(place.read_bytes()[:cut])
    assert load_whole(root, artifact) is None


def test_a_folder_whose_bytes_were_lost_is_stored_again(many: Project) -> None:
    """The whole is known, and its pack is not in the store any more."""
    for pack in (many.path / ".pacha/objects/pack").glob("*.pack"):
        pack.unlink()
    many("add", "rows")
    many("verify", "rows")


def test_a_tree_that_is_damaged_is_stored_again(many: Project) -> None:
    root = Root(str(many.path / ".pacha"), durability=Durability.NONE)
    whole = load_whole(root, ArtifactName.parse("data/rows"))
    assert whole is not None and len(whole.trees) == 4
    place = DataStore(root).locate(whole.trees[-1])[0]
    path = many.path / f".pacha/objects/pack/{place.pack}.pack"
    data = bytearray(path.read_bytes())
    data[place.offset + place.stored_length] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    many("add", "rows")
    many("verify", "rows")
