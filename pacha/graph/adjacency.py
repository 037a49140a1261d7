"""A directed graph over numbers: rows of targets one after another, and walks that end on any input.

Nothing here recurses, so that no depth can exhaust the stack; each node is entered once, so that a forged circle ends.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, chain, compress, islice, repeat
from operator import sub


class Adjacency:
    """`targets[first[n] : first[n + 1]]` are what node n points to; `labels` has a byte for each of them.

    >>> chain = Adjacency([0, 0, 1, 2], [0, 1], b"ab")
    >>> list(chain.reach([2])), list(chain.turned.reach([0], steps=1))
    ([2, 1, 0], [0, 1])
    """

    def __init__(self, first: Sequence[int], targets: Sequence[int], labels: bytes) -> None:
        self.first = first
        self.targets = targets
        self.labels = labels

    def __len__(self) -> int:
        return len(self.first) - 1

    def of(self, node: int) -> Sequence[int]:
        """What a node points to."""
        return self.targets[self.first[node] : self.first[node + 1]]

    @cached_property
    def sources(self) -> list[int]:
        """The node that each edge starts from."""
        counts = map(sub, islice(self.first, 1, None), self.first)
        return list(chain.from_iterable(map(repeat, range(len(self)), counts)))

    @cached_property
    def turned(self) -> "Adjacency":
        """The same edges the other way round, sorted by where they came from."""
        counts = Counter(self.targets)
        order = sorted(range(len(self.targets)), key=self.targets.__getitem__)
        return Adjacency(
            [0, *accumulate(map(counts.__getitem__, range(len(self))))],
            list(map(self.sources.__getitem__, order)),
            bytes(map(self.labels.__getitem__, order)),
        )

    def only(self, table: bytes) -> "Adjacency":
        """The edges whose label is not zero in a table of 256 bytes."""
        kept = self.labels.translate(table)
        before = [0, *accumulate(kept)]
        return Adjacency(
            [before[place] for place in self.first],
            list(compress(self.targets, kept)),
            bytes(compress(self.labels, kept)),
        )

    def reach(self, starts: Iterable[int], *, steps: int | None = None) -> dict[int, int]:
        """What the starts reach in so many steps, nearest first, each with the node it was reached from.

        A start is reached from itself.
        """
        came = {start: start for start in starts}
        level = list(came)
        first, targets = self.first, self.targets
        while level and steps != 0:
            following = []
            for node in level:
                for other in targets[first[node] : first[node + 1]]:
                    if other not in came:
                        came[other] = node
                        following.append(other)
            level = following
            steps = None if steps is None else steps - 1
        return came

    def targets_first(self) -> list[int]:
        """All nodes, each after what it points to; those on a circle, and what points to them, are left out."""
        first, turned = self.first, self.turned
        left = [first[node + 1] - first[node] for node in range(len(self))]
        ready = [node for node, count in enumerate(left) if not count]
        for node in ready:
            for other in turned.of(node):
                left[other] -= 1
                if not left[other]:
                    ready.append(other)
        return ready

    def longest_from(self, start: int) -> int | None:
        """How many edges the longest way out of a node has; None where it runs in a circle."""
        longest: dict[int, int] = {}
        entered: set[int] = set()
        stack = [start]
        while stack:
            node = stack[-1]
            if node in longest:
                stack.pop()
            elif node in entered:
                longest[node] = max((longest[other] + 1 for other in self.of(node)), default=0)
                stack.pop()
            else:
                entered.add(node)
                for other in self.of(node):
                    if other in longest:
                        continue
                    if other in entered:
                        return None
                    stack.append(other)
        return longest[start]


def way_to(came: Mapping[int, int], end: int, *, most: int | None = None) -> list[int]:
    """The nodes from a start to `end`, by what `reach` returned, the last so many; empty if it was not reached.

    >>> way_to({3: 3, 2: 3, 1: 2}, 1), way_to({3: 3}, 1)
    ([3, 2, 1], [])
    """
    if end not in came:
        return []
    way = [end]
    while came[way[-1]] != way[-1] and len(way) != most:
        way.append(came[way[-1]])
    return way[::-1]
