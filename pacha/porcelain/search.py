"""`pacha search`: the versions and heads of this checkout for which a query holds."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.index.rows import Rows, known_names, read_rows
from pacha.objects.manifest import ROLES
from pacha.porcelain.workspace import Workspace
from pacha.registry.criteria import check, find, stored
from pacha.registry.fields import COMMIT_FIELDS, Meaning, is_documented, meaning_of, near_fields
from pacha.registry.grammar import parse_field, parse_query
from pacha.registry.literals import INFINITIES, NOT_A_NUMBER, precedence_of
from pacha.registry.matching import Rules, age_seconds
from pacha.registry.query import BadQuery, Compare, Field, Query, Word
from pacha.registry.stages import YANKED

#: So many names are looked through for one that a mistyped field may have meant.
NAMES_MAX = 2000
#: Fields that every row has as members of its own.
_OF_EVERY_ROW = tuple(
    Field((name,))
    for name in ("artifact", "version", "stage", "head", "manifest", "created", "author", "message", "size")
)
_DESCENDING, _ASCENDING = ":desc", ":asc"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRow:
    """A version, or a head without one. Members of the manifest are None where it is not here. Units: `size` in bytes.

    `fields` are those that the query names beside the members of every row, and those that were asked for.
    """

    artifact: ArtifactName
    version: str | None
    stage: str | None
    head: bool
    manifest: ObjectId
    created: str | None
    author: str | None
    message: str | None
    size: int | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a query found: `total` rows, of which `rows` are the first. `notes` say what could not be read or is unknown."""

    query: str
    total: int
    rows: tuple[SearchRow, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A field to sort by. Rows without a value, and those that are not a number, come last either way."""

    field: Field
    is_descending: bool


def search(
    workspace: Workspace,
    text: str = "",
    *,
    sort: Sequence[str] = (),
    limit: int | None = None,
    fields: Sequence[str] = (),
) -> SearchResult:
    """Finds what a query says; an empty one finds everything. Without `sort`, by artifact and then the highest version first.

    Errors: `BadQuery` for a query or field that makes no sense here.
    """
    query = parse_query(text)
    rules = rules_of(workspace)
    check(query, rules)
    orders = [parse_order(order) for order in sort]
    shown = [*_named(query), *map(parse_field, fields)]
    rows = read_rows(workspace.index, workspace.repository)
    notes = [problem.message for artifact in rows.artifacts for problem in artifact.problems]
    notes += _unknown(rows, query, [order.field for order in orders] + [parse_field(name) for name in fields])
    notes += _unknown_stages(rows, query, rules)
    found = rows.chosen(find(query, rows, rules))
    for order in reversed(orders):
        found = _sorted(rows, found, order, rules)
    return SearchResult(
        query=str(query),
        total=len(found),
        rows=tuple(_told(rows, found[:limit], list(dict.fromkeys(shown)), rules)),
        notes=tuple(notes),
    )


def rules_of(workspace: Workspace) -> Rules:
    """What searches of this repository go by: the time now, and its stages."""
    rules = workspace.rules
    return Rules(
        now=workspace.repository.now(),
        stages=(*rules.stages, YANKED),
        stage_named=lambda text: rules.find(text) or text.lower(),
    )


def field_names(workspace: Workspace) -> list[str]:
    """The fields that a query may name here, those whose names a shell could hand on as they are."""
    plain = (name for name in known_names(workspace.index) if name.isascii() and name.isprintable() and '"' not in name)
    return sorted({*COMMIT_FIELDS, *plain})


_ANY_FIELD = "`pacha help search` lists the fields; those of cards are dotted paths"
_OTHER_FIELDS = dict.fromkeys(ROLES, "searches know no lineage; `pacha lineage NAME --impact` tells what came of NAME")


def parse_order(text: str) -> Order:
    """Reads `FIELD`, `FIELD:asc` or `FIELD:desc`. Errors: `BadQuery`."""
    is_descending = text.endswith(_DESCENDING)
    return Order(parse_field(text.removesuffix(_DESCENDING).removesuffix(_ASCENDING)), is_descending)


def _named(query: Query) -> list[Field]:
    """The fields that a query names and that no row has as a member."""
    fields = (term.field for term in query.terms() if not isinstance(term, Word))
    return [
        field for field in fields if field not in _OF_EVERY_ROW and field.parts not in (("kind",), ("name",), ("age",))
    ]


def _unknown(rows: Rows, query: Query, others: Iterable[Field]) -> list[str]:
    """Notes for fields that no version here has. Errors: `BadQuery` where no card is known to have such a one either."""
    notes = []
    asked = [(term.field, query.source, term.at) for term in query.terms() if not isinstance(term, Word)]
    asked += [(field, str(field), 0) for field in others]
    for field, source, at in asked:
        if rows.has(field) or not rows.count:
            continue
        near = _near(rows, field)
        if not is_documented(field):
            raise BadQuery(
                f"no version here has a field {field}", source=source, position=at,
                hint=f"did you mean {near}?" if near else _OTHER_FIELDS.get(str(field), _ANY_FIELD),
            )  # fmt: skip
        notes.append(f"no version here has {field}" + (f"; did you mean {near}?" if near else ""))
    return list(dict.fromkeys(notes))


def _unknown_stages(rows: Rows, query: Query, rules: Rules) -> Iterator[str]:
    """Notes for stages that there are not, and that no version is in."""
    for term in query.terms():
        if isinstance(term, Compare) and meaning_of(term.field) is Meaning.STAGE and term.comparator != "~":
            stage = rules.stage_named(term.value)
            if stage not in rules.stages and stage not in rows.stages:
                yield f"there is no stage {stage}; stages are {', '.join(rules.stages)}"


def _near(rows: Rows, field: Field) -> str | None:
    """The field that a mistyped one may have meant; one of a card only if a row has it."""
    near = near_fields(field, islice(rows.names(), NAMES_MAX))
    # The last part alone, `auc` for `metrics.auc`, is meant more often than a word that is spelled like it.
    ending = [name for name in islice(rows.names(), NAMES_MAX) if name.endswith(f".{field}")]
    return next((name for name in (*ending, *near) if name in COMMIT_FIELDS or rows.has(parse_field(name))), None)


# -- values --------------------------------------------------------------------------------------------------------


def _values(rows: Rows, field: Field, found: Sequence[int], rules: Rules) -> list[Any]:
    """The values of a field, an age in seconds."""
    values = rows.values(stored(field), found)
    if meaning_of(field) is not Meaning.AGE:
        return values
    return [None if value is None else age_seconds(value, now=rules.now) for value in values]


def _told(rows: Rows, found: Sequence[int], fields: Sequence[Field], rules: Rules) -> Iterator[SearchRow]:
    members = [rows.values(field, found) for field in _OF_EVERY_ROW]
    more = [_values(rows, field, found, rules) for field in fields]
    names = [str(field) for field in fields]
    for at in range(len(found)):
        artifact, version, stage, head, manifest, created, author, message, size = (values[at] for values in members)
        yield SearchRow(
            artifact=ArtifactName.parse(artifact),
            version=version,
            stage=stage,
            head=head,
            manifest=ObjectId.parse(manifest),
            created=created,
            author=author,
            message=message,
            size=size,
            fields={name: values[at] for name, values in zip(names, more, strict=True)},
        )


def _sorted(rows: Rows, found: list[int], order: Order, rules: Rules) -> list[int]:
    key_of = precedence_of if meaning_of(order.field) is Meaning.VERSION else _sort_key
    values = _values(rows, order.field, found, rules)
    keys = {row: key_of(value) for row, value in zip(found, values, strict=True) if value not in (None, NOT_A_NUMBER)}
    return [
        *sorted((row for row in found if row in keys), key=keys.__getitem__, reverse=order.is_descending),
        *(row for row in found if row not in keys),
    ]


def _sort_key(value: Any) -> tuple[int, Any]:
    """Numbers by size, then times and other texts, then what is neither."""
    if isinstance(value, str):
        number = INFINITIES.get(value)
        return (1, value.casefold()) if number is None else (0, number)
    return (0, value) if isinstance(value, (int, float)) else (2, json.dumps(value, sort_keys=True))
