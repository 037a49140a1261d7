"""Writing one or more packs: what one `add` stores becomes one file and one flush.

Any thread may add. Hashing and compression happen in the caller's thread; only the place in the file is handed out
under a lock, so that writes go on side by side.

Longer than most modules: one record, many small ones and copies of stored ones go through one door and one lock.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from pacha.base.files import NewFile, Root
from pacha.base.ids import Hasher, ObjectId, hash_bytes
from pacha.store.chains import Base
from pacha.store.codec import Codecs, Together
from pacha.store.pack import MAGIC, encode_footer
from pacha.store.packindex import Row, encode_index
from pacha.store.record import CHECKSUM_BYTES, RECORD_PLAIN_MAX, BadHeader, RecordHeader, checksum_of

#: A pack is closed and a new one begun here: what a remote must take in one piece.
PACK_BYTES_MAX = 1 << 30
#: A codec is kept where it leaves at most this share of the plain length; less is not worth decoding.
STORED_SHARE_MAX = 0.97
#: A difference is kept where it leaves at most this share of what planes leave; less is not worth reading a base.
DELTA_SHARE_MAX = 0.9
#: A base between the whole record and the new one is kept to while it saves this much; then a new one is made.
BETWEEN_SHARE_MAX = 0.94
#: So much of a record tells which way of storing it is the smallest, in strips from all over it: a block of new rows
#: must not speak for the rest.
SAMPLE_BYTES, SAMPLE_STRIPS = 64 << 10, 8
#: Shorter bytes are stored as they are: a frame's own header eats what it could win.
COMPRESS_BYTES_MIN = 128
#: So many pieces are written by one call of the system: Linux takes no more (IOV_MAX).
PARTS_MAX = 1_024
_RAW, _ZSTD, _PLANES, _DELTA = 0, 1, 2, 3


def is_worth(stored: int, before: int) -> bool:
    """Tells whether an encoding wins by the margin over what it would replace. Units: bytes.

    >>> is_worth(97, 100), is_worth(98, 100)
    (True, False)
    """
    return stored <= before * STORED_SHARE_MAX


class Present(Protocol):
    """The store as the writer sees it: whether an object is already there, and sound."""

    def holds(self, id: ObjectId) -> ObjectId | None:
        """Returns the pack that holds a sound copy of the object, or None."""

    def places(self, ids: Iterable[ObjectId]) -> dict[ObjectId, ObjectId]:
        """Returns a pack that holds each object, for those that are stored."""

    def has_packs(self, packs: Iterable[ObjectId]) -> bool:
        """Tells whether all of some packs are in their places."""

    def bases_for(self, nearest: ObjectId, length: int) -> Sequence[Base]:
        """Returns what a successor may be stored as a difference to, sound, the whole record first."""

    def depth_of(self, id: ObjectId) -> int | None:
        """Returns how many bases an object has, or None where that may be about to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReceipt:
    """What a writer stored. Units: bytes; `plain_bytes` and `stored_bytes` count new records only."""

    packs: tuple[ObjectId, ...] = ()
    records: int = 0
    plain_bytes: int = 0
    stored_bytes: int = 0
    reused: frozenset[ObjectId] = frozenset()


class _Open:
    """The pack being written."""

    def __init__(self, root: Root) -> None:
        self.file: NewFile = root.new_file()
        self.file.write(MAGIC)
        self.end = len(MAGIC)
        self.hasher = Hasher()
        self.hasher.update(MAGIC)
        self.rows: list[Row] = []


class PackWriter:
    """Adds objects to new packs; `stored_bytes` counts what it wrote so far. `close` makes them durable and
    visible; leaving by an exception discards them.

    Crash: nothing is visible before `close`; each pack then appears whole, its index after it.
    """

    def __init__(
        self,
        root: Root,
        *,
        folder: str,
        present: Present,
        on_claim: Callable[[ObjectId], None] | None = None,
        threads: threading.local | None = None,
    ) -> None:
        self._root = root
        self._folder = folder
        self._present = present
        self._on_claim = on_claim
        self._lock = threading.Lock()
        # Making codecs takes as long as storing a small file: who writes often keeps those of its threads.
        self._local = threads or threading.local()
        self._open: _Open | None = None
        self._finished: list[_Open] = []
        self._seen: set[bytes] = set()
        self._reused: set[ObjectId] = set()
        self._plain = 0
        self.stored_bytes = 0

    def __enter__(self) -> "PackWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._discard()

    def add(
        self,
        type_name: str,
        data: bytes | bytearray | memoryview,
        *,
        id: ObjectId | None = None,
        element: str | None = None,
        near: ObjectId | None = None,
    ) -> ObjectId:
        """Stores an object unless it is there already, and returns its id.

        `id` spares a second hash where the caller has just made one. `element` says of which numbers the bytes
        consist, a key of `ELEMENT_BYTES`; `near` names an object of the same length that they probably resemble.
        Errors: `MachineFailed`, `BadHeader` if the data is larger than a record may be.
        """
        _check_size(len(data))
        id = hash_bytes(data) if id is None else id
        if self._is_known(id):
            return id
        bases = () if element is None or near is None else self._present.bases_for(near, len(data))
        codec, stored, base = self.encode(data, element, bases)
        self._append([(_header(type_name, id, len(data), codec, stored, base), stored)])
        return id

    def add_small(self, data: Sequence[bytes]) -> list[ObjectId]:
        """Stores blobs as `add` does, and returns their ids: many small ones are packed, and written, in one call.

        Errors: `MachineFailed`, `BadHeader`. Memory: that of all of them, twice.
        """
        for item in data:
            _check_size(len(item))
        ids = [hash_bytes(item) for item in data]
        new = [(id, item) for id, item in zip(ids, data, strict=True) if not self._is_known(id)]
        stored = self._encode_small([item for _, item in new])
        self._append(
            [
                (_header("blob", id, len(item), codec, packed, None), packed)
                for (id, item), (codec, packed) in zip(new, stored, strict=True)
            ]
        )
        return ids

    def _encode_small(self, data: Sequence[bytes]) -> list[tuple[int, bytes | memoryview]]:
        codec = self._codecs().numbered(_ZSTD)
        if not isinstance(codec, Together):
            return [self.encode(item, None)[:2] for item in data]
        long = [item for item in data if len(item) >= COMPRESS_BYTES_MIN]
        frames = iter(codec.encode_all(long))
        found: list[tuple[int, bytes | memoryview]] = []
        for item in data:
            packed = next(frames) if len(item) >= COMPRESS_BYTES_MIN else None
            found.append((_RAW, item) if packed is None or not is_worth(len(packed), len(item)) else (_ZSTD, packed))
        return found

    def reuse(self, ids: Iterable[ObjectId]) -> set[ObjectId]:
        """Returns those of `ids` that are stored already, after naming the packs that hold them (I10).

        Their bytes are not looked at: this is for content that a stat cache vouches for.
        """
        wanted = list(ids)
        if not wanted:
            return set()
        places = self._present.places(wanted)
        with self._lock:
            new = set(places.values()) - self._reused
            self._reused |= new
        if not new or self._on_claim is None:
            return set(places)
        for pack in sorted(new):
            self._on_claim(pack)
        # Named first, looked at again: whatever gc took in between is written anew.
        return set(self._present.places(places))

    def relies_on(self, packs: Iterable[ObjectId], trees: Iterable[ObjectId]) -> bool:
        """Tells whether some packs are still there, with a sound copy of each tree, after naming them (I10).

        What else they hold is not looked at: this is for an artifact that a stat cache vouches for as a whole.
        """
        wanted = set(packs)
        if not wanted or not self._present.has_packs(wanted):
            return False
        with self._lock:
            new = wanted - self._reused
            self._reused |= new
        if new and self._on_claim is not None:
            for pack in sorted(new):
                self._on_claim(pack)
            if not self._present.has_packs(wanted):
                return False
        return all(self._present.holds(tree) in wanted for tree in trees)

    def add_stored(self, header: RecordHeader, stored: memoryview) -> None:
        """Stores a record as another pack holds it, without decoding. The caller has checked it.

        Copies of one object with other bases are all kept: which of them can be read is not known here.
        """
        key = header.id.raw if header.base is None else header.id.raw + header.base.raw
        with self._lock:
            if key in self._seen:
                return
            self._seen.add(key)
        self._append([(header, stored)])

    def _is_known(self, id: ObjectId) -> bool:
        with self._lock:
            if id.raw in self._seen:
                return True
            self._seen.add(id.raw)
        pack = self._present.holds(id)
        if pack is None:
            return False
        with self._lock:
            is_new = pack not in self._reused
            self._reused.add(pack)
        if is_new and self._on_claim is not None:
            # I10: gc must see that this pack is needed before anything relies on it; then look whether it still is.
            self._on_claim(pack)
            if self._present.holds(id) is None:
                return False
        return True

    def encode(
        self, data: bytes | bytearray | memoryview, element: str | None, bases: Sequence[Base] = ()
    ) -> tuple[int, bytes | memoryview, ObjectId | None]:
        """The codec, the stored bytes and the base, whichever makes it smallest by a margin. Stores nothing.

        `bases` are what it may be a difference to, the whole record first; the one that is taken is claimed (I10).
        """
        plain = data if isinstance(data, bytes) else memoryview(data)
        if len(plain) < COMPRESS_BYTES_MIN:
            return _RAW, plain, None
        if element is not None and bases:
            found = self._delta(plain, element, bases)
            if found is not None:
                return _DELTA, *found
        codecs = self._codecs()
        codec = _ZSTD if element is None else _PLANES
        packed = codecs.numbered(codec).encode(plain, element=element)
        if packed is None and element is not None:
            codec, packed = _ZSTD, codecs.numbered(_ZSTD).encode(plain)
        if packed is not None and is_worth(len(packed), len(plain)):
            return codec, packed, None
        return _RAW, plain, None

    @staticmethod
    def is_plain(codec: int) -> bool:
        """Tells whether a codec does not look at what kind of numbers it encodes."""
        return codec in (_RAW, _ZSTD)

    def _delta(
        self, plain: bytes | memoryview, element: str, bases: Sequence[Base]
    ) -> tuple[bytes | memoryview, ObjectId] | None:
        """The difference to the best base, and that base; None where planes alone do nearly as well.

        A sample decides, so that a record is encoded once. Source: docs/decisions/0032-bases-form-a-star.md.
        """
        codecs = self._codecs()
        sample = _sample(plain)
        alone = codecs.numbered(_PLANES).encode(sample, element=element)
        least = min(len(sample), len(sample) if alone is None else len(alone))
        delta = codecs.numbered(_DELTA)
        sizes = [_length(delta.encode(sample, element=element, base=_sample(base.data))) for base in bases]
        at = 1 if len(bases) > 1 and sizes[1] <= sizes[0] * BETWEEN_SHARE_MAX else 0
        if sizes[at] > least * DELTA_SHARE_MAX:
            return None
        packed = delta.encode(plain, element=element, base=bases[at].data)
        # The base must outlive whatever gc does meanwhile (I10), and what it is based on itself.
        if packed is None or not is_worth(len(packed), len(plain)) or not self._claim_bases(bases[: at + 1]):
            return None
        return packed, bases[at].id

    def _claim_bases(self, bases: Sequence[Base]) -> bool:
        """Claims what a difference is to rest on, then looks again: a repack may have moved it since it was chosen."""
        ids = {base.id for base in bases}
        return self.reuse(ids) == ids and all(self._present.depth_of(base.id) == base.depth for base in bases)

    def _codecs(self) -> Codecs:
        codecs = getattr(self._local, "codecs", None)
        if codecs is None:
            codecs = self._local.codecs = Codecs()
        return codecs

    def _append(self, records: Sequence[tuple[RecordHeader, bytes | memoryview]]) -> None:
        """Writes records one behind the other, in one pack."""
        if not records:
            return
        heads = [header.encode() for header, _ in records]
        size = sum(map(len, heads)) + sum(header.stored_length for header, _ in records)
        with self._lock:
            pack = self._pack_for(size)
            offset = at = pack.end
            pack.end += size
            pack.hasher.update(b"".join(heads))
            for head, (header, _) in zip(heads, records, strict=True):
                row = Row(header.id, at, header.stored_length, header.plain_length, header.type, header.codec)
                pack.rows.append(row)
                at += len(head) + header.stored_length
                self._plain += header.plain_length
                self.stored_bytes += header.stored_length
        parts = [part for head, (_, stored) in zip(heads, records, strict=True) for part in (head, stored)]
        for start in range(0, len(parts), PARTS_MAX):
            some = parts[start : start + PARTS_MAX]
            pack.file.write_at(some, offset)
            offset += sum(map(len, some))

    def _pack_for(self, size: int) -> _Open:
        if self._open is not None and self._open.end + size > PACK_BYTES_MAX:
            self._finished.append(self._open)
            self._open = None
        if self._open is None:
            self._open = _Open(self._root)
        return self._open

    def close(self) -> PackReceipt:
        """Makes what was added durable and visible, pack before index. Call it once, after every `add` has returned."""
        packs = [*self._finished, *([self._open] if self._open else [])]
        try:
            for pack in packs:
                pack.file.write_at([encode_footer(len(pack.rows), pack.hasher.id())], pack.end)
                pack.file.size = pack.end
                pack.file.flush()
            for pack in packs:
                if self._on_claim is not None:
                    self._on_claim(pack.hasher.id())
                # A pack of this name that is there already holds the same bytes, or is damaged and healed by this.
                pack.file.rename(f"{self._folder}/{pack.hasher.id()}.pack", durable=False)
            if packs:
                self._root.flush_folder(self._folder)
            for pack in packs:
                id = pack.hasher.id()
                self._root.replace(f"{self._folder}/{id}.idx", encode_index([(id, pack.rows)]), durable=False)
        finally:
            self._discard()
        return PackReceipt(
            packs=tuple(pack.hasher.id() for pack in packs),
            records=sum(len(pack.rows) for pack in packs),
            plain_bytes=self._plain,
            stored_bytes=self.stored_bytes,
            reused=frozenset(self._reused),
        )

    def _discard(self) -> None:
        packs = [*self._finished, *([self._open] if self._open else [])]
        self._finished, self._open = [], None
        for pack in packs:
            pack.file.discard()


def _check_size(length: int) -> None:
    if length > RECORD_PLAIN_MAX:
        raise BadHeader(f"an object of {length} bytes does not fit a record; cut it into a chunklist")


def _header(
    type_name: str, id: ObjectId, length: int, codec: int, stored: bytes | memoryview, base: ObjectId | None
) -> RecordHeader:
    return RecordHeader(
        type=type_name,
        codec=codec,
        plain_length=length,
        stored_length=len(stored),
        id=id,
        checksum=id.raw[:CHECKSUM_BYTES] if codec == _RAW else checksum_of(stored),
        base=base,
    )


def _sample(plain: bytes | memoryview) -> bytes | memoryview:
    """Strips of a record, evenly apart, each from a place that is a multiple of every element."""
    if len(plain) <= SAMPLE_BYTES:
        return plain
    size = SAMPLE_BYTES // SAMPLE_STRIPS
    step = (len(plain) - size) / max(1, SAMPLE_STRIPS - 1)
    starts = [int(number * step) & ~7 for number in range(SAMPLE_STRIPS)]
    view = memoryview(plain)
    return b"".join(view[start : start + size] for start in starts)


def _length(packed: bytes | memoryview | None) -> float:
    return float("inf") if packed is None else len(packed)
