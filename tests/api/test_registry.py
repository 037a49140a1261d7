"""The Python door says what the command line says, of the same repository."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import pacha
from pacha import Column, DataSchema, DataType, Registry
from pacha.api.values import BadArgument
from pacha.base.errors import Usage
from pacha.cli.plain import plain
from pacha.porcelain.config import NotShared
from pacha.porcelain.reset import NothingStaged
from pacha.porcelain.workspace import NotInWorkTree
from pacha.registry.catalog import SeveralArtifacts
from pacha.repo.config import BadSetting, NoSetting
from pacha.worktree.scan import NoSuchPath
from tests.conftest import Project
from tests.porcelain.old_registry import OldRegistry

RECIPE = 'name = "base"\nversion = "1.0.0"  # kept\ntrain_data = "data/users:1.0.0"\n'


@pytest.fixture
def shop(project: Project) -> Project:
    """A dataset, a recipe of it and a model of both."""
    project.write("users.csv", "id,age\n1,30\n2,41\n")
    project("data", "register", "users", "users.csv", "-v", "1.0.0")
    project.write("base.recipe.toml", RECIPE)
    project("recipe", "register", "base.recipe.toml")
    project.write("fraud.bin", b"weights")
    project("model", "register", "fraud", "fraud.bin", "-v", "1.0.0", "--trained-on", "users:1.0.0", "--recipe", "base")
    return project


@pytest.fixture
def registry(shop: Project) -> Iterator[Registry]:
    """The same, opened."""
    with pacha.open(shop.path) as opened:
        yield opened


# -- settings ----------------------------------------------------------------------------------------------------------


def test_a_setting_that_is_set_is_read_and_taken_out_again(registry: Registry, shop: Project) -> None:
    assert registry.set_setting("core.jobs", "3", scope="worktree").is_changed
    assert not registry.set_setting("core.jobs", "3", scope="worktree").is_changed
    assert registry.setting("core.jobs").value == 3 and registry.setting("core.jobs").layer == "worktree"
    assert shop("config", "get", "core.jobs").out == "3\n"
    assert plain(registry.settings()) == shop("config", "list", "--json").data
    registry.unset_setting("core.jobs", scope="worktree")
    assert shop("config", "get", "core.jobs", code=None).out != "3\n"


def test_settings_that_cannot_be_are_refused(registry: Registry) -> None:
    with pytest.raises(BadSetting):
        registry.setting("core.colour")
    with pytest.raises(BadSetting):
        registry.set_setting("core.jobs", "many")
    with pytest.raises(NoSetting):
        registry.setting("safe.directory")
    with pytest.raises(NotShared):
        registry.set_setting("user.name", "Ada", scope="project")


# -- keeping in order --------------------------------------------------------------------------------------------------


def test_doctor_finds_what_the_command_finds(registry: Registry, shop: Project) -> None:
    found = {item.name: item.is_good for item in registry.doctor()}
    assert found == {item["name"]: item["is_good"] for item in shop("doctor", "--json", code=None).data}
    assert found["repository"]


def test_reindex_reads_everything_and_changes_no_answer(registry: Registry, shop: Project) -> None:
    before = registry.search("kind=model"), registry.artifacts()
    assert registry.reindex().manifests == 3 and registry.reindex().damaged == ()
    assert (registry.search("kind=model"), registry.artifacts()) == before
    assert shop("reindex").out == "indexed 3 manifests\n"


def test_gc_goes_by_the_setting_where_no_days_are_said(shop: Project) -> None:
    shop.write("users.csv", "id,age\n1,31\n")
    with pacha.open(shop.path) as registry:
        registry.add("users.csv")
        registry.reset("users")
        assert registry.gc(dry_run=True).freed_bytes == 0
        assert registry.gc(grace_days=0, dry_run=True).live_objects == registry.gc(dry_run=True).live_objects


def test_a_strict_import_that_would_lose_something_writes_nothing(project: Project, tmp_path: Path) -> None:
    old = OldRegistry.make(tmp_path / "old")
    old.model("fraud:1.0.0", b"weights")
    old.edge("nothing", "nowhere", "derived_from")
    with pacha.open(project.path) as registry:
        assert registry.import_registry(tmp_path / "old", strict=True).is_dry_run
        assert registry.artifacts() == []


def test_only_the_named_draft_is_taken_back(registry: Registry, shop: Project) -> None:
    shop.write("users.csv", "id,age\n1,31\n")
    shop.write("fraud.bin", b"better")
    registry.add("users.csv", "fraud.bin")
    assert [item.path for item in registry.reset("users").unstaged] == ["users.csv"]
    assert [item.path for item in registry.reset().unstaged] == ["fraud.bin"]
    with pytest.raises(NothingStaged):
        registry.reset()


# -- what others read --------------------------------------------------------------------------------------------------


def test_a_name_that_is_staged_as_two_kinds_is_not_guessed(registry: Registry, shop: Project) -> None:
    for kind in ("model", "data"):
        shop.write(f"{kind}.bin", kind)
        registry.add(f"{kind}.bin", kind=kind, name="twin")
    with pytest.raises(SeveralArtifacts):
        registry.reset("twin")
    refused = shop("reset", "twin", code=4)
    assert "model/twin" in refused.err and "data/twin" in refused.err
    assert [str(item.artifact) for item in registry.reset("data/twin").unstaged] == ["data/twin"]
    assert [str(item.artifact) for item in registry.reset("twin").unstaged] == ["model/twin"]


def test_a_card_is_what_the_command_exports(registry: Registry, shop: Project) -> None:
    assert registry.card_text("fraud") == shop("model", "card", "fraud", "--export", "-").out
    assert registry.card_text("fraud", form="markdown") == shop("model", "card", "fraud", "--markdown").out
    assert registry.card_text("recipe/base", form="toml").startswith("name")
    with pytest.raises(BadArgument, match="no such form"):
        registry.card_text("fraud", form="html")
    with pytest.raises(Usage, match="is a recipe"):
        registry.card_text("recipe/base")


def test_a_schema_is_what_the_command_exports(registry: Registry, shop: Project) -> None:
    shop("data", "schema", "users", "--export", "users.schema.json")
    assert registry.schema_text("users").encode() == shop.read("users.schema.json")
    assert json.loads(registry.schema_text("users")) == plain(registry.schema("users").document())


def test_a_declared_schema_goes_before_what_was_found(registry: Registry, shop: Project) -> None:
    declared = DataSchema(
        columns=(Column(name="id", dtype=DataType.parse("Int64")), Column(name="age", dtype=DataType.parse("Float64")))
    )
    assert registry.register_data("more", "1.0.0", "users.csv", declared).schema == declared == registry.schema("more")
    assert registry.get("fraud").schema is None


def test_a_recipe_file_is_its_bytes(registry: Registry) -> None:
    assert registry.recipe_file("base").data == RECIPE.encode() and registry.recipe_file("base").note is None
    with pytest.raises(BadArgument, match="is a model"):
        registry.recipe_file("fraud")


def test_provenance_is_what_the_command_prints(registry: Registry, shop: Project) -> None:
    assert registry.provenance("users") == json.loads(shop("data", "provenance", "users").out)
    assert len(registry.provenance("fraud")["entity"]) == 3


@pytest.mark.parametrize("form", ["tree", "dot", "mermaid", "svg"])
def test_a_drawing_is_what_the_command_draws(registry: Registry, shop: Project, form: str) -> None:
    assert registry.draw(registry.lineage("fraud"), form) == shop("lineage", "fraud", "--format", form).out


def test_a_drawing_that_is_none_is_refused(registry: Registry) -> None:
    with pytest.raises(BadArgument, match="no such drawing"):
        registry.draw(registry.lineage("fraud"), "png")


# -- the rest ----------------------------------------------------------------------------------------------------------


def test_only_the_roles_that_are_asked_for_are_followed(registry: Registry) -> None:
    found = registry.lineage("fraud", roles=("recipe",))
    assert {edge.role for edge in found.edges} == {"recipe"}
    assert registry.between("users", "fraud", roles=("recipe",)).edges == ()


def test_the_work_tree_is_compared(registry: Registry, shop: Project) -> None:
    shop.write("users.csv", "id,age\n1,31\n")
    assert plain([item for item in registry.diff_work_tree() if not item.is_same]) == shop("diff", "--json").data
    assert plain(registry.diff_work_tree("users:1.0.0")) == shop("diff", "users:1.0.0", "--json").data
    outside = shop.path.parent / "far.bin"
    outside.write_bytes(b"far")
    registry.register_model("far", "1.0.0", outside)
    with pytest.raises(NotInWorkTree):
        registry.diff_work_tree("far")


def test_members_of_a_card_are_set_and_taken_out(registry: Registry) -> None:
    done = registry.edit_card("fraud", fields={"license": "MIT", "metrics.auc": "0.93"}, version="patch")
    assert str(done.version) == "1.0.1" and registry.get("fraud").metrics == {"auc": 0.93}
    registry.edit_card("fraud", unset=["license"])
    assert "license" not in registry.get("fraud:head").manifest.card


def test_data_is_held_against_the_schema_of_a_version(registry: Registry, shop: Project) -> None:
    shop.write("new.csv", "id,age\n1,old\n")
    assert [item.count for item in registry.validate_data("new.csv", "users:1.0.0")] == [1]


def test_a_search_shows_the_fields_that_are_asked_for(registry: Registry) -> None:
    row = registry.search("kind=data", fields=["instance_count"]).rows[0]
    assert row.fields["instance_count"] == 2


def test_the_history_of_one_version_is_its_own(registry: Registry) -> None:
    registry.edit_card("fraud", fields={"license": "MIT"}, version="1.1.0")
    for version in ("1.0.0", "1.1.0"):
        registry.stage(f"fraud:{version}", "staging")
    assert [str(entry.version) for entry in registry.stage_history("fraud", "1.0.0")] == ["1.0.0"]
    assert len(registry.stage_history("fraud")) == 2


def test_a_recipe_that_is_not_there_is_not_found(registry: Registry) -> None:
    with pytest.raises(NoSuchPath) as caught:
        registry.register_recipe(Path("none.recipe.toml"))
    assert caught.value.exit_code == 3 and "none.recipe.toml" in caught.value.message
