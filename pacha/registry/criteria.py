"""What a query means: each term chooses rows by a test, and the query combines the choices.

A row without a value for a field passes no test of it, `!=` included; `not` turns the answer round, and then such
rows are in it. Source: docs/search.md, "The grammar".
"""

from typing import Protocol

from pacha.registry.fields import COMMIT_FIELDS, WORD_FIELDS, Meaning, meaning_of
from pacha.registry.matching import Rules, Test, contains, test_of
from pacha.registry.query import All, BadQuery, Compare, Either, Field, Has, Node, Not, Query, Term, Word


class Table(Protocol):
    """Rows that are chosen from. A choice is an integer with one byte a row, 1 if it is chosen, the first row lowest."""

    everything: int

    def select(self, field: Field, test: Test) -> int:
        """The rows that have a value for a field which passes the test."""


def find(query: Query, table: Table, rules: Rules) -> int:
    """The rows that a query chooses. Errors: `BadQuery` for values that do not fit their fields."""
    check(query, rules)
    return _find(query.node, query, table, rules)


def check(query: Query, rules: Rules) -> None:
    """Checks the values of every term. Errors: `BadQuery`."""
    for term in query.terms():
        if isinstance(term, Compare):
            test_of(term, query, rules)
        elif isinstance(term, Word):
            _check_habit(term, query)


def _find(node: Node, query: Query, table: Table, rules: Rules) -> int:
    if isinstance(node, All):
        chosen = table.everything
        for part in node.parts:
            chosen &= _find(part, query, table, rules) if chosen else 0
        return chosen
    if isinstance(node, Either):
        chosen = 0
        for part in node.parts:
            chosen |= _find(part, query, table, rules)
        return chosen
    if isinstance(node, Not):
        return table.everything ^ _find(node.part, query, table, rules)
    return _select(node, query, table, rules)


def _select(term: Term, query: Query, table: Table, rules: Rules) -> int:
    if isinstance(term, Has):
        return table.select(stored(term.field), lambda value: True)
    if isinstance(term, Compare):
        return table.select(stored(term.field), test_of(term, query, rules))
    chosen, test = 0, contains(term.text)
    for field in WORD_FIELDS:
        chosen |= table.select(field, test)
    return chosen


def stored(field: Field) -> Field:
    """The field whose values are kept: an age is computed from when something was created."""
    return Field(("created",)) if meaning_of(field) is Meaning.AGE else field


def _check_habit(word: Word, query: Query) -> None:
    """`kind:model` is how others write it, and would look for that text."""
    name, colon, value = word.text.partition(":")
    if colon and value and name in COMMIT_FIELDS and query.source[word.at : word.at + 1] not in ('"', "'"):
        raise BadQuery(
            f"{name} is compared with =, not with a colon",
            source=query.source, position=word.at, hint=f"write {name}={value}; to look for the text, quote it",
        )  # fmt: skip
