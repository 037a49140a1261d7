"""What a member of a card can hold: each form reads what people write, and keeps one value for one meaning.

A form reads a value that any of TOML, JSON, YAML or Python gave, notes what is wrong at its place, and returns the
value as a card keeps it (`card_values`). Longer than most modules because each form is four short methods.
"""

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pacha.base.clock import parse_timestamp
from pacha.base.errors import PachaError
from pacha.registry.card_problems import Place
from pacha.registry.card_values import (
    DEPTH_MAX,
    ITEMS_MAX,
    Number,
    checked_text,
    entries,
    guess,
    number_of,
    plain_value,
)

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Form(Protocol):
    """What a member holds. `word` says it in errors and pages; `empty` stands for a member that is not there."""

    @property
    def word(self) -> str:
        """What it holds, as an error says it: `a number`."""

    @property
    def empty(self) -> object:
        """The value of a member that is not there."""

    def read(self, value: object, place: Place) -> object:
        """The value as a card keeps it; the empty one, with a problem noted, if it is not of this form."""

    def write(self, value: object) -> object:
        """The value as a document has it, with whole numbers of any size."""

    def parse(self, text: str) -> object:
        """What a person typed, before `read` checks it."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; an empty one is not there."""

    word: str = "a text"
    empty: None = None

    def read(self, value: object, place: Place) -> str | None:
        """The text."""
        if value is None or value == "":
            return None
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # 3.10 and 3.1 are one number and two versions of Python: nothing is guessed.
            place.wrong(f'{self.word}, not the number {value}: write it in quotes, "{value}"')
            return None
        return checked_text(value, place, self.word)

    def write(self, value: object) -> object:
        """The text."""
        return value

    def parse(self, text: str) -> object:
        """The text as it is."""
        return text


@dataclass(frozen=True, slots=True)
class Checked:
    """A text that a function accepts, in the function's own spelling of it."""

    word: str
    check: Callable[[str], object]
    empty: None = None

    def read(self, value: object, place: Place) -> str | None:
        """The text, spelled as the function spells it."""
        text = Text(self.word).read(value, place)
        if text is None:
            return None
        try:
            return str(self.check(text))
        except PachaError as error:
            place.wrong(error.message)
            return None

    def write(self, value: object) -> object:
        """The text."""
        return value

    def parse(self, text: str) -> object:
        """The text as it is."""
        return text


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a time in UTC; a day stays a day."""

    word: str = "a day or time"
    empty: None = None

    def read(self, value: object, place: Place) -> str | None:
        """`2026-03-03` or `2026-03-03T12:00:00Z`."""
        if value is None or value == "":
            return None
        text = value.isoformat() if isinstance(value, (datetime.datetime, datetime.date)) else value
        if not isinstance(text, str):
            place.expected(self.word, value)
            return None
        try:
            time = parse_timestamp(text)
        except PachaError:
            place.wrong(f"{self.word} such as 2026-03-03 or 2026-03-03T12:00:00Z, not {text[:40]!r}")
            return None
        return text if _DAY.fullmatch(text) else time

    def write(self, value: object) -> object:
        """The text."""
        return value

    def parse(self, text: str) -> object:
        """The text as it is."""
        return text


@dataclass(frozen=True, slots=True)
class Amount:
    """A number. Shape: whole numbers stay whole; what is not finite is one of the texts of `NOT_FINITE`."""

    word: str = "a number"
    empty: None = None

    def read(self, value: object, place: Place) -> Number | None:
        """The number."""
        if value is None:
            return None
        found = number_of(value)
        if found is None:
            place.expected(self.word, value)
        return found

    def write(self, value: object) -> object:
        """The number."""
        return value

    def parse(self, text: str) -> object:
        """The number that is typed, or the text for `read` to refuse."""
        found = guess(text)
        return text if isinstance(found, (bool, str)) or number_of(found) is None else found


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number; one that another tool wrote as 10.0 is 10."""

    word: str = "a whole number"
    empty: None = None

    def read(self, value: object, place: Place) -> int | None:
        """The number."""
        if value is None:
            return None
        found = number_of(value)
        if isinstance(found, float) and found.is_integer():
            found = int(found)
        if not isinstance(found, int):
            place.expected(self.word, value)
            return None
        return found

    def write(self, value: object) -> object:
        """The number."""
        return value

    def parse(self, text: str) -> object:
        """The number that is typed, or the text for `read` to refuse."""
        return Amount().parse(text)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false. `empty` is what holds where nothing is said."""

    word: str = "true or false"
    empty: bool | None = False

    def read(self, value: object, place: Place) -> bool | None:
        """The flag."""
        if value is None:
            return self.empty
        if not isinstance(value, bool):
            place.expected(self.word, value)
            return self.empty
        return value

    def write(self, value: object) -> object:
        """The flag."""
        return value

    def parse(self, text: str) -> object:
        """The flag that is typed, or the text for `read` to refuse."""
        return {"true": True, "false": False}.get(text.lower(), text)


@dataclass(frozen=True, slots=True)
class Texts:
    """A list of texts; one text is a list of one. `is_set` drops what is there twice."""

    word: str = "a text or a list of texts"
    is_set: bool = False
    empty: tuple[str, ...] = ()

    def read(self, value: object, place: Place) -> tuple[str, ...]:
        """The texts, empty ones left out."""
        items = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(items, (list, tuple)):
            place.expected(self.word, value)
            return ()
        if len(items) > ITEMS_MAX:
            place.wrong(f"{len(items)} items; the most is {ITEMS_MAX}")
            return ()
        texts = [Text().read(item, place.at(number)) for number, item in enumerate(items)]
        found = [text for text in texts if text is not None]
        return tuple(dict.fromkeys(found) if self.is_set else found)

    def write(self, value: object) -> object:
        """A list."""
        return list(value) if isinstance(value, tuple) else value

    def parse(self, text: str) -> object:
        """One item: commas belong to sentences."""
        return [text] if text else []


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers by name. A table in it gives dotted names, so that `metrics.test.auc` is one thing everywhere."""

    word: str = "a table of numbers"

    @property
    def empty(self) -> Mapping[str, Number]:
        """No number."""
        return {}

    def read(self, value: object, place: Place) -> dict[str, Number]:
        """The numbers."""
        found: dict[str, Number] = {}
        self._collect(value, place, "", found)
        return found

    def _collect(self, value: object, place: Place, before: str, found: dict[str, Number]) -> None:
        if len(place.path) > DEPTH_MAX:
            place.wrong(f"nested more than {DEPTH_MAX} levels deep")
            return
        for key, item in entries(value, place, self.word):
            name, here = before + key, place.at(key)
            if not key:
                here.wrong("a number has a name")
            elif isinstance(item, Mapping):
                self._collect(item, here, f"{name}.", found)
            elif name in found:
                here.wrong(f"{name} is there twice")
            elif (number := Amount().read(item, here)) is not None:
                found[name] = number

    def write(self, value: object) -> object:
        """A table."""
        return dict(value) if isinstance(value, Mapping) else value

    def parse(self, text: str) -> object:
        """A table in JSON."""
        return guess(text)


@dataclass(frozen=True, slots=True)
class TextTable:
    """Texts by name. A list is taken by splitting its items into name and text; numbers are taken as they are typed."""

    word: str = "a table of texts"
    split: Callable[[str], tuple[str, str]] | None = None

    @property
    def empty(self) -> Mapping[str, str]:
        """No text."""
        return {}

    def read(self, value: object, place: Place) -> dict[str, str]:
        """The texts; one may be empty."""
        if isinstance(value, (list, tuple)) and self.split is not None and all(isinstance(item, str) for item in value):
            pairs = [self.split(item) for item in value[: ITEMS_MAX + 1]]
            if len(dict(pairs)) != len(pairs):
                place.wrong("a name is there twice")
            value = dict(pairs)
        found: dict[str, str] = {}
        for key, item in entries(value, place, self.word):
            text = str(item) if isinstance(item, int) and not isinstance(item, bool) and number_of(item) else item
            if (checked := checked_text(text, place.at(key))) is not None:
                found[key] = checked
        return found

    def write(self, value: object) -> object:
        """A table."""
        return dict(value) if isinstance(value, Mapping) else value

    def parse(self, text: str) -> object:
        """A table in JSON, or one item of a list."""
        found = guess(text)
        return found if isinstance(found, Mapping) or self.split is None else [text]


@dataclass(frozen=True, slots=True)
class Free:
    """A table of anything that JSON holds. A member that is null is not there; `has_null` keeps those in lists."""

    word: str = "a table"
    has_null: bool = True

    @property
    def empty(self) -> Mapping[str, object]:
        """Nothing."""
        return {}

    def read(self, value: object, place: Place) -> dict[str, object]:
        """The table, in values that a document holds."""
        found = plain_value({} if value is None else value, place, has_null=self.has_null)
        if not isinstance(found, dict):
            place.expected(self.word, value)
            return {}
        return found

    def write(self, value: object) -> object:
        """A table."""
        return dict(value) if isinstance(value, Mapping) else value

    def parse(self, text: str) -> object:
        """A table in JSON."""
        return guess(text)


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments as a list; a line for a shell is kept as it is, and never run by one here."""

    word: str = "a list of arguments, or a line"
    empty: None = None

    def read(self, value: object, place: Place) -> tuple[str, ...] | str | None:
        """The arguments, or the line."""
        if isinstance(value, str):
            return Text().read(value, place)
        if value is not None and not isinstance(value, (list, tuple)):
            place.expected(self.word, value)
            return None
        found = [checked_text(item, place.at(number)) for number, item in enumerate(value or ())]
        return tuple(item for item in found if item is not None) or None

    def write(self, value: object) -> object:
        """A list, or the line."""
        return list(value) if isinstance(value, tuple) else value

    def parse(self, text: str) -> object:
        """A list in JSON, or a line."""
        found = guess(text)
        return found if isinstance(found, list) else text
