"""Setting packs aside whose records lie in others too.

The order is the safety. What a running process names stays; what was stored by one that has ended is looked at after
asking who runs, and before anything is moved; and once they are aside everything is looked at again, so that two who do
this at once, each resting on what the other removes, end with both. Nothing is deleted here: that is gc's, after a grace.
"""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field

from pacha.base.ids import ObjectId
from pacha.store.data import DataStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """Which packs were set aside, and which had to stay, with the reason."""

    packs: tuple[ObjectId, ...] = ()
    kept: dict[ObjectId, str] = field(default_factory=dict)


def retire(store: DataStore, old: Iterable[ObjectId], folder: str, *, claimed: Callable[[], Set[ObjectId]]) -> Retired:
    """Moves packs whose records lie in others into a folder of the trash; brings back what is relied on after all.

    Crash: in the trash, from where gc brings back what cannot be read without it.
    """
    old = {*old}
    kept = dict.fromkeys(old & claimed(), "a running command relies on it")
    # After asking: who named a pack and is gone has stored what rests on it by now.
    kept |= dict.fromkeys(_rested_on(store, old - kept.keys()), "what was stored meanwhile rests on it")
    ids = {id for id, place in store.records() if place.pack in old}
    moved = [pack for pack in sorted(old - kept.keys()) if store.set_aside(pack, f"{folder}/{pack}.pack")]
    # Whoever came to rely on one of them in between has named it; another who removes packs has removed others.
    late = claimed()
    is_whole = not store.endless(expected=ids)
    for pack in moved:
        if pack in late or not is_whole:
            kept[pack] = "another process came to rely on it"
            store.bring_back(pack, f"{folder}/{pack}.pack")
    return Retired(packs=tuple(pack for pack in moved if pack not in kept), kept=kept)


def _rested_on(store: DataStore, old: Set[ObjectId]) -> Set[ObjectId]:
    """Those of some packs without which a chain would not end; all of them where a chain does not end anyway."""
    found: set[ObjectId] = set()
    while endless := store.endless(hidden=old - found):
        bases = store.storage_bases()
        needed = endless.union(*(bases.get(id, ()) for id in endless))
        more = {place.pack for id, place in store.records() if id in needed and place.pack in old - found}
        if not more:
            return old
        found |= more
    return found
