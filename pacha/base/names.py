"""Names of artifacts: a positive grammar that is safe as a file name on every system."""

import re
from dataclasses import dataclass

from pacha.base.errors import Usage

KINDS = ("model", "data", "recipe", "run")
#: Object types may not be names, so that `manifest:3f2a…` can never be an artifact.
RESERVED = frozenset({*KINDS, "blob", "chunklist", "tree", "manifest", "tag", "move", "attestation", "head", "latest"})
NAME_LENGTH_MAX = 64
#: A stage stands in references and in columns of lists.
STAGE_LENGTH_MAX = 32

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
_STAGE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9]|lpt[0-9])(\..*)?", re.ASCII)


class BadName(Usage):
    """A text is not the name of an artifact."""


@dataclass(frozen=True, slots=True)
class ArtifactName:
    """Kind and name; printed `model/fraud-detector`.

    >>> str(ArtifactName.parse("model/fraud-detector"))
    'model/fraud-detector'
    """

    kind: str
    name: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadName(f"no such kind: {self.kind!r}", hint=f"kinds are {', '.join(KINDS)}")
        check_name(self.name)

    @classmethod
    def parse(cls, text: str) -> "ArtifactName":
        """Reads `kind/name`. Errors: `BadName`."""
        kind, slash, name = text.partition("/")
        if not slash:
            raise BadName(f"not a kind and a name: {text!r}", hint="write for instance model/fraud-detector")
        return cls(kind, name)

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def check_name(text: str) -> str:
    """Returns a well-formed name unchanged. Errors: `BadName`.

    >>> check_name("fraud-detector")
    'fraud-detector'
    """
    hint = "names are [a-z0-9][a-z0-9._-]*, at most 64 characters, for instance fraud-detector"
    if len(text) > NAME_LENGTH_MAX:
        raise BadName(f"a name has at most {NAME_LENGTH_MAX} characters: {text[:40]!r}…", hint=hint)
    if not _NAME.fullmatch(text) or text.endswith((".", ".lock")) or ".." in text:
        raise BadName(f"not a name: {text!r}", hint=hint)
    if _DEVICE.fullmatch(text):
        raise BadName(f"{text!r} is a device on some systems", hint="choose another name")
    if text in RESERVED:
        raise BadName(f"{text!r} is a word of Pacha's own", hint="choose another name")
    return text


class BadStageName(Usage):
    """A text is not the name of a stage."""


def check_stage_name(text: str) -> str:
    """Returns a well-formed stage name unchanged. Begins with a letter, so it is no version. Errors: `BadStageName`.

    >>> check_stage_name("pre-production")
    'pre-production'
    """
    if len(text) > STAGE_LENGTH_MAX or not _STAGE.fullmatch(text):
        raise BadStageName(
            f"not a stage: {text[:40]!r}",
            hint=f"stages are lower-case words joined by '-', at most {STAGE_LENGTH_MAX} characters, as staging",
        )
    if text in RESERVED:
        raise BadStageName(f"{text!r} is a word of Pacha's own", hint="choose another name for the stage")
    return text
