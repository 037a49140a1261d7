"""When a listing of a folder may be kept: it was quiet when it was read; and believed: it is the same folder still.

A folder that changed a moment before it was read may change again within the same tick of its clock, unseen.
"""

import os
from collections.abc import Iterable

#: Coarser clocks than this are not met any more (FAT has two seconds).
QUIET_NS = 2_000_000_000


def stamp_of(state: os.stat_result | None) -> str:
    """What changes whenever an entry of a folder is made or removed, or the folder is another one."""
    return "-" if state is None else f"{state.st_ino} {state.st_mtime_ns} {state.st_ctime_ns}"


def newest_ns(states: Iterable[os.stat_result | None]) -> int:
    """When the last of some folders changed."""
    return max((max(state.st_mtime_ns, state.st_ctime_ns) for state in states if state is not None), default=0)


def is_quiet(seen_ns: int, changed_ns: int) -> bool:
    """Tells whether a folder that last changed at one time had been quiet when it was read at the other."""
    return seen_ns >= changed_ns + QUIET_NS
