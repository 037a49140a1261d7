"""What a search asks for, as values, and their one spelling. Reading a text is `grammar`, meaning is `criteria`.

Terms side by side must all hold; `or`, `not` and parentheses combine them. A term is a field, a comparator and a
value; `has:FIELD`; or a word to look for. Source: docs/search.md, "The grammar".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as member

from pacha.base.errors import Usage

COMPARATORS = ("=", "!=", ">", ">=", "<", "<=", "~")
HAS = "has:"
#: They combine terms where they stand bare; quoted they are words like others.
KEYWORDS = frozenset({"and", "or", "not"})

_PLAIN_PART = re.compile(r"[A-Za-z0-9_@/%+][A-Za-z0-9_@/%+-]*")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_@/%+][A-Za-z0-9_@/%+.-]*")


class BadQuery(Usage):
    """A text is not a query. `position` is where in the `source` reading it stopped."""

    def __init__(self, message: str, *, source: str, position: int, hint: str | None = None) -> None:
        hint = hint or "`pacha help search` shows the grammar; quote a text that holds its signs"
        super().__init__(message, hint=hint, source=source, position=position)
        self.source = source
        self.position = position


@dataclass(frozen=True, slots=True)
class Field:
    """A dotted path: `metrics.auc`. A part that is not plain is quoted: `metrics."top 5"`."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(_part_text(part, is_first=not at) for at, part in enumerate(self.parts))


@dataclass(frozen=True, slots=True)
class Compare:
    """`field comparator value`. `at` is where it stands in the text, and where its value does."""

    field: Field
    comparator: str
    value: str
    at: int = member(default=0, compare=False)
    value_at: int = member(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.field}{self.comparator}{_word_text(self.value)}"


@dataclass(frozen=True, slots=True)
class Has:
    """`has:field`: there is a value."""

    field: Field
    at: int = member(default=0, compare=False)

    def __str__(self) -> str:
        return f"{HAS}{self.field}"


@dataclass(frozen=True, slots=True)
class Word:
    """A text to look for in names, descriptions and messages."""

    text: str
    at: int = member(default=0, compare=False)

    def __str__(self) -> str:
        return _word_text(self.text, is_term=True)


@dataclass(frozen=True, slots=True)
class Not:
    """What the part does not say."""

    part: "Node"

    def __str__(self) -> str:
        return f"not {_inner_text(self.part)}"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; no parts: everything does."""

    parts: tuple["Node", ...] = ()

    def __str__(self) -> str:
        return " ".join(_inner_text(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple["Node", ...]

    def __str__(self) -> str:
        return " or ".join(str(part) if isinstance(part, All) else _inner_text(part) for part in self.parts)


Term = Compare | Has | Word
Node = Term | Not | All | Either


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was read; printed, it reads as the same again. `source` is the text as it was typed."""

    node: Node
    source: str = member(default="", compare=False)

    def __str__(self) -> str:
        return str(self.node)

    def terms(self) -> Iterator[Term]:
        """Every term, as they stand."""
        todo = [self.node]
        while todo:
            node = todo.pop()
            if isinstance(node, Not):
                todo.append(node.part)
            elif isinstance(node, (All, Either)):
                todo.extend(reversed(node.parts))
            else:
                yield node


def _part_text(part: str, *, is_first: bool) -> str:
    is_plain = _PLAIN_PART.fullmatch(part) and not (is_first and part in KEYWORDS)
    return part if is_plain else _quote(part)


def _word_text(text: str, *, is_term: bool = False) -> str:
    is_plain = _PLAIN_WORD.fullmatch(text) and not (is_term and text in KEYWORDS)
    return text if is_plain else _quote(text)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _inner_text(node: Node) -> str:
    return f"({node})" if isinstance(node, (All, Either)) else str(node)
