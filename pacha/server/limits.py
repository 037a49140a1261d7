"""How much a server takes from others, in bytes, requests and time. All of it bounded, each bound with its reason."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pacha.server.asking import Refusal


class TooLarge(Refusal):
    """A body is larger than what may be sent there."""

    status = 413


class NoLength(Refusal):
    """A body came without saying how long it is."""

    status = 411
    usual_hint = "send a Content-Length; bodies of unknown length are not taken"


class BadBody(Refusal):
    """A body is another than its headers promise."""


class TooSlow(Refusal):
    """A body came more slowly than a server can wait."""

    status = 408


class TooMany(Refusal):
    """A client asks more often than it may."""

    status = 429


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Units: bytes, seconds, and requests a second."""

    #: A pack: `push` makes them of 64 MiB, or of one record; merged META is as large at most.
    pack_bytes: int = 256 << 20
    #: An index of a million records: `push` makes more of them where it sends more. It is mapped while it is checked.
    index_bytes: int = 64 << 20
    #: A log entry and those that it repeats: some 50,000 refs moved at once.
    entry_bytes: int = 16 << 20
    #: The document that says which repository this is.
    format_bytes: int = 4096
    #: Request line and headers; a token and a range take 200 bytes.
    header_bytes: int = 16 << 10
    #: Until a whole head of a request is there, and between requests.
    head_seconds: float = 20.0
    #: Until the next byte of a body, and until a reader takes the next piece.
    stall_seconds: float = 30.0
    #: Below this rate a body is given up: slow bodies are how a few clients hold all connections.
    body_bytes_per_second: int = 1024
    #: A body may be slower for so long.
    body_grace_seconds: float = 30.0
    #: Of one client. A clone is a few hundred requests, eight at once.
    requests_per_second: float = 200.0
    requests_burst: float = 1000.0
    #: So many connections are served at once; more are told to come again.
    connections: int = 256
    #: So many bodies are checked at once: a check holds a record or two of 64 MiB in memory.
    checks_at_once: int = 2
    #: What runs when the server is told to stop may take so long to finish.
    stop_seconds: float = 30.0


#: Clients that are remembered for their rate; the one that asked longest ago is forgotten first.
CLIENTS_MAX = 4096


class Rate:
    """Counts requests by client: so many a second, and a burst of more after a pause."""

    def __init__(self, limits: Limits, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> None:
        """Counts one request. Errors: `TooMany`, with the seconds to wait."""
        now = self._now()
        left, since = self._left.pop(client, (self._limits.requests_burst, now))
        left = min(self._limits.requests_burst, left + (now - since) * self._limits.requests_per_second)
        is_enough = left >= 1
        self._left[client] = (left - 1 if is_enough else left, now)
        if len(self._left) > CLIENTS_MAX:
            self._left.popitem(last=False)
        if not is_enough:
            seconds = int((1 - left) / self._limits.requests_per_second) + 1
            raise too_many(seconds)


def too_many(seconds: int) -> TooMany:
    """A refusal that says when to come again."""
    error = TooMany(f"too many requests; wait {seconds} s", hint="the client of Pacha waits by itself")
    error.headers = {"Retry-After": str(seconds)}
    return error


class Pace:
    """Watches one body come in."""

    def __init__(self, limits: Limits, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._since = now()

    def check(self, received: int) -> None:
        """Gives a body up that comes too slowly. Errors: `TooSlow`."""
        spent = self._now() - self._since
        if spent > self._limits.body_grace_seconds and received < spent * self._limits.body_bytes_per_second:
            raise TooSlow(f"the body came at less than {self._limits.body_bytes_per_second} bytes a second")
