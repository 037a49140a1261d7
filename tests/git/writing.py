"""Writes what has no verb yet: manifests with cards and parents, and stage moves, through a session as verbs do."""

from collections.abc import Sequence
from dataclasses import replace

from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Displaced, Move
from pacha.objects.types import Link
from pacha.refs.names import head_ref, stage_ref
from pacha.refs.transaction import Transaction
from pacha.registry.stages import read_stage_log
from tests.conftest import Project


def publish(
    project: Project,
    path: str,
    data: bytes | str,
    version: str | None = None,
    *,
    card: dict[str, object] | None = None,
    facts: dict[str, object] | None = None,
    parents: Sequence[tuple[str, str]] = (),
    message: str = "a change",
) -> str:
    """Commits a file with a card and parents (role, manifest id), and tags it. Returns the manifest's id."""
    made = ObjectId.parse(project.commit(path, data, message=message))
    workspace = project.workspace()
    with workspace.session() as session:
        manifest: Manifest = workspace.catalog.manifest(made)
        more = tuple(Parent(role=role, manifest=ObjectId.parse(id)) for role, id in parents)
        changed = replace(manifest, card=card or {}, facts=facts or {}, parents=(*manifest.parents, *more))
        link = session.put("manifest", changed)
        session.settle()
        if link.id != made:
            old = head_ref(manifest.artifact, made)
            session.apply(Transaction(create=((head_ref(manifest.artifact, link.id), link),), remove=(old,)))
    workspace.close()
    # The path is told what it holds, so that the next commit comes after this one.
    project("checkout", path, "--force")
    if version is not None:
        project("tag", str(manifest.artifact), version)
    return link.id.hex


def move_stage(
    project: Project,
    artifact: str,
    version: str,
    stages: tuple[str, str],
    *,
    reason: str = "because",
    displaced: Sequence[tuple[str, str]] = (),
) -> None:
    """Appends a move to the stage log."""
    workspace = project.workspace()
    name = ArtifactName.parse(artifact)
    entries = read_stage_log(workspace.repository.refs, workspace.repository.objects, name).entries
    move = Move(
        artifact=name,
        version=Version.parse(version),
        from_stage=stages[0],
        to_stage=stages[1],
        displaced=tuple(Displaced(version=Version.parse(text), to_stage=to) for text, to in displaced),
        reason=reason,
        who="Ada <ada@example.org>",
        when="2026-11-24T12:00:00Z",
        nonce=f"{len(entries):032x}",
        number=len(entries) + 1,
        prev=entries[-1].id if entries else None,
    )
    with workspace.session() as session:
        link: Link = session.put("move", move)
        session.settle()
        assert session.apply(Transaction(refusable=(stage_ref(name, move.number), link))) is None
    workspace.close()
