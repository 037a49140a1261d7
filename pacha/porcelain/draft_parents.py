"""The parents of drafts: kept while they wait, put in order, and turned into manifests when they are committed.

A parent that was staged is known by its bytes: what has become of its draft since never changes what was said.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from pacha.base.errors import Conflict, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.ancestry import ancestors
from pacha.objects.manifest import Parent
from pacha.porcelain.observe import digest_of
from pacha.porcelain.workspace import Workspace
from pacha.worktree.drafts import Draft, DraftParent, StagedBytes


class Unstaged(Conflict):
    """A path was named as a parent, and what lies there is neither committed nor staged."""


class Circular(Usage):
    """Drafts name each other as parents."""


def combined(before: Sequence[DraftParent], said: Sequence[DraftParent]) -> tuple[DraftParent, ...]:
    """Parents with those of the newly said roles in the place of what these roles had before."""
    roles = {parent.role for parent in said}
    return (*(parent for parent in before if parent.role not in roles), *said)


def carried(parents: Iterable[Parent]) -> tuple[DraftParent, ...]:
    """A manifest's parents as a draft says them, without its history."""
    return tuple(
        DraftParent(role=parent.role, source=parent.manifest, attributes=parent.attributes)
        for parent in parents
        if parent.role != "previous"
    )


def in_order(drafts: Sequence[Draft]) -> list[Draft]:
    """Drafts such that each comes after those that it names as parents. Errors: `Circular`."""
    by_name = {draft.artifact: draft for draft in drafts}
    order: list[Draft] = []
    done: set[ArtifactName] = set()
    for draft in drafts:
        trail: list[ArtifactName] = []
        todo = [(draft.artifact, False)]
        while todo:
            name, is_left = todo.pop()
            if is_left:
                trail.pop()
                if name not in done:
                    done.add(name)
                    order.append(by_name[name])
                continue
            if name in done or name not in by_name:
                continue
            if name in trail:
                circle = " → ".join(str(item) for item in (*trail[trail.index(name) :], name))
                raise Circular(
                    f"these drafts would come from each other: {circle}",
                    hint="stage one of them again without its role",
                )
            trail.append(name)
            todo.append((name, True))
            todo.extend((source, False) for source in _draft_sources(by_name[name]))
    return order


def _draft_sources(draft: Draft) -> list[ArtifactName]:
    return [parent.source.artifact for parent in draft.parents or () if isinstance(parent.source, StagedBytes)]


def staged_in(drafts: Iterable[Draft]) -> dict[str, StagedBytes]:
    """What some drafts hold, by their paths."""
    return {draft.path: StagedBytes(draft.artifact, draft.content.digest) for draft in drafts if draft.path is not None}


def settled(workspace: Workspace, draft: Draft, made: Mapping[StagedBytes, ObjectId]) -> Draft:
    """A draft whose parents are all manifests: `made` are those of this commit, others were committed before.

    Errors: `Unstaged` where the very bytes that a parent was said to be are not committed.
    """
    if draft.parents is None:
        return draft
    parents: dict[tuple[str, ObjectId], DraftParent] = {}
    for parent in draft.parents:
        source = parent.source
        if isinstance(source, StagedBytes):
            source = made[source] if source in made else _committed(workspace, draft, source)
        parents[parent.role, source] = replace(parent, source=source)
    return replace(draft, parents=tuple(parents.values()))


def _committed(workspace: Workspace, draft: Draft, source: StagedBytes) -> ObjectId:
    """The commit that holds the bytes that were staged when they were named, whatever has become of them since."""
    catalog = workspace.catalog
    heads = catalog.heads(source.artifact)
    for id in (*heads, *ancestors(heads, catalog.previous)):
        if digest_of(workspace, id) == source.digest:
            return id
    staged = workspace.draft(source.artifact)
    if staged is not None and staged.content.digest == source.digest:
        raise Unstaged(
            f"{draft.artifact} comes from {source.artifact}, which is staged and not part of this commit",
            hint=f"commit both: `pacha commit {source.artifact.name} {draft.artifact.name} -m …`",
            artifact=str(source.artifact),
        )
    raise Unstaged(
        f"{draft.artifact} was said to come from bytes of {source.artifact} that were staged then and are not committed",
        hint=f"say anew where it comes from: `pacha add {draft.path or draft.artifact.name} …`",
        artifact=str(source.artifact),
    )


def flags_of(workspace: Workspace, parents: Iterable[Parent]) -> str:
    """The flags that would say these parents again, for a person to choose from."""
    words = []
    for parent in parents:
        if parent.role != "previous":
            attributes = "".join(f",{name}={value}" for name, value in parent.attributes.items())
            words.append(f"--{parent.role.replace('_', '-')} {name_of(workspace, parent.manifest)}{attributes}")
    return " ".join(words)


def name_of(workspace: Workspace, manifest: ObjectId) -> str:
    """What people call a manifest: `kind/name:version`, else its name pinned by its digits, else its link."""
    if not workspace.is_here(manifest):
        return f"manifest:{manifest.short}"
    artifact = workspace.catalog.manifest(manifest).artifact
    versions = workspace.catalog.tagged(artifact).of(manifest)
    return f"{artifact}:{versions[-1]}" if versions else f"manifest:{manifest.short}"
