"""What a remote holds after one entry of its log: refs, packs, and where their records are indexed. Pure values.

A checkpoint is a state written down; a delta is what changed since the last checkpoint. Both are derived from the log,
may be missing, and are made by whoever wrote the entry of that number.

Shape of the file: eight bytes with the length of the text, then the text as one zstd frame. The text is lines of words
and ends, like every document of a remote, with the BLAKE3 of the lines before. Source: docs/format.md, "Remotes".
"""

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from pacha.base.errors import PachaError
from pacha.base.ids import ObjectId
from pacha.objects.types import Link, Storage, type_names
from pacha.refs.names import RefName
from pacha.remotes.entries import BadEntry, Chained, LogEntry, RemoteIndex, RemotePack, seal, unseal
from pacha.remotes.keys import CHECKPOINT_ENTRIES, DELTA_ENTRIES
from pacha.store.codec import BadFrame
from pacha.store.codec.zstd import ZstdCodec

#: About a million refs; a larger state is refused, and not made.
STATE_BYTES_MAX = 256 << 20
_LENGTH = struct.Struct("<Q")
_FIRST = "pacha state 1"
#: A ref's line: most of a state. One expression reads it several times faster than each of its words.
_REF = re.compile(r"ref (\S+) ([a-z]+):([0-9a-f]{64}) (0|[1-9][0-9]{0,17})", re.ASCII)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,17})", re.ASCII)
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class HeldRef:
    """What a ref names, by which entry, and the document itself of a version or a stage move."""

    link: Link
    at: int
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class HeldPack:
    """A pack, and the entry that brought it."""

    pack: RemotePack
    at: int


@dataclass(frozen=True, slots=True)
class HeldIndex:
    """An index, and the entry that brought it."""

    index: RemoteIndex
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that readers know of a remote. `entry` is the id of the newest entry, `number` its number.

    `recent` are the entries since the last delta, the newest first, which the file of the next one repeats; `removed_…` what went since the last
    checkpoint: the next delta must say so.
    """

    number: int = 0
    entry: ObjectId | None = None
    refs: Mapping[RefName, HeldRef] = field(default_factory=dict)
    packs: Mapping[ObjectId, HeldPack] = field(default_factory=dict)
    indexes: Mapping[ObjectId, HeldIndex] = field(default_factory=dict)
    removed_refs: frozenset[RefName] = frozenset()
    removed_packs: frozenset[ObjectId] = frozenset()
    removed_indexes: frozenset[ObjectId] = frozenset()
    recent: tuple[Chained, ...] = ()

    def link(self, ref: RefName) -> Link | None:
        """What a ref names here."""
        held = self.refs.get(ref)
        return None if held is None else held.link

    def with_pack(self, pack: ObjectId, size: int) -> "State":
        """The state as if a pack that lies there were listed: to look into it. Units: `size` in bytes."""
        held = HeldPack(RemotePack(id=pack, size=size, storage=Storage.DATA), self.number)
        return replace(self, packs={**self.packs, pack: held})

    def after(self, entries: Iterable[Chained]) -> "State":
        """The state after some entries, which come in order. Errors: `BadEntry` if they do not follow."""
        work = _Work(self)
        for each in entries:
            work.apply(each)
        return work.state()


EMPTY = State()


class _Work:
    """A state that is being changed."""

    def __init__(self, state: State) -> None:
        self._number, self._entry = state.number, state.entry
        self._refs, self._packs, self._indexes = dict(state.refs), dict(state.packs), dict(state.indexes)
        self._removed_refs, self._removed_packs = set(state.removed_refs), set(state.removed_packs)
        self._removed_indexes = set(state.removed_indexes)
        self._recent = list(state.recent)

    def apply(self, each: Chained) -> None:
        entry = each.entry
        if entry.number != self._number + 1 or entry.prev != self._entry:
            raise BadEntry(f"log entry {entry.number} does not follow entry {self._number}", number=entry.number)
        if self._number % CHECKPOINT_ENTRIES == 0:
            self._removed_refs.clear()
            self._removed_packs.clear()
            self._removed_indexes.clear()
        self._number, self._entry = entry.number, each.id
        self._move(entry)
        self._recent.insert(0, each)
        if entry.number % DELTA_ENTRIES == 0:
            self._recent.clear()

    def _move(self, entry: LogEntry) -> None:
        for update in entry.updates:
            if update.new is None:
                self._refs.pop(update.ref, None)
                self._removed_refs.add(update.ref)
            else:
                self._refs[update.ref] = HeldRef(update.new, entry.number, update.body)
                self._removed_refs.discard(update.ref)
        for pack in entry.packs_added:
            self._packs[pack.id] = HeldPack(pack, entry.number)
            self._removed_packs.discard(pack.id)
        for id in entry.packs_removed:
            self._packs.pop(id, None)
            self._removed_packs.add(id)
        for index in entry.indexes_added:
            self._indexes[index.id] = HeldIndex(index, entry.number)
            self._removed_indexes.discard(index.id)
        for id in entry.indexes_removed:
            self._indexes.pop(id, None)
            self._removed_indexes.add(id)

    def state(self) -> State:
        return State(
            number=self._number,
            entry=self._entry,
            refs=self._refs,
            packs=self._packs,
            indexes=self._indexes,
            removed_refs=frozenset(self._removed_refs),
            removed_packs=frozenset(self._removed_packs),
            removed_indexes=frozenset(self._removed_indexes),
            recent=tuple(self._recent),
        )


def base_number(number: int) -> int:
    """The checkpoint that a delta of this number builds on; 0 for the beginning of the log."""
    return (number - 1) // CHECKPOINT_ENTRIES * CHECKPOINT_ENTRIES


def encode_state(state: State, *, base: int = 0) -> bytes:
    """The file of a checkpoint, or with `base` that of a delta: what changed after that entry."""
    lines = [
        _FIRST,
        f"number {state.number}",
        f"base {base}",
        f"entry {'none' if state.entry is None else state.entry}",
    ]
    for ref, held in sorted(state.refs.items()):
        if held.at > base:
            lines.append(f"ref {ref} {held.link} {held.at}")
            if held.body is not None:
                lines.append(f"body {held.body.hex()}")
    for pack in state.packs.values():
        if pack.at > base:
            lines.append(f"pack {pack.pack.id} {pack.pack.size} {pack.pack.storage.value} {pack.at}")
    for index in state.indexes.values():
        if index.at > base:
            lines.append(f"index {index.index.id} {index.index.size} {index.at}")
    # Whoever pushes next must know what is about to be deleted, so a whole state says what went too.
    lines.extend(f"without-ref {ref}" for ref in sorted(state.removed_refs))
    lines.extend(f"without-pack {pack}" for pack in sorted(state.removed_packs))
    lines.extend(f"without-index {index}" for index in sorted(state.removed_indexes))
    text = seal("".join(f"{line}\n" for line in lines).encode("ascii"))
    if len(text) > STATE_BYTES_MAX:
        raise BadEntry(f"a state of {len(text)} bytes is too large to write down")
    return _LENGTH.pack(len(text)) + bytes(ZstdCodec().encode(text))


def decode_state(data: bytes, *, where: str, onto: State = EMPTY, number: int | None = None) -> State:
    """Reads a checkpoint, or a delta `onto` its checkpoint; `number` is the entry that it must be of. Errors: `BadEntry`."""
    if len(data) < _LENGTH.size:
        raise BadEntry(f"{where}: is cut short")
    (length,) = _LENGTH.unpack_from(data)
    if length > STATE_BYTES_MAX:
        raise BadEntry(f"{where}: promises {length} bytes; the most is {STATE_BYTES_MAX}")
    try:
        text = bytes(ZstdCodec().decode(memoryview(data)[_LENGTH.size :], length))
        found = _read(unseal(text, where=where).decode("ascii").split("\n")[:-1], onto)
        if number is not None and found.number != number:
            raise BadEntry(f"is of entry {found.number}, and lies in the place of {number}")
        return found
    except (BadFrame, UnicodeDecodeError, ValueError, LookupError, PachaError) as error:
        cause = error.message if isinstance(error, PachaError) else "not a state of a remote"
        raise BadEntry(cause if cause.startswith(where) else f"{where}: {cause}") from error


def _read(lines: list[str], onto: State) -> State:
    first, number, base, entry = (line.split(" ") for line in lines[:4])
    if " ".join(first) != _FIRST or [number[0], base[0], entry[0]] != ["number", "base", "entry"]:
        raise BadEntry("not a state that this version knows")
    if _count(base[1]) != onto.number:
        raise BadEntry(f"builds on entry {base[1]}, not on {onto.number}")
    newest = _count(number[1])
    refs, packs, indexes = dict(onto.refs), dict(onto.packs), dict(onto.indexes)
    removed_refs: set[RefName] = set()
    removed_packs: set[ObjectId] = set()
    removed_indexes: set[ObjectId] = set()
    last: RefName | None = None
    types = type_names()
    for line in lines[4:]:
        match = _REF.fullmatch(line)
        if match is not None and match[2] in types:
            last = RefName(match[1])
            refs[last] = HeldRef(Link(match[2], ObjectId(bytes.fromhex(match[3]))), _within(int(match[4]), newest))
            continue
        word, *rest = line.split(" ")
        if word == "pack":
            pack = RemotePack(id=ObjectId.parse(rest[0]), size=_count(rest[1]), storage=Storage(rest[2]))
            packs[pack.id] = HeldPack(pack, _count(rest[3], newest))
        elif word == "index":
            index = RemoteIndex(id=ObjectId.parse(rest[0]), size=_count(rest[1]))
            indexes[index.id] = HeldIndex(index, _count(rest[2], newest))
        elif word == "body" and last is not None:
            refs[last] = HeldRef(refs[last].link, refs[last].at, bytes.fromhex(rest[0]))
        elif word == "without-ref":
            removed_refs.add(RefName(rest[0]))
        elif word == "without-pack":
            removed_packs.add(ObjectId.parse(rest[0]))
        elif word == "without-index":
            removed_indexes.add(ObjectId.parse(rest[0]))
        else:
            raise BadEntry(f"has a line that this version does not know: {line[:60]!r}")
    return State(
        number=newest,
        entry=ObjectId.parse(entry[1]),
        refs=_without(refs, removed_refs),
        packs=_without(packs, removed_packs),
        indexes=_without(indexes, removed_indexes),
        removed_refs=frozenset(removed_refs),
        removed_packs=frozenset(removed_packs),
        removed_indexes=frozenset(removed_indexes),
    )


def _without(found: dict[_Key, _Value], gone: set[_Key]) -> dict[_Key, _Value]:
    return {key: value for key, value in found.items() if key not in gone} if gone else found


def _count(text: str, most: int | None = None) -> int:
    if not _NUMBER.fullmatch(text):
        raise BadEntry(f"not a number: {text[:30]!r}")
    return _within(int(text), most)


def _within(value: int, most: int | None) -> int:
    if most is not None and value > most:
        raise BadEntry(f"names entry {value}, and ends at {most}")
    return value
