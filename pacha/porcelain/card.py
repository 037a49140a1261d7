"""`pacha model|data|recipe card`: what is said of an artifact, read with its lineage, and edited as a new commit.

Editing makes a manifest with the same content after the head: the history of a card is the history of its artifact.
"""

from dataclasses import dataclass

from pacha.base.errors import Conflict, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.toml import write_toml
from pacha.objects.manifest import Manifest
from pacha.porcelain.commit import CommitOptions, Committed, NothingToCommit, record
from pacha.porcelain.draft_parents import name_of
from pacha.porcelain.workspace import Workspace
from pacha.registry.card_text import to_markdown, to_readme
from pacha.registry.cards import Card, Recipe, read_stored_card
from pacha.registry.recipe_file import to_toml
from pacha.worktree.drafts import Content, Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class CardShown:
    """A card as one commit has it, with the references that its lineage fills in."""

    artifact: ArtifactName
    manifest: ObjectId
    versions: tuple[str, ...]
    card: dict[str, object]


class NotTheHead(Conflict):
    """A card was to be edited in the middle of history."""


class StillStaged(Conflict):
    """A card was to be edited while other bytes are staged, whose commit would not know of it."""


def card_at(workspace: Workspace, id: ObjectId) -> Card:
    """The typed card of a manifest, references filled in from its parents. Errors: `BadCard`, `Absent`, `Corrupt`."""
    return card_of(workspace, workspace.catalog.manifest(id))


def card_of(workspace: Workspace, manifest: Manifest) -> Card:
    """The same for a manifest that was read. Errors: `BadCard`, `NoCard` for a run."""
    card = read_stored_card(manifest.artifact.kind, manifest.card, name=f"the card of {manifest.artifact}")
    return card.with_references(references_of(workspace, manifest))


def references_of(workspace: Workspace, manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """What a manifest's parents are called, by role."""
    found: dict[str, tuple[str, ...]] = {}
    for parent in manifest.parents:
        if parent.role != "previous":
            found[parent.role] = (*found.get(parent.role, ()), name_of(workspace, parent.manifest))
    return found


def show_card(workspace: Workspace, id: ObjectId) -> CardShown:
    """A card as data. Errors: as `card_at`."""
    manifest = workspace.catalog.manifest(id)
    return CardShown(
        artifact=manifest.artifact,
        manifest=id,
        versions=tuple(workspace.catalog.tagged(manifest.artifact).of(id)),
        card=full_card(workspace, manifest),
    )


def full_card(workspace: Workspace, manifest: Manifest) -> dict[str, object]:
    """The card's document with the references that its parents stand for; as it is stored, where it cannot be read."""
    try:
        references = card_of(workspace, manifest).references()
    except Usage:
        references = []
    document: dict[str, object] = dict(manifest.card)
    for reference in references:
        document[reference.field] = [*_texts(document.get(reference.field)), reference.text]
    return document


def _texts(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def card_text(workspace: Workspace, id: ObjectId, *, form: str) -> str:
    """A card as a text: `toml` for editing, `markdown` for reading, `readme` in the style of the Hugging Face Hub.

    Errors: `BadCard`, `NoCard`, and `Usage` where a kind has no such form.
    """
    manifest = workspace.catalog.manifest(id)
    card = card_of(workspace, manifest)
    if form == "toml":
        return to_toml(card) if isinstance(card, Recipe) else write_toml(card.plain())
    versions = workspace.catalog.tagged(manifest.artifact).of(id)
    version = versions[-1] if versions else None
    lineage = [f"{parent.role}: {name_of(workspace, parent.manifest)}" for parent in manifest.parents]
    if form == "markdown":
        return to_markdown(card, artifact=manifest.artifact, version=version, lineage=lineage)
    if isinstance(card, Recipe):
        raise Usage(
            f"{manifest.artifact} is a recipe, and its file says all of it",
            hint=f"`pacha recipe get {manifest.artifact.name} --export FILE` writes it",
        )
    return to_readme(card, artifact=manifest.artifact, version=version, lineage=lineage)


def edit_card(workspace: Workspace, id: ObjectId, options: CommitOptions) -> Committed:
    """Commits the same content with the card that `options.said` changes.

    Errors: `NotTheHead`, `StillStaged`, `NothingToCommit`, those of what is said.
    """
    manifest = workspace.catalog.manifest(id)
    _check_head(workspace, manifest.artifact, id)
    memory = workspace.memory(manifest.artifact)
    is_held = memory is not None and memory.manifest == id
    content = Content(
        tree=manifest.tree, digest=manifest.digest, size=manifest.size, shape=manifest.shape, files=manifest.files
    )
    draft = Draft(
        artifact=manifest.artifact, path=manifest.path, content=content, previous=(id,), facts=manifest.facts,
        facts_detail=manifest.facts_detail,
    )  # fmt: skip
    with workspace.session() as session, session.queue():
        # Somebody else may have edited it while this one waited: history stays one line.
        _check_head(workspace, manifest.artifact, id)
        if workspace.draft(manifest.artifact) is not None:
            raise StillStaged(
                f"{manifest.artifact} is staged, and its next commit has a card of its own",
                hint=f"say it of that: `pacha commit {manifest.artifact.name} -m …` takes the same flags; "
                f"or take it back first: `pacha reset {manifest.artifact.name}`",
                artifact=str(manifest.artifact),
            )
        try:
            return record(workspace, session, [draft], options, is_in_tree=is_held)[0]
        except NothingToCommit as error:
            raise NothingToCommit(
                f"the card of {manifest.artifact} says just that already",
                hint=f"`pacha {manifest.artifact.kind} card {manifest.artifact.name}:head` shows it",
            ) from error


def _check_head(workspace: Workspace, artifact: ArtifactName, id: ObjectId) -> None:
    if list(workspace.catalog.heads(artifact)) != [id]:
        raise NotTheHead(
            f"manifest:{id.short} is not the head of {artifact}, and what came after has a card of its own",
            hint=f"edit the head: `pacha {artifact.kind} card {artifact.name}:head …`",
        )
