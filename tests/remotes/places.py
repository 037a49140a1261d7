"""Remotes for tests: one in memory, and ones that count requests, cannot list, or lie."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator

from pacha.remotes.remote import BadAnswer, NoSuchKey, Remote, Source, Stored


class Memory:
    """A remote in memory. `is_honest` False: *create* overwrites, as servers do that ignore conditions."""

    can_write = True
    url = "memory"

    def __init__(self, *, can_list: bool = True, is_honest: bool = True) -> None:
        self.can_list = can_list
        self.is_honest = is_honest
        self.values: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def get(self, key: str, *, size_max: int) -> bytes:
        """Returns a value."""
        if key not in self.values:
            raise NoSuchKey(f"no {key}")
        if len(self.values[key]) > size_max:
            raise BadAnswer(f"{key} is too large")
        return self.values[key]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Returns a part of a value."""
        if key not in self.values:
            raise NoSuchKey(f"no {key}")
        data = self.values[key][start : start + length]
        if len(data) != length:
            raise BadAnswer(f"{key} is too short")
        return data

    def size(self, key: str) -> int | None:
        """A value's size."""
        return len(self.values[key]) if key in self.values else None

    def create(self, key: str, data: bytes) -> bool:
        """Writes a value once."""
        with self._lock:
            if not self.is_honest:
                self.values[key] = data
            return self.values.setdefault(key, data) == data

    def put(self, key: str, source: Source) -> None:
        """Writes a value, of exactly the size that was promised."""
        data = b"".join(bytes(piece) for piece in source.pieces())
        assert len(data) == source.size
        self.values[key] = data

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """The values under a prefix."""
        assert self.can_list
        for key in sorted(self.values):
            if key.startswith(prefix) and key > after:
                yield Stored(key=key, size=len(self.values[key]), modified=0.0)

    def delete(self, key: str) -> None:
        """Removes a value."""
        self.values.pop(key, None)

    def close(self) -> None:
        """Does nothing."""


#: What a call is: its name and its key.
Watcher = Callable[[str, str], None]


class Watched:
    """A remote whose every call is told to somebody first, who may count it, or fail it."""

    def __init__(self, inner: Remote, watcher: Watcher) -> None:
        self.inner = inner
        self.watcher = watcher
        self.url = inner.url
        self.can_write = inner.can_write
        self.can_list = inner.can_list

    def get(self, key: str, *, size_max: int) -> bytes:
        """Returns a value."""
        self.watcher("get", key)
        return self.inner.get(key, size_max=size_max)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Returns a part of a value."""
        self.watcher("range", key)
        return self.inner.get_range(key, start, length)

    def size(self, key: str) -> int | None:
        """A value's size."""
        self.watcher("size", key)
        return self.inner.size(key)

    def create(self, key: str, data: bytes) -> bool:
        """Writes a value once."""
        self.watcher("create", key)
        return self.inner.create(key, data)

    def put(self, key: str, source: Source) -> None:
        """Writes a value."""
        self.watcher("put", key)
        self.inner.put(key, source)

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """The values under a prefix."""
        self.watcher("list", prefix)
        return self.inner.list(prefix, after=after)

    def delete(self, key: str) -> None:
        """Removes a value."""
        self.watcher("delete", key)
        self.inner.delete(key)

    def close(self) -> None:
        """Closes the remote."""
        self.inner.close()


class Count:
    """Counts calls by name; a part of a value and a whole one are one request each."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def __call__(self, name: str, key: str) -> None:
        self.calls[name] += 1

    @property
    def total(self) -> int:
        """All requests."""
        return self.calls.total()
