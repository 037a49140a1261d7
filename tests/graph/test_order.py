"""Properties of `parents_first`: every edge that is left leads backwards, and no more are left out than must be."""

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.graph.order import CIRCLES_MAX, TooManyCircles, parents_first

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25)


@given(PAIRS)
def test_edges_that_are_kept_lead_backwards(edges: list[tuple[int, int]]) -> None:
    order = parents_first(range(10), edges)
    place = {node: number for number, node in enumerate(order.nodes)}
    assert sorted(order.nodes) == list(range(10))
    assert set(order.broken) <= set(edges)
    assert all(place[parent] < place[child] for child, parent in set(edges) - set(order.broken))


@given(PAIRS)
def test_a_graph_without_circles_loses_nothing(edges: list[tuple[int, int]]) -> None:
    graph = networkx.DiGraph(edges)
    assert (not parents_first(range(10), edges).broken) == networkx.is_directed_acyclic_graph(graph)


@given(PAIRS, PAIRS)
def test_wishes_never_cost_an_edge_and_are_kept_where_all_fit(
    edges: list[tuple[int, int]], wishes: list[tuple[int, int]]
) -> None:
    wishes = [(child, parent) for child, parent in wishes if child != parent]
    order = parents_first(range(10), edges, wishes)
    assert set(order.broken) == set(parents_first(range(10), edges).broken)
    place = {node: number for number, node in enumerate(order.nodes)}
    assert all(place[parent] < place[child] for child, parent in set(wishes) - set(order.given_up))
    kept = set(edges) - set(order.broken)
    if networkx.is_directed_acyclic_graph(networkx.DiGraph([*kept, *wishes])):
        assert not order.given_up


def test_nodes_without_edges_stay_as_they_were_given() -> None:
    assert parents_first(["b", "a", "c"], []).nodes == ("b", "a", "c")


def test_too_many_circles_are_an_error() -> None:
    nodes = range(4 * CIRCLES_MAX)
    with pytest.raises(TooManyCircles):
        parents_first(nodes, [(node, node ^ 1) for node in nodes])
