"""`pacha count-objects`: how many objects of each type there are."""

from dataclasses import dataclass

from pacha.objects.types import Storage, all_types
from pacha.porcelain.workspace import Workspace
from pacha.store.meta import meta_path


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCount:
    """One type. Units: `size` in bytes, plain, each object once."""

    type: str
    count: int
    size: int


def count_objects(workspace: Workspace) -> list[ObjectCount]:
    """Counts every type, META by its files, DATA by the packs' indexes."""
    objects = workspace.repository.objects
    sizes: dict[str, dict[bytes, int]] = {kind.name: {} for kind in all_types()}
    for id, place in objects.data.records():
        sizes.setdefault(place.type, {})[id.raw] = place.plain_length
    for kind in all_types():
        if kind.storage is Storage.META:
            for link in objects.meta.links(kind.name):
                state = objects.meta.root.stat(meta_path(link))
                sizes[kind.name][link.id.raw] = 0 if state is None else state.st_size
    return [ObjectCount(type=name, count=len(found), size=sum(found.values())) for name, found in sorted(sizes.items())]
