"""Where something comes from, as a person says it: a role, and a reference or a path of the work tree.

A path stands for the bytes that lie there: a staged draft, or the commit that holds them. Bytes that are neither are
refused, since nobody could look them up again.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pacha.base.errors import Absent, Conflict, Corrupt, NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.objects.manifest import ROLES, Parent
from pacha.porcelain.observe import State, committed_as, observe
from pacha.porcelain.workspace import Known, Workspace
from pacha.registry.resolve import LATEST
from pacha.worktree.drafts import Draft, DraftParent

#: The roles that a person can say: history is kept by `commit` itself.
SAID_ROLES = tuple(role for role in ROLES if role != "previous")
QUANTIZATIONS = ("int8", "int4", "fp16", "bf16", "dynamic")
#: What must be a number, by role.
_NUMBERS = {"distilled_from": ("temperature",), "merged_from": ("weight",), "pruned_from": ("sparsity",)}
_ATTRIBUTE = re.compile(r"([a-z][a-z0-9_]*)=([^,]*)", re.ASCII)
#: An attribute is a number or a word; a text belongs into the card.
ATTRIBUTE_CHARACTERS_MAX = 200


class BadRole(Usage):
    """A role was said of something that it cannot be about."""

    usual_hint = "write REF[,attribute=value]…, as --quantized-from fraud:1.0.0,quantization=int8"


class Unstaged(Conflict):
    """A path was named as a parent, and what lies there is neither committed nor staged."""


class Circular(Usage):
    """Drafts name each other as parents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleSaid:
    """`--trained-on TEXT`, with its attributes. `given_as` is what errors call it."""

    role: str
    text: str
    attributes: Mapping[str, object] = field(default_factory=dict)
    given_as: str = ""


def parse_role(role: str, text: str) -> RoleSaid:
    """Reads `REF[,attribute=value]…`. Errors: `BadRole`.

    >>> parse_role("distilled_from", "teacher:1.0.0,temperature=2.5").attributes
    {'temperature': 2.5}
    """
    if role not in SAID_ROLES:
        raise BadRole(f"no such role: {role!r}", hint=f"roles are {', '.join(SAID_ROLES)}")
    attributes: dict[str, object] = {}
    rest = text
    while "," in rest and (match := _ATTRIBUTE.fullmatch(rest.rpartition(",")[2])):
        rest = rest.rpartition(",")[0]
        attributes[match.group(1)] = _attribute(role, match.group(1), match.group(2))
    given_as = f"--{role.replace('_', '-')} {text}"
    if not rest:
        raise BadRole(f"{given_as}: names nothing", hint="write a reference or a path")
    return RoleSaid(role=role, text=rest, attributes=dict(reversed(attributes.items())), given_as=given_as)


def _attribute(role: str, name: str, text: str) -> object:
    if len(text) > ATTRIBUTE_CHARACTERS_MAX:
        raise BadRole(f"{role}: {name} has more than {ATTRIBUTE_CHARACTERS_MAX} characters")
    value = _number(text)
    if name in _NUMBERS.get(role, ()) and isinstance(value, str):
        raise BadRole(f"{role}: {name} is a number, not {text!r}")
    if name == "sparsity" and isinstance(value, (int, float)) and not 0 <= value <= 1:
        raise BadRole(f"{role}: sparsity is between 0 and 1, not {text}")
    if role == "quantized_from" and name == "quantization" and text not in QUANTIZATIONS:
        raise BadRole(f"{role}: quantization is one of {', '.join(QUANTIZATIONS)}, not {text!r}")
    return value


def _number(text: str) -> object:
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if abs(value) < 2**53:
            return value
    return text


def resolve_roles(
    workspace: Workspace, said: Iterable[RoleSaid], *, start: str, staged: Mapping[str, ArtifactName]
) -> tuple[DraftParent, ...]:
    """Finds what the roles name. `start` is where paths are relative to, `staged` what this same command stages.

    Errors: `BadRole`, `Unstaged`, and those of references.
    """
    found: dict[tuple[str, ObjectId | ArtifactName], DraftParent] = {}
    for item in said:
        source = _source(workspace, item, start, staged)
        found[item.role, source] = DraftParent(role=item.role, source=source, attributes=item.attributes)
    return tuple(found.values())


def _source(
    workspace: Workspace, item: RoleSaid, start: str, staged: Mapping[str, ArtifactName]
) -> ObjectId | ArtifactName:
    path = _path(workspace, item.text, start)
    if path is not None and path in staged:
        return staged[path]
    known = workspace.known.get(path) if path is not None else None
    if known is None:
        for draft in workspace.drafts():
            is_named = item.text in (draft.artifact.name, str(draft.artifact))
            if is_named and not workspace.catalog.heads(draft.artifact):
                return draft.artifact
        try:
            return workspace.resolve(item.text, start=start, bare=LATEST).manifest
        except NotFound as error:
            hint = error.hint
            if path is not None and os.path.lexists(workspace.full(path)):
                hint = f"`pacha add {item.text}` tracks it; then name it"
            raise type(error)(f"{item.given_as}: {error.message}", hint=hint, **error.nouns) from error
    return _held(workspace, item, known)


def _path(workspace: Workspace, text: str, start: str) -> str | None:
    """The path of the work tree that a text is, if something lies there or lived there; a reference comes first."""
    is_written = text.startswith(("./", "../", "/"))
    try:
        path = workspace.relative(text, start=start)
    except Usage:
        if is_written:
            raise
        return None
    if is_written or path in workspace.known or os.path.lexists(workspace.full(path)):
        return path if is_written or not _is_reference(workspace, text) else None
    return None


def _is_reference(workspace: Workspace, text: str) -> bool:
    try:
        workspace.resolve(text, start="/", bare=LATEST)
    except (NotFound, Usage):
        return False
    return text not in workspace.known


def _held(workspace: Workspace, item: RoleSaid, known: Known) -> ObjectId | ArtifactName:
    """What lies at a known path: its draft, or the commit that holds the same bytes."""
    observed = observe(workspace, known)
    if known.draft is not None and observed.matches_draft:
        return known.artifact
    if observed.state is State.MISSING:
        raise Unstaged(
            f"{item.given_as}: nothing lies at {known.path}",
            hint=f"name the version instead, as {known.artifact.name}:1.0.0, or bring it back: `pacha checkout {known.path}`",
            path=known.path,
        )
    memory = known.memory
    if memory is not None and memory.digest == observed.digest and workspace.is_here(memory.manifest):
        return memory.manifest
    committed = None if observed.digest is None else committed_as(workspace, known, observed.digest)
    if committed is None:
        reason = "changed since it was staged" if known.draft is not None else "holds changes that are not committed"
        raise Unstaged(
            f"{item.given_as}: {known.path} {reason}",
            hint=f"stage it first: `pacha add {known.path}`; or name a version that it holds",
            path=known.path,
        )
    return committed


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
    return [parent.source for parent in draft.parents or () if isinstance(parent.source, ArtifactName)]


def settled(workspace: Workspace, draft: Draft, made: Mapping[ArtifactName, ObjectId]) -> Draft:
    """A draft whose parents are all manifests: `made` are those of this commit, others were committed before.

    Errors: `Unstaged` where a parent is still staged and not part of this commit.
    """
    if draft.parents is None:
        return draft
    parents: dict[tuple[str, ObjectId], DraftParent] = {}
    for parent in draft.parents:
        source = parent.source
        if isinstance(source, ArtifactName):
            source = made[source] if source in made else _committed(workspace, draft, source)
        parents[parent.role, source] = replace(parent, source=source)
    return replace(draft, parents=tuple(parents.values()))


def _committed(workspace: Workspace, draft: Draft, source: ArtifactName) -> ObjectId:
    if workspace.draft(source) is not None:
        raise Unstaged(
            f"{draft.artifact} comes from {source}, which is staged and not part of this commit",
            hint=f"commit both: `pacha commit {source.name} {draft.artifact.name} -m …`",
            artifact=str(source),
        )
    memory = workspace.memory(source)
    try:
        found = memory.manifest if memory is not None else workspace.catalog.head(source)
    except (Absent, Corrupt):
        found = None
    if found is None:
        raise Unstaged(
            f"{draft.artifact} comes from {source}, which was staged and is not any more",
            hint=f"stage it again, or say the role anew: `pacha add {draft.path or draft.artifact.name} …`",
            artifact=str(source),
        )
    return found


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
