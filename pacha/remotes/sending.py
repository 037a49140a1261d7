"""What a push sends: the objects that a remote lacks, as packs that are put together from records as they lie.

A record that the remote has is not sent a second time, unless it lies there too many bases away from a whole one for
what is to rest on it (`pacha.remotes.choosing`). Packs are small enough that an interrupted push loses at most one, and
come out the same when it begins again.
"""

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field

from pacha.base.errors import Absent
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import Link, Storage, type_named
from pacha.remotes.choosing import Choice, NotHere
from pacha.remotes.holdings import STRUCTURE
from pacha.store.codec.zstd import ZstdCodec
from pacha.store.data import DataStore
from pacha.store.objects import Objects
from pacha.store.outgoing import KeptRecord, MadeRecord, Outgoing, OutgoingPack
from pacha.store.packwriter import COMPRESS_BYTES_MIN, is_worth
from pacha.store.record import CHECKSUM_BYTES, RecordHeader, checksum_of

#: What an interrupted transfer sends again at most.
PART_BYTES_MAX = 64 << 20
#: And so many records: whoever takes a pack in keeps a table of it in memory while it is checked.
PART_RECORDS_MAX = 100_000
_RAW, _ZSTD = 0, 1


@dataclass(slots=True, kw_only=True)
class Needed:
    """What a remote lacks of some roots: META, and DATA in the order in which it was met."""

    meta: dict[Link, None] = field(default_factory=dict)
    data: dict[Link, None] = field(default_factory=dict)


def needed(
    objects: Objects, *, meta_roots: Iterable[Link], data_roots: Iterable[Link], has: Callable[[ObjectId], bool]
) -> Needed:
    """Finds what a remote lacks: the META that `meta_roots` reach, and the DATA that `data_roots` reach.

    What the remote has, it has with all that it reaches in its class (I1), so the walk ends there.
    Errors: `NotHere`, `Absent` and `Corrupt` families.
    """
    found = Needed()
    _walk(objects, meta_roots, Storage.META, found.meta, has)
    # What a manifest itself names of DATA is asked for each: its META may have come without.
    starts = [child for root in data_roots for child in _children(objects, root, Storage.DATA)]
    _walk(objects, starts, Storage.DATA, found.data, has)
    return found


def _walk(
    objects: Objects, roots: Iterable[Link], storage: Storage, found: dict[Link, None], has: Callable[[ObjectId], bool]
) -> None:
    todo = list(roots)
    while todo:
        link = todo.pop()
        if link in found or has(link.id):
            continue
        found[link] = None
        if not type_named(link.type).is_leaf:
            todo.extend(_children(objects, link, storage))


def _children(objects: Objects, link: Link, storage: Storage) -> list[Link]:
    try:
        references = objects.references(link)
    except Absent as error:
        raise NotHere(
            f"{link} is to be sent, and neither this store nor the remote has it",
            hint="fetch it from where it is first, or push with --only what is here",
            object=str(link),
        ) from error
    return [reference for reference in references if type_named(reference.type).storage is storage]


def data_packs(data: DataStore, links: Iterable[Link], choice: Choice) -> list[OutgoingPack]:
    """The packs that bring DATA objects, and the bases that their records need, to a remote. Errors: `NotHere`."""
    data.refresh()
    return cut(sorted(choice.records(links), key=_place))


def _place(record: Outgoing) -> tuple[bool, bool, ObjectId, int]:
    """Trees and chunklists first: who reads a part of a pack learns from them which. Then as they lie."""
    is_leaf = record.header.type not in STRUCTURE
    if isinstance(record, KeptRecord):
        return is_leaf, False, record.pack.id, record.offset
    return is_leaf, True, record.header.id, 0


def meta_packs(objects: Objects, links: Iterable[Link]) -> list[OutgoingPack]:
    """The packs that bring META objects to a remote. Errors: `Absent` and `Corrupt` families."""
    codec = ZstdCodec()
    return cut([made(codec, link.type, link.id, objects.read(link)) for link in sorted(links)])


def made(codec: ZstdCodec, type_name: str, id: ObjectId, data: bytes) -> MadeRecord:
    """A record of a small object."""
    packed = bytes(codec.encode(data)) if len(data) >= COMPRESS_BYTES_MIN else data
    is_packed = len(packed) < len(data) and is_worth(len(packed), len(data))
    stored = packed if is_packed else data
    return MadeRecord(
        RecordHeader(
            type=type_name,
            codec=_ZSTD if is_packed else _RAW,
            plain_length=len(data),
            stored_length=len(stored),
            id=id,
            checksum=checksum_of(stored) if is_packed else id.raw[:CHECKSUM_BYTES],
        ),
        stored,
    )


def cut(records: Sequence[Outgoing]) -> list[OutgoingPack]:
    """Packs of at most `PART_BYTES_MAX` and `PART_RECORDS_MAX`, or of one record."""
    packs: list[OutgoingPack] = []
    part: list[Outgoing] = []
    size = 0
    for record in records:
        if part and (size + record.size > PART_BYTES_MAX or len(part) == PART_RECORDS_MAX):
            packs.append(OutgoingPack(part))
            part, size = [], 0
        part.append(record)
        size += record.size
    if part:
        packs.append(OutgoingPack(part))
    return packs


def renamed(packs: Iterable[OutgoingPack], taken: Set[ObjectId]) -> list[OutgoingPack]:
    """The packs, those whose names are taken with an empty record more, and so under other names.

    A name that a remote's log has removed is never used again: gc may be about to delete what lies there.
    """
    found = []
    for pack in packs:
        while pack.id in taken:
            pack = OutgoingPack((*pack.records, made(ZstdCodec(), "blob", hash_bytes(b""), b"")))
        found.append(pack)
    return found
