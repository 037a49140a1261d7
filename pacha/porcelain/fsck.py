"""`pacha fsck`: reads every byte of a repository and names everything that is wrong. Finds all, stops at nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Corrupt
from pacha.graph.walk import is_data
from pacha.objects.types import Link, type_names
from pacha.porcelain.concerns import with_refs
from pacha.porcelain.connect import Connection
from pacha.porcelain.erasures import Erasures
from pacha.porcelain.fsck_refs import RefChecker, check_graph
from pacha.porcelain.fsck_stages import check_stages
from pacha.porcelain.fsck_store import check_layout, check_meta, check_packs
from pacha.porcelain.gc import temporaries
from pacha.porcelain.held import HeldElsewhere
from pacha.porcelain.problems import Problem, Severity, problem
from pacha.porcelain.repair import Repaired, repair
from pacha.porcelain.status import untracked_meta
from pacha.porcelain.workspace import Workspace
from pacha.refs.transaction import read_journals
from pacha.store.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """Everything found. `absent` counts objects that are named and were not pulled, or not all of them.

    `repaired` says what was healed before this was found.
    """

    objects: int
    refs: int
    absent: int
    problems: tuple[Problem, ...]
    repaired: Repaired | None = None

    @property
    def is_clean(self) -> bool:
        """Tells whether nothing is lost or wrong; notices do not count."""
        return not any(found.severity is Severity.ERROR for found in self.problems)


def fsck(workspace: Workspace) -> FsckReport:
    """Checks layout, META, packs, refs, the whole graph, and what Git was told. Asks no remote for what is not here."""
    workspace.repository.check_is_here()
    with workspace.repository.objects.data.filled_by(None):
        return _fsck(workspace)


def _fsck(workspace: Workspace) -> FsckReport:
    repository = workspace.repository
    found: list[Problem] = [*check_layout(repository.root), *check_meta(repository.root)]
    found.extend(check_packs(repository.objects.data))
    checker = RefChecker(repository.refs, repository.objects)
    found.extend(checker.check())
    found.extend(check_stages(workspace))
    stored = _stored(repository.objects)
    partly, missing_here = _partly(workspace, check_graph(repository.objects, {*stored, *checker.links.values()}))
    found.extend(missing_here)
    found.extend(_leftovers(workspace))
    missing = _absent(repository.objects, stored)
    erased = _erased(workspace, missing)
    found.extend(erased.values())
    return FsckReport(
        objects=len(stored),
        refs=len(checker.links),
        absent=len({inner for link, inner in missing if link not in erased} | partly),
        problems=with_refs(repository.objects.references, checker.links, _distinct(found)),
    )


def fsck_repair(workspace: Workspace, connection: Connection) -> FsckReport:
    """Checks, heals what a remote can heal, and checks again. Errors: those of `repair`."""
    before = fsck(workspace)
    if before.is_clean:
        return before
    repaired = repair(workspace, connection, before.problems)
    return replace(fsck(workspace), repaired=repaired)


def _stored(objects: Objects) -> set[Link]:
    found: set[Link] = set()
    for name in type_names():
        found.update(objects.links(name))
    return found


def _absent(objects: Objects, stored: Iterable[Link]) -> list[tuple[Link, Link]]:
    """The manifests whose trees are not here, with these."""
    missing: list[tuple[Link, Link]] = []
    for link in stored:
        if link.type == "manifest":
            try:
                missing.extend((link, inner) for inner in objects.references(link) if not objects.has(inner))
            except (Absent, Corrupt):
                continue
    return missing


def _partly(workspace: Workspace, problems: Iterable[Problem]) -> tuple[set[Link], list[Problem]]:
    """What is named and not here because only a part was pulled: a remote was seen to have it. And what else is wrong."""
    elsewhere = HeldElsewhere(workspace)
    absent: set[Link] = set()
    left = []
    for found in problems:
        link = found.object
        if found.check == "missingObject" and link is not None and is_data(link) and elsewhere.have(link.id):
            absent.add(link)
        else:
            left.append(found)
    return absent, left


def _erased(workspace: Workspace, missing: Iterable[tuple[Link, Link]]) -> dict[Link, Problem]:
    """Those of some manifests whose bytes were erased, each with what was said then."""
    known = {erasure.manifest: erasure for erasure in Erasures(workspace.repository).here()}
    return {
        link: problem("erased", f"{link}: {known[link.id].text}", object=link)
        for link, _ in missing
        if link.id in known
    }


def _leftovers(workspace: Workspace) -> list[Problem]:
    """What the next writing command, gc or `git add` puts right."""
    repository = workspace.repository
    shared = repository.shared
    found = [
        problem("tmpLeftover", f"{shared.full(item.path)}: {item.reason}", path=shared.full(item.path))
        for item in temporaries(workspace)
    ]
    for journal in read_journals(shared, now=0.0):
        if not journal.is_alive:
            count = len(journal.unfinished)
            text = f"{shared.full(journal.path)}: {count} unfinished transactions of a process that is gone"
            found.append(problem("deadInflight", text, path=shared.full(journal.path)))
    names, _ = untracked_meta(workspace)
    found.extend(problem("untrackedMeta", f"{name}: Git does not track it", path=name) for name in names)
    return found


def _distinct(problems: Iterable[Problem]) -> list[Problem]:
    return list(dict.fromkeys(problems))
