"""`pacha commit`: turns drafts into manifests and moves the heads, all of them or none.

Order (I1, I2): manifests durable, then one journal line with every ref, draft and memory, then the version if one was
asked for, then the heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pacha.base.errors import Conflict, Negative, NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.add import ignore_paths
from pacha.porcelain.draft_parents import staged_in
from pacha.porcelain.drafting import AddOptions, Job, check_distinct, job_for, make_drafts, same_bytes, say
from pacha.porcelain.manifests import About, put_all, unsaid
from pacha.porcelain.said import Said, adds_to, beginning
from pacha.porcelain.tag import check_free, describe_taken, version_for
from pacha.porcelain.versioning import check_fits
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
    said: Said = field(default_factory=Said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """One new manifest. `notes` are lines that the person should read."""

    artifact: ArtifactName
    manifest: ObjectId
    previous: tuple[ObjectId, ...]
    digest: ObjectId
    size: int
    new_bytes: int
    path: str | None
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
    jobs = [job_for(workspace, path, AddOptions()) for path in dict.fromkeys(paths)]
    return commit_jobs(workspace, jobs, options, AddOptions(said=options.said))


def commit_jobs(
    workspace: Workspace, jobs: Sequence[Job], options: CommitOptions, adding: AddOptions
) -> list[Committed]:
    """Stores what some jobs found and commits it, in one go. Errors: those of `add` and `commit`."""
    _check_message(options.message)
    check_distinct(jobs)
    with workspace.session() as session:
        drafts = make_drafts(workspace, session, jobs, adding)
        with session.queue():
            drafts = [_after_others(workspace, draft) for draft in drafts]
            made = record(workspace, session, drafts, replace(options, said=Said()))
        session.maintain_packs()
    paths = [draft.path for draft in drafts if draft.artifact.kind != "recipe" and draft.path is not None]
    notes = tuple(note for job in jobs for note in job.notes)
    ignore_paths(workspace, paths)
    return [replace(item, notes=(*notes, *item.notes)) for item in made[:1]] + made[1:]


def _after_others(workspace: Workspace, draft: Draft) -> Draft:
    """A draft that comes after what others committed of it while its bytes were read: history stays one line."""
    if draft.path is not None:
        base, _ = workspace.base_of(draft.artifact)
    else:
        head = workspace.catalog.head(draft.artifact)
        base = () if head is None else (head,)
    return replace(draft, previous=base)


def record(
    workspace: Workspace,
    session: Session,
    drafts: Sequence[Draft],
    options: CommitOptions,
    *,
    is_in_tree: bool = True,
) -> list[Committed]:
    """Commits some drafts within a session that is open. Errors: as `commit`.

    `is_in_tree` tells whether their paths hold these bytes: what the paths were known to hold stays, where not.
    """
    notes: dict[ArtifactName, list[str]] = {draft.artifact: [] for draft in drafts}
    drafts = [_rebased(workspace, draft, notes) for draft in drafts]
    staged = staged_in(drafts)
    drafts = [beginning(same_bytes(workspace, draft.previous, draft.content.digest), draft) for draft in drafts]
    drafts = say(workspace, drafts, options.said, staged=staged)
    changed = [draft for draft in drafts if not _is_same(workspace, draft)]
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
    about = About(author=options.author, created=options.date, message=options.message)
    made = put_all(workspace, session, changed, about)
    for draft, _, manifest in made:
        notes[draft.artifact].extend(unsaid(workspace, manifest))
    version = refusable = None
    if options.bump is not None:
        draft, link, manifest = made[0]
        version = next_version(workspace, draft.artifact, options.bump, manifest)
        refusable = _put_version(session, draft.artifact, version, link.id)
    session.settle()
    moved = [(draft, link) for draft, link, _ in made]
    present = session.apply(_transaction(workspace, moved, refusable, is_in_tree=is_in_tree))
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
            notes=tuple(notes[draft.artifact]),
        )
        for draft, link, _ in made
    ]


def _rebased(workspace: Workspace, draft: Draft, notes: dict[ArtifactName, list[str]]) -> Draft:
    """A draft that comes after what this checkout has: after `git switch`, its base may be gone. Errors: `Ambiguous`."""
    if all(workspace.is_here(id) for id in draft.previous):
        return draft
    base, _ = workspace.base_of(draft.artifact)
    notes[draft.artifact].append(
        f"{draft.path} was staged after manifest:{draft.previous[0].short}, which is not in this checkout; "
        "the commit comes after this checkout's head"
    )
    return replace(draft, previous=base)


def next_version(workspace: Workspace, artifact: ArtifactName, bump: str, manifest: Manifest) -> Version:
    """The version that `--tag` asks for, which must be free and fit what changed.

    Errors: `BadVersion`, `ExistingVersion`, `LyingVersion`.
    """
    version = version_for(workspace, artifact, bump, manifest)
    check_free(workspace, artifact, version, None)
    check_fits(workspace, version, manifest)
    return version


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


def _is_same(workspace: Workspace, draft: Draft) -> bool:
    """Equal tree, card and parents other than `previous`: nothing to commit."""
    heads = workspace.catalog.heads(draft.artifact)
    if len(heads) != 1 or draft.previous not in ((), (heads[0],)):
        return False
    manifest = workspace.catalog.manifest(heads[0])
    return manifest.digest == draft.content.digest and not adds_to(manifest, draft)


def _put_version(
    session: Session, artifact: ArtifactName, version: Version, manifest: ObjectId
) -> tuple[RefName, Link]:
    link = session.put("tag", Tag(artifact=artifact, version=version, manifest=manifest, extra={}))
    return version_ref(artifact, version), link


def _transaction(
    workspace: Workspace,
    made: Sequence[tuple[Draft, Link]],
    refusable: tuple[RefName, Link] | None,
    *,
    is_in_tree: bool,
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
        old = repository.read_state(draft_path)
        if old is not None:
            state.append(StateChange(path=draft_path, old=old, new=None))
        if draft.path is None or not is_in_tree:
            continue
        memory = Memory(artifact=draft.artifact, path=draft.path, manifest=link.id, digest=draft.content.digest)
        state.append(StateChange(path=memory_path, old=repository.read_state(memory_path), new=encode_memory(memory)))
    return Transaction(refusable=refusable, create=tuple(create), remove=tuple(remove), state=tuple(state))


def _check_message(message: str) -> None:
    if len(message.encode("utf-8", "surrogatepass")) > MESSAGE_BYTES_MAX:
        raise Usage(f"a message has at most {MESSAGE_BYTES_MAX} bytes", hint="put longer texts into the card")
