"""YAML: the only door to PyYAML. Reads and writes the front matter that other tools put on top of a README.

Nothing that is hashed or configured is YAML (docs/decisions/0016). The parser's events are read here, not its
values: no tag names a type, no alias repeats a node, and a text means what YAML 1.2 says, so that the language `no`
is not false, `12:30` is not a number and a date is a text.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pacha.base.errors import Usage

#: The datasheet of some thousand columns; PyYAML reads 250 KB a second, so this is two seconds' work.
YAML_BYTES_MAX = 512 << 10
DEPTH_MAX = 32
DIGITS_MAX = 400

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
#: What a reader might take for a line end, or for nothing at all: written as escapes.
_MUST_ESCAPE = re.compile(r"[\x00-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


class BadYaml(Usage):
    """A text is not YAML, uses what front matter has no need of, or goes beyond a limit."""

    usual_hint = "correct the front matter there and run the command again"


def read_yaml(text: str, *, name: str) -> dict[str, object]:
    """Reads one mapping; an empty text is an empty one. Keys are texts as they are written.

    Errors: `BadYaml`: not a mapping, several documents, anchors, aliases, tags, merge keys, a key twice, too deep.

    >>> read_yaml("language: no\\nrate: 1e-5\\nday: 2026-03-03", name="README.md")
    {'language': 'no', 'rate': 1e-05, 'day': '2026-03-03'}
    """
    import yaml

    if len(text) > YAML_BYTES_MAX or len(text.encode("utf-8", "surrogatepass")) > YAML_BYTES_MAX:
        raise BadYaml(f"{name}: front matter is larger than {YAML_BYTES_MAX} bytes", path=name)
    try:
        # The parser in C reads some texts that the one in Python refuses: the same everywhere is worth more.
        return _Reader(yaml.parse(text, Loader=yaml.SafeLoader), name).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise BadYaml(f"{name}: {place}{error.problem or error.context}", path=name) from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadYaml(f"{name}: {' '.join(str(error).split())[:200]}", path=name) from error


class _Reader:
    """Builds values from the parser's events, one level of its own stack a level of nesting."""

    def __init__(self, events: Iterator[Any], name: str) -> None:
        self._events = events
        self._name = name

    def document(self) -> dict[str, object]:
        """The one mapping of the stream."""
        value: object = None
        documents = 0
        for event in self._events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise self._bad(event, "front matter is one document")
                value = self._node(next(self._events), 1)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise BadYaml(f"{self._name}: front matter is a mapping of names to values", path=self._name)
        return value

    def _node(self, event: Any, depth: int) -> object:
        kind = type(event).__name__
        if kind == "AliasEvent" or event.anchor is not None:
            raise self._bad(event, "anchors and aliases are not read")
        if event.tag is not None:
            raise self._bad(event, "tags are not read")
        if kind == "ScalarEvent":
            return event.value if event.style else self._plain(event)
        if depth >= DEPTH_MAX:
            raise self._bad(event, f"nested more than {DEPTH_MAX} levels deep")
        return self._mapping(depth) if kind == "MappingStartEvent" else self._sequence(depth)

    def _sequence(self, depth: int) -> list[object]:
        found: list[object] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            found.append(self._node(event, depth + 1))
        return found

    def _mapping(self, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent" or event.anchor is not None or event.tag is not None:
                raise self._bad(event, "a key is a plain text")
            if event.value == "<<" and not event.style:
                raise self._bad(event, "merge keys are not read")
            if event.value in found:
                raise self._bad(event, f"the key {event.value[:60]!r} is there twice")
            found[event.value] = None
            found[event.value] = self._node(next(self._events), depth + 1)
        return found

    def _plain(self, event: Any) -> object:
        value = plain_scalar(event.value)
        if value is NotImplemented:
            raise self._bad(event, f"a number of more than {DIGITS_MAX} digits")
        return value

    def _bad(self, event: Any, reason: str) -> BadYaml:
        return BadYaml(f"{self._name}: line {event.start_mark.line + 1}: {reason}", path=self._name)


def plain_scalar(text: str) -> object:
    """What a scalar without quotes means in YAML 1.2; `NotImplemented` for a number that is too long to read.

    >>> plain_scalar("no"), plain_scalar("0x1f"), plain_scalar("1e-5"), plain_scalar("~")
    ('no', 31, 1e-05, None)
    """
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        if len(text) > DIGITS_MAX:
            return NotImplemented
        return int(text, 10) if _INTEGER.fullmatch(text) else int(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text)
        # 1e400 is not the infinity that Python makes of it.
        return text if math.isinf(value) else value
    if found := _NOT_FINITE.fullmatch(text):
        return float("nan") if found[3] else float(f"{found[1]}inf")
    return text


def write_yaml(value: Mapping[str, object]) -> str:
    """Writes a mapping that readers of YAML 1.1 and of 1.2 take for the same: what either might misread is quoted.

    A text with a line end or an invisible character is one line of escapes, so no line of it can end front matter.
    Errors: `BadYaml` for a mapping that is larger than what is read.

    >>> print(write_yaml({"language": "no", "tags": ["a", "---"]}), end="")
    language: 'no'
    tags:
    - a
    - '---'
    """
    import yaml

    class Dumper(yaml.SafeDumper):  # type: ignore[misc]
        """PyYAML's own, which also quotes what YAML 1.2 would not read as a text, and never writes an alias."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def text(dumper: Any, data: str) -> Any:
        needs_quotes = _MUST_ESCAPE.search(data) is not None or plain_scalar(data) != data
        return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if needs_quotes else None)

    Dumper.add_representer(str, text)
    dumped: str = yaml.dump(
        _plain_lists(value), Dumper=Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1 << 30
    )
    if len(dumped.encode("utf-8")) > YAML_BYTES_MAX:
        raise BadYaml(f"front matter would be larger than {YAML_BYTES_MAX} bytes", hint="export it as TOML or JSON")
    return dumped


def _plain_lists(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _plain_lists(item) for key, item in value.items()}
    return [_plain_lists(item) for item in value] if isinstance(value, (list, tuple)) else value
