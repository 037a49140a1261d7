"""A remote that any static server hands out: nginx, a web space, a bucket's public address. Only ever read.

Nothing can be listed. A server without ranges (`python -m http.server`) sends a value from its beginning, and what
lies before the part that was asked for is thrown away: right, and slow.
"""

from collections.abc import Iterator

from pacha.remotes.http import Client
from pacha.remotes.keys import check_key
from pacha.remotes.options import Options
from pacha.remotes.remote import ReadOnlyRemote, Source, Stored

SCHEMES = ("http", "https")


class StaticRemote:
    """Values are files below a URL."""

    can_write = False
    can_list = False

    def __init__(self, url: str, options: Options) -> None:
        self._client = Client(url, options)

    @property
    def url(self) -> str:
        """The URL."""
        return self._client.url

    def get(self, key: str, *, size_max: int) -> bytes:
        """Reads a value. Errors: `NoSuchKey`, `BadAnswer`."""
        return self._client.get(check_key(key), size_max=size_max)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Reads a part of a value. Errors: `NoSuchKey`, `BadAnswer`."""
        return self._client.get_range(check_key(key), start, length)

    def size(self, key: str) -> int | None:
        """A value's size."""
        return self._client.size(check_key(key))

    def create(self, key: str, data: bytes) -> bool:
        """Errors: `ReadOnlyRemote`, always."""
        raise self._read_only()

    def put(self, key: str, source: Source) -> None:
        """Errors: `ReadOnlyRemote`, always."""
        raise self._read_only()

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """Errors: `ReadOnlyRemote`, always."""
        raise self._read_only()

    def delete(self, key: str) -> None:
        """Errors: `ReadOnlyRemote`, always."""
        raise self._read_only()

    def close(self) -> None:
        """Lets go of connections."""
        self._client.close()

    def _read_only(self) -> ReadOnlyRemote:
        return ReadOnlyRemote(
            f"{self.url}: a static server can only be read",
            hint="push to the folder or bucket behind it, or to `pacha serve`",
            remote=self.url,
        )


def open_remote(url: str, options: Options) -> StaticRemote:
    """Opens an `http://` or `https://` URL. Errors: `BadUrl`."""
    return StaticRemote(url, options)
