"""The grammar of searches: a text becomes a `Query`, or a `BadQuery` that points at where it stopped to make sense.

Source: docs/search.md, "The grammar".
"""

import re

from pacha.registry.query import HAS, KEYWORDS, All, BadQuery, Compare, Either, Field, Has, Node, Not, Query, Term, Word

#: Longer ones are not typed; each term costs a pass over all rows.
LENGTH_MAX = 4096
TERMS_MAX = 256
#: The parser and all who walk a query call themselves once a level.
DEPTH_MAX = 32
#: A dotted path may be split into keys in 2^(parts - 1) ways.
PARTS_MAX = 8

_COMPARATOR = re.compile(r"!=|>=|<=|[=><~]")
#: What a word may hold between quoted parts, and what a value may be without quotes.
_CHUNK = re.compile(r"""(?:[^\s()<>=~!"']|!(?!=))+""")
_VALUE = re.compile(r"""[^\s()"']+""")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)
_SLIPS = {"==": "write one `=`", "=~": "write `~` for contains", "<>": "write `!=`", "~=": "write `~` for contains"}


def parse_query(text: str) -> Query:
    """Reads a query; an empty one is about everything. Errors: `BadQuery`.

    >>> str(parse_query("kind=model (stage=production or stage = staging)  -tags=old fraud"))
    'kind=model (stage=production or stage=staging) not tags=old fraud'
    """
    return Query(_Parser(text).everything(), text)


def parse_field(text: str) -> Field:
    """Reads a field alone. Errors: `BadQuery`.

    >>> parse_field('metrics."top 5"').parts
    ('metrics', 'top 5')
    """
    return _Parser(text).only_field()


class _Parser:
    """Reads from left to right; `_at` is the next character."""

    def __init__(self, text: str) -> None:
        if len(text) > LENGTH_MAX:
            raise BadQuery(f"a query has at most {LENGTH_MAX} characters", source=text, position=LENGTH_MAX)
        self._text = text
        self._at = 0
        self._depth = 0
        self._terms = 0

    def everything(self) -> Node:
        if self._is_over():
            return All()
        node = self._either()
        if not self._is_over():
            raise self._bad("a `)` too many", self._at)
        return node

    def only_field(self) -> Field:
        start = self._skip()
        parts = self._field(start, self._pieces())
        if not self._is_over():
            raise self._bad("a field ends here", self._at)
        return parts

    # -- combining -------------------------------------------------------------------------------------------------

    def _either(self) -> Node:
        parts = [self._all()]
        while self._keyword() == "or":
            self._at += len("or")
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self) -> Node:
        parts = [self._unary()]
        while not self._is_over() and self._text[self._at] != ")" and (word := self._keyword()) != "or":
            if word == "and":
                self._at += len("and")
            parts.append(self._unary())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _unary(self) -> Node:
        start = self._skip()
        if self._is_over() or self._keyword() in ("and", "or") or self._text[start] == ")":
            raise self._bad("a term is missing", start)
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._bad(f"a query is at most {DEPTH_MAX} levels deep", start)
        node = self._inner(start)
        self._depth -= 1
        return node

    def _inner(self, start: int) -> Node:
        if self._keyword() == "not":
            self._at += len("not")
            return Not(self._unary())
        if self._text[start] == "-":
            self._at += 1
            if self._at >= len(self._text) or self._text[self._at].isspace():
                raise self._bad("a `-` stands before the term that it denies, without a blank", start)
            return Not(self._unary())
        if self._text[start] == "(":
            self._at += 1
            node = self._either()
            if self._is_over():
                raise self._bad("this `(` is not closed", start)
            self._at += 1
            return node
        return self._term(start)

    # -- terms -----------------------------------------------------------------------------------------------------

    def _term(self, start: int) -> Term:
        self._terms += 1
        if self._terms > TERMS_MAX:
            raise self._bad(f"a query has at most {TERMS_MAX} terms", start)
        pieces = self._pieces()
        if not pieces:
            raise self._bad("a field is missing before the comparator", start)
        after = self._skip()
        if comparator := _COMPARATOR.match(self._text, after):
            found = self._field(start, pieces)
            self._at = comparator.end()
            value_at, value = self._value(comparator)
            return Compare(found, comparator.group(), value, start, value_at)
        first, is_quoted = pieces[0]
        if not is_quoted and first.startswith(HAS):
            return Has(self._field(start + len(HAS), [(first[len(HAS) :], False), *pieces[1:]]), start)
        if len(pieces) > 1:
            raise self._bad("quote the whole word, or compare the field with something", start)
        if not first:
            raise self._bad("there is nothing to look for", start)
        return Word(first, start)

    def _value(self, comparator: re.Match[str]) -> tuple[int, str]:
        if slip := _COMPARATOR.match(self._text, self._at):
            sign = comparator.group() + slip.group()
            raise self._bad(f"there is no comparator {sign}", comparator.start(), _SLIPS.get(sign))
        start = self._skip()
        if self._text[start : start + 1] in ('"', "'"):
            value = self._quoted()
        elif match := _VALUE.match(self._text, start):
            value, self._at = match.group(), match.end()
        else:
            raise self._bad(f"a value is missing after `{comparator.group()}`", start)
        rest = self._text[self._at : self._at + 1]
        if rest and not rest.isspace() and rest != ")":
            raise self._bad("the value ends here; quote the whole value", self._at)
        return start, value

    def _field(self, start: int, pieces: list[tuple[str, bool]]) -> Field:
        parts: list[str] = [""]
        for text, is_quoted in pieces:
            if is_quoted:
                parts[-1] = text
                if not text:
                    raise self._bad("a part of a field is empty", start)
            else:
                first, *others = text.split(".")
                parts[-1] += first
                parts += others
        if not all(parts):
            raise self._bad("a part of a field is empty", start)
        if len(parts) > PARTS_MAX:
            raise self._bad(f"a field has at most {PARTS_MAX} parts", start)
        return Field(tuple(parts))

    def _pieces(self) -> list[tuple[str, bool]]:
        """A word and its quoted parts: each whole, between dots."""
        pieces: list[tuple[str, bool]] = []
        while self._at < len(self._text):
            if self._text[self._at] in "\"'":
                before, was_quoted = pieces[-1] if pieces else (".", False)
                if was_quoted or not (before.endswith(".") or before == HAS):
                    raise self._bad("a quote inside a word; quote the whole word", self._at)
                pieces.append((self._quoted(), True))
            elif match := _CHUNK.match(self._text, self._at):
                if pieces and not match.group().startswith("."):
                    raise self._bad("a blank is missing after this quote", self._at)
                pieces.append((match.group(), False))
                self._at = match.end()
            else:
                break
        return pieces

    def _quoted(self) -> str:
        match = _QUOTED.match(self._text, self._at)
        if match is None:
            raise self._bad("this quote is not closed", self._at)
        self._at = match.end()
        return re.sub(r"\\(.)", r"\1", match.group(1) or match.group(2) or "", flags=re.DOTALL)

    # -- characters ------------------------------------------------------------------------------------------------

    def _skip(self) -> int:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1
        return self._at

    def _is_over(self) -> bool:
        return self._skip() == len(self._text)

    def _keyword(self) -> str | None:
        """The word of the grammar that stands next, unless it is a field that is compared."""
        match = _CHUNK.match(self._text, self._skip())
        if match is None or match.group() not in KEYWORDS:
            return None
        return None if _COMPARATOR.match(self._text[match.end() :].lstrip()) else match.group()

    def _bad(self, message: str, position: int, hint: str | None = None) -> BadQuery:
        return BadQuery(message, source=self._text, position=position, hint=hint)
