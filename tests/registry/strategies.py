"""Cards of every kind for properties: made from the members' own forms."""

from typing import Any

from hypothesis import strategies as st

from pacha.registry import card_forms as forms
from pacha.registry.card_record import Part, Parts, PartTable, Record, members_of
from pacha.registry.cards import Datasheet, ModelCard, Recipe
from tests.nasty import integers, json_value, text, without_null

filled = text.filter(bool)
numbers = (
    integers | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(["NaN", "Infinity", "-Infinity"])
)


def _value(form: Any) -> st.SearchStrategy[Any]:
    """Values that a form accepts."""
    match form:
        case forms.Checked():
            return st.sampled_from(["a", "1.2.0"] if "version" not in form.word else ["1.2.0", "2.0.0-rc.1"])
        case forms.Moment():
            return st.sampled_from(["2026-03-03", "2026-03-03T12:00:00Z", "2026-03-03T12:00:00+02:00"])
        case forms.Amount():
            return numbers
        case forms.Whole():
            return integers
        case forms.Flag():
            return st.booleans()
        case forms.Texts():
            return st.lists(text, max_size=3) | text
        case forms.Numbers():
            return st.dictionaries(filled, numbers, max_size=3)
        case forms.TextTable():
            return st.dictionaries(text, text, max_size=3)
        case forms.Free():
            return st.dictionaries(text, json_value if form.has_null else without_null, max_size=3)
        case forms.Command():
            return st.lists(filled, max_size=3) | text
        case Part():
            return documents(form.record)
        case Parts():
            return st.lists(documents(form.record), max_size=2)
        case PartTable():
            return st.dictionaries(text, documents(form.record), max_size=2)
        case _:
            return text


def documents(record: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    """Documents that the checker accepts."""
    needed = {one.name: _value(one.form).filter(bool) for one in members_of(record) if one.is_required}
    other = {one.name: _value(one.form) for one in members_of(record) if not one.is_required}
    return st.fixed_dictionaries(needed, optional=other)


def cards(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Cards of one type, made as a person's file makes them."""
    return documents(kind).map(lambda document: kind.from_document(document, name="card"))


ALL = (ModelCard, Datasheet, Recipe)
