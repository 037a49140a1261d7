"""Checkpoints of one model: what each costs, that it comes back, and that gc keeps what it is stored as a difference to."""

import json
import random
import shutil
import struct
from array import array
from pathlib import Path

import onnx
import onnx.helper
import pytest

from tests.conftest import Project

ROWS = 120_000


def weights(seed: int) -> "array[float]":
    source = random.Random(seed)
    return array("f", (source.gauss(0, 0.02) for _ in range(ROWS)))


def stepped(values: "array[float]", seed: int) -> "array[float]":
    """The same weights after a small step of training."""
    source = random.Random(seed)
    return array("f", (value + source.uniform(-1e-7, 1e-7) for value in values))


def safetensors(**tensors: "array[float]") -> bytes:
    header, body = {}, b""
    for name, values in tensors.items():
        data = values.tobytes()
        header[name] = {"dtype": "F32", "shape": [len(values)], "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + body


A, B = weights(1), weights(2)
FIRST = safetensors(a=A, b=B)
SECOND = safetensors(a=stepped(A, 3), b=stepped(B, 4))


def new_bytes(project: Project, name: str, data: bytes, *words: str) -> int:
    project.write(name, data)
    found: int = project("add", name, "--json", *words).data["added"][0]["new_bytes"]
    return found


def test_weights_are_stored_by_significance(project: Project) -> None:
    assert new_bytes(project, "m.safetensors", FIRST) < 0.87 * len(FIRST)


def test_a_fine_tuned_version_costs_what_changed(project: Project) -> None:
    project.commit("m.safetensors", FIRST)
    assert new_bytes(project, "m.safetensors", SECOND) < 0.5 * len(SECOND)
    project("commit", "-m", "tuned")
    assert project("cat", "model/m:head").raw == SECOND
    assert project("cat", "model/m:head~1").raw == FIRST
    assert project("fsck").code == 0


def test_a_declared_base_serves_as_the_version_before_does(project: Project) -> None:
    project.commit("base.safetensors", FIRST)
    alone = new_bytes(project, "other.safetensors", SECOND)
    project("reset")
    assert alone > 0.8 * len(SECOND), "the control: nothing else tells that they resemble each other"
    project("gc", "--prune=now")
    tuned = new_bytes(project, "tuned.safetensors", SECOND, "--fine-tuned-from", "model/base")
    assert tuned < 0.5 * len(SECOND)


def test_a_base_that_is_named_is_for_storage_alone(project: Project) -> None:
    project.commit("base.safetensors", FIRST)
    project.write("other.safetensors", SECOND)
    first = project("add", "other.safetensors", "--json").data["added"][0]
    project("reset")
    project("gc", "--prune=now")
    second = project("add", "other.safetensors", "--base", "model/base", "--json").data["added"][0]
    assert second["new_bytes"] < 0.5 * len(SECOND) < first["new_bytes"] and second["digest"] == first["digest"]
    assert project("commit", "-m", "one", "--json").data[0]["new_bytes"] == second["new_bytes"]
    manifest = project("show", "other", "--json").data["manifest"]
    assert "parents" not in json.loads(project("cat-file", f"manifest:{manifest}").out)
    project.write("third.safetensors", SECOND)
    project("model", "register", "third", "third.safetensors", "-v", "1.0.0", "--base", "base")
    assert project("fsck").code == 0
    assert "nothing-here" in project("add", "other.safetensors", "--base", "nothing-here", code=3).err


def test_what_is_staged_again_costs_what_it_cost(project: Project) -> None:
    once = new_bytes(project, "m.safetensors", FIRST)
    assert new_bytes(project, "m.safetensors", FIRST) == once > 0
    assert project("commit", "-m", "one", "--json").data[0]["new_bytes"] == once


@pytest.mark.parametrize(
    "data",
    [
        safetensors(new=weights(9), a=A, b=B),
        safetensors(b=B, a=A),
        safetensors(a_name_that_is_longer=A, b=B),
    ],
    ids=["a tensor in front", "another order", "another header"],
)
def test_what_moved_costs_nothing(project: Project, data: bytes) -> None:
    project.commit("m.safetensors", FIRST)
    is_longer = len(data) > 1.2 * len(FIRST)
    assert new_bytes(project, "m.safetensors", data) < (0.45 * len(FIRST) if is_longer else 4_000)


def test_gc_keeps_what_is_needed_as_a_base_only(project: Project) -> None:
    project.commit("m.safetensors", FIRST)
    project.write("m.safetensors", SECOND)
    project("add", "m.safetensors")
    project("reset")
    # The same bytes under another name are those records: differences to what only `m` names.
    project.commit("n.safetensors", SECOND)
    for folder in ("refs/heads/model/m", "local/memory", "local/drafts"):
        shutil.rmtree(project.path / ".pacha" / folder, ignore_errors=True)
    (project.path / "m.safetensors").unlink()
    project("gc", "--prune=now")
    project("gc", "--prune=now")
    assert project("cat", "model/n:head").raw == SECOND
    assert project("fsck").code == 0


def onnx_model(folder: Path, a: "array[float]", b: "array[float]") -> None:
    """A model whose tensors lie in a file beside it, as exporters write those above 2 GB."""
    tensors = [
        onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, [len(values)], values.tobytes(), raw=True)
        for name, values in (("a", a), ("b", b))
    ]
    graph = onnx.helper.make_graph([], "g", [], [], initializer=tensors)
    folder.mkdir(exist_ok=True)
    (folder / "weights.data").unlink(missing_ok=True)
    onnx.save(onnx.helper.make_model(graph), folder / "model.onnx", save_as_external_data=True, location="weights.data")


def folder_bytes(project: Project, name: str) -> int:
    found: int = project("add", name, "--json").data["added"][0]["new_bytes"]
    return found


def test_the_data_beside_an_onnx_model_is_stored_as_weights_and_its_successor_as_a_difference(project: Project) -> None:
    onnx_model(project.path / "net", A, B)
    assert folder_bytes(project, "net") < 0.87 * len(FIRST)
    project("commit", "-m", "first")
    onnx_model(project.path / "net", stepped(A, 3), stepped(B, 4))
    data = project.read("net/weights.data")
    assert folder_bytes(project, "net") < 0.5 * len(FIRST)
    project("commit", "-m", "tuned")
    assert project("cat", "model/net:head/weights.data").raw == data
    assert project("fsck").code == 0


def test_data_that_no_model_names_is_no_weights(project: Project) -> None:
    onnx_model(project.path / "net", A, B)
    (project.path / "net" / "weights.data").rename(project.path / "net" / "other.data")
    assert folder_bytes(project, "net") > 0.9 * len(FIRST), "the control"


@pytest.mark.parametrize(
    "shards",
    [
        {"model-00001-of-00002": "a", "model-00002-of-00002": "b"},
        {"model-00001-of-00003": "a", "model-00002-of-00003": "n", "model-00003-of-00003": "b"},
        {"model-00001-of-00002": "b", "model-00002-of-00002": "na"},
        {"model": "ab"},
    ],
    ids=["the same", "renamed", "changed places", "joined"],
)
def test_tensors_are_found_in_other_shards(project: Project, shards: dict[str, str]) -> None:
    for name, values in {"model-00001-of-00002": A, "model-00002-of-00002": B}.items():
        project.write(f"net/{name}.safetensors", safetensors(**{"ab"[values is B]: values}))
    project("commit", "net", "-m", "first")
    for file in (project.path / "net").iterdir():
        file.unlink()
    tensors = {"a": stepped(A, 3), "b": stepped(B, 4), "n": weights(9)[:30_000]}
    for name, held in shards.items():
        project.write(f"net/{name}.safetensors", safetensors(**{key: tensors[key] for key in held}))
    new = 0.87 * 120_000 * any("n" in held for held in shards.values())
    assert folder_bytes(project, "net") < 0.5 * len(FIRST) + new
    project("commit", "-m", "tuned")
    assert project("fsck").code == 0
