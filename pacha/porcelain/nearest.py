"""What the bytes of an artifact probably resemble: the same tensors of the version before, or of a declared base.

Only where bytes are stored depends on this, never an id. What cannot be read here is passed over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import nullcontext
from threading import Lock

from pacha.base.errors import Absent, Corrupt, NotFound, PachaError
from pacha.base.ids import ObjectId
from pacha.base.spans import Span
from pacha.formats.beside import ENDING, Beside
from pacha.formats.inspection import FileSource
from pacha.formats.spans import SPANS_FILE_BYTES_MIN, tensor_spans
from pacha.graph.ranges import StoredFile
from pacha.graph.trees import TreeFile, pieces, tree_files
from pacha.porcelain.said import Said
from pacha.porcelain.workspace import Workspace
from pacha.registry.resolve import LATEST
from pacha.worktree.cutting import Key, plan
from pacha.worktree.ingest import Guide
from pacha.worktree.scan import FoundFile

#: Roles of a parent whose tensors its child's resemble, the likeliest first.
RESEMBLING = ("fine_tuned_from", "merged_from", "pruned_from", "derived_from", "quantized_from", "distilled_from")
#: A folder of more files than this is not searched for resemblance: it would cost more than it spares.
FILES_MAX = 4_096
#: More tensors than any model has; of a folder of more, only files of the same path are compared.
NAMES_MAX = 1_000_000


def guide_for(workspace: Workspace, files: Sequence[FoundFile], previous: Sequence[ObjectId], said: Said) -> Guide:
    """What the ingest of an artifact is told of the inside of its files. `previous` are commits, the likeliest first."""
    return Guide(spans=_Spans(files).of, near=_Nearest(workspace, previous, said).of)


class _Spans:
    """Where the tensors of an artifact's files lie in the work tree."""

    def __init__(self, files: Sequence[FoundFile]) -> None:
        models = {file.path: file.full for file in files if file.path.lower().endswith(ENDING)}
        self._beside = Beside(models, lambda path: FileSource(models[path]))

    def of(self, file: FoundFile) -> Sequence[Span]:
        """The tensors in a file itself, or those that a model keeps there."""
        if file.size < SPANS_FILE_BYTES_MIN:
            return ()
        with FileSource(file.full) as source:
            spans = tensor_spans(file.path or file.full, source)
        return spans or self._beside.spans(file.path, file.size)


class _Nearest:
    """The chunks of earlier manifests by their keys, each file read when it is first asked for."""

    def __init__(self, workspace: Workspace, previous: Sequence[ObjectId], said: Said) -> None:
        self._workspace = workspace
        self._said = said
        self._previous = previous
        self._versions: list[StoredTensors] | None = None
        self._lock = Lock()

    def of(self, path: str, wanted: Set[Key]) -> Mapping[Key, ObjectId]:
        """The chunks that those of a file probably resemble: from the same path, else from wherever the tensor was."""
        found: dict[Key, ObjectId] = {}
        for version in self._earlier():
            for file in version.holding(path, lambda: {name for name, _ in wanted - found.keys()}):
                try:
                    chunks = version.chunks(file)
                except (Absent, Corrupt):
                    continue
                for key in wanted - found.keys():
                    if key in chunks:
                        found[key] = chunks[key]
                if len(found) == len(wanted):
                    return found
        return found

    def _earlier(self) -> list["StoredTensors"]:
        with self._lock:
            if self._versions is None:
                trees = [files for id in (*self._previous, *self._declared()) if (files := self._files_of(id))]
                self._versions = [StoredTensors(self._workspace, files) for files in trees]
            return self._versions

    def _declared(self) -> list[ObjectId]:
        found = []
        for role in RESEMBLING:
            for item in self._said.roles:
                if item.role == role:
                    try:
                        found.append(self._workspace.resolve(item.text, start=self._said.start, bare=LATEST).manifest)
                    except PachaError:
                        # What is wrong with a role is said where it is made a parent.
                        continue
        return found

    def _files_of(self, id: ObjectId) -> dict[str, TreeFile]:
        objects = self._workspace.repository.objects
        found: dict[str, TreeFile] = {}
        try:
            for file in tree_files(objects, self._workspace.catalog.manifest(id).tree):
                found[file.path] = file
                if len(found) > FILES_MAX:
                    return {}
        except (Absent, Corrupt, NotFound):
            return {}
        return found


class StoredTensors:
    """The tensors in the files of one manifest. Any thread may ask."""

    def __init__(self, workspace: Workspace, files: Mapping[str, TreeFile]) -> None:
        self._objects = workspace.repository.objects
        self._files = files
        self._beside = Beside(files, lambda path: nullcontext(self._source(files[path])))
        self._lock = Lock()
        self._names: dict[str, list[TreeFile]] | None = None

    def holding(self, path: str, missing: Callable[[], Set[str]]) -> Iterator[TreeFile]:
        """Files with tensors of some names: first the one of the same path, then those that hold what is missing still.

        Tensors change their files where a file was renamed or a model has other shards.
        """
        if path in self._files:
            yield self._files[path]
        names = missing()
        if not names:
            return
        places = self._places()
        seen = {path}
        for name in sorted(names):
            for file in places.get(name, ()):
                if file.path not in seen:
                    seen.add(file.path)
                    yield file

    def _places(self) -> Mapping[str, Sequence[TreeFile]]:
        """The files that hold each tensor, by its name."""
        with self._lock:
            if self._names is None:
                names: dict[str, list[TreeFile]] = {}
                count = 0
                for file in self._files.values():
                    for span in self.spans(file):
                        names.setdefault(span.name, []).append(file)
                        count += 1
                    if count > NAMES_MAX:
                        names = {}
                        break
                self._names = names
            return self._names

    def chunks(self, file: TreeFile) -> dict[Key, ObjectId]:
        """The tensors' chunks of a file, where it was cut at its tensors. Errors: `Absent`, `Corrupt`."""
        cuts = plan(file.entry.size, self.spans(file))
        keys = {(cut.start, cut.length): cut.key for cut in cuts if cut.key and cut.element}
        found: dict[Key, ObjectId] = {}
        at = 0
        for length, link in pieces(self._objects, file.entry.link) if keys else ():
            key = keys.get((at, length))
            if key is not None:
                found.setdefault(key, link.id)
            at += length
        return found

    def spans(self, file: TreeFile) -> Sequence[Span]:
        """Where the tensors of a file lie; empty where that cannot be read."""
        if file.entry.link.type != "chunklist" or file.entry.size < SPANS_FILE_BYTES_MIN:
            return ()
        try:
            return tensor_spans(file.path, self._source(file)) or self._beside.spans(file.path, file.entry.size)
        except (Absent, Corrupt):
            return ()

    def _source(self, file: TreeFile) -> StoredFile:
        return StoredFile(self._objects, file.entry.link, file.entry.size)
