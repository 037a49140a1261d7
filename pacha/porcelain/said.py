"""What a person says of an artifact: its card and where it comes from, by flags, a file, or another commit's card.

What was said holds for the bytes it was said of. A commit of other bytes begins with nothing said; it tells what its
predecessor said and never takes it over unasked.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pacha.base.errors import NotFound, Usage
from pacha.base.files import naming
from pacha.base.names import ArtifactName
from pacha.objects.manifest import Manifest
from pacha.porcelain.roles import BadRole, RoleSaid, carried, combined, resolve_roles
from pacha.porcelain.workspace import Workspace
from pacha.registry.card_file import CARD_BYTES_MAX, is_card_file, read_card
from pacha.registry.cards import ROLE_OF_FIELD, Card, card_of, carry_over, set_field, unset_field
from pacha.registry.recipe import read_recipe
from pacha.registry.resolve import LATEST
from pacha.worktree.drafts import Draft, DraftParent
from pacha.worktree.scan import FoundFile, Scan

#: The members of a card that follow from the bytes: a card file neither sets nor removes what was measured.
MEASURED = ("features", "instance_count")


class NotOneArtifact(Usage):
    """Something was said, and it is not plain of which of several artifacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """`card` is a file or the reference of a commit; `fields` are members of the card as typed, `metrics.auc`, `0.93`.

    `value` is a whole card, `unset` names members to take out. `start` is the folder that paths are relative to.
    """

    roles: tuple[RoleSaid, ...] = ()
    card: str | None = None
    value: Card | None = None
    fields: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()
    start: str = "."

    @property
    def is_any(self) -> bool:
        """Tells whether anything was said."""
        return bool(self.roles or self.card or self.fields or self.unset or self.value is not None)


def target_of(drafts: Sequence[Draft], said: Said, sources: Sequence[DraftParent]) -> int:
    """Which draft the flags are about: the only one that they do not name as a parent. Errors: `NotOneArtifact`."""
    named = {parent.source for parent in sources}
    found = [at for at, draft in enumerate(drafts) if draft.artifact not in named]
    if len(found) != 1:
        names = ", ".join(str(draft.artifact) for draft in drafts)
        raise NotOneArtifact(
            f"the flags are about one artifact, and these are {len(drafts)}: {names}" if found else
            f"{names} cannot come from itself",
            hint="add or commit them one by one, each with its flags",
        )  # fmt: skip
    return found[0]


def sources_of(workspace: Workspace, said: Said, staged: Mapping[str, ArtifactName]) -> tuple[DraftParent, ...]:
    """The parents that the role flags name. Errors: `BadRole`, `Unstaged`, those of references."""
    return resolve_roles(workspace, said.roles, start=said.start, staged=staged)


def describe(
    workspace: Workspace,
    draft: Draft,
    said: Said,
    *,
    card: Card | None = None,
    sources: Sequence[DraftParent] = (),
    staged: Mapping[str, ArtifactName],
) -> Draft:
    """A draft with all that is said of it: `card` takes the place of what it has, single members go on top.

    Errors: `BadCard`, `BadRole`, `Unstaged`, those of references.
    """
    document = dict(draft.card or {})
    references: list[RoleSaid] = []
    unset_roles: set[str] = set()
    if card is not None:
        document = {**{name: document[name] for name in MEASURED if name in document}, **card.document()}
        references.extend(_said_in(card))
    if said.fields or said.unset:
        changed = card_of(draft.artifact.kind, document, name=str(draft.artifact))
        for key, text in said.fields:
            changed = set_field(changed, key, text)
        for key in said.unset:
            role = ROLE_OF_FIELD.get(key)
            unset_roles.update([role] if role else [])
            changed = changed if role else unset_field(changed, key)
        document = dict(changed.document())
        references.extend(_said_in(changed))
    found = (*resolve_roles(workspace, references, start=said.start, staged=staged), *sources)
    if any(parent.source == draft.artifact for parent in found):
        raise BadRole(f"{draft.artifact} cannot come from itself", hint="name a version of it instead")
    parents = draft.parents
    if found or unset_roles:
        kept = tuple(parent for parent in draft.parents or () if parent.role not in unset_roles)
        parents = combined(kept, found)
    is_said = card is not None or said.fields or said.unset or draft.card is not None
    return replace(draft, card=document if is_said else None, parents=parents)


def _said_in(card: Card) -> list[RoleSaid]:
    return [
        RoleSaid(role=item.role, text=item.text, given_as=f"the card's {item.field} = {item.text!r}")
        for item in card.references()
    ]


def beginning(same: Manifest | None, draft: Draft) -> Draft:
    """A draft that begins with what its predecessor said, where that holds the same bytes."""
    if same is None:
        return draft
    card = draft.card if draft.card is not None else dict(same.card) or None
    parents = draft.parents if draft.parents is not None else carried(same.parents) or None
    return replace(draft, card=card, parents=parents)


def adds_to(same: Manifest, draft: Draft) -> bool:
    """Tells whether a draft of the same bytes says anything that its predecessor does not."""
    if draft.card is not None and dict(draft.card) != dict(same.card):
        return True
    if draft.parents is None:
        return False
    before = {(parent.role, parent.source): dict(parent.attributes) for parent in carried(same.parents)}
    return before != {(parent.role, parent.source): dict(parent.attributes) for parent in draft.parents}


def with_measured(card: Mapping[str, object], measured: Mapping[str, object]) -> dict[str, object]:
    """A card with what was measured; a person's words on a column stay beside its type and statistics."""
    merged = {**card, **measured}
    said, found = card.get("features"), measured.get("features")
    if isinstance(said, Mapping) and isinstance(found, Mapping):
        columns: dict[str, object] = {}
        for name, column in found.items():
            own = said.get(name)
            columns[name] = {**own, **column} if isinstance(own, Mapping) and isinstance(column, Mapping) else column
        merged["features"] = columns
    return merged


def read_said_card(workspace: Workspace, text: str, kind: str, *, start: str) -> Card:
    """The card that `--card` names: a file, or the commit whose card is taken over without what was measured of it.

    Errors: `BadCard`, `NoSuchCard`.
    """
    path = os.path.join(start, text)
    if os.path.isfile(path):
        with naming(text), open(path, "rb") as file:
            return read_card(file.read(CARD_BYTES_MAX + 1), name=text, kind=kind)
    try:
        manifest = workspace.catalog.manifest(workspace.resolve(text, start=start, bare=LATEST).manifest)
    except (NotFound, Usage) as error:
        raise NoSuchCard(
            f"--card {text}: neither a file nor the reference of a commit",
            hint="name a TOML, JSON or Markdown file, or for instance NAME:1.0.0",
        ) from error
    return carry_over(card_of(kind, manifest.card, name=text))


class NoSuchCard(NotFound):
    """What `--card` names does not exist."""


def card_in_files(there: Scan, kind: str) -> tuple[Card | None, tuple[str, ...]]:
    """The card that the files themselves hold: a recipe, or a README.md with front matter; and notes.

    Errors: `BadCard` for a recipe, which is nothing without it.
    """
    if kind == "recipe" and there.shape == "file":
        return read_recipe(_read(there.files[0]), name=there.files[0].full), ()
    readme = next((file for file in there.files if is_card_file(file.path)), None)
    if readme is None or there.shape != "folder" or kind not in ("model", "data"):
        return None, ()
    raw = _read(readme)
    if not raw.startswith((b"---", b"+++")):
        return None, ()
    return read_card(raw, name=readme.full, kind=kind), ()


def _read(file: FoundFile) -> bytes:
    with naming(file.full), open(file.full, "rb") as stream:
        return stream.read(CARD_BYTES_MAX + 1)
