"""Lineage as an SVG picture, drawn without any other program: layers from what was used to what came of it.

The picture has no scripts, no links and no outside references; texts are escaped; colour never carries a meaning alone;
it has a title and a description for those who cannot see it. It follows the reader's light or dark theme.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from pacha.base.errors import Usage
from pacha.base.ids import ObjectId
from pacha.porcelain.drawings.layers import Layout, arrange
from pacha.porcelain.drawings.words import attributes_text, kind_of, stages, subtitle, title, visible
from pacha.porcelain.lineage import LineageEdge, LineageReport
from pacha.porcelain.lineage_nodes import LineageNode

#: Nobody finds anything in a larger picture, and no browser draws it quickly.
NODES_MAX = 2_000
#: So many edges are told in the description; a larger picture is better read as JSON.
TOLD_MAX = 50
_HEIGHT, _GAP, _MARGIN = 50.0, 26.0, 20.0
#: Widths of a character, on the generous side: fonts differ.
_TITLE_PX, _SMALL_PX, _LABEL_PX = 8.2, 6.6, 6.2
_TITLE_MAX, _LABEL_MAX = 34, 40
_PAD = 14.0
_STYLE = """\
text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;fill:#1f2328}
.box{fill:#fff;stroke:#d0d7de}.start{stroke:#1f2328;stroke-width:2}.gone{stroke-dasharray:5 4}
.title{font-size:13px;font-weight:600}.small{font-size:10.5px;fill:#59636e}
.edge{fill:none;stroke:#818b98;stroke-width:1.4}.head{fill:#818b98}
.plate{fill:#fff}.label{font-size:10px;fill:#424a53;text-anchor:middle}.more{font-style:italic}
.badge{fill:#eef1f4;stroke:#818b98}.production{fill:#1a7f37;stroke:#1a7f37}
.stage{font-size:10px;text-anchor:middle}.production-text{fill:#fff}
.model{fill:#2f6feb}.data{fill:#2da44e}.recipe{fill:#bf8700}.run{fill:#8250df}.absent{fill:#848d97}.damaged{fill:#cf222e}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.box,.plate{fill:#161b22}.box{stroke:#444c56}.start{stroke:#e6edf3}
.small{fill:#9198a1}.label{fill:#b7bdc8}.badge{fill:#262c36;stroke:#656c76}
.production{fill:#238636;stroke:#238636}.production-text{fill:#fff}}
"""


class TooManyNodes(Usage):
    """A lineage is too large for a picture."""


def svg(report: LineageReport) -> str:
    """The picture. Errors: `TooManyNodes`."""
    if len(report.nodes) > NODES_MAX:
        raise TooManyNodes(
            f"a picture of {len(report.nodes)} nodes shows nothing; the most is {NODES_MAX}",
            hint="ask for less (--up, --depth, --role), or take --format dot or json",
        )
    numbers = {node.manifest: number for number, node in enumerate(report.nodes)}
    joined: dict[tuple[int, int], list[LineageEdge]] = {}
    for edge in report.edges:
        joined.setdefault((numbers[edge.parent], numbers[edge.child]), []).append(edge)
    layout = arrange(len(report.nodes), list(joined), height=_HEIGHT + _GAP)
    return _Picture(report, layout, {pair: _label_lines(edges) for pair, edges in joined.items()}).text()


def _label_lines(edges: Sequence[LineageEdge]) -> list[str]:
    """The roles of an edge, and below them what it says beside."""
    lines = (", ".join(edge.role for edge in edges), ", ".join(filter(None, map(attributes_text, edges))))
    return [visible(line, most=_LABEL_MAX) for line in lines if line]


class _Picture:
    """One drawing: columns for the layers, edges beneath, then labels, then nodes."""

    def __init__(self, report: LineageReport, layout: Layout, labels: dict[tuple[int, int], list[str]]) -> None:
        self._report = report
        self._layout = layout
        self._labels = labels
        count = max(layout.layers, default=-1) + 1
        self._widths = [0.0] * count
        self._wide = [_node_width(node) for node in report.nodes]
        for layer, width in zip(layout.layers, self._wide, strict=True):
            self._widths[layer] = max(self._widths[layer], width)
        self._lefts = self._columns(count)

    def _columns(self, count: int) -> list[float]:
        """Where each layer begins: between two of them there is room for the longest label."""
        gaps = [56.0] * count
        for (_, child), lines in self._labels.items():
            before = self._layout.layers[child] - 1
            if 0 <= before < count:
                gaps[before] = max(gaps[before], _label_width(lines) + 48)
        lefts, used = [], _MARGIN
        for layer in range(count):
            lefts.append(used)
            used += self._widths[layer] + gaps[layer]
        return lefts

    def text(self) -> str:
        """The whole document."""
        width = max((left + wide for left, wide in zip(self._lefts, self._widths, strict=True)), default=0) + _MARGIN
        height = max((middle + (_HEIGHT + _GAP) / 2 for middle in self._heights()), default=0) + 2 * _MARGIN - _GAP
        name = _names(self._report)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="title desc">',
            f'<title id="title">Lineage of {escape(name)}</title>',
            f'<desc id="desc">{escape(_told(self._report))}</desc>',
            f"<style>{_STYLE}</style>",
            '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>',
            *(self._edge(pair) for pair in self._labels),
            *(self._label(pair, lines) for pair, lines in self._labels.items()),
            *(self._node(number, node) for number, node in enumerate(self._report.nodes)),
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _heights(self) -> list[float]:
        return [*self._layout.middles, *(height for chain in self._layout.bends.values() for _, height in chain)]

    def _points(self, pair: tuple[int, int]) -> list[tuple[float, float]]:
        """An edge's way: out of the parent, through its layers at the height of its bends, into the child."""
        parent, child = pair
        layers, middles, wide = self._layout.layers, self._layout.middles, self._wide
        points = [(self._lefts[layers[parent]] + wide[parent], middles[parent])]
        # The stripe between a narrow node and the end of its column is crossed in a straight line.
        points.append((self._lefts[layers[parent]] + self._widths[layers[parent]], middles[parent]))
        for layer, height in self._layout.bends.get(pair, ()):
            points.append((self._lefts[layer], height))
            points.append((self._lefts[layer] + self._widths[layer], height))
        points.append((self._lefts[layers[child]], middles[child]))
        return [(x, y + _MARGIN - _GAP / 2) for x, y in points]

    def _edge(self, pair: tuple[int, int]) -> str:
        points = self._points(pair)
        way = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x, y), (next_x, next_y) in zip(points, points[1:], strict=False):
            if y == next_y:
                way += f"L{next_x:.1f} {next_y:.1f}"
            else:
                half = (x + next_x) / 2
                way += f"C{half:.1f} {y:.1f} {half:.1f} {next_y:.1f} {next_x:.1f} {next_y:.1f}"
        return f'<path class="edge" marker-end="url(#to)" d="{way}"/>'

    def _label(self, pair: tuple[int, int], lines: Sequence[str]) -> str:
        (x, y), (next_x, next_y) = self._points(pair)[-2:]
        middle_x, middle_y = (x + next_x) / 2, (y + next_y) / 2
        width, height = _label_width(lines), 3 + 12 * len(lines)
        parts = [
            f'<rect class="plate" x="{middle_x - width / 2:.1f}" y="{middle_y - height / 2:.1f}" width="{width:.1f}" '
            f'height="{height}" rx="7"/>'
        ]
        for number, line in enumerate(lines):
            base = middle_y - height / 2 + 11 + 12 * number
            style = "label" if number == 0 else "label more"
            parts.append(f'<text class="{style}" x="{middle_x:.1f}" y="{base:.1f}">{escape(line)}</text>')
        return "".join(parts)

    def _node(self, number: int, node: LineageNode) -> str:
        x = self._lefts[self._layout.layers[number]]
        y = self._layout.middles[number] + _MARGIN - _GAP / 2 - _HEIGHT / 2
        width, kind = self._wide[number], kind_of(node)
        classes = (
            "box" + (" start" if node.manifest in self._report.starts else "") + (" gone" if not node.artifact else "")
        )
        return "".join(
            (
                f"<g><title>{escape(node.name)} manifest:{node.manifest}</title>",
                f'<rect class="{classes}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT:.0f}" rx="7"/>',
                f'<rect class="{kind}" x="{x + 5:.1f}" y="{y + 8:.1f}" width="4" height="{_HEIGHT - 16:.0f}" rx="2"/>',
                f'<text class="title" x="{x + 16:.1f}" y="{y + 21:.1f}">{escape(_title(node))}</text>',
                f'<text class="small" x="{x + 16:.1f}" y="{y + 38:.1f}">{escape(subtitle(node))}</text>',
                *_badges(node, x + width - _PAD, y + 8),
                "</g>",
            )
        )


def _title(node: LineageNode) -> str:
    return visible(title(node), most=_TITLE_MAX)


def _label_width(lines: Sequence[str]) -> float:
    return max(map(len, lines)) * _LABEL_PX + 8


def _badge_width(stage: str) -> float:
    return len(stage) * _LABEL_PX + 14


def _badges(node: LineageNode, right: float, top: float) -> list[str]:
    parts = []
    for stage in reversed(stages(node)):
        width = _badge_width(stage)
        is_live = stage == "production"
        parts.append(
            f'<rect class="badge{" production" if is_live else ""}" x="{right - width:.1f}" y="{top:.1f}" '
            f'width="{width:.1f}" height="17" rx="8.5"/><text class="stage{" production-text" if is_live else ""}" '
            f'x="{right - width / 2:.1f}" y="{top + 12:.1f}">{escape(stage)}</text>'
        )
        right -= width + 6
    return parts


def _node_width(node: LineageNode) -> float:
    badges: Sequence[str] = stages(node)
    first = len(_title(node)) * _TITLE_PX + sum(_badge_width(stage) + 6 for stage in badges) + (8 if badges else 0)
    return max(first, len(subtitle(node)) * _SMALL_PX) + 16 + _PAD


def _names(report: LineageReport) -> str:
    names: dict[ObjectId, str] = {node.manifest: node.name for node in report.nodes}
    return " and ".join(names.get(start, f"manifest:{start.short}") for start in report.starts)


def _told(report: LineageReport) -> str:
    names = {node.manifest: node.name for node in report.nodes}
    told = [f"{names[edge.child]} {edge.role} {names[edge.parent]}" for edge in report.edges[:TOLD_MAX]]
    more = len(report.edges) - TOLD_MAX
    return "; ".join([*told, *([f"and {more} more"] if more > 0 else [])]) or "nothing else"
