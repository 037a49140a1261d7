"""What lists and logs say of each manifest, remembered beside the state of its file.

A manifest's file is looked at whenever an answer rests on it; only one that is not as it was when it was read is read
again. So one that is gone, damaged or healed changes an answer at once, with the cache or without it. The rows of an
artifact lie together, in chunks: a list wants all of them, and a new version rewrites the last chunk alone.
"""

import json
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pacha.base.files import Root
from pacha.base.ids import DIGEST_BYTES, ObjectId
from pacha.base.names import ArtifactName
from pacha.index.cache import Cache
from pacha.index.stamps import QUIET_NS
from pacha.objects.manifest import Manifest
from pacha.store.meta import ENDING, SHARED

SUMMARIES = "summaries"
#: Whoever asks for so few reads them: opening what is remembered of all would take longer.
READ_FIRST = 48
#: Rows of a chunk: little is written again for a new version, and an artifact has few chunks.
CHUNK_ROWS = 512
#: More chunks of one artifact are not looked for: so many versions nobody lists.
CHUNKS_MAX = 20_000
#: What a file's state is remembered by: inode, times and size.
_STATE = struct.Struct("<QQQQ")
_HEAD = struct.Struct("<I")
_ROW_BYTES = DIGEST_BYTES + _STATE.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a line says of a manifest. `artifact` is `kind/name`. Units: `size` in bytes."""

    artifact: str
    created: str
    author: str
    message: str
    size: int
    digest: ObjectId
    previous: tuple[ObjectId, ...]


@dataclass(slots=True, kw_only=True)
class _Chunk:
    """Some rows as they are stored; `text` is read when one of them is wanted."""

    ids: list[bytes]
    states: list[bytes]
    text: bytes = b"[]"
    is_changed: bool = False
    _rows: list[list[object]] | None = None

    @property
    def rows(self) -> list[list[object]]:
        """What each manifest says, as plain values."""
        if self._rows is None:
            self._rows = json.loads(self.text)
        return self._rows

    def encode(self) -> bytes:
        """Shape: number of rows (u32), each id with its file's state, the rows as JSON."""
        pairs = (part for pair in zip(self.ids, self.states, strict=True) for part in pair)
        text = json.dumps(self.rows, separators=(",", ":")).encode("ascii")
        return b"".join((_HEAD.pack(len(self.ids)), *pairs, text))

    @classmethod
    def decode(cls, raw: bytes) -> "_Chunk":
        """Reads what `encode` wrote."""
        end = _HEAD.size + _HEAD.unpack_from(raw)[0] * _ROW_BYTES
        starts = range(_HEAD.size, end, _ROW_BYTES)
        return cls(
            ids=[raw[at : at + DIGEST_BYTES] for at in starts],
            states=[raw[at + DIGEST_BYTES : at + _ROW_BYTES] for at in starts],
            text=raw[end:],
        )


@dataclass(slots=True)
class Summaries:
    """The manifests of one artifact. `read` reads one (Errors: `Absent`, `Corrupt`), `clock` is the file system's time."""

    artifact: ArtifactName
    cache: Cache
    root: Root
    read: Callable[[ObjectId], Manifest]
    clock: Callable[[], int]
    _asked: int = 0
    _clock_ns: int | None = None
    _chunks: list[_Chunk] | None = None
    _places: dict[bytes, tuple[_Chunk, int]] = field(default_factory=dict)
    _states: dict[str, dict[str, bytes]] = field(default_factory=dict)
    _memory: dict[ObjectId, Summary] = field(default_factory=dict)

    def of(self, id: ObjectId) -> Summary:
        """What a manifest says. Errors: those of `read`."""
        found = self._memory.get(id)
        if found is None:
            self._asked += 1
            is_few = self._asked <= READ_FIRST and self._chunks is None
            found = self._memory[id] = _summary(self.read(id)) if is_few else self._remembered(id)
        return found

    def keep(self) -> None:
        """Remembers what was read, for the next command."""
        changed = [(number, chunk) for number, chunk in enumerate(self._chunks or ()) if chunk.is_changed]
        if changed:
            self.cache.put_many(SUMMARIES, {self._key(number): chunk.encode() for number, chunk in changed})

    # -- within ----------------------------------------------------------------------------------------------------

    def _key(self, number: int) -> bytes:
        return str(self.artifact).encode("ascii") + b"\0" + number.to_bytes(4, "big")

    def _remembered(self, id: ObjectId) -> Summary:
        if self._chunks is None:
            self._chunks = list(self._load())
            self._places = {id: (chunk, at) for chunk in self._chunks for at, id in enumerate(chunk.ids)}
        state = self._state(id)
        place = self._places.get(id.raw)
        if place is not None and state is not None and place[0].states[place[1]] == state:
            return _decoded(place[0].rows[place[1]])
        if self._clock_ns is None:
            self._clock_ns = self.clock()
        found = _summary(self.read(id))
        # A file that changed a moment before it was read may change again within the same tick of its clock, unseen.
        if state is not None and max(_STATE.unpack(state)[1:3]) + QUIET_NS <= self._clock_ns:
            self._put(id.raw, state, found)
        return found

    def _load(self) -> Iterator[_Chunk]:
        for number in range(CHUNKS_MAX):
            raw = self.cache.get(SUMMARIES, self._key(number))
            if raw is None:
                return
            yield _Chunk.decode(raw)

    def _state(self, id: ObjectId) -> bytes | None:
        """The state of a manifest's file; None if it is not among those that Git carries. Each folder is listed once."""
        digits = id.hex
        folder = digits[:2]
        if folder not in self._states:
            listed = self.root.list_states(f"{SHARED}/manifest/{folder}")
            self._states[folder] = {name: _packed(state) for name, state in listed}
        return self._states[folder].get(digits[2:] + ENDING)

    def _put(self, id: bytes, state: bytes, found: Summary) -> None:
        assert self._chunks is not None
        place = self._places.get(id)
        if place is None:
            if not self._chunks or len(self._chunks[-1].ids) >= CHUNK_ROWS:
                self._chunks.append(_Chunk(ids=[], states=[]))
            chunk = self._chunks[-1]
            place = self._places[id] = (chunk, len(chunk.ids))
            chunk.ids.append(id)
            chunk.states.append(state)
            chunk.rows.append(_encoded(found))
        chunk, at = place
        chunk.states[at], chunk.rows[at], chunk.is_changed = state, _encoded(found), True


def _packed(state: os.stat_result) -> bytes:
    return _STATE.pack(state.st_ino, state.st_mtime_ns % 2**64, state.st_ctime_ns % 2**64, state.st_size)


def _summary(manifest: Manifest) -> Summary:
    return Summary(
        artifact=str(manifest.artifact),
        created=manifest.created,
        author=manifest.author,
        message=manifest.message,
        size=manifest.size,
        digest=manifest.digest,
        previous=manifest.previous(),
    )


def _encoded(found: Summary) -> list[object]:
    previous = [id.hex for id in found.previous]
    return [found.artifact, found.created, found.author, found.message, found.size, found.digest.hex, previous]


def _decoded(row: list[object]) -> Summary:
    artifact, created, author, message, size, digest, previous = row
    assert isinstance(size, int) and isinstance(previous, list)
    return Summary(
        artifact=str(artifact),
        created=str(created),
        author=str(author),
        message=str(message),
        size=size,
        digest=ObjectId(bytes.fromhex(str(digest))),
        previous=tuple(ObjectId(bytes.fromhex(id)) for id in previous),
    )
