"""What Pacha needs of a place that holds a registry's bytes for others. Each kind of place is a module of this room.

A remote holds values under keys. Only one operation decides anything, *create*: of several writers of one key exactly
one wins, whoever they are. All else could be a plain file server. A remote never looks into what it holds.

Keys are made by `pacha.remotes.keys`: at most two components of `[a-z0-9._-]`. Values under `log/`, `checkpoints/`,
`deltas/` and `format` are created and never change; those under `packs/` and `indexes/` are named by their content, so
that writing one twice is harmless.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pacha.base.errors import Corrupt, NotFound, RemoteFailed, Untrusted


class NoSuchKey(NotFound):
    """A remote holds nothing under a key."""


class Unreachable(RemoteFailed):
    """A remote did not answer, or not in time."""


class RemoteRefused(RemoteFailed):
    """A remote answered, and the answer is no."""


class AccessDenied(Untrusted):
    """A remote does not know these credentials, or they may not do this."""

    exit_code = 8


class BadAnswer(RemoteFailed):
    """A remote's answer is not what was asked for: too short, too long, another range."""


class ReadOnlyRemote(RemoteFailed):
    """A remote that can only be read was asked to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A value that a remote holds. Units: `size` in bytes, `modified` in seconds since 1970 by the remote's own clock."""

    key: str
    size: int
    modified: float


class Source(Protocol):
    """Bytes that are on their way to a remote; they may be read again, from the start, after a failure."""

    @property
    def size(self) -> int:
        """Units: bytes."""

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Yields all bytes in order, a few MiB at a time. Errors: `Corrupt` where the local copy is damaged."""


class BadSource(Corrupt):
    """Bytes that are on their way are more or fewer than they were said to be."""


def pieces_of(source: Source) -> Iterator[bytes | memoryview]:
    """The bytes of a source, as many as it says. Errors: `BadSource`, before the last of them is handed out."""
    left = source.size
    held: bytes | memoryview = b""
    for piece in source.pieces():
        left -= len(piece)
        if left < 0:
            raise BadSource(f"a source of {source.size} bytes gives more")
        # One piece is held back: whoever takes them must not see an end that is none.
        if len(held):
            yield held
        held = piece
    if left:
        raise BadSource(f"a source of {source.size} bytes gives {source.size - left}")
    if len(held):
        yield held


class Remote(Protocol):
    """A place. Any thread may call. Every failure is a `RemoteFailed`, a `NoSuchKey` or an `AccessDenied`.

    An implementation retries what may be retried and gives up where nothing has moved for `STALL_SECONDS`; when a
    write fails, it may nevertheless have happened: callers read again before they believe either.
    """

    @property
    def url(self) -> str:
        """The place as a person may see it: without credentials."""

    @property
    def can_write(self) -> bool:
        """False for a place that is only ever read."""

    @property
    def can_list(self) -> bool:
        """False where the keys cannot be listed: readers then probe for the newest log entry."""

    def get(self, key: str, *, size_max: int) -> bytes:
        """Returns a value. Errors: `NoSuchKey`; `BadAnswer` beyond `size_max`, of which no more is read."""

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Returns exactly `length` bytes from `start`. Errors: `NoSuchKey`, `BadAnswer` where the value is shorter."""

    def size(self, key: str) -> int | None:
        """The size of a value in bytes; None if there is none."""

    def create(self, key: str, data: bytes) -> bool:
        """Writes a value unless the key exists; tells whether the key holds these bytes now.

        Durable on return, seen whole or not at all.
        """

    def put(self, key: str, source: Source) -> None:
        """Writes a value that is named by its content. Durable on return, seen whole or not at all."""

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """The values under a first component (`log/`), by key, only those after a key where one is given."""

    def delete(self, key: str) -> None:
        """Removes a value; nothing happens if there is none."""

    def close(self) -> None:
        """Lets go of connections."""


#: A transfer that has not moved a byte for so long is begun again, and then given up.
STALL_SECONDS = 60
