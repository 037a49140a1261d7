"""Searching: any text is a query or a `BadQuery` that points into it, and what a query means is what a naive reader says."""

from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.registry.criteria import Test as Asked
from pacha.registry.criteria import check, find
from pacha.registry.grammar import DEPTH_MAX, LENGTH_MAX, PARTS_MAX, TERMS_MAX, parse_field, parse_query
from pacha.registry.matching import Rules
from pacha.registry.query import All, BadQuery, Compare, Either, Field, Has, Node, Not, Query, Word
from pacha.registry.stage_rules import BUILT_IN
from tests.registry import naive
from tests.registry.queries import CARDS, NODES, TERMS

NOW = "2026-11-24T00:00:00Z"
RULES = Rules(now=NOW, stages=(), stage_named=lambda text: BUILT_IN.find(text) or text.lower())

ANY_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
ANY_FIELD = st.lists(ANY_TEXT, min_size=1, max_size=PARTS_MAX).map(lambda parts: Field(tuple(parts)))
ANY_TERM = st.one_of(
    st.builds(Compare, ANY_FIELD, st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "~"]), st.text(max_size=12)),
    st.builds(Has, ANY_FIELD),
    st.builds(Word, ANY_TEXT),
)
ANY_NODE: st.SearchStrategy[Node] = st.recursive(
    ANY_TERM,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)
SIGNS = st.sampled_from(
    [*"()\"'=!<>~-. \\:", "a", "or", "and", "not", "has:", "metrics.auc", "kind=model", ">=", "1.2"]
)


class Rows:
    """Rows as a plain list, asked one by one."""

    def __init__(self, rows: list[naive.Row]) -> None:
        self.rows = rows
        self.everything = int.from_bytes(b"\1" * len(rows), "little")

    def select(self, field: Field, test: Asked) -> int:
        values = [naive.value_of(row, field) for row in self.rows]
        return int.from_bytes(bytes(value is not None and test(value) for value in values), "little")


def chosen(query: Query, rows: list[naive.Row]) -> list[bool]:
    return [bool(mark) for mark in find(query, Rows(rows), RULES).to_bytes(len(rows), "little")]


def row(**members: Any) -> naive.Row:
    return {
        "kind": "model", "name": "fraud-detector", "artifact": "model/fraud-detector", "version": "1.2.0",
        "stage": "production", "head": True, "latest": True, "manifest": "ab" * 32, "created": "2026-03-03T12:00:00Z",
        "author": "Ada <ada@example.org>", "message": "more data", "size": 1536, "digest": "cd" * 32, "path": "models/f",
        "shape": "file", "card": {}, "facts": {}, **members,
    }  # fmt: skip


# -- the grammar -----------------------------------------------------------------------------------------------------


@given(ANY_NODE)
def test_a_printed_query_reads_as_the_same_query(node: Node) -> None:
    text = str(Query(node))
    if len(text) <= LENGTH_MAX:
        assert parse_query(text).node == node
        assert str(parse_query(text)) == text


@given(ANY_FIELD)
def test_a_printed_field_reads_as_the_same_field(field: Field) -> None:
    assert parse_field(str(field)) == field


@given(st.one_of(st.text(max_size=40), st.lists(SIGNS, max_size=20).map("".join)))
@settings(max_examples=500)
def test_any_text_is_a_query_or_an_error_that_points_into_it(text: str) -> None:
    try:
        query = parse_query(text)
        check(query, RULES)
        assert parse_query(str(query)) == query
    except BadQuery as error:
        assert 0 <= error.position <= len(text)
        assert error.source == text and error.hint


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a b or c", "(a and b) or c"),
        ("not a b", "(not a) and b"),
        ("-a", "not a"),
        ("a = 1", "a=1"),
        ("a   and\tb", "a b"),
        ("(((a)))", "a"),
        ("'a b'", '"a b"'),
        (r"name~'it\'s'", 'name~"it\'s"'),
        ("or=1", '"or"=1'),
        ("metrics.'top 5'>1", 'metrics."top 5">1'),
    ],
)
def test_two_spellings_of_one_query(text: str, same: str) -> None:
    assert parse_query(text) == parse_query(same)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("kind=model )", 11, "a `)` too many"),
        ("(kind=model", 0, "this `(` is not closed"),
        ("a or", 4, "a term is missing"),
        ("kind= ", 6, "a value is missing"),
        ("a ==1", 2, "there is no comparator =="),
        ("name~'x", 5, "this quote is not closed"),
        ("it's", 2, "a quote inside a word"),
        ("x..y=1", 0, "a part of a field is empty"),
        ("a kind=modle", 7, "not a kind: 'modle'"),
        ("version>=new", 9, "not a version"),
        ("created>=2026-13", 9, "not a time"),
        ("size>1G", 5, "not bytes"),
        ("metrics.auc>high", 12, "not a number or a time"),
        ("license>mit", 8, "not a number or a time"),
        ("name>a", 0, "name knows no >"),
        ("head~t", 0, "head knows no ~"),
        ("manifest=xyz", 9, "not an id"),
        ("age>1", 4, "not a span of time"),
        ("kind:model", 0, "compared with =, not with a colon"),
    ],
)
def test_an_error_points_at_the_place(text: str, position: int, message: str) -> None:
    with pytest.raises(BadQuery, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
        check(parse_query(text), RULES)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "a" * (LENGTH_MAX + 1),
        "(" * (DEPTH_MAX + 1) + "a" + ")" * (DEPTH_MAX + 1),
        "not " * (DEPTH_MAX + 1) + "a",
        "-" * 4000 + "a",
        "a " * (TERMS_MAX + 1),
        ".".join("a" * (PARTS_MAX + 1)) + "=1",
        "(" * 4000,
        '"' + "\\" * 4000,
    ],
)
def test_a_query_is_bounded(text: str) -> None:
    with pytest.raises(BadQuery):
        parse_query(text)


# -- the meaning -----------------------------------------------------------------------------------------------------


@given(NODES, st.lists(st.tuples(CARDS, CARDS), min_size=1, max_size=4))
@settings(max_examples=300)
def test_a_query_means_what_a_naive_reader_says(node: Node, documents: list[tuple[Any, Any]]) -> None:
    rows = [row(card=card, facts=facts) for card, facts in documents]
    assert chosen(Query(node), rows) == [naive.holds(item, node, NOW) for item in rows]


@pytest.mark.parametrize(
    ("text", "is_true"),
    [
        ("kind=model stage=production metrics.auc>0.9 name~\"FRAUD\"", True),
        ("stage=Prod", True),
        ("version>=1.2", True), ("version=1.2", True), ("version>1.2", False), ("version<1.10.0", True),
        ("created=2026-03", True), ("created>2026-03", False), ("created>=2026-03-03T12", True),
        ("age<7d", False), ("age>26w", True),
        ("size>1KiB", True), ("size=1.5KiB", True), ("size>=2KB", False),
        ("tags=Fraud", True), ("tags!=fraud", False), ("tags!=other", True),
        ("metrics.loss>0", False), ("metrics.loss<0", False), ("metrics.loss=NaN", False), ("metrics.loss!=1", False),
        ("metrics.loss~nan", True), ("has:metrics.loss", True), ("not metrics.loss>0", True),
        ("metrics.perplexity>1e300", True),
        ("metrics.nothing!=1", False), ("not metrics.nothing=1", True),
        ("license=MIT", True), ("training_date>=2026-01 training_date<2026-02", True),
        ("parameters>1e9", True), ("card.parameters>1", False), ("facts.parameters=7000000000", True),
        ("preprocessing.name=scale", True), ('metrics."top 5"=1', True), ("metrics.f1.macro=0.5", True),
        ("has:metrics", True), ("metrics=1", False), ("metrics!=1", False),
        ("deterministic=yes", True), ("large=12345678901234567890", True), ("large>12345678901234567889", True),
        ("detector", True), ("DATA", True), ("interbank", True), ("nowhere", False),
        ("manifest=abababab", True), ("manifest=manifest:abababab", True), ("digest=abababab", False),
    ],
)  # fmt: skip
def test_what_a_comparison_says(text: str, is_true: bool) -> None:
    card = {
        "license": "mit", "tags": ["fraud", "tabular"], "description": "for interbank transfers",
        "metrics": {"auc": 0.93, "loss": "NaN", "perplexity": "Infinity", "top 5": 1, "f1.macro": 0.5},
        "training_date": "2026-01-31", "preprocessing": [{"name": "scale"}, {"name": "clip"}], "deterministic": True,
        "large": "12345678901234567890",
    }  # fmt: skip
    assert chosen(parse_query(text), [row(card=card, facts={"parameters": 7_000_000_000})]) == [is_true]


def test_versions_are_compared_by_precedence_not_as_text() -> None:
    order = ["1.0.0-alpha", "1.0.0-beta.2", "1.0.0-beta.10", "1.0.0", "1.2.0", "1.10.0", "10.0.0"]
    rows = [row(version=version) for version in order]
    for at, version in enumerate(order):
        assert chosen(parse_query(f"version<{version}"), rows) == [number < at for number in range(len(order))]


def test_a_wrong_meaning_would_be_found() -> None:
    """The control: `!=` that held where there is no value would not pass for the naive reader's."""

    def is_wrong(example: tuple[Node, Any]) -> bool:
        node, card = example
        if not isinstance(node, Compare) or node.comparator != "!=":
            return False
        item = row(card=card, facts={})
        return [not chosen(Query(replace(node, comparator="=")), [item])[0]] != [naive.holds(item, node, NOW)]

    assert hypothesis.find(st.tuples(TERMS, CARDS), is_wrong)
