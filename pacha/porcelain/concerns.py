"""Which refs some damage concerns, by following references backwards from it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from pacha.base.errors import PachaError
from pacha.graph.walk import is_leaf
from pacha.objects.types import Link
from pacha.porcelain.problems import Problem
from pacha.refs.names import RefName

References = Callable[[Link], Iterable[Link]]


class Concerns:
    """The references behind some refs, each read once. What cannot be read leads nowhere."""

    def __init__(self, references: References, refs: Mapping[RefName, Link]) -> None:
        self._parents: dict[Link, set[Link]] = {}
        self._names: dict[Link, list[str]] = {}
        seen: set[Link] = set()
        todo = list(refs.values())
        while todo:
            link = todo.pop()
            if link in seen:
                continue
            seen.add(link)
            try:
                inner = () if is_leaf(link) else references(link)
            except PachaError:
                continue
            for each in inner:
                self._parents.setdefault(each, set()).add(link)
                todo.append(each)
        for name, link in refs.items():
            self._names.setdefault(link, []).append(str(name))

    def of(self, links: Iterable[Link]) -> tuple[str, ...]:
        """The refs that reach any of some objects, sorted."""
        found: set[str] = set()
        seen: set[Link] = set()
        todo = list(links)
        while todo:
            link = todo.pop()
            if link in seen:
                continue
            seen.add(link)
            found.update(self._names.get(link, ()))
            todo.extend(self._parents.get(link, ()))
        return tuple(sorted(found))


def with_refs(references: References, refs: Mapping[RefName, Link], problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Adds to each damaged object the refs that reach it."""
    if not any(found.object is not None for found in problems):
        return tuple(problems)
    concerns = Concerns(references, refs)
    return tuple(
        replace(found, refs=concerns.of([found.object])) if found.object is not None and not found.refs else found
        for found in problems
    )
