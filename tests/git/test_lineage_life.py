"""Lineage inside Git: a clone without bytes answers, and a switch of branches changes what is here."""

from pacha.base.ids import ObjectId
from tests.conftest import Project
from tests.git.test_git_life import clone, save
from tests.registered import register, story


def told(project: Project, *words: str) -> str:
    return project("lineage", *words, "--json").out


def test_a_clone_without_bytes_answers_lineage(git_project: Project) -> None:
    story(git_project)
    save(git_project)
    there = clone(git_project)
    for words in (["fraud:1.2.0"], ["data/users:3", "--impact"], ["--between", "users:3.1.0", "tiny:0.2.0"]):
        assert told(there, *words) == told(git_project, *words)
    assert (
        there("lineage", "fraud:1.2.0", "--format", "svg").out
        == git_project("lineage", "fraud:1.2.0", "--format", "svg").out
    )


def test_a_switch_changes_what_is_here(git_project: Project) -> None:
    users = register(git_project, "data/users:1.0.0")
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    register(git_project, "model/fraud:1.0.0", [("trained_on", users)], stage="production")
    save(git_project)
    assert "model/fraud:1.0.0" in git_project("lineage", "users", "--impact").out
    git_project.git("switch", "-q", "main")
    assert git_project("lineage", "users", "--impact").out == ""
    assert "fraud" not in git_project("lineage", "users:1.0.0").out
    git_project.git("switch", "-q", "branch")
    assert "model/fraud:1.0.0" in git_project("lineage", "users:1.0.0", "--down").out


def test_a_parent_that_another_branch_has_is_not_here(git_project: Project) -> None:
    register(git_project, "data/users:1.0.0")
    save(git_project)
    git_project.git("switch", "-qc", "branch")
    other = register(git_project, "data/other:1.0.0")
    save(git_project)
    git_project.git("switch", "-q", "main")
    model = register(git_project, "model/fraud:1.0.0", [("trained_on", other)])
    assert f"manifest:{other.hex[:8]}  (not in this checkout)" in git_project("lineage", "fraud:1.0.0").out
    save(git_project)
    git_project.git("merge", "-q", "-m", "merge", "branch")
    assert "trained_on  data/other:1.0.0" in git_project("lineage", f"manifest:{ObjectId(model.raw)}").out
