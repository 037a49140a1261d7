"""Parents before children: an order in which a graph can be written, even where somebody drew circles into it."""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pacha.base.errors import Corrupt

_Node = TypeVar("_Node")
#: A graph with more circles is damaged as a whole, and breaking each of them costs a walk.
CIRCLES_MAX = 1_000


class TooManyCircles(Corrupt):
    """A graph of parents has so many circles that no order of it means anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Generic[_Node]):
    """Nodes, parents first; and the edges (child, parent) that had to be left out for that."""

    nodes: tuple[_Node, ...]
    broken: tuple[tuple[_Node, _Node], ...]
    given_up: tuple[tuple[_Node, _Node], ...]


def parents_first(
    nodes: Sequence[_Node],
    edges: Iterable[tuple[_Node, _Node]],
    wishes: Iterable[tuple[_Node, _Node]] = (),
) -> Order[_Node]:
    """Orders nodes so that every edge (child, parent) leads backwards; else as they were given.

    A circle of edges loses one edge (`broken`); a wish gives way where the edges do not allow it (`given_up`). All
    nodes of edges and wishes must be given. Errors: `TooManyCircles`.

    >>> order = parents_first(["model", "data", "run"], [("model", "run"), ("run", "data")])
    >>> order.nodes
    ('data', 'run', 'model')
    >>> parents_first(["a", "b"], [("a", "b"), ("b", "a")]).broken
    (('b', 'a'),)
    """
    place = {node: number for number, node in enumerate(nodes)}
    hard = _Links((place[child], place[parent]) for child, parent in edges)
    broken = _break_circles(len(nodes), hard)
    soft = _Links((place[child], place[parent]) for child, parent in wishes)
    order, given_up = _sorted(len(nodes), hard, soft)
    return Order(
        nodes=tuple(nodes[number] for number in order),
        broken=tuple((nodes[child], nodes[parent]) for child, parent in broken),
        given_up=tuple((nodes[child], nodes[parent]) for child, parent in given_up),
    )


class _Links:
    """Edges by child and by parent."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self.parents: dict[int, set[int]] = defaultdict(set)
        self.children: dict[int, set[int]] = defaultdict(set)
        for child, parent in pairs:
            self.parents[child].add(parent)
            self.children[parent].add(child)

    def drop(self, child: int, parent: int) -> None:
        self.parents[child].discard(parent)
        self.children[parent].discard(child)


def _break_circles(count: int, links: _Links) -> list[tuple[int, int]]:
    """Takes one edge out of every circle. What is left over when nothing has an open parent any more holds a circle."""
    broken: list[tuple[int, int]] = []
    waiting = {node: len(links.parents[node]) for node in range(count)}
    ready = [node for node in range(count) if not waiting[node]]
    while True:
        while ready:
            node = ready.pop()
            if waiting.pop(node, None) is None:
                continue
            for child in links.children[node]:
                if child in waiting:
                    waiting[child] -= 1
                    if not waiting[child]:
                        ready.append(child)
        if not waiting:
            return broken
        if len(broken) >= CIRCLES_MAX:
            raise TooManyCircles(f"the graph of parents has more than {CIRCLES_MAX} circles")
        child, parent = _closing_edge(next(iter(waiting)), links, waiting)
        links.drop(child, parent)
        broken.append((child, parent))
        waiting[child] -= 1
        if not waiting[child]:
            ready.append(child)


def _closing_edge(start: int, links: _Links, waiting: dict[int, int]) -> tuple[int, int]:
    """Walks from parent to parent until one was seen before: the last step closes a circle."""
    seen = {start}
    node = start
    while True:
        parent = min(parent for parent in links.parents[node] if parent in waiting)
        if parent in seen:
            return node, parent
        seen.add(parent)
        node = parent


def _sorted(count: int, hard: _Links, soft: _Links) -> tuple[list[int], list[tuple[int, int]]]:
    """Kahn's algorithm, the earliest node first. Where only wishes are in the way, the earliest gives its own up."""
    given_up: list[tuple[int, int]] = []
    order: list[int] = []
    open_hard = {node: len(hard.parents[node]) for node in range(count)}
    open_soft = {node: len(soft.parents[node] - {node}) for node in range(count)}
    ready = [node for node in range(count) if not open_hard[node] and not open_soft[node]]
    wishing = [node for node in range(count) if not open_hard[node] and open_soft[node]]
    done: set[int] = set()
    while ready or wishing:
        node = heapq.heappop(ready) if ready else heapq.heappop(wishing)
        if node in done:
            continue
        given_up.extend((node, parent) for parent in sorted(soft.parents[node]) if parent not in done)
        done.add(node)
        order.append(node)
        for links, counts in ((hard, open_hard), (soft, open_soft)):
            for child in links.children[node]:
                counts[child] -= 1
                if child not in done and not open_hard[child]:
                    heapq.heappush(wishing if open_soft[child] > 0 else ready, child)
    return order, given_up
