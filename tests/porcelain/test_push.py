"""Push, pull and clone without Git: what is pushed is reachable, what disagrees is refused, nothing is sent twice."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pacha.porcelain.connect import connect, named
from tests.conftest import Answer, Project, run_here

Make = Callable[..., Project]


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Where a remote will be."""
    return tmp_path / "remote"


@pytest.fixture
def shared(project: Project, remote: Path) -> Project:
    """A project that was pushed once."""
    project.commit("rows.csv", "a,b\n1,2\n", "--tag", "1.0.0")
    project("remote", "add", "origin", str(remote))
    project("push")
    return project


def clone(remote: Path, *words: str) -> Project:
    """Clones beside the remote, under a name that is free."""
    path = next(path for number in range(99) if not (path := remote.parent / f"clone{number}").exists())
    answer = run_here(["-C", str(remote.parent), "clone", str(remote), path.name, *words])
    assert answer.code == 0, answer.err
    return Project(path)


def files_of(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with what would change if it were written again."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def refs_of(project: Project, remote: str | None = None) -> dict[str, str]:
    """The refs of a remote."""
    words = ["ls-remote", "--json"] if remote is None else ["ls-remote", remote, "--json"]
    return {row["ref"]: row["link"] for row in project(*words).data}


def head_of(project: Project, name: str = "rows") -> list[str]:
    """The heads of an artifact."""
    heads: list[str] = next(row["heads"] for row in project("list", "--json").data if row["artifact"].endswith(name))
    return heads


def push(project: Project, *words: str, code: int = 0) -> Answer:
    """Pushes, and makes sure that every ref of the remote can be read to its last byte by somebody new."""
    answer = project("push", *words, code=code)
    return answer


class TestRoundTrip:
    """What one pushed another has."""

    def test_a_clone_has_files_versions_and_heads(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        assert other.read("rows.csv") == b"a,b\n1,2\n"
        assert head_of(other) == head_of(shared)
        assert [row["version"] for row in other("list", "rows", "--json").data] == ["1.0.0"]
        other("fsck")
        assert (
            other("status", "--json").data["paths"][0]["state"] == shared("status", "--json").data["paths"][0]["state"]
        )

    def test_work_goes_back_and_forth(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        for turn in range(4):
            writer, reader = (other, shared) if turn % 2 == 0 else (shared, other)
            text = b"a,b\n%d,%d\n" % (turn, turn)
            writer.commit("rows.csv", text, "--tag", f"2.{turn}.0")
            writer("push")
            reader("pull")
            assert reader.read("rows.csv") == text and len(head_of(reader)) == 1
            reader("fsck")

    def test_a_push_with_nothing_to_do_writes_nothing(self, shared: Project, remote: Path) -> None:
        before = files_of(remote)
        assert shared("push", "--json").data["number"] is None
        assert files_of(remote) == before

    def test_a_pull_with_nothing_to_do_moves_nothing(self, shared: Project) -> None:
        found = shared("pull", "--json").data
        assert found["got"]["records"] == 0 and found["written"] == [] and found["fetched"]["new_refs"] == []

    def test_only_what_is_new_is_sent(self, shared: Project, remote: Path) -> None:
        text = "".join(f"{number},{number * number % 977}\n" for number in range(60_000))
        shared.commit("big.csv", text)
        first = shared("push", "--json").data["sent_bytes"]
        shared.commit("big.csv", text + "1,1\n")
        second = shared("push", "--json").data["sent_bytes"]
        assert first > 100_000 and second < first / 2
        assert clone(remote).read("big.csv") == (text + "1,1\n").encode()

    def test_a_dry_run_prices_and_sends_nothing(self, shared: Project, remote: Path) -> None:
        shared.commit("more.csv", "a,b\n" * 1000)
        before = files_of(remote)
        found = shared("push", "-n", "--json").data
        assert found["is_dry_run"] and found["size_bytes"] > 0 and found["sent_bytes"] == 0 and found["number"] is None
        assert files_of(remote) == before
        assert shared("push", "--json").data["size_bytes"] == found["size_bytes"]

    def test_a_dry_run_to_a_new_place_makes_none(self, shared: Project, tmp_path: Path) -> None:
        shared("push", str(tmp_path / "other"), "-n")
        assert not (tmp_path / "other").exists()

    def test_a_folder_whose_parent_is_missing_is_refused(self, shared: Project, tmp_path: Path) -> None:
        answer = shared("push", str(tmp_path / "not/mounted"), code=None)
        assert answer.code == 8 and "mount it" in answer.err

    def test_a_link_to_a_folder_can_be_a_remote(self, shared: Project, tmp_path: Path) -> None:
        (tmp_path / "disk").mkdir()
        (tmp_path / "share").symlink_to(tmp_path / "disk")
        shared("push", str(tmp_path / "share"))
        assert (tmp_path / "disk/format").exists()
        shared("push", str(tmp_path / "share/inner"))
        assert (tmp_path / "disk/inner/format").exists()


class TestAgreement:
    """Heads join, versions are equal or refused, stage logs only grow."""

    def test_heads_of_two_people_join(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        one = shared.commit("rows.csv", "a,b\n3,3\n")
        two = other.commit("rows.csv", "a,b\n4,4\n")
        shared("push")
        answer = other("push")
        assert one[:12] in answer.err and "not known here" in answer.err
        heads = {ref.rpartition("/")[2] for ref in refs_of(other) if ref.startswith("refs/heads/")}
        assert heads == {one, two}
        other("pull")
        assert set(head_of(other)) == {one, two}

    def test_a_merge_supersedes_both(self, shared: Project, remote: Path) -> None:
        self.test_heads_of_two_people_join(shared, remote)
        other = Project(remote.parent / "clone0")
        other("resolve", "rows", "--keep", f"manifest:{head_of(other)[0]}")
        assert len(head_of(other)) == 1
        other("push")
        shared("pull")
        assert len(head_of(shared)) == 1

    def test_the_same_version_is_no_news(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        for each in (shared, other):
            each.commit(
                "rows.csv", "a,b\n7,7\n", "--author", "A <a@b>", "--date", "2026-03-03T12:00:00Z", "--tag", "2.0.0"
            )
        shared("push")
        assert other("push", "--json").data["number"] is None

    def test_another_version_of_the_same_number_is_refused(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared.commit("rows.csv", "a,b\n8,8\n", "--tag", "2.0.0")
        other.commit("rows.csv", "a,b\n9,9\n", "--tag", "2.0.0")
        shared("push")
        before = files_of(remote)
        answer = other("push", code=4)
        assert "rows:2.0.0 is another there" in answer.err
        assert files_of(remote) == before
        assert "rows:2.0.0" in other("pull", code=4).err
        assert len(head_of(other)) == 1

    def test_a_version_of_equal_precedence_is_refused_both_ways(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared.commit("rows.csv", "a,b\n3,3\n", "--tag", "2.0.0+a")
        shared("push")
        other.commit("rows.csv", "a,b\n4,4\n", "--tag", "2.0.0+b")
        for words in (("push",), ("fetch", "--join")):
            answer = other(*words, code=4)
            assert "rows:2.0.0+a" in answer.err and "rows:2.0.0+b" in answer.err
        shared("tag", "rows", "2.0.0+b", code=4)
        assert [ref for ref in refs_of(shared) if "2.0.0" in ref] == ["refs/versions/data/rows/2.0.0+a"]

    def test_stage_logs_go_on(self, shared: Project, remote: Path) -> None:
        shared("stage", "rows:1.0.0", "staging", "--reason", "x")
        shared("push")
        other = clone(remote)
        other("stage", "rows:1.0.0", "production", "--reason", "y")
        other("push")
        shared("pull")
        assert shared("list", "rows", "--json").data[0]["stage"] == "production"

    def test_stage_logs_that_forked_go_to_resolve(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared("stage", "rows:1.0.0", "staging", "--reason", "x")
        shared("stage", "rows:1.0.0", "production", "--reason", "ready")
        other("stage", "rows:1.0.0", "archived", "--reason", "y")
        shared("push")
        assert "stage log" in other("push", code=4).err
        answer = other("pull", "--json", code=4)
        assert answer.data["fetched"]["forked"] == ["data/rows"]
        # Until it is settled nobody is told a stage, and another pull neither helps nor harms.
        other("stage", "rows", "--history", code=4)
        other("pull", "--no-checkout")
        sides = next(item for item in other("resolve", "--json", code=4).data if "stage" in item["issue"])["sides"]
        theirs = next(side["link"] for side in sides if side["link"] in refs_of(shared).values())
        other("resolve", "rows", "--keep", theirs)
        assert other("list", "rows", "--json").data[0]["stage"] == "production"
        other("push")
        shared("pull")
        assert [item["reason"] for item in shared("stage", "rows", "--history", "--json").data] == [
            item["reason"] for item in other("stage", "rows", "--history", "--json").data
        ]
        other("fsck")

    def test_a_push_of_something_else_goes_through_a_dispute(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared.commit("rows.csv", "a,b\n8,8\n", "--tag", "2.0.0")
        other.commit("rows.csv", "a,b\n9,9\n", "--tag", "2.0.0")
        other.commit("more.csv", "a,b\n1,1\n")
        shared("push")
        other("push", code=4)
        other("push", "--only", "data/more")
        assert any("/more/" in ref for ref in refs_of(shared))


class TestChoosing:
    """What goes, and how much with it."""

    def test_only(self, shared: Project) -> None:
        shared.commit("one.csv", "a,b\n1,1\n", "--tag", "1.0.0")
        shared.commit("two.csv", "a,b\n2,2\n", "--tag", "1.0.0")
        shared("push", "--only", "data/two")
        names = {ref.split("/")[3] for ref in refs_of(shared)}
        assert names == {"rows", "two"}

    def test_stages_may_stay(self, shared: Project) -> None:
        shared("stage", "rows:1.0.0", "staging", "--reason", "x")
        assert shared("push", "--no-stages", "--json").data["number"] is None
        assert shared("push", "--json").data["number"] == 2

    def test_bytes_of_ancestors_go_where_they_are_asked_for(self, shared: Project, tmp_path: Path) -> None:
        first = head_of(shared)[0]
        shared("push", str(tmp_path / "before"))
        for number in (5, 6):
            shared.commit("plain.csv", f"a,b\n{number},{number}\n")
        old = shared("log", "plain", "--json").data[-1]["manifest"]
        assert old != first
        shared("push", str(tmp_path / "without"))
        shared("push", str(tmp_path / "with"), "--with-lineage")
        for name, code in (("without", 3), ("with", 0)):
            other = clone(tmp_path / name, "--no-data")
            assert other("pull", str(tmp_path / name), "-r", f"manifest:{old}", code=None).code == code, name

    def test_lineage_can_follow_a_push_that_left_it(self, shared: Project, remote: Path) -> None:
        for number in (5, 6):
            shared.commit("plain.csv", f"a,b\n{number},{number}\n")
        old = shared("log", "plain", "--json").data[-1]["manifest"]
        shared("push")
        assert shared("push", "--with-lineage", "--json").data["number"] is not None
        assert clone(remote, "--no-data")("pull", "-r", f"manifest:{old}").code == 0

    def test_a_version_whose_bytes_are_nowhere_is_left_out(self, shared: Project, remote: Path, tmp_path: Path) -> None:
        shared.commit("rows.csv", "a,b\n3,3\n", "--tag", "2.0.0")
        shared("push")
        other = clone(remote, "--no-data")
        other.commit("more.csv", "a,b\n1,1\n")
        answer = other("push", str(tmp_path / "third"), code=3)
        assert "rows" in answer.err
        assert {ref.split("/")[3] for ref in refs_of(other, str(tmp_path / "third"))} == {"more"}

    def test_a_head_that_is_left_out_supersedes_nothing(self, shared: Project, remote: Path, tmp_path: Path) -> None:
        third = tmp_path / "third"
        shared("push", str(third))
        shared.commit("rows.csv", "a,b\n3,3\n")
        shared("push")
        other = clone(remote, "--no-data")
        before = refs_of(other, str(third))
        other("push", str(third), code=3)
        assert refs_of(other, str(third)) == before


class TestPartly:
    """Clones without bytes, and bytes by name."""

    def test_no_data_then_one_version(self, shared: Project, remote: Path) -> None:
        shared.commit("rows.csv", "a,b\n3,3\n", "--tag", "2.0.0")
        shared("push")
        other = clone(remote, "--no-data")
        assert not (other.path / "rows.csv").exists()
        assert len(other("list", "rows", "--json").data) == 2
        other("pull", "-r", "rows:1.0.0")
        assert other("cat", "rows:1.0.0").raw == b"a,b\n1,2\n"
        other("fsck")
        other("pull", "--all")
        assert other("cat", "rows:2.0.0").raw == b"a,b\n3,3\n"
        other("checkout")
        assert other.read("rows.csv") == b"a,b\n3,3\n"

    def test_one_file_of_a_folder(self, shared: Project, remote: Path) -> None:
        for number in range(6):
            shared.write(f"images/{number}.csv", f"a,b\n{number},{number}\n" * 50)
        shared("add", "images", "--kind", "data")
        shared("commit", "-m", "images")
        shared("push")
        other = clone(remote, "--no-data")
        other("pull", "-r", "images", "--path", "3.csv")
        assert other("cat", "images:head", "3.csv", code=None).code in (0, 2)
        assert other("cat", "images:head/3.csv").raw == b"a,b\n3,3\n" * 50
        other("fsck")

    def test_trees_alone(self, shared: Project, remote: Path) -> None:
        other = clone(remote, "--no-data")
        other("pull", "--trees")
        assert not (other.path / "rows.csv").exists()

    def test_a_dry_run_of_pull_changes_nothing(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared.commit("rows.csv", "a,b\n" + "3,3\n" * 500, "--tag", "2.0.0")
        shared("push")
        before = head_of(other)
        found = other("pull", "-n", "--json").data
        assert found["is_dry_run"] and found["got"]["records"] >= 1
        assert head_of(other) == before and other.read("rows.csv") == b"a,b\n1,2\n"
        assert len(other("list", "rows", "--json").data) == 1

    def test_a_dry_run_by_reference_takes_nothing_over(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared.commit("rows.csv", "a,b\n" + "3,3\n" * 500, "--tag", "2.0.0")
        shared.commit("new.csv", "a,b\n4,4\n", "--tag", "1.0.0")
        shared("push")
        before = files_of(other.path / ".pacha/refs")
        for ref in ("rows:2.0.0", "rows:head", "new:1.0.0"):
            found = other("pull", "-n", "-r", ref, "--json").data
            assert found["is_dry_run"] and found["got"]["records"] >= 1, ref
            assert files_of(other.path / ".pacha/refs") == before
        assert len(other("list", "rows", "--json").data) == 1
        other("pull", "-n", "-r", "rows:9.9.9", code=3)

    def test_work_of_ones_own_is_left_alone(self, shared: Project, remote: Path) -> None:
        other = clone(remote)
        shared.commit("rows.csv", "a,b\n3,3\n")
        shared("push")
        other.write("rows.csv", "mine")
        assert "left alone" in other("pull").err
        assert other.read("rows.csv") == b"mine"


class TestBases:
    """Differences travel with what they differ from."""

    def test_a_chain_of_bases_comes_across(self, project: Project, remote: Path) -> None:
        from tests.tensors import commit_versions

        commit_versions(project, 5)
        project("repack")
        project("push", str(remote), "--with-lineage")
        other = clone(remote)
        assert len(other("list", "m", "--json").data) == 5
        other("pull", "--all")
        for number in range(1, 6):
            assert other("cat", f"m:{number}.0.0").raw == project("cat", f"m:{number}.0.0").raw
        other("fsck")
        one = clone(remote, "--no-data")
        one("pull", "-r", "m:4.0.0")
        assert one("cat", "m:4.0.0").raw == project("cat", "m:4.0.0").raw


class TestIdentity:
    """A remote belongs to one repository."""

    def test_another_repository_is_refused(self, shared: Project, remote: Path, make_project: Make) -> None:
        stranger = make_project("stranger")
        stranger.commit("rows.csv", "a,b\n1,2\n")
        before = files_of(remote)
        for words in (("push",), ("pull",), ("fetch",)):
            assert stranger(*words, str(remote), code=4).err
        assert files_of(remote) == before

    def test_a_remote_that_was_wiped_is_not_taken_for_a_new_one(self, shared: Project, remote: Path) -> None:
        shutil.rmtree(remote)
        remote.mkdir()
        for words in (("push",), ("pull",), ("fetch",), ("ls-remote",)):
            answer = shared(*words, code=5)
            assert "remote forget" in answer.err
        assert list(remote.iterdir()) == []
        shared("remote", "forget", "origin")
        shared("push")
        assert (remote / "format").exists()

    def test_a_remote_that_was_put_back_is_seen(self, shared: Project, remote: Path, tmp_path: Path) -> None:
        shutil.copytree(remote, tmp_path / "backup")
        shared.commit("rows.csv", "a,b\n3,3\n")
        shared("push")
        shutil.rmtree(remote)
        shutil.copytree(tmp_path / "backup", remote)
        for words in (("push",), ("pull",), ("fetch",)):
            shared(*words, code=5)
        shared("remote", "forget", "origin")
        shared("push")
        assert clone(remote).read("rows.csv") == b"a,b\n3,3\n"

    def test_another_place_of_the_same_name_is_another_log(self, shared: Project, tmp_path: Path) -> None:
        shared("remote", "add", "origin", str(tmp_path / "second"), "--force")
        shared("push")
        assert (tmp_path / "second/log/00000001").exists()

    def test_an_author_of_any_length_can_push(
        self, shared: Project, remote: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PACHA_AUTHOR_NAME", "Ada\u202e " * 60)
        shared.commit("rows.csv", "a,b\n3,3\n")
        shared("push")
        assert clone(remote).read("rows.csv") == b"a,b\n3,3\n"


def test_what_a_push_says_is_what_the_remote_holds(shared: Project) -> None:
    """Asked in this process: each ref that moved is in the state that a new reader sees."""
    shared.commit("rows.csv", "a,b\n3,3\n", "--tag", "2.0.0")
    moved = {move["ref"]: move["new"] for move in shared("push", "--json").data["moved"]}
    workspace = shared.workspace()
    try:
        state = connect(workspace, named(workspace, None, start=str(shared.path))).state
        for ref, link in moved.items():
            held = {str(name): str(held.link) for name, held in state.refs.items()}.get(ref)
            assert held == link
    finally:
        workspace.close()


def test_a_partial_store_is_sound_and_can_be_tidied(shared: Project, remote: Path) -> None:
    """What was left on a remote is not damage: fsck, gc and repack go on with it, and the rest comes later."""
    for number in range(6):
        shared.write(f"images/{number}.csv", f"a,b\n{number},{number}\n" * 50)
    shared("add", "images", "--kind", "data")
    shared("commit", "-m", "images")
    shared.commit("rows.csv", "a,b\n3,3\n", "--tag", "2.0.0")
    shared("push")
    other = clone(remote, "--no-data")
    other("pull", "-r", "images", "--path", "3.csv")
    for words in (("fsck",), ("gc", "--prune=now"), ("repack",), ("status",), ("stats",)):
        other(*words)
    other("pull")
    assert other.read("images/5.csv") == b"a,b\n5,5\n" * 50
    other("fsck")
