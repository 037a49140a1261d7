"""TOML: read with the standard library, edited with tomlkit (the only door to it), which keeps comments and order.

A document made from values is written here, without tomlkit: there are no comments to keep, and a command that only
exports need not load it.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence

from pacha.base.errors import Usage
from pacha.base.nesting import nesting

#: Configuration and recipes are written by people.
TOML_BYTES_MAX = 1 << 20
DEPTH_MAX = 32
DOTTED_PARTS_MAX = 16
#: Tables nested deeper than this are written inline, so that no header comes near the limit above.
HEADER_PARTS_MAX = 8
_INTEGER_MAX = 2**63 - 1

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')
_DOTTED_KEY = re.compile(rf"\s*\[{{0,2}}\s*[\w-]+(?:\s*\.\s*[\w-]+){{{DOTTED_PARTS_MAX},}}", re.ASCII)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_MUST_ESCAPE = re.compile(r'[\x00-\x1f\x7f"\\]')


class BadToml(Usage):
    """A text is not TOML, or goes beyond a limit."""

    usual_hint = "correct the file there and run the command again; https://toml.io tells the rules"


def read_toml(raw: bytes, *, name: str) -> dict[str, object]:
    """Reads a document. `name` is what errors call it. Errors: `BadToml`, in one line with the place."""
    if len(raw) > TOML_BYTES_MAX:
        raise BadToml(f"{name}: larger than {TOML_BYTES_MAX} bytes", path=name)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadToml(f"{name}: not UTF-8 text (at byte {error.start})", path=name) from error
    _check_dots(text, name)
    try:
        value = tomllib.loads(text, parse_float=_float)
    except RecursionError:
        raise BadToml(f"{name}: nested more than {DEPTH_MAX} levels deep", path=name) from None
    except tomllib.TOMLDecodeError as error:
        raise BadToml(f"{name}: {' '.join(str(error).split())[:200]}", path=name) from error
    except ValueError as error:
        # Python's own words about its limit of digits are for programmers.
        raise BadToml(f"{name}: a number of too many digits", path=name) from error
    except OverflowError as error:
        raise BadToml(f"{name}: {' '.join(str(error).split())[:200]}", path=name) from error
    if nesting(value) > DEPTH_MAX:
        raise BadToml(f"{name}: nested more than {DEPTH_MAX} levels deep", path=name)
    return value


def _float(text: str) -> float:
    """Only who writes inf means it: a number beyond what can be held is not silently another one."""
    value = float(text)
    if math.isinf(value) and "inf" not in text:
        raise OverflowError(f"{text[:40]} is larger than a number can be")
    return value


def _check_dots(text: str, name: str) -> None:
    """Refuses keys of many dotted parts before the parser, whose cost grows with their square.

    A line of prose in a long text may have as many dots: what no key can look like is left to the parser.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > DOTTED_PARTS_MAX and _DOTTED_KEY.match(_QUOTED.sub("q", line)):
            raise BadToml(f"{name}: line {number}: a key of more than {DOTTED_PARTS_MAX} parts", path=name)


def set_value(text: str, dotted_key: str, value: object) -> str:
    """Returns the document with one value set, tables made on the way. Errors: `BadToml`."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        *folders, last = dotted_key.split(".")
        table: object = document
        for folder in folders:
            if folder not in table:  # type: ignore[operator]
                table[folder] = tomlkit.table()  # type: ignore[index]
            table = table[folder]  # type: ignore[index]
        table[last] = list(value) if isinstance(value, tuple) else value  # type: ignore[index]
    except (TOMLKitError, TypeError) as error:
        raise BadToml(f"{dotted_key} cannot be set: {error}") from error
    return tomlkit.dumps(document)


def unset_value(text: str, dotted_key: str) -> str:
    """Returns the document without one value; the same text if it was not there. Errors: `BadToml`."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise BadToml(f"{dotted_key} cannot be unset: {error}") from error
    *folders, last = dotted_key.split(".")
    table: object = document
    for folder in folders:
        if not isinstance(table, Mapping) or folder not in table:
            return text
        table = table[folder]
    if not isinstance(table, Mapping) or last not in table:
        return text
    del table[last]  # type: ignore[attr-defined]
    return tomlkit.dumps(document)


def write_toml(value: Mapping[str, object]) -> str:
    """Writes a document: plain members first, then tables, in the order in which they come.

    Integers beyond 64 bits, which few readers take, are written as texts. Errors: `BadToml` for what TOML has no
    place for (null).

    >>> print(write_toml({"steps": [{"name": "a"}], "rate": 0.1, "net": {"layers": [1, 2]}}), end="")
    rate = 0.1
    <BLANKLINE>
    [[steps]]
    name = "a"
    <BLANKLINE>
    [net]
    layers = [1, 2]
    """
    lines: list[str] = []
    _write_table(value, (), lines)
    return "\n".join(lines).lstrip("\n") + "\n" if lines else ""


def _write_table(value: Mapping[str, object], path: tuple[str, ...], lines: list[str]) -> None:
    apart: list[tuple[str, object]] = []
    for key, item in value.items():
        if len(path) < HEADER_PARTS_MAX and (isinstance(item, Mapping) or _is_tables(item)):
            apart.append((key, item))
        else:
            lines.append(f"{_key_text(key)} = {_value_text(item)}")
    for key, item in apart:
        inner = (*path, _key_text(key))
        for table, brackets in (
            [(item, "[]")] if isinstance(item, Mapping) else [(each, "[[]]") for each in _list(item)]
        ):
            half = len(brackets) // 2
            lines += ["", f"{brackets[:half]}{'.'.join(inner)}{brackets[half:]}"]
            _write_table(table, inner, lines)  # type: ignore[arg-type]


def _is_tables(value: object) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()


def _key_text(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _value_text(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -_INTEGER_MAX - 1 <= value <= _INTEGER_MAX else _string(str(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key_text(key)} = {_value_text(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value_text(item) for item in value)}]"
    raise BadToml(f"TOML has no place for {'null' if value is None else type(value).__name__}")


def _string(text: str) -> str:
    return '"' + _MUST_ESCAPE.sub(lambda found: _ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}"), text) + '"'
