"""What those who remove packs share: one lock, the grace of what is young, and the trash."""

import json
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager

from pacha.base.clock import parse_timestamp
from pacha.base.files import Root, claim
from pacha.base.ids import ObjectId
from pacha.base.owner import Owner
from pacha.graph.walk import is_leaf
from pacha.objects.types import Link
from pacha.porcelain.workspace import Workspace
from pacha.store.data import TRASH_FOLDER, DataStore

LOCK = "local/locks/gc"
DAY_SECONDS = 86_400


@contextmanager
def alone(workspace: Workspace) -> Iterator[None]:
    """Holds the lock of those who remove packs: gc and repack. Errors: `Busy`."""
    shared = workspace.repository.shared
    owner = json.dumps({**Owner.current().to_json(), "nonce": os.urandom(8).hex()}, sort_keys=True).encode("ascii")
    with claim(shared, LOCK, owner=owner, is_stale=lambda found: _is_stale(shared, found)):
        yield


def _is_stale(shared: Root, found: bytes) -> bool:
    try:
        owner = Owner.from_json(json.loads(found))
    except ValueError:
        return False
    state = shared.stat(LOCK)
    idle = 0.0 if state is None else shared.clock_ns() / 1e9 - state.st_mtime
    return owner is not None and not owner.is_alive(idle_seconds=idle)


def young_packs(data: DataStore, grace_seconds: int) -> set[ObjectId]:
    """The packs that are younger than the grace: what is in them may be named yet."""
    if not grace_seconds:
        return set()
    now = data.root.clock_ns()
    found = set()
    for id, path in data.packs().items():
        state = data.root.stat(path)
        if state is None or now - state.st_mtime_ns < grace_seconds * 10**9:
            found.add(id)
    return found


def records_of(data: DataStore, packs: Set[ObjectId]) -> set[Link]:
    """The objects of some packs that name others: a walk starts from them."""
    return {
        Link(place.type, id)
        for id, place in data.records()
        if place.pack in packs and not is_leaf(Link(place.type, id))
    }


def trash_folder(workspace: Workspace) -> str:
    """The folder of the trash that is filled now."""
    now = parse_timestamp(workspace.repository.now()).replace(":", "").replace("-", "")
    return f"{TRASH_FOLDER}/{now}"
