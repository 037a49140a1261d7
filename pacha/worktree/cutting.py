"""Where a file is cut: at its tensors, large ones in windows that begin with them; all else as its content decides.

What content decides begins anew at each large column of a table, so that one more moves no cut behind it either.
So a tensor that moved, a renamed file or a changed header leaves every other cut where it was in the bytes. Pure: the
same size and spans give the same cuts for ever in one version; another version's cuts make other chunklists, never
other digests. Source: docs/format.md, "Cuts"; docs/decisions/0031-where-files-are-cut.md.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pacha.base.spans import ELEMENT_BYTES, Span

#: A large tensor is cut in windows of this many bytes from its start: a multiple of every element.
TENSOR_WINDOW_BYTES = 1 << 20
#: A tensor from here on has chunks of its own; smaller ones share a chunk with their neighbours.
TENSOR_BYTES_MIN = 64 << 10
#: Neighbours share a chunk across a gap of at most this much: what aligns them, or the header of a stored ZIP member.
GAP_BYTES_MAX = 256
#: A run of small tensors ends behind one whose name's CRC-32 has no bit of this, once the run is as long as a large
#: tensor. So where it ends depends on names near by, and a tensor that is put in front moves only the next few ends.
RUN_END_MASK = 0b11

#: A tensor's name and the number of the window in it.
Key = tuple[str, int]


class Cut(NamedTuple):
    """A part of a file. Units: bytes. One of `is_content` is cut further by its content; any other is one chunk.

    `element` says of which numbers it consists; `key` is what the same part of another version is found by.
    """

    start: int
    length: int
    element: str | None = None
    key: Key | None = None
    is_content: bool = False


def plan(size: int, spans: Iterable[Span]) -> Iterator[Cut]:
    """The cuts of a file in order, without gaps. `spans` are sorted, within the file, and do not overlap."""
    at = 0
    run: list[Span] = []
    for span in spans:
        if span.length <= 0 or (span.is_content and span.length < TENSOR_BYTES_MIN):
            continue
        if run and (_ends(run) or not _joins(run, span)):
            yield _run(run)
            at, run = _end(run), []
        if not run:
            yield from _between(at, span.start)
        if span.is_content:
            yield Cut(span.start, span.length, is_content=True)
            at = span.start + span.length
        elif span.length < TENSOR_BYTES_MIN:
            run.append(span)
        else:
            yield from _windows(span)
            at = span.start + span.length
    if run:
        yield _run(run)
        at = _end(run)
    yield from _between(at, size)


def _joins(run: Sequence[Span], span: Span) -> bool:
    """Tells whether a tensor shares the chunk of those before it: a small one near by, its numbers in step with theirs."""
    if span.length >= TENSOR_BYTES_MIN or span.element != run[0].element:
        return False
    is_near = span.start - _end(run) <= GAP_BYTES_MAX
    is_short = span.start + span.length - run[0].start <= TENSOR_WINDOW_BYTES
    is_in_step = (span.start - run[0].start) % ELEMENT_BYTES.get(span.element or "", 1) == 0
    return is_near and is_short and is_in_step


def _ends(run: Sequence[Span]) -> bool:
    """Tells whether a run ends here by itself. Names that are no text of Unicode count as well."""
    if _end(run) - run[0].start < TENSOR_BYTES_MIN:
        return False
    return not zlib.crc32(run[-1].name.encode("utf-8", "surrogatepass")) & RUN_END_MASK


def _end(run: Sequence[Span]) -> int:
    return run[-1].start + run[-1].length


def _run(run: Sequence[Span]) -> Cut:
    return Cut(run[0].start, _end(run) - run[0].start, run[0].element, (run[0].name, 0))


def _windows(span: Span) -> Iterator[Cut]:
    for number, start in enumerate(range(0, span.length, TENSOR_WINDOW_BYTES)):
        length = min(TENSOR_WINDOW_BYTES, span.length - start)
        yield Cut(span.start + start, length, span.element, (span.name, number))


def _between(start: int, end: int) -> Iterator[Cut]:
    if end > start:
        yield Cut(start, end - start, is_content=True)
