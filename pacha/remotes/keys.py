"""The keys of a remote. Source: docs/format.md, "Remotes"."""

import re

from pacha.base.errors import Corrupt
from pacha.base.ids import ObjectId

FORMAT = "format"
LOG, CHECKPOINTS, DELTAS, PACKS, INDEXES = "log/", "checkpoints/", "deltas/", "packs/", "indexes/"
#: What `pacha.remotes.probe` tries; it removes it again.
PROBE = "probe/"
#: Listed by name, entries are in order.
NUMBER_DIGITS = 8
NUMBER_MAX = 10**NUMBER_DIGITS - 1
#: Every so many entries the changes since the last checkpoint are written together; every so many, everything.
DELTA_ENTRIES = 16
CHECKPOINT_ENTRIES = 256

_KEY = re.compile(r"(?:[a-z]{1,16}/)?[a-z0-9][a-z0-9._-]{0,99}", re.ASCII)


class BadKey(Corrupt):
    """A remote lists a key that Pacha did not make."""


def is_key(text: str) -> bool:
    """Tells whether a text is a well-formed key; places hold what others put there."""
    return _KEY.fullmatch(text) is not None


def check_key(key: str) -> str:
    """Returns a well-formed key unchanged. Errors: `BadKey`.

    >>> check_key("log/00000001")
    'log/00000001'
    """
    if not is_key(key):
        raise BadKey(f"not a key of a remote: {key[:80]!r}")
    return key


def log_key(number: int) -> str:
    """The key of a log entry; numbers begin at 1."""
    return _numbered(LOG, number)


def checkpoint_key(number: int) -> str:
    """The key of the whole state after an entry."""
    return _numbered(CHECKPOINTS, number)


def delta_key(number: int) -> str:
    """The key of what changed between the last checkpoint and an entry."""
    return _numbered(DELTAS, number)


def pack_key(pack: ObjectId) -> str:
    """The key of a pack."""
    return f"{PACKS}{pack}.pack"


def index_key(index: ObjectId) -> str:
    """The key of an index over some packs; it is named by the BLAKE3 of its bytes."""
    return f"{INDEXES}{index}.idx"


def _numbered(prefix: str, number: int) -> str:
    if not 1 <= number <= NUMBER_MAX:
        raise BadKey(f"a log has entries 1 to {NUMBER_MAX}, not {number}")
    return f"{prefix}{number:0{NUMBER_DIGITS}d}"


def number_of(key: str) -> int | None:
    """The number in a key of the log, of a checkpoint or of a delta; None for any other.

    >>> number_of("log/00000042"), number_of("log/readme")
    (42, None)
    """
    digits = key.rpartition("/")[2]
    return int(digits) if len(digits) == NUMBER_DIGITS and digits.isascii() and digits.isdecimal() else None
