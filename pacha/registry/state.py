"""What a table of refs says is registered, wherever the table was read from: this checkout, or a commit of Git.

Collects instead of stopping: a ref or an object that cannot be read is a fault beside all that can, so that a
comparison shows what there is and says what is wrong.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.graph.ancestry import ancestors, maximal
from pacha.objects.attestation import Attestation
from pacha.objects.manifest import Manifest
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.refs.names import RefName, stage_ref, version_ref
from pacha.refs.store import BadRef, RefConflict, RefStore
from pacha.registry.catalog import Tagged
from pacha.registry.stages import Entry

#: Returns an object as a value. Errors: `Absent`, `Corrupt`.
Load = Callable[[Link], object]
#: `refs/heads/<kind>/<name>/<id>` and its like; runs and attestations have other shapes.
_PARTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A ref that cannot be read, or that names what it must not. `is_conflict` where Git left both sides in it."""

    ref: str
    message: str
    is_conflict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefTable:
    """All refs of one place, and what is wrong with those that cannot be read."""

    links: Mapping[RefName, Link] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def table_of(refs: RefStore) -> RefTable:
    """The refs of a checkout, whatever is unfinished or not committed to Git included."""
    links: dict[RefName, Link] = {}
    faults: list[Fault] = []
    for name in refs.walk():
        try:
            link = refs.read(name)
        except BadRef as error:
            faults.append(fault_of(name.text, error))
            continue
        if link is not None:
            links[name] = link
    return RefTable(links=links, faults=tuple(faults))


def fault_of(ref: str, error: PachaError) -> Fault:
    """An error about a ref, as a fault."""
    return Fault(ref=ref, message=error.message, is_conflict=isinstance(error, RefConflict))


class State:
    """The registry as one table of refs says it. Objects are read when they are asked for, each once."""

    def __init__(self, table: RefTable, load: Load) -> None:
        self.links = table.links
        self._load = load
        self._faults: dict[str, Fault] = {}
        self._about: dict[str, list[Fault]] = defaultdict(list)
        self._manifests: dict[ObjectId, Manifest | None] = {}
        self._versions: dict[ArtifactName, dict[Version, Tagged]] = {}
        self._refs: dict[tuple[ArtifactName, str], list[tuple[RefName, Link]]] = defaultdict(list)
        self._attestations: dict[str, list[tuple[RefName, Link]]] = defaultdict(list)
        for fault in table.faults:
            self._add(fault)
        for name, link in sorted(table.links.items()):
            self._sort_in(name, link)

    def _sort_in(self, name: RefName, link: Link) -> None:
        parts = name.text.split("/")
        if name.namespace == "attestations":
            self._attestations[parts[2]].append((name, link))
        elif name.namespace != "runs" and len(parts) == _PARTS:
            try:
                self._refs[ArtifactName(parts[2], parts[3]), name.namespace].append((name, link))
            except PachaError as error:
                self._note(name, error.message)

    def _note(self, ref: object, message: str) -> None:
        if str(ref) not in self._faults:
            self._add(Fault(ref=str(ref), message=message))

    def _add(self, fault: Fault) -> None:
        self._faults[fault.ref] = fault
        self._about["/".join(fault.ref.split("/")[2:4])].append(fault)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was found to be wrong so far, by ref."""
        return tuple(fault for _, fault in sorted(self._faults.items()))

    def faults_of(self, artifact: ArtifactName) -> list[Fault]:
        """What was found to be wrong with the refs about one artifact so far."""
        return self._about.get(str(artifact), [])

    def artifacts(self) -> set[ArtifactName]:
        """Every artifact that any ref is about."""
        return {artifact for artifact, _ in self._refs}

    def refs_of(self, artifact: ArtifactName) -> dict[RefName, Link]:
        """The refs about one artifact."""
        return dict(
            pair for namespace in ("heads", "versions", "stages") for pair in self._refs.get((artifact, namespace), ())
        )

    # -- objects ---------------------------------------------------------------------------------------------------

    def find_manifest(self, id: ObjectId) -> Manifest | None:
        """A manifest; None where it cannot be read. That it is not here is no fault."""
        if id in self._manifests:
            return self._manifests[id]
        link = Link("manifest", id)
        found = None
        try:
            found = self._load(link)
        except Absent:
            return None
        except Corrupt as error:
            self._note(str(link), error.message)
        manifest = self._manifests[id] = found if isinstance(found, Manifest) else None
        return manifest

    def manifest(self, id: ObjectId) -> Manifest | None:
        """A manifest that must be here; None, and a fault, where it cannot be read."""
        found = self.find_manifest(id)
        if found is None and id not in self._manifests:
            self._manifests[id] = None
            self._note(f"manifest:{id}", f"manifest:{id} is not here")
        return found

    def previous(self, id: ObjectId) -> tuple[ObjectId, ...]:
        """The manifests that this one says come before it; none where it cannot be read."""
        manifest = self.manifest(id)
        return () if manifest is None else manifest.previous()

    def _object(self, name: RefName, link: Link, type_name: str) -> object | None:
        """What a ref names; None, and a fault, where that cannot be read or is of another type."""
        if link.type != type_name:
            self._note(name, f"{name}: names {link}, which is no {type_name}")
            return None
        try:
            return self._load(link)
        except (Absent, Corrupt) as error:
            self._note(name, f"{name}: {error.message}")
            return None

    # -- what is registered ----------------------------------------------------------------------------------------

    def heads(self, artifact: ArtifactName) -> list[ObjectId]:
        """The heads, by id: what head refs name, minus every `previous`-ancestor of another."""
        targets = {link.id for _, link in self._refs.get((artifact, "heads"), ()) if link.type == "manifest"}
        return sorted(targets if len(targets) < 2 else maximal(targets, self.previous, self._created))

    def _created(self, id: ObjectId) -> str:
        manifest = self.manifest(id)
        return "" if manifest is None else manifest.created

    def versions(self, artifact: ArtifactName) -> dict[Version, Tagged]:
        """The versions whose tags can be read, lowest first."""
        if artifact not in self._versions:
            found = []
            for name, link in self._refs.get((artifact, "versions"), ()):
                tag = self._object(name, link, "tag")
                if isinstance(tag, Tag) and version_ref(tag.artifact, tag.version) == name:
                    found.append(Tagged(version=tag.version, tag=link.id, manifest=tag.manifest))
                elif tag is not None:
                    self._note(name, f"{name}: names {link}, which is about something else")
            self._versions[artifact] = {item.version: item for item in sorted(found)}
        return self._versions[artifact]

    def moves(self, artifact: ArtifactName) -> list[Entry]:
        """The entries of the stage log that can be read, by number. A log that is no chain is a fault."""
        entries: list[Entry] = []
        before: ObjectId | None = None
        for number, (name, link) in enumerate(self._refs.get((artifact, "stages"), ()), start=1):
            move = self._object(name, link, "move")
            if not isinstance(move, Move):
                continue
            if move.artifact != artifact or stage_ref(artifact, move.number) != name:
                self._note(name, f"{name}: names {link}, which is another move")
                continue
            if move.number != number or move.prev != before:
                self._note(name, f"{name}: the stage log forks here: this move does not follow the entry before")
            entries.append(Entry(id=link.id, move=move))
            before = link.id
        return entries

    def attestations(self, subjects: Iterable[ObjectId]) -> list[Attestation]:
        """What is attested of any of some objects."""
        pairs = {link: name for subject in subjects for name, link in self._attestations.get(subject.hex, ())}
        found = (self._object(name, link, "attestation") for link, name in sorted(pairs.items()))
        return [item for item in found if isinstance(item, Attestation)]

    def reachable(self, starts: Sequence[ObjectId]) -> set[ObjectId]:
        """Some manifests and all that come before them."""
        return {*starts, *ancestors(starts, self.previous)}
