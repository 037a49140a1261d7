"""Drafts become manifests: each after those that it names as parents, all queued, none visible yet (I1)."""

from collections.abc import Sequence
from dataclasses import dataclass

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.types import Link
from pacha.porcelain.draft_parents import flags_of, in_order, settled
from pacha.porcelain.said import MEASURED, with_measured
from pacha.porcelain.workspace import Workspace
from pacha.repo.session import Session
from pacha.worktree.drafts import Draft, StagedBytes


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Who commits, when and why."""

    author: str
    created: str
    message: str


def put_all(
    workspace: Workspace, session: Session, drafts: Sequence[Draft], about: About
) -> list[tuple[Draft, Link, Manifest]]:
    """Puts the manifests of some drafts, each after those that it names as parents; answers in the drafts' order."""
    made: dict[ArtifactName, tuple[Draft, Link, Manifest]] = {}
    ids: dict[StagedBytes, ObjectId] = {}
    for draft in in_order(drafts):
        ready = settled(workspace, draft, ids)
        manifest = _manifest(ready, about)
        link = session.put("manifest", manifest)
        ids[StagedBytes(draft.artifact, draft.content.digest)] = link.id
        made[draft.artifact] = (draft, link, manifest)
    return [made[draft.artifact] for draft in drafts]


def _manifest(draft: Draft, about: About) -> Manifest:
    content = draft.content
    parents = [Parent(role="previous", manifest=id, attributes={}) for id in draft.previous]
    for parent in draft.parents or ():
        assert isinstance(parent.source, ObjectId)
        parents.append(Parent(role=parent.role, manifest=parent.source, attributes=parent.attributes))
    return Manifest(
        artifact=draft.artifact,
        tree=content.tree,
        digest=content.digest,
        size=content.size,
        shape=content.shape,
        path=draft.path,
        files=content.files,
        parents=tuple(parents),
        card=with_measured(draft.card or {}, draft.measured),
        facts=draft.facts,
        facts_detail=draft.facts_detail,
        author=about.author,
        created=about.created,
        message=about.message,
        extra={},
    )


def unsaid(workspace: Workspace, manifest: Manifest) -> list[str]:
    """What the predecessor said of itself and this commit does not, with the flags that would say it again."""
    found = []
    for id in manifest.previous()[:1]:
        before = workspace.catalog.manifest(id)
        name = manifest.path or manifest.artifact.name
        had_roles = [parent for parent in before.parents if parent.role != "previous"]
        has_roles = any(parent.role != "previous" for parent in manifest.parents)
        if had_roles and not has_roles:
            found.append(
                f"the commit before said where it came from, and this one does not; if it still holds: "
                f"pacha commit {name} -m 'lineage' {flags_of(workspace, had_roles)}"
            )
        said = sorted(set(before.card) - set(MEASURED))
        is_own = manifest.artifact.kind == "recipe"
        if said and not is_own and not set(manifest.card) - set(MEASURED):
            found.append(
                f"the commit before had a card ({', '.join(said[:6])}), and this one has none; to take it over: "
                f"pacha commit {name} -m 'card' --card manifest:{id.short}"
            )
    return found
