"""Move: one entry of an artifact's stage log. It names the entry before, so the log is a chain.

Source: docs/format.md, "Move".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.base.canonical import encode_lines
from pacha.base.clock import check_timestamp
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects import fields
from pacha.objects.types import META_BYTES_MAX, BadObject, Link, ObjectType, Storage, checked, decode_document

#: One entry of the log is a file name of eight digits.
NUMBER_MAX = 99_999_999
#: One move displaces the holders of an exclusive stage.
DISPLACED_MAX = 64
_MEMBERS = frozenset(
    {"type", "artifact", "version", "from", "to", "displaced", "reason", "who", "when", "nonce", "number", "prev"}
)


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
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.number <= NUMBER_MAX:
            raise BadObject(f"a stage log has entries 1 to {NUMBER_MAX}, not {self.number}")
        if (self.prev is None) != (self.number == 1):
            raise BadObject("the first entry of a stage log, and no other, has none before it")


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
    if value.prev is not None:
        document["prev"] = f"move:{value.prev}"
    if value.displaced:
        document["displaced"] = [{"version": str(item.version), "to": item.to_stage} for item in value.displaced]
    return encode_lines(document)


def decode(raw: bytes) -> Move:
    """Reads a move. Errors: `NotCanonical`, `BadObject`."""
    return checked("move", _read, decode_document(raw, "move", lines=True, size_max=META_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Move:
    prev = Link.parse(value["prev"]) if "prev" in value else None
    if prev is not None and prev.type != "move":
        raise BadObject("a move's prev is a move")
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
        prev=None if prev is None else prev.id,
        displaced=tuple(_read_displaced(item) for item in fields.items(value, "displaced", size_max=DISPLACED_MAX)),
        extra=fields.extra(value, _MEMBERS),
    )


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
    references=lambda value: () if value.prev is None else (Link("move", value.prev),),
)
