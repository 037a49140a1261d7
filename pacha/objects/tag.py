"""Tag: a version's name for a manifest, and nothing else, so that two people who tag the same thing agree.

Source: docs/format.md, "Tag".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.base.canonical import encode_lines
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects import fields
from pacha.objects.types import META_BYTES_MAX, BadObject, Link, ObjectType, Storage, checked, decode_document

_MEMBERS = frozenset({"type", "artifact", "version", "manifest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """`artifact:version` is `manifest`."""

    artifact: ArtifactName
    version: Version
    manifest: ObjectId
    extra: Mapping[str, Any] = field(default_factory=dict)


def encode(value: Tag) -> bytes:
    """The document of a tag."""
    return encode_lines(
        {
            **value.extra,
            "type": "tag",
            "artifact": str(value.artifact),
            "version": str(value.version),
            "manifest": f"manifest:{value.manifest}",
        }
    )


def decode(raw: bytes) -> Tag:
    """Reads a tag. Errors: `NotCanonical`, `BadObject`."""
    return checked("tag", _read, decode_document(raw, "tag", lines=True, size_max=META_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Tag:
    link = Link.parse(value["manifest"])
    if link.type != "manifest":
        raise BadObject("a tag names a manifest")
    return Tag(
        artifact=ArtifactName.parse(fields.text(value, "artifact")),
        version=Version.parse(fields.text(value, "version")),
        manifest=link.id,
        extra=fields.extra(value, _MEMBERS),
    )


TYPE = ObjectType(
    name="tag",
    storage=Storage.META,
    size_max=META_BYTES_MAX,
    encode=encode,
    decode=decode,
    references=lambda value: (Link("manifest", value.manifest),),
)
