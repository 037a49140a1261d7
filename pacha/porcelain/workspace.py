"""An open repository with everything a verb needs: catalog, index, drafts, and what each path of the work tree holds."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Protocol, TypeVar, cast

from pacha.base.errors import Absent, Ambiguous, Corrupt, NotFound, Usage
from pacha.base.ids import ObjectId
from pacha.base.names import ArtifactName
from pacha.graph.trees import TreeFile, pieces, tree_files
from pacha.index.index import Index
from pacha.index.summaries import Summaries
from pacha.objects.manifest import Manifest
from pacha.porcelain.erasures import explain_absence
from pacha.registry.catalog import Catalog, NoSuchArtifact
from pacha.registry.resolve import HEAD, PinMismatch, Revision, resolve
from pacha.registry.stage_rules import SECTION, StageRules, read_stage_rules
from pacha.repo.layout import FOLDER
from pacha.repo.repository import Repository
from pacha.repo.session import Session
from pacha.worktree.drafts import (
    DRAFTS,
    MEMORY,
    Draft,
    Memory,
    decode_draft,
    decode_memory,
    draft_file,
    memory_file,
)

#: References of older programs: a path, relative or absolute.
FILE_SCHEME = "file://"
#: Names the remote that bytes which are not here come from when they are read: `clone --no-data` writes it.
ON_DEMAND = "local/on-demand"
#: What this machine remembers of remotes: derived, and safe to remove.
REMEMBERED = "local/remotes"
_Made = TypeVar("_Made")


class OutsideWorkTree(Usage):
    """A path is not below the folder that holds `.pacha`."""


class NotInWorkTree(Usage):
    """An artifact has no path in this work tree."""

    def __init__(self, artifact: ArtifactName) -> None:
        super().__init__(
            f"{artifact} has no path in this work tree",
            hint="compare two revisions, or write it out: `pacha checkout REF --to PATH`",
            artifact=str(artifact),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A path of the work tree that an artifact lives at, with what is remembered of it."""

    artifact: ArtifactName
    path: str
    memory: Memory | None
    draft: Draft | None
    heads: tuple[ObjectId, ...]


class Elsewhere(Protocol):
    """A remote that missing objects come from."""

    def bring(self, manifests: Sequence[tuple[ObjectId, Manifest]], paths: Sequence[str] = ()) -> None:
        """Fetches the bytes of manifests, or of some paths in them, before they are read one by one."""

    def complete(self) -> None:
        """Fetches every META object: for questions about all of history."""

    def close(self) -> None:
        """Lets go of the remote."""


class Workspace:
    """What verbs share. Answers are remembered for one command; a writing verb makes a new one afterwards."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        #: Where missing objects come from, if they do.
        self.elsewhere: Elsewhere | None = None
        self._session: Session | None = None
        repository.objects.data.explain = lambda link: explain_absence(repository, link)

    @cached_property
    def index(self) -> Index:
        """The cache."""
        return Index(self.repository)

    def once(self, make: Callable[[Index], _Made]) -> _Made:
        """What is made of the index, remembered for one command: not every command needs what it takes to make it."""
        made: dict[object, Any] = self.__dict__.setdefault("made", {})
        if make not in made:
            if self.elsewhere is not None:
                # The index is made of files: all of history must be here.
                self.elsewhere.complete()
            made[make] = make(self.index)
        return cast("_Made", made[make])

    @cached_property
    def catalog(self) -> Catalog:
        """What is registered, versions by way of the index."""
        repository = self.repository
        return Catalog(repository.refs, repository.objects, self.index, stages=self.index, rules=lambda: self.rules)

    def summaries(self, artifact: ArtifactName) -> Summaries:
        """What the manifests of an artifact say, in short, by way of the index."""
        root = self.repository.root
        return Summaries(artifact, self.index.cache, root, self.catalog.manifest, self.index.clock_ns)

    @cached_property
    def rules(self) -> StageRules:
        """The rules of stages. Errors: `BadStageRules`."""
        section = self.repository.config.section(SECTION)
        return read_stage_rules(section.values, place=section.origin.place)

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Begins to write. Within an open session it is that one: many verbs then share one journal and its flushes."""
        if self._session is not None:
            try:
                yield self._session
            except BaseException:
                self._session.discard()
                raise
            finally:
                self._forget()
            return
        with Session(self.repository) as session:
            self._session = session
            try:
                yield session
            finally:
                self._session = None
                self._forget()

    def _forget(self) -> None:
        """Looks again at what was remembered for one command."""
        for name in ("catalog", "known", "known_at", "made"):
            self.__dict__.pop(name, None)

    def bring(self, manifest: ObjectId, paths: Sequence[str] = ()) -> None:
        """Fetches the bytes of a manifest, or of some paths in it, where bytes come from elsewhere when they are read."""
        if self.elsewhere is not None:
            self.elsewhere.bring([(manifest, self.catalog.manifest(manifest))], paths)

    def close(self) -> None:
        """Closes what is open."""
        if "index" in self.__dict__:
            self.index.close()
        self.repository.close()

    # -- paths -----------------------------------------------------------------------------------------------------

    def relative(self, path: str, *, start: str) -> str:
        """A path as the work tree names it: relative, '/'-separated, '' for the work tree itself.

        Errors: `OutsideWorkTree`, also for paths in `.pacha` and `.git`.
        """
        top = os.path.realpath(self.repository.work_tree)
        full = os.path.normpath(os.path.join(start, path))
        # The last component is not resolved: a link itself is what was named.
        full = os.path.join(os.path.realpath(os.path.dirname(full)), os.path.basename(full))
        if os.path.realpath(full) == top:
            return ""
        inside = os.path.relpath(full, top).replace(os.sep, "/")
        first = inside.split("/")[0]
        if first == ".." or first in (FOLDER, ".git"):
            raise OutsideWorkTree(
                f"{path}: not a path that can be tracked in {top}",
                hint=f"track files below {top}, outside {FOLDER} and .git",
                path=path,
            )
        return inside

    def full(self, relative: str) -> str:
        """The path on disk of a path of the work tree."""
        return os.path.join(self.repository.work_tree, relative) if relative else self.repository.work_tree

    # -- state -----------------------------------------------------------------------------------------------------

    def draft(self, artifact: ArtifactName) -> Draft | None:
        """The staged draft of an artifact."""
        data = self.repository.read_state(draft_file(artifact))
        return None if data is None else decode_draft(data, path=self.repository.root.full(draft_file(artifact)))

    def drafts(self) -> list[Draft]:
        """All staged drafts, by artifact."""
        found = []
        for path in self.repository.state_files(DRAFTS):
            data = self.repository.read_state(path)
            if data is not None and path.endswith(".json"):
                found.append(decode_draft(data, path=self.repository.root.full(path)))
        return sorted(found, key=lambda draft: str(draft.artifact))

    def memory(self, artifact: ArtifactName) -> Memory | None:
        """What the artifact's path was last seen to hold."""
        data = self.repository.read_state(memory_file(artifact))
        return None if data is None else decode_memory(data, path=self.repository.root.full(memory_file(artifact)))

    def memories(self) -> Iterator[Memory]:
        """Everything remembered of paths."""
        for path in self.repository.state_files(MEMORY):
            data = self.repository.read_state(path)
            if data is not None and path.endswith(".json"):
                yield decode_memory(data, path=self.repository.root.full(path))

    def is_here(self, manifest: ObjectId) -> bool:
        """Tells whether this checkout has a manifest: a switch of branches takes it away."""
        try:
            self.catalog.manifest(manifest)
        except (Absent, Corrupt):
            return False
        return True

    @cached_property
    def known(self) -> dict[str, Known]:
        """What each path stands for; where several artifacts live at one, the one that is staged there, or the last."""
        return {path: _first_choice(here) for path, here in self.known_at.items()}

    @property
    def every_known(self) -> Iterator[Known]:
        """Every artifact that lives at a path, by path."""
        return chain.from_iterable(self.known_at.values())

    @cached_property
    def known_at(self) -> dict[str, tuple[Known, ...]]:
        """The artifacts that live at each path, by name: from drafts, from memory, and from the heads of this checkout."""
        if self.repository.is_view:
            return {}
        paths: dict[ArtifactName, str] = {}
        heads = {artifact: tuple(self.catalog.heads(artifact)) for artifact in self.catalog.artifacts()}
        for artifact in heads:
            path = self._head_path(heads[artifact])
            if path is not None:
                paths[artifact] = path
        memories = {memory.artifact: memory for memory in self.memories()}
        drafts = {draft.artifact: draft for draft in self.drafts()}
        for artifact, memory in memories.items():
            if artifact in paths or artifact in drafts:
                paths[artifact] = memory.path
        for artifact, draft in drafts.items():
            if draft.path is not None:
                paths[artifact] = draft.path
        found: dict[str, tuple[Known, ...]] = {}
        for artifact, path in sorted(paths.items(), key=lambda item: str(item[0])):
            known = Known(
                artifact=artifact,
                path=path,
                memory=memories.get(artifact),
                draft=drafts.get(artifact),
                heads=heads.get(artifact, ()),
            )
            found[path] = (*found.get(path, ()), known)
        return found

    def known_artifact(self, artifact: ArtifactName) -> Known | None:
        """What is known of an artifact's path, or None if it has none here."""
        return next((known for known in self.every_known if known.artifact == artifact), None)

    def _head_path(self, heads: tuple[ObjectId, ...]) -> str | None:
        for id in heads:
            try:
                manifest: Manifest = self.catalog.manifest(id)
            except (Absent, Corrupt):
                continue
            if manifest.path is not None:
                return manifest.path
        return None

    def base_of(self, artifact: ArtifactName) -> tuple[tuple[ObjectId, ...], str | None]:
        """What the next commit of an artifact comes after, and a note where that is not what its path was known to hold.

        Errors: `Ambiguous` if there are several heads and the path holds none of them.
        """
        memory = self.memory(artifact)
        if memory is not None and self.is_here(memory.manifest):
            return (memory.manifest,), None
        heads = self.catalog.heads(artifact)
        note = None
        if memory is not None:
            note = (
                f"{memory.path} held manifest:{memory.manifest.short}, which is not in this checkout; "
                "the next commit comes after this checkout's head"
            )
        if len(heads) > 1:
            raise Ambiguous(
                f"{artifact} has {len(heads)} heads, and it is not known which of them {artifact.name} was made from",
                candidates=tuple(f"manifest:{id.short}" for id in heads),
                hint=f"settle them first: `pacha resolve {artifact.name} --keep REF`",
            )
        return tuple(heads), note

    # -- references ------------------------------------------------------------------------------------------------

    def resolve(self, text: str, *, start: str, bare: str = HEAD) -> Revision:
        """What a reference, or the path of a committed artifact, names.

        `./…`, absolute paths and the old `file://…` are always paths.
        Errors: those of `registry.resolve`, and `NotFound` for a path that no artifact lives at.
        """
        if text.startswith(FILE_SCHEME):
            text = os.path.join(".", text.removeprefix(FILE_SCHEME))
        if text.startswith(("./", "../", "/")) or text in (".", ".."):
            return self._resolve_path(text, start=start, bare=bare)
        try:
            return self._pinned(resolve(self.catalog, text, bare=bare))
        except (NoSuchArtifact, Usage) as error:
            if os.path.lexists(os.path.join(start, text)) or text in self.known:
                try:
                    return self._resolve_path(text, start=start, bare=bare)
                except (NotFound, Usage):
                    raise error from None
            raise

    def _pinned(self, revision: Revision) -> Revision:
        """Checks a sha256 pin by hashing the bytes, which must be here. Errors: `PinMismatch`, `Absent`, `Usage`."""
        if revision.sha256 is None:
            return revision
        # It takes a tenth of a command's start to load, for something that few references have.
        import hashlib

        files = list(tree_files(self.repository.objects, self.catalog.manifest(revision.manifest).tree))
        if revision.entry is not None and not revision.entry.is_folder:
            files = [TreeFile(revision.path or revision.entry.name, revision.entry)]
        if len(files) != 1:
            raise Usage(f"{revision.text}: a sha256 pin is for one file, and this is {len(files)}")
        state = hashlib.sha256()
        for length, link in pieces(self.repository.objects, files[0].entry.link):
            del length
            state.update(self.repository.objects.data.read(link))
        if not state.hexdigest().startswith(revision.sha256):
            raise PinMismatch(
                f"{revision.text}: the pin does not fit: the bytes have sha256 {state.hexdigest()}",
                hint="somebody changed what the name stands for, or the pin is wrong",
            )
        return revision

    def _resolve_path(self, text: str, *, start: str, bare: str) -> Revision:
        path = text if text in self.known and not text.startswith(".") else self.relative(text, start=start)
        known = self.known.get(path)
        if known is None:
            raise NotFound(f"{text}: no artifact lives at this path", hint=f"`pacha add {text}` tracks it", path=path)
        return resolve(self.catalog, str(known.artifact), bare=bare)


def _first_choice(here: Sequence[Known]) -> Known:
    return next((known for known in here if known.draft is not None), here[-1])
