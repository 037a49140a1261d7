"""Writing down what a remote's log says, so that readers need not read all of it: deltas and checkpoints.

Who writes the entry of such a number does it afterwards. The small META packs and the indexes of the entries since the
last one are merged on the way: a clone then asks for hundreds of files, not for tens of thousands. What was merged
stays where it is, since others may be reading it, until gc of the remote removes it.

All of this is derived. Where it is missing or fails, readers go by the log itself.
"""

from dataclasses import replace
from itertools import chain

from pacha.base.ids import hash_bytes
from pacha.objects.types import Storage
from pacha.remotes.entries import RemoteIndex, RemotePack
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import CHECKPOINT_ENTRIES, DELTA_ENTRIES, checkpoint_key, delta_key, index_key, pack_key
from pacha.remotes.log import state_at
from pacha.remotes.meta import records_of
from pacha.remotes.remote import Remote
from pacha.remotes.state import HeldIndex, HeldPack, State, base_number, encode_state
from pacha.remotes.upload import HeldSource
from pacha.store.outgoing import MadeRecord, OutgoingPack
from pacha.store.pack import check_stored
from pacha.store.packindex import PackIndex, encode_index, merge_indexes
from pacha.store.record import RecordHeader

#: Packs and indexes above this are not worth copying to have fewer.
MERGED_BYTES_MAX = 4 << 20
#: What is merged is held in memory.
MERGED_SUM_MAX = 64 << 20


def is_due(number: int) -> bool:
    """Tells whether something is written down after the entry of this number."""
    return number % DELTA_ENTRIES == 0


def write_down(remote: Remote, number: int) -> None:
    """Writes the delta or checkpoint of an entry that is there. Whoever was first is right.

    Crash: merged packs that nothing names. Errors: those of `Remote`, `Corrupt`; nothing depends on it.
    """
    is_whole = number % CHECKPOINT_ENTRIES == 0
    key = checkpoint_key(number) if is_whole else delta_key(number)
    state = state_at(remote, number)
    after = number - (CHECKPOINT_ENTRIES if is_whole else DELTA_ENTRIES)
    merged = _merge(remote, state, after)
    remote.create(key, encode_state(merged, base=0 if is_whole else base_number(number)))


def _merge(remote: Remote, state: State, after: int) -> State:
    """Puts one META pack and one index in the place of the small ones that came after an entry."""
    holdings = Holdings(remote, state)
    indexes = _small_indexes(state, after)
    if len(indexes) < 2:
        return state
    read = [holdings.index(held) for held in indexes]
    covered = {pack for index in read for pack in index.packs}
    metas = [held for held in _small_metas(state, after) if held.pack.id in covered]
    packs = dict(state.packs)
    live = {pack for pack in covered if pack in packs}
    if len(metas) > 1:
        records = chain.from_iterable(records_of(holdings, held.pack.id) for held in metas)
        once = {header.id: MadeRecord(header, stored) for header, stored in map(_sound, records)}
        pack = OutgoingPack(list(once.values()))
        remote.put(pack_key(pack.id), pack)
        for held in metas:
            packs.pop(held.pack.id)
            live.discard(held.pack.id)
        packs[pack.id] = HeldPack(RemotePack(id=pack.id, size=pack.size, storage=Storage.META), state.number)
        live.add(pack.id)
        read.append(PackIndex(encode_index([(pack.id, pack.rows)])))
    data = merge_indexes(read, live=live)
    id = hash_bytes(data)
    remote.put(index_key(id), HeldSource(data))
    left = {key: held for key, held in state.indexes.items() if held not in indexes}
    left[id] = HeldIndex(RemoteIndex(id=id, size=len(data)), state.number)
    return replace(state, packs=packs, indexes=left)


def _sound(record: tuple[RecordHeader, memoryview]) -> tuple[RecordHeader, memoryview]:
    """A record as it is to be written again: a bit that flipped on its way here must not be there for good."""
    header, stored = record
    check_stored(header, stored, "a record of META")
    return record


def _small_indexes(state: State, after: int) -> list[HeldIndex]:
    found: list[HeldIndex] = []
    left = MERGED_SUM_MAX
    for held in state.indexes.values():
        if held.at > after and held.index.size <= min(MERGED_BYTES_MAX, left):
            found.append(held)
            left -= held.index.size
    return found


def _small_metas(state: State, after: int) -> list[HeldPack]:
    found: list[HeldPack] = []
    left = MERGED_SUM_MAX
    for held in state.packs.values():
        is_small = held.pack.size <= min(MERGED_BYTES_MAX, left)
        if held.pack.storage is Storage.META and held.at > after and is_small:
            found.append(held)
            left -= held.pack.size
    return found
