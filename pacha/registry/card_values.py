"""Values as a card keeps them, whatever read them: TOML, JSON, YAML, Python and its packages, or a person's typing.

Texts are Unicode, whole numbers are whole, and what is not finite is one of the texts NaN, Infinity and -Infinity.
"""

import datetime
import json
import math
import numbers
import re
from collections.abc import Mapping

from pacha.base.canonical import INTEGER_MAX
from pacha.base.json_text import BadJson, read_json
from pacha.registry.card_problems import Place

#: A member that is longer is a document, and belongs into a file of the artifact.
TEXT_MAX = 32 << 10
#: A list or table of more is data, not a card; a dataset of so many columns is the widest that anybody described.
ITEMS_MAX = 16_384
KEY_MAX = 256
#: A card lies two levels deep in a manifest, and that one level deep in an answer; documents have 32.
DEPTH_MAX = 24
#: Longer integers are not counts of anything, and reading them takes the square of their length.
DIGITS_MAX = 400
WHOLE_END = 10**DIGITS_MAX

NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_DIGITS = re.compile(rf"-?[1-9][0-9]{{15,{DIGITS_MAX - 1}}}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")

#: A number as a card keeps it: whole, finite, or one of the texts of `NOT_FINITE`.
Number = int | float | str


def number_of(value: object) -> Number | None:
    """A number as a card keeps it; None if it is none. Numbers of other packages are taken by what they say they are.

    >>> number_of(0.5), number_of(float("nan")), number_of("-Infinity"), number_of("12345678901234567890")
    (0.5, 'NaN', '-Infinity', 12345678901234567890)
    >>> number_of("0.93"), number_of(True)
    (None, None)
    """
    if isinstance(value, str):
        if value in NOT_FINITE:
            return str(value)
        # A document spells an integer as a text exactly when it is beyond the safe ones.
        whole = int(value) if _DIGITS.fullmatch(value) else 0
        return whole if INTEGER_MAX < abs(whole) < WHOLE_END else None
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Integral):
        whole = int(value)
        return whole if abs(whole) < WHOLE_END else None
    if isinstance(value, numbers.Real):
        real = float(value)
        if math.isnan(real):
            return "NaN"
        return real if math.isfinite(real) else ("Infinity" if real > 0 else "-Infinity")
    return None


def checked_text(value: object, place: Place, word: str = "a text") -> str | None:
    """A text that every document can hold."""
    if not isinstance(value, str):
        place.expected(word, value)
        return None
    if len(value) > TEXT_MAX:
        place.wrong(f"longer than {TEXT_MAX} characters: put it into a file of the artifact")
        return None
    if _SURROGATE.search(value):
        place.wrong("half of a surrogate pair, which is not Unicode text")
        return None
    return str(value)


def entries(value: object, place: Place, word: str) -> list[tuple[str, object]]:
    """The members of a table, by texts; a table of too many, or with a name of another kind, is a problem."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        place.expected(word, value)
        return []
    if len(value) > ITEMS_MAX:
        place.wrong(f"{len(value)} members; the most is {ITEMS_MAX}")
        return []
    found: list[tuple[str, object]] = []
    for key, item in value.items():
        if not isinstance(key, str) or len(key) > KEY_MAX or _SURROGATE.search(key):
            place.wrong(
                f"a name of at most {KEY_MAX} characters, not {key if isinstance(key, int) else repr(key)[:60]}"
            )
        else:
            found.append((str(key), item))
    return found


def plain_value(value: object, place: Place, *, has_null: bool = True) -> object:
    """A value as documents hold it: integers beyond ±(2^53−1) and what is not finite as texts, days as texts."""
    if isinstance(value, str):
        return checked_text(value, place)
    if value is None or isinstance(value, bool):
        if value is None and not has_null:
            place.wrong("null has no place here: leave it out")
        return value
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (numbers.Integral, numbers.Real)):
        return _plain_number(value, place)
    if len(place.path) >= DEPTH_MAX:
        place.wrong(f"nested more than {DEPTH_MAX} levels deep")
        return None
    if isinstance(value, Mapping):
        return {
            key: plain_value(item, place.at(key), has_null=has_null)
            for key, item in entries(value, place, "a table")
            if item is not None
        }
    if isinstance(value, (list, tuple)):
        return [plain_value(item, place.at(number), has_null=has_null) for number, item in enumerate(value)]
    place.wrong(f"a value of type {type(value).__name__} has no place in a card")
    return None


def _plain_number(value: object, place: Place) -> object:
    found = number_of(value)
    if found is None:
        place.expected(f"a number of at most {DIGITS_MAX} digits", value)
    return str(found) if isinstance(found, int) and abs(found) > INTEGER_MAX else found


def guess(text: str) -> object:
    """What a person means who types a value where anything may stand: true, false, a number, JSON, else a text.

    >>> guess("1e-5"), guess("64"), guess("true"), guess("[1, 2]"), guess("adamw"), guess('"64"')
    (1e-05, 64, True, [1, 2], 'adamw', '64')
    """
    if text[:1] in ("{", "[", '"'):
        try:
            return read_json(text.encode("utf-8", "surrogatepass"), name="value")
        except BadJson:
            return text
    if text in ("true", "false"):
        return text == "true"
    if text in NOT_FINITE:
        return text
    # Python also reads 1_000, blanks and digits of other scripts.
    if not re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*(?:[eE][-+]?[0-9]+)?", text, re.ASCII) or len(text) > DIGITS_MAX:
        return text
    try:
        value = json.loads(text) if re.fullmatch(r"-?(0|[1-9][0-9]*)", text, re.ASCII) else float(text)
    except ValueError:
        return text
    # 1e400 is not the infinity that Python makes of it.
    return text if isinstance(value, float) and math.isinf(value) else value
