"""What must be kept: everything that any ref, draft, memory, unfinished work, work tree or Git history names.

Where one of these cannot be asked, the answer is an error, never a shorter list.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pacha.base.errors import Absent, Corrupt, MachineFailed, PachaError
from pacha.base.files import NoSuchFile, Root
from pacha.base.ids import ObjectId, hash_bytes
from pacha.graph.walk import is_data, walk
from pacha.index.index import read_manifests
from pacha.objects.manifest import Manifest
from pacha.objects.types import Link, type_named
from pacha.porcelain.held import HeldElsewhere
from pacha.porcelain.workspace import Workspace
from pacha.refs.transaction import Journaled, read_journals
from pacha.repo.git import Git, GitFailed
from pacha.repo.repository import STATE_BYTES_MAX, Repository
from pacha.store.meta import MetaStore, meta_path
from pacha.worktree.drafts import DRAFTS, MEMORY, Draft, decode_draft, decode_memory

#: Git blobs are asked for so many at a time: a bound on memory.
BLOBS_PER_QUESTION = 2_000


class WorkTreeGone(MachineFailed):
    """A linked work tree that Git knows of is not there, so what its drafts need cannot be asked."""


class CannotCollect(Corrupt):
    """The store is damaged where gc must be sure; it deletes nothing."""


@dataclass(slots=True, kw_only=True)
class Roots:
    """Links to start from, also by where they come from, and the packs that live processes rely on."""

    links: set[Link] = field(default_factory=set)
    claimed: set[ObjectId] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    named: dict[str, set[Link]] = field(default_factory=dict)

    def add(self, source: str, links: Iterable[Link]) -> None:
        """Adds links and counts where they come from."""
        found = set(links)
        self.links |= found
        self.sources[source] = self.sources.get(source, 0) + len(found)
        self.named.setdefault(source, set()).update(found)


def collect(workspace: Workspace) -> Roots:
    """Finds every root. Errors: `GitFailed`, `WorkTreeGone`, `CannotCollect`, `BadRef`, `BadState`."""
    roots = collect_here(workspace)
    add_elsewhere(workspace, roots)
    return roots


def collect_here(workspace: Workspace) -> Roots:
    """Finds the roots that this checkout has itself. Errors: `BadRef`, `BadState`."""
    repository = workspace.repository
    roots = Roots()
    roots.add("refs", _ref_links(repository))
    roots.add("drafts", (link for draft in workspace.drafts() for link in draft_links(draft)))
    roots.add("memory", _memory_links(workspace))
    journals = read_journals(repository.shared, now=repository.shared.clock_ns() / 1e9)
    roots.add("unfinished", _journal_links(repository, journals))
    for journal in journals:
        if journal.is_alive:
            roots.claimed |= journal.packs
    return roots


def add_elsewhere(workspace: Workspace, roots: Roots) -> None:
    """Adds what Git and its other work trees name. Errors: `GitFailed`, `WorkTreeGone`, `CannotCollect`, `BadState`."""
    if workspace.repository.git is not None:
        _add_git(workspace, workspace.repository.git, roots)


def _ref_links(repository: Repository) -> Iterator[Link]:
    for name in repository.refs.walk():
        link = repository.refs.read(name)
        if link is not None:
            yield link


def _memory_links(workspace: Workspace) -> Iterator[Link]:
    for memory in workspace.memories():
        if workspace.is_here(memory.manifest):
            yield Link("manifest", memory.manifest)


def _journal_links(repository: Repository, journals: Iterable[Journaled]) -> Iterator[Link]:
    for journal in journals:
        for transaction in journal.unfinished:
            pairs = [*transaction.create, *([transaction.refusable] if transaction.refusable else [])]
            for _, link in pairs:
                if repository.objects.has(link):
                    yield link


def _add_git(workspace: Workspace, git: Git, roots: Roots) -> None:
    """Everything that Git could bring back: all history, every index, every linked work tree and its drafts."""
    repository = workspace.repository
    inside = git.relative(repository.root.path)
    folder = f"{inside}/objects/manifest"
    blobs = dict.fromkeys(blob for _, blob in git.history_files(folder))
    for work_tree in git.work_trees():
        if not os.path.isdir(work_tree):
            raise WorkTreeGone(
                f"gc deletes nothing: the linked work tree {work_tree} is not there, and its drafts may need bytes",
                hint="if it is gone for good, run `git worktree prune`; if it was moved, `git worktree repair` there",
                path=work_tree,
            )
        blobs.update((blob, None) for _, blob in git.staged_files(work_tree, folder))
        other = Root(os.path.join(work_tree, inside))
        if os.path.realpath(other.path) != os.path.realpath(repository.root.path) and os.path.isdir(other.path):
            roots.add("work trees", _other_links(other))
    names = list(blobs)
    for start in range(0, len(names), BLOBS_PER_QUESTION):
        for _, data in git.read_blobs(names[start : start + BLOBS_PER_QUESTION]):
            roots.add("git", _manifest_links(data))


def manifest_in_git(workspace: Workspace, id: ObjectId) -> Manifest | None:
    """A manifest that this checkout does not have and some commit of Git does; None if there is none."""
    repository = workspace.repository
    if repository.git is None:
        return None
    path = f"{repository.git.relative(repository.root.path)}/{meta_path(Link('manifest', id))}"
    try:
        blobs = [blob for _, blob in repository.git.history_files(path)]
        found = [data for _, data in repository.git.read_blobs(blobs) if hash_bytes(data) == id]
    except GitFailed:
        return None
    manifest = type_named("manifest").decode(found[0]) if found else None
    return manifest if isinstance(manifest, Manifest) else None


def _other_links(other: Root) -> Iterator[Link]:
    for link, found in read_manifests(other):
        if isinstance(found, PachaError):
            raise CannotCollect(
                f"gc deletes nothing: {found.message}", hint="run `pacha fsck` in that work tree", object=str(link)
            )
        yield from _data_references(found)
    yield from _other_drafts(other)


def _other_drafts(other: Root) -> Iterator[Link]:
    for path in other.walk(DRAFTS):
        try:
            draft = decode_draft(other.read(path, size_max=STATE_BYTES_MAX), path=other.full(path))
        except NoSuchFile:
            continue
        yield from draft_links(draft)


def checked_out_elsewhere(workspace: Workspace) -> Iterator[Link]:
    """The DATA of what the paths of other work trees hold, and of what is staged there.

    Errors: `WorkTreeGone`, `GitFailed`, `BadState`.
    """
    repository = workspace.repository
    if repository.git is None:
        return
    inside = repository.git.relative(repository.root.path)
    for work_tree in repository.git.work_trees():
        other = Root(os.path.join(work_tree, inside))
        if os.path.realpath(other.path) == os.path.realpath(repository.root.path) or not os.path.isdir(other.path):
            continue
        yield from _other_drafts(other)
        meta = MetaStore(other)
        for path in other.walk(MEMORY):
            try:
                memory = decode_memory(other.read(path, size_max=STATE_BYTES_MAX), path=other.full(path))
                yield from _data_references(type_named("manifest").decode(meta.read(Link("manifest", memory.manifest))))
            except (NoSuchFile, Absent):
                # The branch that had it is not checked out there, so its bytes are not either.
                continue


def draft_links(draft: Draft) -> Iterator[Link]:
    """What a draft needs until it is committed."""
    yield Link("tree", draft.content.tree)
    if draft.facts_detail is not None:
        yield Link("blob", draft.facts_detail)


def _manifest_links(data: bytes) -> Iterator[Link]:
    """What a manifest in Git's history names. A file that is none, or has its line ends changed, is tried as text."""
    try:
        yield from _data_references(type_named("manifest").decode(data.replace(b"\r\n", b"\n")))
    except Corrupt as error:
        # It was damaged when it was committed, and no checkout of it could be read either.
        del error


def _data_references(manifest: Manifest) -> Iterator[Link]:
    return (link for link in type_named("manifest").references(manifest) if is_data(link))


def mark(workspace: Workspace, roots: Iterable[Link]) -> set[ObjectId]:
    """Every DATA object that the roots reach. Errors: `CannotCollect` where something is damaged or missing."""
    live: set[ObjectId] = set()
    # Where only a part of a version was pulled, a remote has the rest.
    elsewhere = HeldElsewhere(workspace)
    for visit in walk(workspace.repository.objects, roots):
        if is_data(visit.link):
            live.add(visit.link.id)
        if visit.error is None:
            continue
        never_fetched = (
            isinstance(visit.error, Absent)
            and is_data(visit.link)
            and (not _is_stored(visit.via) or bool(elsewhere.have(visit.link.id)))
        )
        if not never_fetched:
            raise CannotCollect(
                f"gc deletes nothing: {visit.error.message}",
                hint="run `pacha fsck`; gc works again when the store is whole",
                object=str(visit.link),
            ) from visit.error
    return live


def _is_stored(via: Link | None) -> bool:
    """Tells whether the one that names an object lies in packs too: then the object must be here as well (I1)."""
    return via is not None and is_data(via)
