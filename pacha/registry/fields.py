"""The fields that a search may name: those of every commit, and, by dotted path, everything of its card and facts.

A path that is not one of the former is the card's, and where the card has none, the facts'. `card.` and `facts.` in
front say which. Source: docs/search.md, "Fields".
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum

from pacha.registry.query import Field

CARD, FACTS = "card", "facts"


class Meaning(Enum):
    """How the values of a field are read and compared."""

    KIND = "kind"
    TEXT = "text"
    ID = "id"
    VERSION = "version"
    STAGE = "stage"
    TRUTH = "yes or no"
    TIME = "time"
    AGE = "age"
    BYTES = "bytes"
    #: What the values themselves are: number, text, yes or no, list.
    FREE = "free"


#: What every commit of an artifact has.
COMMIT_FIELDS = {
    "kind": Meaning.KIND,
    "name": Meaning.TEXT,
    "artifact": Meaning.TEXT,
    "version": Meaning.VERSION,
    "latest": Meaning.TRUTH,
    "head": Meaning.TRUTH,
    "stage": Meaning.STAGE,
    "created": Meaning.TIME,
    "age": Meaning.AGE,
    "author": Meaning.TEXT,
    "message": Meaning.TEXT,
    "size": Meaning.BYTES,
    "digest": Meaning.ID,
    "manifest": Meaning.ID,
    "path": Meaning.TEXT,
    "shape": Meaning.TEXT,
}
#: Members that cards and facts are known to have: a query may name them before any version does.
KNOWN_MEMBERS = (
    "description", "purpose", "license", "metrics", "hyperparameters", "features", "tags", "creators", "primary_uses",
    "out_of_scope_uses", "limitations", "ethical_considerations", "training_date", "training_duration_secs", "funding",
    "instance_count", "sensitive_features", "collection_method", "collection_start", "collection_end", "preprocessing",
    "access_restrictions", "maintainer", "update_frequency", "deprecation_policy", "architecture", "optimizer",
    "scheduler", "loss", "augmentation", "command", "dependencies", "hardware", "random_seed", "deterministic",
    "expected_metrics", "extra", "format", "parameters", "tensors", "dtypes", "structure", "metadata", "warnings",
    "rows", "columns", "partial",
)  # fmt: skip
#: So many near names are tried for one that some version has.
NEAR_MAX = 20
#: Where a bare word is looked for.
WORD_FIELDS = tuple(Field(parts) for parts in (("name",), ("message",), (CARD, "description"), (CARD, "purpose")))


def meaning_of(field: Field) -> Meaning:
    """How a field's values are compared."""
    return COMMIT_FIELDS.get(field.parts[0], Meaning.FREE) if len(field.parts) == 1 else Meaning.FREE


def sources_of(field: Field) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Where a field of a card or of facts is looked for, in order: the group, and the dotted parts within it.

    >>> sources_of(Field(("metrics", "auc")))
    (('card', ('metrics', 'auc')), ('facts', ('metrics', 'auc')))
    """
    first, *rest = field.parts
    if first in (CARD, FACTS) and rest:
        return ((first, tuple(rest)),)
    return ((CARD, field.parts), (FACTS, field.parts))


def splits(parts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every way to read dotted parts as keys, the longest first key first: a key may hold dots itself.

    >>> list(splits(["a", "b"]))
    [('a.b',), ('a', 'b')]
    """
    if not parts:
        yield ()
        return
    for count in range(len(parts), 0, -1):
        key = ".".join(parts[:count])
        for rest in splits(parts[count:]):
            yield (key, *rest)


def value_at(value: object, keys: Sequence[str]) -> object:
    """What lies at some keys; None where nothing does. Of a list, what lies there in its items."""
    for at, key in enumerate(keys):
        if isinstance(value, list):
            found = [inner for item in value if (inner := value_at(item, keys[at:])) is not None]
            return found or None
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def near_fields(field: Field, known: Iterable[str]) -> list[str]:
    """The fields, as they are written, that a mistyped one is near to; the nearest first."""
    names = {*COMMIT_FIELDS, *KNOWN_MEMBERS, *known} - {str(field)}
    return difflib.get_close_matches(str(field), sorted(names), n=NEAR_MAX)


def is_documented(field: Field) -> bool:
    """Tells whether a field may be asked for although no version here has it."""
    first = field.parts[0]
    return meaning_of(field) is not Meaning.FREE or first in KNOWN_MEMBERS or first in (CARD, FACTS)
