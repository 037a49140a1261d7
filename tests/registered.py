"""Commits with parents in any role, versions and stages, written straight into a store: for tests of what reads them."""

from collections.abc import Sequence
from typing import Any

from pacha.base.files import Batch
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.objects.manifest import Manifest, Parent
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.tree import FileEntry
from pacha.refs.names import head_ref, stage_ref, stages_folder, version_ref
from tests.conftest import Project

Parents = Sequence[tuple[str, ObjectId] | tuple[str, ObjectId, dict[str, Any]]]


def register(
    project: Project,
    name: str,
    parents: Parents = (),
    *,
    created: str = "2026-03-03T12:00:00Z",
    author: str = "Ada <ada@example.org>",
    stage: str | None = None,
    is_head: bool = True,
) -> ObjectId:
    """Writes a commit of `kind/name` or `kind/name:version`, and what names it; returns the manifest's id."""
    text, _, version = name.partition(":")
    artifact = ArtifactName.parse(text)
    digest = hash_bytes(f"{name}{created}".encode())
    manifest = Manifest(
        artifact=artifact, tree=digest, digest=digest, size=1, shape="file", author=author, created=created,
        message=f"made {name}", files=(FileEntry(path="file.bin", size=1, digest=digest),),
        parents=tuple(Parent(role=role, manifest=id, attributes=dict(*more)) for role, id, *more in parents),
    )  # fmt: skip
    workspace = project.workspace()
    repository = workspace.repository
    batch = Batch(repository.root)
    link = repository.objects.put_meta(batch, "manifest", manifest)
    batch.barrier()
    if is_head:
        repository.refs.create(head_ref(artifact, link.id), link)
    if version:
        tag = Tag(artifact=artifact, version=Version.parse(version), manifest=link.id)
        tagged = repository.objects.put_meta(batch, "tag", tag)
        batch.barrier()
        repository.refs.create(version_ref(artifact, tag.version), tagged)
    workspace.close()
    if stage is not None:
        move(project, name, stage)
    return link.id


def move(project: Project, name: str, stage: str) -> None:
    """Appends to the stage log of `kind/name:version`."""
    text, _, version = name.partition(":")
    artifact = ArtifactName.parse(text)
    workspace = project.workspace()
    repository = workspace.repository
    log = repository.refs.read_all(stages_folder(artifact))
    value = Move(
        artifact=artifact, version=Version.parse(version), from_stage="development", to_stage=stage, reason="tested",
        who="Ada <ada@example.org>", when="2026-03-09T12:00:00Z", nonce="0" * 32, number=len(log) + 1,
        prev=log[-1][1].id if log else None,
    )  # fmt: skip
    batch = Batch(repository.root)
    link = repository.objects.put_meta(batch, "move", value)
    batch.barrier()
    repository.refs.create(stage_ref(artifact, value.number), link)
    workspace.close()


def story(project: Project) -> dict[str, ObjectId]:
    """A small history: users and labels, a recipe, a base model, a run, and what was made of them."""
    made: dict[str, ObjectId] = {}

    def add(name: str, *parents: tuple[Any, ...], day: int, stage: str | None = None) -> None:
        named = [(role, made[parent], *more) for role, parent, *more in parents]
        created = f"2026-03-{day:02d}T12:00:00Z"
        made[name] = register(project, name, named, created=created, stage=stage)  # type: ignore[arg-type]

    add("data/users:3.0.0", day=1)
    add("data/users:3.1.0", ("previous", "data/users:3.0.0"), day=2)
    add("data/users:4.0.0", ("previous", "data/users:3.1.0"), day=9)
    add("data/labels:1.0.0", ("derived_from", "data/users:3.1.0"), day=3)
    add("recipe/adam:1.0.0", day=1)
    add("model/base:2.0.0", day=1, stage="archived")
    add("run/sweep", ("recipe", "recipe/adam:1.0.0"), ("trained_on", "data/labels:1.0.0"), day=4)
    add(
        "model/fraud:1.0.0",
        ("trained_on", "data/users:3.0.0"),
        ("recipe", "recipe/adam:1.0.0"),
        day=3,
        stage="archived",
    )
    add(
        "model/fraud:1.2.0",
        ("previous", "model/fraud:1.0.0"),
        ("trained_on", "data/labels:1.0.0"),
        ("evaluated_on", "data/users:3.1.0"),
        ("run", "run/sweep"),
        ("fine_tuned_from", "model/base:2.0.0"),
        day=5,
        stage="production",
    )
    add("model/tiny:0.1.0", ("distilled_from", "model/fraud:1.2.0", {"temperature": 2.5}), day=6, stage="staging")
    add("model/tiny:0.2.0", ("quantized_from", "model/tiny:0.1.0", {"quantization": "int8"}), day=7, stage="production")
    add(
        "model/both:1.0.0",
        ("merged_from", "model/fraud:1.2.0", {"weights": 0.7}),
        ("merged_from", "model/base:2.0.0", {"weights": 0.3}),
        day=8,
    )
    return made
