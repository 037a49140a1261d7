"""What an import plans: versions and runs with their parents, and everything that cannot be kept."""

from dataclasses import dataclass, field
from typing import Any

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.porcelain.import_objects import OldObject
from pacha.refs.names import RefName
from pacha.registry.legacy_values import OldReference
from pacha.registry.stages import DEVELOPMENT

#: An old name has no limit; a line of a report has.
SHOWN_MAX = 120

#: Kind, old name and old version; of a run its id and nothing.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """Something of the old registry that is not here after the import, and why."""

    what: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """An artifact whose old name is no name here."""

    kind: str
    old: str
    new: str


@dataclass(slots=True, kw_only=True)
class Planned:
    """One version or run. `source` is a checked object, or the bytes of a document. `present` is its manifest here."""

    key: Key
    old_id: str
    artifact: ArtifactName
    version: Version | None
    run_id: str | None
    created: str
    card: dict[str, Any]
    source: OldObject | bytes | None
    file_name: str
    stage: str = DEVELOPMENT
    staged: str | None = None
    present: ObjectId | None = None
    parents: dict[tuple[Key, str], dict[str, Any]] = field(default_factory=dict)
    wanted: list[tuple[str, str, OldReference]] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """The name by which a person refers to it."""
        if self.version is None:
            return f"{self.artifact}:{self.run_id}"
        return f"{self.artifact}:{self.version}"

    @property
    def message(self) -> str:
        """The commit message: where it comes from, the same at every import."""
        old = cut(f"{self.key[1]}:{self.key[2]}".rstrip(":"))
        return f"imported from an old registry: {self.key[0]} {old} with the id {cut(self.old_id)}"


@dataclass(slots=True, kw_only=True)
class Plan:
    """Everything that an import would write, parents first, and everything that it would not."""

    folder: str
    items: list[Planned] = field(default_factory=list)
    renamed: list[Renamed] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, what: str, name: str, reason: str) -> None:
        """Says that something is not kept, and why."""
        self.unmapped.append(Unmapped(what=what, name=cut(name), reason=cut(reason, 3 * SHOWN_MAX)))


def run_ref(item: Planned) -> RefName:
    """The ref of a run. Errors: `BadRefName`."""
    return RefName(f"refs/runs/{item.artifact.name}/{item.run_id}")


def cut(text: str, length: int = SHOWN_MAX) -> str:
    """A text, with an ellipsis where it is longer than may be shown."""
    return text if len(text) <= length else text[: length - 1] + "…"
