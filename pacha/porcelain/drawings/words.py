"""The words on a drawing: titles, badges and the text of an edge, free of whatever could steer who reads them."""

import json
import unicodedata

from pacha.graph.lineage import NodeState
from pacha.porcelain.lineage import LineageEdge
from pacha.porcelain.lineage_nodes import LineageNode

#: Longer texts are cut in pictures; JSON has them whole.
TEXT_MAX = 48
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str, *, most: int = TEXT_MAX) -> str:
    """A text on one line, without invisible characters, of a bounded length.

    >>> visible("a\\x1b[31m\\u202eb"), visible("x" * 99, most=4)
    ('a�[31m�b', 'xxx…')
    """
    clean = "".join("�" if unicodedata.category(character) in _HIDDEN else character for character in text[: most + 1])
    return clean if len(text) <= most else clean[: most - 1] + "…"


def kind_of(node: LineageNode) -> str:
    """The kind of a node, or what its manifest is instead of being here."""
    return node.state.value if node.artifact is None else node.artifact.kind


def title(node: LineageNode) -> str:
    """What a node is called, without its kind."""
    return node.name.partition("/")[2] or node.name


def stages(node: LineageNode) -> list[str]:
    """The stages of a node's versions, each once."""
    return list(dict.fromkeys(visible(label.stage, most=20) for label in node.labels if label.stage))


def subtitle(node: LineageNode) -> str:
    """Kind, day and id of a node."""
    if node.artifact is None:
        return "damaged" if node.state is NodeState.DAMAGED else "not in this checkout"
    return f"{node.artifact.kind} · {(node.created or '')[:10]} · {node.manifest.hex[:8]}"


def attributes_text(edge: LineageEdge) -> str:
    """What an edge says beside its role.

    >>> from pacha.base.ids import hash_bytes
    >>> id = hash_bytes(b"")
    >>> attributes_text(LineageEdge(child=id, parent=id, role="pruned_from", attributes={"sparsity": 0.5}))
    'sparsity 0.5'
    """
    words = []
    for key, value in edge.attributes.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        words.append(f"{key} {text}")
    return visible(", ".join(words))


def edge_text(edge: LineageEdge) -> str:
    """The role of an edge, and what it says beside it."""
    more = attributes_text(edge)
    return f"{edge.role} ({more})" if more else edge.role
