"""The types of columns: what they are called, how they are written and read, `List<Struct<id: Int64, tags: List<String>>>`.

Values inside a list or a struct may always be null; only a column says whether it may.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from pacha.base.errors import Usage

PLAIN = (
    "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float16", "Float32", "Float64",
    "String", "Binary", "Date", "Time",
)  # fmt: skip
NAMES = (*PLAIN, "Timestamp", "Decimal", "List", "Struct", "Categorical")
UNITS = ("s", "ms", "us", "ns")
#: A longer text is no type that a person can read; a card holds one for each column.
TEXT_LENGTH_MAX = 65_536
#: A reader must not be driven into the stack's limit.
DEPTH_MAX = 16
#: What the widest common decimal holds (Decimal256).
PRECISION_MAX = 76
#: More categories are a column of texts.
CATEGORIES_MAX = 1_000

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,4}", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+:/-]{1,64}", re.ASCII)
_TOKEN = re.compile(r'\s*(?:([A-Za-z0-9_.+/-]+)|("(?:[^"\\]|\\.)*")|(.))', re.DOTALL)
_WORDS = re.compile(r"[A-Za-z0-9_.+/-]+", re.ASCII)


class BadType(Usage):
    """A text is not a column type."""

    usual_hint = (
        f"types are {', '.join(NAMES)}; with parameters: Decimal(12, 2), Timestamp(us, UTC), List<Int64>, "
        'Struct<id: Int64, name: String>, Categorical("a", "b")'
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DataType:
    """One type with its parameters; `name` is one of `NAMES`. A parameter that is None is not known.

    >>> DataType.parse("list< Struct<id: Int64, at: Timestamp(us, UTC)> >").text
    'List<Struct<id: Int64, at: Timestamp(us, UTC)>>'
    """

    name: str
    precision: int | None = None
    scale: int | None = None
    unit: str | None = None
    zone: str | None = None
    item: "DataType | None" = None
    fields: "tuple[tuple[str, DataType], ...]" = ()
    values: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for is_given, owner in (
            (self.precision is not None or self.scale is not None, "Decimal"),
            (self.unit is not None or self.zone is not None, "Timestamp"),
            (self.item is not None, "List"),
            (bool(self.fields), "Struct"),
            (self.values is not None, "Categorical"),
        ):
            if is_given and self.name != owner:
                raise BadType(f"{self.name} has no such parameter")
        if self.name not in NAMES:
            raise BadType(f"not a type: {self.name[:80]!r}")
        _check_parameters(self)
        if self.depth > DEPTH_MAX:
            raise BadType(f"a type is at most {DEPTH_MAX} levels deep")

    @classmethod
    def parse(cls, text: str) -> "DataType":
        """Reads a type; names may be in any case. Errors: `BadType`."""
        if not isinstance(text, str) or len(text) > TEXT_LENGTH_MAX:
            raise BadType("not a type: too long" if isinstance(text, str) else f"not a type: {text!r:.80}")
        parser = _Parser(text)
        found = parser.type(1)
        parser.end()
        return found

    @property
    def depth(self) -> int:
        """How many levels it is nested; 1 for a plain type."""
        inner = [self.item] if self.item else [type for _, type in self.fields]
        return 1 + max((type.depth for type in inner), default=0)

    @property
    def text(self) -> str:
        """How it is written."""
        if self.item is not None:
            return f"List<{self.item.text}>"
        if self.fields:
            return f"Struct<{', '.join(f'{_field_text(name)}: {type.text}' for name, type in self.fields)}>"
        if self.values is not None:
            return f"Categorical({', '.join(json.dumps(value, ensure_ascii=False) for value in self.values)})"
        if self.precision is not None:
            return f"Decimal({self.precision}, {self.scale})"
        given = [part for part in (self.unit, self.zone) if part]
        return f"{self.name}({', '.join(given)})" if given else self.name

    def __str__(self) -> str:
        return self.text

    @property
    def is_integer(self) -> bool:
        """Tells whether values are whole numbers of a fixed width."""
        return self.name.removeprefix("U").startswith("Int")

    @property
    def is_float(self) -> bool:
        """Tells whether values are binary floating-point numbers."""
        return self.name.startswith("Float")

    @property
    def is_nested(self) -> bool:
        """Tells whether values hold values."""
        return self.name in ("List", "Struct")

    def integer_range(self) -> tuple[int, int]:
        """The smallest and the largest value of an integer type.

        >>> DataType(name="UInt8").integer_range()
        (0, 255)
        """
        bits = int(self.name.lstrip("UInt"))
        return (0, 2**bits - 1) if self.name[0] == "U" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _check_parameters(type: DataType) -> None:
    if (type.precision is None) != (type.scale is None):
        raise BadType("Decimal has a precision and a scale, or neither")
    if type.precision is not None and type.scale is not None:
        if not 1 <= type.precision <= PRECISION_MAX or not -PRECISION_MAX <= type.scale <= PRECISION_MAX:
            raise BadType(
                f"Decimal({type.precision}, {type.scale}): a precision is 1 to {PRECISION_MAX}, a scale up to it"
            )
    if type.unit is not None and type.unit not in UNITS:
        raise BadType(f"not a unit of Timestamp: {type.unit[:20]!r}", hint=f"units are {', '.join(UNITS)}")
    if type.zone is not None and (type.zone in UNITS or not _ZONE.fullmatch(type.zone)):
        raise BadType(f"not a time zone: {type.zone[:80]!r}", hint="for instance UTC, Europe/Berlin or +01:00")
    if type.name == "List" and type.item is None:
        raise BadType("List needs the type of its items", hint="for instance List<Int64>")
    if (twice := repeated(name for name, _ in type.fields)) is not None:
        raise BadType(f"Struct names a field twice: {twice!r:.80}")
    _check_values(type.values)


def _check_values(values: tuple[str, ...] | None) -> None:
    if values is None:
        return
    if not values or len(values) > CATEGORIES_MAX:
        raise BadType(f"Categorical lists 1 to {CATEGORIES_MAX} values, or none at all")
    if (twice := repeated(values)) is not None:
        raise BadType(f"Categorical lists a value twice: {twice!r:.80}")


def repeated(names: Iterable[str]) -> str | None:
    """The first text that was there before, or None.

    >>> repeated(["a", "b", "a"]), repeated("ab")
    ('a', None)
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _field_text(name: str) -> str:
    return name if _WORD.fullmatch(name) else json.dumps(name, ensure_ascii=False)


class _Parser:
    """Reads a type, one token after the other."""

    def __init__(self, text: str) -> None:
        # A token is (is it quoted, its value); white space between tokens means nothing.
        self._tokens: list[tuple[bool, str]] = []
        for word, quoted, sign in _TOKEN.findall(text.rstrip()):
            self._tokens.append((bool(quoted), _unquoted(quoted) if quoted else word or sign))
        self._at = 0
        self._text = text

    def _fault(self, wanted: str) -> BadType:
        found = self._tokens[self._at][1] if self._at < len(self._tokens) else "the end"
        return BadType(f"not a type: {self._text[:80]!r}: {wanted} expected, not {found[:40]!r}")

    def _peek(self, sign: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at] == (False, sign)

    def _expect(self, sign: str) -> None:
        if not self._peek(sign):
            raise self._fault(repr(sign))
        self._at += 1

    def _word(self, wanted: str, *, quoted: bool | None = None) -> str:
        if self._at >= len(self._tokens):
            raise self._fault(wanted)
        is_quoted, value = self._tokens[self._at]
        if not (is_quoted or _WORDS.fullmatch(value)) or (quoted is not None and is_quoted != quoted):
            raise self._fault(wanted)
        self._at += 1
        return value

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._tokens):
            raise self._fault("the end")

    def type(self, depth: int) -> DataType:
        """One type at a depth."""
        if depth > DEPTH_MAX:
            raise BadType(f"a type is at most {DEPTH_MAX} levels deep")
        word = self._word("a type", quoted=False)
        name = next((name for name in NAMES if name.lower() == word.lower()), word)
        if self._peek("<") and name in ("List", "Struct"):
            self._at += 1
            made = self._list(depth) if name == "List" else self._struct(depth)
            self._expect(">")
            return made
        if self._peek("("):
            self._at += 1
            words = self._arguments(quoted=name == "Categorical")
            return _with_arguments(name, words, self._text)
        return DataType(name=name)

    def _list(self, depth: int) -> DataType:
        return DataType(name="List", item=self.type(depth + 1))

    def _struct(self, depth: int) -> DataType:
        fields: list[tuple[str, DataType]] = []
        while not self._peek(">"):
            if fields:
                self._expect(",")
            name = self._word("the name of a field")
            self._expect(":")
            fields.append((name, self.type(depth + 1)))
        return DataType(name="Struct", fields=tuple(fields))

    def _arguments(self, *, quoted: bool) -> list[str]:
        words = [self._argument(quoted)]
        while self._peek(","):
            self._at += 1
            words.append(self._argument(quoted))
        self._expect(")")
        return words

    def _argument(self, quoted: bool) -> str:
        word = self._word("a parameter", quoted=quoted)
        # A zone such as +01:00 is a word, a colon and a word.
        while not quoted and self._peek(":"):
            self._at += 1
            word += ":" + self._word("a parameter", quoted=False)
        return word


def _unquoted(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadType(f"not a quoted text: {text[:80]}") from error
    assert isinstance(value, str)
    return value


def _with_arguments(name: str, words: list[str], text: str) -> DataType:
    if name == "Categorical":
        return DataType(name=name, values=tuple(words))
    if name == "Decimal" and len(words) <= 2 and all(_NUMBER.fullmatch(word) for word in words):
        return DataType(name=name, precision=int(words[0]), scale=int(words[1]) if len(words) == 2 else 0)
    if name == "Timestamp" and len(words) == 2:
        return DataType(name=name, unit=words[0], zone=words[1])
    if name == "Timestamp" and len(words) == 1:
        is_unit = words[0] in UNITS
        return DataType(name=name, unit=words[0] if is_unit else None, zone=None if is_unit else words[0])
    raise BadType(f"not a type: {text[:80]!r}: {name[:40]} does not take these parameters")
