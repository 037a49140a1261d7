"""Where the nodes of a drawing go: layers from left to right, few crossings, straight lines where there can be.

Pure geometry, after Sugiyama, Tagawa and Toda (1981): each node is one layer right of the last of its parents; an edge
over several layers bends at invisible nodes; each layer is sorted by where its neighbours stand, to and fro; then each
is put where its neighbours are, as near as the order allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Sweeps over all layers; more change little.
SWEEPS = 8
#: Bends cost a node for each layer that an edge crosses; above this, long edges are drawn straight.
BENDS_MAX = 20_000
#: Height that a bend needs, so that the labels of two edges into one node do not touch halfway.
BEND_HEIGHT = 36.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`layers` of each node, its vertical `middle`, and the bends of each edge as (layer, height). Units: pixels."""

    layers: Sequence[int]
    middles: Sequence[float]
    bends: Mapping[tuple[int, int], Sequence[tuple[int, float]]]


def arrange(count: int, edges: Sequence[tuple[int, int]], *, height: float) -> Layout:
    """Arranges nodes 0 to `count - 1` of that height; an edge is (parent, child). Edges of a circle do not count.

    >>> arrange(3, [(0, 2), (1, 2)], height=10).layers
    [0, 0, 1]
    """
    forward = _without_circles(count, list(dict.fromkeys(edges)))
    layers = _layers(count, forward)
    graph = _bent(layers, forward)
    rows = _sorted(graph)
    heights = [height if node < count else BEND_HEIGHT for node in range(len(graph.layers))]
    middles = _placed(graph, rows, heights)
    bends = {edge: [(graph.layers[bend], middles[bend]) for bend in chain] for edge, chain in graph.chains.items()}
    return Layout(layers=layers, middles=middles[:count], bends=bends)


@dataclass(slots=True, kw_only=True)
class _Graph:
    """Nodes and bends with their layers, neighbours to the left and to the right, and the bends of each edge."""

    layers: list[int]
    left: list[list[int]]
    right: list[list[int]]
    chains: dict[tuple[int, int], list[int]]


def _without_circles(count: int, edges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges between nodes that an order from parents to children can hold, in that order of their parents."""
    place = {node: number for number, node in enumerate(_order(count, edges))}
    kept = [edge for edge in edges if edge[0] in place and edge[1] in place]
    return sorted(kept, key=lambda edge: place[edge[0]])


def _order(count: int, edges: list[tuple[int, int]]) -> list[int]:
    children: list[list[int]] = [[] for _ in range(count)]
    left = [0] * count
    for parent, child in edges:
        children[parent].append(child)
        left[child] += 1
    ready = [node for node in range(count) if not left[node]]
    for node in ready:
        for child in children[node]:
            left[child] -= 1
            if not left[child]:
                ready.append(child)
    return ready


def _layers(count: int, forward: list[tuple[int, int]]) -> list[int]:
    """The longest way from a root; a root stands next to the first of its children."""
    layers = [0] * count
    for parent, child in forward:
        layers[child] = max(layers[child], layers[parent] + 1)
    has_parent = {child for _, child in forward}
    first: dict[int, int] = {}
    for parent, child in forward:
        first[parent] = min(first.get(parent, layers[child]), layers[child])
    for node, layer in first.items():
        if node not in has_parent:
            layers[node] = layer - 1
    return layers


def _bent(layers: list[int], forward: list[tuple[int, int]]) -> _Graph:
    graph = _Graph(layers=list(layers), left=[[] for _ in layers], right=[[] for _ in layers], chains={})
    room = BENDS_MAX
    for parent, child in forward:
        chain: list[int] = []
        if layers[child] - layers[parent] - 1 <= room:
            room -= max(0, layers[child] - layers[parent] - 1)
            for layer in range(layers[parent] + 1, layers[child]):
                chain.append(len(graph.layers))
                graph.layers.append(layer)
                graph.left.append([])
                graph.right.append([])
        graph.chains[parent, child] = chain
        ends = [parent, *chain, child]
        for one, other in zip(ends, ends[1:], strict=False):
            graph.right[one].append(other)
            graph.left[other].append(one)
    return graph


def _sorted(graph: _Graph) -> list[list[int]]:
    """The nodes of each layer from top to bottom, sorted to and fro by the mean place of their neighbours."""
    rows: list[list[int]] = [[] for _ in range(max(graph.layers, default=-1) + 1)]
    for node, layer in enumerate(graph.layers):
        rows[layer].append(node)
    place = {node: float(at) for row in rows for at, node in enumerate(row)}
    for sweep in range(SWEEPS):
        near, order = (graph.left, rows) if sweep % 2 == 0 else (graph.right, rows[::-1])
        for row in order:
            mean = {node: _mean([place[other] for other in near[node]], place[node]) for node in row}
            row.sort(key=lambda node: (mean[node], place[node]))
            place.update((node, float(at)) for at, node in enumerate(row))
    return rows


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _placed(graph: _Graph, rows: list[list[int]], heights: list[float]) -> list[float]:
    """Heights that follow the neighbours and keep the order of each row."""
    middles = [0.0] * len(graph.layers)
    for row in rows:
        for node, top in zip(row, _offsets(row, heights), strict=True):
            middles[node] = top
    for sweep in range(SWEEPS):
        order = rows if sweep % 2 == 0 else rows[::-1]
        for row in order:
            near = graph.left if sweep % 2 == 0 else graph.right
            wished = [_mean([middles[other] for other in near[node]], middles[node]) for node in row]
            offsets = _offsets(row, heights)
            level = _nondecreasing([wish - offset for wish, offset in zip(wished, offsets, strict=True)])
            for node, base, offset in zip(row, level, offsets, strict=True):
                middles[node] = base + offset
    top = min((middles[node] - heights[node] / 2 for node in range(len(middles))), default=0.0)
    return [middle - top for middle in middles]


def _offsets(row: list[int], heights: list[float]) -> list[float]:
    """The middles of a row's nodes where each touches the next."""
    found, used = [], 0.0
    for node in row:
        found.append(used + heights[node] / 2)
        used += heights[node]
    return found


def _nondecreasing(wished: Sequence[float]) -> list[float]:
    """The values nearest to those wished of which none is below the one before (pooling adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for value in wished:
        total, count = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / count:
            more, others = pools.pop()
            total, count = total + more, count + others
        pools.append((total, count))
    return [total / count for total, count in pools for _ in range(count)]
