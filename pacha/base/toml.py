"""TOML: read with the standard library, edited with tomlkit (the only door to it), which keeps comments and order."""

import tomllib
from collections.abc import Mapping

from pacha.base.errors import Usage

#: Configuration and recipes are written by people.
TOML_BYTES_MAX = 1 << 20
DEPTH_MAX = 32
DOTTED_PARTS_MAX = 16


class BadToml(Usage):
    """A text is not TOML, or goes beyond a limit."""


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
        value = tomllib.loads(text)
    except RecursionError:
        raise BadToml(f"{name}: nested more than {DEPTH_MAX} levels deep", path=name) from None
    except ValueError as error:
        raise BadToml(f"{name}: {' '.join(str(error).split())[:200]}", path=name) from error
    if _depth(value) > DEPTH_MAX:
        raise BadToml(f"{name}: nested more than {DEPTH_MAX} levels deep", path=name)
    return value


def _check_dots(text: str, name: str) -> None:
    """Refuses keys of many dotted parts before the parser, whose cost grows with their square."""
    for number, line in enumerate(text.split("\n"), start=1):
        key = line.partition("=")[0].strip()
        if key.count(".") > DOTTED_PARTS_MAX and not key.startswith(("#", '"', "'")):
            raise BadToml(f"{name}: line {number}: a key of more than {DOTTED_PARTS_MAX} parts", path=name)


def _depth(value: object) -> int:
    deepest, todo = 0, [(value, 1)]
    while todo:
        item, depth = todo.pop()
        deepest = max(deepest, depth)
        if isinstance(item, Mapping):
            todo.extend((inner, depth + 1) for inner in item.values())
        elif isinstance(item, list):
            todo.extend((inner, depth + 1) for inner in item)
    return deepest


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
    """Writes a document from plain values. Errors: `BadToml` for what TOML has no place for (null).

    >>> write_toml({"rate": 0.1, "net": {"layers": [1, 2]}})
    'rate = 0.1\\n\\n[net]\\nlayers = [1, 2]\\n'
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        return tomlkit.dumps(value)
    except (TOMLKitError, TypeError, ValueError) as error:
        raise BadToml(f"TOML has no place for this: {str(error)[:200]}") from error
