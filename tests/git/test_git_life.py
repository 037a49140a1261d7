"""Life inside Git: everything here runs the real git."""

import random
import re
import shutil
from pathlib import Path

from pacha.base.ids import hash_bytes
from pacha.refs.transaction import Writer
from pacha.repo.session import Session
from tests.conftest import Project

CSV = "a,b\n1,2\n"
PACKS = ".pacha/objects/pack"


def big(seed: int) -> bytes:
    return random.Random(seed).randbytes(400_000)


def clone(project: Project, name: str = "clone", *words: str) -> Project:
    target = project.path.parent / name
    project.git("clone", "-q", *words, ".", str(target))
    return Project(target)


def save(project: Project, message: str = "save") -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", message)


def heads(project: Project, name: str) -> list[str]:
    found = [row["heads"] for row in project("list", "--json").data if row["artifact"].endswith(f"/{name}")]
    return found[0] if found else []


def test_a_projects_own_ignore_rules_hide_no_meta(git_project: Project) -> None:
    git_project.write(".gitignore", "data/\nruns/\nmodels/\n*.json\n*.toml\nobjects\nrefs/\nformat\n")
    git_project.commit("data/rows.csv", CSV)
    git_project.commit("models/fraud.safetensors", big(1))
    save(git_project)
    tracked = git_project.git("ls-files", ".pacha").splitlines()
    assert sum(path.startswith(".pacha/objects/manifest/") for path in tracked) == 2
    assert sum(path.startswith(".pacha/refs/heads/") for path in tracked) == 2
    assert ".pacha/format" in tracked and ".pacha/config.toml" in tracked
    assert not any("pack" in path or "local" in path for path in tracked)
    assert git_project("status", "--json").data["untracked_meta"] == []


def test_a_fresh_clone_sees_everything_and_calls_the_bytes_absent(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    git_project("tag", "rows", "1.0.0")
    save(git_project)
    there = clone(git_project)
    assert [label["version"] for label in there("log", "rows", "--json").data[0]["labels"]] == ["1.0.0"]
    assert there("show", "rows:1.0.0", "--json").data["manifest"] == heads(git_project, "rows")[0]
    assert [row["version"] for row in there("list", "rows", "--json").data] == ["1.0.0"]
    answer = there("checkout", "rows", code=3)
    assert "not here" in answer.err and "`pacha pull` brings the bytes" in answer.err
    there("fsck")
    # The clone can work at once, and its commit follows what it cloned.
    there.commit("data/rows.csv", CSV + "3,4\n")
    assert len(heads(there, "rows")) == 1
    assert len(there("log", "rows", "--json").data) == 2


def test_bytes_come_by_pulling_as_the_hint_says(git_project: Project, tmp_path: Path) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    git_project("push", str(tmp_path / "remote"))
    there = clone(git_project)
    there("checkout", "rows", code=3)
    there("pull", str(tmp_path / "remote"))
    assert there.read("data/rows.csv").decode() == CSV
    assert there.git("status", "--porcelain") == ""
    assert len(heads(there, "rows")) == 1
    there("fsck")


def test_bytes_come_by_copying_packs(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    there = clone(git_project)
    there("checkout", "rows", code=3)
    shutil.copytree(git_project.path / PACKS, there.path / PACKS, dirs_exist_ok=True)
    there("checkout", "rows")
    assert there.read("data/rows.csv").decode() == CSV
    there("fsck")


def test_clean_and_stash_pass_bytes_and_drafts_by(git_project: Project, tmp_path: Path) -> None:
    git_project.commit("model.safetensors", big(1))
    save(git_project)
    git_project.write("model.safetensors", big(2))
    git_project("add", "model.safetensors")
    git_project.git("clean", "-xdfq")
    assert [item["staged"] for item in git_project("status", "--json").data["paths"]] == ["modified"]
    git_project("commit", "-m", "after clean")
    save(git_project)
    git_project.write("notes.txt", "x")
    git_project.write("model.safetensors", big(3))
    git_project("add", "model.safetensors")
    git_project.git("stash", "--all", "-q")
    assert not (git_project.path / "notes.txt").exists()
    git_project("commit", "-m", "after stash")
    for steps, seed in ((0, 3), (1, 2), (2, 1)):
        git_project("checkout", f"project~{steps}", "--to", str(tmp_path / str(seed)))
        assert (tmp_path / str(seed)).read_bytes() == big(seed)
    git_project("fsck")


def test_a_linked_work_tree_shares_bytes_and_has_its_own_drafts(git_project: Project) -> None:
    git_project.commit("model.safetensors", big(1))
    save(git_project)
    git_project.git("worktree", "add", "-q", "../linked", "-b", "other")
    linked = Project(git_project.path.parent / "linked")
    linked("checkout")
    assert linked.read("model.safetensors") == big(1)
    linked.write("model.safetensors", big(2))
    linked("add", "model.safetensors")
    assert [item["staged"] for item in git_project("status", "--json").data["paths"]] == [None]
    # Bytes that only the linked tree's draft names survive a gc of the main one.
    git_project("gc", "--prune=now")
    linked("commit", "-m", "in the linked tree")
    assert not (linked.path / ".pacha/objects/pack").exists() or not list(
        (linked.path / ".pacha/objects/pack").glob("*.pack")
    )
    save(linked)
    git_project("gc", "--prune=now")
    linked("verify", "project")
    linked("fsck")


def test_commit_all_takes_a_head_together_with_its_successor(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    first = heads(git_project, "rows")
    git_project.commit("data/rows.csv", CSV + "3,4\n")
    git_project.git("commit", "-qam", "all")
    there = clone(git_project)
    assert heads(there, "rows") == heads(git_project, "rows") != first
    assert git_project.git("status", "--porcelain", "--", ".pacha") == ""


def test_staging_can_be_turned_off(git_project: Project) -> None:
    git_project("config", "set", "--scope", "project", "git.stage", "false")
    git_project.commit("data/rows.csv", CSV)
    assert git_project.git("diff", "--cached", "--name-only", "--", ".pacha/objects") == ""
    assert len(git_project("status", "--json").data["untracked_meta"]) == 2


def test_gc_keeps_what_another_branch_names(git_project: Project) -> None:
    git_project.commit("model.safetensors", big(1))
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    git_project.commit("model.safetensors", big(2))
    save(git_project)
    git_project.git("switch", "-q", "main")
    git_project("checkout")
    assert git_project.read("model.safetensors") == big(1)
    git_project("gc", "--prune=now")
    git_project.git("switch", "-q", "branch")
    git_project("checkout")
    assert git_project.read("model.safetensors") == big(2)
    git_project("fsck")


def test_gc_keeps_what_a_stash_and_a_reflog_name(git_project: Project) -> None:
    git_project.commit("model.safetensors", big(1))
    save(git_project)
    git_project.commit("model.safetensors", big(2))
    git_project.git("stash", "-q")
    git_project("gc", "--prune=now")
    git_project.git("stash", "pop", "-q", "--index")
    git_project("verify", "project")
    save(git_project)
    git_project.git("reset", "-q", "--hard", "HEAD~1")
    git_project("gc", "--prune=now")
    git_project.git("reset", "-q", "--hard", "HEAD@{1}")
    git_project("verify", "project")


def test_gc_frees_what_nothing_names(git_project: Project) -> None:
    git_project.commit("model.safetensors", big(1))
    git_project.write("model.safetensors", big(2))
    git_project("add", "model.safetensors")
    git_project("reset")
    assert git_project("gc", "--prune=now", "--dry-run", "--json").data["trashed_bytes"] > 300_000
    git_project("gc", "--prune=now")
    git_project("gc", "--prune=now")
    left = sum(path.stat().st_size for path in (git_project.path / ".pacha").rglob("*") if path.is_file())
    assert left < 600_000
    git_project("verify", "project")


def test_gc_deletes_nothing_if_git_cannot_be_asked(git_project: Project, monkeypatch) -> None:
    git_project.commit("model.safetensors", big(1))
    git_project.write("model.safetensors", big(2))
    git_project("add", "model.safetensors")
    git_project("reset")
    monkeypatch.setenv("PATH", "/nowhere")
    answer = git_project("gc", "--prune=now", code=10)
    assert "git" in answer.err
    assert sum(1 for _ in (git_project.path / ".pacha/objects/pack").glob("*.pack")) == 2


def test_gc_deletes_nothing_while_a_linked_work_tree_cannot_be_asked(git_project: Project) -> None:
    git_project.git("worktree", "add", "-q", "../linked", "-b", "other")
    there = git_project.path.parent / "linked"
    linked = Project(there)
    linked.commit("registered.safetensors", big(1))
    linked.write("drafted.safetensors", big(2))
    linked("add", "drafted.safetensors")
    # A disk that is not mounted, or a folder that was moved by hand.
    away = there.rename(there.with_name("away"))
    answer = git_project("gc", "--prune=now", code=10)
    assert str(there) in answer.err and "git worktree prune" in answer.err
    assert git_project("gc", "--dry-run", code=10).err == answer.err
    away.rename(there)
    git_project("gc", "--prune=now")
    linked("commit", "-m", "drafted")
    linked("verify", "drafted")
    linked("verify", "registered")
    shutil.rmtree(there)
    git_project.git("worktree", "prune")
    assert git_project("gc", "--prune=now", "--json").data["trashed_bytes"] > 700_000


def test_a_linked_work_tree_whose_main_one_is_away_is_only_read(git_project: Project) -> None:
    git_project.commit("rows.csv", CSV)
    save(git_project)
    git_project.git("worktree", "add", "-q", "../linked", "-b", "other")
    linked = Project(git_project.path.parent / "linked")
    linked("checkout")
    away = git_project.path.rename(git_project.path.with_name("away"))
    linked("status")
    assert [row["artifact"] for row in linked("list", "--json").data] == ["data/rows"]
    linked.write("rows.csv", CSV + "3,4\n")
    for words in (["add", "rows.csv"], ["commit", "rows.csv", "-m", "x"], ["tag", "rows", "1.0.0"], ["gc"]):
        answer = linked(*words, code=10)
        assert "linked work tree" in answer.err and "git worktree repair" in answer.err
    # Bytes stored here would be out of sight once the main one is back.
    assert not list((linked.path / ".pacha/objects").rglob("*.pack"))
    away.rename(git_project.path)
    linked("commit", "rows.csv", "-m", "x")
    linked("verify", "rows")


def test_two_branches_that_each_commit_merge_without_conflict(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    git_project.commit("data/rows.csv", CSV + "branch,1\n")
    git_project("tag", "rows", "1.1.0")
    git_project.commit("models/fraud.safetensors", big(3))
    save(git_project)
    git_project.git("switch", "-q", "main")
    git_project("checkout")
    git_project.commit("data/rows.csv", CSV + "main,1\n")
    git_project("tag", "rows", "1.2.0")
    save(git_project)
    git_project.git("merge", "-q", "-m", "merge", "branch")
    assert len(heads(git_project, "rows")) == 2
    status = git_project("status", "--json").data
    assert status["unsettled"] == ["data/rows"]
    git_project("rev-parse", "rows:head", code=4)
    assert [row["version"] for row in git_project("list", "rows", "--json").data] == ["1.2.0", "1.1.0"]
    answer = git_project("resolve", code=4)
    assert "rows" in answer.out
    git_project("resolve", "rows", "--keep", "rows:1.1.0")
    assert len(heads(git_project, "rows")) == 1
    git_project("checkout")
    assert git_project.read("data/rows.csv") == (CSV + "branch,1\n").encode()
    assert git_project.read("models/fraud.safetensors") == big(3)
    git_project("resolve")
    git_project("fsck")
    save(git_project)
    assert len(git_project("log", "rows", "--json").data) == 4


def test_the_same_version_of_the_same_thing_on_two_branches_agrees(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    git_project("tag", "rows", "1.0.0")
    save(git_project, "tag on branch")
    git_project.git("switch", "-q", "main")
    git_project("tag", "rows", "1.0.0")
    save(git_project, "tag on main")
    git_project.git("merge", "-q", "-m", "merge", "branch")
    git_project("fsck")
    assert git_project("resolve").out == "nothing is unsettled\n"


def test_the_same_version_of_two_things_is_a_conflict_that_resolve_settles(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    theirs = git_project.commit("data/rows.csv", CSV + "branch,1\n")
    git_project("tag", "rows", "1.0.0")
    save(git_project)
    git_project.git("switch", "-q", "main")
    git_project("checkout")
    git_project.commit("data/rows.csv", CSV + "main,1\n")
    git_project("tag", "rows", "1.0.0")
    save(git_project)
    git_project.git("merge", "-q", "-m", "merge", "branch", code=1)
    answer = git_project("resolve", code=4)
    assert "1.0.0" in answer.out
    answer = git_project("show", "rows:1.0.0", code=4)
    assert "resolve" in answer.err
    assert git_project("fsck", code=5).out.count("refConflictMarkers") == 1
    git_project("resolve", "rows", "--keep", f"manifest:{theirs}")
    assert git_project("resolve").out == "nothing is unsettled\n"
    assert git_project("show", "rows:1.0.0", "--json").data["manifest"] == theirs
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "merged")
    git_project("fsck")


def test_a_superseded_head_that_comes_back_changes_no_answer(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    old = git_project.git("ls-files", ".pacha/refs/heads").splitlines()
    content = git_project.read(old[0])
    second = git_project.commit("data/rows.csv", CSV + "3,4\n")
    save(git_project)
    git_project.write(old[0], content)
    assert heads(git_project, "rows") == [second]
    git_project("rev-parse", "rows:head")
    git_project("fsck")
    third = git_project.commit("data/rows.csv", CSV + "5,6\n")
    assert heads(git_project, "rows") == [third]


def test_autocrlf_changes_no_byte(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    there = clone(git_project, "crlf", "-c", "core.autocrlf=true", "-c", "core.eol=crlf")
    there("fsck")
    there("show", "rows")
    there.git("config", "core.autocrlf", "true")
    there.commit("data/rows.csv", CSV + "3,4\n")
    save(there)
    again = clone(there, "again")
    again("fsck")
    assert heads(again, "rows") == heads(there, "rows")


def test_a_switch_is_told_as_behind_and_add_refuses_to_undo(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    git_project.commit("data/rows.csv", CSV + "3,4\n")
    save(git_project)
    git_project("checkout", "rows~1")
    status = git_project("status", "--json").data["paths"][0]
    assert status["state"] == "behind"
    assert "head" in git_project("add", "data/rows.csv", code=4).err
    git_project("checkout")
    assert git_project("status", "--json").data["paths"][0]["state"] == "clean"
    git_project.write("data/rows.csv", "own,work\n1,2\n")
    assert git_project("status", "--json").data["paths"][0]["state"] == "modified"
    assert "not committed" in git_project("checkout", code=4).err
    assert git_project.read("data/rows.csv") == b"own,work\n1,2\n"
    git_project("checkout", "--force")
    assert git_project.read("data/rows.csv") == (CSV + "3,4\n").encode()


def test_after_a_switch_the_next_commit_follows_this_checkouts_head(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    first = heads(git_project, "rows")[0]
    git_project.git("switch", "-qc", "branch")
    git_project.commit("data/rows.csv", CSV + "branch,1\n")
    save(git_project)
    git_project.git("switch", "-q", "main")
    git_project.write("data/rows.csv", CSV + "main,1\n")
    answer = git_project("add", "data/rows.csv")
    assert "not in this checkout" in answer.err
    git_project("commit", "-m", "on main")
    assert len(heads(git_project, "rows")) == 1
    assert [row["manifest"] for row in git_project("log", "rows", "--json").data][1] == first


def test_a_draft_from_before_a_switch_follows_this_checkouts_head(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    git_project.commit("data/rows.csv", CSV + "branch,1\n")
    save(git_project)
    git_project.write("data/rows.csv", CSV + "next,1\n")
    git_project("add", "data/rows.csv")
    git_project.git("switch", "-q", "main")
    assert "not in this checkout" in git_project("commit", "-m", "on main").err
    assert len(heads(git_project, "rows")) == 1
    git_project("fsck")


def test_add_writes_a_marked_block_and_leaves_what_git_tracks(git_project: Project) -> None:
    git_project.write(".gitignore", "*.pyc\n")
    git_project.write("tracked.csv", CSV)
    save(git_project)
    git_project.write("new [1].csv", CSV)
    answer = git_project("add", "tracked.csv", "new [1].csv")
    assert "git rm --cached tracked.csv" in answer.err
    text = git_project.read(".gitignore").decode()
    assert text.startswith("*.pyc\n") and "tracked.csv" not in text
    assert git_project.git("status", "--porcelain", "--", "new [1].csv") == ""
    git_project("add", "new [1].csv")
    assert git_project.read(".gitignore").decode() == text


def test_a_store_that_git_tracks_or_that_a_clone_brought_is_refused(git_project: Project) -> None:
    git_project.commit("data/rows.csv", CSV)
    save(git_project)
    hostile = clone(git_project, "hostile")
    shutil.copytree(
        git_project.path / ".pacha/objects/pack",
        hostile.path / ".pacha/objects/pack",
        ignore=shutil.ignore_patterns(".git"),
    )
    answer = hostile("status", code=6)
    assert "rm -r" in answer.err
    shutil.rmtree(hostile.path / ".pacha/objects/pack")
    (hostile.path / ".pacha/local").mkdir()
    assert hostile("list", code=6).err
    shutil.rmtree(hostile.path / ".pacha/local")
    hostile("list")
    hostile.commit("data/other.csv", CSV)
    hostile.write(".pacha/local/x", "1")
    hostile.git(
        "update-index",
        "--add",
        "--cacheinfo",
        f"100644,{hostile.git('hash-object', '-w', '.pacha/local/x').strip()},.pacha/local/x",
    )
    assert "Git tracks" in hostile("list", code=6).err


def test_hooks_and_the_monitor_are_never_run(git_project: Project) -> None:
    canary = git_project.path.parent / "canary"
    script = f"#!/bin/sh\ntouch {canary}\n"
    for name in ("pre-commit", "post-index-change", "fsmonitor-watchman"):
        hook = git_project.write(f".git/hooks/{name}", script)
        hook.chmod(0o755)
    git_project.git("config", "core.fsmonitor", str(git_project.path / ".git/hooks/fsmonitor-watchman"))
    git_project.git("config", "core.pager", f"touch {canary}")
    git_project.commit("data/rows.csv", CSV)
    git_project("status")
    git_project("gc", "--prune=now")
    git_project("fsck")
    assert not canary.exists()
    # The trap itself works: plain git springs it.
    git_project.git("add", "-A")
    assert canary.exists()


def test_a_bare_repository_with_linked_work_trees(make_project, tmp_path: Path) -> None:
    origin = make_project("origin", git=True)
    origin.git("commit", "-qm", "init")
    origin.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    bare = Project(tmp_path / "bare.git")
    bare.git("worktree", "add", "-q", str(tmp_path / "one"), "-b", "one")
    bare.git("worktree", "add", "-q", str(tmp_path / "two"), "-b", "two")
    one, two = Project(tmp_path / "one"), Project(tmp_path / "two")
    one.commit("model.safetensors", big(1))
    save(one)
    two.git("merge", "-q", "one")
    two("checkout")
    assert two.read("model.safetensors") == big(1)
    two.write("model.safetensors", big(2))
    two("add", "model.safetensors")
    one("gc", "--prune=now")
    two("commit", "-m", "two")
    two("verify", "one", code=None)
    two("fsck")


def test_a_project_below_the_top_of_the_git_repository(tmp_path: Path) -> None:
    top = Project(tmp_path)
    top.git("init", "-q", ".")
    inner = Project(tmp_path / "ml/fraud")
    inner.path.mkdir(parents=True)
    inner("init")
    inner.commit("data/rows.csv", CSV)
    tracked = top.git("ls-files").splitlines()
    assert any(path.startswith("ml/fraud/.pacha/objects/manifest/") for path in tracked)
    assert inner("status", "--json").data["untracked_meta"] == []
    inner("gc", "--prune=now")
    inner("verify", "rows")


def test_what_a_dead_process_left_is_told_to_git_too(git_project: Project, monkeypatch) -> None:
    """Else `git commit -a` would record that the old head is gone, and not what follows it."""
    git_project.commit("data/rows.csv", CSV)
    save(git_project)

    def die(self: Session) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "_tell_git", die)
        patch.setattr(Writer, "close", lambda self: None)
        git_project.write("data/rows.csv", CSV + "3,4\n")
        git_project("commit", "data/rows.csv", "-m", "second", code=70)
    for path in (git_project.path / ".pacha/local/inflight").iterdir():
        body = re.sub(rb'"pid":[0-9]+', b'"pid":999999', path.read_bytes().partition(b"\n")[0].partition(b" ")[2])
        lines = path.read_bytes().split(b"\n")
        lines[0] = hash_bytes(body).hex[:32].encode() + b" " + body
        path.write_bytes(b"\n".join(lines))
    git_project.write("other.csv", CSV)
    git_project("add", "other.csv")
    assert git_project("status", "--json").data["untracked_meta"] == []
    git_project.git("commit", "-qam", "all")
    there = clone(git_project)
    assert heads(there, "rows") == heads(git_project, "rows")
    assert len(there("log", "rows", "--json").data) == 2
