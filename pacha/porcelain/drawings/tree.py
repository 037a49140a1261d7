"""Lineage as a tree for a terminal. A node with several ways to it is written out once, and only named again after."""

from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.ids import ObjectId
from pacha.graph.lineage import NodeState
from pacha.objects.manifest import ROLES
from pacha.porcelain.drawings.words import attributes_text, stages
from pacha.porcelain.lineage import Direction, LineageEdge, LineageReport
from pacha.porcelain.lineage_nodes import LineageNode

#: Deeper branches would only be indentation; a chain of 100,000 steps would be gigabytes of it.
LEVELS_MAX = 48
_NOTES = {
    NodeState.HERE: "",
    NodeState.ABSENT: "(not in this checkout)",
    NodeState.DAMAGED: "(damaged; see `pacha fsck`)",
}
_BLANK = "   "
UP_HEADING, DOWN_HEADING = "comes from", "leads to"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """One line: branches, the role of the edge, the node, and what else there is to say. A heading has no node."""

    branches: str
    role: str
    attributes: str
    node: LineageNode | None
    note: str


def tree_lines(report: LineageReport) -> Iterator[TreeLine]:
    """The tree of a report; of both directions, one tree after the other where both have something."""
    nodes = {node.manifest: node for node in report.nodes}
    if not nodes:
        return
    up, down = _grouped(report, nodes, is_up=True), _grouped(report, nodes, is_up=False)
    start = report.starts[0]
    if report.direction is not Direction.BOTH:
        yield from _branches(nodes, up if report.direction is not Direction.DOWN else down, start, report.direction)
        return
    if start in up or start not in down:
        if start in down:
            yield _heading(UP_HEADING)
        yield from _branches(nodes, up, start, Direction.UP)
    if start in down:
        if start in up:
            yield _heading(DOWN_HEADING)
        yield from _branches(nodes, down, start, Direction.DOWN)


def tree_text(report: LineageReport) -> str:
    """The tree as plain text."""
    return "".join(f"{line_text(line)}\n" for line in tree_lines(report))


def line_text(line: TreeLine) -> str:
    """One line of the tree as plain text."""
    if line.node is None:
        return f"{line.branches}{line.note}"
    role = f"{line.role}{f' ({line.attributes})' if line.attributes else ''}  " if line.role else ""
    badges = "".join(f" [{stage}]" for stage in stages(line.node))
    day = f"  {line.node.created[:10]}" if line.node.created else ""
    return f"{line.branches}{role}{line.node.name}{badges}{day}{f'  {line.note}' if line.note else ''}"


def _heading(text: str) -> TreeLine:
    return TreeLine(branches="", role="", attributes="", node=None, note=text)


_Grouped = dict[ObjectId, list[tuple[LineageEdge, ObjectId]]]


def _grouped(report: LineageReport, nodes: dict[ObjectId, LineageNode], *, is_up: bool) -> _Grouped:
    """What each node branches into: parents by role, children by age."""
    found: _Grouped = {}
    for edge in report.edges:
        near, far = (edge.child, edge.parent) if is_up else (edge.parent, edge.child)
        found.setdefault(near, []).append((edge, far))
    for branches in found.values():
        if is_up:
            branches.sort(key=lambda branch: ROLES.index(branch[0].role))
        else:
            branches.sort(key=lambda branch: (nodes[branch[1]].created or "", nodes[branch[1]].name, branch[1].raw))
    return found


def _branches(
    nodes: dict[ObjectId, LineageNode], below: _Grouped, start: ObjectId, direction: Direction
) -> Iterator[TreeLine]:
    is_up = direction is not Direction.DOWN
    seen: set[ObjectId] = set()
    # What is still to be written, the next one last: the branches before it, those before what hangs on it, and an
    # edge with the node at its far end, or a remark.
    todo: list[tuple[str, str, LineageEdge | None, ObjectId | str]] = [("", "", None, start)]
    while todo:
        lead, inner, edge, far = todo.pop()
        if isinstance(far, str):
            yield _heading(f"{lead}{far}")
            continue
        node, branches = nodes[far], below.get(far, [])
        is_known = far in seen
        yield TreeLine(
            branches=lead,
            role="" if edge is None else edge.role,
            attributes="" if edge is None else attributes_text(edge),
            node=node,
            note="(see above)" if is_known and branches else _NOTES[node.state],
        )
        if is_known:
            continue
        seen.add(far)
        items: list[tuple[LineageEdge | None, ObjectId | str]] = list(branches)
        hidden = node.hidden_parents if is_up else node.hidden_children
        if len(inner) >= LEVELS_MAX * len(_BLANK) and branches:
            items = [(None, "… and deeper; `--format json`, or a start further on, shows it")]
        elif hidden:
            items.append((None, f"… {hidden} more beyond --depth"))
        for number, (edge, other) in enumerate(reversed(items)):
            tip, beneath = ("└─ ", _BLANK) if number == 0 else ("├─ ", "│  ")
            todo.append((inner + tip, inner + beneath, edge, other))
