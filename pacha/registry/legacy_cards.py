"""Old cards, datasheets, recipes and runs as today's: the same facts, references apart, numbers as they were meant.

Pure. Source: docs/import.md, "What becomes of what".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.registry.legacy_values import (
    BadOldValue,
    OldReference,
    for_document,
    new_time,
    read_object,
    reference,
    version_text,
)

#: Fields that are references: the parent's role, and the kind that stands there.
MODEL_ROLES = {
    "training_data": ("trained_on", "data"),
    "training_recipe": ("recipe", "recipe"),
    "evaluation_data": ("evaluated_on", "data"),
    "parent_model": ("fine_tuned_from", "model"),
    "derived_from": ("derived_from", "model"),
}
RECIPE_ROLES = {"train_data": ("trained_on", "data"), "validation_data": ("validated_on", "data")}
RUN_ROLES = {"recipe": ("recipe", "recipe")}
_TIMES = frozenset({"training_date", "collection_start", "collection_end", "started_at", "finished_at"})
#: Tables in which the old program turned every integer into a number with a point.
_FREE = frozenset({"custom", "params"})
_DTYPES = {
    "bool": "Bool", "boolean": "Bool", "str": "String", "string": "String", "utf8": "String", "text": "String",
    "int": "Int64", "integer": "Int64", "float": "Float64", "double": "Float64", "bytes": "Binary", "binary": "Binary",
    "date": "Date", "time": "Time", "datetime": "Timestamp", "timestamp": "Timestamp", "decimal": "Decimal",
    "list": "List", "array": "List", "struct": "Struct", "category": "Categorical", "categorical": "Categorical",
}  # fmt: skip
_NUMBER_TYPE = re.compile(r"(u?int)(8|16|32|64)|(float)(16|32|64)", re.ASCII)


@dataclass(slots=True)
class OldCard:
    """A card without its references. `wanted` are those: field, role and what is named; `notes` what was changed.

    `exact` is the card with whole numbers of any size, for a recipe's file.
    """

    card: dict[str, Any]
    exact: dict[str, Any] = field(default_factory=dict)
    wanted: list[tuple[str, str, OldReference]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def model_card(text: str) -> OldCard:
    """A model's card. Errors: `BadOldValue`."""
    found = _without_references(read_object(text), MODEL_ROLES)
    _metrics(found)
    return _finished(found)


def datasheet(text: str) -> OldCard:
    """A dataset's datasheet; its column types in today's words. Errors: `BadOldValue`."""
    found = OldCard(read_object(text))
    features = found.card.get("features")
    for name, feature in features.items() if isinstance(features, dict) else ():
        if isinstance(feature, dict) and isinstance(feature.get("dtype"), str):
            feature["dtype"] = _dtype(feature["dtype"], name, found.notes)
    return _finished(found)


def _dtype(old: str, name: str, notes: list[str]) -> str:
    match = _NUMBER_TYPE.fullmatch(old.lower())
    if match is not None:
        word = match.group(0)
        return f"UInt{word[4:]}" if word.startswith("u") else word.capitalize()
    known = _DTYPES.get(old.lower())
    if known is None:
        notes.append(f"the column {name[:60]!r} keeps its type {old[:40]!r}, which is no type of Pacha's")
    return known or old


def recipe(text: str) -> OldCard:
    """A recipe without the id and the time that the old program put into it. Errors: `BadOldValue`."""
    found = _without_references(read_object(text), RECIPE_ROLES)
    for name in ("id", "created_at"):
        found.card.pop(name, None)
    if "version" in found.card:
        found.card["version"] = version_text(found.card["version"])
    restored: list[str] = []
    found.card = _restore_integers(found.card, "", restored)
    if restored:
        found.notes.append(f"whole numbers are integers again: {', '.join(restored[:10])}")
    return _finished(found)


def run(text: str) -> OldCard:
    """A run; of each metric the value at the highest step, the last one written there. Errors: `BadOldValue`."""
    found = _without_references(read_object(text), RUN_ROLES)
    records = found.card.pop("metrics", None)
    latest: dict[str, tuple[float, Any]] = {}
    for record in records if isinstance(records, list) else ():
        name = record.get("name") if isinstance(record, dict) else None
        step = record.get("step", 0) if isinstance(record, dict) else 0
        if isinstance(name, str) and isinstance(step, int | float):
            if name not in latest or step >= latest[name][0]:
                latest[name] = (step, record.get("value"))
    if latest:
        found.card["metrics"] = {name: value for name, (_, value) in sorted(latest.items())}
        _metrics(found)
    restored: list[str] = []
    found.card = _restore_integers(found.card, "", restored)
    return _finished(found)


def _without_references(card: dict[str, Any], roles: Mapping[str, tuple[str, str]]) -> OldCard:
    found = OldCard(card)
    for name, (role, kind) in roles.items():
        value = card.pop(name, None)
        for item in value if isinstance(value, list) else [] if value is None else [value]:
            try:
                found.wanted.append((name, role, reference(kind, item)))
            except BadOldValue as error:
                found.notes.append(f"{name}: {error.message}")
    return found


def _metrics(found: OldCard) -> None:
    """The old program wrote null where a number was not finite; which of the three it was is not known."""
    metrics = found.card.get("metrics")
    if not isinstance(metrics, dict):
        return
    for name, value in list(metrics.items()):
        if value is None:
            metrics[name] = "NaN"
            found.notes.append(f"the metric {name[:60]!r} was not finite, and is NaN")
        elif isinstance(value, bool) or not isinstance(value, int | float | str):
            del metrics[name]
            found.notes.append(f"the metric {name[:60]!r} was not a number, and is left out")


def _restore_integers(value: Any, path: str, restored: list[str], *, is_free: bool = False) -> Any:
    """Makes whole numbers of free tables integers: there the old program wrote 768 as 768.0."""
    if isinstance(value, dict):
        return {
            name: _restore_integers(
                item, f"{path}.{name}" if path else name, restored, is_free=is_free or name in _FREE
            )
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_restore_integers(item, path, restored, is_free=is_free) for item in value]
    if is_free and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        restored.append(path)
        return int(value)
    return value


def _finished(found: OldCard) -> OldCard:
    """Leaves out what says nothing, and spells times as they are spelled now."""
    card = {}
    for name, value in found.card.items():
        if value is None or value == "" or value == [] or value == {}:
            continue
        time = new_time(value) if name in _TIMES and isinstance(value, str) else None
        card[name] = time or value
    found.exact, found.card = card, for_document(card)
    return found
