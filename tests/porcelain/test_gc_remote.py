"""gc of a remote removes what nothing names, in two phases, and no push that races with it loses a byte."""

import os
import time
from pathlib import Path

import pytest

from pacha.porcelain import push as pushing_module
from tests.conftest import Project
from tests.remotely import clone, there

DAY = 86_400


@pytest.fixture
def pushed(project: Project) -> Project:
    """A remote with forty pushes, so that much was merged."""
    project("remote", "add", "origin", str(project.path.parent / "bucket"))
    for number in range(40):
        project.commit("rows.csv", f"a,b\n{number},{number}\n", "--tag", f"1.{number}.0")
        project("push")
    return project


def age(project: Project, days: float) -> None:
    """Makes all files of the remote older."""
    for path in (project.path.parent / "bucket").rglob("*"):
        state = path.stat()
        os.utime(path, (state.st_atime - days * DAY, state.st_mtime - days * DAY))


def gc(project: Project, *words: str) -> dict[str, list[str]]:
    """Runs it and returns the keys by fate."""
    found: dict[str, list[str]] = {}
    for file in project("gc", "--remote", "origin", "--json", *words).data["files"]:
        found.setdefault(file["fate"], []).append(file["key"])
    return found


def files(project: Project) -> set[str]:
    root = project.path.parent / "bucket"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_without_yes_nothing_changes(pushed: Project) -> None:
    before = files(pushed)
    assert gc(pushed)["taken off the list"]
    assert files(pushed) == before


def test_what_was_merged_goes_a_grace_after_the_list_says_so(pushed: Project) -> None:
    old = clone(pushed)
    before = files(pushed)
    taken = gc(pushed, "--yes")["taken off the list"]
    assert taken and before <= files(pushed)
    assert set(gc(pushed, "--yes")["waiting"]) == set(taken)
    age(pushed, 30)
    assert set(gc(pushed, "--yes")["deleted"]) == set(taken)
    assert not files(pushed) & set(taken)
    pushed("fsck", "--remote", "origin", "--read-data")
    old("fsck", "--remote", "origin", "--read-data")
    old("pull", "--all")
    new = clone(pushed, "new")
    new("fsck")
    assert len(new("log", "rows", "--json").data) == 40
    new.commit("rows.csv", "a,b\n7,8\n", "--tag", "9.0.0")
    new("push")
    pushed("fetch", "--join")
    assert gc(pushed, "--yes") == {}


def test_a_reader_who_was_away_finds_its_way(pushed: Project) -> None:
    old = clone(pushed)
    gc(pushed, "--yes")
    age(pushed, 30)
    gc(pushed, "--yes")
    for number in range(20):
        pushed.commit("rows.csv", f"a\n{number}\n")
        pushed("push")
    old("pull", "--all")
    old("fsck", "--remote", "origin", "--read-data")
    assert old("log", "rows", "--json").data == pushed("log", "rows", "--json").data


def test_what_a_cut_push_left_goes_once_it_is_old(pushed: Project) -> None:
    left = pushed.path.parent / "bucket/packs" / f"{'5' * 64}.pack"
    temporary = pushed.path.parent / "bucket/tmp/123.7"
    for path in (left, temporary):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half a pack")
    assert f"packs/{left.name}" in gc(pushed, "--yes")["waiting"]
    assert f"packs/{left.name}" in gc(pushed, "--yes", "--prune=now")["waiting"]
    for path in (left, temporary):
        os.utime(path, (time.time() - 30 * DAY,) * 2)
    assert f"packs/{left.name}" in gc(pushed, "--yes")["taken off the list"]
    assert not temporary.exists() and left.exists()
    age(pushed, 30)
    gc(pushed, "--yes")
    assert not left.exists()


def test_a_file_without_a_time_or_with_one_to_come_stays(pushed: Project) -> None:
    for number, when in enumerate((0, time.time() + 90 * DAY)):
        path = pushed.path.parent / "bucket/packs" / f"{str(number) * 64}.pack"
        path.write_bytes(b"half a pack")
        os.utime(path, (when, when))
    gc(pushed, "--yes", "--prune=now")
    gc(pushed, "--yes", "--prune=now")
    assert {f"packs/{digit * 64}.pack" for digit in "01"} <= files(pushed)


def test_an_interrupted_push_goes_on_under_another_name(pushed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed.write("big.bin", os.urandom(3 << 20))
    pushed("model", "register", "big", "big.bin", "-v", "1.0.0")

    def fail(*arguments: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pushing_module, "append", fail)
        pushed("push", code=130)
    age(pushed, 30)
    taken = [key for key in gc(pushed, "--yes")["taken off the list"] if key.startswith("packs/")]
    assert taken
    pushed("push")
    age(pushed, 30)
    gc(pushed, "--yes")
    assert not files(pushed) & set(taken)
    pushed("fsck", "--remote", "origin", "--read-data")
    other = clone(pushed)
    other("fsck")
    assert other.read("big.bin") == pushed.read("big.bin")


def _with_garbage(project: Project) -> str:
    """Pushes a model, then takes its refs from the remote as an older or another program might."""
    project.write("big.bin", os.urandom(200_000))
    project("model", "register", "big", "big.bin", "-v", "1.0.0")
    project("push")
    return project("model", "get", "big:1.0.0", "--json").out


def test_data_that_no_ref_reaches_goes_and_comes_again_with_a_push(pushed: Project) -> None:
    _with_garbage(pushed)
    remove_refs(pushed, "model/big")
    found = gc(pushed, "--yes")
    assert found.get("taken off the list") or found.get("rewritten")
    pushed("fsck", "--remote", "origin", "--read-data")
    pushed("push")
    age(pushed, 30)
    gc(pushed, "--yes")
    pushed("fsck", "--remote", "origin", "--read-data")
    assert clone(pushed).read("big.bin") == pushed.read("big.bin")


def test_a_push_that_races_with_gc_loses_and_looks_again(pushed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between what a push found there and its entry, gc takes just that off the list."""
    _with_garbage(pushed)
    remove_refs(pushed, "model/big")
    real, raced = pushing_module.append, []

    def late(*arguments: object) -> object:
        if not raced:
            raced.append(gc(Project(pushed.path), "--yes"))
        return real(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(pushing_module, "append", late)
        pushed("push")
    assert raced
    age(pushed, 30)
    gc(pushed, "--yes")
    pushed("fsck", "--remote", "origin", "--read-data")


def test_a_damaged_remote_is_left_as_it_is(pushed: Project) -> None:
    there(pushed, "log")[0].write_bytes(b"damaged")
    before = files(pushed)
    pushed("gc", "--remote", "origin", "--yes", code=5)
    assert files(pushed) == before


def remove_refs(project: Project, artifact: str) -> None:
    """Writes an entry that removes the refs of an artifact."""
    from pacha.porcelain.connect import connect, remotes_of
    from pacha.remotes.entries import Update
    from pacha.remotes.log import append
    from pacha.remotes.upload import Brought, next_entry

    workspace = project.workspace()
    connection = connect(workspace, remotes_of(workspace).find("origin"))
    updates = [
        Update(ref=ref, old=held.link) for ref, held in connection.state.refs.items() if f"/{artifact}/" in str(ref)
    ]
    assert updates
    entry = next_entry(
        connection.state, updates=updates, brought=Brought(), writer="a test", time="2026-01-01T00:00:00Z"
    )
    assert append(connection.remote, connection.state, entry) is not None
    workspace.close()


def test_words_that_do_not_go_together_are_refused(project: Project) -> None:
    for words in (
        ["--yes"],
        ["--remote", "a", "--pushed", "b"],
        ["--remote", "a", "--yes", "-n"],
        ["--repack", "--pushed", "b"],
    ):
        project("gc", *words, code=2)
    assert Path(project.path).exists()
