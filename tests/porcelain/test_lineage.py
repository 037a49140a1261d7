"""Lineage for people: names, versions, stages, both directions, ways between, impact, and what is not here."""

from collections.abc import Iterator

import pytest

from pacha.base.ids import ObjectId, hash_bytes
from pacha.graph.lineage import NodeState, NotInLineage
from pacha.objects.manifest import ROLES
from pacha.objects.types import Link
from pacha.porcelain.impact import ANY, impact, widest
from pacha.porcelain.lineage import Direction, LineageReport, between, leaves, lineage, roots
from pacha.porcelain.workspace import Workspace
from pacha.registry.stage_rules import NoSuchStage
from pacha.store.meta import meta_path
from tests.conftest import Project
from tests.registered import register, story


@pytest.fixture
def made(project: Project) -> dict[str, ObjectId]:
    return story(project)


@pytest.fixture
def workspace(project: Project, made: dict[str, ObjectId]) -> Iterator[Workspace]:
    opened = project.workspace()
    yield opened
    opened.close()


def named(report: LineageReport) -> list[str]:
    return [node.name for node in report.nodes]


def edges_of(report: LineageReport) -> set[tuple[str, str, str]]:
    names = {node.manifest: node.name for node in report.nodes}
    return {(names[edge.child], edge.role, names[edge.parent]) for edge in report.edges}


def remove(project: Project, id: ObjectId) -> None:
    (project.path / ".pacha" / meta_path(Link("manifest", id))).unlink()


def test_lineage_from_data_to_deployed_model(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    """VOCABULARY.md: "Lineage from data to deployed model"."""
    report = lineage(workspace, made["model/tiny:0.2.0"], direction=Direction.UP)
    run = f"run/sweep@b3:{made['run/sweep'].hex[:8]}"
    assert edges_of(report) == {
        ("model/tiny:0.2.0", "quantized_from", "model/tiny:0.1.0"),
        ("model/tiny:0.1.0", "distilled_from", "model/fraud:1.2.0"),
        ("model/fraud:1.2.0", "trained_on", "data/labels:1.0.0"),
        ("model/fraud:1.2.0", "evaluated_on", "data/users:3.1.0"),
        ("model/fraud:1.2.0", "run", run),
        ("model/fraud:1.2.0", "fine_tuned_from", "model/base:2.0.0"),
        ("data/labels:1.0.0", "derived_from", "data/users:3.1.0"),
        (run, "trained_on", "data/labels:1.0.0"),
        (run, "recipe", "recipe/adam:1.0.0"),
    }
    by_name = {node.name: node for node in report.nodes}
    assert by_name["model/fraud:1.2.0"].labels[0].stage == "production"
    assert by_name["model/fraud:1.2.0"].created == "2026-03-05T12:00:00Z"
    attributes = {edge.role: edge.attributes for edge in report.edges if edge.attributes}
    assert attributes == {"distilled_from": {"temperature": 2.5}, "quantized_from": {"quantization": "int8"}}


def test_both_directions_begin_with_what_was_asked(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    report = lineage(workspace, made["model/fraud:1.2.0"])
    assert named(report)[0] == "model/fraud:1.2.0" and len(report.nodes) == 9
    down = lineage(workspace, made["model/fraud:1.2.0"], direction=Direction.DOWN)
    assert sorted(named(down)[1:]) == ["model/both:1.0.0", "model/tiny:0.1.0", "model/tiny:0.2.0"]


def test_history_is_followed_only_when_asked_for(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    assert named(lineage(workspace, made["data/users:4.0.0"])) == ["data/users:4.0.0"]
    report = lineage(workspace, made["data/users:4.0.0"], roles=["previous"])
    assert named(report) == ["data/users:4.0.0", "data/users:3.1.0", "data/users:3.0.0"]
    assert lineage(workspace, made["data/users:4.0.0"], roles=ROLES).roles == ROLES


def test_a_depth_says_what_it_leaves_out(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    report = lineage(workspace, made["model/fraud:1.2.0"], depth=1, direction=Direction.UP)
    hidden = {node.name: (node.hidden_parents, node.hidden_children) for node in report.nodes}
    assert hidden["data/labels:1.0.0"] == (0, 0) and hidden[f"run/sweep@b3:{made['run/sweep'].hex[:8]}"] == (1, 0)
    down = lineage(workspace, made["model/fraud:1.2.0"], depth=1, direction=Direction.DOWN)
    assert {node.name: node.hidden_children for node in down.nodes}["model/tiny:0.1.0"] == 1
    assert len(lineage(workspace, made["model/fraud:1.2.0"], depth=0).nodes) == 1


def test_every_way_between_two(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    a, b = made["data/users:3.1.0"], made["model/tiny:0.2.0"]
    one, other = between(workspace, a, b), between(workspace, b, a)
    assert set(named(one)) == set(named(other)) and edges_of(one) == edges_of(other)
    assert one.starts == other.starts == (b, a)
    assert "recipe/adam:1.0.0" not in named(one) and "model/both:1.0.0" not in named(one)
    assert between(workspace, made["data/users:3.0.0"], b).nodes == ()
    assert len(between(workspace, made["data/users:3.0.0"], b, roles=ROLES).nodes) > 2
    assert named(between(workspace, a, a)) == ["data/users:3.1.0"]


def test_which_production_models_were_trained_on_a_dataset(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    wide = widest(workspace, "data/users:3", start=workspace.repository.work_tree)
    assert set(wide.ids) == {made["data/users:3.0.0"], made["data/users:3.1.0"]} and "3.0.0 to 3.1.0" in str(wide.note)
    report = impact(workspace, wide.ids)
    assert [hit.node.name for hit in report.hits] == ["model/fraud:1.2.0", "model/tiny:0.2.0"]
    assert [(step.role, step.name) for step in report.hits[0].way] == [
        (None, "data/users:3.1.0"),
        ("derived_from", "data/labels:1.0.0"),
        ("trained_on", "model/fraud:1.2.0"),
    ]
    assert not any(hit.is_measured_only for hit in report.hits)


def test_what_was_only_measured_on_a_dataset_is_told_apart(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    report = impact(workspace, [made["data/users:3.1.0"]], roles=["evaluated_on", "quantized_from", "distilled_from"])
    assert [(hit.node.name, hit.is_measured_only) for hit in report.hits] == [
        ("model/fraud:1.2.0", True),
        ("model/tiny:0.2.0", True),
    ]
    trained = impact(workspace, [made["data/users:3.0.0"]], stage=ANY)
    assert [(hit.node.name, hit.is_measured_only) for hit in trained.hits] == [("model/fraud:1.0.0", False)]


def test_impact_by_kind_and_stage(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    users = [made["data/users:3.1.0"]]

    def hits(**picks: str) -> set[str]:
        return {hit.node.name for hit in impact(workspace, users, **picks).hits}

    assert hits(stage="staging") == {"model/tiny:0.1.0"} == hits(stage="Stage")
    assert hits(stage="development") == {"model/both:1.0.0"}
    assert hits(kind="data", stage=ANY) == {"data/labels:1.0.0"}
    assert len(hits(kind=ANY, stage=ANY)) == 5
    with pytest.raises(NoSuchStage):
        hits(stage="nowhere")


def test_what_a_reference_means_for_impact(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    def ids(text: str) -> set[ObjectId]:
        return set(widest(workspace, text, start=workspace.repository.work_tree).ids)

    users = {id for name, id in made.items() if name.startswith("data/users")}
    assert ids("users") == ids("data/users") == users
    assert ids("users:3.1") == ids("users:3.1.0") == {made["data/users:3.1.0"]}
    assert ids("users:4.0.0~1") == ids(f"manifest:{made['data/users:3.1.0'].hex[:12]}") == {made["data/users:3.1.0"]}


def test_roots_and_leaves(workspace: Workspace, made: dict[str, ObjectId]) -> None:
    assert {node.name for node in roots(workspace, made["model/tiny:0.2.0"])} == {
        "data/users:3.1.0",
        "recipe/adam:1.0.0",
        "model/base:2.0.0",
    }
    assert {node.name for node in leaves(workspace, made["data/users:3.1.0"])} == {
        "model/both:1.0.0",
        "model/tiny:0.2.0",
    }
    assert [node.name for node in roots(workspace, made["data/users:3.1.0"])] == ["data/users:3.1.0"]


def test_a_manifest_that_is_not_here_is_shown_as_such(project: Project, made: dict[str, ObjectId]) -> None:
    remove(project, made["data/labels:1.0.0"])
    workspace = project.workspace()
    report = lineage(workspace, made["model/fraud:1.2.0"], direction=Direction.UP)
    gone = next(node for node in report.nodes if node.manifest == made["data/labels:1.0.0"])
    assert gone.state is NodeState.ABSENT and gone.name == f"manifest:{made['data/labels:1.0.0'].hex[:8]}"
    with pytest.raises(NotInLineage):
        lineage(workspace, hash_bytes(b"never"))
    workspace.close()


def test_a_damaged_manifest_is_shown_as_such(project: Project, made: dict[str, ObjectId]) -> None:
    path = project.path / ".pacha" / meta_path(Link("manifest", made["data/labels:1.0.0"]))
    path.write_bytes(path.read_bytes().replace(b"Ada", b"Eve"))
    workspace = project.workspace()
    report = lineage(workspace, made["model/fraud:1.2.0"], direction=Direction.UP)
    damaged = next(node for node in report.nodes if node.manifest == made["data/labels:1.0.0"])
    assert damaged.state is NodeState.DAMAGED and "do not have that id" in str(damaged.problem)
    workspace.close()


def test_damaged_versions_cost_names_and_nothing_else(project: Project, made: dict[str, ObjectId]) -> None:
    (project.path / ".pacha/refs/versions/data/users/3.1.0").write_text("nonsense\n")
    workspace = project.workspace()
    report = lineage(workspace, made["model/fraud:1.2.0"], direction=Direction.UP)
    assert len(report.nodes) == 6 and any("not a link" in note for note in report.notes)
    assert f"data/users@b3:{made['data/users:3.1.0'].hex[:8]}" in named(report)
    workspace.close()


def test_what_no_head_leads_to_did_not_come_of_anything(project: Project, made: dict[str, ObjectId]) -> None:
    """A command that died, or lost a race for a version, has left its manifest."""
    users = made["data/users:3.1.0"]
    lost = register(project, "model/lost", [("trained_on", users)], is_head=False)
    old = register(project, "model/kept", [("trained_on", users)], is_head=False)
    register(project, "model/kept", [("previous", old)], created="2026-04-01T00:00:00Z")
    workspace = project.workspace()
    ids = {node.manifest for node in lineage(workspace, users, direction=Direction.DOWN).nodes}
    assert lost not in ids and old in ids
    assert lineage(workspace, lost, direction=Direction.UP).starts == (lost,)
    workspace.close()


def test_a_merge_of_1_024_parents(project: Project) -> None:
    parents = [("merged_from", hash_bytes(b"%d" % number), {"weights": number}) for number in range(1024)]
    id = register(project, "model/soup:1.0.0", parents)
    workspace = project.workspace()
    report = lineage(workspace, id)
    assert len(report.nodes) == 1025 and [edge.attributes["weights"] for edge in report.edges] == list(range(1024))
    workspace.close()
