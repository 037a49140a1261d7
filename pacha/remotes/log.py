"""Reading a remote's log up to its newest entry, and writing the next one.

The state is what the remote says now. What this machine remembers of it spares reading, and shows a log that went
back or was rewritten; it is never an answer by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pacha.base.errors import Corrupt, RemoteFailed
from pacha.remotes.entries import ENTRY_BYTES_MAX, BadEntry, Chained, LogEntry, chained, decode_file, encode_file
from pacha.remotes.keys import (
    CHECKPOINT_ENTRIES,
    CHECKPOINTS,
    DELTA_ENTRIES,
    LOG,
    checkpoint_key,
    delta_key,
    log_key,
    number_of,
)
from pacha.remotes.remote import NoSuchKey, Remote
from pacha.remotes.state import EMPTY, STATE_BYTES_MAX, State, decode_state


class RolledBack(Corrupt):
    """A remote's log is not the one that was read here before: entries are gone, or others stand in their place."""


def read_state(remote: Remote, *, known: State = EMPTY) -> State:
    """The state of a remote after its newest entry. `known` is what was read here before.

    Errors: `RolledBack`, `BadEntry`, those of `Remote`.
    """
    tip = find_tip(remote, hint=known.number)
    if tip < known.number:
        raise rolled_back(remote, f"ends at entry {tip}, and entry {known.number} was seen here before")
    if tip == 0:
        return EMPTY
    entries = read_entries(remote, tip)
    try:
        newest = next(entries)
    except BadEntry as error:
        if tip == known.number:
            raise rolled_back(remote, f"has no entry {tip} any more, which was seen here before") from error
        raise
    if tip == known.number:
        _check_same(remote, newest[0], known)
        return replace(known, recent=_recent(newest))
    return _catch_up(remote, newest, entries, known)


def _recent(file: Sequence[Chained]) -> tuple[Chained, ...]:
    """What the file of the next entry may repeat: the entries since the last delta."""
    floor = file[0].entry.number // DELTA_ENTRIES * DELTA_ENTRIES
    return tuple(each for each in file if each.entry.number > floor)


def _catch_up(remote: Remote, newest: Sequence[Chained], earlier: Iterator[Sequence[Chained]], known: State) -> State:
    """Goes back from the newest entry to what is known or written down, and forth again."""
    tip = newest[0].entry.number
    start = known
    if known.number < (tip - 1) // DELTA_ENTRIES * DELTA_ENTRIES:
        start = _written_down(remote, tip)
        if known.number:
            _check_same(remote, next(read_entries(remote, known.number))[0], known)
    return _from(remote, start, newest, earlier)


def _from(remote: Remote, start: State, newest: Sequence[Chained], earlier: Iterator[Sequence[Chained]]) -> State:
    """Applies the entries after a state, up to the newest, which lead back to it."""
    chain = list(newest)
    while chain[-1].entry.number > start.number + 1:
        chain.extend(next(earlier))
    chain = [each for each in chain if each.entry.number > start.number]
    before = chain[-1].entry.prev if chain else newest[0].id
    if before != start.entry:
        raise rolled_back(remote, f"has another entry {start.number} than was seen or written down before")
    return replace(start.after(reversed(chain)), recent=_recent(newest))


def state_at(remote: Remote, number: int) -> State:
    """The state after one entry, as somebody sees it who was never here before. Errors: as `read_state`."""
    entries = read_entries(remote, number)
    newest = next(entries)
    start = _written_down(remote, number - 1) if number > 1 else EMPTY
    return _from(remote, start, newest, entries)


def _written_down(remote: Remote, tip: int) -> State:
    """The newest state before or at an entry that somebody wrote down; the beginning of the log if nobody did.

    One that cannot be read is passed by: the log has all that it says.
    """
    checkpoint = EMPTY
    number = tip // CHECKPOINT_ENTRIES * CHECKPOINT_ENTRIES
    while number and checkpoint is EMPTY:
        checkpoint = _read_state(remote, checkpoint_key(number), onto=EMPTY) or EMPTY
        number -= CHECKPOINT_ENTRIES
    number = min(tip // DELTA_ENTRIES * DELTA_ENTRIES, checkpoint.number + CHECKPOINT_ENTRIES - DELTA_ENTRIES)
    while number > checkpoint.number:
        found = _read_state(remote, delta_key(number), onto=checkpoint)
        if found is not None:
            return found
        number -= DELTA_ENTRIES
    return checkpoint


def _read_state(remote: Remote, key: str, *, onto: State) -> State | None:
    try:
        data = remote.get(key, size_max=STATE_BYTES_MAX)
        return decode_state(data, where=f"{remote.url}: {key}", onto=onto, number=number_of(key))
    except (NoSuchKey, BadEntry):
        return None


def read_entries(remote: Remote, newest: int) -> Iterator[tuple[Chained, ...]]:
    """Yields the files of entries, back from one, each chained to the one after it.

    Errors: `BadEntry`, those of `Remote`.
    """
    number = newest
    expected = None
    while number:
        try:
            data = remote.get(log_key(number), size_max=ENTRY_BYTES_MAX)
        except NoSuchKey as error:
            raise BadEntry(f"{remote.url}: log entry {number} is missing", number=number) from error
        found = decode_file(data, number=number, where=remote.url)
        if expected is not None and found[0].id != expected:
            raise BadEntry(f"{remote.url}: log entry {number} is not the one that entry {number + 1} names")
        yield found
        number, expected = found[-1].entry.number - 1, found[-1].entry.prev


def find_tip(remote: Remote, *, hint: int = 0) -> int:
    """The number of the newest entry; 0 for an empty log. `hint` is one that was there before."""
    if not remote.can_list:
        return _probe(remote, hint)
    start = hint
    if not start:
        numbers = [number_of(stored.key) or 0 for stored in remote.list(CHECKPOINTS)]
        start = max(numbers, default=0)
    after = log_key(start) if start else ""
    # Where nothing lies after it, it is the newest one; whoever reads it sees whether it is still there.
    return max((number_of(stored.key) or 0 for stored in remote.list(LOG, after=after)), default=start)


def _probe(remote: Remote, hint: int) -> int:
    """Finds the newest entry where nothing can be listed: by doubling, then by halving."""
    low = hint if hint and remote.size(log_key(hint)) is not None else 0
    step = 1
    while remote.size(log_key(low + step)) is not None:
        low, step = low + step, step * 2
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        if remote.size(log_key(middle)) is not None:
            low = middle
        else:
            high = middle
    return low


def append(remote: Remote, state: State, entry: LogEntry) -> State | None:
    """Writes the next entry. Returns the state after it, or None if somebody else was first.

    Where the answer is lost, the remote is read again: an entry that was written is never reported as failed.
    Errors: those of `Remote`, and then the entry is not there.
    """
    newest = chained(entry)
    data = encode_file(newest, state.recent)
    key = log_key(entry.number)
    try:
        is_ours = remote.create(key, data)
    except RemoteFailed:
        try:
            is_ours = remote.get(key, size_max=ENTRY_BYTES_MAX) == data
        except NoSuchKey:
            is_ours = None
        if is_ours is None:
            raise
    return state.after([newest]) if is_ours else None


def _check_same(remote: Remote, found: Chained, known: State) -> None:
    if found.id != known.entry:
        raise rolled_back(remote, f"entry {known.number} is another than was seen here before")


def rolled_back(remote: Remote, what: str) -> RolledBack:
    """The error for a log that is not what it was."""
    return RolledBack(
        f"{remote.url}: its log {what}",
        hint="ask who keeps the remote: it was restored from a backup, or somebody rewrote it; "
        "if that is right, `pacha remote forget` makes this machine forget what it saw",
        remote=remote.url,
    )
