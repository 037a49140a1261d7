"""Damage here is healed from a remote, byte for byte; damage on a remote is named, and healed by who has the bytes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Project, run_here
from tests.remotely import clone, flip, packs, there

BIG = os.urandom(300_000)


@pytest.fixture
def pushed(project: Project) -> Project:
    """Two versions of a model and a dataset, pushed to a folder named origin."""
    project.write("model.bin", BIG)
    project("model", "register", "fraud", "model.bin", "-v", "1.0.0")
    project.commit("model.bin", BIG[1:], "--tag", "2.0.0")
    project.commit("rows.csv", "a,b\n1,2\n" * 500)
    project("remote", "add", "origin", str(project.path.parent / "bucket"))
    project("push")
    return project


def checks(project: Project, *words: str, code: int = 5) -> set[str]:
    """The checks that fsck of the remote finds."""
    found = project("fsck", "--remote", "origin", "--json", *words, code=code).data["problems"]
    return {problem["check"] for problem in found}


# -- fsck --remote ----------------------------------------------------------------------------------------------------


def test_a_whole_remote_is_found_whole(pushed: Project) -> None:
    for words in ((), ("--read-data",)):
        report = pushed("fsck", "--remote", "origin", "--json", *words).data
        assert report["problems"] == [] and report["packs"] and report["objects"] and report["entries"] == 1
    clone(pushed)("fsck", "--remote", "origin", "--read-data")


def test_a_pack_that_is_gone_or_cut_is_named_with_the_refs_it_concerns(pushed: Project) -> None:
    big = there(pushed, "packs")[0]
    data = big.read_bytes()
    big.unlink()
    found = pushed("fsck", "--remote", "origin", "--json", code=5).data["problems"]
    assert any(problem["check"] == "remotePack" and big.name in problem["message"] for problem in found)
    assert any("refs/versions/model/fraud/1.0.0" in problem["refs"] for problem in found)
    big.write_bytes(data[:-1])
    assert "remotePack" in checks(pushed)


def test_a_flipped_bit_is_found_only_by_reading_and_its_refs_are_named(pushed: Project) -> None:
    flip(there(pushed, "packs")[0])
    pushed("fsck", "--remote", "origin")
    found = pushed("fsck", "--remote", "origin", "--read-data", "--json", code=5).data["problems"]
    assert {problem["check"] for problem in found} == {"remoteRecord"}
    assert all(problem["refs"] for problem in found)


def test_every_byte_of_a_remote_is_vouched_for(pushed: Project) -> None:
    small = there(pushed, "packs")[-1]
    data = small.read_bytes()
    for at in range(0, len(data), 7):
        small.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        pushed("fsck", "--remote", "origin", "--read-data", code=5)
    for size in range(0, len(data), 50):
        small.write_bytes(data[:size])
        pushed("fsck", "--remote", "origin", code=5)


def test_a_damaged_or_missing_index_is_found(pushed: Project) -> None:
    index = there(pushed, "indexes")[0]
    data = index.read_bytes()
    flip(index)
    assert "remoteIndex" in checks(pushed)
    index.unlink()
    assert "remoteIndex" in checks(pushed)
    index.write_bytes(data)
    pushed("fsck", "--remote", "origin")


def test_a_log_that_lost_an_entry_is_found(pushed: Project) -> None:
    for number in range(3):
        pushed.commit("rows.csv", f"a\n{number}\n")
        pushed("push")
    middle = pushed.path.parent / "bucket/log/00000002"
    data = middle.read_bytes()
    middle.unlink()
    assert checks(pushed) == {"remoteLog"}
    middle.write_bytes(data)
    pushed("fsck", "--remote", "origin")


# -- push --check -----------------------------------------------------------------------------------------------------


def test_a_push_with_check_brings_back_what_went_away(pushed: Project) -> None:
    colleague = clone(pushed)
    for pack in there(pushed, "packs"):
        pack.unlink()
    assert colleague("push", "origin", "--check", "--json").data["sent_bytes"] > 0
    colleague("fsck", "--remote", "origin", "--read-data")
    assert clone(pushed, "another").read("model.bin") == BIG[1:]
    assert colleague("push", "origin", "--check", "--json").data["number"] is None


def test_a_push_with_check_replaces_what_is_cut_and_with_read_data_what_is_flipped(pushed: Project) -> None:
    cut, *_ = there(pushed, "packs")
    cut.write_bytes(cut.read_bytes()[:-9])
    pushed("push", "--check")
    pushed("fsck", "--remote", "origin", "--read-data")
    flip(there(pushed, "packs")[0])
    assert pushed("push", "--check", "--json").data["number"] is None
    pushed("push", "--check", "--read-data")
    pushed("fsck", "--remote", "origin", "--read-data")


def test_a_pack_that_a_cut_push_left_flipped_is_healed_by_reading(pushed: Project) -> None:
    pushed.commit("model.bin", os.urandom(3 << 20))
    before = {*there(pushed, "log")}
    pushed("push")
    (newest,) = {*there(pushed, "log")} - before
    newest.unlink()
    shutil.rmtree(pushed.path / ".pacha/local/remotes")
    big = there(pushed, "packs")[0]
    flip(big, big.stat().st_size // 2)
    inode = big.stat().st_ino
    pushed("push")
    assert big.stat().st_ino == inode, "the control: what lay there was taken as it is"
    assert "remoteRecord" in checks(pushed, "--read-data")
    pushed("push", "--check", "--read-data")
    pushed("fsck", "--remote", "origin", "--read-data")


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone"])
def test_a_pull_over_damage_says_how_to_see_all_of_it(pushed: Project, damage: str) -> None:
    for pack in there(pushed, "packs"):
        if pack.stat().st_size > 100_000:
            if damage == "flipped":
                flip(pack, -5_000)
            elif damage == "cut":
                pack.write_bytes(pack.read_bytes()[:-5_000])
            else:
                pack.unlink()
    answer = run_here(["clone", str(pushed.path.parent / "bucket"), str(pushed.path.parent / "late")])
    assert answer.code in (5, 8) and "pacha fsck --remote" in answer.err


def test_a_push_with_check_makes_lost_indexes_anew(pushed: Project) -> None:
    for index in there(pushed, "indexes"):
        index.unlink()
    answer = pushed("push", "--check", "-n", "--json").data
    assert answer["is_dry_run"] and answer["unsound"] and not there(pushed, "indexes")
    pushed("push", "--check")
    pushed("fsck", "--remote", "origin", "--read-data")
    assert clone(pushed).read("model.bin") == BIG[1:]


def test_a_clone_that_lacks_bytes_takes_nothing_from_the_list(pushed: Project) -> None:
    target = pushed.path.parent / "bare"
    assert run_here(["clone", "--no-data", str(pushed.path.parent / "bucket"), str(target)]).code == 0
    there(pushed, "packs")[0].unlink()
    answer = Project(target)("push", "origin", "--check", "--json", code=None)
    assert "another clone" in " ".join(answer.data["notes"])
    assert "remotePack" in checks(pushed)
    pushed("push", "--check")
    pushed("fsck", "--remote", "origin", "--read-data")


# -- repair -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [3, 40, 100, -3, -60, -1000, 100_000])
def test_a_damaged_pack_is_healed_byte_for_byte_and_set_aside(pushed: Project, at: int) -> None:
    bad = packs(pushed)[0]
    flip(bad, at)
    damaged = bad.read_bytes()
    pushed("fsck", code=5)
    report = pushed("fsck", "--repair", "--from", "origin", "--json").data
    assert all(problem["severity"] == "notice" for problem in report["problems"])
    kept = report["repaired"]["set_aside"]
    assert any(Path(path).read_bytes() == damaged for path in kept)
    pushed("checkout", "fraud:1.0.0", "--to", "out")
    assert (pushed.path / "out").read_bytes() == BIG
    pushed("fsck")
    pushed("gc")
    pushed("fsck")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_pack_that_was_cut_is_healed(pushed: Project, share: float) -> None:
    bad = packs(pushed)[0]
    data = bad.read_bytes()
    bad.write_bytes(data[: int(len(data) * share)])
    pushed("fsck", code=5)
    pushed("fsck", "--repair", code=0)
    pushed("checkout", "fraud:1.0.0", "--to", "out")
    assert (pushed.path / "out").read_bytes() == BIG


def test_damaged_and_missing_documents_are_healed(pushed: Project) -> None:
    documents = sorted((pushed.path / ".pacha/objects").glob("*/??/*.json"))
    before = {path: path.read_bytes() for path in documents}
    documents[0].write_bytes(b"{}\n")
    documents[1].unlink()
    documents[2].write_bytes(before[documents[2]].replace(b"\n", b"\r\n"))
    pushed("fsck", code=5)
    pushed("fsck", "--repair")
    assert {path: path.read_bytes() for path in documents} == before


def test_what_the_remote_lacks_is_told_with_its_versions(pushed: Project) -> None:
    pushed.commit("late.csv", "a\n" + "9\n" * 5000, "--tag", "1.0.0")
    for bad in packs(pushed):
        flip(bad, 60)
    answer = pushed("fsck", "--repair", "--json", code=5).data
    assert answer["repaired"]["not_healed"] or answer["problems"]
    assert any("refs/versions/data/late/1.0.0" in problem["refs"] for problem in answer["problems"])
    pushed("checkout", "fraud:1.0.0", "--to", "out")
    assert (pushed.path / "out").read_bytes() == BIG


def test_a_whole_store_is_left_as_it_is(pushed: Project) -> None:
    before = packs(pushed)
    assert pushed("fsck", "--repair", "--json").data["repaired"] is None
    assert packs(pushed) == before


def test_pull_with_repair_heals_and_brings_what_is_absent(pushed: Project) -> None:
    flip(packs(pushed)[0], 100_000)
    pushed("pull", "--repair")
    pushed("fsck")
    for pack in packs(pushed):
        shutil.move(pack, pack.with_suffix(".gone"))
        pack.with_suffix(".idx").unlink(missing_ok=True)
    for multi in (pushed.path / ".pacha/objects/pack").glob("*.gone"):
        multi.unlink()
    pushed("pull", "--repair", "--all")
    pushed("fsck")
    pushed("checkout", "fraud:1.0.0", "--to", "out")
    assert (pushed.path / "out").read_bytes() == BIG


def test_words_that_do_not_go_together_are_refused(pushed: Project, make_project: Callable[..., Project]) -> None:
    for words in (["--read-data"], ["--from", "origin"], ["--remote", "origin", "--repair"]):
        pushed("fsck", *words, code=2)
    pushed("push", "--read-data", code=2)
    pushed("pull", "--repair", "-n", code=2)


def test_a_part_that_was_pulled_is_no_damage(pushed: Project) -> None:
    pushed.write("many/a.bin", os.urandom(5000))
    pushed.write("many/sub/b.bin", os.urandom(5000))
    pushed("add", "many", "--kind", "data", "--name", "many")
    pushed("commit", "-m", "many")
    pushed("push")
    for name, words in (("trees", ["--trees"]), ("path", ["-r", "many", "--path", "sub/b.bin"])):
        target = pushed.path.parent / name
        assert run_here(["clone", "--no-data", str(pushed.path.parent / "bucket"), str(target)]).code == 0
        there = Project(target)
        there("pull", "--no-checkout", *words)
        report = there("fsck", "--json").data
        assert report["absent"] and not report["problems"]
        there("gc", "--prune=now")
        there("fsck")
