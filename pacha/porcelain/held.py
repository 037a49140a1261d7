"""Which bytes are where: what remotes hold of what this checkout names, asked now or remembered from the last time."""

from collections.abc import Iterable

from pacha.base.ids import ObjectId
from pacha.objects.manifest import Manifest
from pacha.porcelain.connect import Connection, remembered
from pacha.porcelain.status import RemoteStatus
from pacha.porcelain.workspace import REMEMBERED, Workspace
from pacha.refs.names import RefName, head_ref, version_ref
from pacha.remotes.holdings import IndexCache, find_in


def remote_status(workspace: Workspace, connection: Connection) -> RemoteStatus:
    """Compares. Errors: those of `Remote`."""
    connection.holdings.load()
    state = connection.state
    named = manifests_named(workspace)
    has: dict[ObjectId, bool] = {}
    for manifest in named.values():
        if manifest not in has:
            has[manifest] = connection.holdings.has(workspace.catalog.manifest(manifest).tree)
    refs = workspace.repository.refs
    return RemoteStatus(
        remote=connection.name,
        url=connection.remote.url,
        number=state.number,
        lacks_bytes_of=tuple(str(ref) for ref, manifest in sorted(named.items()) if not has[manifest]),
        not_there=tuple(str(ref) for ref in sorted(named) if state.link(ref) is None),
        not_here=tuple(str(ref) for ref, held in sorted(state.refs.items()) if refs.read(ref) != held.link),
    )


def manifests_named(workspace: Workspace) -> dict[RefName, ObjectId]:
    """The manifests of all heads and versions of this checkout, by ref."""
    catalog = workspace.catalog
    found: dict[RefName, ObjectId] = {}
    for artifact in catalog.artifacts():
        found.update((head_ref(artifact, id), id) for id in catalog.heads(artifact))
        found.update((version_ref(artifact, tagged.version), tagged.manifest) for tagged in catalog.tagged(artifact))
    return found


class HeldElsewhere:
    """What remotes held when they were last asked. Asks nobody."""

    def __init__(self, workspace: Workspace) -> None:
        root = workspace.repository.shared
        self._remotes = []
        for name, _ in sorted(root.folder_states(REMEMBERED), key=lambda found: found[0]):
            folder = f"{REMEMBERED}/{name}"
            state = remembered(root, folder)
            cache = IndexCache(root, f"{folder}/indexes")
            indexes = [index for id in state.indexes if (index := cache.get(id)) is not None]
            if indexes:
                self._remotes.append((name, indexes, state))

    def __bool__(self) -> bool:
        return bool(self._remotes)

    def have(self, id: ObjectId) -> list[str]:
        """The remotes that had an object."""
        return [name for name, indexes, state in self._remotes if find_in(indexes, id, state)]


def only_here(workspace: Workspace, manifests: Iterable[Manifest]) -> int:
    """How many of some manifests have bytes here that no remote was seen to have."""
    elsewhere = HeldElsewhere(workspace)
    return sum(1 for manifest in manifests if not elsewhere.have(manifest.tree))
