"""Where something comes from, as a person says it: a role, and a reference or a path of the work tree.

A path stands for the bytes that lie there: a staged draft, or the commit that holds them. Bytes that are neither are
refused, since nobody could look them up again.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pacha.base.errors import NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.objects.manifest import ROLES
from pacha.porcelain.draft_parents import Unstaged
from pacha.porcelain.observe import State, committed_as, observe
from pacha.porcelain.workspace import Known, Workspace
from pacha.registry.resolve import LATEST
from pacha.worktree.drafts import DraftParent, StagedBytes

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
        if match.group(1) in attributes:
            raise BadRole(f"{role}: {match.group(1)} is given twice")
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
    workspace: Workspace, said: Iterable[RoleSaid], *, start: str, staged: Mapping[str, StagedBytes]
) -> tuple[DraftParent, ...]:
    """Finds what the roles name. `start` is where paths are relative to, `staged` what this same command stages.

    Errors: `BadRole`, `Unstaged`, and those of references.
    """
    found: dict[tuple[str, ObjectId | StagedBytes], RoleSaid] = {}
    for item in said:
        key = item.role, _source(workspace, item, start, staged)
        other = found.get(key)
        if other is not None and other.attributes and item.attributes not in ({}, other.attributes):
            raise BadRole(
                f"{other.given_as or other.text} and {item.given_as or item.text} are one commit in one role",
                hint="name it once, with all its attributes",
            )
        if other is None or item.attributes:
            found[key] = item
    return tuple(
        DraftParent(role=role, source=source, attributes=item.attributes) for (role, source), item in found.items()
    )


def _source(
    workspace: Workspace, item: RoleSaid, start: str, staged: Mapping[str, StagedBytes]
) -> ObjectId | StagedBytes:
    path = _path(workspace, item.text, start)
    if path is not None and path in staged:
        return staged[path]
    known = workspace.known.get(path) if path is not None else None
    if known is None:
        for draft in workspace.drafts():
            is_named = item.text in (draft.artifact.name, str(draft.artifact))
            if is_named and not workspace.catalog.heads(draft.artifact):
                return StagedBytes(draft.artifact, draft.content.digest)
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


def _held(workspace: Workspace, item: RoleSaid, known: Known) -> ObjectId | StagedBytes:
    """What lies at a known path: its draft, or the commit that holds the same bytes."""
    observed = observe(workspace, known)
    if known.draft is not None and observed.matches_draft:
        return StagedBytes(known.artifact, known.draft.content.digest)
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
