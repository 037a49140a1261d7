"""Reading files that others may write to meanwhile: what was read is what was found, or it is said that it changed."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pacha.base.errors import Conflict, PachaError
from pacha.base.files import machine_failed, naming, open_to_read
from pacha.base.ids import Hasher, ObjectId
from pacha.worktree.scan import GONE, FoundFile, is_same, is_untouched

#: A file up to here is held in memory whole by one worker; above, it is read in windows of this size.
WINDOW_BYTES = 4 << 20


class ChangedWhileRead(Conflict):
    """A file changed while it was read, twice."""


def read_into(descriptor: int, view: memoryview) -> int:
    """Fills the view, or what there is to the end of the file; returns how much that was."""
    got = 0
    while got < len(view) and (count := os.readv(descriptor, [view[got:]])):
        got += count
    return got


def open_found(file: FoundFile) -> int | None:
    """Opens a file for reading; None if something else lies there now, be it a pipe that nobody fills."""
    try:
        descriptor = open_to_read(file.full)
    except OSError as error:
        if error.errno in GONE:
            return None
        raise machine_failed(error, file.full) from error
    if is_same_file(file, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def is_same_file(file: FoundFile, descriptor: int) -> bool:
    """Tells whether an open file is still what was found."""
    return is_same(file, os.fstat(descriptor))


@contextmanager
def holding_still(files: Sequence[FoundFile]) -> Iterator[None]:
    """Whoever reads files inside learns afterwards whether they are what was found. Errors: `ChangedWhileRead`."""
    try:
        yield
    except PachaError as error:
        # Where a file was changed or taken away meanwhile, that is the reason.
        _check_untouched(files, error)
        raise
    _check_untouched(files)


def _check_untouched(files: Sequence[FoundFile], cause: PachaError | None = None) -> None:
    for file in files:
        if not is_untouched(file):
            raise changed(file) from cause


def changed(file: FoundFile) -> ChangedWhileRead:
    """The error for a file that did not hold still."""
    return ChangedWhileRead(
        f"{file.full}: changed while it was read",
        hint="wait until nothing writes to it, then run the command again",
        path=file.full,
    )


def digest_of_file(file: FoundFile) -> ObjectId | None:
    """The digest of a file as it lies, without storing it; None if it changed while it was read."""
    hasher = Hasher()
    buffer = bytearray(min(WINDOW_BYTES, max(1, file.size)))
    descriptor = open_found(file)
    if descriptor is None:
        return None
    with naming(file.full):
        try:
            read = 0
            # A file that grows faster than it is read has no end.
            while read <= file.size and (got := os.readv(descriptor, [buffer])):
                hasher.update(memoryview(buffer)[:got])
                read += got
            return hasher.id() if read == file.size and is_same_file(file, descriptor) else None
        finally:
            os.close(descriptor)
