"""`pacha changes` over real Git repositories: what is told, what is shouted, and what a stranger's META can do to it."""

import json
import random
import shutil
from pathlib import Path

import pytest

from pacha.cli.changes_markdown import COMMENT_BYTES_MAX, MARKER, code, markdown_of
from pacha.objects.attestation import Attestation, Signature
from pacha.porcelain.changes import changes
from pacha.repo.git import Git
from tests.conftest import Project
from tests.git.writing import move_stage, publish

CSV = "a,b\n1,2\n"


def big(seed: int) -> bytes:
    return random.Random(seed).randbytes(100_000)


def save(project: Project, message: str = "save") -> None:
    project.git("add", "-A")
    project.git("commit", "-qm", message, "--allow-empty")


def clone(project: Project, name: str = "clone", *words: str) -> Project:
    target = project.path.parent / name
    project.git("clone", "-q", *words, f"file://{project.path}", str(target))
    return Project(target)


def told(project: Project, *words: str) -> dict[str, dict]:  # type: ignore[type-arg]
    return {item["artifact"]: item for item in project("changes", *words, "--json").data["artifacts"]}


@pytest.fixture
def story(git_project: Project) -> Project:
    """A base with a model, its data and a version in production; a branch with the next version of both."""
    users = publish(git_project, "users.csv", CSV, "1.0.0", card={"features": {"a": {"dtype": "Int64"}}})
    publish(
        git_project, "fraud.safetensors", big(1), "1.0.0",
        card={"metrics": {"auc": 0.91, "f1": 0.5}, "license": "mit"}, facts={"parameters": 10},
        parents=[("trained_on", users)],
    )  # fmt: skip
    move_stage(git_project, "model/fraud", "1.0.0", ("staging", "production"))
    save(git_project, "base")
    git_project.git("switch", "-qc", "feature")
    more = publish(
        git_project, "users.csv", CSV + "3,4\n", "2.0.0",
        card={"features": {"a": {"dtype": "Float64"}, "b": {"dtype": "String", "nullable": True}}},
    )  # fmt: skip
    publish(
        git_project, "fraud.safetensors", big(2), "1.1.0",
        card={"metrics": {"auc": 0.93, "loss": "NaN"}, "license": "apache-2.0"}, facts={"parameters": 12},
        parents=[("trained_on", more)], message="retrained",
    )  # fmt: skip
    move_stage(
        git_project, "model/fraud", "1.1.0", ("staging", "production"), reason="auc is better",
        displaced=[("1.0.0", "staging")],
    )  # fmt: skip
    return git_project


def test_a_branch_is_told_as_a_reviewer_asks(story: Project) -> None:
    found = told(story)
    assert sorted(found) == ["data/users", "model/fraud"]
    (model,) = found["model/fraud"]["published"]
    assert (model["version"], model["before"]["version"], model["message"]) == ("1.1.0", "1.0.0", "retrained")
    metrics = {item["name"]: item for item in model["metrics"]}
    assert metrics["auc"]["before"] == 0.91 and metrics["auc"]["after"] == 0.93
    assert metrics["auc"]["delta"] == pytest.approx(0.02)
    assert metrics["f1"] == {"name": "f1", "before": 0.5, "after": None, "delta": None}
    assert metrics["loss"] == {"name": "loss", "before": None, "after": "NaN", "delta": None}
    assert sorted((item["role"], item["change"], item["name"]) for item in model["parents"]) == [
        ("trained_on", "added", "data/users:2.0.0"),
        ("trained_on", "removed", "data/users:1.0.0"),
    ]
    assert [(item["name"], item["before"], item["after"]) for item in model["card"]] == [
        ("license", "mit", "apache-2.0")
    ]
    assert [(item["name"], item["before"], item["after"]) for item in model["facts"]] == [("parameters", 10, 12)]
    assert model["size_before"] == model["size"] == model["new_bytes"] == 100_000
    (data,) = found["data/users"]["published"]
    assert [(item["name"], item["change"], item["after"]) for item in data["columns"]] == [
        ("a", "retyped", "Float64"),
        ("b", "added", "String?"),
    ]
    (move,) = found["model/fraud"]["moves"]
    assert (move["number"], move["reason"]) == (2, "auc is better")
    assert move["displaced"] == [{"version": "1.0.0", "to_stage": "staging"}]
    text = story("changes").out
    for words in ("1.1.0  after 1.0.0", "+0.02", "unsigned", "1.0.0 now staging", "auc is better", "2 new versions"):
        assert words in text


def test_it_counts_before_it_is_committed_to_git_and_after(story: Project) -> None:
    before = story("changes", "--json").data
    save(story, "feature")
    assert story("changes", "--json").data == before
    assert told(story, "HEAD") == {}
    assert story("changes", "HEAD", "--exit-code").code == 0
    assert story("changes", "main", "--exit-code", code=1).code == 1


def test_a_fresh_clone_without_bytes_says_the_same(story: Project) -> None:
    save(story, "feature")
    there = clone(story, "clone", "--branch", "feature")
    assert not list((there.path / ".pacha").glob("objects/pack/*.pack"))
    assert told(there, "origin/main") == told(story, "main")
    assert there("changes", "--json").data["base"]["text"].startswith("the merge base with origin/")


def test_writes_nothing(story: Project) -> None:
    save(story)
    before = {path: path.stat().st_mtime_ns for path in (story.path / ".git").rglob("*")}
    story("changes", "--markdown")
    assert {path: path.stat().st_mtime_ns for path in (story.path / ".git").rglob("*")} == before
    assert story.git("status", "--porcelain") == ""


def test_a_shallow_clone_is_told_what_to_fetch(story: Project) -> None:
    save(story, "feature")
    story.git("switch", "-q", "main")
    there = clone(story, "shallow", "--depth", "1", "--branch", "feature")
    for words in ((), ("main",), ("HEAD~1",)):
        answer = there("changes", *words, code=3)
        assert "shallow clone" in answer.err and "fetch-depth: 0" in answer.err


def test_without_a_default_branch_the_error_says_what_to_type(story: Project) -> None:
    story.git("branch", "-m", "main", "trunk")
    answer = story("changes", code=2)
    assert "origin/HEAD, origin/main, origin/master, main, master" in answer.err
    assert "pacha changes HEAD~1" in answer.err
    assert sorted(told(story, "trunk")) == ["data/users", "model/fraud"]


def test_outside_git_and_before_the_first_commit_there_is_nothing_to_compare_with(
    project: Project, tmp_path: Path
) -> None:
    assert "not in a Git repository" in project("changes", code=2).err
    other = Project(tmp_path / "unborn")
    other.path.mkdir()
    other.git("init", "-q", ".")
    other("init")
    assert "no commit yet" in other("changes", code=3).err


def test_a_base_without_a_registry_makes_everything_new(tmp_path: Path) -> None:
    project = Project(tmp_path / "late")
    project.path.mkdir()
    project.git("init", "-q", ".")
    project.git("commit", "-qm", "empty", "--allow-empty")
    project("init")
    project.commit("rows.csv", CSV)
    item = told(project, "HEAD")["data/rows"]
    assert item["is_new"] and item["published"][0]["version"] is None and item["published"][0]["before"] is None


@pytest.mark.parametrize(
    "name", ["--output=/tmp/x", "-h", "--git-dir=/tmp", "", "...", "a b", "x" * 5000, "HEAD\n", "\x00"]
)
def test_a_revision_that_looks_like_an_option_is_only_a_name(story: Project, name: str) -> None:
    answer = story("changes", "--", name, code=3)
    assert "Git knows no commit" in answer.err
    git = story.workspace().repository.git
    assert git is not None and git.find_commit(name) is None


def test_three_dots_mean_where_the_lines_parted(story: Project) -> None:
    save(story, "feature")
    story.git("switch", "-q", "main")
    publish(story, "other.csv", "x\n1\n", "3.0.0")
    save(story, "main goes on")
    story.git("switch", "-q", "feature")
    assert "data/other" not in told(story, "main...")
    (gone,) = told(story, "main")["data/other"]["removed"][:1]
    assert gone["what"] == "version" and gone["name"] == "data/other:3.0.0"


def test_merging_main_into_a_branch_tells_only_what_the_branch_adds(story: Project) -> None:
    save(story, "feature")
    story.git("switch", "-q", "main")
    publish(story, "other.csv", "x\n1\n", "3.0.0")
    save(story, "main goes on")
    story.git("switch", "-q", "feature")
    story.git("merge", "-q", "--no-edit", "main")
    assert sorted(told(story)) == sorted(told(story, "main")) == ["data/users", "model/fraud"]


def test_what_the_base_has_and_this_checkout_lacks_is_loud(story: Project) -> None:
    save(story, "feature")
    shutil.rmtree(story.path / ".pacha/refs/versions/model/fraud")
    shutil.rmtree(story.path / ".pacha/refs/heads/model/fraud")
    shutil.rmtree(story.path / ".pacha/refs/stages/model/fraud")
    found = told(story, "HEAD")["model/fraud"]["removed"]
    assert sorted(item["what"] for item in found) == [
        "head", "stage move", "stage move", "version", "version",
    ]  # fmt: skip
    for words in (("changes", "HEAD"), ("changes", "HEAD", "--markdown")):
        assert "removed version" in story(*words).out


def test_a_superseded_head_is_not_a_loss(story: Project) -> None:
    save(story, "feature")
    story.commit("users.csv", CSV + "5,6\n")
    item = told(story, "HEAD")["data/users"]
    assert item["removed"] == [] and item["published"][0]["before"]["version"] is None


def test_a_version_that_names_another_manifest_is_loud(story: Project) -> None:
    save(story, "feature")
    refs = story.path / ".pacha/refs/versions/model/fraud"
    (refs / "1.0.0").unlink()
    story("tag", "fraud", "1.0.0", "--at", "fraud:1.1.0")
    (gone,) = told(story, "HEAD")["model/fraud"]["removed"]
    assert "a version never changes" in gone["reason"]


def test_a_renamed_artifact_is_told_as_gone_and_as_the_same_content(git_project: Project) -> None:
    git_project.commit("fraud.safetensors", big(1))
    save(git_project)
    shutil.rmtree(git_project.path / ".pacha/refs/heads/model/fraud")
    (git_project.path / "scam.safetensors").write_bytes(big(1))
    git_project("commit", "scam.safetensors", "-m", "renamed")
    found = told(git_project, "HEAD")
    assert found["model/fraud"]["removed"][0]["what"] == "head"
    (item,) = found["model/scam"]["published"]
    assert item["same_content_as"] == "model/fraud" and item["new_bytes"] == 0


def test_new_bytes_are_those_of_files_that_no_manifest_of_the_base_lists(git_project: Project) -> None:
    for name, seed in (("one.bin", 1), ("two.bin", 2)):
        git_project.write(f"net/{name}", big(seed))
    git_project("add", "net", "--kind", "model")
    git_project("commit", "-m", "first")
    save(git_project)
    git_project.write("net/two.bin", big(3))
    git_project.write("net/three.bin", big(3))
    git_project("add", "net")
    git_project("commit", "-m", "second")
    git_project.write("copy.safetensors", big(3))
    git_project("commit", "copy.safetensors", "-m", "a copy")
    data = git_project("changes", "--json").data
    found = {item["artifact"]: item["published"][0] for item in data["artifacts"]}
    assert (found["model/net"]["size_before"], found["model/net"]["size"]) == (200_000, 300_000)
    assert found["model/net"]["new_bytes"] == found["model/copy"]["new_bytes"] == data["new_bytes"] == 100_000


def test_too_many_files_are_said_to_be_too_many(git_project: Project) -> None:
    for number in range(70):
        git_project.write(f"many/{number}.csv", f"a\n{number}\n")
    git_project("add", "many", "--kind", "data")
    git_project("commit", "-m", "first")
    data = git_project("changes", "--json").data
    assert data["artifacts"][0]["published"][0]["new_bytes"] is None and data["unlisted"] == 1
    assert "too many files" in git_project("changes").out


def test_conflict_markers_and_forks_are_problems_and_the_rest_is_told(story: Project) -> None:
    save(story, "feature")
    story.git("switch", "-qc", "left")
    story.commit("users.csv", CSV + "7,1\n", "--tag", "3.0.0")
    move_stage(story, "data/users", "3.0.0", ("development", "staging"))
    save(story, "left")
    story.git("switch", "-q", "feature")
    story("checkout", "--force")
    story.git("switch", "-qc", "right")
    story.commit("users.csv", CSV + "5,1\n", "--tag", "3.0.0")
    move_stage(story, "data/users", "3.0.0", ("development", "archived"))
    story.commit("extra.csv", "x\n1\n")
    save(story, "right")
    story.git("merge", "-q", "left", code=1)
    answer = story("changes", "feature", "--json")
    found = {item["artifact"]: item for item in answer.data["artifacts"]}
    assert "data/extra" in found
    problems = " ".join(found["data/users"]["problems"])
    assert "conflict markers" in problems and "2 heads" in problems
    assert "conflict markers" in story("changes", "feature", "--markdown").out


def test_a_stage_log_that_does_not_fit_together_is_a_problem(story: Project) -> None:
    save(story, "feature")
    stages = story.path / ".pacha/refs/stages/model/fraud"
    (stages / "00000002").rename(stages / "00000003")
    problems = told(story, "HEAD")["model/fraud"]["problems"]
    assert any("another move" in problem for problem in problems)


def forge(project: Project, damage: str) -> None:
    """Commits a base whose META a stranger has made."""
    folder = project.path / ".pacha"
    manifest = next((folder / "objects/manifest").rglob("*.json"))
    tag = next((folder / "objects/tag").rglob("*.json"))
    version = next((folder / "refs/versions/model").rglob("1.0.0"))
    head = next(path for path in (folder / "refs/heads/model").rglob("*") if path.is_file())
    if damage == "bytes":
        manifest.write_text(manifest.read_text().replace("Ada", "Eve"))
        tag.write_text("{}")
    elif damage == "link":
        manifest.unlink()
        manifest.symlink_to("/etc/passwd")
        version.unlink()
        version.symlink_to("/etc/passwd")
    elif damage == "huge":
        manifest.write_bytes(b"[" * 2_000_000)
        version.write_bytes(b"x" * 10_000)
    elif damage == "deep":
        tag.write_bytes(b"[" * 100_000)
    elif damage == "names":
        for name in ("refs/heads/model/CON", "refs/heads/model/--x", "refs/versions/nokind/x/1.0.0", "refs/a"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("manifest:" + "0" * 64 + "\n")
    elif damage == "gone":
        shutil.rmtree(folder / "objects")
    elif damage == "crossed":
        version.write_text(head.read_text())


@pytest.mark.parametrize("damage", ["bytes", "link", "huge", "deep", "names", "gone", "crossed"])
def test_forged_meta_at_the_base_is_a_problem_never_a_crash(story: Project, damage: str) -> None:
    save(story, "feature")
    story.git("switch", "-qc", "evil", "main")
    forge(story, damage)
    save(story, "evil")
    story.git("switch", "-q", "-f", "feature")
    answer = story("changes", "evil", "--json")
    assert {item["artifact"] for item in answer.data["artifacts"]} >= {"data/users", "model/fraud"}
    story("changes", "evil", "--markdown")
    if damage not in ("names",):
        assert any(problem.startswith("at the base: ") for problem in answer.data["problems"])


def test_forged_meta_in_this_checkout_is_a_problem_never_a_crash(story: Project) -> None:
    save(story, "feature")
    for damage in ("bytes", "link", "huge", "deep", "names", "gone"):
        story.git("checkout", "-q", "-f", "feature")
        forge(story, damage)
        answer = story("changes", "main", code=None)
        assert answer.code == 0, f"{damage}: {answer.err}"


def test_a_base_of_a_newer_format_is_refused(story: Project) -> None:
    save(story, "feature")
    story.git("switch", "-qc", "newer")
    (story.path / ".pacha/format").write_text("pacha 2\nid " + "0" * 32 + "\n")
    save(story, "newer")
    story.git("switch", "-q", "feature")
    assert "has format 2" in story("changes", "newer", code=9).err


def test_signers_are_told_as_claims(story: Project) -> None:
    workspace = story.workspace()
    manifest = workspace.catalog.heads(workspace.catalog.find("fraud"))[0]
    with workspace.session() as session:
        signed = Attestation(
            payload_type="text/plain", payload=b"{}", signatures=(Signature(keyid="ada`|key", sig=b"x"),)
        )
        link = session.put("attestation", signed)
        session.settle()
    workspace.close()
    path = story.path / f".pacha/refs/attestations/{manifest}/{link.id}"
    path.parent.mkdir(parents=True)
    path.write_text(f"{link}\n")
    (item,) = told(story)["model/fraud"]["published"]
    assert (item["attestations"], item["signers"]) == (1, ["ada`|key"])
    assert "`signed by ada'¦key (not verified here)`" in story("changes", "--markdown").out


NASTY = "x | y `code` <script>alert(1)</script> @everyone #1 https://evil.example [a](b) ![p](q) \\| \x1b[31m\nnext |"


def outside_spans(line: str) -> str:
    return "".join(line.split("`")[0::2])


def test_a_comment_takes_a_strangers_text_for_text(git_project: Project) -> None:
    publish(
        git_project, "rows.csv", CSV, "1.0.0", message=NASTY,
        card={"metrics": {NASTY: NASTY}, NASTY: [NASTY], "features": {NASTY: {"dtype": NASTY}}},
    )  # fmt: skip
    text = git_project("changes", "--markdown").out
    assert text.splitlines()[0] == MARKER
    for line in text.splitlines()[1:]:
        outside = outside_spans(line)
        assert line.count("`") % 2 == 0
        assert not any(bad in outside for bad in ("<", "@", "http", "[", "alert", "\x1b"))
        if line.startswith("|"):
            assert line.count("|") == 5, line


def test_a_text_outside_a_code_span_would_be_found() -> None:
    assert "<" in outside_spans("a <b> `c`") and "<" not in outside_spans("a `<b>` c")
    assert code("`" * 3 + "|") == "`'''¦`" and code("  ") == "" and "\n" not in code("a\n\nb")


def test_a_comment_fits_and_says_what_was_left_out(git_project: Project) -> None:
    card = {"metrics": {f"metric-{number}": number for number in range(300)}}
    for number in range(24):
        publish(git_project, f"set{number}.csv", f"a\n{number}\n", "1.0.0", card=card, message="ü" * 3000)
    text = git_project("changes", "--markdown").out
    assert len(text.encode()) <= COMMENT_BYTES_MAX
    assert "left out" in text and "… and 241 more" in text
    workspace = git_project.workspace()
    whole = markdown_of(changes(workspace))
    workspace.close()
    assert len(whole.encode()) <= COMMENT_BYTES_MAX


def test_markdown_and_json_exclude_each_other(story: Project) -> None:
    assert "exclude" in story("changes", "--markdown", "--json", code=2).err


def test_the_project_may_lie_below_the_top_of_its_git_repository(tmp_path: Path) -> None:
    top = tmp_path / "mono"
    (top / "ml").mkdir(parents=True)
    Project(top).git("init", "-q", ".")
    project = Project(top / "ml")
    project("init")
    project.commit("rows.csv", CSV)
    Project(top).git("add", "-A")
    Project(top).git("commit", "-qm", "one")
    project.commit("rows.csv", CSV + "3,4\n", "--tag", "1.0.0")
    (item,) = told(project)["data/rows"]["published"]
    assert item["version"] == "1.0.0" and item["before"] is not None


def test_blobs_are_asked_for_in_bounded_questions(story: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    read = Git.read_blobs

    def counted(self: Git, blobs: list[str]):  # type: ignore[no-untyped-def]
        asked.append(len(blobs))
        return read(self, blobs)

    monkeypatch.setattr(Git, "read_blobs", counted)
    monkeypatch.setattr("pacha.registry.committed.BLOBS_PER_QUESTION", 3)
    whole = story("changes", "--json").data
    assert max(asked) == 3
    monkeypatch.undo()
    assert json.dumps(whole) == json.dumps(story("changes", "--json").data)
