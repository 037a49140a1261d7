"""What lies below `.pacha` on disk, file by file: each belongs to one place. Reads no file."""

from collections.abc import Iterator

from pacha.base.files import Root
from pacha.base.ids import ObjectId
from pacha.repo.repository import Repository
from pacha.store.data import PACK_FOLDER, TRASH_FOLDER
from pacha.store.meta import FETCHED, SHARED

INDEXES, TRASH, DOCUMENTS, REFS, LOCAL, SETTINGS = "indexes", "trash", "documents", "refs", "local", "settings"
#: The first folder that a file lies below says what it is.
_PLACES = ((TRASH_FOLDER, TRASH), (FETCHED, DOCUMENTS), (SHARED, DOCUMENTS), ("refs", REFS), ("local", LOCAL))


class DiskFiles:
    """The regular files of a repository. Units: bytes. `packs` are those in their place; `places` all the others."""

    def __init__(self, repository: Repository) -> None:
        self.packs: dict[ObjectId, int] = {}
        self.places = dict.fromkeys((INDEXES, TRASH, DOCUMENTS, REFS, LOCAL, SETTINGS), 0)
        self.counts = dict.fromkeys(self.places, 0)
        # A linked work tree has documents and drafts of its own, and the packs of the main one.
        for root in {root.path: root for root in (repository.shared, repository.root)}.values():
            for path, size in _files(root):
                self._add(path, size, is_shared=root.path == repository.shared.path)

    @property
    def total(self) -> int:
        """Bytes of all files."""
        return sum(self.packs.values()) + sum(self.places.values())

    def _add(self, path: str, size: int, *, is_shared: bool) -> None:
        pack = _pack_of(path) if is_shared else None
        if pack is not None:
            self.packs[pack] = size
            return
        place = _place_of(path)
        self.places[place] += size
        self.counts[place] += 1


def _files(root: Root) -> Iterator[tuple[str, int]]:
    folders = [""]
    while folders:
        folder = folders.pop()
        inside = f"{folder}/" if folder else ""
        folders.extend(inside + name for name, _ in root.folder_states(folder))
        for name, state in root.list_states(folder):
            yield inside + name, state.st_size


def _pack_of(path: str) -> ObjectId | None:
    folder, _, name = path.rpartition("/")
    stem, _, ending = name.partition(".")
    is_pack = folder == PACK_FOLDER and ending == "pack" and len(stem) == 64
    return ObjectId.parse(stem) if is_pack else None


def _place_of(path: str) -> str:
    """The place of a file below `.pacha`.

    >>> _place_of("local/trash/x/y.pack"), _place_of("objects/pack/multi.idx"), _place_of("objects/tag/3f/2a.json")
    ('trash', 'indexes', 'documents')
    >>> _place_of("local/objects/tag/3f/2a.json"), _place_of("local/index.sqlite"), _place_of("objects/pack/.git/HEAD")
    ('documents', 'local', 'settings')
    """
    if path.startswith(f"{PACK_FOLDER}/"):
        return INDEXES if path.endswith(".idx") else SETTINGS
    return next((place for folder, place in _PLACES if path.startswith(f"{folder}/")), SETTINGS)
