"""`pacha commit`: turns drafts into manifests and moves the heads, all of them or none.

Order (I1, I2): manifests durable, then one journal line with every ref, draft and memory, then the version if one was
asked for, then the heads.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pacha.base.errors import Conflict, Negative, NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.add import AddOptions, draft_paths, ignore_paths
from pacha.porcelain.tag import check_free, describe_taken
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName, head_ref, heads_folder, version_ref
from pacha.refs.transaction import StateChange, Transaction
from pacha.repo.session import Session
from pacha.worktree.drafts import Draft, Memory, draft_file, encode_memory, memory_file

#: A message is read in lists and on pull requests; a document belongs into the card.
MESSAGE_BYTES_MAX = 16 << 10


class NothingToCommit(Negative):
    """There are no drafts, or none that differs from what is committed."""


class LostRace(Conflict):
    """Somebody else published the version first; nothing was moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitOptions:
    """What a person says of a commit. `bump` is a version, or major, minor or patch."""

    message: str
    author: str
    date: str
    bump: str | None = None
    only: tuple[ArtifactName, ...] = ()
    card: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """One new manifest. `notes` are lines that the person should read."""

    artifact: ArtifactName
    manifest: ObjectId
    previous: tuple[ObjectId, ...]
    digest: ObjectId
    size: int
    new_bytes: int
    path: str
    version: Version | None = None
    notes: tuple[str, ...] = ()


def commit(workspace: Workspace, options: CommitOptions) -> list[Committed]:
    """Commits the drafts, or those of `options.only`.

    Errors: `NothingToCommit`, `ExistingVersion`, `LostRace`, `Usage` for a version with several drafts.
    """
    _check_message(options.message)
    with workspace.session() as session, session.queue():
        drafts = _chosen(workspace, options)
        return record(workspace, session, drafts, options)


def commit_paths(workspace: Workspace, paths: Sequence[str], options: CommitOptions) -> list[Committed]:
    """Adds paths and commits them, in one go: nothing is staged in between.

    Errors: those of `add` and `commit`.
    """
    _check_message(options.message)
    with workspace.session() as session:
        drafts = draft_paths(workspace, session, paths, AddOptions())
        with session.queue():
            made = record(workspace, session, drafts, options)
        session.maintain_packs()
    ignore_paths(workspace, [draft for draft in drafts if draft.artifact.kind != "recipe"])
    return made


def record(workspace: Workspace, session: Session, drafts: Sequence[Draft], options: CommitOptions) -> list[Committed]:
    """Commits some drafts within a session that is open. Errors: as `commit`."""
    notes: dict[ArtifactName, str] = {}
    drafts = [_rebased(workspace, draft, notes) for draft in drafts]
    changed = [draft for draft in drafts if not _is_same(workspace, draft, options)]
    if not changed:
        raise NothingToCommit(
            "nothing to commit: the drafts are what is committed already",
            hint="change a tracked file and `pacha add` it; `pacha status` shows what is known",
        )
    if options.bump is not None and len(changed) > 1:
        raise Usage(
            f"--tag names one artifact, and {len(changed)} are staged: "
            + ", ".join(str(draft.artifact) for draft in changed),
            hint="commit them first, then `pacha tag NAME VERSION` each; or name one: `pacha commit NAME --tag …`",
        )
    version = None if options.bump is None else next_version(workspace, changed[0].artifact, options.bump)
    made = [(draft, _put_manifest(session, draft, options)) for draft in changed]
    refusable = None
    if version is not None:
        refusable = _put_version(workspace, session, changed[0].artifact, version, made[0][1].id)
    session.settle()
    present = session.apply(_transaction(workspace, made, refusable))
    if present is not None:
        assert version is not None
        raise LostRace(
            describe_taken(workspace, changed[0].artifact, version, present),
            hint="nothing was moved; commit again with another version",
        )
    return [
        Committed(
            artifact=draft.artifact,
            manifest=link.id,
            previous=draft.previous,
            digest=draft.content.digest,
            size=draft.content.size,
            new_bytes=draft.new_bytes,
            path=draft.path,
            version=version,
            notes=(notes[draft.artifact],) if draft.artifact in notes else (),
        )
        for draft, link in made
    ]


def _rebased(workspace: Workspace, draft: Draft, notes: dict[ArtifactName, str]) -> Draft:
    """A draft that comes after what this checkout has: after `git switch`, its base may be gone. Errors: `Ambiguous`."""
    if all(workspace.is_here(id) for id in draft.previous):
        return draft
    base, _ = workspace.base_of(draft.artifact)
    notes[draft.artifact] = (
        f"{draft.path} was staged after manifest:{draft.previous[0].short}, which is not in this checkout; "
        "the commit comes after this checkout's head"
    )
    return replace(draft, previous=base)


def next_version(workspace: Workspace, artifact: ArtifactName, bump: str) -> Version:
    """The version that `--tag` asks for, which must be free. Errors: `BadVersion`, `ExistingVersion`."""
    version = version_for(workspace, artifact, bump)
    check_free(workspace, artifact, version, None)
    return version


def version_for(workspace: Workspace, artifact: ArtifactName, bump: str) -> Version:
    """A version that was written out, or the latest with a part raised. Errors: `BadVersion`.

    The latest counts though it be yanked: its name stays taken.
    """
    if bump in ("major", "minor", "patch"):
        latest = workspace.catalog.tagged(artifact).latest()
        version = Version.parse("0.1.0" if bump != "major" else "1.0.0")
        if latest is not None:
            version = latest.version.bump(bump)
        return version
    return Version.parse(bump)


def _chosen(workspace: Workspace, options: CommitOptions) -> list[Draft]:
    drafts = workspace.drafts()
    if not options.only:
        if not drafts:
            raise NothingToCommit("nothing to commit: nothing is staged", hint="stage files first: `pacha add PATH`")
        return drafts
    chosen = [draft for draft in drafts if draft.artifact in options.only]
    missing = set(options.only) - {draft.artifact for draft in chosen}
    if missing:
        names = ", ".join(sorted(str(artifact) for artifact in missing))
        raise NotFound(f"nothing is staged for {names}", hint="stage it first: `pacha add PATH`")
    return chosen


def _is_same(workspace: Workspace, draft: Draft, options: CommitOptions) -> bool:
    """Equal tree, card and parents other than `previous`: nothing to commit."""
    heads = workspace.catalog.heads(draft.artifact)
    if len(heads) != 1 or draft.previous not in ((), (heads[0],)):
        return False
    manifest = workspace.catalog.manifest(heads[0])
    roles = [parent for parent in manifest.parents if parent.role != "previous"]
    card = {**draft.card, **options.card}
    return manifest.digest == draft.content.digest and not roles and (not card or card == manifest.card)


def _put_manifest(session: Session, draft: Draft, options: CommitOptions) -> Link:
    content = draft.content
    manifest = Manifest(
        artifact=draft.artifact,
        tree=content.tree,
        digest=content.digest,
        size=content.size,
        shape=content.shape,
        path=draft.path,
        files=content.files,
        parents=tuple(Parent(role="previous", manifest=id, attributes={}) for id in draft.previous),
        card={**draft.card, **options.card},
        facts={},
        facts_detail=None,
        author=options.author,
        created=options.date,
        message=options.message,
        extra={},
    )
    return session.put("manifest", manifest)


def _put_version(
    workspace: Workspace, session: Session, artifact: ArtifactName, version: Version, manifest: ObjectId
) -> tuple[RefName, Link]:
    link = session.put("tag", Tag(artifact=artifact, version=version, manifest=manifest, extra={}))
    return version_ref(artifact, version), link


def _transaction(
    workspace: Workspace, made: Sequence[tuple[Draft, Link]], refusable: tuple[RefName, Link] | None
) -> Transaction:
    repository = workspace.repository
    create: list[tuple[RefName, Link]] = []
    remove: list[RefName] = []
    state: list[StateChange] = []
    for draft, link in made:
        create.append((head_ref(draft.artifact, link.id), link))
        superseded = {head_ref(draft.artifact, id) for id in draft.previous}
        remove.extend(name for name in repository.refs.names(heads_folder(draft.artifact)) if name in superseded)
        draft_path, memory_path = draft_file(draft.artifact), memory_file(draft.artifact)
        memory = Memory(artifact=draft.artifact, path=draft.path, manifest=link.id, digest=draft.content.digest)
        old = repository.read_state(draft_path)
        if old is not None:
            state.append(StateChange(path=draft_path, old=old, new=None))
        state.append(StateChange(path=memory_path, old=repository.read_state(memory_path), new=encode_memory(memory)))
    return Transaction(refusable=refusable, create=tuple(create), remove=tuple(remove), state=tuple(state))


def _check_message(message: str) -> None:
    if len(message.encode("utf-8", "surrogatepass")) > MESSAGE_BYTES_MAX:
        raise Usage(f"a message has at most {MESSAGE_BYTES_MAX} bytes", hint="put longer texts into the card")
