"""Stage logs that branch and merge: the real git, and what `resolve` makes of it."""

from collections.abc import Callable

import pytest

from pacha.base.names import ArtifactName
from pacha.porcelain.stage_forks import forked_chains
from tests.conftest import Project

ROWS = ArtifactName("data", "rows")


def save(project: Project, message: str = "save") -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", message)


@pytest.fixture
def shared(git_project: Project) -> Project:
    """1.0.0 in production, 1.1.0 and 1.2.0 in staging, all in Git."""
    for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0")):
        git_project.commit("rows.csv", f"a,b\n{number},1\n", "--tag", version)
        git_project("stage", f"rows:{version}", "staging")
    git_project("stage", "rows:1.0.0", "production", "--reason", "the first")
    save(git_project)
    return git_project


def on_branch(project: Project, work: Callable[[], object]) -> None:
    """Does something on a branch, and something may follow on main."""
    project.git("switch", "-qc", "branch")
    work()
    save(project, "on the branch")
    project.git("switch", "-q", "main")


def in_production(project: Project) -> list[str]:
    return [row["version"] for row in project("list", "--stage", "production", "--json").data]


def promote(project: Project, version: str, reason: str, who: str) -> None:
    project("stage", f"rows:{version}", "production", "--reason", reason, "--author", who)


def test_moves_of_different_artifacts_merge_by_themselves(shared: Project) -> None:
    shared.commit("other.csv", "c,d\n1,2\n", "--tag", "1.0.0")
    save(shared)
    on_branch(shared, lambda: shared("stage", "other:1.0.0", "staging"))
    promote(shared, "1.1.0", "better", "Ada <ada@example.org>")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch")
    assert shared("resolve").out == "nothing is unsettled\n"
    assert in_production(shared) == ["1.1.0"]
    shared("fsck")


@pytest.mark.parametrize("kept", ["1.1.0", "1.2.0"])
def test_two_branches_that_promote_are_settled_by_keeping_one(shared: Project, kept: str) -> None:
    on_branch(shared, lambda: promote(shared, "1.2.0", "bob's reason", "Bob <bob@example.org>"))
    promote(shared, "1.1.0", "ada's reason", "Ada <ada@example.org>")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    # Nobody is told a stage while it is not settled which; versions are had as ever.
    for words in (["show", "rows:production"], ["stage", "rows"], ["stage", "rows:1.2.0", "archived"]):
        assert "resolve" in shared(*words, code=4).err
    assert shared("list", "--stage", "production", code=4).out == ""
    for words in (["list"], ["list", "rows"]):
        answer = shared(*words, code=4)
        assert "1.2.0" in answer.out and "?" in answer.out and "pacha resolve" in answer.err
    shared("show", "rows:1.1.0")
    assert "refConflictMarkers" in shared("fsck", code=5).out
    issue = shared("resolve", "--json", code=4).data[0]
    assert {side["message"].partition(":")[0] for side in issue["sides"]} == {"1.1.0", "1.2.0"}

    answer = shared("resolve", "rows", "--keep", f"rows:{kept}")
    assert "is replayed without effect: production changed hands" in answer.out
    assert shared("resolve").out == "nothing is unsettled\n"
    assert in_production(shared) == [kept]
    entries = shared("stage", "rows", "--history", "--json").data
    assert [entry["number"] for entry in entries] == [6, 5, 4, 3, 2, 1]
    assert ", without effect)" in shared("stage", "rows", "--history").out
    assert {entry["who"].partition(" ")[0] for entry in entries[:2]} == {"Ada", "Bob"}
    assert {entry["reason"] for entry in entries[:2]} == {"ada's reason", "bob's reason"}
    assert entries[0]["replays"] in {side["link"].partition(":")[2] for side in issue["sides"]}
    assert [item["version"] for item in entries[1]["displaced"]] == ["1.0.0"]
    assert shared("stage", "rows", "--rollback", "--reason", "x").out.startswith(f"production: {kept} → 1.0.0")
    save(shared, "merged")
    assert shared("fsck", "--json").data["problems"] == []
    assert "replays move:" in shared("stage", "rows", "--history").out


def test_a_conflict_settled_in_git_by_taking_one_side_is_a_fork_that_resolve_sees(shared: Project) -> None:
    """Theirs of one number, ours of the next: entries that do not follow each other, and no markers."""
    on_branch(shared, lambda: promote(shared, "1.2.0", "b", "Bob <bob@example.org>"))
    promote(shared, "1.1.0", "a", "Ada <ada@example.org>")
    shared("stage", "rows:1.0.0", "archived")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    shared.git("checkout", "-q", "--theirs", "--", ".pacha/refs")
    save(shared, "took theirs where there was a conflict")
    assert "refFork" in shared("fsck", code=5).out
    issue = shared("resolve", "--json", code=4).data[0]
    assert len(issue["sides"]) == 2
    # Any move of a side names it, not only its last.
    side = next(side for side in issue["sides"] if len(side["moves"]) == 2)
    shared("resolve", "rows", "--keep", side["moves"][0])
    assert in_production(shared) == ["1.1.0"]
    assert shared("show", "rows:archived", "--json").data["labels"][0]["version"] == "1.0.0"
    save(shared, "settled")
    assert shared("fsck", "--json").data["problems"] == []


def test_moves_that_contradict_nothing_are_both_in_force_after_settling(shared: Project) -> None:
    on_branch(shared, lambda: promote(shared, "1.2.0", "b", "Bob <bob@example.org>"))
    shared("stage", "rows:1.1.0", "archived")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    ours = next(chain for chain in forked_chains(shared.workspace(), ROWS) if str(chain.end.move.version) == "1.1.0")
    answer = shared("resolve", "rows", "--keep", f"move:{ours.end.id}")
    assert "6: 1.2.0 staging → production by Bob <bob@example.org> is replayed\n" in answer.out
    assert in_production(shared) == ["1.2.0"]
    assert [row["version"] for row in shared("list", "--stage", "archived", "--json").data] == ["1.1.0"]


def test_two_people_who_settle_the_same_way_agree(shared: Project) -> None:
    on_branch(shared, lambda: promote(shared, "1.2.0", "b", "Bob <bob@example.org>"))
    promote(shared, "1.1.0", "a", "Ada <ada@example.org>")
    save(shared)
    for name in ("one", "two"):
        shared.git("switch", "-qc", name, "main")
        shared.git("merge", "-q", "-m", "merge", "branch", code=1)
        shared("resolve", "rows", "--keep", "rows:1.1.0")
        save(shared, f"settled by {name}")
    shared.git("merge", "-q", "-m", "both", "one")
    assert in_production(shared) == ["1.1.0"]
    shared("fsck")


def test_two_people_who_settle_differently_fork_again_and_settle_without_repeating(shared: Project) -> None:
    on_branch(shared, lambda: promote(shared, "1.2.0", "b", "Bob <bob@example.org>"))
    promote(shared, "1.1.0", "a", "Ada <ada@example.org>")
    save(shared)
    for name, kept in (("one", "1.1.0"), ("two", "1.2.0")):
        shared.git("switch", "-qc", name, "main")
        shared.git("merge", "-q", "-m", "merge", "branch", code=1)
        shared("resolve", "rows", "--keep", f"rows:{kept}")
        save(shared, f"settled by {name}")
    shared.git("merge", "-q", "-m", "both", "one", code=1)
    sides = forked_chains(shared.workspace(), ROWS)
    assert [len(chain.entries) for chain in sides] == [6, 6]
    kept_chain = next(chain for chain in sides if str(chain.entries[4].move.version) == "1.1.0")
    shared("resolve", "rows", "--keep", f"move:{kept_chain.end.id}")
    assert in_production(shared) == ["1.1.0"]
    assert len(shared("stage", "rows", "--history", "--json").data) == 6
    save(shared, "settled")
    shared("fsck")


def test_a_settlement_that_stops_anywhere_is_finished_by_settling_again(shared: Project) -> None:
    """Refs are written from the last number down, so no move is out of reach in between."""
    on_branch(
        shared,
        lambda: (promote(shared, "1.2.0", "b", "Bob <b@example.org>"), shared("stage", "rows:1.0.0", "archived")),
    )
    promote(shared, "1.1.0", "a", "Ada <ada@example.org>")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    folder = shared.path / ".pacha/refs/stages/data/rows"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    side = next(chain for chain in forked_chains(shared.workspace(), ROWS) if str(chain.end.move.version) == "1.1.0")
    shared("resolve", "rows", "--keep", f"move:{side.end.id}")
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    changed = sorted((name for name in after if after[name] != before.get(name)), reverse=True)
    assert len(changed) == 3
    for done in range(len(changed)):
        for path in folder.iterdir():
            path.unlink()
        for name, data in {**before, **{name: after[name] for name in changed[:done]}}.items():
            (folder / name).write_bytes(data)
        shared("resolve", code=4)
        shared("resolve", "rows", "--keep", f"move:{side.end.id}")
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == after


def test_the_moves_that_were_replayed_stay_in_the_store(shared: Project) -> None:
    on_branch(shared, lambda: promote(shared, "1.2.0", "b", "Bob <bob@example.org>"))
    promote(shared, "1.1.0", "a", "Ada <ada@example.org>")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    shared("resolve", "rows", "--keep", "rows:1.1.0")
    save(shared, "settled")
    old = shared("stage", "rows", "--history", "--json").data[0]["replays"]
    shared("gc", "--prune=now")
    shared("cat-file", f"move:{old}")
    (shared.path / f".pacha/objects/move/{old[:2]}/{old[2:]}.json").unlink()
    assert "missing" in shared("fsck", code=5).out
    shared("stage", "rows", "--history")


def test_a_move_is_told_to_git_with_its_object(shared: Project) -> None:
    promote(shared, "1.1.0", "a", "Ada <ada@example.org>")
    staged = shared.git("diff", "--cached", "--name-only").splitlines()
    assert sorted(path.split("/")[1] for path in staged) == ["objects", "refs"]
    assert shared("status", "--json").data["untracked_meta"] == []
    shared.git("commit", "-qm", "promote")
    shared.git("clone", "-q", ".", "../clone")
    there = Project(shared.path.parent / "clone")
    assert in_production(there) == ["1.1.0"]
    assert there("stage", "rows", "--rollback", "--reason", "x").out.startswith("production: 1.1.0 → 1.0.0")


def test_resolve_shows_moves_without_a_size(shared: Project) -> None:
    on_branch(shared, lambda: promote(shared, "1.2.0", "bob's reason", "Bob <bob@example.org>"))
    promote(shared, "1.1.0", "ada's reason", "Ada <ada@example.org>")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    told = shared("resolve", code=4).out
    assert "Ada <ada@example.org>  1.1.0: staging → production, ada's reason" in told
    hint = shared("stage", "rows", code=4).err
    assert "`pacha resolve` shows both sides" in hint and "git checkout" not in hint


def test_status_says_what_two_branches_left_unsettled(shared: Project) -> None:
    def both(content: str, version: str) -> None:
        shared.commit("rows.csv", content, "--tag", "2.0.0")
        promote(shared, version, "mine", "Ada <ada@example.org>")

    assert shared("status", "--json").data["disputed"] == []
    on_branch(shared, lambda: both("a,b\n7,1\n", "1.2.0"))
    shared("checkout")
    both("a,b\n8,1\n", "1.1.0")
    save(shared)
    shared.git("merge", "-q", "-m", "merge", "branch", code=1)
    told = shared("status").out
    for issue in ("several heads", "same version twice", "stage log forks"):
        assert f"{issue}  data/rows: `pacha resolve rows`" in told
    issues = [item["issue"] for item in shared("status", "--json").data["disputed"]]
    assert issues == ["same version twice", "stage log forks"]
    heads, _, stages = shared("resolve", "--json", code=4).data
    # A head brings its version along; the stage log is a choice of its own.
    for issue in (heads, stages):
        shared("resolve", "rows", "--keep", issue["sides"][0]["link"])
    assert "resolve" not in shared("status").out


def test_status_passes_by_what_is_damaged_otherwise(shared: Project) -> None:
    (shared.path / ".pacha/refs/stages/data/rows/00000002").write_text("nonsense\n")
    assert shared("status", "--json").data["disputed"] == []
