"""Registering, card edits and parents where something happens in between: nothing is lost, nothing is claimed."""

import json
import struct

import pytest

from pacha.base.names import ArtifactName
from pacha.porcelain import commit
from pacha.porcelain.workspace import Workspace
from pacha.refs import names
from pacha.repo.session import Session
from tests.conftest import Project


def test_of_a_folder_of_many_parts_nothing_is_summed_up_by_half(project: Project) -> None:
    for number in range(300):
        project.write(f"parts/{number}.csv", "a,b\n1,2\n")
    notes = project("data", "register", "parts", "parts", "-v", "1.0.0", "--json").data["notes"]
    assert notes == ["44 files more are in it; 256 were looked into"]
    card = project("data", "card", "parts", "--json").data["card"]
    assert list(card["features"]) == ["a", "b"]
    assert "instance_count" not in card
    facts = project("data", "inspect", "parts", "--json").data["facts"]
    assert facts["partial"] is True
    assert "rows" not in facts


def test_texts_without_a_utf8_form_do_not_keep_a_model_out(project: Project) -> None:
    tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    header = json.dumps({"__metadata__": {"by": "\ud800"}, "weight\udc00": tensor}).encode()
    project.write("net/model.safetensors", struct.pack("<Q", len(header)) + header + bytes(4))
    project.write("net/config.json", '{"architectures": ["\\ud800Net"]}')
    project("model", "register", "net", "net", "-v", "1.0.0")
    assert project("model", "inspect", "net", "--json").data["facts"]["architecture"] == "\ufffdNet"


def test_a_card_edit_does_not_drop_what_is_staged(project: Project) -> None:
    project.write("m.bin", "one")
    project("model", "register", "m", "m.bin", "-v", "1.0.0")
    project.write("m.bin", "two")
    project("add", "m.bin")
    answer = project("model", "card", "m:head", "--set", "license=MIT", code=4)
    assert "pacha reset m" in answer.err
    assert len(project.workspace().drafts()) == 1
    project("commit", "-m", "two")


def test_a_card_edit_leaves_what_a_path_was_known_to_hold(project: Project) -> None:
    project.write("m.bin", "one")
    project("model", "register", "m", "m.bin", "-v", "1.0.0")
    project.commit("m.bin", "two")
    project("checkout", "m:1.0.0")
    project("model", "card", "m:head", "--set", "license=MIT")
    project("add", "m.bin", code=4)


def test_what_others_register_while_bytes_are_read_comes_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = project.path.parent / "other"
    outside.mkdir()
    (outside / "1.bin").write_bytes(b"one")
    (outside / "2.bin").write_bytes(b"two")
    make, seen = commit.make_drafts, []

    def slowly(workspace: Workspace, session: Session, jobs: object, options: object) -> object:
        drafts = make(workspace, session, jobs, options)  # type: ignore[arg-type]
        if not seen:
            seen.append(True)
            project("model", "register", "m", str(outside / "2.bin"), "-v", "2.0.0")
        return drafts

    monkeypatch.setattr(commit, "make_drafts", slowly)
    project("model", "register", "m", str(outside / "1.bin"), "-v", "1.0.0")
    heads = project.workspace().catalog.heads(ArtifactName.parse("model/m"))
    assert len(heads) == 1
    assert len(project("log", "m", "--json").data) == 2


def test_a_parent_named_as_a_draft_and_as_its_version_is_one_parent(project: Project) -> None:
    project.commit("rows.csv", "a\n1\n", "--tag", "1.0.0")
    project("add", "rows.csv", "--purpose", "tests")
    project.write("m.bin", "model")
    project("add", "m.bin", "--kind", "model", "--trained-on", "./rows.csv", "--trained-on", "rows:1.0.0")
    project("reset", "rows")
    project("commit", "-m", "trained")


def test_another_version_looks_at_no_more_refs_than_the_first(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = names.check_ref_name

    def counted(text: str) -> str:
        seen.append(text)
        return real(text)

    monkeypatch.setattr(names, "check_ref_name", counted)
    looked = []
    for number in range(12):
        seen.clear()
        project.write("m.bin", f"{number}")
        project("model", "register", "m", "m.bin", "-v", f"1.0.{number}")
        looked.append(len([text for text in seen if "/versions/" in text]))
    assert looked[-1] <= looked[2] and looked[2] > 0
