"""Which manifests are not here: remembered while every folder that may hold one is as it was.

A switch of branches or a fetch can take a manifest's file away or bring it, and no ref changes.
"""

import json
from collections.abc import Callable, Iterable

from pacha.base.files import Root
from pacha.base.ids import hash_bytes
from pacha.index.cache import Cache
from pacha.index.stamps import is_quiet, newest_ns, stamp_of
from pacha.store.meta import ENDING, FETCHED, SHARED

PRESENCE = "presence"
_KEY = b"manifests"
_FOLDERS = tuple(f"{place}/manifest" for place in (SHARED, FETCHED))
_FAN_DIGITS = 2


def absent_manifests(
    root: Root, cache: Cache, wanted: Iterable[bytes], *, name: bytes, clock: Callable[[], int]
) -> set[bytes]:
    """The ids among `wanted` whose files are not here. `name` tells this set of ids from every other."""
    states = [(f"{folder}/{fan}", state) for folder in _FOLDERS for fan, state in root.folder_states(folder)]
    lines = sorted(f"{path} {stamp_of(state)}" for path, state in states)
    stamp = hash_bytes("\n".join(lines).encode("utf-8", "surrogateescape") + name).hex
    stored = cache.get(PRESENCE, _KEY)
    if stored is not None:
        old_stamp, absent = json.loads(stored)
        if old_stamp == stamp:
            return set(map(bytes.fromhex, absent))
    seen_ns = clock()
    here = {path[-_FAN_DIGITS:] + file for path, _ in states for file in root.names(path)}
    found = {id for id in wanted if id.hex() + ENDING not in here}
    if is_quiet(seen_ns, newest_ns(state for _, state in states)):
        value = [stamp, sorted(id.hex() for id in found)]
        cache.put_many(PRESENCE, {_KEY: json.dumps(value).encode("ascii")})
    return found
