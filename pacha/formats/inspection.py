"""What looking at a file finds, and the bounded way in which an inspector reads it.

An inspector is a module of this package with a `FORMAT` and an `inspect`. It reads headers, never whole payloads unless
its format is text, trusts no length that a file declares, and never loads or runs what it reads.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

from pacha.base.errors import Usage
from pacha.base.files import naming, open_to_read


class Malformed(Usage):
    """A file is not what its format says. It can be stored all the same: an inspector only tells."""


class Source(Protocol):
    """The bytes of one file, wherever they lie. Units: bytes."""

    @property
    def size(self) -> int:
        """How many bytes there are."""

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""


class FileSource:
    """A file of the work tree, open for reading."""

    def __init__(self, path: str) -> None:
        self.path = path
        with naming(path):
            self._descriptor = open_to_read(path)
            self._size = os.fstat(self._descriptor).st_size

    def __enter__(self) -> "FileSource":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        """How many bytes there were when it was opened."""
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        with naming(self.path):
            return os.pread(self._descriptor, length, offset)


class BytesSource:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self._data)

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; fewer only at the end."""
        return self._data[offset : offset + length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was found in one file.

    Shape: `summary` and `detail` hold what JSON holds, finite numbers and integers up to ±(2^53−1) (larger ones as
    texts). The summary is small: with others of its artifact it goes into a manifest's `facts` (4 KiB). The detail is
    the whole table: every tensor, key, column. `warnings` are badges such as `pickle`, each with its reason.
    """

    format: str
    summary: Mapping[str, Any]
    detail: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
