"""Reading a file that the person named."""

import os

from pacha.base.errors import NotFound, Usage
from pacha.base.files import naming


class NoFileThere(NotFound):
    """A file that was named does not exist."""


def file_named(start: str, path: str) -> str:
    """The full path of a file that exists. Errors: `NoFileThere`, `Usage` for a folder."""
    full = os.path.normpath(os.path.join(start, path))
    if not os.path.lexists(full):
        raise NoFileThere(f"{path}: no such file", hint="check the path", path=path)
    if os.path.isdir(full):
        raise Usage(f"{path}: is a folder", hint="name a file in it", path=path)
    return full


def read_file(start: str, path: str, *, size_max: int) -> bytes:
    """The beginning of a file: one byte more than may be, so that a longer one can be told.

    Errors: as `file_named`, `MachineFailed`.
    """
    full = file_named(start, path)
    with naming(path), open(full, "rb") as file:
        return file.read(size_max + 1)
