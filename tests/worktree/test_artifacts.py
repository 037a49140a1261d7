"""What `add` makes of what lies there: kind, name, shape, what is left out, and getting it all back."""

import os
import random

import pytest

from tests.conftest import Project


@pytest.mark.parametrize(
    ("path", "artifact"),
    [
        ("data/users.csv", "data/users"),
        ("models/fraud/model.safetensors", "model/fraud"),
        ("fraud.onnx", "model/fraud"),
        ("Fraud Detector v2.pt", "model/fraud-detector-v2"),
        ("data/train.jsonl", "data/project"),
        ("lora.recipe.toml", "recipe/lora"),
        ("model.safetensors", "model/project"),
        ("x.parquet", "data/x"),
    ],
)
def test_kind_and_name_are_inferred(project: Project, path: str, artifact: str) -> None:
    project.write(path, "[training]\nepochs = 1\n")
    assert project("add", path, "--json").data["added"][0]["artifact"] == artifact


def test_what_cannot_be_told_is_asked_for(project: Project) -> None:
    project.write("thing", "?")
    answer = project("add", "thing", code=2)
    assert "--kind" in answer.err
    project("add", "thing", "--kind", "model")
    assert project("add", "thing", "--json").data["added"][0]["artifact"] == "model/thing"


def test_a_folder_comes_back_byte_for_byte(project: Project) -> None:
    coin = random.Random(3)
    wanted = {}
    for number in range(150):
        name = f"set/{number % 7}/deep {number % 3}/{number}.bin"
        wanted[name] = coin.randbytes(coin.choice([0, 1, 1_000, 130_000, 700_000 if number == 5 else 10]))
        project.write(name, wanted[name])
    (project.path / "set/0/deep 0/0.bin").chmod(0o755)
    project("add", "set", "--kind", "data", "--name", "set-of-files")
    project("commit", "-m", "all")
    for name in list(wanted)[:50]:
        (project.path / name).unlink()
    project("checkout", "set-of-files", "--force")
    assert {name: project.read(name) for name in wanted} == wanted
    assert os.access(project.path / "set/0/deep 0/0.bin", os.X_OK)
    assert not os.access(project.path / "set/1/deep 1/1.bin", os.X_OK)
    project("verify", "set-of-files")


def test_what_is_ignored_is_left_out_and_left_alone(project: Project) -> None:
    project.write("set/a.csv", "1")
    project.write("set/notes.tmp", "2")
    project.write("set/keep.tmp", "3")
    project.write("set/__pycache__/x", "4")
    project.write("set/inner/b.log", "5")
    project.write("set/inner/c.csv", "6")
    project.write("set/.pachaignore", "*.tmp\n!keep.tmp\n*.log\n")
    project("add", "set", "--kind", "data")
    project("commit", "-m", "x")
    files = [file["path"] for file in project("show", "set", "--json").data["files"]]
    assert files == ["a.csv", "inner/c.csv", "keep.tmp"]


def test_checkout_removes_what_the_version_does_not_have(project: Project) -> None:
    project.write("set/a.csv", "1")
    project("add", "set", "--kind", "data")
    project("commit", "-m", "one")
    project.write("set/inner/b.csv", "2")
    project("commit", "set", "-m", "two")
    project("checkout", "set~1")
    assert not (project.path / "set/inner").exists()
    project("checkout", "set:head")
    assert project.read("set/inner/b.csv") == b"2"


def test_checkout_writes_through_no_link(project: Project) -> None:
    project.write("set/inner/a.csv", "1")
    project("add", "set", "--kind", "data")
    project("commit", "-m", "one")
    outside = project.path.parent / "outside"
    outside.mkdir()
    (project.path / "set/inner/a.csv").unlink()
    (project.path / "set/inner").rmdir()
    (project.path / "set/inner").symlink_to(outside)
    answer = project("checkout", "set", "--force", code=None)
    assert answer.code != 0
    assert list(outside.iterdir()) == []


def test_a_hard_link_is_not_written_through(project: Project) -> None:
    project.commit("rows.csv", "a,b\n1,2\n")
    project.commit("rows.csv", "a,b\n3,4\n")
    os.link(project.path / "rows.csv", project.path / "other.csv")
    project("checkout", "rows~1")
    assert project.read("other.csv") == b"a,b\n3,4\n"
    assert project.read("rows.csv") == b"a,b\n1,2\n"


def test_an_inserted_row_costs_little(project: Project) -> None:
    coin = random.Random(1)
    rows = [b"%d,%d,%d\n" % (number, coin.randrange(1 << 60), coin.randrange(1 << 60)) for number in range(60_000)]
    project.commit("rows.csv", b"".join(rows))
    rows.insert(30_000, b"inserted,1,2\n")
    project.write("rows.csv", b"".join(rows))
    added = project("add", "rows.csv", "--json").data["added"][0]
    assert added["size"] > 2_000_000 and added["new_bytes"] < added["size"] / 8
