"""Names of refs: a positive grammar, lower case only, so that no two names can collide on any file system."""

import re
from dataclasses import dataclass

from pacha.base.errors import Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version

#: Longer names would not fit a path on every system.
NAME_BYTES_MAX = 200
#: `refs/attestations/<64 digits>/<64 digits>` and `refs/versions/<kind>/<name>/<version>` fit with room to spare.
DEPTH_MAX = 6
STAGE_DIGITS = 8
STAGE_NUMBER_MAX = 10**STAGE_DIGITS - 1

_COMPONENT = re.compile(r"[a-z0-9][a-z0-9._+-]*", re.ASCII)
NAMESPACES = ("heads", "runs", "versions", "stages", "attestations")
#: Nearly every name is of this shape and has no dot where one may be wrong: one look, for a remote has many thousands.
_USUAL = re.compile(rf"refs/(?:{'|'.join(NAMESPACES)})(?:/{_COMPONENT.pattern}){{1,{DEPTH_MAX - 2}}}", re.ASCII)
_DOUBTFUL = re.compile(r"\.(?:\.|/|lock|\Z)")


class BadRefName(Usage):
    """A text is not the name of a ref."""


@dataclass(frozen=True, slots=True, order=True)
class RefName:
    """`refs/<namespace>/…`: also the ref's path below `.pacha`.

    >>> str(RefName("refs/versions/model/fraud/1.2.0"))
    'refs/versions/model/fraud/1.2.0'
    """

    text: str

    def __post_init__(self) -> None:
        check_ref_name(self.text)

    @property
    def namespace(self) -> str:
        """`heads`, `versions`, `stages` and so on."""
        return self.text.split("/")[1]

    @property
    def last(self) -> str:
        """The last component."""
        return self.text.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """All but the last component."""
        return self.text.rpartition("/")[0]

    def __str__(self) -> str:
        return self.text


def check_ref_name(text: str) -> str:
    """Returns a well-formed ref name unchanged. Errors: `BadRefName`."""
    if len(text) <= NAME_BYTES_MAX and _USUAL.fullmatch(text) and not _DOUBTFUL.search(text):
        return text
    parts = text.split("/")
    if len(text.encode("utf-8", "surrogatepass")) > NAME_BYTES_MAX:
        raise BadRefName(f"a ref name has at most {NAME_BYTES_MAX} bytes: {text[:60]!r}…")
    if parts[0] != "refs" or not 3 <= len(parts) <= DEPTH_MAX or parts[1] not in NAMESPACES:
        raise BadRefName(
            f"not a ref name: {text!r}",
            hint=f"a ref is refs/<{'|'.join(NAMESPACES)}>/…, for instance refs/heads/model/x/<id>",
        )
    for part in parts:
        if not _COMPONENT.fullmatch(part) or part.endswith((".", ".lock")) or ".." in part:
            raise BadRefName(
                f"not a ref name: {text!r}",
                hint="components are [a-z0-9][a-z0-9._+-]* and do not end in '.' or '.lock'",
            )
    return text


def heads_folder(artifact: ArtifactName) -> str:
    """The folder of an artifact's heads."""
    return f"refs/heads/{artifact}"


def head_ref(artifact: ArtifactName, manifest: ObjectId) -> RefName:
    """The ref that says: this manifest is a head."""
    return RefName(f"{heads_folder(artifact)}/{manifest}")


def versions_folder(artifact: ArtifactName) -> str:
    """The folder of an artifact's versions."""
    return f"refs/versions/{artifact}"


def version_ref(artifact: ArtifactName, version: Version) -> RefName:
    """The write-once ref of a version."""
    return RefName(f"{versions_folder(artifact)}/{version}")


def stages_folder(artifact: ArtifactName) -> str:
    """The folder of an artifact's stage log."""
    return f"refs/stages/{artifact}"


def stage_ref(artifact: ArtifactName, number: int) -> RefName:
    """The write-once ref of one entry of the stage log; numbers begin at 1."""
    if not 1 <= number <= STAGE_NUMBER_MAX:
        raise BadRefName(f"a stage log has entries 1 to {STAGE_NUMBER_MAX}, not {number}")
    return RefName(f"{stages_folder(artifact)}/{number:0{STAGE_DIGITS}d}")
