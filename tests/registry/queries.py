"""Queries, cards and facts for property tests: few names and values, so that they meet."""

from typing import Any

from hypothesis import strategies as st

from pacha.registry.query import All, Compare, Either, Field, Has, Node, Not, Word

TEXTS = st.sampled_from(
    ["fraud", "Fraud", "mit", "MIT", "a b", "2026-03-03", "2026-03-03T12:00:00Z", "true", "1.5", "straße", ""]
)
NUMBERS = st.sampled_from([0, 1, 1.5, -2, 0.93, 1e300, 7, 2**53 - 1])
SCALARS = st.one_of(
    TEXTS, NUMBERS, st.sampled_from(["NaN", "Infinity", "-Infinity", "12345678901234567890"]), st.booleans()
)
KEYS = st.sampled_from(["auc", "f1", "macro", "f1.macro", "top 5", "name", "a"])
VALUES = st.recursive(
    st.one_of(SCALARS, st.none(), st.lists(SCALARS, max_size=3)),
    lambda inner: st.one_of(st.dictionaries(KEYS, inner, max_size=3), st.lists(inner, max_size=2)),
    max_leaves=6,
)
MEMBERS = st.sampled_from(
    ["metrics", "license", "tags", "description", "purpose", "a", "f1", "features", "metrics.auc"]
)
#: A member that is empty is left out of a manifest; so are they here.
CARDS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(MEMBERS, VALUES, max_size=4)

_FREE = st.one_of(
    st.lists(st.one_of(MEMBERS, KEYS).filter(lambda part: part != "name"), min_size=1, max_size=3),
    st.builds(lambda member, key: [member, key], MEMBERS, KEYS),
    st.builds(lambda group, member, key: [group, member, key], st.sampled_from(["card", "facts"]), MEMBERS, KEYS),
).map(lambda parts: Field(tuple(parts)))
ORDERS = st.sampled_from([">", ">=", "<", "<="])
EQUALS = st.sampled_from(["=", "!="])
ANY = st.one_of(ORDERS, EQUALS)
CONTAINS = st.just("~")
WORDS = st.sampled_from(["fraud", "a", "MIT", "b", "e", "2026", "1", "tuned", "Data"])


def compared(name: str, signs: st.SearchStrategy[str], values: list[str]) -> st.SearchStrategy[Node]:
    return st.builds(Compare, st.just(Field((name,))), signs, st.sampled_from(values))


TERMS: st.SearchStrategy[Node] = st.one_of(
    st.builds(Has, _FREE),
    st.builds(Has, st.sampled_from([Field((name,)) for name in ("version", "stage", "path", "created", "head")])),
    st.builds(Word, WORDS),
    st.builds(Compare, _FREE, CONTAINS, WORDS),
    st.builds(Compare, _FREE, EQUALS, st.one_of(TEXTS, NUMBERS.map(str), st.sampled_from(["yes", "no", "Infinity"]))),
    st.builds(
        Compare, _FREE, ORDERS, st.sampled_from(["0", "1.5", "-2", "1e3", "2026", "2026-03", "2026-03-03", "Infinity"])
    ),
    compared("kind", EQUALS, ["model", "data"]),
    compared("name", st.one_of(EQUALS, CONTAINS), ["alpha", "beta", "A"]),
    compared("artifact", st.one_of(EQUALS, CONTAINS), ["model/alpha", "data/beta", "A"]),
    compared("version", ANY, ["1", "1.2", "1.0.0", "1.2.0-rc.10", "1.2.0-rc.2", "2.0.0", "1.10.0"]),
    compared("version", CONTAINS, ["rc", "1.1"]),
    compared("stage", EQUALS, ["prod", "Staging", "development", "yanked"]),
    compared("head", EQUALS, ["true", "no"]),
    compared("latest", EQUALS, ["yes", "false"]),
    compared("created", ANY, ["2026", "2026-03", "2026-03-03", "2026-03-03T12", "2026-03-03T12:00:00Z"]),
    compared("age", ORDERS, ["7d", "1.5y", "10w", "1000h"]),
    compared("size", ANY, ["0", "1000", "1KB", "1KiB", "1.5MiB"]),
    compared("message", st.one_of(EQUALS, CONTAINS), ["tuned", "TUNED", "data"]),
    compared("author", CONTAINS, ["ada"]),
    compared("path", EQUALS, ["models/alpha"]),
)
NODES: st.SearchStrategy[Node] = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
