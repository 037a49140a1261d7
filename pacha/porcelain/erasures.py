"""Which versions were erased: their bytes are gone for good, on purpose, and an attestation says by whom and why.

Such a statement explains an absence and keeps bytes from being sent again; it never removes any.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from pacha.base.canonical import NotCanonical, decode_compact, encode_compact
from pacha.base.errors import Absent, PachaError
from pacha.base.ids import ObjectId
from pacha.objects.attestation import Attestation
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link, type_named
from pacha.refs.names import RefName
from pacha.repo.repository import Repository

ATTESTATIONS = "refs/attestations"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
ERASED = "urn:pacha:erased:1"
#: A reason is a sentence, not a document; longer ones of others are cut when they are shown.
REASON_CHARACTERS_MAX = 1000


class Erased(Absent):
    """A version's bytes were erased on purpose."""

    usual_hint = "they are gone for good; what is known of the version stays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was said when a version was erased."""

    manifest: ObjectId
    reason: str
    who: str
    when: str

    @property
    def text(self) -> str:
        """As a person reads it."""
        return f"erased on {self.when[:10]} by {self.who}: {self.reason}"

    def error(self, name: str) -> Erased:
        """What to say to whoever asks for the bytes."""
        return Erased(f"the bytes of {name} were {self.text}", object=f"manifest:{self.manifest}", reason=self.reason)


def attestation_of(erasure: Erasure, *, artifact: str) -> Attestation:
    """The statement of an erasure, not signed."""
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": artifact, "digest": {"blake3": erasure.manifest.hex}}],
        "predicateType": ERASED,
        "predicate": {"reason": erasure.reason, "who": erasure.who, "when": erasure.when},
    }
    return Attestation(payload_type=PAYLOAD_TYPE, payload=encode_compact(statement))


def attestation_ref(subject: ObjectId, attestation: ObjectId) -> RefName:
    """Where a statement about an object is named."""
    return RefName(f"{ATTESTATIONS}/{subject}/{attestation}")


def read_erasure(value: object, manifest: ObjectId) -> Erasure | None:
    """The erasure that an attestation states of a manifest; None where it is about something else."""
    if not isinstance(value, Attestation) or value.payload_type != PAYLOAD_TYPE:
        return None
    try:
        statement = decode_compact(value.payload)
    except NotCanonical:
        return None
    if not isinstance(statement, dict) or statement.get("predicateType") != ERASED:
        return None
    predicate = statement.get("predicate")
    if not _is_about(statement.get("subject"), manifest) or not isinstance(predicate, dict):
        return None
    texts = [_line(predicate.get(name)) for name in ("reason", "who", "when")]
    return Erasure(manifest=manifest, reason=texts[0], who=texts[1], when=texts[2]) if all(texts) else None


def _is_about(subject: object, manifest: ObjectId) -> bool:
    items = subject if isinstance(subject, list) else []
    return any(isinstance(item, dict) and item.get("digest") == {"blake3": manifest.hex} for item in items)


def _line(value: object) -> str:
    """A text of others on one line, without what would move a cursor."""
    text = value[:REASON_CHARACTERS_MAX] if isinstance(value, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


class Statements(Protocol):
    """Attestations that are known elsewhere."""

    def about(self, manifest: ObjectId) -> Iterator[bytes]:
        """The documents that a remote has about a manifest; those that cannot be read are left out."""


class Erasures:
    """What is known of erased versions: here, and with `elsewhere` also what a remote says."""

    def __init__(self, repository: Repository, elsewhere: Statements | None = None) -> None:
        self._repository = repository
        self._elsewhere = elsewhere

    def of(self, manifest: ObjectId) -> Erasure | None:
        """The erasure of a manifest, or None."""
        return next((found for value in self._values(manifest) if (found := read_erasure(value, manifest))), None)

    def here(self) -> Iterator[Erasure]:
        """Every erasure that this checkout knows of."""
        for folder in self._repository.refs.folders(ATTESTATIONS):
            try:
                found = self.of(ObjectId.parse(folder))
            except PachaError:
                continue
            if found is not None:
                yield found

    def _values(self, manifest: ObjectId) -> Iterator[object]:
        for _, link in self._repository.refs.read_all(f"{ATTESTATIONS}/{manifest}"):
            with suppress(PachaError):
                yield self._repository.objects.load(link)
        for data in self._elsewhere.about(manifest) if self._elsewhere is not None else ():
            with suppress(PachaError):
                yield type_named("attestation").decode(data)


def explain_absence(repository: Repository, link: Link) -> Erased | None:
    """Why a tree is not here, where its version was erased: what readers say then. None if nobody knows."""
    for erasure in Erasures(repository).here():
        try:
            manifest = repository.objects.load(Link("manifest", erasure.manifest))
        except PachaError:
            continue
        if isinstance(manifest, Manifest) and link in data_roots(manifest):
            return erasure.error(str(manifest.artifact))
    return None


def data_roots(manifest: Manifest) -> tuple[Link, ...]:
    """The DATA that a manifest itself names."""
    details: Iterable[Link] = () if manifest.facts_detail is None else (Link("blob", manifest.facts_detail),)
    return (Link("tree", manifest.tree), *details)
