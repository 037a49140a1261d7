"""What a push may move, by the rules: heads join, a version is what it was, a stage log only grows. Moves nothing.

Heads that a local head supersedes are taken away. A head of the remote that is not known here stays: then there are
several, and whoever merges them settles it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pacha.base.errors import Conflict
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.tag import Tag
from pacha.objects.types import Link
from pacha.porcelain.versioning import precedence
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName, head_ref, heads_folder, stages_folder, versions_folder
from pacha.remotes.entries import BODY_BYTES_MAX, Update
from pacha.remotes.state import State

ATTESTATIONS = "refs/attestations"


class PushRefused(Conflict):
    """The remote says something else of a version or a stage log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOptions:
    """Which refs go, and how much with them. No `artifacts` means all; `with_lineage` brings the bytes of ancestors.

    `check` looks whether the remote still has all that it lists, `read_data` reads every byte there to see it.
    """

    artifacts: tuple[ArtifactName, ...] = ()
    stages: bool = True
    with_lineage: bool = False
    check: bool = False
    read_data: bool = False


@dataclass(slots=True, kw_only=True)
class Planned:
    """The refs that a push moves, and the manifest of each whose bytes must be there; ancestors whose bytes are to go too;
    heads that only the remote knows."""

    updates: list[Update] = field(default_factory=list)
    manifests: dict[RefName, Link] = field(default_factory=dict)
    ancestors: list[Link] = field(default_factory=list)
    unknown_heads: list[Link] = field(default_factory=list)


def plan_refs(workspace: Workspace, state: State, options: PushOptions) -> Planned:
    """Compares the refs here with those of a remote. Errors: `PushRefused`, naming every disagreement."""
    planned = Planned()
    refused: list[str] = []
    for artifact in options.artifacts or tuple(workspace.catalog.artifacts()):
        _heads(workspace, state, artifact, planned)
        refused.extend(_versions(workspace, state, artifact, planned))
        if options.stages:
            refused.extend(_stages(workspace, state, artifact, planned))
    _attestations(workspace, state, planned, only=bool(options.artifacts))
    if refused:
        raise PushRefused(
            "; ".join(refused),
            hint="see both with `pacha fetch` and `pacha ls-remote`; another version number, or `pacha resolve`, settles it",
            refused=refused,
        )
    if options.with_lineage:
        _add_lineage(workspace, planned, options)
    return planned


def _heads(workspace: Workspace, state: State, artifact: ArtifactName, planned: Planned) -> None:
    catalog = workspace.catalog
    theirs = {ref: held.link for ref, held in state.refs.items() if ref.folder == heads_folder(artifact)}
    mine = catalog.heads(artifact)
    older = _superseded(workspace, mine, [link.id for link in theirs.values()])
    for id in mine:
        ref, link = head_ref(artifact, id), Link("manifest", id)
        if ref not in theirs and id not in older:
            planned.updates.append(Update(ref=ref, new=link))
            planned.manifests[ref] = link
    for ref, link in theirs.items():
        if link.id in older:
            planned.updates.append(Update(ref=ref, old=link))
        elif link.id not in mine and not workspace.repository.objects.has(link):
            planned.unknown_heads.append(link)


def _superseded(workspace: Workspace, mine: Sequence[ObjectId], theirs: Sequence[ObjectId]) -> set[ObjectId]:
    """Those of two sets of heads that are ancestors of one in either, as far as is known here."""
    heads = {*mine, *theirs}
    if len(heads) < 2 or set(theirs) == set(mine):
        return set()
    return heads - workspace.catalog.newest(heads)


def _versions(workspace: Workspace, state: State, artifact: ArtifactName, planned: Planned) -> Iterator[str]:
    folder = versions_folder(artifact)
    mine = _refs_in(workspace, folder)
    new = [ref.last for ref, _ in mine if state.link(ref) is None]
    taken = {precedence(ref.last): ref.last for ref in state.refs if ref.folder == folder} if new else {}
    for version in new:
        equal = taken.setdefault(precedence(version), version)
        if equal != version:
            yield f"{artifact.name}:{version} equals {artifact.name}:{equal} in precedence, and that is there"
    for ref, link in mine:
        present = state.link(ref)
        if present is None:
            planned.updates.append(_with_body(workspace, ref, link))
            planned.manifests[ref] = _named_by(workspace, link)
        elif present != link:
            yield f"{artifact.name}:{ref.last} is another there ({present.id.short}, here {link.id.short})"


def _stages(workspace: Workspace, state: State, artifact: ArtifactName, planned: Planned) -> Iterator[str]:
    mine = dict(_refs_in(workspace, stages_folder(artifact)))
    for ref, link in mine.items():
        present = state.link(ref)
        if present is None:
            planned.updates.append(_with_body(workspace, ref, link))
        elif present != link:
            yield f"the stage log of {artifact.name} has another move {int(ref.last)} there"
            return
    theirs = [ref for ref in state.refs if ref.folder == stages_folder(artifact) and ref not in mine]
    if mine and theirs and min(theirs) < max(mine):
        yield f"the stage log of {artifact.name} has moves there that are not here"


def _attestations(workspace: Workspace, state: State, planned: Planned, *, only: bool) -> None:
    """What is said of objects goes along; with chosen artifacts, what is said of those that move."""
    subjects = {update.new.id.hex for update in planned.updates if update.new is not None}
    for folder in workspace.repository.refs.folders(ATTESTATIONS):
        if only and folder not in subjects:
            continue
        for ref, link in _refs_in(workspace, f"{ATTESTATIONS}/{folder}"):
            if state.link(ref) is None:
                planned.updates.append(Update(ref=ref, new=link))


def _add_lineage(workspace: Workspace, planned: Planned, options: PushOptions) -> None:
    """Every ancestor, of what is there already too: an earlier push may have gone without them."""
    catalog = workspace.catalog
    seen = set(planned.manifests.values())
    todo = list(seen)
    for artifact in options.artifacts or tuple(catalog.artifacts()):
        ids = [*catalog.heads(artifact), *(tagged.manifest for tagged in catalog.tagged(artifact))]
        found = dict.fromkeys(Link("manifest", id) for id in ids)
        planned.ancestors.extend(link for link in found if link not in seen)
        todo.extend(link for link in found if link not in seen)
        seen.update(found)
    while todo:
        for parent in workspace.catalog.manifest(todo.pop().id).parents:
            link = Link("manifest", parent.manifest)
            if link not in seen:
                seen.add(link)
                planned.ancestors.append(link)
                todo.append(link)


def _refs_in(workspace: Workspace, folder: str) -> Iterable[tuple[RefName, Link]]:
    return workspace.repository.refs.read_all(folder)


def _with_body(workspace: Workspace, ref: RefName, link: Link) -> Update:
    data = workspace.repository.objects.read(link)
    return Update(ref=ref, new=link, body=data if len(data) <= BODY_BYTES_MAX else None)


def _named_by(workspace: Workspace, tag: Link) -> Link:
    value = workspace.repository.objects.load(tag)
    assert isinstance(value, Tag)
    return Link("manifest", value.manifest)
