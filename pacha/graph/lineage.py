"""Lineage: the graph of manifest parents as one value, and every question that is asked of it.

Pure: it is made of columns or manifests, and reads nothing. Ancestors are found along parents, descendants against
them. A parent whose manifest is not here is a node too, of which nothing else is known. Also the only door to the
package `networkx`, which is imported when a graph is handed to it.

Longer than most modules: each question of docs/lineage.md is one short method here.
"""

from bisect import bisect_right
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, overload

from pacha.base.errors import Corrupt, NotFound
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.adjacency import Adjacency, way_to
from pacha.graph.columns import HAS_ATTRIBUTES, Columns, Row, pack, split
from pacha.objects.manifest import ROLES, Manifest

if TYPE_CHECKING:
    import networkx

#: Where something came from, as opposed to what it followed: every role but `previous`.
ORIGINS = tuple(role for role in ROLES if role != "previous")

#: Nobody reads a longer explanation; and a chain of 100,000, all of it wanted, must not fill the memory.
WAY_MAX = 64


class NotInLineage(NotFound):
    """No manifest of that id is here, and none that is here names it."""

    def __init__(self, id: ObjectId) -> None:
        super().__init__(f"manifest:{id.short} is not in the lineage of this checkout", manifest=str(id))


class Circular(Corrupt):
    """Manifests name each other in a circle, which no honest store can hold: an id is made of what it names."""


class NodeState(Enum):
    """Whether the manifest of a node is here and sound."""

    HERE = "here"
    ABSENT = "absent"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One manifest. `artifact` and `created` are None unless its state is HERE; `problem` says why it is damaged."""

    id: ObjectId
    artifact: ArtifactName | None
    created: str | None
    state: NodeState
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`child` names `parent` in a role. The attributes themselves are in the child's manifest."""

    child: ObjectId
    parent: ObjectId
    role: str
    has_attributes: bool = False


class Ids(Sequence[ObjectId]):
    """Ids in an order, each made when it is asked for: 100,000 of them cost nothing until then."""

    def __init__(self, raw: Sequence[bytes]) -> None:
        self.raw = raw

    def __len__(self) -> int:
        return len(self.raw)

    @overload
    def __getitem__(self, at: int) -> ObjectId: ...
    @overload
    def __getitem__(self, at: slice) -> "Ids": ...
    def __getitem__(self, at: int | slice) -> "ObjectId | Ids":
        return Ids(self.raw[at]) if isinstance(at, slice) else ObjectId(self.raw[at])

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]


class Lineage:
    """The graph. Each question takes `roles`, the only ones to follow; None is all of them.

    Errors of each question about an id: `NotInLineage`.

    >>> a, b, c = (ObjectId(letter * 32) for letter in (b"a", b"b", b"c"))
    >>> trained_on, recipe = ROLES.index("trained_on"), ROLES.index("recipe")
    >>> def row(id, *parents):
    ...     return Row(id=id.raw, artifact="model/x", created="2026-03-03T12:00:00Z", parents=parents)
    >>> graph = Lineage([pack([row(a), row(b, (trained_on, a.raw)), row(c, (recipe, b.raw), (trained_on, a.raw))])])
    >>> graph.all_ancestors(c) == [b, a], graph.all_descendants(a, roles=["trained_on"]) == [b, c]
    (True, True)
    >>> graph.depth(c), graph.path_between(a, c) == [a, c], graph.is_dag()
    (2, True, True)
    """

    def __init__(self, parts: Sequence[Columns], damaged: Mapping[ObjectId, str] | None = None) -> None:
        """`parts` have no id in common, and none with `damaged`, which says what is wrong with each."""
        self._parts = parts
        self._starts = [0, *accumulate(map(len, parts))]
        self._damaged = {id.raw: text for id, text in sorted((damaged or {}).items())}
        self._ids = [*split(b"".join(part.ids for part in parts)), *self._damaged]
        self._number = dict(zip(self._ids, range(len(self._ids)), strict=True))
        named = split(b"".join(part.parents for part in parts))
        targets: list[Any] = list(map(self._number.get, named))
        if None in targets:
            for id in sorted({id for id, number in zip(named, targets, strict=True) if number is None}):
                self._number[id] = len(self._ids)
                self._ids.append(id)
            targets = list(map(self._number.__getitem__, named))
        first = [0, *accumulate(chain.from_iterable(part.counts for part in parts))]
        first.extend([first[-1]] * (len(self._ids) + 1 - len(first)))
        self._edges = Adjacency(first, targets, b"".join(part.roles for part in parts))
        self._views: dict[Collection[str], Adjacency] = {}
        self._artifacts: dict[str, ArtifactName] = {}

    @classmethod
    def of(cls, manifests: Mapping[ObjectId, Manifest]) -> "Lineage":
        """The graph of some manifests."""
        return cls([pack(Row.of(id.raw, manifest) for id, manifest in manifests.items())])

    def _up(self, roles: Collection[str] | None) -> Adjacency:
        """The edges of some roles, from children to parents."""
        if roles is None:
            return self._edges
        key = frozenset(roles)
        if key not in self._views:
            codes = (code & ~HAS_ATTRIBUTES for code in range(256))
            self._views[key] = self._edges.only(bytes(code < len(ROLES) and ROLES[code] in key for code in codes))
        return self._views[key]

    def _at(self, id: ObjectId) -> int:
        found = self._number.get(id.raw)
        if found is None:
            raise NotInLineage(id)
        return found

    def _made(self, numbers: Iterable[int]) -> Ids:
        return Ids(list(map(self._ids.__getitem__, numbers)))

    # -- nodes -----------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, ObjectId) and id.raw in self._number

    def __iter__(self) -> Iterator[ObjectId]:
        return iter(Ids(self._ids))

    def find_node(self, id: ObjectId) -> Node | None:
        """What is known of a manifest; None if nothing is."""
        if id not in self:
            return None
        number = self._number[id.raw]
        if number < self._starts[-1]:
            at = bisect_right(self._starts, number) - 1
            part, place = self._parts[at], number - self._starts[at]
            return Node(
                id=id,
                artifact=self._artifact(part.artifact(place)),
                created=part.time(place),
                state=NodeState.HERE,
            )
        problem = self._damaged.get(id.raw)
        state = NodeState.ABSENT if problem is None else NodeState.DAMAGED
        return Node(id=id, artifact=None, created=None, state=state, problem=problem)

    def _artifact(self, text: str) -> ArtifactName:
        if text not in self._artifacts:
            self._artifacts[text] = ArtifactName.parse(text)
        return self._artifacts[text]

    def commits_of(self, artifact: ArtifactName) -> Ids:
        """Every manifest of an artifact, by id."""
        name = str(artifact)
        numbers: list[int] = []
        for part, start in zip(self._parts, self._starts, strict=False):
            if name in part.artifacts:
                code = part.artifacts.index(name)
                numbers.extend(start + place for place, owner in enumerate(part.owners) if owner == code)
        return self._made(numbers)

    def root_nodes(self, *, roles: Collection[str] | None = None) -> Ids:
        """The nodes without parents."""
        return self._without(self._up(roles))

    def leaf_nodes(self, *, roles: Collection[str] | None = None) -> Ids:
        """The nodes without children."""
        return self._without(self._up(roles).turned)

    def _without(self, edges: Adjacency) -> Ids:
        return self._made(number for number in range(len(edges)) if edges.first[number] == edges.first[number + 1])

    # -- near ------------------------------------------------------------------------------------------------------

    def parents(self, id: ObjectId, *, roles: Collection[str] | None = None) -> list[Edge]:
        """The edges to what a manifest names, in its own order."""
        return self._edges_of(self._up(roles), self._at(id), is_up=True)

    def children(self, id: ObjectId, *, roles: Collection[str] | None = None) -> list[Edge]:
        """The edges from what names a manifest."""
        return self._edges_of(self._up(roles).turned, self._at(id), is_up=False)

    def _edges_of(self, edges: Adjacency, number: int, *, is_up: bool) -> list[Edge]:
        own = ObjectId(self._ids[number])
        found = []
        for place in range(edges.first[number], edges.first[number + 1]):
            other, code = ObjectId(self._ids[edges.targets[place]]), edges.labels[place]
            child, parent = (own, other) if is_up else (other, own)
            role = ROLES[code & ~HAS_ATTRIBUTES]
            found.append(Edge(child=child, parent=parent, role=role, has_attributes=bool(code & HAS_ATTRIBUTES)))
        return found

    # -- far -------------------------------------------------------------------------------------------------------

    def ancestors(self, id: ObjectId, *, roles: Collection[str] | None = None, depth: int | None = 1) -> Ids:
        """What a manifest came from in at most `depth` steps, nearest first; None is any number of steps."""
        return self._made(list(self._up(roles).reach([self._at(id)], steps=depth))[1:])

    def descendants(self, id: ObjectId, *, roles: Collection[str] | None = None, depth: int | None = 1) -> Ids:
        """What came from a manifest in at most `depth` steps, nearest first; None is any number of steps."""
        return self._made(list(self._up(roles).turned.reach([self._at(id)], steps=depth))[1:])

    def all_ancestors(self, id: ObjectId, *, roles: Collection[str] | None = None) -> Ids:
        """Everything that a manifest came from, nearest first."""
        return self.ancestors(id, roles=roles, depth=None)

    def all_descendants(self, id: ObjectId, *, roles: Collection[str] | None = None) -> Ids:
        """Everything that came from a manifest, nearest first."""
        return self.descendants(id, roles=roles, depth=None)

    def with_ancestors(self, ids: Iterable[ObjectId], *, roles: Collection[str] | None = None) -> Ids:
        """Some manifests and everything that any of them came from, each once."""
        return self._made(self._up(roles).reach([self._at(id) for id in ids]))

    def impact(
        self, starts: Iterable[ObjectId], wanted: Container[ObjectId], *, roles: Collection[str] | None = None
    ) -> Iterator[tuple[ObjectId, Ids]]:
        """What is wanted and came from any of the starts, nearest first, each with a shortest way to it from a start.

        Of a longer way, the last `WAY_MAX` nodes.
        """
        came = self._up(roles).turned.reach([self._at(id) for id in starts])
        for number, before in came.items():
            id = ObjectId(self._ids[number])
            if before != number and id in wanted:
                yield id, self._made(way_to(came, number, most=WAY_MAX))

    # -- between ---------------------------------------------------------------------------------------------------

    def path_between(self, a: ObjectId, b: ObjectId, *, roles: Collection[str] | None = None) -> Ids:
        """A shortest way from `a` to `b`, whichever of them came from the other; empty if neither did."""
        start, end = self._at(a), self._at(b)
        up = self._up(roles)
        return self._made(way_to(up.reach([start]), end) or way_to(up.turned.reach([start]), end))

    def nodes_between(self, a: ObjectId, b: ObjectId, *, roles: Collection[str] | None = None) -> Ids:
        """Every node on any way between two, both included, nearest to `a` first; empty if there is no way."""
        start, end = self._at(a), self._at(b)
        up = self._up(roles)
        for there, back in ((up, up.turned), (up.turned, up)):
            reached = there.reach([start])
            if end in reached:
                returning = back.reach([end])
                return self._made(number for number in reached if number in returning)
        return Ids([])

    def edges_between(self, a: ObjectId, b: ObjectId, *, roles: Collection[str] | None = None) -> list[Edge]:
        """Every edge on any way between two nodes."""
        return self.edges_among(self.nodes_between(a, b, roles=roles), roles=roles)

    def edges_among(self, ids: Iterable[ObjectId], *, roles: Collection[str] | None = None) -> list[Edge]:
        """Every edge whose two ends are among some nodes, children in the order of the nodes."""
        chosen = list(ids)
        kept = set(chosen)
        return [edge for id in chosen for edge in self.parents(id, roles=roles) if edge.parent in kept]

    # -- order -----------------------------------------------------------------------------------------------------

    def is_dag(self, *, roles: Collection[str] | None = None) -> bool:
        """Tells whether no manifest comes from itself."""
        return len(self._up(roles).targets_first()) == len(self)

    def topological_sort(self, *, roles: Collection[str] | None = None) -> Ids:
        """All nodes, parents before children. Errors: `Circular`."""
        order = self._up(roles).targets_first()
        if len(order) != len(self):
            on_it = min(set(range(len(self))).difference(order))
            raise _circular(ObjectId(self._ids[on_it]))
        return self._made(order)

    def depth(self, id: ObjectId, *, roles: Collection[str] | None = None) -> int:
        """How many steps the longest way from a manifest up to a root has. Errors: `Circular`."""
        longest = self._up(roles).longest_from(self._at(id))
        if longest is None:
            raise _circular(id)
        return longest


def _circular(id: ObjectId) -> Circular:
    return Circular(f"manifest:{id.short} comes from itself, by a circle of parents", manifest=str(id))


def to_networkx(
    lineage: Lineage, ids: Iterable[ObjectId] | None = None, *, roles: Collection[str] | None = None
) -> "networkx.MultiDiGraph[str]":
    """A graph of that package: edges run from parent to child, their keys are roles, nodes are 64 digits.

    `ids` are the nodes to take; None is all.
    """
    import networkx

    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    chosen = list(lineage if ids is None else ids)
    for id in chosen:
        node = lineage.find_node(id)
        if node is None:
            raise NotInLineage(id)
        graph.add_node(
            id.hex,
            artifact="" if node.artifact is None else str(node.artifact),
            created=node.created or "",
            state=node.state.value,
        )
    for edge in lineage.edges_among(chosen, roles=roles):
        graph.add_edge(edge.parent.hex, edge.child.hex, key=edge.role, role=edge.role)
    return graph
