"""`pacha search` end to end: what is found, in which order, what is told of what cannot be read."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pacha.base.canonical import decode_lines, encode_lines
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.owner import Owner
from pacha.index.columns import MEMBERS_MAX
from pacha.objects.types import Link
from pacha.porcelain.search import SearchResult, search
from pacha.refs.names import RefName
from pacha.refs.transaction import Transaction, Writer, encode_transaction
from pacha.registry.query import BadQuery
from pacha.store.meta import meta_path
from tests.conftest import Project


def described(project: Project, card: dict[str, Any], *, name: str = "rows") -> ObjectId:
    """Commits, and puts a copy with a card in the head's place, as a command line with cards would write it."""
    folder = project.path / f".pacha/refs/heads/data/{name}"
    before = [path.name for path in folder.glob("*")]
    made = project.commit(f"{name}.csv", f"a,b\n{os.urandom(8).hex()},1\n")
    value = decode_lines((project.path / ".pacha" / meta_path(Link("manifest", ObjectId.parse(made)))).read_bytes())
    assert isinstance(value, dict)
    value.pop("parents", None)
    parents = {"parents": [{"role": "previous", "manifest": f"manifest:{before[0]}"}]} if before else {}
    raw = encode_lines({**value, **parents, "card": card})
    link = Link("manifest", hash_bytes(raw))
    path = project.path / ".pacha" / meta_path(link)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    for old in folder.iterdir():
        old.unlink()
    (folder / link.id.hex).write_text(f"{link}\n")
    return link.id


def ask(project: Project, text: str = "", **options: Any) -> SearchResult:
    workspace = project.workspace()
    try:
        return search(workspace, text, **options)
    finally:
        workspace.close()


def versions(result: SearchResult) -> list[str | None]:
    return [row.version for row in result.rows]


@pytest.fixture
def scored(project: Project) -> Project:
    """Versions 1.0.0 to 6.0.0 of one artifact, with metrics that are numbers, no numbers and none."""
    for turn, auc in enumerate([0.9, "NaN", 0.95, None, "Infinity", 0.9], start=1):
        described(project, {"metrics": {"auc": auc}} if auc is not None else {"license": "mit"})
        project("tag", "rows", f"{turn}.0.0")
    return project


def test_the_query_of_the_promise(project: Project) -> None:
    described(project, {"metrics": {"auc": 0.93}}, name="fraud-rows")
    project("tag", "fraud-rows", "1.0.0")
    described(project, {"metrics": {"auc": 0.95}}, name="fraud-rows")
    assert versions(ask(project, 'kind=data stage=development metrics.auc>0.9 name~"FRAUD"')) == ["1.0.0"]
    found = ask(project, "metrics.auc>0.9")
    assert versions(found) == [None, "1.0.0"]
    assert [row.fields for row in found.rows] == [{"metrics.auc": 0.95}, {"metrics.auc": 0.93}]
    assert [row.stage for row in found.rows] == [None, "development"]
    assert [row.head for row in found.rows] == [True, False]


def test_without_a_query_everything_is_listed_as_list_lists_it(scored: Project) -> None:
    found = ask(scored)
    assert versions(found) == [row["version"] for row in scored("list", "rows", "--json").data]
    assert found.total == 6 and found.rows[0].head


def test_what_is_no_number_is_never_best(scored: Project) -> None:
    down = ask(scored, sort=["metrics.auc:desc"], fields=["metrics.auc"])
    assert versions(down) == ["5.0.0", "3.0.0", "6.0.0", "1.0.0", "4.0.0", "2.0.0"]
    up = ask(scored, sort=["metrics.auc"], fields=["metrics.auc"])
    assert versions(up) == ["6.0.0", "1.0.0", "3.0.0", "5.0.0", "4.0.0", "2.0.0"]
    assert versions(ask(scored, sort=["metrics.auc", "version:asc"]))[:2] == ["1.0.0", "6.0.0"]
    assert versions(ask(scored, "metrics.auc>0.9")) == ["5.0.0", "3.0.0"]


def test_a_limit_leaves_the_total_alone(scored: Project) -> None:
    found = ask(scored, limit=2)
    assert versions(found) == ["6.0.0", "5.0.0"] and found.total == 6
    assert ask(scored, limit=0).rows == ()


def test_versions_are_sorted_as_versions(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    for version in ("1.10.0", "1.2.0", "1.2.0-rc.10", "1.2.0-rc.2"):
        project("tag", "rows", version)
    assert versions(ask(project, sort=["version"])) == ["1.2.0-rc.2", "1.2.0-rc.10", "1.2.0", "1.10.0"]


def test_a_field_that_nobody_has_is_an_error_or_a_note(scored: Project) -> None:
    with pytest.raises(BadQuery, match="no version here has a field stge") as caught:
        ask(scored, "x or stge=production")
    assert caught.value.position == 5 and "stage" in str(caught.value.hint)
    found = ask(scored, "metrics.acu>0.5")
    assert found.total == 0 and found.notes == ("no version here has metrics.acu; did you mean metrics.auc?",)
    with pytest.raises(BadQuery, match="no version here has a field versoin"):
        ask(scored, sort=["versoin"])


def test_a_stage_that_there_is_not_is_told(scored: Project) -> None:
    assert ask(scored, "stage=prod or stage!=Yanked").notes == ()
    found = ask(scored, "stage=prodution")
    assert found.total == 0 and found.notes[0].startswith("there is no stage prodution; stages are development, ")


def test_where_nothing_is_registered_no_field_is_wrong(project: Project) -> None:
    assert ask(project, "anything>1").total == 0


def test_a_field_of_another_branch_is_not_here(git_project: Project) -> None:
    """The cache may know it; the answer does not."""
    described(git_project, {"license": "mit"})
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "one")
    git_project.git("checkout", "-qb", "side")
    described(git_project, {"team": "risk"})
    assert ask(git_project, "team=risk").total == 1
    git_project.git("add", "-A")
    git_project.git("commit", "-qm", "two")
    git_project.git("checkout", "-q", "main")
    with pytest.raises(BadQuery, match="no version here has a field team"):
        ask(git_project, "team=risk")
    git_project.git("checkout", "-q", "side")
    assert ask(git_project, "team=risk").total == 1


def test_a_version_whose_manifest_is_not_here_has_what_refs_say(scored: Project) -> None:
    row = next(row for row in ask(scored).rows if row.version == "3.0.0")
    path = scored.path / ".pacha" / meta_path(Link("manifest", row.manifest))
    raw = path.read_bytes()
    path.unlink()
    for _ in range(2):
        found = next(row for row in ask(scored, fields=["metrics.auc"]).rows if row.version == "3.0.0")
        assert found.manifest == row.manifest and found.stage == "development"
        assert found.size is None and found.fields == {"metrics.auc": None}
        assert versions(ask(scored, "metrics.auc=0.95")) == []
    path.write_bytes(raw)
    assert versions(ask(scored, "metrics.auc=0.95")) == ["3.0.0"]


def test_what_cannot_be_read_is_told_and_the_rest_found(scored: Project) -> None:
    described(scored, {"license": "mit"}, name="other")
    (scored.path / ".pacha/refs/versions/data/rows/2.0.0").write_text("<<<<<<< HEAD\n")
    (scored.path / ".pacha/refs/stages/data/other").mkdir(parents=True)
    (scored.path / ".pacha/refs/stages/data/other/00000001").write_text(f"move:{'0' * 64}\n")
    for _ in range(2):
        found = ask(scored)
        assert versions(found) == [None, "6.0.0", "5.0.0", "4.0.0", "3.0.0", "1.0.0"]
        assert len(found.notes) == 2 and "conflict markers" in found.notes[1] and "is not here" in found.notes[0]
    assert "conflict markers" in scored("search", "license=mit").err


def test_an_unfinished_transaction_of_a_dead_process_is_seen(scored: Project) -> None:
    assert versions(ask(scored, "version=7")) == []
    workspace = scored.workspace()
    repository = workspace.repository
    dead = Owner(host=os.uname().nodename, boot="another", pid=1, started=1)
    old = RefName("refs/versions/data/rows/6.0.0")
    tag = repository.refs.read(old)
    assert tag is not None
    value = decode_lines(repository.objects.read(tag))
    assert isinstance(value, dict)
    raw = encode_lines({**value, "version": "7.0.0"})
    link = Link("tag", hash_bytes(raw))
    path = scored.path / ".pacha" / meta_path(link)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(raw)
    log = Writer(shared=repository.shared, refs=repository.refs, owner=dead)
    new = RefName("refs/versions/data/rows/7.0.0")
    log._append({"begin": "0", **encode_transaction(Transaction(create=((new, link),), remove=(old,)))}, durable=True)
    workspace.close()
    for _ in range(2):
        assert versions(ask(scored))[:2] == ["7.0.0", "5.0.0"]


def test_a_card_with_very_many_members_is_searched_as_well(project: Project) -> None:
    for count in (MEMBERS_MAX, MEMBERS_MAX + 1):
        features = {f"column {number}": {"dtype": "Int64" if number % 2 else "String"} for number in range(count)}
        described(project, {"features": features, **{f"m{number}": number for number in range(count - 10)}})
        project("tag", "rows", f"{count}.0.0")
    for text in ('features."column 7".dtype=int64', "m7=7", "has:features", 'has:features."column 8"'):
        assert ask(project, text).total == 2, text
    assert ask(project, 'features."column 8".dtype=Int64').total == 0
    shown = ask(project, fields=["features"]).rows
    assert [len(row.fields["features"]) for row in shown] == [MEMBERS_MAX + 1, MEMBERS_MAX]


def test_where_no_index_can_be_kept_the_answer_is_the_same(scored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    warm = [ask(scored, "has:metrics.auc", sort=["metrics.auc"]) for _ in range(2)]
    monkeypatch.setattr("pacha.index.index._folder_of", lambda repository: None)
    assert [ask(scored, "has:metrics.auc", sort=["metrics.auc"])] * 2 == warm


# -- the command -----------------------------------------------------------------------------------------------------


def test_the_table_shows_the_fields_that_the_query_names(scored: Project) -> None:
    lines = scored("search", "metrics.auc>=0.9", "--sort", "metrics.auc:desc").out.splitlines()
    assert lines[0].split() == ["artifact", "version", "stage", "metrics.auc", "size", "created", "message"]
    assert lines[1].split()[:4] == ["data/rows", "5.0.0", "development", "Infinity"]
    only = scored("search", "version=1", "--fields", "version, metrics.auc").out.splitlines()
    assert [line.split() for line in only] == [["version", "metrics.auc"], ["1.0.0", "0.9"]]


def test_nothing_found_is_no_failure_unless_asked(scored: Project) -> None:
    assert scored("search", "nowhere").out == ""
    scored("search", "nowhere", "--exit-code", code=1)
    scored("search", "rows", "--exit-code", "--limit", "0")


def test_a_bad_query_points_at_the_place(scored: Project) -> None:
    answer = scored("search", "rows", "kind=modle", code=2)
    lines = answer.err.splitlines()
    assert lines[0] == "error: not a kind: 'modle'"
    assert lines[1:3] == ["  rows kind=modle", "            ^"]
    assert "did you mean model" in lines[3]
    error = json.loads(scored("search", "kind=modle", "--json", code=2).err)["error"]
    assert error["code"] == "BadQuery" and error["nouns"] == {"source": "kind=modle", "position": 5}


def test_help_tells_the_command_and_the_grammar(project: Project) -> None:
    text = project("help", "search").out
    assert "Usage: pacha search" in text and "has:FIELD" in text


def test_fields_are_completed_from_the_index_alone(scored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    scored("reindex")
    shutil.rmtree(scored.path / ".pacha/objects/manifest")
    monkeypatch.chdir(scored.path)
    assert complete(scored, "search --sort metr") == ["metrics.auc"]
    assert complete(scored, "search --fields version,metr") == ["version,metrics.auc"]
    assert complete(scored, "search kin") == ["kind"]


def complete(project: Project, line: str) -> list[str]:
    words = line.split()
    done = subprocess.run(
        [sys.executable, "-m", "pacha"],
        cwd=project.path,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "_PACHA_COMPLETE": "bash_complete",
            "COMP_WORDS": f"pacha {line}", "COMP_CWORD": str(len(words)),
        },
    )  # fmt: skip
    return [text.partition(",")[2] for text in done.stdout.splitlines()]
