"""How long one operation on a remote goes on trying: a few times, and never long without a byte that moved."""

import random
import time
from collections.abc import Callable

from pacha.base.errors import PachaError
from pacha.remotes.remote import STALL_SECONDS

#: Without progress between them; a server that restarts is back by then, one that is gone is told soon.
TRIES_MAX = 6
#: In all: a server that gives a byte and breaks off would otherwise be asked for ever.
FAILURES_MAX = 100
_FIRST_WAIT_SECONDS = 0.1
_WAIT_SECONDS_MAX = 5.0


class Patience:
    """Counts the failures of one operation since its last progress."""

    def __init__(
        self,
        *,
        stall_seconds: float = STALL_SECONDS,
        wait: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stall_seconds = stall_seconds
        self._wait = wait
        self._now = now
        self._failures_in_all = 0
        self.moved()

    def moved(self) -> None:
        """Notes that something arrived that need not be asked for again."""
        self._failures = 0
        self.lives()

    def lives(self) -> None:
        """Notes that something went over the line, though all of it may have to go again."""
        self._since = self._now()

    def again(self, error: PachaError) -> None:
        """Waits before the next try. Errors: the given one, if it is time to give up."""
        self._failures += 1
        # Half of the wait is chance, so that many who failed at once do not come back at once.
        wait = min(_FIRST_WAIT_SECONDS * 2.0**self._failures, _WAIT_SECONDS_MAX) * random.uniform(0.5, 1.0)
        self._failures_in_all += 1
        is_spent = self._failures >= TRIES_MAX or self._failures_in_all >= FAILURES_MAX
        if is_spent or self._now() - self._since + wait >= self._stall_seconds:
            raise error
        self._wait(wait)
