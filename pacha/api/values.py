"""What callers may pass, turned into what the verbs take: paths, references, cards and parents."""

import os
from collections.abc import Iterable, Mapping, Sequence

from pacha.api.artifact import Artifact
from pacha.base.errors import Usage
from pacha.formats.schema import DataSchema
from pacha.porcelain.roles import SAID_ROLES, RoleSaid, parse_role
from pacha.porcelain.said import Said
from pacha.registry.cards import CardRecord, card_type, read_stored_card

Path = str | os.PathLike[str]
Reference = str | Artifact
#: A role, and what was used in it: one reference or path, or several.
Parents = Mapping[str, Reference | Iterable[Reference]]
#: A typed card, its members by name, or the path of a file.
CardLike = CardRecord | Mapping[str, object] | Path


class BadArgument(Usage):
    """A call was given something that it cannot take."""


def text_of(reference: Reference) -> str:
    """A reference as a text."""
    return reference.reference if isinstance(reference, Artifact) else reference


def said(
    start: str,
    kind: str | None = None,
    *,
    card: CardLike | None = None,
    schema: DataSchema | None = None,
    metrics: Mapping[str, float] | None = None,
    parents: Parents | None = None,
) -> Said:
    """What a call says of an artifact. Errors: `BadCard`, `BadRole`, `BadArgument`."""
    fields = tuple((f"metrics.{name}", repr(float(value))) for name, value in (metrics or {}).items())
    roles = tuple(role for name, items in (parents or {}).items() for role in _roles(name, items))
    if card is None or isinstance(card, (str, os.PathLike)):
        path = None if card is None else os.fspath(card)
        return Said(roles=roles, card=path, schema=schema, fields=fields, start=start)
    if kind is None:
        raise BadArgument("a card of members needs an artifact of a known kind", hint="name a file, or use register_…")
    if isinstance(card, Mapping):
        value = card_type(kind).from_document(card, name="card")
    else:
        value = card_type(kind).from_stored(card.plain(), name="card")
    assert isinstance(value, type(read_stored_card(kind, {})))
    return Said(roles=roles, value=value, schema=schema, fields=fields, start=start)


def _roles(name: str, items: Reference | Iterable[Reference]) -> Sequence[RoleSaid]:
    if name not in SAID_ROLES:
        raise BadArgument(f"no such role: {name!r}", hint=f"roles are {', '.join(SAID_ROLES)}")
    listed = [items] if isinstance(items, (str, Artifact)) else list(items)
    return [parse_role(name, text_of(item)) for item in listed]
