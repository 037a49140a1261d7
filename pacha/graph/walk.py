"""The closure of some objects: everything they reach through `ObjectType.references`. Knows no type by name."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt
from pacha.objects.types import Link, Storage, type_named
from pacha.store.objects import Objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One object met on a walk: present, absent or damaged. `via` names the object that led here, None for a root."""

    link: Link
    via: Link | None
    error: Absent | Corrupt | None = None


def walk(
    objects: Objects,
    roots: Iterable[Link],
    *,
    enter: Callable[[Link], bool] = lambda link: True,
) -> Iterator[Visit]:
    """Visits every object that the roots reach, each once, a parent before its children.

    `enter` says whether to look inside an object; leaves are not read. A missing or damaged object is visited with
    its error and the walk goes on. Iterative, so that no depth can exhaust the stack; a forged cycle ends.
    """
    seen: set[Link] = set()
    todo: list[tuple[Link, Link | None]] = [(root, None) for root in roots]
    while todo:
        link, via = todo.pop()
        if link in seen:
            continue
        seen.add(link)
        if is_leaf(link) or not enter(link):
            yield Visit(link=link, via=via)
            continue
        try:
            references = objects.references(link)
        except (Absent, Corrupt) as error:
            yield Visit(link=link, via=via, error=error)
            continue
        yield Visit(link=link, via=via)
        todo.extend((reference, link) for reference in references if reference not in seen)


def is_leaf(link: Link) -> bool:
    """Tells whether an object of this type can have no references, so that a walk need not read it."""
    return type_named(link.type).is_leaf


def is_data(link: Link) -> bool:
    """Tells whether an object lives in packs."""
    return type_named(link.type).storage is Storage.DATA
