"""Progress of long work, as a port: the rooms report, only the command line draws."""

from typing import Protocol


class Progress(Protocol):
    """Told what is being done and how far it is. Calls are cheap and may come from any thread."""

    def start(self, label: str, *, total_bytes: int | None = None) -> None:
        """A new stretch of work begins; `total_bytes` is None where it cannot be known."""

    def advance(self, byte_count: int) -> None:
        """`byte_count` more bytes are done."""

    def finish(self) -> None:
        """The stretch is over."""


class Silent:
    """Progress that nobody watches."""

    def start(self, label: str, *, total_bytes: int | None = None) -> None:
        """Does nothing."""

    def advance(self, byte_count: int) -> None:
        """Does nothing."""

    def finish(self) -> None:
        """Does nothing."""
