"""What the refs of a remote reach there: its META, and the DATA of every manifest among it, ancestors included."""

from collections.abc import Callable, Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pacha.base.errors import Absent, Corrupt, PachaError
from pacha.base.ids import ObjectId
from pacha.graph.walk import is_data, is_leaf
from pacha.objects.types import Link
from pacha.porcelain.remote_objects import RemoteObjects
from pacha.porcelain.roots import CannotCollect
from pacha.remotes.holdings import REQUESTS_AT_ONCE, Holdings
from pacha.remotes.records import RemoteRecords, scan_pack
from pacha.remotes.sending import made
from pacha.store.chains import bases_of
from pacha.store.codec import Codecs
from pacha.store.codec.zstd import ZstdCodec
from pacha.store.outgoing import KeptRecord, MadeRecord, OutgoingPack
from pacha.store.pack import check_stored
from pacha.store.packindex import Location


def live_data(
    objects: RemoteObjects,
    holdings: Holdings,
    refs: Iterable[Link],
    *,
    enter: Callable[[Link], bool] = lambda link: True,
) -> set[ObjectId]:
    """Every DATA object that some refs reach and the remote has. `enter`: whether the DATA of a manifest counts.

    Errors: `CannotCollect` where something is damaged or missing: then nobody may delete anything.
    """
    live: set[ObjectId] = set()
    seen: set[Link] = set()
    todo: list[tuple[Link, Link | None]] = [(link, None) for link in refs]
    while todo:
        link, via = todo.pop()
        if link in seen:
            continue
        seen.add(link)
        if is_data(link):
            if not holdings.has(link.id):
                # Bytes of ancestors that were never pushed, or were erased; below a tree that is there, all must be.
                if via is not None and is_data(via):
                    raise _cannot(holdings, f"{via} names {link}, which it does not have")
                continue
            live.add(link.id)
        if is_leaf(link):
            continue
        try:
            inner = objects.references(link)
        except (Absent, Corrupt) as error:
            raise _cannot(holdings, error.message) from error
        if link.type == "manifest" and not enter(link):
            inner = tuple(each for each in inner if not is_data(each))
        todo.extend((each, link) for each in inner)
    return live


@dataclass(frozen=True, slots=True)
class Difference:
    """A record that is stored as a difference to another object."""

    id: ObjectId
    pack: ObjectId
    base: ObjectId


def with_bases(live: Set[ObjectId], found: Iterable[Difference]) -> set[ObjectId]:
    """Some objects, and what their records are differences to (I9)."""
    bases: dict[ObjectId, set[ObjectId]] = {}
    for each in found:
        bases.setdefault(each.id, set()).add(each.base)
    return {*live, *bases_of(bases, live)}


def differences(holdings: Holdings) -> list[Difference]:
    """The records that are differences. Asks for the header of each. Errors: `CannotCollect`."""
    whole = Codecs().without_bases()
    records = RemoteRecords(holdings)
    places = [(id, place) for id, place in holdings.records() if place.codec not in whole]

    def base_at(found: tuple[ObjectId, Location]) -> ObjectId | None:
        return records.header(found[1]).base

    try:
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            bases = list(pool.map(base_at, places))
    except Corrupt as error:
        raise _cannot(holdings, error.message) from error
    return [
        Difference(id, place.pack, base) for (id, place), base in zip(places, bases, strict=True) if base is not None
    ]


def without(holdings: Holdings, pack: ObjectId, dead: Set[ObjectId]) -> OutgoingPack | None:
    """A pack of a remote without some objects; None if nothing is left. What was a difference to one is stored whole.

    Memory: that pack. Errors: `BrokenRemote`, those of `Remote`.
    """
    records = RemoteRecords(holdings)
    kept: list[KeptRecord | MadeRecord] = []
    for record in scan_pack(holdings, pack):
        header, payload = record.header, record.payload
        if header.id in dead:
            continue
        if header.base is not None and header.base in dead:
            plain = records.plain(header, payload, holdings.remote.url)
            kept.append(made(ZstdCodec(), header.type, header.id, bytes(plain)))
        else:
            check_stored(header, payload, holdings.remote.url)
            kept.append(MadeRecord(header, bytes(payload)))
    return OutgoingPack(kept) if kept else None


def _cannot(holdings: Holdings, reason: str) -> PachaError:
    return CannotCollect(
        f"{holdings.remote.url}: nothing is deleted: {reason}",
        hint="`pacha fsck --remote NAME` names all damage; `pacha push NAME --check` heals it",
    )
