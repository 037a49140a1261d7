"""From paths to drafts: scan, store, measure, and put to it what a person says. Moves no ref and stages nothing."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pacha.base.canonical import encode_compact
from pacha.base.errors import Absent, Conflict, Corrupt, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.manifest import Manifest
from pacha.porcelain.captured import capture_environment
from pacha.porcelain.declared import check_declared, declared_schema
from pacha.porcelain.draft_parents import staged_in
from pacha.porcelain.facts import Measured, Unknown, fitting, measure_files
from pacha.porcelain.infer import infer
from pacha.porcelain.nearest import guide_for
from pacha.porcelain.observe import committed_as, digest_of, is_at_head
from pacha.porcelain.said import (
    Said,
    beginning,
    card_in_files,
    describe,
    read_said_card,
    sources_of,
    target_of,
)
from pacha.porcelain.workspace import Known, Workspace
from pacha.registry.catalog import SeveralArtifacts
from pacha.repo.session import Session
from pacha.store.packwriter import PackWriter
from pacha.worktree.drafts import Draft, StagedBytes
from pacha.worktree.ingest import Ingest
from pacha.worktree.scan import Scan, scan
from pacha.worktree.storing import known_content, store


class Behind(Conflict):
    """The bytes are an older version: committing them would undo what came after."""


class RecipeIsItsFile(Usage):
    """A recipe was to say something that its file does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """What a person says of what is added. `bases` are commits that its bytes are first held against when stored."""

    kind: str | None = None
    name: str | None = None
    force: bool = False
    dereference: bool = False
    bases: tuple[ObjectId, ...] = ()
    said: Said = field(default_factory=Said)


@dataclass(slots=True)
class Job:
    """One path to be stored. `path` is None where it lies outside the work tree; `notes` are for the person."""

    path: str | None
    artifact: ArtifactName
    known: Known | None
    there: Scan
    notes: list[str] = field(default_factory=list)


def job_for(workspace: Workspace, path: str, options: AddOptions, known: Known | None = None) -> Job:
    """Looks at a path of the work tree and says which artifact it is, unless that is known.

    Errors: `NoSuchPath`, `CannotInfer`, `Usage`, `SeveralArtifacts`.
    """
    known = known or _known_at(workspace, path, options)
    there = scan(workspace.full(path), shown=path, dereference=options.dereference)
    if known is not None and _is_meant(known.artifact, options):
        return Job(path, known.artifact, known, there)
    project = os.path.basename(workspace.repository.work_tree)
    artifact = infer(path, there, kind=options.kind, name=options.name, project=project)
    other = workspace.known_artifact(artifact)
    notes = []
    if other is not None and other.path != path:
        if os.path.lexists(workspace.full(other.path)) and not options.name:
            raise Usage(
                f"{artifact} is {other.path} already, and {path} would be the same",
                hint=f"give it another name: `pacha add {path} --name NAME`; or move it: `pacha add {path} --name {artifact.name}`",
            )
        notes.append(f"{artifact} was at {other.path} and is at {path} now")
    if known is not None:
        notes.append(f"{path} is {known.artifact} too; give one of them a path of its own")
    return Job(path, artifact, other, there, notes)


def _known_at(workspace: Workspace, path: str, options: AddOptions) -> Known | None:
    """The artifact of a path that the options mean, or another that lives there."""
    here = workspace.known_at.get(path, ())
    meant = [known for known in here if _is_meant(known.artifact, options)]
    staged = [known for known in meant if known.draft is not None]
    if len(meant) > 1 and len(staged) != 1:
        names = tuple(str(known.artifact) for known in meant)
        raise SeveralArtifacts(
            f"{path} is {' and '.join(names)}", candidates=names, hint="say which with --kind or --name", path=path
        )
    return next(iter([*staged, *meant, *here]), None)


def _is_meant(artifact: ArtifactName, options: AddOptions) -> bool:
    return options.kind in (None, artifact.kind) and options.name in (None, artifact.name)


def job_outside(full: str, artifact: ArtifactName, *, dereference: bool) -> Job:
    """Looks at a file or folder outside the work tree, which the artifact will not be tied to. Errors: `NoSuchPath`."""
    return Job(None, artifact, None, scan(full, shown=full, dereference=dereference))


def check_distinct(jobs: Sequence[Job]) -> None:
    """Refuses two paths that would be the same artifact. Errors: `Usage`."""
    seen: dict[ArtifactName, str | None] = {}
    for job in jobs:
        other = seen.setdefault(job.artifact, job.path)
        if other != job.path:
            raise Usage(
                f"{other} and {job.path} would both be {job.artifact}",
                hint=f"add them one by one, each with --name: `pacha add {job.path} --name NAME`",
            )


def make_drafts(workspace: Workspace, session: Session, jobs: Sequence[Job], options: AddOptions) -> list[Draft]:
    """Stores the bytes of all jobs in one pack and returns their drafts. The bytes are durable when it returns.

    Errors: `Behind`, `ChangedWhileRead`, `MachineFailed`, and those of what was said.
    """
    repository = workspace.repository
    bases = [_base(workspace, job) for job in jobs]
    with session.pack_writer() as writer:
        seen, drafts = [], []
        for job, base in zip(jobs, bases, strict=True):
            before, unknown = writer.stored_bytes, Unknown()
            content = known_content(repository.root, writer, job.artifact, job.there) if job.path is not None else None
            if content is None:
                guide = guide_for(workspace, job.there.files, (*options.bases, *base), options.said)
                guide = replace(guide, look=unknown.look)
                reader = Ingest(writer, workers=repository.jobs, progress=repository.progress, guide=guide)
                stored = store(repository.root, reader, job.artifact, job.there)
                seen.append((job, stored))
                content = stored.content
            if not options.force:
                _check_not_behind(workspace, job, content.digest)
            draft = Draft(artifact=job.artifact, path=job.path, content=content, previous=base)
            draft = _measured(workspace, writer, job, draft, unknown, is_said=options.said.is_any)
            drafts.append(replace(draft, new_bytes=_cost(workspace, draft, writer.stored_bytes - before)))
        drafts = _described(workspace, jobs, drafts, options.said)
        receipt = writer.close()
    for job, stored in seen:
        if job.path is not None:
            stored.remember(repository.root, receipt)
    return drafts


def _cost(workspace: Workspace, draft: Draft, new_bytes: int) -> int:
    """What the bytes of a draft cost: what staging them stored, the time before counted where it stored them."""
    old = workspace.draft(draft.artifact)
    if old is None or old.content.digest != draft.content.digest:
        return new_bytes
    return max(new_bytes, old.new_bytes)


def _base(workspace: Workspace, job: Job) -> tuple[ObjectId, ...]:
    if job.path is None:
        head = workspace.catalog.head(job.artifact)
        return () if head is None else (head,)
    base, note = workspace.base_of(job.artifact)
    if note is not None:
        job.notes.append(note)
    return base


def _measured(
    workspace: Workspace, writer: PackWriter, job: Job, draft: Draft, unknown: Unknown, *, is_said: bool
) -> Draft:
    """A draft with what a machine finds in its bytes; what was found before is not looked for again.

    Nor is what was committed without anything found, unless something `is_said` of it: else nothing new is committed.
    """
    digest = draft.content.digest
    same = same_bytes(workspace, draft.previous, digest)
    if same is not None and (same.facts or not is_said):
        return replace(draft, facts=same.facts, facts_detail=same.facts_detail)
    old = workspace.draft(job.artifact)
    if old is not None and old.content.digest == digest and old.facts:
        return replace(draft, facts=old.facts, facts_detail=old.facts_detail, measured=old.measured)
    if job.artifact.kind == "recipe":
        found = _captured(workspace, job)
    else:
        found = measure_files(job.there, job.artifact.kind, unknown=unknown.paths)
    job.notes.extend(found.notes)
    detail = None if found.detail is None else writer.add("blob", found.detail)
    return replace(draft, facts=found.facts, facts_detail=detail, measured=found.card)


def _captured(workspace: Workspace, job: Job) -> Measured:
    """The environment in which a recipe is committed: what another machine must have to repeat it."""
    file = job.there.files[0].full
    top = workspace.repository.work_tree if job.path is not None else os.path.dirname(file)
    captured = capture_environment(workspace.repository.environment, folder=os.path.dirname(file), top=top)
    facts = {"format": "recipe", "environment": captured.captured_summary()}
    return Measured(facts=fitting(facts), detail=encode_compact({"environment": captured.captured_document()}))


def same_bytes(workspace: Workspace, base: Sequence[ObjectId], digest: ObjectId) -> Manifest | None:
    """The manifest that a draft comes after, if it holds the same bytes: what was said of them still holds."""
    for id in base:
        try:
            manifest = workspace.catalog.manifest(id)
        except (Absent, Corrupt):
            continue
        if manifest.digest == digest:
            return manifest
    return None


def _described(workspace: Workspace, jobs: Sequence[Job], drafts: Sequence[Draft], said: Said) -> list[Draft]:
    """Puts to the drafts what was said of the same bytes, what their files say, and what is said now."""
    staged = staged_in(drafts)
    found = [_with_own(workspace, job, draft, staged) for job, draft in zip(jobs, drafts, strict=True)]
    found = say(workspace, found, said, staged=staged)
    for job, draft in zip(jobs, found, strict=True):
        schema = declared_schema(draft.card or {}) if draft.artifact.kind == "data" else None
        if schema is not None:
            check_declared(job.there, schema)
    return found


def _with_own(workspace: Workspace, job: Job, draft: Draft, staged: Mapping[str, StagedBytes]) -> Draft:
    same = same_bytes(workspace, draft.previous, draft.content.digest)
    old = workspace.draft(draft.artifact)
    if old is not None and old.content.digest == draft.content.digest:
        draft = replace(draft, card=old.card, parents=old.parents)
    elif old is not None and (old.card or old.parents) and same is None:
        job.notes.append(f"what was said of the bytes staged before does not hold for these: {job.path}; say it again")
    if draft.card is not None or same is not None:
        return beginning(same, draft)
    own, notes = card_in_files(job.there, draft.artifact.kind)
    job.notes.extend(notes)
    if own is None:
        return draft
    return describe(workspace, draft, Said(start=workspace.repository.work_tree), card=own, staged=staged)


def say(workspace: Workspace, drafts: Sequence[Draft], said: Said, *, staged: Mapping[str, StagedBytes]) -> list[Draft]:
    """Drafts with what is said now of the one that it is about. Errors: `NotOneArtifact`, and those of `describe`."""
    if not said.is_any:
        return list(drafts)
    sources = sources_of(workspace, said, staged)
    at = target_of(drafts, said, sources)
    kind = drafts[at].artifact.kind
    if kind == "recipe" and said.is_of_card:
        raise RecipeIsItsFile(
            f"the card of {drafts[at].artifact} is its file, and says nothing else",
            hint=f"edit {drafts[at].path or 'the file'} and add it again",
        )
    card = said.value if said.card is None else read_said_card(workspace, said.card, kind, start=said.start)
    told = describe(workspace, drafts[at], said, card=card, sources=sources, staged=staged)
    return [*drafts[:at], told, *drafts[at + 1 :]]


def _check_not_behind(workspace: Workspace, job: Job, digest: ObjectId) -> None:
    """Refuses bytes that are an older version, unless they are what the base holds anyway."""
    if job.known is None or job.known.draft is not None or is_at_head(job.known):
        return
    heads = {digest_of(workspace, head) for head in job.known.heads}
    if digest in heads:
        return
    older = committed_as(workspace, job.known, digest)
    is_held = job.known.memory is not None and job.known.memory.digest == digest
    if older is None and not is_held:
        return
    name = f"manifest:{older.short}" if older is not None else "a version of another branch"
    raise Behind(
        f"{job.path}: holds {name}, and the head of {job.artifact} has moved on",
        hint=f"`pacha checkout {job.path}` brings the head; --force stages the old bytes as the next version",
        path=job.path,
    )
