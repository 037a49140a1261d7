"""Lineage as a Mermaid flowchart, which GitHub and many wikis draw."""

from pacha.porcelain.drawings.words import edge_text, kind_of, stages, subtitle, title
from pacha.porcelain.lineage import LineageReport

#: Anything else could be Markdown, HTML or Mermaid's own syntax, and is written as its number.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:/@-+_·…")
_STYLES = {
    "model": "fill:#ddf4ff,stroke:#2f6feb,color:#0a3069",
    "data": "fill:#dafbe1,stroke:#2da44e,color:#044f1e",
    "recipe": "fill:#fff8c5,stroke:#bf8700,color:#4d2d00",
    "run": "fill:#fbefff,stroke:#8250df,color:#3e1f79",
    "absent": "fill:#f6f8fa,stroke:#848d97,color:#424a53,stroke-dasharray:4",
    "damaged": "fill:#ffebe9,stroke:#cf222e,color:#82071e,stroke-dasharray:4",
}


def mermaid(report: LineageReport) -> str:
    """A flowchart; nodes are n0, n1, … so that no name can be syntax."""
    numbers = {node.manifest: number for number, node in enumerate(report.nodes)}
    lines = ["flowchart LR"]
    for node in report.nodes:
        badges = "".join(f" ({stage})" for stage in stages(node))
        label = "<br/>".join(_escaped(text) for text in (title(node) + badges, subtitle(node)))
        lines.append(f'  n{numbers[node.manifest]}["{label}"]:::{kind_of(node)}')
    for edge in report.edges:
        lines.append(f'  n{numbers[edge.parent]} -->|"{_escaped(edge_text(edge))}"| n{numbers[edge.child]}')
    used = {kind_of(node) for node in report.nodes}
    lines.extend(f"  classDef {kind} {style}" for kind, style in _STYLES.items() if kind in used)
    lines.extend(f"  style n{numbers[start]} stroke-width:3px" for start in report.starts if start in numbers)
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    """A text of which only plain characters stand as they are.

    >>> _escaped('a"]<b>#1;')
    'a#34;#93;#60;b#62;#35;1#59;'
    """
    return "".join(character if character in _PLAIN else f"#{ord(character)};" for character in text)
