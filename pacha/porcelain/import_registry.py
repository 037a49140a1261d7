"""`pacha import`: brings an old registry over, version by version, each whole or not at all.

Order (I1, I2): bytes durable in packs, then every new manifest and tag, parents first, then one transaction a version
with its head, then the stage moves. What an import that died has done, the next one finds and leaves as it is.

Longer than most modules: what is written, and what a dry run says would be, are one walk.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pacha.base.errors import Absent, Conflict, Corrupt
from pacha.base.files import Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Displaced, Move
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.facts import Measured
from pacha.porcelain.import_items import Key, Plan, Planned, Renamed, Unmapped, run_ref
from pacha.porcelain.import_objects import Importer
from pacha.porcelain.import_plan import plan_import
from pacha.porcelain.said import with_measured
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName, head_ref, stage_ref, version_ref
from pacha.refs.transaction import Transaction
from pacha.registry.stages import DEVELOPMENT, PRODUCTION, Entry, StageFork, read_stage_log
from pacha.repo.session import Session
from pacha.worktree.drafts import Content

#: Where the holder of production goes when another version comes.
GIVES_WAY_TO = "staging"
_NONCE_DIGITS = 32


class LostImport(Conflict):
    """Somebody else published a version, or moved a stage, while the import ran."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedItem:
    """A version or a run. `state` is new or present; `manifest` is None where it is only planned."""

    ref: str
    state: str
    manifest: ObjectId | None
    parents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMove:
    """A stage that a version came to."""

    artifact: ArtifactName
    version: Version
    to_stage: str
    displaced: tuple[Displaced, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was brought over, or would be, and everything that was not."""

    folder: str
    is_dry_run: bool
    items: tuple[ImportedItem, ...]
    moves: tuple[ImportedMove, ...]
    renamed: tuple[Renamed, ...]
    notes: tuple[str, ...]
    unmapped: tuple[Unmapped, ...]

    @property
    def is_new(self) -> bool:
        """Tells whether anything was brought over, or would be."""
        return bool(self.moves) or any(item.state == "new" for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a person says of an import. `is_strict` writes nothing unless everything can be kept."""

    author: str
    renames: Mapping[str, str]
    is_dry_run: bool = False
    is_strict: bool = False


def import_registry(workspace: Workspace, path: str, options: ImportOptions) -> Imported:
    """Imports the old registry at a path. What cannot be kept is in the answer, and stops nothing.

    Errors: those of `plan_import`; `LostImport`, after which the import can be run again.
    """
    plan = plan_import(workspace, path, options.renames)
    writing = _Import(workspace, plan, options)
    may_write = not options.is_dry_run and not (options.is_strict and plan.unmapped)
    if may_write:
        writing.write()
    else:
        writing.pretend()
    return Imported(
        folder=plan.folder,
        is_dry_run=not may_write,
        items=tuple(writing.item(planned) for planned in plan.items),
        moves=tuple(writing.moves),
        renamed=tuple(plan.renamed),
        notes=tuple(plan.notes),
        unmapped=tuple(plan.unmapped),
    )


class _Import:
    """One import: `made` is the manifest of every item, new or present."""

    def __init__(self, workspace: Workspace, plan: Plan, options: ImportOptions) -> None:
        self._workspace = workspace
        self._repository = workspace.repository
        self._plan = plan
        self._options = options
        self._measured: dict[Key, tuple[Measured, ObjectId | None]] = {}
        self._made: dict[Key, ObjectId] = {item.key: item.present for item in plan.items if item.present is not None}
        self._new = [item for item in plan.items if item.present is None]
        self._heads: dict[ArtifactName, list[ObjectId]] = {}
        self._logs = {artifact: self._log(artifact) for artifact in self._staged()}
        self.moves: list[ImportedMove] = []

    def item(self, planned: Planned) -> ImportedItem:
        """What is said of an item."""
        return ImportedItem(
            ref=planned.ref,
            state="new" if planned.present is None else "present",
            manifest=self._made.get(planned.key),
            parents=len(planned.parents),
        )

    def pretend(self) -> None:
        """Finds what `write` would say, without writing."""
        for artifact, log in self._logs.items():
            for item, displaced in self._steps(artifact, log):
                self._tell(item, displaced)

    def write(self) -> None:
        """Brings everything over."""
        with self._workspace.session() as session:
            contents = self._store(session) if self._new else {}
            with session.queue():
                transactions = self._put_all(session, contents)
                session.settle()
                for item, transaction in transactions:
                    if session.apply(transaction) is not None:
                        raise LostImport(
                            f"{item.ref} was published by somebody else while the import ran",
                            hint="run the import again: what it has brought over stays",
                        )
                for artifact, log in self._logs.items():
                    self._move(session, artifact, log)
            if self._new:
                session.maintain_packs()

    # -- bytes -----------------------------------------------------------------------------------------------------

    def _store(self, session: Session) -> dict[Key, Content]:
        """Stores the bytes of every new item in one pack, durable when this returns."""
        contents: dict[Key, Content] = {}
        repository = self._repository
        root = Root(self._plan.folder, temporary="")
        with session.pack_writer() as writer:
            importer = Importer(root, writer, jobs=repository.jobs, progress=repository.progress)
            for item in self._new:
                source = item.source
                if isinstance(source, bytes):
                    contents[item.key] = importer.document(source, item.file_name)
                elif source is not None:
                    contents[item.key] = importer.object(source, item.file_name)
                    self._measured[item.key] = importer.measure(source, item.file_name, item.artifact.kind)
            writer.close()
        return contents

    # -- manifests and versions ------------------------------------------------------------------------------------

    def _put_all(self, session: Session, contents: Mapping[Key, Content]) -> list[tuple[Planned, Transaction]]:
        """Queues every manifest and tag, parents first, and returns what then publishes each."""
        before: dict[ArtifactName, Planned] = {}
        transactions = []
        for item in self._plan.items:
            if item.present is None:
                previous = before.get(item.artifact)
                follows = previous is not None and _is_lower(previous, item)
                last = self._made[previous.key] if previous is not None and follows else None
                link = session.put("manifest", self._manifest(item, contents[item.key], last))
                self._made[item.key] = link.id
                transactions.append((item, self._transaction(session, item, link, last)))
            if item.version is not None and (item.artifact not in before or _is_lower(before[item.artifact], item)):
                before[item.artifact] = item
        return transactions

    def _manifest(self, item: Planned, content: Content, last: ObjectId | None) -> Manifest:
        parents = [Parent(role="previous", manifest=last)] if last is not None else []
        for (key, role), attributes in item.parents.items():
            parents.append(Parent(role=role, manifest=self._made[key], attributes=attributes))
        found, detail = self._measured.get(item.key, (Measured(), None))
        return Manifest(
            artifact=item.artifact,
            tree=content.tree,
            digest=content.digest,
            size=content.size,
            shape=content.shape,
            files=content.files,
            parents=tuple(parents),
            card=with_measured(item.card, found.card),
            facts=found.facts,
            facts_detail=detail,
            author=self._options.author,
            created=item.created,
            message=item.message,
        )

    def _transaction(self, session: Session, item: Planned, link: Link, last: ObjectId | None) -> Transaction:
        """What publishes an item. It becomes the head where it comes after the head, or there is none.

        Where somebody has worked on the artifact here, their head stays and the version is published beside it.
        """
        if item.version is None:
            return Transaction(create=((run_ref(item), link),))
        tag = session.put("tag", Tag(artifact=item.artifact, version=item.version, manifest=link.id))
        version = (version_ref(item.artifact, item.version), tag)
        heads = self._heads.setdefault(item.artifact, self._workspace.catalog.heads(item.artifact))
        if heads and heads != [last]:
            return Transaction(refusable=version)
        self._heads[item.artifact] = [link.id]
        old: list[RefName] = [] if last is None else [head_ref(item.artifact, last)]
        return Transaction(refusable=version, create=((head_ref(item.artifact, link.id), link),), remove=tuple(old))

    # -- stages ----------------------------------------------------------------------------------------------------

    def _staged(self) -> list[ArtifactName]:
        """The artifacts of which a version was beyond development."""
        found = {item.artifact for item in self._plan.items if item.stage != DEVELOPMENT}
        return sorted(found, key=str)

    def _log(self, artifact: ArtifactName) -> list[Entry] | None:
        """The stage log of an artifact here; None, and told, where it cannot be added to."""
        try:
            return list(read_stage_log(self._repository.refs, self._repository.objects, artifact).entries)
        except (StageFork, Corrupt, Absent) as error:
            self._plan.unmapped.append(Unmapped(what="stage", name=str(artifact), reason=error.message))
            return None

    def _steps(self, artifact: ArtifactName, log: list[Entry] | None) -> list[tuple[Planned, tuple[Displaced, ...]]]:
        """The versions that come to a stage, in the order of their times, and those that give way to them.

        A version that the log names already was moved here, and stays where it is.
        """
        if log is None:
            return []
        stages: dict[Version, str] = {}
        for entry in log:
            stages[entry.move.version] = entry.move.to_stage
            stages.update((item.version, item.to_stage) for item in entry.move.displaced)
        steps = []
        waiting = [item for item in self._plan.items if item.artifact == artifact and item.stage != DEVELOPMENT]
        for item in sorted(waiting, key=lambda item: (item.staged or "", str(item.version))):
            if item.version is None or item.version in stages:
                continue
            holders = [version for version, stage in stages.items() if stage == item.stage == PRODUCTION]
            displaced = tuple(Displaced(version=version, to_stage=GIVES_WAY_TO) for version in sorted(holders))
            stages.update((version, GIVES_WAY_TO) for version in holders)
            stages[item.version] = item.stage
            steps.append((item, displaced))
        return steps

    def _move(self, session: Session, artifact: ArtifactName, log: list[Entry] | None) -> None:
        """Appends to a stage log as it was when the import began: who moved a stage meanwhile has won its number."""
        number, prev = (len(log), log[-1].id) if log else (0, None)
        for item, displaced in self._steps(artifact, log):
            assert item.version is not None and item.staged is not None
            number += 1
            move = Move(
                artifact=artifact,
                version=item.version,
                from_stage=DEVELOPMENT,
                to_stage=item.stage,
                displaced=displaced,
                reason=f"imported: an old registry had it in {item.stage}, and kept neither who moved it nor why",
                who=self._options.author,
                when=item.staged,
                nonce=hash_bytes(f"{item.old_id} {item.stage} {item.staged}".encode("utf-8", "replace")).hex[
                    :_NONCE_DIGITS
                ],
                number=number,
                prev=prev,
            )
            link = session.put("move", move)
            session.settle()
            if session.apply(Transaction(refusable=(stage_ref(artifact, number), link))) is not None:
                raise LostImport(
                    f"somebody else moved a stage of {artifact} while the import ran", hint="run the import again"
                )
            prev = link.id
            self._tell(item, displaced)

    def _tell(self, item: Planned, displaced: tuple[Displaced, ...]) -> None:
        assert item.version is not None
        self.moves.append(
            ImportedMove(artifact=item.artifact, version=item.version, to_stage=item.stage, displaced=displaced)
        )
        for other in displaced:
            self._plan.notes.append(
                f"{item.artifact}:{other.version} was in {item.stage} beside {item.version}; "
                f"one version at a time is here, so it is in {other.to_stage}"
            )


def _is_lower(left: Planned, right: Planned) -> bool:
    return left.version is not None and right.version is not None and left.version < right.version
