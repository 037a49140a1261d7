"""What each stored record of a tensor holds and resembles, by the manifests and the tensors of their files.

Advice, never a promise: what cannot be read here is passed over, and is then stored as it was. An ingest is told the
same of what lies in the work tree by `nearest`; here it is told of what was committed, by any version of Pacha.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pacha.base.errors import Absent, Corrupt, NotFound
from pacha.base.ids import ObjectId
from pacha.base.spans import ELEMENT_BYTES, Span
from pacha.formats.beside import ENDING
from pacha.formats.spans import SPANS_FILE_BYTES_MIN
from pacha.graph.order import TooManyCircles, parents_first
from pacha.graph.trees import TreeFile, pieces, tree_files
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link
from pacha.porcelain.nearest import FILES_MAX, RESEMBLING, StoredTensors
from pacha.porcelain.workspace import Workspace
from pacha.store.repack import Wish
from pacha.worktree.cutting import TENSOR_WINDOW_BYTES, plan

#: A tensor's name and how far into it a chunk begins. Units: bytes.
Place = tuple[str, int]
_ROLES = ("previous", *RESEMBLING)


class Chunk(NamedTuple):
    """A chunk of a tensor."""

    id: ObjectId
    element: str


@dataclass(frozen=True, slots=True)
class _Version:
    """A tree of files, and the manifests whose files these probably resemble, the likeliest first."""

    tree: ObjectId
    near: tuple[ObjectId, ...]


class _Earlier(NamedTuple):
    """The chunks of a version that others come after, by path, and all of them."""

    by_path: Mapping[str, Mapping[Place, Chunk]]
    anywhere: Mapping[Place, Chunk]


def wishes(workspace: Workspace) -> list[dict[ObjectId, Wish]]:
    """A level for each manifest and draft, parents first: each record in the first level that it is met in."""
    return _Wishes(workspace).levels()


@dataclass(slots=True)
class _Wishes:
    workspace: Workspace
    #: The chunks of each file content, by the tensors' places: many manifests have the same file.
    chunks: dict[Link, dict[Place, Chunk]] = field(default_factory=dict)
    files: dict[ObjectId, dict[str, TreeFile]] = field(default_factory=dict)

    def levels(self) -> list[dict[ObjectId, Wish]]:
        seen: set[ObjectId] = set()
        found = []
        versions = self._manifests()
        trees = {id: version.tree for id, version in versions.items()}
        drafts = [_Version(draft.content.tree, draft.previous) for draft in self.workspace.drafts()]
        for version in (*versions.values(), *drafts):
            level: dict[ObjectId, Wish] = {}
            earlier = [self._earlier(trees[id]) for id in version.near if id in trees]
            for path, chunks in self._chunks(version.tree).items():
                for place, chunk in chunks.items():
                    if chunk.id not in seen:
                        level.setdefault(chunk.id, Wish(element=chunk.element, near=_near(earlier, path, place)))
            seen |= level.keys()
            found.append(level)
        return found

    def _earlier(self, tree: ObjectId) -> "_Earlier":
        chunks = self._chunks(tree)
        anywhere: dict[Place, Chunk] = {}
        for each in chunks.values():
            for place, chunk in each.items():
                anywhere.setdefault(place, chunk)
        return _Earlier(chunks, anywhere)

    def _manifests(self) -> dict[ObjectId, _Version]:
        """Every manifest of this checkout, parents first."""
        objects = self.workspace.repository.objects
        found: dict[ObjectId, Manifest] = {}
        for link in objects.links("manifest"):
            try:
                value = objects.load(link)
            except (Absent, Corrupt):
                continue
            assert isinstance(value, Manifest)
            found[link.id] = value
        order = sorted(found, key=lambda id: (found[id].created, id.raw))
        edges = [(id, parent.manifest) for id in order for parent in found[id].parents if parent.manifest in found]
        try:
            nodes = parents_first(order, edges).nodes
        except TooManyCircles:
            return {}
        return {id: _Version(found[id].tree, _near_of(found[id])) for id in nodes}

    def _files(self, tree: ObjectId) -> dict[str, TreeFile]:
        if tree not in self.files:
            self.files[tree] = dict(self._read_files(tree))
        return self.files[tree]

    def _read_files(self, tree: ObjectId) -> list[tuple[str, TreeFile]]:
        found = []
        try:
            for number, file in enumerate(tree_files(self.workspace.repository.objects, tree)):
                if number == FILES_MAX:
                    return []
                is_cut = file.entry.link.type == "chunklist" and file.entry.size >= SPANS_FILE_BYTES_MIN
                # A model may be small, and its tensors lie in a large file beside it.
                if is_cut or file.path.lower().endswith(ENDING):
                    found.append((file.path, file))
        except (Absent, Corrupt, NotFound):
            return []
        return found

    def _chunks(self, tree: ObjectId) -> dict[str, dict[Place, Chunk]]:
        """The chunks of the tensors in a tree's files, by their paths."""
        files = self._files(tree)
        stored = StoredTensors(self.workspace, files)
        for file in files.values():
            if file.entry.link not in self.chunks:
                try:
                    found = dict(_tensor_chunks(self.workspace, file, stored.spans(file)))
                except (Absent, Corrupt):
                    found = {}
                self.chunks[file.entry.link] = found
        return {path: self.chunks[file.entry.link] for path, file in files.items()}


def _near(earlier: Sequence["_Earlier"], path: str, place: Place) -> ObjectId | None:
    """A chunk at the same place of the same tensor: in the file of the same path, else in whatever file has that tensor."""
    for version in earlier:
        chunk = version.by_path.get(path, {}).get(place) or version.anywhere.get(place)
        if chunk is not None:
            return chunk.id
    return None


def _near_of(manifest: Manifest) -> tuple[ObjectId, ...]:
    parents = [parent for parent in manifest.parents if parent.role in _ROLES]
    return tuple(parent.manifest for parent in sorted(parents, key=lambda parent: _ROLES.index(parent.role)))


def _tensor_chunks(workspace: Workspace, file: TreeFile, spans: Sequence[Span]) -> Iterator[tuple[Place, Chunk]]:
    """The chunks of a stored file that hold nothing but numbers of one kind, in step; however the file was cut.

    Errors: `Absent`, `Corrupt`.
    """
    objects = workspace.repository.objects
    size = file.entry.size
    cuts = {(cut.start, cut.length): cut for cut in plan(size, spans) if cut.key and cut.element}
    starts = [span.start for span in spans]
    at = 0
    for length, link in pieces(objects, file.entry.link) if spans else ():
        cut = cuts.get((at, length))
        if cut is not None and cut.key is not None and cut.element is not None:
            yield (cut.key[0], cut.key[1] * TENSOR_WINDOW_BYTES), Chunk(link.id, cut.element)
        else:
            span = spans[max(0, bisect_right(starts, at) - 1)]
            into = at - span.start
            is_within = into >= 0 and into + length <= span.length
            if is_within and span.element is not None and into % ELEMENT_BYTES[span.element] == 0:
                yield (span.name, into), Chunk(link.id, span.element)
        at += length
