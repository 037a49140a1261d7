"""`pacha lineage` on the command line: every format, every question, every refusal."""

import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from pacha.base.ids import ObjectId
from tests.cli.test_output import EVIL, steering
from tests.conftest import Project, mount_read_only
from tests.porcelain.test_hostile import ATTACKS
from tests.registered import move, register, story


@pytest.fixture
def made(project: Project) -> dict[str, ObjectId]:
    return story(project)


def test_the_transcript_of_a_question(project: Project, made: dict[str, ObjectId]) -> None:
    assert project("lineage", "fraud:1.0.0").out.splitlines() == [
        "model/fraud:1.0.0 [archived]  2026-03-03",
        "├─ trained_on  data/users:3.0.0  2026-03-01",
        "└─ recipe  recipe/adam:1.0.0  2026-03-01",
    ]
    both = project("lineage", "fraud:1.2.0").out.splitlines()
    assert both[0] == "comes from" and "leads to" in both
    assert (
        project("lineage", "fraud:1.2.0", "--down")
        .out.splitlines()[1]
        .startswith("├─ distilled_from (temperature 2.5)")
    )


def test_which_production_models_were_trained_on_users_3(project: Project, made: dict[str, ObjectId]) -> None:
    answer = project("lineage", "data/users:3", "--impact")
    assert [line.split()[:2] for line in answer.out.splitlines()] == [
        ["model/fraud:1.2.0", "production"],
        ["model/tiny:0.2.0", "production"],
    ]
    assert "trained_on data/labels:1.0.0, derived_from data/users:3.1.0" in answer.out
    assert "3.0.0 to 3.1.0" in answer.err
    none = project("lineage", "users:4", "--impact")
    assert none.out == "" and "no production model came of users:4" in none.err
    rows = project("lineage", "users", "--impact", "--stage", "any", "--kind", "any", "--json").data
    assert len(rows["hits"]) == 6 and rows["stage"] == "any"


def test_a_model_that_was_only_measured_on_it_is_marked(project: Project, made: dict[str, ObjectId]) -> None:
    register(project, "model/other:1.0.0", [("evaluated_on", made["data/users:4.0.0"])], stage="production")
    assert "(only measured on it)" in project("lineage", "users:4.0.0", "--impact").out


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.svg", "<svg"), ("a.dot", "digraph"), ("a.gv", "digraph"), ("a.mmd", "flowchart"), ("a.json", "{"),
        ("a.txt", "comes from"), ("a.prov.json", "{"),
    ],
)  # fmt: skip
def test_the_ending_of_a_file_is_its_format(
    project: Project, made: dict[str, ObjectId], tmp_path: Path, name: str, start: str
) -> None:
    answer = project("lineage", "fraud:1.2.0", "-o", str(tmp_path / name))
    assert answer.out == "" and (tmp_path / name).read_text("utf-8").startswith(start)


@pytest.mark.parametrize("format", ["tree", "json", "dot", "mermaid", "svg", "prov-json"])
def test_a_file_holds_what_would_be_printed(
    project: Project, made: dict[str, ObjectId], tmp_path: Path, format: str
) -> None:
    printed = project("lineage", "fraud:1.2.0", "--format", format)
    project("lineage", "fraud:1.2.0", "--format", format, "-o", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == printed.raw and printed.raw.endswith(b"\n")


def test_json_is_the_same_by_either_option(project: Project, made: dict[str, ObjectId]) -> None:
    assert project("lineage", "fraud:1.2.0", "--json").out == project("lineage", "fraud:1.2.0", "--format", "json").out
    report = project("lineage", "fraud:1.2.0", "--json", "--up", "--depth", "1").data
    assert report["direction"] == "up" and report["depth"] == 1 and report["starts"] == [report["nodes"][0]["manifest"]]
    assert {edge["role"] for edge in report["edges"]} == {
        "trained_on", "evaluated_on", "run", "fine_tuned_from", "derived_from"
    }  # fmt: skip


def test_roles_and_history(project: Project, made: dict[str, ObjectId]) -> None:
    out = project("lineage", "fraud:1.2.0", "--up", "--role", "run", "--role", "recipe").out
    assert "recipe/adam:1.0.0" in out and "trained_on" not in out
    assert "previous" in project("lineage", "users:4.0.0", "--history").out
    assert "pacha log users:4.0.0" in project("lineage", "users:4.0.0").err


def test_between_two_and_the_answer_no(project: Project, made: dict[str, ObjectId]) -> None:
    assert "derived_from" in project("lineage", "--between", "users:3.1.0", "tiny:production").out
    answer = project("lineage", "--between", "users:3.0.0", "tiny:0.2.0", code=1)
    assert answer.out == "" and "--history" in answer.err
    assert (
        json.loads(project("lineage", "--between", "users:4.0.0", "adam", "--json", code=1).out)["data"]["nodes"] == []
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lineage"], 2, "--between"),
        (["lineage", "fraud", "--between", "a", "b"], 2, "--between"),
        (["lineage", "fraud", "--impact", "--up"], 2, "--impact"),
        (["lineage", "fraud", "--impact", "--format", "svg"], 2, "svg"),
        (["lineage", "fraud", "--stage", "production"], 2, "--impact"),
        (["lineage", "--between", "fraud", "tiny", "--depth", "1"], 2, "--depth"),
        (["lineage", "fraud", "--json", "--format", "dot"], 2, "--format dot"),
        (["lineage", "fraud", "-o", "picture.png"], 2, "picture.png"),
        (["lineage", "fraud", "--role", "mother"], 2, "mother"),
        (["lineage", "nobody"], 3, "nobody"),
        (["lineage", "nobody", "--impact"], 3, "nobody"),
        (["lineage", "users:9", "--impact"], 3, "9"),
        (["lineage", f"manifest:{'0' * 64}"], 3, "not here"),
        (["lineage", "fraud:1.2.0", "-o", "/nowhere/a.svg"], 3, "/nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)  # fmt: skip
def test_it_is_told_what_is_wrong(
    project: Project, made: dict[str, ObjectId], words: list[str], code: int, said: str
) -> None:
    answer = project(*words, code=code)
    assert (
        said in answer.err and ("hint: " in answer.err or '"hint": "' in answer.err) and "Traceback" not in answer.err
    )


@pytest.mark.parametrize("format", ["tree", "json", "dot", "mermaid", "svg", "prov-json"])
def test_nothing_hostile_comes_out_as_more_than_text(project: Project, format: str) -> None:
    base = register(project, "data/rows:1.0.0", author=f"{EVIL} <x>")
    register(project, "model/evil:1.0.0", [("trained_on", base, {EVIL: [EVIL, "</text><script>"]})], author=EVIL)
    move(project, "model/evil:1.0.0", "staging")
    answer = project("lineage", "evil:1.0.0", "--format", format)
    assert steering(answer.out + answer.err) == set()
    if format == "svg":
        assert ElementTree.fromstring(answer.out).tag.endswith("svg") and "<script>" not in answer.out


def test_no_answer_depends_on_the_index(project: Project, made: dict[str, ObjectId]) -> None:
    index = project.path / ".pacha/local/index.sqlite"
    words = (["lineage", "fraud:1.2.0", "--json"], ["lineage", "users", "--impact", "--json"])
    before = [project(*each).out for each in words]
    for damage in (lambda: None, index.unlink, lambda: index.write_bytes(b"x" * 9000)):
        damage()
        assert [project(*each).out for each in words] == before
    project("reindex")
    assert [project(*each).out for each in words] == before


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_hostile_store_is_refused_or_without_effect(project: Project, attack: str) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project("tag", "rows", "1.0.0")
    project.commit("rows.csv", "a,b\n3,4\n")
    ATTACKS[attack](project)
    for words in (["rows"], ["rows", "--history", "--json"], ["rows", "--impact"], ["--between", "rows", "rows~1"]):
        answer = project("--no-pager", "lineage", *words, code=None)
        assert answer.code in (0, 1, 2, 3, 4, 5) and "Traceback" not in answer.err


def test_a_read_only_repository_answers(
    project: Project, made: dict[str, ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = project("lineage", "fraud:1.2.0", "--json").out
    shutil.rmtree(project.path / ".pacha/local", ignore_errors=False)
    project("init", code=2)
    mount_read_only(monkeypatch)
    assert project("lineage", "fraud:1.2.0", "--json").out == before


def test_a_path_of_the_work_tree_is_a_reference_too(project: Project) -> None:
    project.commit("data/rows.csv", "a,b\n1,2\n")
    project.commit("data/rows.csv", "a,b\n3,4\n")
    assert project("lineage", "data/rows.csv").out.startswith("data/rows@b3:")
    assert "every commit of data/rows here: 2" in project("lineage", "data/rows.csv", "--impact").err
    assert "every commit of data/rows here: 2" in project("lineage", "./data/rows.csv", "--impact").err
