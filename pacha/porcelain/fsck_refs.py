"""The part of fsck that follows names: refs, what they promise of what they name, and the whole graph behind them."""

import stat
from collections.abc import Iterable, Iterator

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.files import Root
from pacha.graph.trees import tree_files
from pacha.graph.walk import is_data, is_leaf
from pacha.objects.manifest import Manifest
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.tree import artifact_digest
from pacha.objects.types import Link
from pacha.porcelain.fsck_store import check_of
from pacha.porcelain.problems import Problem, problem
from pacha.refs.names import BadRefName, RefName, head_ref, stage_ref, version_ref
from pacha.refs.store import BadRef, RefStore
from pacha.store.objects import Objects

_TARGETS = {
    "heads": "manifest", "runs": "manifest", "versions": "tag", "stages": "move", "attestations": "attestation",
}  # fmt: skip


class RefChecker:
    """Reads all refs of one checkout; `links` is what the sound ones name."""

    def __init__(self, refs: RefStore, objects: Objects) -> None:
        self._refs = refs
        self._objects = objects
        self.links: dict[RefName, Link] = {}

    def check(self) -> Iterator[Problem]:
        """Every file below `refs`, then what the refs promise of their targets."""
        for path in self._refs.root.walk("refs"):
            yield from self._check_file(self._refs.root, path)
        for name, link in sorted(self.links.items()):
            yield from self._check_target(name, link)
        yield from self._check_versions()
        yield from self._check_stages()

    def _check_file(self, root: Root, path: str) -> Iterator[Problem]:
        full = root.full(path)
        try:
            name = RefName(path)
        except BadRefName as error:
            state = root.stat(path)
            is_link = state is not None and stat.S_ISLNK(state.st_mode)
            yield problem("symlinkRef" if is_link else "badRefName", f"{full}: {error.message}", path=full)
            return
        try:
            link = self._refs.read(name)
        except BadRef as error:
            yield problem(error.check, error.message, path=full)
            return
        if link is not None:
            self.links[name] = link

    def _check_target(self, name: RefName, link: Link) -> Iterator[Problem]:
        full = self._refs.root.full(name.text)
        if link.type != _TARGETS[name.namespace]:
            yield problem("badRefContent", f"{full}: names a {link.type}", path=full, object=link)
            return
        try:
            value = self._objects.load(link)
        except Absent as error:
            yield problem("refMissingTarget", f"{full}: {error.message}", path=full, object=link)
            return
        except Corrupt:
            # The object's own file is reported where it lies.
            return
        if name != _promised(name, link, value):
            yield problem("wrongTag", f"{full}: names {link}, which is about something else", path=full, object=link)

    def _check_versions(self) -> Iterator[Problem]:
        seen: dict[tuple[str, tuple[object, ...]], RefName] = {}
        for name, link in sorted(self.links.items()):
            if name.namespace != "versions" or link.type != "tag":
                continue
            try:
                tag = self._objects.load(link)
            except (Absent, Corrupt):
                continue
            assert isinstance(tag, Tag)
            other = seen.setdefault((name.folder, tag.version.precedence), name)
            if other != name:
                full = self._refs.root.full(name.text)
                yield problem("duplicateVersion", f"{full}: equals {other.last} in precedence", path=full, object=link)

    def _check_stages(self) -> Iterator[Problem]:
        folders = sorted({name.folder for name in self.links if name.namespace == "stages"})
        for folder in folders:
            before: Link | None = None
            for number, (name, link) in enumerate(self._entries(folder), start=1):
                full = self._refs.root.full(name.text)
                if int(name.last) != number:
                    yield problem(
                        "refGap", f"{full}: entry {number} of the stage log is missing", path=full, object=link
                    )
                    break
                try:
                    move = self._objects.load(link)
                except (Absent, Corrupt):
                    break
                if isinstance(move, Move) and move.prev != (None if before is None else before.id):
                    yield problem("refFork", f"{full}: does not follow the entry before", path=full, object=link)
                before = link

    def _entries(self, folder: str) -> list[tuple[RefName, Link]]:
        return sorted(
            (name, link) for name, link in self.links.items() if name.folder == folder and name.last.isdecimal()
        )


def _promised(name: RefName, link: Link, value: object) -> RefName | None:
    """The ref under which an object must lie; None where that cannot be said."""
    try:
        if isinstance(value, Manifest) and name.namespace == "heads":
            return head_ref(value.artifact, link.id)
        if isinstance(value, Tag):
            return version_ref(value.artifact, value.version)
        if isinstance(value, Move):
            return stage_ref(value.artifact, value.number)
    except PachaError:
        return None
    return name


def check_graph(objects: Objects, roots: Iterable[Link]) -> Iterator[Problem]:
    """Follows everything that is stored: what a stored object names must be here, unless it was never fetched."""
    seen: set[Link] = set()
    todo: list[tuple[Link, Link | None]] = [(root, None) for root in roots]
    while todo:
        link, via = todo.pop()
        if link in seen:
            continue
        seen.add(link)
        try:
            if not objects.has(link):
                yield from _missing(link, via)
                continue
            if is_leaf(link):
                continue
            todo.extend((inner, link) for inner in objects.references(link))
        except Absent:
            continue
        except PachaError:
            # Damage is reported where the bytes lie, by the readers of files.
            continue
        if link.type == "manifest":
            yield from _check_sums(objects, link)


def _missing(link: Link, via: Link | None) -> Iterator[Problem]:
    if via is None:
        return
    if not is_data(link):
        check = "missingParent" if link.type == via.type else "missingObject"
        yield problem(check, f"{via} names {link}, which is not here", object=link)
    elif is_data(via):
        yield problem("missingObject", f"{via} is here and names {link}, which is not", object=link)


def _check_sums(objects: Objects, link: Link) -> Iterator[Problem]:
    """Whether the files in a manifest's tree are those that it promises."""
    manifest = objects.load(link)
    assert isinstance(manifest, Manifest)
    try:
        files = [file.listed() for file in tree_files(objects, manifest.tree)]
    except Absent:
        return
    except PachaError as error:
        yield problem(check_of(error), f"{link}: {error.message}", object=link)
        return
    digest = files[0].digest if manifest.shape == "file" and len(files) == 1 else artifact_digest(files)
    if digest != manifest.digest:
        yield problem("digestMismatch", f"{link}: its tree holds files of the digest {digest.short}", object=link)
    size = sum(file.size for file in files)
    if size != manifest.size:
        yield problem("sizeMismatch", f"{link}: its tree holds {size} bytes, not {manifest.size}", object=link)
