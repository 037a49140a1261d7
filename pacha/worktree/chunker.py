"""Where big files are cut: content-defined chunks, so that an inserted row moves no cut but its own.

The only door to the package `pyfastcdc` (FastCDC 2020, the gear table of the paper's reference code). The parameters
are part of what Pacha is used to finding again, not of any id's meaning: other cuts make other chunklists, never other
digests. Golden vectors are in tests/worktree/test_chunker.py. Source: Xia et al., FastCDC, IEEE TPDS 2020.
"""

from collections.abc import Iterable
from typing import Final, Protocol

#: One blob up to here: two chunks would find nothing that one does not.
WHOLE_FILE_BYTES_MAX = 128 << 10
MIN_BYTES, AVERAGE_BYTES, MAX_BYTES = 16 << 10, 64 << 10, 256 << 10
#: Draws chunk sizes towards the average. Level 1 of the paper.
NORMALISATION: Final = 1
SEED = 0


class _Cutter(Protocol):
    def cut_buf(self, buf: memoryview) -> "Iterable[_Cut]": ...


class _Cut(Protocol):
    length: int


class Chunker:
    """Cuts one file, given in windows. An instance serves one thread."""

    def __init__(self) -> None:
        from pyfastcdc import FastCDC

        self._cutter: _Cutter = FastCDC(
            AVERAGE_BYTES, min_size=MIN_BYTES, max_size=MAX_BYTES, normalized_chunking=NORMALISATION, seed=SEED
        )

    def lengths(self, window: memoryview, *, is_last: bool) -> list[int]:
        """The lengths of the chunks that begin in a window, which itself begins at a cut.

        What the last chunk would be is only known at the end of the file: before, bytes are left over, and the next
        window begins with them. So the cuts are those of the whole file, however it is given.
        """
        lengths = []
        left = len(window)
        for cut in self._cutter.cut_buf(window):
            if not is_last and left < MAX_BYTES:
                break
            lengths.append(cut.length)
            left -= cut.length
        return lengths


def is_compiled() -> bool:
    """Tells whether the package's compiled part is there; without it, it silently cuts in pure Python."""
    from pyfastcdc import FastCDC

    return str(FastCDC.__module__).startswith("pyfastcdc.cy")
