"""What users of the earlier registry were promised, row by row, from end to end on the command line and in Python.

Remotes, signatures, encryption and experiment tracking are not there yet (docs/limits.md), and have no row here.
"""

import json
import struct
from pathlib import Path

import pytest

import pacha
from pacha import Column, DataSchema, DataType, ModelCard, Registry
from pacha.objects.manifest import ROLES
from tests.conftest import Project

RECIPE = """\
name = "base"
version = "1.0.0"
description = "the baseline"
architecture = "linear"
train_data = "data/users:1.0.0"
validation_data = "data/users:1.0.0"
random_seed = 7
deterministic = true
command = ["python", "train.py"]

[hyperparameters]
learning_rate = 0.001
batch_size = 32
epochs = 3
weight_decay = 0.0
[hyperparameters.custom]
hidden = 768

[optimizer]
optimizer_type = "adam"
params = { beta1 = 0.9 }

[dependencies]
python_version = ">=3.11"
packages = { numpy = "==2.0.0" }

[hardware]
min_cpu_cores = 2
"""

MODEL_CARD = """\
description = "finds fraud"
training_data = "data/users:1.0.0"
training_recipe = "recipe/base:1.0.0"
evaluation_data = "data/users:1.0.0"
parent_model = "model/older:1.0.0"
derived_from = ["data/users:1.0.0"]
training_date = "2026-03-03T12:00:00Z"
training_duration_secs = 60
primary_uses = ["scoring"]
out_of_scope_uses = ["credit"]
limitations = ["small"]
ethical_considerations = ["bias"]
license = "MIT"

[metrics]
auc = 0.93

[extra]
team = "risk"
"""


def weights(*values: float) -> bytes:
    """A safetensors file of one tensor."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, 4 * len(values)]}}).encode()
    return struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(values)}f", *values)


@pytest.fixture
def shop(project: Project) -> Project:
    """A dataset, a recipe, an older model, and a model with a whole card."""
    project.write("users.csv", "id,age\n1,30\n2,41\n")
    project("data", "register", "users", "users.csv", "-v", "1.0.0", "-p", "churn")
    project.write("base.recipe.toml", RECIPE)
    project("recipe", "register", "base.recipe.toml")
    project.write("older.safetensors", weights(1))
    project("model", "register", "older", "older.safetensors", "-v", "1.0.0")
    project.write("model.safetensors", weights(1, 2))
    project.write("card.toml", MODEL_CARD)
    project("model", "register", "fraud-detector", "model.safetensors", "-v", "1.0.0", "--card", "card.toml")
    return project


def roles(project: Project, name: str) -> dict[str, str]:
    return {
        item["role"]: f"{item['artifact']}:{item['versions'][-1]}"
        for item in project("show", name, "--json").data["parents"]
    }


def test_model_registry_register_version_stage_metadata_metrics(shop: Project) -> None:
    got = shop("model", "get", "fraud-detector", "-v", "1.0.0", "--json").data
    assert got["card"]["metrics"] == {"auc": 0.93} and got["card"]["license"] == "MIT"
    assert got["labels"] == [{"version": "1.0.0", "stage": None}]
    assert roles(shop, "fraud-detector") == {
        "trained_on": "data/users:1.0.0", "recipe": "recipe/base:1.0.0", "evaluated_on": "data/users:1.0.0",
        "fine_tuned_from": "model/older:1.0.0", "derived_from": "data/users:1.0.0",
    }  # fmt: skip
    for member in ("description", "training_date", "training_duration_secs", "primary_uses", "out_of_scope_uses",
                   "limitations", "ethical_considerations", "extra", "training_data", "parent_model"):  # fmt: skip
        assert got["card"][member], member
    shop("model", "stage", "fraud-detector", "-v", "1.0.0", "-t", "staging")
    moved = shop("model", "stage", "fraud-detector:1.0.0", "-t", "PROD", "--reason", "better")
    assert "production: none → 1.0.0" in moved.out
    assert "fraud-detector" in shop("model", "list", "--stage", "production").out
    assert "F32" in shop("model", "inspect", "fraud-detector").out
    shop("model", "download", "fraud-detector:production", "-o", "served.safetensors")
    assert shop.read("served.safetensors") == weights(1, 2)
    assert "trained_on  data/users:1.0.0" in shop("model", "lineage", "fraud-detector", "-v", "1.0.0").out
    assert "## Metrics" in shop("model", "card", "fraud-detector").out
    shop("model", "yank", "older:1.0.0", "--reason", "leaked")
    assert shop("show", "model/older:1.0.0", "--json").data["labels"][0]["stage"] == "yanked"


def test_model_registry_registers_all_or_nothing(shop: Project) -> None:
    def state() -> list[str]:
        return sorted(str(path) for path in (shop.path / ".pacha/refs").rglob("*"))

    before = state()
    shop.write("model.safetensors", weights(9, 9, 9))
    for words in (
        ["--trained-on", "data/nobody:1.0.0"], ["--metric", "auc=high"], ["--card", "no-such.toml"],
        ["--set", "descripton=typo"],
    ):  # fmt: skip
        shop("model", "register", "fraud-detector", "model.safetensors", "-v", "1.1.0", *words, code=None)
        assert state() == before, words
    answer = shop("model", "register", "fraud-detector", "model.safetensors", "-v", "1.0.0", code=4)
    assert "exists" in answer.err and state() == before


def test_data_registry_schema_validation_provenance(shop: Project) -> None:
    schema = shop("data", "schema", "users", "--json").data
    assert {item["name"]: item["dtype"] for item in schema["schema"]["columns"]} == {"id": "Int64", "age": "Int64"}
    shop.write("users.csv", "id,age,city\n1,30,x\n2,41,y\n3,50,z\n")
    shop("data", "register", "users", "users.csv", "-v", "1.0.1", code=1)
    assert shop("data", "register", "users", "users.csv", "-v", "auto", "--json").data["version"] == "1.1.0"
    shop.write("users.csv", "id,city\n1,x\n")
    lie = shop("data", "register", "users", "users.csv", "-v", "1.2.0", code=1)
    assert "age: removed" in lie.err and "2.0.0 would be right" in lie.err
    shop.write(
        "schema.toml",
        '[[columns]]\nname = "id"\ndtype = "Int64"\nnullable = false\n[[columns]]\nname = "city"\ndtype = "String"\nnullable = true\n',
    )
    shop.write("users.csv", "id,city\n1,x\nseven,y\n")
    wrong = shop("data", "register", "users", "users.csv", "-v", "2.0.0", "--schema", "schema.toml", code=1)
    assert "row 2" in wrong.err and "column id" in wrong.err
    shop.write("users.csv", "id,city\n1,x\n7,y\n")
    shop("data", "register", "users", "users.csv", "-v", "2.0.0", "--schema", "schema.toml")
    features = shop("data", "card", "users:2.0.0", "--json").data["card"]["features"]
    assert features["id"]["statistics"]["max"] == 7
    assert shop("data", "validate", "users.csv", "--schema", "schema.toml").code == 0
    found = shop("data", "diff", "users:1.1.0", "users:2.0.0", "--key", "id", "--json").data
    assert found["schema"] == "breaking" and (found["rows"]["added"], found["rows"]["removed"]) == (1, 2)
    provenance = json.loads(shop("data", "provenance", "users:1.0.0").out)
    assert set(provenance) >= {"entity", "agent", "wasAttributedTo"}


def test_recipe_registry_toml_hyperparameters_environment(shop: Project) -> None:
    got = shop("recipe", "get", "base:1.0.0", "--json").data
    assert got["card"]["hyperparameters"]["batch_size"] == 32 and got["card"]["hyperparameters"]["custom"] == {
        "hidden": 768
    }
    assert roles(shop, "recipe/base:1.0.0") == {"trained_on": "data/users:1.0.0", "validated_on": "data/users:1.0.0"}
    assert got["facts"]["environment"]["python"].startswith("3.")
    shop("recipe", "get", "base", "--export", "again.recipe.toml")
    assert shop.read("again.recipe.toml").decode() == RECIPE
    assert shop("recipe", "validate", "base:1.0.0").code == 0
    shop.write(
        "bad.recipe.toml",
        'name = "bad"\nversion = "1.0.0"\n[hyperparameters]\nlearning_rate = -1.0\nbatch_size = 0\nepochs = 1\nweight_decay = 0.0\n',
    )
    bad = shop("recipe", "validate", "bad.recipe.toml", "--json", code=1).data
    assert {"error"} <= {item["severity"] for item in bad} and any(
        "seed" in item["message"].lower() or "seed" in item["check"].lower() for item in bad
    )


def test_lineage_from_data_to_deployed_model(shop: Project) -> None:
    shop("stage", "fraud-detector:1.0.0", "staging")
    shop("stage", "fraud-detector:1.0.0", "production", "--reason", "better")
    assert "model/fraud-detector:1.0.0" in shop("lineage", "data/users:1.0.0", "--impact").out
    assert "model/older:1.0.0" in shop("lineage", "--between", "fraud-detector:1.0.0", "older:1.0.0").out
    for format, word in (("dot", "digraph"), ("mermaid", "flowchart"), ("svg", "<svg"), ("prov-json", '"entity"')):
        assert word in shop("lineage", "fraud-detector", "--format", format).out
    shop.write("m8.safetensors", weights(3))
    for role, text, attributes in (
        ("quantized-from", "fraud-detector:1.0.0,quantization=int8", {"quantization": "int8"}),
        ("distilled-from", "fraud-detector:1.0.0,temperature=2.5", {"temperature": 2.5}),
        ("pruned-from", "fraud-detector:1.0.0,sparsity=0.5", {"sparsity": 0.5}),
        ("merged-from", "fraud-detector:1.0.0,weight=0.5", {"weight": 0.5}),
    ):
        name = role.partition("-")[0]
        shop("model", "register", name, "m8.safetensors", "-v", "1.0.0", f"--{role}", text)
        (parent,) = shop("show", f"model/{name}:1.0.0", "--json").data["parents"]
        assert (parent["role"], parent["attributes"]) == (role.replace("-", "_"), attributes)
    assert len(ROLES) == 12


def test_lineage_has_no_circle(project: Project) -> None:
    project.write("a.csv", "x\n1\n")
    project.write("b.csv", "x\n2\n")
    project("add", "a.csv", "b.csv")
    project("add", "a.csv", "--derived-from", "b.csv")
    project("add", "b.csv", "--derived-from", "a.csv")
    assert "come from each other" in project("commit", "-m", "circle", code=2).err
    assert "itself" in project("add", "a.csv", "--derived-from", "a.csv", code=2).err


def test_content_addressed_storage_dedup_tamper_detection_zstd(shop: Project) -> None:
    assert shop("hash-object", "users.csv").out == f"blob:{shop('show', 'users:1.0.0', '--json').data['digest']}\n"
    assert f"blake3:{shop('show', 'users:1.0.0', '--json').data['digest']}" in shop("data", "get", "users:1.0.0").out
    shop.write("copy.csv", shop.read("users.csv"))
    assert shop("data", "register", "copy", "copy.csv", "-v", "1.0.0", "--json").data["new_bytes"] < 200, (
        "its tree alone"
    )
    pack = max((shop.path / ".pacha/objects/pack").glob("*.pack"), key=lambda path: path.stat().st_size)
    raw = bytearray(pack.read_bytes())
    raw[200] ^= 1
    pack.write_bytes(bytes(raw))
    shop("fsck", code=5)


def test_integrations_apr_and_ald_files_are_recognised_and_inspected(project: Project) -> None:
    project.write("m.apr", b"APR\0" + struct.pack("<III", 1, 2, 5) + b"llama")
    project("model", "register", "m", "m.apr", "-v", "1.0.0")
    facts = project("model", "get", "m", "--json").data["facts"]
    assert facts["architecture"] == "llama" and facts["flags"] == ["encrypted"]
    head = (
        b"ALDF"
        + bytes([1, 2])
        + bytes(2)
        + struct.pack("<III", 0, 0, 0)
        + bytes([0, 0])
        + bytes(2)
        + struct.pack("<Q", 9)
    )
    project.write("d.ald", head + bytes(4))
    project("data", "register", "d", "d.ald", "-v", "1.0.0")
    assert project("data", "get", "d", "--json").data["facts"]["rows"] == 9


def test_versions_in_their_true_order_and_either_spelling(shop: Project) -> None:
    for number, version in enumerate(("2.0.0-beta.2", "2.0.0-beta.10", "1.10.0", "1.9.0")):
        shop.write("model.safetensors", weights(number, 7))
        shop("model", "register", "fraud-detector", "model.safetensors", "-v", version)
    listed = [row["version"] for row in shop("model", "list", "fraud-detector", "--json").data]
    assert listed == ["2.0.0-beta.10", "2.0.0-beta.2", "1.10.0", "1.9.0", "1.0.0"]
    by_colon = shop("model", "get", "fraud-detector:1.9.0", "--json").data
    assert by_colon == shop("model", "get", "fraud-detector", "-v", "1.9.0", "--json").data
    assert shop("model", "get", "fraud-detector", "--json").data["labels"][0]["version"] == "1.10.0"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["data", "get", "fraud-detector"], 3), (["model", "get", "data/users"], 2), (["model", "get", "frod-detector"], 3),
        (["model", "get", "fraud-detector:9.9.9"], 3), (["model", "nonsense"], 2), (["model", "register", "x"], 2),
        (["model", "get", "fraud-detector:1.0.0", "-v", "1.0.0"], 2), (["model", "stage", "fraud-detector", "-t", "staging"], 2),
        (["model", "register", "Bad Name", "model.safetensors", "-v", "1.0.0"], 2),
        (["model", "register", "x", "no-such-file", "-v", "1.0.0"], 3),
        (["model", "register", "x", "model.safetensors", "-v", "one"], 2),
        (["recipe", "card", "base", "--set", "a=b"], 2),
        (["add", "model.safetensors", "--quantized-from", "older:1.0.0,quantization=int3"], 2),
        (["add", "model.safetensors", "--schema", "base.recipe.toml"], 2),
        (["add", "base.recipe.toml", "--metric", "auc=1"], 2),
        (["data", "diff", "users:1.0.0", "users:1.0.0", "--key", "nobody"], 2),
        (["data", "schema", "model/older"], 2), (["model", "yank", "older:1.0.0"], 2),
    ],
)  # fmt: skip
def test_a_wrong_use_gets_one_line_and_a_hint(shop: Project, words: list[str], code: int) -> None:
    answer = shop(*words, code=code)
    assert answer.err.startswith("error: ") and "\nhint: " in answer.err and "Traceback" not in answer.err


# -- what was said of one commit does not hold for the next ---------------------------------------------------------


def test_a_commit_that_says_nothing_tells_what_its_predecessor_said(shop: Project) -> None:
    shop.write("model.safetensors", weights(5, 6))
    answer = shop("commit", "model.safetensors", "-m", "retrained")
    assert "--trained-on data/users:1.0.0" in answer.err and "--recipe recipe/base:1.0.0" in answer.err
    assert "--card manifest:" in answer.err
    shown = shop("show", "fraud-detector:head", "--json").data
    assert shown["card"] == {} and [item["role"] for item in shown["parents"]] == ["previous"]
    shop("commit", "model.safetensors", "-m", "say it", "--trained-on", "users.csv", "--metric", "auc=0.95")
    shown = shop("show", "fraud-detector:head", "--json").data
    assert shown["card"]["metrics"] == {"auc": 0.95} and shown["card"]["training_data"] == ["data/users:1.0.0"]
    taken = shop("commit", "model.safetensors", "-m", "card", "--card", "fraud-detector:1.0.0")
    assert taken.code == 0
    card = shop("show", "fraud-detector:head", "--json").data["card"]
    assert card["license"] == "MIT" and "training_date" not in card


def test_a_role_takes_a_path_staged_or_committed_and_never_unknown_bytes(shop: Project) -> None:
    shop.write("users.csv", "id,age\n1,30\n2,41\n3,1\n")
    shop.write("model.safetensors", weights(8))
    refused = shop("add", "model.safetensors", "--trained-on", "users.csv", code=4)
    assert "not committed" in refused.err and "pacha add users.csv" in refused.err
    shop("add", "users.csv", "model.safetensors", "--trained-on", "users.csv", "--metric", "auc=0.5")
    done = {item["artifact"]: item["manifest"] for item in shop("commit", "-m", "both", "--json").data}
    (parent,) = [
        item for item in shop("show", "fraud-detector:head", "--json").data["parents"] if item["role"] == "trained_on"
    ]
    assert parent["manifest"] == done["data/users"]


@pytest.mark.parametrize("turn", ["reset", "other bytes", "committed and changed"])
def test_a_staged_parent_is_its_bytes_whatever_becomes_of_its_draft(shop: Project, turn: str) -> None:
    shop.write("users.csv", "id,age\n1,30\n2,41\n3,1\n")
    shop("add", "users.csv")
    shop.write("model.safetensors", weights(8))
    shop("add", "model.safetensors", "--trained-on", "users.csv")
    if turn == "reset":
        shop("reset", "users")
    elif turn == "other bytes":
        shop.write("users.csv", "id,age\n9,9\n")
        shop("add", "users.csv")
    else:
        first = shop("commit", "users", "-m", "rows", "--json").data[0]["manifest"]
        shop.commit("users.csv", "id,age\n9,9\n")
    answer = shop("commit", "-m", "model", code=0 if turn == "committed and changed" else 4)
    if answer.code:
        assert "staged then and are not committed" in answer.err
        return
    parents = shop("show", "fraud-detector:head", "--json").data["parents"]
    assert [item["manifest"] for item in parents if item["role"] == "trained_on"] == [first]


def test_editing_a_card_is_a_commit_of_the_same_content(shop: Project) -> None:
    before = shop("show", "fraud-detector:1.0.0", "--json").data
    shop("model", "card", "fraud-detector", "--set", "metrics.f1=0.8", "--set", "limitations+=old", "-m", "more")
    after = shop("show", "fraud-detector:head", "--json").data
    assert after["digest"] == before["digest"] and after["card"]["limitations"] == ["small", "old"]
    assert {item["role"] for item in after["parents"]} == {item["role"] for item in before["parents"]} | {"previous"}
    assert shop("show", "fraud-detector:1.0.0", "--json").data == {**before, "is_head": False}
    shop("model", "card", "fraud-detector", "--unset", "metrics.f1", "--unset", "evaluation_data")
    card = shop("show", "fraud-detector:head", "--json").data["card"]
    assert card["metrics"] == {"auc": 0.93} and "evaluation_data" not in card
    shop("model", "card", "fraud-detector", "--set", "license=MIT", code=1)
    shop("model", "card", "fraud-detector:head", "--export", "README.md")
    assert shop.read("README.md").startswith(b"---\n")


def test_a_readme_with_front_matter_is_the_card_of_its_folder(project: Project) -> None:
    project.write("models/fraud/model.safetensors", weights(1))
    project.write("models/fraud/README.md", "---\nlicense: mit\ntags: [fraud]\n---\n# Fraud\n\nFinds fraud.\n")
    project("add", "models/fraud", "--metric", "auc=0.9")
    project("commit", "-m", "first")
    card = project("show", "fraud", "--json").data["card"]
    assert card["license"] == "mit" and card["metrics"] == {"auc": 0.9} and card["description"] == "Finds fraud."
    assert project("add", "models/fraud").out.startswith("unchanged")
    project.write("models/fraud/README.md", "---\nlicense: [oops\n---\n")
    assert "not taken as its card" in project("add", "models/fraud").err


def test_registering_from_outside_and_twice(shop: Project, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.safetensors").write_bytes(weights(4))
    done = shop("model", "register", "far", str(tmp_path / "elsewhere.safetensors"), "-v", "1.0.0", "--json").data
    assert done["path"] is None and done["is_new"]
    again = shop("model", "register", "far", str(tmp_path / "elsewhere.safetensors"), "-v", "1.0.0", "--json").data
    assert not again["is_new"] and again["manifest"] == done["manifest"]
    shop("model", "download", "far", "-o", "near.safetensors")
    assert shop.read("near.safetensors") == weights(4)
    assert "far" not in shop("status").out


# -- the Python door ------------------------------------------------------------------------------------------------


def test_the_python_door_that_they_know(shop: Project) -> None:
    with Registry.open(shop.path) as registry:
        model = registry.get_model("fraud-detector", "1.0.0")
        assert model.stage == "development" and model.card.metrics == {"auc": 0.93}
        assert isinstance(model.card, ModelCard) and model.card.training_data == ("data/users:1.0.0",)
        schema = DataSchema(
            columns=(
                Column(name="id", dtype=DataType.parse("Int64"), nullable=False),
                Column(name="age", dtype=DataType.parse("Int64"), nullable=True),
            )
        )
        shop.write("more.csv", "id,age\n5,\n")
        data = registry.register_data("more", "1.0.0", "more.csv", schema)
        assert registry.schema(data) == schema and data.read() == b"id,age\n5,\n"
        shop.write("new.safetensors", weights(1, 1))
        card = ModelCard(description="typed", primary_uses=("tests",))
        made = registry.register_model(
            "typed", "0.1.0", "new.safetensors", card, metrics={"auc": 0.5}, parents={"trained_on": data}
        )
        assert made.card.description == "typed" and made.card.training_data == ("data/more:1.0.0",)
        registry.stage(made, "staging")
        registry.stage("typed:0.1.0", "production", reason="tests")
        assert made.stage == "production" and [row.version for row in registry.in_stage("production")] == ["0.1.0"]
        assert [hit.node.name for hit in registry.impact("data/more:1").hits] == ["model/typed:0.1.0"]
        assert registry.verify(made)[0].verdict.value == "intact"
        assert made.download(shop.path / "out") and (shop.path / "out").read_bytes() == weights(1, 1)
        registry.edit_card("typed", {"description": "edited"})
        assert registry.get("typed:head").card.description == "edited"
    assert isinstance(pacha.open(shop.path), Registry) and pacha.__version__


def test_a_mistyped_path_creates_no_registry(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "such"):
        with pytest.raises(pacha.PachaError):
            Registry.open(path)
    assert list(tmp_path.iterdir()) == []
