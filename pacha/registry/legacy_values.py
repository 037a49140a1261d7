"""What an old registry wrote, in today's words: names, versions, times, stages, references, JSON. Pure.

Each function returns the value and appends to `notes` what had to be changed in it, or raises what cannot be read.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pacha.base.canonical import INTEGER_MAX
from pacha.base.clock import BadTimestamp, parse_timestamp
from pacha.base.errors import Corrupt
from pacha.base.ids import hash_bytes
from pacha.base.names import NAME_LENGTH_MAX, BadName, check_name
from pacha.base.semver import Version
from pacha.registry.stages import DEVELOPMENT, PRODUCTION

#: A card lies in a manifest, and that may be answered within a list: documents have 32 levels.
DEPTH_MAX = 24
#: Where a name must be cut or set apart, so many digits of its hash keep it from meeting another.
_HASH_DIGITS = 8
_FOREIGN = re.compile(r"[^a-z0-9._-]+", re.ASCII)
_STAGES = {
    "development": DEVELOPMENT, "dev": DEVELOPMENT, "staging": "staging", "stage": "staging", "production": PRODUCTION,
    "prod": PRODUCTION, "archived": "archived", "archive": "archived",
}  # fmt: skip


class BadOldValue(Corrupt):
    """A value of an old registry means nothing that can be kept."""


@dataclass(frozen=True, slots=True)
class OldReference:
    """A name and a version as an old card or run wrote them. `kind` is what stands in that place."""

    kind: str
    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}:{self.version}"


def new_name(old: str) -> str:
    """The name that an old one becomes: itself, where it is one; else as near to it as the grammar allows.

    >>> new_name("fraud-detector"), new_name("Org/Fraud Detector"), new_name("model"), new_name("…")[:8]
    ('fraud-detector', 'org-fraud-detector', 'model-imported', 'imported')
    """
    try:
        return check_name(old)
    except BadName:
        digits = hash_bytes(old.encode("utf-8", "surrogatepass")).hex[:_HASH_DIGITS]
    name = re.sub(r"\.{2,}", ".", _FOREIGN.sub("-", old.lower())).strip("-._").removesuffix(".lock")
    if len(name) > NAME_LENGTH_MAX:
        name = f"{name[: NAME_LENGTH_MAX - _HASH_DIGITS - 1].rstrip('-._')}-{digits}"
    for candidate in (name, f"{name}-imported", f"imported-{digits}"):
        try:
            return check_name(candidate)
        except BadName:
            continue
    raise AssertionError("digits make a name")


def new_version(old: str) -> Version:
    """The version that an old text becomes; SemVer in lower case. Errors: `BadVersion`.

    >>> str(new_version("1.0.0-RC.1"))
    '1.0.0-rc.1'
    """
    return Version.parse(old.strip().lower())


def version_text(value: object) -> str:
    """A version as old JSON has it: an object of numbers, or a text. Errors: `BadOldValue`.

    >>> version_text({"major": 1, "minor": 2, "patch": 3, "prerelease": "beta.1"}), version_text("1.0.0")
    ('1.2.3-beta.1', '1.0.0')
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise BadOldValue("a version is neither a text nor an object")
    numbers = [value.get(part) for part in ("major", "minor", "patch")]
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise BadOldValue("a version lacks its numbers")
    text = ".".join(str(number) for number in numbers)
    for sign, part in (("-", "prerelease"), ("+", "build")):
        if isinstance(value.get(part), str):
            text += f"{sign}{value[part]}"
    return text


def reference(kind: str, value: object) -> OldReference:
    """A reference as old JSON has it: an object, or `name:version`. Errors: `BadOldValue`."""
    if isinstance(value, str) and ":" in value:
        name, _, version = value.rpartition(":")
        return OldReference(kind, name, version)
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return OldReference(kind, value["name"], version_text(value.get("version")))
    raise BadOldValue(f"not a reference to a {kind}")


def new_stage(old: str | None) -> str | None:
    """The stage that an old text means, development where there is none; None for an unknown one."""
    return DEVELOPMENT if old is None else _STAGES.get(old.strip().lower())


def new_time(old: str | None) -> str | None:
    """An old time in today's spelling; None if it is none."""
    if old is None:
        return None
    try:
        return parse_timestamp(old)
    except BadTimestamp:
        return None


def read_object(text: str) -> dict[str, Any]:
    """Reads a JSON object; NaN and infinities become their names. Errors: `BadOldValue`."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise BadOldValue(f"JSON nested more than {DEPTH_MAX} levels deep") from None
    except ValueError as error:
        raise BadOldValue(f"not JSON: {' '.join(str(error).split())[:120]}") from error
    if not isinstance(value, dict):
        raise BadOldValue("not a JSON object")
    plain: dict[str, Any] = _plain(value, 0)
    return plain


def _plain(value: Any, depth: int) -> Any:
    if depth > DEPTH_MAX:
        raise BadOldValue(f"JSON nested more than {DEPTH_MAX} levels deep")
    if isinstance(value, dict):
        return {_text(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def for_document(value: Any) -> Any:
    """A value as documents hold it: integers that are not the same everywhere become texts.

    >>> for_document({"seed": 2**64 - 1, "epochs": 3})
    {'seed': '18446744073709551615', 'epochs': 3}
    """
    if isinstance(value, dict):
        return {name: for_document(item) for name, item in value.items()}
    if isinstance(value, list):
        return [for_document(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > INTEGER_MAX:
        return str(value)
    return value


def _text(text: str) -> str:
    """A text without halves of surrogate pairs, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
