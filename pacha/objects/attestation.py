"""Attestation: a DSSE envelope around a statement about an object. Signed bytes are kept exactly as they were signed.

Source: the DSSE 1.0 envelope; docs/format.md, "Attestation".
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.base.canonical import encode_lines
from pacha.objects import fields
from pacha.objects.types import META_BYTES_MAX, BadObject, ObjectType, Storage, checked, decode_document

SIGNATURES_MAX = 64
_MEMBERS = frozenset({"type", "payloadType", "payload", "signatures"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature and a hint at its key; the hint is not authenticated."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A payload of a named type, with the signatures over it. None means: said, not signed."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def encode(value: Attestation) -> bytes:
    """The document of an attestation."""
    document: dict[str, Any] = {
        **value.extra,
        "type": "attestation",
        "payloadType": value.payload_type,
        "payload": base64.b64encode(value.payload).decode("ascii"),
    }
    if value.signatures:
        document["signatures"] = [
            {"keyid": item.keyid, "sig": base64.b64encode(item.sig).decode("ascii")} for item in value.signatures
        ]
    return encode_lines(document)


def decode(raw: bytes) -> Attestation:
    """Reads an attestation. Errors: `NotCanonical`, `BadObject`."""
    return checked("attestation", _read, decode_document(raw, "attestation", lines=True, size_max=META_BYTES_MAX))


def _read(value: Mapping[str, Any]) -> Attestation:
    return Attestation(
        payload_type=fields.text(value, "payloadType"),
        payload=_base64(value["payload"]),
        signatures=tuple(_read_signature(item) for item in fields.items(value, "signatures", size_max=SIGNATURES_MAX)),
        extra=fields.extra(value, _MEMBERS),
    )


def _read_signature(value: dict[str, Any]) -> Signature:
    if value.keys() != {"keyid", "sig"}:
        raise BadObject("a signature has the members keyid and sig")
    return Signature(keyid=fields.text(value, "keyid"), sig=_base64(value["sig"]))


def _base64(text: str) -> bytes:
    """Reads standard base64; another spelling of the same bytes is refused."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise BadObject("a member is not base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        raise BadObject("a member is not the canonical base64 of its bytes")
    return data


TYPE = ObjectType(
    name="attestation",
    storage=Storage.META,
    size_max=META_BYTES_MAX,
    encode=encode,
    decode=decode,
    references=lambda value: (),
    is_leaf=True,
)
