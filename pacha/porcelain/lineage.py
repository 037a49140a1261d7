"""`pacha lineage`: where an artifact came from, what came of it, the ways between two, and what a change would reach.

By default history is left out (the role `previous`): that a version follows another says nothing of what it was made
from, and `pacha log` shows it. A manifest that no head, version or run leads to is nobody's commit (what a command
that died or lost has left), so nothing is said to come of it.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.graph.lineage import ORIGINS, Edge, Lineage
from pacha.index.edges import Edges
from pacha.objects.manifest import ROLES
from pacha.porcelain.lineage_nodes import LineageNode, Names
from pacha.porcelain.workspace import Workspace


class Direction(Enum):
    """Which way a question looks."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageEdge:
    """`child` came from `parent` in a role, with what its manifest says of it (temperature, weights, …)."""

    child: ObjectId
    parent: ObjectId
    role: str
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageReport:
    """An answer. `starts` is what was asked about; of two, the one that came from the other is first.

    `nodes` begin with the starts, then what is near. `edges` are all edges in these roles between the nodes. `notes`
    say what could not be read.
    """

    direction: Direction
    starts: tuple[ObjectId, ...]
    depth: int | None
    roles: tuple[str, ...]
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    notes: tuple[str, ...]


def lineage(
    workspace: Workspace,
    id: ObjectId,
    *,
    direction: Direction = Direction.BOTH,
    depth: int | None = None,
    roles: Collection[str] = ORIGINS,
) -> LineageReport:
    """What a commit came from, what came of it, or both, in so many steps. Errors: `NotInLineage`, `Corrupt`."""
    names = Names(workspace)
    starts_up, starts_down = ({id} if direction is not other else set() for other in (Direction.DOWN, Direction.UP))

    def question(graph: Lineage) -> tuple[LineageReport, Iterable[ObjectId]]:
        up = [] if direction is Direction.DOWN else graph.ancestors(id, roles=roles, depth=depth)
        down = [] if direction is Direction.UP else graph.descendants(id, roles=roles, depth=depth)
        looked = graph.all_descendants(id) if down else []
        kept = _published(graph, names, down, looked)
        report = _report(
            names, graph, [id, *up, *kept], direction=direction, starts=(id,), depth=depth, roles=roles,
            cut=_Cut(up=frozenset(up) | starts_up, down=frozenset(kept) | starts_down),
        )  # fmt: skip
        return report, {id, *up, *down, *looked}

    return workspace.once(Edges).ask(question)


def between(workspace: Workspace, a: ObjectId, b: ObjectId, *, roles: Collection[str] = ORIGINS) -> LineageReport:
    """Every way between two commits, whichever came from the other; no nodes if neither did."""
    names = Names(workspace)

    def question(graph: Lineage) -> tuple[LineageReport, Iterable[ObjectId]]:
        ids = graph.nodes_between(a, b, roles=roles)
        is_up = len(ids) == 0 or b not in graph.all_descendants(a, roles=roles)
        starts = (a, b) if is_up else (b, a)
        ordered = ids if is_up else ids[::-1]
        report = _report(names, graph, ordered, direction=Direction.BETWEEN, starts=starts, depth=None, roles=roles)
        return report, {a, b, *ids}

    return workspace.once(Edges).ask(question)


def roots(workspace: Workspace, id: ObjectId, *, roles: Collection[str] = ORIGINS) -> tuple[LineageNode, ...]:
    """What a commit came from in the end: its ancestors that came from nothing; itself if it came from nothing."""
    report = lineage(workspace, id, direction=Direction.UP, roles=roles)
    children = {edge.child for edge in report.edges}
    return tuple(node for node in report.nodes if node.manifest not in children)


def leaves(workspace: Workspace, id: ObjectId, *, roles: Collection[str] = ORIGINS) -> tuple[LineageNode, ...]:
    """What came of a commit in the end: its descendants that nothing came of; itself if nothing did."""
    report = lineage(workspace, id, direction=Direction.DOWN, roles=roles)
    parents = {edge.parent for edge in report.edges}
    return tuple(node for node in report.nodes if node.manifest not in parents)


# -- reports -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """The nodes whose parents, and those whose children, were looked for: what is missing there was cut off."""

    up: frozenset[ObjectId]
    down: frozenset[ObjectId]


def _report(
    names: Names, graph: Lineage, ids: Iterable[ObjectId], *, direction: Direction, starts: tuple[ObjectId, ...],
    depth: int | None, roles: Collection[str], cut: _Cut | None = None,
) -> LineageReport:  # fmt: skip
    chosen = list(dict.fromkeys(ids))
    shown = set(chosen)
    nodes = []
    for id in chosen:
        hidden = [0, 0]
        if depth is not None and cut is not None:
            hidden[0] = len({edge.parent for edge in graph.parents(id, roles=roles)} - shown) if id in cut.up else 0
            hidden[1] = len({edge.child for edge in graph.children(id, roles=roles)} - shown) if id in cut.down else 0
        nodes.append(names.node(graph, id, hidden_parents=hidden[0], hidden_children=hidden[1]))
    return LineageReport(
        direction=direction,
        starts=starts,
        depth=depth,
        roles=_ordered(roles),
        nodes=tuple(nodes),
        edges=tuple(_with_attributes(names, graph.edges_among(chosen, roles=roles))),
        notes=names.notes(),
    )


def _with_attributes(names: Names, edges: Iterable[Edge]) -> Iterator[LineageEdge]:
    catalog = names._workspace.catalog
    for edge in edges:
        attributes: Mapping[str, object] = {}
        if edge.has_attributes:
            # Where the file has just changed, the question will be asked again.
            with contextlib.suppress(Absent, Corrupt):
                for parent in catalog.manifest(edge.child).parents:
                    if (parent.role, parent.manifest) == (edge.role, edge.parent):
                        attributes = parent.attributes
        yield LineageEdge(child=edge.child, parent=edge.parent, role=edge.role, attributes=attributes)


def _ordered(roles: Collection[str]) -> tuple[str, ...]:
    return tuple(role for role in ROLES if role in roles)


def _published(graph: Lineage, names: Names, ids: Sequence[ObjectId], below: Iterable[ObjectId]) -> list[ObjectId]:
    """Those of some descendants that a head, a version or a run leads to. `below` is all that may lead to them."""
    candidates = {*ids, *below}
    named = [id for id in candidates if (node := graph.find_node(id)) is not None and names.is_published(node)]
    if len(named) == len(candidates):
        return list(ids)
    led_to = set(graph.with_ancestors(named))
    return [id for id in ids if id in led_to]
