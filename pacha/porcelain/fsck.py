"""`pacha fsck`: reads every byte of a repository and names everything that is wrong. Finds all, stops at nothing."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.graph.walk import is_data, is_leaf
from pacha.objects.types import Link, type_names
from pacha.porcelain.fsck_refs import RefChecker, check_graph
from pacha.porcelain.fsck_stages import check_stages
from pacha.porcelain.fsck_store import check_layout, check_meta, check_packs
from pacha.porcelain.gc import temporaries
from pacha.porcelain.held import Elsewhere
from pacha.porcelain.problems import Problem, Severity, problem
from pacha.porcelain.status import untracked_meta
from pacha.porcelain.workspace import Workspace
from pacha.refs.names import RefName
from pacha.refs.transaction import read_journals
from pacha.store.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class FsckReport:
    """Everything found. `absent` counts trees that manifests name and that were never fetched, and what of those that
    are here was left on a remote."""

    objects: int
    refs: int
    absent: int
    problems: tuple[Problem, ...]

    @property
    def is_clean(self) -> bool:
        """Tells whether nothing is lost or wrong; notices do not count."""
        return not any(found.severity is Severity.ERROR for found in self.problems)


def fsck(workspace: Workspace) -> FsckReport:
    """Checks layout, META, packs, refs, the whole graph, and what Git was told."""
    repository = workspace.repository
    repository.check_is_here()
    found: list[Problem] = [*check_layout(repository.root), *check_meta(repository.root)]
    found.extend(check_packs(repository.objects.data))
    checker = RefChecker(repository.refs, repository.objects)
    found.extend(checker.check())
    found.extend(check_stages(workspace))
    stored = _stored(repository.objects)
    graph, left = _apart(workspace, check_graph(repository.objects, {*stored, *checker.links.values()}))
    found.extend(graph)
    found.extend(_leftovers(workspace))
    return FsckReport(
        objects=len(stored),
        refs=len(checker.links),
        absent=len(_absent(repository.objects, stored) | left),
        problems=_with_refs(repository.objects, checker.links, _distinct(found)),
    )


def _stored(objects: Objects) -> set[Link]:
    found: set[Link] = set()
    for name in type_names():
        found.update(objects.links(name))
    return found


def _apart(workspace: Workspace, problems: Iterable[Problem]) -> tuple[list[Problem], set[Link]]:
    """Takes out what is not missing but left where it was: a pull may bring one version of many, or one file of a
    folder. What the remotes held is remembered; nobody is asked."""
    elsewhere = Elsewhere(workspace)
    found: list[Problem] = []
    left: set[Link] = set()
    for each in problems:
        if each.check == "missingObject" and each.object and is_data(each.object) and elsewhere.have(each.object.id):
            left.add(each.object)
        else:
            found.append(each)
    return found, left


def _absent(objects: Objects, stored: Iterable[Link]) -> set[Link]:
    missing: set[Link] = set()
    for link in stored:
        if link.type == "manifest":
            try:
                missing.update(inner for inner in objects.references(link) if not objects.has(inner))
            except (Absent, Corrupt):
                continue
    return missing


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


def _with_refs(objects: Objects, refs: dict[RefName, Link], problems: list[Problem]) -> tuple[Problem, ...]:
    """Adds to each damaged object the refs that reach it, by following the references backwards."""
    wanted = {found.object for found in problems if found.object is not None}
    if not wanted:
        return tuple(problems)
    parents: dict[Link, set[Link]] = {}
    seen: set[Link] = set()
    todo = list(refs.values())
    while todo:
        link = todo.pop()
        if link in seen:
            continue
        seen.add(link)
        try:
            references = () if is_leaf(link) else objects.references(link)
        except PachaError:
            continue
        for inner in references:
            parents.setdefault(inner, set()).add(link)
            todo.append(inner)
    names: dict[Link, list[str]] = {}
    for name, link in refs.items():
        names.setdefault(link, []).append(str(name))
    return tuple(
        replace(found, refs=_reaching(found.object, parents, names)) if found.object is not None else found
        for found in problems
    )


def _reaching(link: Link, parents: dict[Link, set[Link]], names: dict[Link, list[str]]) -> tuple[str, ...]:
    found: set[str] = set()
    seen: set[Link] = set()
    todo = [link]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        found.update(names.get(current, ()))
        todo.extend(parents.get(current, ()))
    return tuple(sorted(found))
