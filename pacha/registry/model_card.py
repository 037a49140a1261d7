"""The model card: what a person says of a model. Source: docs/cards.md, "Model card"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pacha.registry.card_forms import Amount, Free, Moment, Numbers, Text, Texts
from pacha.registry.card_record import CardRecord, member
from pacha.registry.card_values import Number

REFERENCES = Texts("a reference or a list of references", is_set=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard(CardRecord):
    """What a person says of a model. Units: seconds. References are texts here, and parents in a manifest.

    >>> ModelCard(description="Finds fraud", metrics={"auc": 0.93}, training_data="data/users:3").training_data
    ('data/users:3',)
    """

    description: str | None = member(Text(), "what the model does")
    training_data: tuple[str, ...] = member(REFERENCES, "the datasets it was trained on", role="trained_on")
    training_recipe: tuple[str, ...] = member(REFERENCES, "the recipe it was trained by", role="recipe")
    training_date: str | None = member(Moment(), "when it was trained")
    training_duration_secs: Number | None = member(Amount(), "how many seconds training took")
    metrics: Mapping[str, Number] = member(Numbers(), "what was measured, by name")
    evaluation_data: tuple[str, ...] = member(
        REFERENCES, "the datasets it was measured on", role="evaluated_on", also=("test_data",)
    )
    primary_uses: tuple[str, ...] = member(Texts(), "what it is meant for", also=("intended_uses", "uses"))
    out_of_scope_uses: tuple[str, ...] = member(Texts(), "what it is not meant for")
    limitations: tuple[str, ...] = member(Texts(), "where it fails")
    ethical_considerations: tuple[str, ...] = member(Texts(), "risks to people")
    parent_model: tuple[str, ...] = member(REFERENCES, "the model it was fine-tuned from", role="fine_tuned_from")
    derived_from: tuple[str, ...] = member(REFERENCES, "what else it was made from", role="derived_from")
    license: str | None = member(Text(), "the licence, as an SPDX identifier where there is one")
    extra: Mapping[str, Any] = member(Free(), "anything else")
