"""Any range of a stored file: which pieces it lies in, and their bytes, each checked."""

from bisect import bisect_right
from itertools import accumulate

from pacha.graph.trees import pieces
from pacha.objects.types import Link
from pacha.store.objects import Objects

#: Whoever reads a header reads on nearby: the last pieces are kept.
PIECES_KEPT = 8


class StoredFile:
    """One file of an artifact, read by ranges. Units: bytes. Errors of `read`: `Absent`, `Corrupt`."""

    def __init__(self, objects: Objects, content: Link, size: int) -> None:
        self._objects = objects
        self._size = size
        self._links: list[Link] = []
        lengths = []
        for length, link in pieces(objects, content):
            self._links.append(link)
            lengths.append(size if length < 0 else length)
        self._starts = [0, *accumulate(lengths)]
        self._kept: dict[int, bytes] = {}

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        end = min(offset + length, self._size)
        found = []
        at = max(0, bisect_right(self._starts, offset) - 1)
        while offset < end and at < len(self._links):
            data = self._piece(at)
            part = data[offset - self._starts[at] : end - self._starts[at]]
            found.append(part)
            offset += len(part)
            at += 1
        return b"".join(found)

    def _piece(self, at: int) -> bytes:
        data = self._kept.pop(at, None)
        if data is None:
            data = bytes(self._objects.data.read(self._links[at]))
            if len(self._kept) >= PIECES_KEPT:
                self._kept.pop(next(iter(self._kept)))
        self._kept[at] = data
        return data
