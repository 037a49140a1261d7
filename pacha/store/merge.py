"""Keeping the number of packs small: small ones are merged geometrically, and one index covers the rest.

A record is copied as it is stored, so nothing is decoded or compressed again. Each byte is copied once a tier, that is
a number of times that grows with the logarithm of the history.
"""

from collections.abc import Callable, Iterator, Mapping

from pacha.base.errors import Corrupt
from pacha.base.files import NoSuchFile
from pacha.base.ids import ObjectId
from pacha.store.data import MULTI_INDEX, DataStore
from pacha.store.pack import PackFile, check_stored
from pacha.store.packindex import CHECKED_BYTES_MAX, merge_indexes
from pacha.store.record import RecordHeader

#: Larger packs are left alone: copying them would cost more than looking in one more index.
SMALL_PACK_BYTES_MAX = 16 << 20
#: So many packs of one tier become one of the next.
PACKS_PER_TIER = 16
#: A tier spans a factor of eight in size; the first one ends at 32 KiB.
_TIER_BITS = 3
_FIRST_TIER_BITS = 15
#: So many packs may have indexes of their own before the multi-pack index is written again.
UNCOVERED_PACKS_MAX = 16


def plan_merge(sizes: Mapping[ObjectId, int]) -> list[ObjectId]:
    """Chooses the packs to merge now, or none. Units: bytes.

    >>> plan_merge({})
    []
    """
    tiers: dict[int, list[ObjectId]] = {}
    for id, size in sizes.items():
        if size <= SMALL_PACK_BYTES_MAX:
            tiers.setdefault(_tier(size), []).append(id)
    chosen: list[ObjectId] = []
    for tier in range(max(tiers, default=-1) + 1):
        members = tiers.get(tier, [])
        # What the tiers below have filled arrives here as one more pack.
        if len(members) + bool(chosen) >= PACKS_PER_TIER:
            chosen.extend(members)
        elif chosen:
            break
    return sorted(chosen)


def _tier(size: int) -> int:
    return max(0, -(-(size.bit_length() - _FIRST_TIER_BITS) // _TIER_BITS))


def maintain(store: DataStore) -> None:
    """Merges what is due and brings the multi-pack index up to date. Safe at any time, beside any reader or writer.

    Looks at the packs as they were when this store last looked: the newest one waits for the next time.
    Crash: extra packs, never missing ones.
    """
    paths = store.packs()
    if len(paths) >= PACKS_PER_TIER:
        sizes = {}
        for id, path in paths.items():
            state = store.root.stat(path)
            if state is not None and id not in store.damaged:
                sizes[id] = state.st_size
        chosen = plan_merge(sizes)
        if chosen:
            merge(store, chosen)
    write_multi_index(store)


def merge(store: DataStore, ids: list[ObjectId]) -> tuple[ObjectId, ...]:
    """Copies some packs into one and removes them. Returns what replaces them; nothing if that could not be done."""
    replaced = copy_records(store, ids, lambda id: True)
    for id in ids if replaced else ():
        if id not in replaced:
            store.root.remove(f"{store.folder}/{id}.pack")
            store.root.remove(f"{store.folder}/{id}.idx")
    store.refresh()
    return replaced


def copy_records(store: DataStore, ids: list[ObjectId], is_wanted: Callable[[ObjectId], bool]) -> tuple[ObjectId, ...]:
    """Copies the wanted records of some packs into new ones, and reads those back (I9). Removes nothing.

    Returns the new packs; none if a pack went away or is damaged, or if a record did not arrive: then the old ones
    must stay.
    """
    wanted: set[ObjectId] = set()
    with store.writer() as writer:
        try:
            for id in ids:
                for header, payload in checked_records(store.pack(id)):
                    if is_wanted(header.id):
                        wanted.add(header.id)
                        writer.add_stored(header, payload)
        except (NoSuchFile, Corrupt):
            return ()
        receipt = writer.close()
    copies = (PackFile(store.root, f"{store.folder}/{id}.pack", id) for id in receipt.packs)
    arrived = {header.id for pack in copies for header, _ in checked_records(pack)}
    store.refresh()
    return receipt.packs if wanted <= arrived else ()


def checked_records(pack: PackFile) -> Iterator[tuple[RecordHeader, memoryview]]:
    """Every record of a pack with its stored bytes, checked. Errors: `Corrupt`."""
    if pack.size <= SMALL_PACK_BYTES_MAX:
        pack.load()
    for offset, header in pack.scan():
        header, payload = pack.record_at(offset, header.stored_length)
        check_stored(header, payload, pack.path)
        yield header, payload


def write_multi_index(store: DataStore) -> None:
    """Writes one index over all packs, where enough of them have only their own."""
    indexes = store.indexes()
    live = set(store.packs())
    gone = {pack for index in indexes for pack in index.packs} - live
    if len(indexes) <= UNCOVERED_PACKS_MAX and len(gone) <= UNCOVERED_PACKS_MAX:
        return
    data = merge_indexes(indexes, live=live)
    # What is not checked at each opening must not be cut short by a power cut.
    store.root.replace(f"{store.folder}/{MULTI_INDEX}", data, durable=len(data) > CHECKED_BYTES_MAX)
    store.refresh()
