"""`pacha stats`: how much is stored, what dedup and compression spare, and what exists only here."""

from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId
from pacha.objects.manifest import Manifest
from pacha.porcelain.held import only_here
from pacha.porcelain.storage import ratio_of
from pacha.porcelain.workspace import Workspace
from pacha.store.codec import Codecs


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Units: bytes. `committed_bytes` counts every commit's files; `plain_bytes` each object once; `stored_bytes` the packs.

    `ratio` is stored ÷ plain.
    """

    artifacts: int
    versions: int
    commits: int
    committed_bytes: int
    objects: int
    plain_bytes: int
    stored_bytes: int
    ratio: float | None
    packs: int
    codecs: dict[str, int]
    staged: int
    only_here: int
    trash_bytes: int


def stats(workspace: Workspace) -> Stats:
    """Counts what is here. `only_here` is commits whose bytes no remote was seen to have."""
    workspace.repository.check_is_here()
    data = workspace.repository.objects.data
    manifests = list(_manifests(workspace))
    plain: dict[ObjectId, int] = {}
    codecs: dict[str, int] = {}
    names = Codecs().names()
    for id, place in data.records():
        plain[id] = place.plain_length
        name = names.get(place.codec, str(place.codec))
        codecs[name] = codecs.get(name, 0) + 1
    sizes = [state.st_size for path in data.packs().values() if (state := data.root.stat(path)) is not None]
    trash = [state.st_size for path in data.trashed().values() if (state := data.root.stat(path)) is not None]
    artifacts = workspace.catalog.artifacts()
    return Stats(
        artifacts=len(artifacts),
        versions=sum(len(workspace.catalog.tagged(artifact)) for artifact in artifacts),
        commits=len(manifests),
        committed_bytes=sum(manifest.size for manifest in manifests),
        objects=len(plain),
        plain_bytes=sum(plain.values()),
        stored_bytes=sum(sizes),
        ratio=ratio_of(sum(sizes), sum(plain.values())),
        packs=len(sizes),
        codecs=codecs,
        staged=len(workspace.drafts()),
        only_here=only_here(workspace, manifests),
        trash_bytes=sum(trash),
    )


def _manifests(workspace: Workspace) -> Iterator[Manifest]:
    for link in workspace.repository.objects.links("manifest"):
        try:
            manifest = workspace.repository.objects.load(link)
        except (Absent, Corrupt):
            continue
        assert isinstance(manifest, Manifest)
        yield manifest
