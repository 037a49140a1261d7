"""Paths inside artifacts: checked when a tree is read, so that none can leave its folder on any system.

Source: docs/format.md, "Paths"; the vectors in tests/base/test_paths.py.
"""

import re
import unicodedata
from collections.abc import Iterable

from pacha.base.errors import Corrupt

#: What every file system takes.
NAME_BYTES_MAX = 255
PATH_BYTES_MAX = 4096
DEPTH_MAX = 128

_DEVICES = frozenset(
    {
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$",
        *(f"COM{digit}" for digit in "0123456789¹²³"),
        *(f"LPT{digit}" for digit in "0123456789¹²³"),
    }
)  # fmt: skip
_FORBIDDEN = frozenset('/\\:*?"<>|\x7f')
_FORBIDDEN_CATEGORIES = frozenset({"Cf", "Cs", "Co", "Zl", "Zp"})
#: Characters that some file systems ignore when they compare names.
_IGNORED = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF])
#: Names in which nothing can be wrong: letters, digits and a few signs, no device, no dot at the ends, none of a `~`.
#: Nearly all are of this kind, and a work tree has thousands. The slow way says the same of each of them.
_ORDINARY = re.compile(
    r"(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z))[a-z0-9_-][a-z0-9_.+=,@-]{0,200}(?<!\.)",
    re.ASCII | re.IGNORECASE,
)
_RESERVED = re.compile(r"\.git|\.pacha|(git|pacha|gi[0-9a-f]{4}|pa[0-9a-f]{4})~[0-9]+")


class BadPath(Corrupt):
    """A name or path could not be written safely on every system."""


def check_entry_name(name: str) -> str:
    """Returns a safe name of a file or folder unchanged. Errors: `BadPath`.

    >>> check_entry_name("weights (1).bin")
    'weights (1).bin'
    """
    reason = _fault(name)
    if reason is not None:
        raise BadPath(f"not a portable file name: {name[:80]!r}: {reason}", hint="rename the file", name=name[:80])
    return name


def _fault(name: str) -> str | None:
    if not name or name in (".", ".."):
        return "empty, '.' or '..'"
    if _ORDINARY.fullmatch(name):
        return None
    return _character_fault(name) or _system_fault(name)


def _character_fault(name: str) -> str | None:
    try:
        raw = name.encode("utf-8")
    except UnicodeEncodeError:
        return "not Unicode text"
    if len(raw) > NAME_BYTES_MAX:
        return f"longer than {NAME_BYTES_MAX} bytes"
    for character in name:
        if character < " " or "\x80" <= character < "\xa0" or character in _FORBIDDEN:
            return f"the character {character!r} is not allowed"
        if not character.isascii() and unicodedata.category(character) in _FORBIDDEN_CATEGORIES:
            return f"the invisible character {character!r} is not allowed"
    if not name.isascii() and unicodedata.normalize("NFC", name) != name:
        return "not in Unicode normal form C"
    return None


def _system_fault(name: str) -> str | None:
    if name[-1] in ". " or name[0] == " ":
        return "begins with a blank, or ends with a blank or a dot"
    if name.split(".")[0].rstrip(" ").upper() in _DEVICES:
        return "a device on some systems"
    folded = unicodedata.normalize("NFKC", name.translate(_IGNORED)).casefold().rstrip(". ")
    if _RESERVED.fullmatch(folded):
        return "reserved for Git and Pacha"
    return None


def check_path(path: str) -> str:
    """Returns a safe relative path unchanged; its parts are separated by '/'. Errors: `BadPath`."""
    parts = path.split("/")
    if len(path.encode("utf-8", "surrogatepass")) > PATH_BYTES_MAX:
        raise BadPath(f"a path has at most {PATH_BYTES_MAX} bytes: {path[:60]!r}…", hint="shorten it")
    if len(parts) > DEPTH_MAX:
        raise BadPath(f"a path has at most {DEPTH_MAX} parts: {path[:60]!r}…", hint="flatten it")
    for part in parts:
        check_entry_name(part)
    return path


def collision_key(name: str) -> str:
    """What two names have in common that some file system takes for one.

    >>> collision_key("Straße") == collision_key("STRASSE")
    True
    """
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())


def check_siblings(names: Iterable[str]) -> None:
    """Checks that no two names of one folder are the same to some file system. Errors: `BadPath`."""
    seen: dict[str, str] = {}
    for name in names:
        key = collision_key(name)
        if key in seen:
            raise BadPath(
                f"{seen[key]!r} and {name!r} are one name on some systems",
                hint="rename one of them",
                names=[seen[key], name],
            )
        seen[key] = name
