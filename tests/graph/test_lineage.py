"""Lineage answers every question as networkx does, whatever the graph; depth and circles stop nothing."""

from collections.abc import Mapping, Sequence

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.graph.columns import BadColumns, Row, decode, encode, pack
from pacha.graph.lineage import ORIGINS, Circular, Lineage, NodeState, NotInLineage, to_networkx
from pacha.objects.manifest import ROLES, Manifest, Parent

#: Which parents each node has: (role, node). Nodes of a number that is not a key are not here.
Shape = Mapping[int, Sequence[tuple[str, int]]]
TIME = "2026-03-03T12:00:00Z"
DEEP = 100_000


def id_of(node: int) -> ObjectId:
    return hash_bytes(str(node).encode())


def graph_of(shape: Shape, *, parts: int = 1) -> Lineage:
    rows: list[list[Row]] = [[] for _ in range(parts)]
    for node, parents in shape.items():
        edges = tuple((ROLES.index(role), id_of(parent).raw) for role, parent in parents)
        rows[node % parts].append(Row(id=id_of(node).raw, artifact=f"model/m{node % 3}", created=TIME, parents=edges))
    return Lineage([pack(part) for part in rows])


def oracle(shape: Shape, roles: Sequence[str] | None = None) -> "networkx.MultiDiGraph[ObjectId]":
    graph: networkx.MultiDiGraph[ObjectId] = networkx.MultiDiGraph()
    for node, parents in shape.items():
        graph.add_node(id_of(node))
        for role, parent in parents:
            graph.add_node(id_of(parent))
            if roles is None or role in roles:
                graph.add_edge(id_of(parent), id_of(node), key=role)
    return graph


def parents_among(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[list[tuple[str, int]]]:
    return st.lists(st.tuples(st.sampled_from(ROLES[:4]), numbers), max_size=4, unique=True)


@st.composite
def dags(draw: st.DrawFn) -> dict[int, list[tuple[str, int]]]:
    """Honest histories: a parent is older than its child; negative ones are not here."""
    count = draw(st.integers(1, 14))
    return {node: draw(parents_among(st.integers(-2, node - 1))) for node in range(count)}


@st.composite
def forgeries(draw: st.DrawFn) -> dict[int, list[tuple[str, int]]]:
    """Anything, circles and nodes that name themselves included."""
    count = draw(st.integers(1, 10))
    return {node: draw(parents_among(st.integers(-1, count - 1))) for node in range(count)}


ROLE_SETS = st.sampled_from([None, ("previous",), ("trained_on", "recipe"), ORIGINS])


@given(forgeries(), ROLE_SETS, st.integers(1, 3), st.integers(0, 4))
def test_ancestors_and_descendants_are_those_of_networkx(shape, roles, parts: int, depth: int) -> None:
    graph, truth = graph_of(shape, parts=parts), oracle(shape, roles)
    assert set(graph) == set(truth.nodes)
    for id in truth.nodes:
        up, down = graph.all_ancestors(id, roles=roles), graph.all_descendants(id, roles=roles)
        assert len(set(up)) == len(up) and set(up) == networkx.ancestors(truth, id) - {id}
        assert len(set(down)) == len(down) and set(down) == networkx.descendants(truth, id) - {id}
        near = networkx.single_source_shortest_path_length(truth, id, cutoff=depth)
        assert set(graph.descendants(id, roles=roles, depth=depth)) == set(near) - {id}
        assert [near[found] for found in graph.descendants(id, roles=roles, depth=depth)] == sorted(near.values())[1:]
        assert {edge.parent for edge in graph.parents(id, roles=roles)} == set(truth.predecessors(id))
        assert {edge.child for edge in graph.children(id, roles=roles)} == set(truth.successors(id))


@given(forgeries(), ROLE_SETS)
def test_whole_graph_questions_are_answered_as_networkx_does(shape, roles) -> None:
    graph, truth = graph_of(shape), oracle(shape, roles)
    assert graph.is_dag(roles=roles) == networkx.is_directed_acyclic_graph(truth)
    assert set(graph.root_nodes(roles=roles)) == {id for id in truth if not truth.in_degree(id)}
    assert set(graph.leaf_nodes(roles=roles)) == {id for id in truth if not truth.out_degree(id)}
    if not graph.is_dag(roles=roles):
        with pytest.raises(Circular):
            graph.topological_sort(roles=roles)


@given(dags(), ROLE_SETS)
def test_order_and_depth_of_an_honest_history(shape, roles) -> None:
    graph, truth = graph_of(shape), oracle(shape, roles)
    place = {id: number for number, id in enumerate(graph.topological_sort(roles=roles))}
    assert len(place) == len(truth) and all(place[parent] < place[child] for parent, child in truth.edges())
    for id in truth:
        above = truth.subgraph(networkx.ancestors(truth, id) | {id})
        assert graph.depth(id, roles=roles) == networkx.dag_longest_path_length(networkx.DiGraph(above))


@given(forgeries())
def test_depth_ends_on_a_circle(shape) -> None:
    graph, truth = graph_of(shape), oracle(shape)
    for id in truth:
        above = truth.subgraph(networkx.ancestors(truth, id) | {id})
        if networkx.is_directed_acyclic_graph(above):
            graph.depth(id)
        else:
            with pytest.raises(Circular):
                graph.depth(id)


@given(forgeries(), ROLE_SETS, st.data())
def test_ways_between_two_nodes(shape, roles, data) -> None:
    graph, truth = graph_of(shape), oracle(shape, roles)
    ids = sorted(truth.nodes)
    a, b = data.draw(st.sampled_from(ids)), data.draw(st.sampled_from(ids))
    way = graph.path_between(a, b, roles=roles)
    downwards = networkx.has_path(truth, a, b)
    if not downwards and not networkx.has_path(truth, b, a):
        assert len(way) == 0 and graph.edges_between(a, b, roles=roles) == []
        return
    first, last = (b, a) if networkx.has_path(truth, b, a) else (a, b)
    assert len(way) == networkx.shortest_path_length(truth, first, last) + 1 and (way[0], way[-1]) == (a, b)
    between = {id for id in truth if networkx.has_path(truth, first, id) and networkx.has_path(truth, id, last)}
    assert set(graph.nodes_between(a, b, roles=roles)) == between
    edges = {(edge.parent, edge.child, edge.role) for edge in graph.edges_between(a, b, roles=roles)}
    assert edges == set(truth.subgraph(between).edges(keys=True))


@given(forgeries(), st.data())
def test_impact_is_what_is_wanted_below_with_a_shortest_way(shape, data) -> None:
    graph, truth = graph_of(shape), oracle(shape)
    ids = sorted(truth.nodes)
    starts = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=3, unique=True))
    wanted = set(data.draw(st.lists(st.sampled_from(ids), max_size=5)))
    below = networkx.multi_source_dijkstra_path_length(truth, set(starts), weight=lambda *_: 1)
    hits = dict(graph.impact(starts, wanted))
    assert set(hits) == (set(below) - set(starts)) & wanted
    for id, way in hits.items():
        assert way[0] in starts and way[-1] == id and len(way) == below[id] + 1
        assert all(truth.has_edge(*pair) for pair in zip(way, way[1:], strict=False))


@given(dags())
def test_networkx_gets_the_whole_graph(shape) -> None:
    made, truth = to_networkx(graph_of(shape)), oracle(shape)
    assert set(made.nodes) == {id.hex for id in truth}
    assert set(made.edges(keys=True)) == {(a.hex, b.hex, role) for a, b, role in truth.edges(keys=True)}


@given(forgeries())
def test_columns_come_back_as_they_were(shape) -> None:
    rows = [
        Row(id=id_of(node).raw, artifact=f"data/{'x' * (node + 1)}", created=TIME,
            parents=tuple((ROLES.index(role), id_of(parent).raw) for role, parent in parents))
        for node, parents in shape.items()
    ]  # fmt: skip
    raw = encode(pack(rows))
    assert sorted(rows, key=lambda row: row.id) == list(decode(raw).rows())
    for length in range(len(raw)):
        with pytest.raises(BadColumns):
            decode(raw[:length])
    with pytest.raises(BadColumns):
        decode(raw + b"\0")
    with pytest.raises(BadColumns):
        decode(raw.replace(b"trained_on", b"trained_by"))


def test_a_chain_of_100_000_needs_no_stack() -> None:
    graph = graph_of({node: [("previous", node - 1)] if node else [] for node in range(DEEP)})
    tip, root = id_of(DEEP - 1), id_of(0)
    assert len(graph.all_ancestors(tip)) == len(graph.all_descendants(root)) == DEEP - 1
    assert graph.depth(tip) == DEEP - 1 and graph.is_dag()
    assert len(graph.path_between(root, tip)) == len(graph.nodes_between(tip, root)) == DEEP
    assert len(graph.topological_sort()) == DEEP
    assert max(len(way) for _, way in graph.impact([root], graph)) == 64


def test_one_circle_of_100_000_ends_everywhere() -> None:
    graph = graph_of({node: [("derived_from", (node + 1) % DEEP)] for node in range(DEEP)})
    one = id_of(7)
    assert not graph.is_dag() and len(graph.all_ancestors(one)) == DEEP - 1 and len(graph.root_nodes()) == 0
    with pytest.raises(Circular):
        graph.depth(one)


def test_a_merge_of_1_024_parents_keeps_their_order() -> None:
    graph = graph_of({0: [("merged_from", node) for node in range(1, 1025)]})
    assert [edge.parent for edge in graph.parents(id_of(0))] == [id_of(node) for node in range(1, 1025)]
    assert graph.depth(id_of(0)) == 1 and len(graph.all_ancestors(id_of(0))) == 1024


def test_nodes_say_what_is_known_of_them() -> None:
    a, b, c = (id_of(node) for node in range(3))
    graph = Lineage(
        [pack([Row(id=a.raw, artifact="data/x", created=TIME, parents=((1, b.raw), (1, c.raw)))])], {c: "no"}
    )
    here, absent, damaged = (graph.find_node(id) for id in (a, b, c))
    assert here is not None and absent is not None and damaged is not None
    assert (here.artifact, here.created, here.state) == (ArtifactName("data", "x"), TIME, NodeState.HERE)
    assert (absent.artifact, absent.state) == (None, NodeState.ABSENT)
    assert (damaged.state, damaged.problem) == (NodeState.DAMAGED, "no")
    assert graph.commits_of(ArtifactName("data", "x")) == [a] and graph.commits_of(ArtifactName("data", "y")) == []
    assert graph.find_node(id_of(9)) is None and id_of(9) not in graph
    with pytest.raises(NotInLineage):
        graph.all_ancestors(id_of(9))


def test_attributes_are_marked_on_their_edge() -> None:
    parents = (
        Parent(role="distilled_from", manifest=id_of(1), attributes={"temperature": 2.5}),
        Parent(role="trained_on", manifest=id_of(2)),
    )
    manifest = Manifest(
        artifact=ArtifactName("model", "m"), tree=id_of(3), digest=id_of(4), size=1, shape="file", author="Ada",
        created=TIME, message="", parents=parents,
    )  # fmt: skip
    edges = Lineage.of({id_of(0): manifest}).parents(id_of(0))
    assert [(edge.role, edge.has_attributes) for edge in edges] == [("distilled_from", True), ("trained_on", False)]
