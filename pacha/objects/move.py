"""Move: one entry of an artifact's stage log. It names the entry before, so the log is a chain.

A move that stands for one of another chain, after a fork was settled, names that one (`replays`); one that takes a
promotion back names the promotion (`rolls_back`).

Source: docs/format.md, "Move".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.base.canonical import encode_lines
from pacha.base.clock import check_timestamp
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName, check_stage_name
from pacha.base.semver import Version
from pacha.objects import fields
from pacha.objects.types import META_BYTES_MAX, BadObject, Link, ObjectType, Storage, checked, decode_document

#: One entry of the log is a file name of eight digits.
NUMBER_MAX = 99_999_999
#: One move displaces the holders of an exclusive stage.
DISPLACED_MAX = 64
_MEMBERS = frozenset(
    {
        "type", "artifact", "version", "from", "to", "displaced", "reason", "who", "when", "nonce", "number", "prev",
        "replays", "rolls_back",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Displaced:
    """A version that gave way, and the stage it went to."""

    version: Version
    to_stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A version went from one stage to another, because of `reason`. `nonce` sets two equal moves apart."""

    artifact: ArtifactName
    version: Version
    from_stage: str
    to_stage: str
    reason: str
    who: str
    when: str
    nonce: str
    number: int
    prev: ObjectId | None = None
    displaced: tuple[Displaced, ...] = ()
    replays: ObjectId | None = None
    rolls_back: ObjectId | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.number <= NUMBER_MAX:
            raise BadObject(f"a stage log has entries 1 to {NUMBER_MAX}, not {self.number}")
        if (self.prev is None) != (self.number == 1):
            raise BadObject("the first entry of a stage log, and no other, has none before it")
        for stage in (self.from_stage, self.to_stage, *(item.to_stage for item in self.displaced)):
            check_stage_name(stage)
        moved = [self.version, *(item.version for item in self.displaced)]
        if len(set(moved)) < len(moved):
            raise BadObject("a move names the same version twice")


def encode(value: Move) -> bytes:
    """The document of a move."""
    document: dict[str, Any] = {
        **value.extra,
        "type": "move",
        "artifact": str(value.artifact),
        "version": str(value.version),
        "from": value.from_stage,
        "to": value.to_stage,
        "reason": value.reason,
        "who": value.who,
        "when": value.when,
        "nonce": value.nonce,
        "number": value.number,
    }
    for name, id in (("prev", value.prev), ("replays", value.replays), ("rolls_back", value.rolls_back)):
        if id is not None:
            document[name] = f"move:{id}"
    if value.displaced:
        document["displaced"] = [{"version": str(item.version), "to": item.to_stage} for item in value.displaced]
    return encode_lines(document)


def decode(raw: bytes) -> Move:
    """Reads a move. Errors: `NotCanonical`, `BadObject`."""
    return checked("move", _read, decode_document(raw, "move", lines=True, size_max=META_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Move:
    return Move(
        artifact=ArtifactName.parse(fields.text(value, "artifact")),
        version=Version.parse(fields.text(value, "version")),
        from_stage=fields.text(value, "from"),
        to_stage=fields.text(value, "to"),
        reason=fields.text(value, "reason"),
        who=fields.text(value, "who"),
        when=check_timestamp(fields.text(value, "when")),
        nonce=fields.text(value, "nonce"),
        number=fields.count(value, "number"),
        prev=_move(value, "prev"),
        displaced=tuple(_read_displaced(item) for item in fields.items(value, "displaced", size_max=DISPLACED_MAX)),
        replays=_move(value, "replays"),
        rolls_back=_move(value, "rolls_back"),
        extra=fields.extra(value, _MEMBERS),
    )


def _move(value: Mapping[str, Any], name: str) -> ObjectId | None:
    link = Link.parse(value[name]) if name in value else None
    if link is not None and link.type != "move":
        raise BadObject(f"a move's {name} is a move")
    return None if link is None else link.id


def _references(value: Move) -> tuple[Link, ...]:
    named = dict.fromkeys(id for id in (value.prev, value.replays, value.rolls_back) if id is not None)
    return tuple(Link("move", id) for id in named)


def _read_displaced(value: dict[str, Any]) -> Displaced:
    if value.keys() != {"version", "to"}:
        raise BadObject("a displaced version has the members version and to")
    return Displaced(version=Version.parse(fields.text(value, "version")), to_stage=fields.text(value, "to"))


TYPE = ObjectType(
    name="move",
    storage=Storage.META,
    size_max=META_BYTES_MAX,
    encode=encode,
    decode=decode,
    references=_references,
)
