"""The three cards by the kind of artifact that they describe: the door to them for all other rooms."""

from pacha.base.errors import Usage
from pacha.registry.card_problems import BadCard, Problem
from pacha.registry.card_record import CardRecord, CardReference, Member, members_of
from pacha.registry.datasheet import Datasheet, Feature, Step
from pacha.registry.model_card import ModelCard
from pacha.registry.recipe import Recipe

__all__ = [
    "BadCard", "Card", "CardRecord", "CardReference", "Datasheet", "Feature", "Member", "ModelCard", "NoCard", "Problem",
    "Recipe", "Step", "card_type", "members_of", "read_stored_card",
]  # fmt: skip

Card = ModelCard | Datasheet | Recipe
CARDS: dict[str, type[Card]] = {"model": ModelCard, "data": Datasheet, "recipe": Recipe}


class NoCard(Usage):
    """An artifact of a kind that has no card."""


def card_type(kind: str) -> type[Card]:
    """The card of a kind of artifact. Errors: `NoCard`.

    >>> card_type("data").__name__
    'Datasheet'
    """
    if kind not in CARDS:
        raise NoCard(f"a {kind} has no card", hint=f"cards are of {', '.join(CARDS)}", kind=kind)
    return CARDS[kind]


def read_stored_card(kind: str, document: object, *, name: str = "stored card") -> Card:
    """Reads the card of a manifest of that kind. Errors: `NoCard`, `BadCard`."""
    return card_type(kind).from_stored(document, name=name)
