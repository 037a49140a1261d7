"""The part of `push --check` that looks whether a remote still has what it says, and what of that can be sent anew.

A pack goes from the remote's list only when everything that it held lies elsewhere again. What lies under its name is
written over only by a pack of the same records.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pacha.base.errors import Absent, Corrupt
from pacha.base.ids import ObjectId, hash_bytes
from pacha.graph.walk import is_data, is_leaf
from pacha.objects.types import Link, Storage
from pacha.porcelain.connect import Connection
from pacha.porcelain.erasures import Erasures
from pacha.porcelain.fsck_remote import unsound_indexes, unsound_packs
from pacha.porcelain.remote_statements import RemoteStatements
from pacha.porcelain.workspace import Workspace
from pacha.remotes.holdings import Holdings
from pacha.remotes.keys import pack_key
from pacha.remotes.records import RemoteRecords, scan_pack
from pacha.store.chains import DEPTH_MAX
from pacha.store.objects import Objects
from pacha.store.packindex import PackIndex, encode_index


@dataclass(slots=True, kw_only=True)
class Unsound:
    """What is wrong with a remote. `lost` are the objects that lay in packs which are not whole, by pack.

    `rooms` says of those of DATA how many bases what replaces them may have, for others may rest on them. `made` are indexes over packs that no sound index covers; each is put there anew.
    """

    packs: dict[ObjectId, str] = field(default_factory=dict)
    indexes: dict[ObjectId, str] = field(default_factory=dict)
    lost: dict[ObjectId, set[Link]] = field(default_factory=dict)
    rooms: dict[ObjectId, int] = field(default_factory=dict)
    made: list[bytes] = field(default_factory=list)

    @property
    def links(self) -> set[Link]:
        """Everything that was lost."""
        return {link for links in self.lost.values() for link in links}

    def replaceable(self, has: Iterable[ObjectId]) -> tuple[ObjectId, ...]:
        """The packs of which everything lies elsewhere; `has` are the objects of `links` that do."""
        there = set(has)
        return tuple(sorted(pack for pack in self.packs if {link.id for link in self.lost.get(pack, ())} <= there))


def examine(connection: Connection, *, read_data: bool) -> Unsound:
    """Looks at every pack and index that a remote lists; from then on `connection.holdings` leave out what is not whole.

    Errors: those of `Remote` where it cannot be asked.
    """
    state, remote = connection.state, connection.remote
    holdings = Holdings(remote, state)
    found = Unsound(packs=unsound_packs(holdings))
    found.indexes = {**unsound_indexes(holdings), **holdings.load_sound()}
    for pack in sorted(holdings.uncovered() - found.packs.keys()):
        data = _index_anew(holdings, pack)
        if data is None:
            found.packs[pack] = f"{remote.url}: {pack_key(pack)} cannot be read"
        else:
            found.made.append(data)
            holdings.add(hash_bytes(data), PackIndex(data))
    if read_data:
        for pack in state.packs.keys() - found.packs.keys():
            reason = _damage(holdings, pack)
            if reason is not None:
                found.packs[pack] = reason
    whole = RemoteRecords(holdings).codecs().without_bases()
    for id, place in holdings.records():
        if place.pack in found.packs:
            found.lost.setdefault(place.pack, set()).add(Link(place.type, id))
            if state.packs[place.pack].pack.storage is Storage.DATA:
                room = 0 if place.codec in whole else DEPTH_MAX - 1
                found.rooms[id] = min(room, found.rooms.get(id, room))
    packs = {id: held for id, held in state.packs.items() if id not in found.packs}
    indexes = {id: held for id, held in state.indexes.items() if id not in found.indexes}
    connection.holdings = Holdings(remote, replace(state, packs=packs, indexes=indexes))
    connection.holdings.load()
    for data in found.made:
        connection.holdings.add(hash_bytes(data), PackIndex(data))
    return found


def _index_anew(holdings: Holdings, pack: ObjectId) -> bytes | None:
    try:
        return encode_index([(pack, [record.row() for record in scan_pack(holdings, pack)])])
    except Corrupt:
        return None


def _damage(holdings: Holdings, pack: ObjectId) -> str | None:
    """What is wrong with the bytes of a pack. A record whose base cannot be read counts: it cannot be read either."""
    records = RemoteRecords(holdings)
    try:
        for record in scan_pack(holdings, pack):
            records.plain(record.header, record.payload, f"{holdings.remote.url}: {pack_key(pack)}")
    except Corrupt as error:
        return error.message
    return None


def lacking(workspace: Workspace, connection: Connection, unsound: Unsound) -> Iterator[Link]:
    """What a remote lacks, and this store has: of what it lost, and of what its refs name, all the way down.

    The bytes of ancestors may never have been pushed, so of these only what was lost goes; of erased versions nothing.
    """
    objects = workspace.repository.objects
    has = connection.holdings.has
    wanted = [link for link in unsound.links if not has(link.id)]
    yield from (link for link in wanted if objects.has(link))
    named = set(_named(connection, objects))
    erasures = Erasures(workspace.repository, RemoteStatements(connection.holdings))
    seen = set(wanted)
    todo = list(named)
    while todo:
        link = todo.pop()
        if link in seen:
            continue
        seen.add(link)
        if not has(link.id) and objects.has(link):
            yield link
        if is_leaf(link):
            continue
        try:
            with objects.data.filled_by(None):
                inner = objects.references(link)
        except (Absent, Corrupt):
            continue
        if link.type == "manifest" and (link not in named or erasures.of(link.id) is not None):
            inner = tuple(each for each in inner if not is_data(each))
        todo.extend(inner)


def _named(connection: Connection, objects: Objects) -> Iterator[Link]:
    """What the remote's refs name, and the manifests of its versions."""
    for held in connection.state.refs.values():
        yield held.link
        if held.link.type == "tag":
            try:
                yield from objects.references(held.link)
            except (Absent, Corrupt):
                continue
