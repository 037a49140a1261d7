"""Erased bytes are gone, here and on a remote; what others need stays, and everybody is told why."""

import os
from pathlib import Path

import pytest

import pacha
from pacha.porcelain.erasures import Erased
from tests.conftest import Project, run_here
from tests.remotely import clone, packs, there

SECRET = os.urandom(150_000)
SOUND = os.urandom(150_000)


@pytest.fixture
def pushed(project: Project) -> Project:
    """A version with a secret, one without, and a dataset in the same packs; pushed."""
    for number, data in enumerate((SECRET, SOUND), start=1):
        project.write("model.bin", data)
        project("model", "register", "fraud", "model.bin", "-v", f"{number}.0.0")
    project.commit("rows.csv", "a,b\n1,2\n" * 300, "--tag", "1.0.0")
    project("remote", "add", "origin", str(project.path.parent / "bucket"))
    project("push")
    project("repack")
    return project


def holds(folder: Path, secret: bytes = SECRET) -> bool:
    """Whether the bytes lie anywhere below a folder."""
    return any(secret[1000:1100] in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_harness_sees_bytes_that_are_there(pushed: Project) -> None:
    assert holds(pushed.path / ".pacha") and holds(pushed.path.parent / "bucket")


def test_erased_bytes_are_gone_everywhere_and_the_rest_stays(pushed: Project) -> None:
    dry = pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin", "-n", "--json").data
    assert dry["is_dry_run"] and dry["objects"] and dry["remotes"][0]["objects"] == dry["objects"]
    assert holds(pushed.path / ".pacha") and holds(pushed.path.parent / "bucket")
    done = pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin", "--json").data
    assert done["objects"] == dry["objects"] and done["remotes"][0]["objects"] == dry["objects"]
    assert not holds(pushed.path / ".pacha") and not holds(pushed.path.parent / "bucket")
    report = pushed("fsck", "--json").data
    told = [problem for problem in report["problems"] if problem["check"] != "duplicateObject"]
    assert [problem["check"] for problem in told] == ["erased"] and report["absent"] == 0
    assert "leak" in told[0]["message"] and "refs/versions/model/fraud/1.0.0" in told[0]["refs"]
    report = pushed("fsck", "--remote", "origin", "--read-data", "--json").data
    assert {problem["check"] for problem in report["problems"]} == {"erased"}
    pushed("gc")
    pushed("push")
    pushed("pull", "--all")
    for version, data in (("2.0.0", SOUND),):
        pushed("checkout", f"fraud:{version}", "--to", "out")
        assert pushed.read("out") == data
    pushed("show", "fraud:1.0.0")
    pushed("verify", "rows")


def test_whoever_asks_is_told_who_and_why(pushed: Project) -> None:
    pushed("erase", "fraud:1.0.0", "--reason", "leaked labels", "--remote", "origin")
    for words in (
        ["checkout", "fraud:1.0.0", "--to", "out"],
        ["cat", "fraud:1.0.0"],
        ["model", "download", "fraud:1.0.0", "-o", "out"],
    ):
        said = pushed(*words, code=3).err
        assert "erased on" in said and "Ada" in said and "leaked labels" in said and "pacha pull" not in said
    assert "leaked labels" in pushed("pull", "-r", "fraud:1.0.0").err


def test_python_erases_too(pushed: Project) -> None:
    with pacha.open(pushed.path) as registry:
        done = registry.erase("fraud:1.0.0", "leak", remotes=["origin"])
        with pytest.raises(Erased, match="leak"):
            registry.get("fraud:1.0.0").read()
    assert done.objects and not holds(pushed.path / ".pacha") and not holds(pushed.path.parent / "bucket")


def test_a_fresh_clone_is_told_too_and_gets_the_rest(pushed: Project) -> None:
    pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin")
    other = clone(pushed)
    assert "leak" in other("pull", "--all").err
    assert "leak" in other("checkout", "fraud:1.0.0", "--to", "out", code=3).err
    assert other.read("model.bin") == SOUND
    other("fsck")


def test_a_clone_that_still_has_the_bytes_does_not_bring_them_back(pushed: Project) -> None:
    other = clone(pushed)
    other("checkout", "fraud:1.0.0", "--to", "mine")
    pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin")
    other.commit("rows.csv", "a,b\n5,6\n", "--tag", "2.0.0")
    for words in (["push"], ["push", "--with-lineage"], ["push", "--check"]):
        other(*words)
        assert not holds(pushed.path.parent / "bucket"), words
    other("fetch", "--join")
    other("push", "--with-lineage", "--check")
    assert not holds(pushed.path.parent / "bucket")
    other("fsck")


def test_a_push_of_an_erased_head_says_so(pushed: Project) -> None:
    pushed("erase", "fraud:2.0.0", "--reason", "leak")
    assert not holds(pushed.path / ".pacha", SOUND)
    shared = pushed.path.parent / "elsewhere"
    answer = pushed("push", str(shared), "--json").data
    assert any("leak" in note for note in answer["notes"]) and not answer["left_out"]
    assert not holds(shared, SOUND)


def test_what_others_need_stays_and_is_said(pushed: Project) -> None:
    pushed("checkout", "fraud:1.0.0", "--force")
    pushed("model", "register", "copy", "model.bin", "-v", "1.0.0")
    pushed("push")
    done = pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin", "--json").data
    assert done["objects"] == 0 and done["shared"] and "refs/versions/model/copy/1.0.0" in done["shared_with"]
    pushed("checkout", "copy:1.0.0", "--to", "out")
    assert pushed.read("out") == SECRET
    pushed("fsck")
    pushed("erase", "copy:1.0.0", "--reason", "leak", "--remote", "origin")
    assert not holds(pushed.path / ".pacha") and not holds(pushed.path.parent / "bucket")


def test_bytes_in_the_trash_and_in_what_was_set_aside_go_too(pushed: Project) -> None:
    pushed("gc", "--pushed", "origin")
    folder = pushed.path / ".pacha/local/trash/one"
    folder.mkdir(parents=True)
    (folder / f"{'0' * 64}.pack.damaged").write_bytes(SECRET)
    pushed("erase", "fraud:1.0.0", "--reason", "leak")
    assert not holds(pushed.path / ".pacha")
    pushed("fsck")


def test_a_pack_that_a_cut_push_left_goes_too(pushed: Project) -> None:
    for pack in there(pushed, "packs"):
        if SECRET[1000:1100] in pack.read_bytes():
            left = pack
    data = left.read_bytes()
    pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin")
    left.write_bytes(data)
    assert holds(pushed.path.parent / "bucket")
    other = clone(pushed)
    other("erase", "fraud:1.0.0", "--reason", "again", "--remote", "origin")
    pushed("erase", "fraud:1.0.0", "--reason", "again", "--remote", "origin")


def test_erasing_twice_changes_nothing(pushed: Project) -> None:
    first = pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "origin", "--json").data
    again = pushed("erase", "fraud:1.0.0", "--reason", "other", "--remote", "origin", "--json").data
    assert (again["reason"], again["objects"], again["when"]) == ("leak", 0, first["when"])
    assert len(there(pushed, "log")) == first["remotes"][0]["number"]


@pytest.mark.parametrize("reason", ["", "  ", "a\nb", "x" * 1001, "\x1b[31m"])
def test_a_reason_is_one_line_of_printable_characters(pushed: Project, reason: str) -> None:
    pushed("erase", "fraud:1.0.0", "--reason", reason, code=2)
    assert holds(pushed.path / ".pacha")


def test_a_damaged_store_is_not_erased_from(pushed: Project) -> None:
    pack = packs(pushed)[0]
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(bytes(data))
    assert run_here(["-C", str(pushed.path), "erase", "fraud:1.0.0", "--reason", "leak"]).code == 5


def test_a_remote_that_is_empty_is_told_and_nothing_happens(pushed: Project) -> None:
    pushed("erase", "fraud:1.0.0", "--reason", "leak", "--remote", "../other", code=3)
    assert holds(pushed.path / ".pacha")
