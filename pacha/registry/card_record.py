"""Typed records: a card is one, and so is each of its parts. A member is declared once, with its form, role and help.

The checker reads a whole document and collects every problem. What it does not know is kept: in a card that a person
wrote it goes to `extra` (or `custom`, `params`) unless it is nearly the name of a member, which is a mistake; in a
stored card it may be a member of a later version, and stays where it was.
"""

import difflib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, cast

from pacha.base.canonical import INTEGER_MAX
from pacha.registry.card_forms import Form
from pacha.registry.card_problems import BadCard, Place, Problem, Problems
from pacha.registry.card_values import entries, plain_value

#: How alike two names must be for one to be a mistake for the other: `licence` and `license` are (0.86).
LIKENESS_MIN = 0.85

_Found = TypeVar("_Found", bound="Record")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a record. `role` makes it a reference; `also` are words that people use for it by mistake."""

    name: str
    form: Form
    help: str
    role: str | None = None
    is_required: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReference:
    """A text in a card that names another artifact, the parent's role that it stands for, and its member."""

    role: str
    text: str
    field: str


def member(
    form: Form, help: str, *, role: str | None = None, is_required: bool = False, also: tuple[str, ...] = ()
) -> Any:
    """Declares a member of a record, as `dataclasses.field` does."""
    told = {"form": form, "help": help, "role": role, "is_required": is_required, "also": also}
    # A fresh empty value for each record: tables could otherwise be shared and changed.
    return field(default_factory=lambda: form.empty, metadata=told)


def members_of(record: type["Record"]) -> tuple[Member, ...]:
    """The members of a record in their order, `unknown` apart."""
    return _members_of(cast(Hashable, record))


@cache
def _members_of(record: Any) -> tuple[Member, ...]:
    return tuple(Member(name=one.name, **one.metadata) for one in fields(record) if one.name != "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A frozen value whose members are checked at birth. `unknown` are members of later versions, kept as they are."""

    #: The member that one text stands for, where a table could be.
    SHORT: ClassVar[str | None] = None
    #: The member that takes what a person wrote and no member is named for.
    REST: ClassVar[str] = "unknown"

    unknown: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = Problems()
        place = Place(problems)
        for one in members_of(type(self)):
            value = one.form.read(getattr(self, one.name), place.at(one.name))
            object.__setattr__(self, one.name, value)
            if one.is_required and value == one.form.empty:
                place.at(one.name).wrong("is missing")
        problems.check(type(self).__name__)

    @classmethod
    def read(cls, value: object, place: Place) -> Self | None:
        """A record out of a table; None, with the problems noted, if it is none."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and cls.SHORT is not None:
            value = {cls.SHORT: value}
        before = len(place.problems.found)
        found = _members_read(cls, value, place)
        return cls(**found) if len(place.problems.found) == before else None

    def plain(self) -> dict[str, Any]:
        """Every member that is not empty, references too, with whole numbers of any size: what files are made from."""
        out: dict[str, Any] = dict(self.unknown)
        for one in members_of(type(self)):
            value = getattr(self, one.name)
            if value != one.form.empty:
                out[one.name] = one.form.write(value)
        return out


def _members_read(record: type[Record], value: object, place: Place) -> dict[str, Any]:
    """The members of a table, read; what no member is named for is where it belongs."""
    known = {one.name: one for one in members_of(record)}
    found: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    if not isinstance(value, Mapping):
        place.expected("a table", value)
        return found
    for name, item in entries(value, place, "a table"):
        if name in known:
            found[name] = known[name].form.read(item, place.at(name))
        elif item is not None and (place.is_stored or not _is_mistake(record, name, place)):
            rest[name] = plain_value(item, place.at(name))
    target = "unknown" if place.is_stored else record.REST
    for one in known.values():
        if one.is_required and found.get(one.name, one.form.empty) == one.form.empty:
            place.at(one.name).wrong("is missing")
    if rest and target == "unknown":
        found["unknown"] = rest
    elif rest:
        taken = found.get(target) or {}
        for name in taken.keys() & rest.keys():
            place.at(name).wrong(f"is there twice: here and in {target}")
        found[target] = known[target].form.read({**taken, **rest}, place)
    return found


def _is_mistake(record: type[Record], name: str, place: Place) -> bool:
    """Notes a name that is nearly a member's, or a usual word for it."""
    meant = meant_member(record, name)
    if meant is None:
        return False
    elsewhere = f" If not, put it into {record.REST}" if record.REST != "unknown" else ""
    place.at(name).wrong(f"no such member; did you mean {meant}?{elsewhere}")
    return True


def meant_member(record: type[Record], name: str) -> str | None:
    """The member that somebody meant who wrote `name`; None if it looks like none.

    >>> meant_member(Record, "x") is None
    True
    """
    near = {_folded(one.name): one.name for one in members_of(record)}
    near |= {_folded(word): one.name for one in members_of(record) for word in one.also}
    found = difflib.get_close_matches(_folded(name)[:64], near, n=1, cutoff=LIKENESS_MIN)
    return near[found[0]] if found else None


def _folded(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


@dataclass(frozen=True, slots=True)
class Part:
    """A record in a record. `is_always`: there is one even where nothing is said, so that its members can be asked."""

    record: type[Record]
    is_always: bool = False
    word: str = "a table"

    @property
    def empty(self) -> Record | None:
        """No record, or one that says nothing."""
        return self.record() if self.is_always else None

    def read(self, value: object, place: Place) -> Record | None:
        """The record; one that says nothing is not there."""
        found = None if value is None else self.record.read(value, place)
        return self.empty if found is None or not found.plain() else found

    def write(self, value: object) -> object:
        """A table."""
        return value.plain() if isinstance(value, Record) else value

    def parse(self, text: str) -> object:
        """The text, for a record that one text can stand for."""
        return text


@dataclass(frozen=True, slots=True)
class Parts:
    """A list of records; a text stands for a record where it can."""

    record: type[Record]
    word: str = "a list of tables"
    empty: tuple[Record, ...] = ()

    def read(self, value: object, place: Place) -> tuple[Record, ...]:
        """The records."""
        items = [value] if isinstance(value, (str, Mapping)) else [] if value is None else value
        if not isinstance(items, (list, tuple)):
            place.expected(self.word, value)
            return ()
        found = (self.record.read(item, place.at(number)) for number, item in enumerate(items))
        return tuple(item for item in found if item is not None)

    def write(self, value: object) -> object:
        """A list of tables."""
        return [item.plain() for item in value] if isinstance(value, tuple) else value

    def parse(self, text: str) -> object:
        """One item."""
        return [text] if text else []


@dataclass(frozen=True, slots=True)
class PartTable:
    """Records by name."""

    record: type[Record]
    word: str = "a table of tables"

    @property
    def empty(self) -> Mapping[str, Record]:
        """No record."""
        return {}

    def read(self, value: object, place: Place) -> dict[str, Record]:
        """The records."""
        found = ((key, self.record.read(item, place.at(key))) for key, item in entries(value, place, self.word))
        return {key: item for key, item in found if item is not None}

    def write(self, value: object) -> object:
        """A table of tables."""
        return {key: item.plain() for key, item in value.items()} if isinstance(value, Mapping) else value

    def parse(self, text: str) -> object:
        """The text, for `read` to refuse."""
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRecord(Record):
    """What all cards can do. A subclass has a member `extra`, and members with roles."""

    REST: ClassVar[str] = "extra"

    @classmethod
    def from_document(cls, document: object, *, name: str) -> Self:
        """Reads what a person wrote. `name` is what errors call it. Errors: `BadCard`, with every problem."""
        return _checked(cls, document, name, is_stored=False)

    @classmethod
    def from_stored(cls, document: object, *, name: str = "stored card") -> Self:
        """Reads a manifest's card; members of later versions stay where they are. Errors: `BadCard`."""
        return _checked(cls, document, name, is_stored=True)

    def document(self) -> dict[str, Any]:
        """What a manifest's card holds: no empty member, no reference, integers beyond ±(2^53−1) as texts."""
        roles = {one.name for one in members_of(type(self)) if one.role is not None}
        found = _storable({name: value for name, value in self.plain().items() if name not in roles})
        assert isinstance(found, dict)
        return found

    def references(self) -> list[CardReference]:
        """What this card names, in the order of its members."""
        return [
            CardReference(role=one.role, text=text, field=one.name)
            for one in members_of(type(self))
            if one.role is not None
            for text in getattr(self, one.name)
        ]

    def with_references(self, texts: Mapping[str, tuple[str, ...] | list[str]]) -> Self:
        """The card with these references by role and no others: for showing those that a manifest's parents are."""
        roles = {one.name: one.role for one in members_of(type(self)) if one.role is not None}
        return replace(self, **{name: tuple(texts.get(role, ())) for name, role in roles.items()})  # type: ignore[arg-type]


def _checked(cls: type[_Found], document: object, name: str, *, is_stored: bool) -> _Found:
    problems = Problems()
    found = cls.read(document, Place(problems, (), is_stored))
    problems.check(name)
    if found is None:
        raise BadCard(name, (Problem(where="", message="not a card"),))
    return found


def _storable(value: object) -> object:
    """A value with the integers that a document cannot hold as texts."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > INTEGER_MAX:
        return str(value)
    if isinstance(value, Mapping):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, (list, tuple)) else value
