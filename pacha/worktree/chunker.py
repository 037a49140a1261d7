"""Where big files are cut: content-defined chunks, so that an inserted row moves no cut but its own.

The only door to the package `pyfastcdc` (FastCDC 2020, the gear table of the paper's reference code), of which only the
compiled part is used: without it `gear.py` makes the same cuts, some hundred times slower. The parameters are part of
what Pacha is used to finding again, not of any id's meaning: other cuts make other chunklists, never other digests.
Golden vectors are in tests/worktree/test_chunker.py. Source: Xia et al., FastCDC, IEEE TPDS 2020; docs/format.md, "Cuts".
"""

import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, Protocol

from pacha.worktree.gear import MASK_15, MASK_17, GearCutter

#: One blob up to here: two chunks would find nothing that one does not.
WHOLE_FILE_BYTES_MAX = 128 << 10
MIN_BYTES, AVERAGE_BYTES, MAX_BYTES = 16 << 10, 64 << 10, 256 << 10
#: Draws chunk sizes towards the average: one bit more before it, one less behind it. Level 1 of the paper.
NORMALISATION: Final = 1
SEED = 0


class _Cutter(Protocol):
    def cut_buf(self, buf: memoryview) -> "Iterable[_Cut]": ...


class _Cut(Protocol):
    length: int


class Chunker:
    """Cuts one file, given in windows. An instance serves one thread."""

    def __init__(self) -> None:
        compiled = _compiled()
        self._compiled: _Cutter | None = compiled and compiled(
            AVERAGE_BYTES, min_size=MIN_BYTES, max_size=MAX_BYTES, normalized_chunking=NORMALISATION, seed=SEED
        )

    def lengths(self, window: memoryview, *, is_last: bool) -> list[int]:
        """The lengths of the chunks that begin in a window, which itself begins at a cut.

        What the last chunk would be is only known at the end of the file: before, bytes are left over, and the next
        window begins with them. So the cuts are those of the whole file, however it is given.
        """
        lengths = []
        left = len(window)
        for length in self._cuts(window):
            if not is_last and left < MAX_BYTES:
                break
            lengths.append(length)
            left -= length
        return lengths

    def _cuts(self, window: memoryview) -> Iterator[int]:
        if self._compiled is None:
            return _SLOW.lengths(window)
        return (cut.length for cut in self._compiled.cut_buf(window))


_SLOW = GearCutter(
    min_size=MIN_BYTES, average_size=AVERAGE_BYTES, max_size=MAX_BYTES, mask_before=MASK_17, mask_after=MASK_15
)


def is_compiled() -> bool:
    """Tells whether the package's compiled part is there; without it, files are cut in pure Python."""
    return _compiled() is not None


@cache
def _compiled() -> Any:
    """The package's compiled class; None if it is not there, of which the package would warn on its own."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyfastcdc import FastCDC
    except ImportError:
        return None
    return FastCDC if str(FastCDC.__module__).startswith("pyfastcdc.cy") else None
