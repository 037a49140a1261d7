"""The datasheet: what a person says of a dataset, and its columns. Source: docs/cards.md, "Datasheet"."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pacha.registry.card_forms import Flag, Free, Moment, Numbers, Text, Texts, Whole
from pacha.registry.card_record import CardRecord, Parts, PartTable, Record, member
from pacha.registry.card_values import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature(Record):
    """One column: its type, and what is known of it. Types and statistics are measured, descriptions are written."""

    SHORT: ClassVar[str | None] = "description"

    dtype: str | None = member(Text(), "the type of its values, as the schema names it")
    nullable: bool | None = member(Flag(empty=None), "whether a value may be missing")
    description: str | None = member(Text(), "what it means")
    statistics: Mapping[str, Number] = member(Numbers(), "what was measured, by name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Record):
    """One step of preprocessing or augmentation. One text stands for its name."""

    SHORT: ClassVar[str | None] = "name"

    name: str | None = member(Text(), "what is done", is_required=True)
    description: str | None = member(Text(), "how and why")
    parameters: Mapping[str, Any] = member(Free(has_null=False), "with which settings", also=("params",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Datasheet(CardRecord):
    """What a person says of a dataset.

    >>> Datasheet(purpose="Training", features={"age": "in years"}).features["age"].description
    'in years'
    """

    purpose: str | None = member(Text(), "what it was made for", also=("description",))
    creators: tuple[str, ...] = member(Texts(), "who made it", also=("authors",))
    funding: str | None = member(Text(), "who paid for it")
    instance_count: int | None = member(Whole(), "how many rows or examples it has", also=("rows",))
    features: Mapping[str, Feature] = member(PartTable(Feature), "its columns, by name", also=("columns",))
    sensitive_features: tuple[str, ...] = member(Texts(), "columns that say something private of people")
    collection_method: str | None = member(Text(), "how it was collected")
    collection_start: str | None = member(Moment(), "when collecting began")
    collection_end: str | None = member(Moment(), "when collecting ended")
    preprocessing: tuple[Step, ...] = member(Parts(Step), "what was done to it, in order")
    license: str | None = member(Text(), "the licence, as an SPDX identifier where there is one")
    access_restrictions: tuple[str, ...] = member(Texts(), "who may not have it, or only how")
    maintainer: str | None = member(Text(), "whom to ask")
    update_frequency: str | None = member(Text(), "how often it changes")
    deprecation_policy: str | None = member(Text(), "what happens to old versions")
    extra: Mapping[str, Any] = member(Free(), "anything else")
