"""The index of one repository: which versions an artifact has, and what each manifest's parents are.

A version folder's listing is trusted while the folder is the same (inode and times) and was quiet for two seconds
when it was read; else it is read again, file by file where a file changed. A manifest's row never grows old: it is
found by the manifest's id.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.files import Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.names import ArtifactName
from pacha.base.semver import Version
from pacha.index.artifacts import ARTIFACTS
from pacha.index.cache import Cache
from pacha.index.presence import PRESENCE
from pacha.index.segments import COLUMNS, SEGMENTS
from pacha.index.stage_index import QUIET_NS, StageIndex
from pacha.index.summaries import SUMMARIES
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link, type_named
from pacha.refs.names import RefName, versions_folder
from pacha.registry.catalog import DiskTags, Tagged, Versions, read_tagged
from pacha.registry.stages import StageState, staged_artifacts
from pacha.repo.repository import Repository
from pacha.store.meta import ENDING, FETCHED, SHARED, is_hex_id

LISTINGS, MANIFESTS, EDGES = "listings", "manifests", "edges"
TABLES = (LISTINGS, MANIFESTS, EDGES, ARTIFACTS, PRESENCE, SEGMENTS, COLUMNS, SUMMARIES)
#: So many manifests are inserted together.
INSERT_BATCH = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild read."""

    manifests: int
    damaged: tuple[str, ...]


class Index:
    """The cache of one repository, opened when it is first needed."""

    def __init__(self, repository: Repository) -> None:
        self._root = repository.root
        self._refs = repository.refs
        self._objects = repository.objects
        self._folder = _folder_of(repository)
        self._stages = StageIndex(repository.refs, repository.objects, LISTINGS)
        self._opened: Cache | None = None

    @property
    def cache(self) -> Cache:
        """The cache itself."""
        if self._opened is None:
            self._opened = Cache(self._folder, tables=TABLES)
        return self._opened

    @property
    def root(self) -> Root:
        """The `.pacha` that it is about."""
        return self._root

    def clock_ns(self) -> int:
        """The time of the file system where the cache lies; 0 where nothing that is read now may be trusted later."""
        return 0 if self._folder is None else Root(self._folder, temporary="").clock_ns()

    def close(self) -> None:
        """Closes the cache, if it was opened."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # -- versions --------------------------------------------------------------------------------------------------

    def tagged(self, artifact: ArtifactName) -> Versions:
        """All versions of an artifact, lowest first: what `DiskTags` answers, faster. Errors: as there."""
        folder = versions_folder(artifact)
        if any(name.folder == folder for name in (*self._refs.overlay.created, *self._refs.overlay.removed)):
            return DiskTags(self._refs, self._objects).tagged(artifact)
        state = self._root.stat(folder)
        if state is None:
            return Versions([])
        stamp = f"{state.st_ino} {state.st_mtime_ns} {state.st_ctime_ns}"
        key = folder.encode("ascii")
        stored = self._stored(key)
        if stored is not None and stored[0] == stamp and stored[1] >= state.st_mtime_ns + QUIET_NS:
            return Versions(stored[2])
        rows = self._read_listing(folder, {row[0]: row for row in stored[2]} if stored else {})
        if self._folder is not None:
            value = json.dumps([stamp, self.clock_ns(), rows]).encode("ascii")
            self.cache.put_many(LISTINGS, {key: value})
        return Versions(rows)

    def _stored(self, key: bytes) -> tuple[str, int, list[list[str]]] | None:
        value = self.cache.get(LISTINGS, key)
        if value is None:
            return None
        stamp, seen, rows = json.loads(value)
        return stamp, seen, rows

    def _read_listing(self, folder: str, known: dict[str, list[str]]) -> list[list[str]]:
        found: list[tuple[Version, list[str]]] = []
        states = {name: state for name, state in self._root.list_states(folder)}
        for name in self._refs.names(folder):
            if name.last not in states:
                # A link or a pipe: the reader of refs says what is wrong with it.
                self._refs.read(name)
                continue
            state = states[name.last]
            stamp = f"{state.st_ino} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_size}"
            row = known.get(name.last)
            if row is None or row[3] != stamp:
                tagged = self._read(name)
                if tagged is None:
                    continue
                row = [str(tagged.version), tagged.tag.hex, tagged.manifest.hex, stamp]
            found.append((Version.parse(row[0]), row))
        return [row for _, row in sorted(found, key=lambda pair: (pair[0].precedence, pair[0].build))]

    def _read(self, name: RefName) -> Tagged | None:
        link = self._refs.read(name)
        return None if link is None else read_tagged(self._objects, name, link)

    def stages(self, artifact: ArtifactName) -> StageState:
        """Where an artifact's versions stand: what `DiskStages` answers, faster. Errors: as there."""
        return self._stages.stages(artifact, self.cache, Root(self._folder, temporary="") if self._folder else None)

    # -- manifests -------------------------------------------------------------------------------------------------

    def previous(self, id: ObjectId) -> tuple[ObjectId, ...] | None:
        """The `previous` parents of a manifest, or None if the cache does not know it."""
        value = self.cache.get(MANIFESTS, id.raw)
        if value is None:
            return None
        row = json.loads(value)
        return tuple(ObjectId.parse(parent) for role, parent in row["parents"] if role == "previous")

    def rebuild(self) -> Rebuilt:
        """Reads, checks and indexes every manifest, and every artifact's versions."""
        self.cache.forget()
        batch: dict[bytes, bytes] = {}
        damaged: list[str] = []
        count = 0
        for link, found in read_manifests(self._root):
            if isinstance(found, PachaError):
                damaged.append(found.message)
                continue
            batch[link.id.raw] = _row(found)
            count += 1
            if len(batch) >= INSERT_BATCH:
                self.cache.put_many(MANIFESTS, batch)
                batch = {}
        self.cache.put_many(MANIFESTS, batch)
        for kind in self._refs.folders("refs/versions"):
            for name in self._refs.folders(f"refs/versions/{kind}"):
                try:
                    self.tagged(ArtifactName(kind, name))
                except (Corrupt, Absent, PachaError) as error:
                    damaged.append(error.message)
        for artifact in staged_artifacts(self._refs):
            try:
                self.stages(artifact)
            except PachaError as error:
                damaged.append(error.message)
        return Rebuilt(manifests=count, damaged=tuple(damaged))


def read_manifests(root: Root) -> Iterator[tuple[Link, Manifest | PachaError]]:
    """Reads every manifest file, folder by folder; a damaged one yields its error."""
    kind = type_named("manifest")
    for place in (SHARED, FETCHED):
        for fan in sorted(entry.name for entry in root.entries(f"{place}/manifest") if entry.is_folder):
            for name, data in root.read_folder(f"{place}/manifest/{fan}", size_max=kind.size_max):
                digits = fan + name.removesuffix(ENDING)
                if not name.endswith(ENDING) or not is_hex_id(digits):
                    continue
                link = Link("manifest", ObjectId.parse(digits))
                if isinstance(data, PachaError):
                    yield link, data
                elif hash_bytes(data) != link.id:
                    yield link, Corrupt(f"{root.full(f'{place}/manifest/{fan}/{name}')}: does not have its id")
                else:
                    try:
                        value = kind.decode(data)
                    except Corrupt as error:
                        yield link, error
                    else:
                        assert isinstance(value, Manifest)
                        yield link, value


def _row(manifest: Manifest) -> bytes:
    row = {
        "artifact": str(manifest.artifact),
        "created": manifest.created,
        "author": manifest.author,
        "size": manifest.size,
        "parents": [[parent.role, parent.manifest.hex] for parent in manifest.parents],
    }
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _folder_of(repository: Repository) -> str | None:
    """Beside the repository where this user may write, else in the user's cache, else nowhere (memory)."""
    local = repository.root.full("local")
    if os.path.isdir(local) and os.access(local, os.W_OK | os.X_OK):
        return local
    cache = os.path.join(repository.environment.cache_folder, repository.format.id)
    try:
        os.makedirs(cache, exist_ok=True)
    except OSError:
        return None
    return cache if os.access(cache, os.W_OK) else None
