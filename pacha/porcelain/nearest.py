"""What the bytes of an artifact probably resemble: the same tensors of the version before, or of a declared base.

Only where bytes are stored depends on this, never an id. What cannot be read here is passed over.
"""

from collections.abc import Mapping, Sequence

from pacha.base.errors import Absent, Corrupt, NotFound, PachaError
from pacha.base.ids import ObjectId
from pacha.base.spans import Span
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


def guide_for(workspace: Workspace, previous: Sequence[ObjectId], said: Said, bases: Sequence[ObjectId] = ()) -> Guide:
    """What the ingest of an artifact is told of the inside of its files. `bases` are commits that a person named."""
    nearest = _Nearest(workspace, (*bases, *previous), said)
    return Guide(spans=spans_of_file, near=nearest.of)


def spans_of_file(file: FoundFile) -> Sequence[Span]:
    """Where the tensors of a file of the work tree lie."""
    if file.size < SPANS_FILE_BYTES_MIN:
        return ()
    with FileSource(file.full) as source:
        return tensor_spans(file.path or file.full, source)


class _Nearest:
    """The chunks of earlier manifests by their keys, file by file, each read when it is first asked for."""

    def __init__(self, workspace: Workspace, previous: Sequence[ObjectId], said: Said) -> None:
        self._workspace = workspace
        self._said = said
        self._previous = previous
        self._files: list[dict[str, TreeFile]] | None = None

    def of(self, path: str) -> Mapping[Key, ObjectId]:
        """The chunks that those of a file probably resemble."""
        found: dict[Key, ObjectId] = {}
        for files in self._earlier():
            # An artifact of one file may have been renamed: its tensors are found all the same.
            file = files.get(path) or (next(iter(files.values())) if len(files) == 1 else None)
            if file is None:
                continue
            try:
                for key, id in chunks_of(self._workspace, file).items():
                    found.setdefault(key, id)
            except (Absent, Corrupt):
                continue
        return found

    def _earlier(self) -> list[dict[str, TreeFile]]:
        if self._files is None:
            self._files = [files for id in (*self._previous, *self._declared()) if (files := self._files_of(id))]
        return self._files

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


def chunks_of(workspace: Workspace, file: TreeFile) -> dict[Key, ObjectId]:
    """The tensors' chunks of a stored file, where it was cut at its tensors. Errors: `Absent`, `Corrupt`."""
    objects = workspace.repository.objects
    if file.entry.link.type != "chunklist" or file.entry.size < SPANS_FILE_BYTES_MIN:
        return {}
    spans = tensor_spans(file.path, StoredFile(objects, file.entry.link, file.entry.size))
    keys = {(cut.start, cut.length): cut.key for cut in plan(file.entry.size, spans) if cut.key and cut.element}
    found: dict[Key, ObjectId] = {}
    at = 0
    for length, link in pieces(objects, file.entry.link) if keys else ():
        key = keys.get((at, length))
        if key is not None:
            found.setdefault(key, link.id)
        at += length
    return found
