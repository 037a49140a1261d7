"""History: which manifests are heads, which are ancestors, in which order a log shows them."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from pacha.base.ids import ObjectId

#: Returns the `previous` manifests of one; empty where it is not known here.
Previous = Callable[[ObjectId], tuple[ObjectId, ...]]


def maximal(targets: Iterable[ObjectId], previous: Previous, created: Callable[[ObjectId], str]) -> set[ObjectId]:
    """The targets that are not an ancestor of another target: the heads of a set of ref files.

    The newest is asked first: what superseded the others is usually a few steps above them.

    >>> a, b = ObjectId(b"a" * 32), ObjectId(b"b" * 32)
    >>> maximal([a, b], lambda id: (a,) if id == b else (), lambda id: "") == {b}
    True
    """
    heads = set(targets)
    for start in sorted(heads, key=created, reverse=True):
        for ancestor in ancestors([start], previous):
            heads.discard(ancestor)
            if len(heads) == 1:
                return heads
    return heads


def ancestors(starts: Iterable[ObjectId], previous: Previous) -> Iterator[ObjectId]:
    """Yields every proper ancestor of the starts, each once, nearest first along each line."""
    seen: set[ObjectId] = set()
    todo = deque(parent for start in starts for parent in previous(start))
    while todo:
        id = todo.popleft()
        if id in seen:
            continue
        seen.add(id)
        yield id
        todo.extend(previous(id))


def newest_first(
    starts: Iterable[ObjectId], previous: Previous, created: Callable[[ObjectId], str]
) -> Iterator[ObjectId]:
    """Yields the starts and their ancestors, the newest first among those whose children were all shown.

    Two clocks may disagree, so a child always comes before its parents whatever their times say. Only as much history
    is read as is asked for, apart from lines that meet again.
    """
    seen: set[ObjectId] = set()
    queue: list[tuple[_Reversed, bytes, ObjectId]] = []
    for start in starts:
        if start not in seen:
            seen.add(start)
            heapq.heappush(queue, (_Reversed(created(start)), start.raw, start))
    while queue:
        _, _, id = heapq.heappop(queue)
        yield id
        for parent in previous(id):
            if parent not in seen:
                seen.add(parent)
                heapq.heappush(queue, (_Reversed(created(parent)), parent.raw, parent))


class _Reversed:
    """Orders texts the other way round."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: "_Reversed") -> bool:
        return self.text > other.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.text == other.text

    __hash__ = None  # type: ignore[assignment]
