"""Changing a card: pure functions that take one and return another, checked as if a person had written it whole.

What is typed is `key=value`, or `key+=value` to add to a list; keys are dotted. Source: docs/cards.md, "Editing".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from pacha.base.errors import Usage
from pacha.registry.card_forms import Amount, Command, Free, Numbers, Texts, TextTable
from pacha.registry.card_record import CardRecord, Member, Part, Parts, PartTable, Record, meant_member, members_of
from pacha.registry.card_values import guess
from pacha.registry.datasheet import Datasheet
from pacha.registry.model_card import ModelCard

#: What other tools' cards say of the bytes that they were written for.
MEASURED_EXTRA = frozenset({"model-index", "co2_eq_emissions", "dataset_info"})

_Card = TypeVar("_Card", bound=CardRecord)
_AnyRecord = TypeVar("_AnyRecord", bound=Record)
_NAMES = {"Datasheet": "the datasheet", "Recipe": "the recipe"}
_ASSIGNMENT = re.compile(r"([^=+]+?)(\+?)=(.*)", re.DOTALL)


class BadField(Usage):
    """A member that is to be set does not exist, or cannot be set so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """`key=value`, or `key+=value`."""

    key: str
    value: str
    is_addition: bool = False


def parse_assignment(text: str) -> Assignment:
    """Reads what a person typed. Errors: `BadField`.

    >>> parse_assignment("metrics.auc=0.93"), parse_assignment("limitations+=small birds").is_addition
    (Assignment(key='metrics.auc', value='0.93', is_addition=False), True)
    """
    match = _ASSIGNMENT.fullmatch(text)
    if match is None or not match[1].strip():
        raise BadField(f"not key=value: {text[:60]!r}", hint="write for instance metrics.auc=0.93 or limitations+=TEXT")
    return Assignment(key=match[1].strip(), value=match[3], is_addition=bool(match[2]))


def assign(card: _Card, text: str) -> _Card:
    """The card with what a person typed. Errors: `BadField`, `BadCard`."""
    found = parse_assignment(text)
    return add_to_field(card, found.key, found.value) if found.is_addition else set_field(card, found.key, found.value)


def set_field(card: _Card, key: str, text: str) -> _Card:
    """The card with one member set, from a text. Errors: `BadField`, `BadCard`.

    >>> dict(set_field(ModelCard(), "metrics.auc", "0.93").metrics)
    {'auc': 0.93}
    """
    return _changed(card, _Change(key=key, text=text))


def add_to_field(card: _Card, key: str, text: str) -> _Card:
    """The card with one more item in a list. Errors: `BadField`, `BadCard`."""
    return _changed(card, _Change(key=key, text=text, is_addition=True))


def unset_field(card: _Card, key: str) -> _Card:
    """The card without one member; the same if it was not there. Errors: `BadField`, `BadCard`."""
    return _changed(card, _Change(key=key, text=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What is to be done; a `text` of None removes."""

    key: str
    text: str | None
    is_addition: bool = False

    def refuse(self, reason: str, hint: str | None = None) -> BadField:
        return BadField(f"{self.key}: {reason}", hint=hint, key=self.key)


def _changed(card: _Card, change: _Change) -> _Card:
    document = card.plain()
    _change_record(type(card), document, change.key.split("."), change)
    # Stored, so that members of later versions stay where they are.
    return type(card).from_stored(document, name=_NAMES.get(type(card).__name__, "the card"))


def _change_record(record: type[Record], table: dict[str, Any], path: list[str], change: _Change) -> None:
    name, *rest = path
    known = {one.name: one for one in members_of(record)}
    if name not in known:
        meant = meant_member(record, name)
        # A hyperparameter of any name is usual; a member of a card of any name is a typing mistake.
        if meant is not None or record.REST not in known or issubclass(record, CardRecord):
            to_extra = f"for anything else, set {record.REST}.{name}" if record.REST in known else ""
            raise change.refuse("no such member", f"did you mean {meant}?" if meant else to_extra or _list(record))
        name, rest = record.REST, path
    _change_member(known[name], table, rest, change)


def _list(record: type[Record]) -> str:
    return f"members are {', '.join(one.name for one in members_of(record))}"


def _change_member(one: Member, table: dict[str, Any], rest: list[str], change: _Change) -> None:
    form = one.form
    if not rest and change.text is None:
        table.pop(one.name, None)
    elif isinstance(form, Part) and rest:
        _change_record(form.record, table.setdefault(one.name, {}), rest, change)
    elif isinstance(form, PartTable) and rest:
        _change_row(form.record, table.setdefault(one.name, {}), rest, change)
    elif isinstance(form, (Numbers, TextTable)) and rest:
        _put(table.setdefault(one.name, {}), ".".join(rest), Amount() if isinstance(form, Numbers) else None, change)
    elif isinstance(form, Free) and rest:
        _change_free(table.setdefault(one.name, {}), rest, change)
    elif rest:
        raise change.refuse(f"{one.name} is {form.word} and has no members", f"set {one.name} itself")
    elif change.is_addition:
        if not isinstance(form, (Texts, Parts, Command)):
            raise change.refuse(f"is {form.word}, not a list", f"write {change.key}=VALUE")
        before = table.get(one.name, [])
        table[one.name] = [*([before] if isinstance(before, str) else before), *_items(form, change)]
    else:
        table[one.name] = form.parse(change.text or "")


def _items(form: Texts | Parts | Command, change: _Change) -> list[object]:
    text = change.text or ""
    return [text] if isinstance(form, Command) else cast(list[object], form.parse(text))


def _change_row(record: type[Record], rows: dict[str, Any], path: list[str], change: _Change) -> None:
    """Changes a record in a table of them. A name may hold dots: it goes on until a member's name follows."""
    names = {one.name for one in members_of(record)}
    for end in range(1, len(path)):
        if path[end] in names:
            row = rows.setdefault(".".join(path[:end]), {})
            _change_record(record, row, path[end:], change)
            return
    if change.text is None:
        rows.pop(".".join(path), None)
    elif record.SHORT is not None and (len(path) == 1 or ".".join(path) in rows):
        row = rows.setdefault(".".join(path), {})
        _change_record(record, row, [record.SHORT], change)
    else:
        raise change.refuse("no such member", _list(record))


def _put(table: dict[str, Any], name: str, form: Amount | None, change: _Change) -> None:
    if change.is_addition:
        raise change.refuse("is one value, not a list", f"write {change.key}=VALUE")
    if change.text is None:
        table.pop(name, None)
    else:
        table[name] = form.parse(change.text) if form else change.text


def _change_free(table: dict[str, Any], path: list[str], change: _Change) -> None:
    """Changes something in a free table. A member whose name holds dots is found by its whole name."""
    name, *rest = path
    if rest and ".".join(path) not in table:
        inner = table.get(name, {})
        if not isinstance(inner, dict):
            raise change.refuse(f"{name} is a value, not a table", f"set {name} itself, or unset it first")
        inner = dict(inner)
        _change_free(inner, rest, change)
        table[name] = inner
        return
    name = ".".join(path)
    if change.text is None:
        table.pop(name, None)
    elif change.is_addition:
        before = table.get(name, [])
        table[name] = [*(before if isinstance(before, list) else [before]), guess(change.text)]
    else:
        table[name] = guess(change.text)


def merge(card: _AnyRecord, overrides: _AnyRecord) -> _AnyRecord:
    """One card of two: what `overrides` says wins, and tables are joined name by name.

    >>> merge(ModelCard(license="MIT", metrics={"auc": 0.9}), ModelCard(metrics={"f1": 0.8})).metrics
    {'auc': 0.9, 'f1': 0.8}
    """
    if type(card) is not type(overrides):
        raise BadField(f"a {type(overrides).__name__} does not go into a {type(card).__name__}")
    found: dict[str, Any] = {"unknown": {**card.unknown, **overrides.unknown}}
    for one in members_of(type(card)):
        mine, theirs = getattr(card, one.name), getattr(overrides, one.name)
        found[one.name] = _merged(mine, theirs) if theirs != one.form.empty else mine
    return type(card)(**found)


def _merged(mine: object, theirs: object) -> object:
    if isinstance(mine, Record) and type(mine) is type(theirs):
        return merge(mine, theirs)
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        return {**mine, **{key: _merged(mine[key], item) if key in mine else item for key, item in theirs.items()}}
    return theirs


def carry_over(card: _Card) -> _Card:
    """What a card says that holds for a new version too: nothing that was measured for those very bytes, no reference.

    >>> carry_over(ModelCard(license="MIT", metrics={"auc": 0.9}, training_data=("data/users:3",))).plain()
    {'license': 'MIT'}
    """
    cleared: dict[str, Any] = {one.name: () for one in members_of(type(card)) if one.role is not None}
    extra = {key: item for key, item in getattr(card, "extra", {}).items() if key not in MEASURED_EXTRA}
    if isinstance(card, ModelCard):
        cleared |= {"metrics": {}, "training_date": None, "training_duration_secs": None, "extra": extra}
    if isinstance(card, Datasheet):
        features = {name: replace(feature, statistics={}) for name, feature in card.features.items()}
        cleared |= {"instance_count": None, "features": features, "extra": extra}
    return replace(card, **cleared)
