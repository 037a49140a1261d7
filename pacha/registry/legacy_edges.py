"""The lineage table of an old registry: which role and attributes a row means. Pure.

A row leads from what was there before to what came of it. Newer releases of the old program wrote other words than
older ones for the same thing, and lead through runs; all that are known are read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.registry.legacy_values import BadOldValue, for_document, read_object

ROLES = {
    "fine_tuned": "fine_tuned_from", "finetuned": "fine_tuned_from", "fine_tuned_from": "fine_tuned_from",
    "base": "fine_tuned_from", "distilled": "distilled_from", "distilled_from": "distilled_from",
    "merged": "merged_from", "merged_from": "merged_from", "quantized": "quantized_from",
    "quantized_from": "quantized_from", "pruned": "pruned_from", "pruned_from": "pruned_from",
    "derived": "derived_from", "derived_from": "derived_from", "was_derived_from": "derived_from",
    "dataset": "trained_on", "trained_on": "trained_on", "validated_on": "validated_on",
    "evaluated_on": "evaluated_on", "recipe": "recipe", "produced": "run", "run": "run", "was_generated_by": "run",
}  # fmt: skip
#: A run's input, whose role is what its kind says.
_INPUTS = frozenset({"consumed", "used", "input"})
_INPUT_ROLES = {"data": "trained_on", "model": "fine_tuned_from", "recipe": "recipe", "run": "run"}
#: Members of a row's metadata that name its ends, and so are no attributes.
_ENDS = frozenset({"type", "parent", "teacher", "source", "sources", "recipe", "weights"})
#: An edge's notes are a few numbers; more is a document.
ATTRIBUTES_BYTES_MAX = 16 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeMeaning:
    """The role of the parent, its attributes, and the id of a recipe that the row names beside it."""

    role: str
    attributes: dict[str, Any] = field(default_factory=dict)
    recipe: str | None = None


def edge_meaning(edge_type: str, metadata: str | None, *, parent_id: str, parent_kind: str) -> EdgeMeaning:
    """What a row means. Errors: `BadOldValue` for an unknown type, or metadata that are no object.

    >>> edge_meaning("Quantized", '{"type": "quantized", "source": "x", "quantization": "int8"}',
    ...              parent_id="x", parent_kind="model")
    EdgeMeaning(role='quantized_from', attributes={'quantization': 'int8'}, recipe=None)
    """
    members = {} if metadata is None or not metadata.strip() or metadata.strip() == "null" else read_object(metadata)
    role = _role(edge_type, parent_kind) or _role(str(members.get("type", "")), parent_kind)
    if role is None:
        raise BadOldValue(f"the edge type {edge_type[:40]!r} is not known")
    if any((role == kind) != (parent_kind == kind) for kind in ("run", "recipe")):
        raise BadOldValue(f"an edge of the type {edge_type[:40]!r} cannot come from a {parent_kind}")
    attributes = {name: value for name, value in members.items() if name not in _ENDS and value is not None}
    weight = _weight(members, parent_id)
    if weight is not None:
        attributes["weight"] = weight
    if len(json.dumps(attributes)) > ATTRIBUTES_BYTES_MAX:
        raise BadOldValue(f"its metadata are longer than {ATTRIBUTES_BYTES_MAX} bytes")
    recipe = members.get("recipe")
    attributes = for_document(attributes)
    return EdgeMeaning(role=role, attributes=attributes, recipe=recipe if isinstance(recipe, str) else None)


def _role(edge_type: str, parent_kind: str) -> str | None:
    word = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", edge_type.strip()).lower().replace("-", "_")
    return _INPUT_ROLES.get(parent_kind) if word in _INPUTS else ROLES.get(word)


def _weight(members: Mapping[str, Any], parent_id: str) -> float | None:
    """The weight of one source of a merge: sources and weights are two lists side by side."""
    sources, weights = members.get("sources"), members.get("weights")
    if isinstance(sources, list) and isinstance(weights, list) and parent_id in sources:
        at = sources.index(parent_id)
        if at < len(weights) and isinstance(weights[at], int | float) and not isinstance(weights[at], bool):
            return float(weights[at])
    return None
