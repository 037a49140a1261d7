"""Drawings of lineage: what they show, and that nothing a stranger wrote is ever more than text in them."""

import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prov.model import ProvDerivation, ProvDocument, ProvGeneration

from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.graph.lineage import ORIGINS, NodeState
from pacha.objects.manifest import ROLES, Manifest
from pacha.porcelain.drawings.dot import dot
from pacha.porcelain.drawings.layers import BEND_HEIGHT, arrange
from pacha.porcelain.drawings.mermaid import mermaid
from pacha.porcelain.drawings.prov import prov, provenance
from pacha.porcelain.drawings.svg import NODES_MAX, TooManyNodes, svg
from pacha.porcelain.drawings.tree import LEVELS_MAX, tree_lines, tree_text
from pacha.porcelain.labels import Label
from pacha.porcelain.lineage import Direction, LineageEdge, LineageReport, lineage
from pacha.porcelain.lineage_nodes import LineageNode
from tests.conftest import Project
from tests.registered import story

EVIL = '"]--> <script>alert(1)</script> \\N \x1b[31m \u202e `x` #quot; &amp; ]]> -- \n end %% \x00'
SVG = "{http://www.w3.org/2000/svg}"
TIME = "2026-03-03T12:00:00Z"


def id_of(number: int) -> ObjectId:
    return hash_bytes(b"%d" % number)


def node(number: int, *, stage: str | None = None, kind: str = "model", is_here: bool = True) -> LineageNode:
    artifact = ArtifactName(kind, f"m{number}") if is_here else None
    return LineageNode(
        name=f"{artifact}:1.0.0" if artifact else f"manifest:{id_of(number).hex[:8]}",
        manifest=id_of(number), artifact=artifact, labels=(Label(version="1.0.0", stage=stage),) if artifact else (),
        created=TIME if is_here else None, state=NodeState.HERE if is_here else NodeState.ABSENT, problem=None,
    )  # fmt: skip


def edge(
    child: int, parent: int, role: str = "trained_on", attributes: Mapping[str, object] | None = None
) -> LineageEdge:
    return LineageEdge(child=id_of(child), parent=id_of(parent), role=role, attributes=attributes or {})


def report_of(nodes: list[LineageNode], edges: list[LineageEdge], direction: Direction = Direction.UP) -> LineageReport:
    return LineageReport(
        direction=direction, starts=(nodes[0].manifest,), depth=None, roles=ORIGINS, nodes=tuple(nodes),
        edges=tuple(edges), notes=(),
    )  # fmt: skip


def author_of(id: ObjectId, author: str) -> Manifest:
    return Manifest(
        artifact=ArtifactName("model", "m"), tree=id, digest=id, size=0, shape="file", author=author, created=TIME,
        message="",
    )  # fmt: skip


def hostile(text: str) -> LineageReport:
    """A report in which everything that has no grammar of its own is this text."""
    return report_of([node(0, stage=text), node(1, stage=text)], [edge(0, 1, attributes={text: text, "x": [text]})])


def steering(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in ("Cc", "Cf") and character != "\n"}


TEXTS = st.one_of(st.just(EVIL), st.text(max_size=80))


# -- trees ---------------------------------------------------------------------------------------------------------


def test_a_tree_of_a_small_history(project: Project) -> None:
    made = story(project)
    workspace = project.workspace()
    text = tree_text(lineage(workspace, made["model/tiny:0.2.0"], direction=Direction.UP))
    run = made["run/sweep"].hex[:8]
    assert text.splitlines() == [
        "model/tiny:0.2.0 [production]  2026-03-07",
        "└─ quantized_from (quantization int8)  model/tiny:0.1.0 [staging]  2026-03-06",
        "   └─ distilled_from (temperature 2.5)  model/fraud:1.2.0 [production]  2026-03-05",
        "      ├─ trained_on  data/labels:1.0.0  2026-03-03",
        "      │  └─ derived_from  data/users:3.1.0  2026-03-02",
        "      ├─ evaluated_on  data/users:3.1.0  2026-03-02",
        f"      ├─ run  run/sweep@b3:{run}  2026-03-04",
        "      │  ├─ trained_on  data/labels:1.0.0  2026-03-03  (see above)",
        "      │  └─ recipe  recipe/adam:1.0.0  2026-03-01",
        "      └─ fine_tuned_from  model/base:2.0.0 [archived]  2026-03-01",
    ]
    workspace.close()


def test_a_node_with_many_ways_to_it_is_written_out_once() -> None:
    """Twenty diamonds one above the other have a million ways; the tree has a line for each edge."""
    nodes, edges = [node(number) for number in range(61)], []
    for at in range(0, 60, 3):
        edges += [edge(at, at + 1), edge(at, at + 2), edge(at + 1, at + 3), edge(at + 2, at + 3)]
    lines = list(tree_lines(report_of(nodes, edges)))
    assert len([line for line in lines if line.node]) == len(edges) + 1


def test_a_chain_of_100_000_is_cut_and_says_so() -> None:
    nodes, edges = [node(number) for number in range(100_000)], [edge(number, number + 1) for number in range(99_999)]
    lines = list(tree_lines(report_of(nodes, edges)))
    assert len(lines) <= LEVELS_MAX + 3 and "deeper" in lines[-1].note


def test_a_circle_in_a_report_ends() -> None:
    report = report_of([node(0), node(1)], [edge(0, 1), edge(1, 0), edge(0, 0)])
    assert len(list(tree_lines(report))) == 4
    assert svg(report) and dot(report) and mermaid(report)


def test_what_is_not_here_is_told() -> None:
    assert "(not in this checkout)" in tree_text(report_of([node(0), node(1, is_here=False)], [edge(0, 1)]))


# -- hostile texts -------------------------------------------------------------------------------------------------


@given(TEXTS)
def test_a_picture_is_well_formed_and_holds_texts_only(text: str) -> None:
    root = ElementTree.fromstring(svg(hostile(text)))
    allowed = {"svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text", "g"}
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in allowed
        assert not any(name.lower().startswith("on") or "href" in name for name in element.attrib)
    assert root.find(f"{SVG}title").text == "Lineage of model/m0:1.0.0"
    assert not steering("".join(root.itertext()))


def test_the_check_of_pictures_would_find_a_script() -> None:
    raw = svg(hostile("x")).replace("<desc", "<script>1</script><desc", 1)
    assert ElementTree.fromstring(raw).find(f"{SVG}script") is not None


@given(TEXTS)
def test_graphviz_reads_every_text_as_one_quoted_string(text: str) -> None:
    drawn = dot(hostile(text))
    assert not steering(drawn)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "S", drawn)
    for line in bare.splitlines()[3:-1]:
        assert re.fullmatch(r"  S( -> S)? \[label=S(, color=S, style=(S|rounded))?\];", line), line
    for label in re.findall(r'label="((?:[^"\\]|\\.)*)"', drawn):
        assert set(re.findall(r"\\(.)", label)) <= {'"', "\\", "n"}


@given(TEXTS)
def test_mermaid_reads_every_text_as_a_label(text: str) -> None:
    drawn = mermaid(hostile(text))
    label = r'"(?:[A-Za-z0-9 .,:/@+_·…-]|#[0-9]+;|<br/>)*"'
    for line in drawn.splitlines()[1:]:
        assert re.fullmatch(
            rf"  n\d+\[{label}\]:::[a-z]+|  n\d+ -->\|{label}\| n\d+|  classDef [a-z]+ [a-z0-9#:,-]+|  style n\d+ [a-z0-9:-]+",
            line,
        ), line


@given(TEXTS)
def test_trees_have_one_line_a_node(text: str) -> None:
    told = tree_text(hostile(text))
    assert len(told.splitlines()) == 2 and not steering(told)


@given(TEXTS)
def test_provenance_keeps_texts_as_data(text: str) -> None:
    report = hostile(text)
    raw = json.dumps(
        prov(report, {one.manifest: author_of(one.manifest, text) for one in report.nodes}, repository="0" * 32)
    )
    agents = list(json.loads(raw)["agent"].values())
    assert agents == [{"prov:type": {"$": "prov:Person", "type": "prov:QUALIFIED_NAME"}, "prov:label": text}]


# -- W3C PROV ------------------------------------------------------------------------------------------------------


def test_the_prov_package_reads_our_provenance(project: Project) -> None:
    made = story(project)
    workspace = project.workspace()
    report = lineage(workspace, made["model/fraud:1.2.0"])
    value = provenance(workspace, report)
    workspace.close()
    document = ProvDocument.deserialize(content=json.dumps(value), format="json")
    assert ProvDocument.deserialize(content=document.serialize(format="json"), format="json") == document
    assert {
        str(record.identifier)
        for record in document.get_records()
        if record.identifier and "manifest:" in str(record.identifier)
    } == {f"manifest:{node.manifest}" for node in report.nodes}
    derived = {
        (str(derivation.args[0]), str(derivation.args[1])) for derivation in document.get_records(ProvDerivation)
    }
    assert derived == {
        (f"manifest:{edge.child}", f"manifest:{edge.parent}") for edge in report.edges if edge.role != "run"
    }
    run, fraud = made["run/sweep"], made["model/fraud:1.2.0"]
    generated = {(str(found.args[0]), str(found.args[1])) for found in document.get_records(ProvGeneration)}
    assert (f"manifest:{fraud}", f"run:{run}") in generated and len(generated) == len(report.nodes)
    assert {use["prov:entity"] for use in value["used"].values() if use["prov:activity"] == f"run:{run}"} >= {
        f"manifest:{made['recipe/adam:1.0.0']}",
        f"manifest:{made['data/labels:1.0.0']}",
    }
    teacher = next(one for one in value["wasDerivedFrom"].values() if "pacha:attributes" in one)
    assert teacher["pacha:attributes"] == "temperature 2.5" and teacher["prov:type"]["$"] == "pacha:distilled_from"
    assert len(value["wasAttributedTo"]) == len(report.nodes) and len(value["agent"]) == 1


def test_provenance_of_what_is_not_here_is_its_name() -> None:
    value = prov(
        report_of([node(0), node(1, is_here=False)], [edge(0, 1)]),
        {id_of(0): author_of(id_of(0), "Ada")},
        repository="0" * 32,
    )
    assert len(value["entity"]) == 2 and len(value["wasGeneratedBy"]) == 1
    ProvDocument.deserialize(content=json.dumps(value), format="json")


# -- layout --------------------------------------------------------------------------------------------------------


@given(st.integers(1, 12).flatmap(lambda count: st.tuples(
    st.just(count), st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=30)
)))  # fmt: skip
def test_nothing_overlaps_and_edges_go_right(drawn: tuple[int, list[tuple[int, int]]]) -> None:
    count, pairs = drawn
    edges = [(a, b) for a, b in pairs if a < b] if len(pairs) % 3 else pairs
    layout = arrange(count, edges, height=40)
    places: dict[int, list[tuple[float, float]]] = {}
    for layer, middle in zip(layout.layers, layout.middles, strict=True):
        places.setdefault(layer, []).append((middle, 40))
    for (parent, child), bends in layout.bends.items():
        assert layout.layers[parent] < layout.layers[child]
        assert [layer for layer, _ in bends] == list(range(layout.layers[parent] + 1, layout.layers[child]))
        for layer, height in bends:
            places.setdefault(layer, []).append((height, BEND_HEIGHT))
    for found in places.values():
        found.sort()
        for (low, low_height), (high, high_height) in zip(found, found[1:], strict=False):
            assert high - low >= (low_height + high_height) / 2 - 1e-6
    assert min(layout.middles) >= 0


def test_a_long_chain_and_a_wide_merge_are_laid_out() -> None:
    chain = arrange(50_000, [(number, number + 1) for number in range(49_999)], height=40)
    assert list(chain.layers) == list(range(50_000)) and max(chain.middles) == min(chain.middles)
    wide = arrange(1025, [(number, 1024) for number in range(1024)], height=40)
    assert set(wide.layers) == {0, 1}


def test_a_complete_order_keeps_its_bends_bounded() -> None:
    layout = arrange(120, [(a, b) for a in range(120) for b in range(a + 1, 120)], height=40)
    assert sum(map(len, layout.bends.values())) <= 20_000


def test_a_picture_of_too_much_is_refused() -> None:
    with pytest.raises(TooManyNodes):
        svg(report_of([node(number) for number in range(NODES_MAX + 1)], []))


def test_a_picture_tells_kind_stage_and_role_in_words() -> None:
    made = svg(
        report_of([node(0, stage="production"), node(1, kind="data"), node(2, is_here=False)],
                  [edge(0, 1, attributes={"split": 0.8}), edge(0, 2, "merged_from")])
    )  # fmt: skip
    texts = [element.text for element in ElementTree.fromstring(made).iter(f"{SVG}text")]
    assert {"production", "m0:1.0.0", "trained_on", "split 0.8", "merged_from", "not in this checkout"} <= set(texts)
    assert any(text and text.startswith("data · 2026-03-03") for text in texts)


def test_every_role_has_a_place_in_the_order_of_a_tree() -> None:
    nodes = [node(number) for number in range(len(ROLES) + 1)]
    edges = [edge(0, number, role) for number, role in enumerate(reversed(ROLES), start=1)]
    shown = [line.role for line in tree_lines(report_of(nodes, edges))][1:]
    assert shown == list(ROLES)
