"""What a person says of an artifact: its card and where it comes from, by flags, a file, or another commit's card.

What was said holds for the bytes it was said of. A commit of other bytes begins with nothing said; it tells what its
predecessor said and never takes it over unasked.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pacha.base.errors import NotFound, Usage
from pacha.base.files import naming
from pacha.formats.inspection import FileSource
from pacha.formats.schema import DataSchema
from pacha.objects.manifest import Manifest
from pacha.porcelain.declared import DECLARED
from pacha.porcelain.draft_parents import carried, combined
from pacha.porcelain.roles import BadRole, RoleSaid, resolve_roles
from pacha.porcelain.workspace import Workspace
from pacha.registry.card_edit import add_to_field, carry_over, set_field, unset_field
from pacha.registry.card_file import FILE_BYTES_MAX, README_NAMES, is_card_file, read_card
from pacha.registry.cards import Card, members_of, read_stored_card
from pacha.registry.recipe_file import read_recipe
from pacha.registry.resolve import LATEST
from pacha.worktree.drafts import Draft, DraftParent, StagedBytes
from pacha.worktree.reading import holding_still
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
    schema: DataSchema | None = None
    fields: tuple[tuple[str, str], ...] = ()
    unset: tuple[str, ...] = ()
    start: str = "."

    @property
    def is_of_card(self) -> bool:
        """Tells whether anything was said that stands on a card."""
        is_member = bool(self.card or self.fields or self.unset)
        return is_member or self.value is not None or self.schema is not None

    @property
    def is_any(self) -> bool:
        """Tells whether anything was said."""
        return bool(self.roles) or self.is_of_card


def target_of(drafts: Sequence[Draft], said: Said, sources: Sequence[DraftParent]) -> int:
    """Which draft the flags are about: the only one that they do not name as a parent. Errors: `NotOneArtifact`."""
    named = {parent.source.artifact for parent in sources if isinstance(parent.source, StagedBytes)}
    found = [at for at, draft in enumerate(drafts) if draft.artifact not in named]
    if len(found) != 1:
        names = ", ".join(str(draft.artifact) for draft in drafts)
        raise NotOneArtifact(
            f"the flags are about one artifact, and these are {len(drafts)}: {names}" if found else
            f"{names} cannot come from itself",
            hint="add or commit them one by one, each with its flags",
        )  # fmt: skip
    return found[0]


def sources_of(workspace: Workspace, said: Said, staged: Mapping[str, StagedBytes]) -> tuple[DraftParent, ...]:
    """The parents that the role flags name. Errors: `BadRole`, `Unstaged`, those of references."""
    return resolve_roles(workspace, said.roles, start=said.start, staged=staged)


def describe(
    workspace: Workspace,
    draft: Draft,
    said: Said,
    *,
    card: Card | None = None,
    sources: Sequence[DraftParent] = (),
    staged: Mapping[str, StagedBytes],
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
        changed = read_stored_card(draft.artifact.kind, document, name=str(draft.artifact))
        for key, typed in said.fields:
            text = spelled(typed) if key.startswith("metrics.") else typed
            is_more = key.endswith("+")
            changed = add_to_field(changed, key[:-1], text) if is_more else set_field(changed, key, text)
        roles = {member.name: member.role for member in members_of(type(changed))}
        for key in said.unset:
            unset_roles.update([role] if (role := roles.get(key)) else [])
            changed = unset_field(changed, key)
        document = dict(changed.document())
        references.extend(_said_in(changed))
    if said.schema is not None:
        document = _with_schema(draft, document, said.schema)
    found = (*resolve_roles(workspace, references, start=said.start, staged=staged), *sources)
    if any(isinstance(parent.source, StagedBytes) and parent.source.artifact == draft.artifact for parent in found):
        raise BadRole(f"{draft.artifact} cannot come from itself", hint="name a version of it instead")
    parents = draft.parents
    if found or unset_roles:
        kept = tuple(parent for parent in draft.parents or () if parent.role not in unset_roles)
        parents = combined(kept, found)
    is_said = card is not None or said.fields or said.unset or said.schema or draft.card is not None
    return replace(draft, card=document if is_said else None, parents=parents)


def spelled(text: str) -> str:
    """A number as cards spell it where it is not finite; any other text as it is.

    >>> spelled("nan"), spelled("-inf"), spelled("0.93")
    ('NaN', '-Infinity', '0.93')
    """
    try:
        value = float(text)
    except ValueError:
        return text
    if math.isnan(value):
        return "NaN"
    # 1e400 means no infinity: it stays as it was typed, and is refused.
    is_meant = math.isinf(value) and "inf" in text.lower()
    return ("Infinity" if value > 0 else "-Infinity") if is_meant else text


def _with_schema(draft: Draft, document: Mapping[str, object], schema: DataSchema) -> dict[str, object]:
    """A datasheet with the schema that a person wrote, and what that says of single columns. Errors: `NotADataset`."""
    if draft.artifact.kind != "data":
        raise NotADataset(f"{draft.artifact} is no dataset, and has no schema", hint="leave --schema out")
    extra, features = document.get("extra"), document.get("features")
    told = {column.name: {"description": column.description} for column in schema.columns if column.description}
    had = features if isinstance(features, Mapping) else {}
    columns = {name: {**had.get(name, {}), **told.get(name, {})} for name in (*had, *(set(told) - set(had)))}
    return {
        **document,
        "extra": {**(extra if isinstance(extra, Mapping) else {}), DECLARED: schema.document()},
        **({"features": columns} if columns else {}),
    }


class NotADataset(Usage):
    """A schema was given for something that is no dataset."""


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
            return read_card(file.read(FILE_BYTES_MAX + 1), name=text, kind=kind)
    try:
        manifest = workspace.catalog.manifest(workspace.resolve(text, start=start, bare=LATEST).manifest)
    except (NotFound, Usage) as error:
        raise NoSuchCard(
            f"--card {text}: neither a file nor the reference of a commit",
            hint="name a TOML, JSON or Markdown file, or for instance NAME:1.0.0",
        ) from error
    return carry_over(read_stored_card(kind, manifest.card, name=text))


class NoSuchCard(NotFound):
    """What `--card` names does not exist."""


def card_in_files(there: Scan, kind: str) -> tuple[Card | None, tuple[str, ...]]:
    """The card that the files themselves hold: a recipe, or a README.md with front matter; and notes.

    Errors: `BadCard` for a recipe, which is nothing without it. A README that cannot be read is no card, and said so.
    """
    if kind == "recipe" and there.shape == "file":
        return read_recipe(_read(there.files[0]), name=there.files[0].path), ()
    if kind not in ("model", "data") or there.shape != "folder":
        return None, ()
    for file in there.files:
        if file.path.lower() not in README_NAMES:
            continue
        raw = _read(file)
        try:
            if is_card_file(file.path, raw):
                return read_card(raw, name=file.path, kind=kind), ()
        except Usage as error:
            return None, (f"its README is not taken as its card: {error.message}",)
    return None, ()


def _read(file: FoundFile) -> bytes:
    with holding_still([file]), FileSource(file.full) as source:
        return source.read(0, FILE_BYTES_MAX + 1)
