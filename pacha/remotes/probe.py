"""Asks a place, before the first push, whether it does what it says: creates only what is absent, and gives the range
that was asked for. Some servers that speak S3 overwrite without a word, and every second push would be lost.

Keys are below `probe/`, with a name of chance; they are removed again as far as the place lets one. Only a place that
can be written is asked. Source: docs/decisions/0036.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from pacha.base.errors import PachaError
from pacha.remotes.keys import PROBE
from pacha.remotes.remote import BadAnswer, NoSuchKey, ReadOnlyRemote, Remote, RemoteRefused

#: So many writers of one key at once: a server that looks and then writes is found out.
RACERS = 8
#: Several races: one alone may be won by luck.
RACES = 2
_VALUE_BYTES = 256


class Lies(RemoteRefused):
    """A place does not do what Pacha needs of one that is written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a place was seen to do.

    `create`: the second writer of a key is told so, and the first one's bytes stay. `race`: of writers at one moment
    exactly one wins. `range`: a part is exactly the part. `list`: what was just written is listed, in order.
    """

    create: bool
    race: bool
    range: bool
    list: bool

    @property
    def is_fit(self) -> bool:
        """True where the place can be written to."""
        return self.create and self.race and self.range and self.list

    @property
    def faults(self) -> tuple[str, ...]:
        """What it does wrong, in words."""
        said = {
            "create": "overwrites a value that was to be created only if absent",
            "race": "lets several writers at one moment create one value",
            "range": "does not give the part of a value that is asked for",
            "list": "does not list what was just written",
        }
        return tuple(text for name, text in said.items() if not getattr(self, name))


def probe_remote(remote: Remote) -> Probe:
    """Tries a place. Errors: those of `Remote` where it cannot be reached or refuses; `ReadOnlyRemote`."""
    if not remote.can_write:
        raise ReadOnlyRemote(f"{remote.url}: can only be read", remote=remote.url)
    name = f"{PROBE}{os.urandom(8).hex()}"
    keys = [name, *(f"{name}.{number}" for number in range(RACES))]
    try:
        return Probe(
            create=_creates_once(remote, name),
            range=_gives_ranges(remote, name),
            list=_lists(remote, name),
            race=all(_race(remote, key) for key in keys[1:]),
        )
    finally:
        # The first that fails ends it: a place that is gone would be waited for four times.
        with suppress(PachaError):
            for key in keys:
                remote.delete(key)


def check_may_write(remote: Remote) -> None:
    """Tries a place before the first push to it. Errors: `Lies`, those of `probe_remote`."""
    check_fit(remote, probe_remote(remote))


def check_fit(remote: Remote, probe: Probe) -> None:
    """Errors: `Lies`, naming what a place does wrong."""
    if not probe.is_fit:
        raise Lies(
            f"{remote.url}: cannot be pushed to: it {', and '.join(probe.faults)}",
            hint="use a folder, a server that honours If-None-Match (Amazon, Google, Azure, MinIO and others do), "
            "or `pacha serve`",
            remote=remote.url,
        )


def _value() -> bytes:
    return os.urandom(_VALUE_BYTES)


def _creates_once(remote: Remote, key: str) -> bool:
    first, second = _value(), _value()
    is_first = remote.create(key, first)
    is_second = remote.create(key, second)
    return is_first and not is_second and _reads(remote, key) == first


def _reads(remote: Remote, key: str) -> bytes | None:
    try:
        return remote.get(key, size_max=_VALUE_BYTES)
    except (NoSuchKey, BadAnswer):
        return None


def _gives_ranges(remote: Remote, key: str) -> bool:
    whole = _reads(remote, key)
    try:
        return (
            whole is not None
            and remote.get_range(key, 100, 56) == whole[100:156]
            and remote.get_range(key, 0, 1) == whole[:1]
            and remote.size(key) == len(whole)
        )
    except (NoSuchKey, RemoteRefused, BadAnswer):
        return False


def _lists(remote: Remote, key: str) -> bool:
    if not remote.can_list:
        return True
    found = [stored.key for stored in remote.list(PROBE)]
    return key in found and found == sorted(found) and all(each.key > key for each in remote.list(PROBE, after=key))


def _race(remote: Remote, key: str) -> bool:
    values = [_value() for _ in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as pool:
        won = list(pool.map(lambda value: remote.create(key, value), values))
    winners = [value for value, is_won in zip(values, won, strict=True) if is_won]
    return len(winners) == 1 and _reads(remote, key) == winners[0]
