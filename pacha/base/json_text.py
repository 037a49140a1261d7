"""JSON as people and other programs write it: any spelling, and still bounded and without doubt.

Stored documents are never read here: they have one spelling, which `base/canonical.py` checks.
"""

import json
import math

from pacha.base.errors import Usage
from pacha.base.nesting import nesting

#: A card or a schema; tables of data are read by `formats`.
JSON_BYTES_MAX = 1 << 20
DEPTH_MAX = 32
#: Python refuses integers of some thousand digits, because reading them takes the square of their length.
DIGITS_MAX = 400


class BadJson(Usage):
    """A text is not JSON, says something twice, or goes beyond a limit."""

    usual_hint = "correct the file there and run the command again"


def read_json(raw: bytes, *, name: str) -> object:
    """Reads a document. `name` is what errors call it. NaN and Infinity, which Python writes, are read as numbers.

    Errors: `BadJson`, in one line with the place; a key that is there twice is one.

    >>> read_json(b'{"auc": 0.93}', name="card.json")
    {'auc': 0.93}
    """
    if len(raw) > JSON_BYTES_MAX:
        raise BadJson(f"{name}: larger than {JSON_BYTES_MAX} bytes", path=name)
    try:
        value = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_distinct, parse_int=_integer, parse_float=_float)
    except UnicodeDecodeError as error:
        raise BadJson(f"{name}: not UTF-8 text (at byte {error.start})", path=name) from error
    except RecursionError:
        raise BadJson(f"{name}: nested more than {DEPTH_MAX} levels deep", path=name) from None
    except ValueError as error:
        raise BadJson(f"{name}: {' '.join(str(error).split())[:200]}", path=name) from error
    if nesting(value) > DEPTH_MAX:
        raise BadJson(f"{name}: nested more than {DEPTH_MAX} levels deep", path=name)
    return value


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return value


def _integer(text: str) -> int:
    if len(text) > DIGITS_MAX:
        raise ValueError(f"a number of more than {DIGITS_MAX} digits")
    return int(text)


def _float(text: str) -> float:
    """Only who writes Infinity means it, and that is no number to the parser."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is larger than a number can be")
    return value
