"""Lineage in the language of Graphviz. Edges run from what was used to what came of it, as time does."""

from pacha.porcelain.drawings.words import edge_text, kind_of, stages, subtitle, title
from pacha.porcelain.lineage import LineageReport

_COLORS = {"model": "#2f6feb", "data": "#2da44e", "recipe": "#bf8700", "run": "#8250df"}
_OTHER = "#848d97"


def dot(report: LineageReport) -> str:
    """A digraph. Every text is a quoted string in which nothing is an escape of Graphviz's own."""
    starts = set(report.starts)
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for node in report.nodes:
        badges = "".join(f" [{stage}]" for stage in stages(node))
        label = "\\n".join(_escaped(text) for text in (title(node) + badges, subtitle(node)))
        color = _COLORS.get(kind_of(node), _OTHER)
        style = (
            '"rounded,bold"' if node.manifest in starts else '"rounded,dashed"' if node.artifact is None else "rounded"
        )
        lines.append(f'  "{node.manifest.hex[:16]}" [label="{label}", color="{color}", style={style}];')
    for edge in report.edges:
        label = _escaped(edge_text(edge))
        lines.append(f'  "{edge.parent.hex[:16]}" -> "{edge.child.hex[:16]}" [label="{label}"];')
    return "\n".join([*lines, "}", ""])


def _escaped(text: str) -> str:
    """A text for a quoted string, its backslashes and quotes kept as they are.

    >>> _escaped('a"\\\\N')
    'a\\\\"\\\\\\\\N'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"')
