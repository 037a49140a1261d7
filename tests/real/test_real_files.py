"""Models and datasets that nobody here made go through register, inspect, card, lineage and download unharmed."""

import csv
from pathlib import Path

import onnx
import pytest
from safetensors import safe_open

from tests.conftest import Project
from tests.real.conftest import Real

VAD = "silero_vad/data/"


def bring(project: Project, path: Path) -> str:
    """Copies a file into the project."""
    project.write(path.name, path.read_bytes())
    return path.name


def inspected(project: Project, kind: str, name: str) -> dict:  # type: ignore[type-arg]
    found: dict = project(kind, "inspect", name, "--json").data  # type: ignore[type-arg]
    return found


def test_a_safetensors_model(project: Project, real: Real) -> None:
    path = real("silero-vad", f"{VAD}silero_vad_16k.safetensors")
    project("model", "register", "vad", bring(project, path), "-v", "1.0.0", "--license", "MIT")
    found = inspected(project, "model", "vad:1.0.0")
    with safe_open(path, "numpy") as theirs:
        names = set(theirs.keys())
        shapes = {name: list(theirs.get_slice(name).get_shape()) for name in names}
    (table,) = found["files"].values()
    assert {row["name"]: row["shape"] for row in table["tensors"]} == shapes
    assert found["facts"]["tensors"] == len(names) and found["facts"]["dtypes"] == {"F32": len(names)}
    project("model", "download", "vad", "-v", "1.0.0", "-o", "out.safetensors")
    assert project.read("out.safetensors") == path.read_bytes()


@pytest.mark.parametrize("name", ["silero_vad.onnx", "silero_vad_half.onnx", "silero_vad_16k_op15.onnx"])
def test_an_onnx_model(project: Project, real: Real, name: str) -> None:
    path = real("silero-vad", VAD + name)
    project("model", "register", "vad", bring(project, path), "-v", "1.0.0")
    found, theirs = inspected(project, "model", "vad"), onnx.load(path)
    (table,) = found["files"].values()
    assert found["facts"]["ir_version"] == theirs.ir_version and found["facts"]["nodes"] == len(theirs.graph.node)
    # Constants, and what is inside nodes, come after the initializers of the graph.
    rows = table["tensors"][: len(theirs.graph.initializer)]
    assert [row["name"] for row in rows] == [item.name for item in theirs.graph.initializer]
    assert [row["shape"] for row in rows] == [list(item.dims) for item in theirs.graph.initializer]
    assert [item["name"] for item in table["graph"]["inputs"]] == [item.name for item in theirs.graph.input]


def test_a_torchscript_archive(project: Project, real: Real) -> None:
    project("model", "register", "vad", bring(project, real("silero-vad", f"{VAD}silero_vad.jit")), "-v", "1.0.0")
    (table,) = inspected(project, "model", "vad")["files"].values()
    assert table["layout"] == "torchscript" and table["tensors"]
    assert "pickle: loading it runs code" in table["warnings"]


@pytest.mark.parametrize("net", ["alex", "squeeze", "vgg"])
def test_a_state_dict_of_torch(project: Project, real: Real, net: str) -> None:
    path = real("lpips", f"lpips/weights/v0.1/{net}.pth")
    project("model", "register", net, bring(project, path), "-v", "0.1.0")
    found = inspected(project, "model", net)
    (table,) = found["files"].values()
    assert "torch._utils._rebuild_tensor_v2" in table["imports"] and "pickle" in found["facts"]["warnings"]
    assert not any("suspicious" in warning for warning in table["warnings"])


@pytest.mark.parametrize(
    ("wheel", "member", "rows"),
    [
        ("palmerpenguins", "palmerpenguins/data/penguins.csv", 344),
        ("lifelines", "lifelines/datasets/lung.csv", 228),
        ("vega-datasets", "vega_datasets/_data/airports.csv", 3376),
        ("vega-datasets", "vega_datasets/_data/seattle-weather.csv", 1461),
    ],
)
def test_a_dataset_with_its_schema_and_its_successor(
    project: Project, real: Real, wheel: str, member: str, rows: int
) -> None:
    path = real(wheel, member)
    name = bring(project, path)
    project("data", "register", "set", name, "-v", "1.0.0", "--purpose", "tests")
    card = project("data", "card", "set:1.0.0", "--json").data["card"]
    with open(path, newline="", encoding="utf-8-sig") as file:
        theirs = list(csv.DictReader(file))
    assert card["instance_count"] == len(theirs) == rows and set(card["features"]) == set(theirs[0])
    text = path.read_text("utf-8-sig").rstrip("\n")
    project.write(name, "\n".join(text.split("\n")[:-3]) + "\n")
    refused = project("data", "register", "set", name, "-v", "1.0.0", code=4)
    assert "exists" in refused.err
    done = project("data", "register", "set", name, "-v", "auto", "--json").data
    assert done["version"] in ("1.1.0", "2.0.0")
    found = project("data", "diff", "set:1.0.0", "set:head", "--json").data["rows"]
    assert (found["added"], found["removed"]) == (0, 3)
    columns = path.read_text("utf-8-sig").split("\n")[0].strip().replace('"', "").split(",")
    keep = [row for row in theirs]
    with open(project.path / name, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column for column in keep[0] if column != columns[1]], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(keep)
    lie = project("data", "register", "set", name, "-v", "minor", code=1)
    assert "breaks readers" in lie.err and "would be right" in lie.err
    project("data", "validate", name, "--against", "set:1.0.0", code=1)
    project("fsck")
