"""Where a file is cut: at its tensors, large ones in windows that begin with them; all else as its content decides.

So a tensor that moved, a renamed file or a changed header leaves every other cut where it was in the bytes. Pure: the
same size and spans give the same cuts for ever in one version; another version's cuts make other chunklists, never
other digests. Source: docs/format.md, "Cuts"; docs/decisions/0031-where-files-are-cut.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pacha.base.spans import Span

#: A large tensor is cut in windows of this many bytes from its start: a multiple of every element.
TENSOR_WINDOW_BYTES = 1 << 20
#: A tensor from here on has chunks of its own; smaller ones share a chunk with their neighbours.
TENSOR_BYTES_MIN = 64 << 10
#: Neighbours share a chunk across a gap of at most this much, which aligns them.
GAP_BYTES_MAX = 64

#: A tensor's name and the number of the window in it.
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a file. Units: bytes. One of `is_content` is cut further by its content; any other is one chunk.

    `element` says of which numbers it consists; `key` is what the same part of another version is found by.
    """

    start: int
    length: int
    element: str | None = None
    key: Key | None = None
    is_content: bool = False


def plan(size: int, spans: Sequence[Span]) -> Iterator[Cut]:
    """The cuts of a file in order, without gaps. `spans` are sorted, within the file, and do not overlap."""
    at = 0
    run: list[Span] = []
    for span in spans:
        if span.length <= 0:
            continue
        if span.length >= TENSOR_BYTES_MIN:
            yield from _run(run)
            at, run = (_end(run) if run else at), []
            yield from _between(at, span.start)
            yield from _windows(span)
            at = span.start + span.length
            continue
        if run and not _joins(run, span):
            yield from _run(run)
            at, run = _end(run), []
        if not run:
            yield from _between(at, span.start)
        run.append(span)
    yield from _run(run)
    yield from _between(_end(run) if run else at, size)


def _joins(run: Sequence[Span], span: Span) -> bool:
    """Tells whether a small tensor shares the chunk of those before it."""
    is_near = span.start - _end(run) <= GAP_BYTES_MAX
    is_short = span.start + span.length - run[0].start <= TENSOR_WINDOW_BYTES
    return is_near and is_short and span.element == run[0].element


def _end(run: Sequence[Span]) -> int:
    return run[-1].start + run[-1].length


def _run(run: Sequence[Span]) -> Iterator[Cut]:
    if run:
        yield Cut(run[0].start, _end(run) - run[0].start, run[0].element, (run[0].name, 0))


def _windows(span: Span) -> Iterator[Cut]:
    for number, start in enumerate(range(0, span.length, TENSOR_WINDOW_BYTES)):
        length = min(TENSOR_WINDOW_BYTES, span.length - start)
        yield Cut(span.start + start, length, span.element, (span.name, number))


def _between(start: int, end: int) -> Iterator[Cut]:
    if end > start:
        yield Cut(start, end - start, is_content=True)
