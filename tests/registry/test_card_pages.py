"""docs/cards.md lists every member of each card as the code has it, and its examples are of the kind that it says."""

import re
import tomllib
from pathlib import Path

import pytest

from pacha.registry.card_record import Record, members_of
from pacha.registry.cards import Datasheet, Feature, ModelCard, Step

PAGE = (Path(__file__).parents[2] / "docs" / "cards.md").read_text("utf-8")
TABLES = re.findall(r"\| member \| holds \| meaning \| example \|\n\|---\|---\|---\|---\|\n((?:\|.*\n)+)", PAGE)


@pytest.mark.parametrize(("number", "record"), list(enumerate([ModelCard, Datasheet, Feature, Step])))
def test_the_page_lists_every_member_as_it_is(number: int, record: type[Record]) -> None:
    rows = [re.fullmatch(r"\| `(\w+)` \| (.*) \| (.*) \| `(.*)` \|", line) for line in TABLES[number].splitlines()]
    told = [
        (one.name, one.form.word, one.help + (f"; becomes the role `{one.role}`" if one.role else ""))
        for one in members_of(record)
    ]
    assert [row.groups()[:3] for row in rows if row] == told
    example = "\n".join(f"{row[1]} = {row[4]}" for row in rows if row)
    card = record(**tomllib.loads(example))
    assert all(getattr(card, one.name) != one.form.empty for one in members_of(record))
