"""`--json` answers are what `pacha schema` says, for every command that has a schema."""

import json

import jsonschema
import pytest

from pacha.cli.commands_table import command_names
from pacha.cli.schemas import schema_names, schema_of
from tests.conftest import Project
from tests.porcelain.old_registry import OldRegistry

WORDS: dict[str, list[str]] = {
    "pacha.init/1": ["init", "other", "--json"],
    "pacha.serve.token/1": ["serve", "token", "create", ".", "--json"],
    "pacha.serve.tokens/1": ["serve", "token", "list", ".", "--json"],
    "pacha.add/1": ["add", "rows.csv", "--json"],
    "pacha.reset/1": ["reset", "--json"],
    "pacha.status/1": ["status", "--json"],
    "pacha.status.remote/1": ["status", "--remote", "../pushed", "--json"],
    "pacha.commit/1": ["commit", "rows.csv", "-m", "more", "--json"],
    "pacha.tag/1": ["tag", "rows", "1.1.0", "--json"],
    "pacha.remote/1": ["remote", "add", "origin", "../bucket", "--json"],
    "pacha.push/1": ["push", "../bucket", "--json"],
    "pacha.fetch/1": ["fetch", "../pushed", "--json"],
    "pacha.pull/1": ["pull", "../pushed", "--json"],
    "pacha.clone/1": ["clone", "../pushed", "../cloned", "--json"],
    "pacha.ls-remote/1": ["ls-remote", "../pushed", "--json"],
    "pacha.import/1": ["import", "../old", "--json"],
    "pacha.stage/1": ["stage", "rows:1.0.0", "staging", "--json"],
    "pacha.stage.holders/1": ["stage", "--at", "2026-03", "--json"],
    "pacha.stage.history/1": ["stage", "rows", "--history", "--json"],
    "pacha.list/1": ["list", "--json"],
    "pacha.list.versions/1": ["list", "rows", "--json"],
    "pacha.log/1": ["log", "rows", "--json"],
    "pacha.search/1": ["search", "kind=data", "--fields", "path,age", "--json"],
    "pacha.show/1": ["show", "rows", "--json"],
    "pacha.diff/1": ["diff", "rows~1", "rows:head", "--json"],
    "pacha.changes/1": ["changes", "--json"],
    "pacha.checkout/1": ["checkout", "rows:1.0.0", "--force", "--json"],
    "pacha.resolve/1": ["resolve", "--json"],
    "pacha.resolve.settled/1": ["resolve", "rows", "--keep", "HEAD", "--json"],
    "pacha.verify/1": ["verify", "rows", "--json"],
    "pacha.gc/1": ["gc", "--dry-run", "--json"],
    "pacha.stats/1": ["stats", "--json"],
    "pacha.stats.storage/1": ["stats", "--storage", "--json"],
    "pacha.config/1": ["config", "list", "--json"],
    "pacha.config.changed/1": ["config", "set", "core.jobs", "2", "--json"],
    "pacha.doctor/1": ["doctor", "--json"],
    "pacha.fsck/1": ["fsck", "--json"],
    "pacha.fsck.remote/1": ["fsck", "--remote", "../pushed", "--json"],
    "pacha.gc.remote/1": ["gc", "--remote", "../pushed", "--json"],
    "pacha.erase/1": ["erase", "rows:1.0.0", "--reason", "withdrawn", "--remote", "../pushed", "--json"],
    "pacha.count-objects/1": ["count-objects", "--json"],
    "pacha.ls-tree/1": ["ls-tree", "rows", "--json"],
    "pacha.reindex/1": ["reindex", "--json"],
    "pacha.repack/1": ["repack", "--dry-run", "--json"],
    "pacha.lineage/1": ["lineage", "rows", "--history", "--json"],
    "pacha.lineage.impact/1": [
        "lineage",
        "rows",
        "--impact",
        "--kind",
        "data",
        "--stage",
        "any",
        "--history",
        "--json",
    ],
    "pacha.model.register/1": ["model", "register", "fraud", "m.safetensors", "-v", "1.1.0", "--json"],
    "pacha.model.get/1": ["model", "get", "fraud:1.0.0", "--json"],
    "pacha.model.inspect/1": ["model", "inspect", "fraud:1.0.0", "--json"],
    "pacha.model.download/1": ["model", "download", "fraud", "-v", "1.0.0", "-o", "out", "--json"],
    "pacha.model.card/1": ["model", "card", "fraud:1.0.0", "--json"],
    "pacha.model.card.edited/1": ["model", "card", "fraud:head", "--set", "license=MIT", "--json"],
    "pacha.model.lineage/1": ["model", "lineage", "fraud:1.0.0", "--json"],
    "pacha.model.yank/1": ["model", "yank", "fraud:1.0.0", "--reason", "leaked labels", "--json"],
    "pacha.model.stage/1": ["model", "stage", "fraud", "-v", "1.0.0", "-t", "staging", "--json"],
    "pacha.data.register/1": ["data", "register", "rows", "rows.csv", "-v", "2.0.0", "--json"],
    "pacha.data.get/1": ["data", "get", "rows:1.0.0", "--json"],
    "pacha.data.inspect/1": ["data", "inspect", "rows:1.0.0", "--json"],
    "pacha.data.download/1": ["data", "download", "rows:1.0.0", "-o", "out", "--json"],
    "pacha.data.card/1": ["data", "card", "rows:1.0.0", "--json"],
    "pacha.data.card.edited/1": ["data", "card", "rows:head", "--set", "purpose=tests", "--json"],
    "pacha.data.lineage/1": ["data", "lineage", "rows:1.0.0", "--json"],
    "pacha.data.yank/1": ["data", "yank", "rows:1.0.0", "--reason", "wrong rows", "--json"],
    "pacha.data.schema/1": ["data", "schema", "rows:1.0.0", "--json"],
    "pacha.data.validate/1": ["data", "validate", "rows:1.0.0", "--json"],
    "pacha.data.diff/1": ["data", "diff", "rows:1.0.0", "rows:head", "--key", "a", "--json"],
    "pacha.recipe.register/1": ["recipe", "register", "base.recipe.toml", "-v", "1.1.0", "--json"],
    "pacha.recipe.get/1": ["recipe", "get", "base:1.0.0", "--json"],
    "pacha.recipe.inspect/1": ["recipe", "inspect", "base:1.0.0", "--json"],
    "pacha.recipe.download/1": ["recipe", "download", "base:1.0.0", "-o", "out", "--json"],
    "pacha.recipe.card/1": ["recipe", "card", "base:1.0.0", "--json"],
    "pacha.recipe.lineage/1": ["recipe", "lineage", "base:1.0.0", "--json"],
    "pacha.recipe.yank/1": ["recipe", "yank", "base:1.0.0", "--reason", "wrong rate", "--json"],
    "pacha.recipe.validate/1": ["recipe", "validate", "base:1.0.0", "--json"],
    "pacha.error/1": ["show", "nobody", "--json"],
}


SAFETENSORS = (
    (60).to_bytes(8, "little") + b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(60) + bytes(8)
)
RECIPE = 'name = "base"\nversion = "1.0.0"\ndescription = "a baseline"\n'


@pytest.fixture
def busy(git_project: Project) -> Project:
    """A repository with history, a version that was moved, a staged draft and two heads."""
    git_project.commit("rows.csv", "a,b\n1,2\n")
    git_project("tag", "rows", "1.0.0")
    git_project("stage", "rows:1.0.0", "archived", "--date", "2026-03-03")
    git_project("stage", "rows:1.0.0", "development", "--date", "2026-04-03")
    git_project.commit("rows.csv", "a,b\n1,2\n3,4\n")
    git_project.write("rows.csv", "a,b\n5,6\n")
    return git_project


def fork(project: Project) -> str:
    """Makes a second head, and returns it."""
    project("add", "rows.csv")
    project("checkout", "rows~1", "--force")
    project.write("rows.csv", "a,b\n7,8\n")
    found: str = project("commit", "rows.csv", "-m", "fork", "--json").data[0]["manifest"]
    return found


def words_for(project: Project, name: str) -> list[str]:
    if name.startswith(("pacha.model.", "pacha.recipe.")):
        project.write("m.safetensors", SAFETENSORS)
        project.write("base.recipe.toml", RECIPE)
        project("model", "register", "fraud", "m.safetensors", "-v", "1.0.0", "--metric", "auc=0.9")
        project("recipe", "register", "base.recipe.toml")
        project.write("m.safetensors", SAFETENSORS[:-1] + b"1")
        project.write("base.recipe.toml", RECIPE + "random_seed = 7\n")
    if name.startswith("pacha.resolve"):
        side = fork(project)
        return [f"manifest:{side}" if word == "HEAD" else word for word in WORDS[name]]
    return WORDS[name]


@pytest.mark.parametrize("name", schema_names())
def test_an_answer_is_what_its_schema_says(name: str, busy: Project) -> None:
    assert name in WORDS, f"no command here answers {name}"
    if "reset" in name:
        busy("add", "rows.csv")
    if "import" in name:
        old = OldRegistry.make(busy.path.parent / "old")
        old.model("fraud:1.0.0", b"GGUF", stage="production")
        old.data("bad version:x", b"x")
    if "../pushed" in WORDS[name]:
        busy("push", "../pushed")
    if "init" in name:
        (busy.path / "other").mkdir()
    answer = busy(*words_for(busy, name), code=None)
    value = json.loads(answer.out or answer.err)
    assert value["schema"] == name, value
    jsonschema.validate(value, schema_of(name))


def test_a_schema_refuses_another_answer(busy: Project) -> None:
    value = json.loads(busy("status", "--json").out)
    value["data"]["more"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema_of("pacha.status/1"))


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_help_with_its_options_told(command: str, project: Project) -> None:
    text = project(command, "--help").out
    assert text.startswith("Usage: pacha") and len(text.splitlines()) > 4
    assert all(line.strip() for line in text.splitlines()[2:3])


def test_every_schema_is_printed(project: Project) -> None:
    for name in project("schema").out.split():
        assert json.loads(project("schema", name).out)["title"] == name
