"""Reading META objects from a remote: whole packs where they are small, since they hold what came together.

What arrives is checked against its id before anything parses it (I5).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pacha.base.errors import Corrupt
from pacha.base.ids import ObjectId, hash_bytes
from pacha.objects.types import META_BYTES_MAX, Link, Storage, type_named
from pacha.remotes.holdings import REQUESTS_AT_ONCE, BrokenRemote, Holdings
from pacha.remotes.keys import pack_key
from pacha.remotes.remote import BadAnswer, NoSuchKey
from pacha.store.codec import Codecs
from pacha.store.pack import FOOTER_BYTES, MAGIC, check_stored
from pacha.store.packindex import Location
from pacha.store.record import HEADER_BYTES, RecordHeader, decode_header

#: A pack of META is read whole up to this size, and record by record above.
WHOLE_BYTES_MAX = 16 << 20


class MetaReader:
    """The META objects of one remote."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._codecs = Codecs()
        self._found: dict[ObjectId, tuple[str, bytes]] = {}
        for held in holdings.state.refs.values():
            if held.body is not None and hash_bytes(held.body) == held.link.id:
                self._found[held.link.id] = (held.link.type, held.body)

    def read(self, link: Link, *, near: int | None = None) -> bytes | None:
        """An object's bytes; None where the remote does not have it. `near`: the entry that may have brought it.

        Errors: `BrokenRemote`, `BadAnswer`, those of `Remote`.
        """
        found = self._found.get(link.id)
        if found is None:
            places = self._holdings.locate(link.id, near=near)
            if not places:
                return None
            self._read_packs([places[0].pack], wanted={link.id: places[0]})
            found = self._found.get(link.id)
        if found is None or found[0] != link.type:
            raise BrokenRemote(f"{self._holdings.remote.url}: an index names {link} where something else lies")
        return found[1]

    def closure(
        self,
        roots: Iterable[Link],
        *,
        is_here: Callable[[Link], bool],
        beyond: Callable[[Link], Iterable[Link]] = lambda link: (),
    ) -> dict[Link, bytes]:
        """The META that some roots reach and that is not here, in the order in which it may be written: children first.

        `beyond`: of an object that is here, what must be looked at too, since a power cut may have kept it alone.
        Errors: `BrokenRemote` where something is missing, those of `Remote`.
        """
        found: dict[Link, bytes] = {}
        children: dict[Link, list[Link]] = {}
        seen: set[Link] = set()

        def missing(links: Iterable[Link]) -> list[Link]:
            left, todo = [], list(dict.fromkeys(links))
            while todo:
                link = todo.pop()
                if link not in seen:
                    seen.add(link)
                    if is_here(link):
                        todo.extend(beyond(link))
                    else:
                        left.append(link)
            return left

        level = missing(roots)
        while level:
            self._prefetch(level)
            reached: list[Link] = []
            for link in level:
                data = self.read(link)
                if data is None:
                    raise BrokenRemote(f"{self._holdings.remote.url}: names {link}, which it does not have")
                found[link] = data
                children[link] = meta_children(link, data)
                reached.extend(children[link])
            level = missing(reached)
        return {link: found[link] for link in children_first(children)}

    def _prefetch(self, links: Sequence[Link]) -> None:
        """Reads the packs that some objects lie in, side by side."""
        wanted: dict[ObjectId, dict[ObjectId, Location]] = {}
        for link in links:
            if link.id not in self._found and (places := self._holdings.locate(link.id)):
                wanted.setdefault(places[0].pack, {})[link.id] = places[0]
        self._read_packs(list(wanted), wanted={id: place for group in wanted.values() for id, place in group.items()})

    def _read_packs(self, packs: Sequence[ObjectId], *, wanted: dict[ObjectId, Location]) -> None:
        small = [pack for pack in packs if self._holdings.size_of(pack) <= WHOLE_BYTES_MAX]
        with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
            for records in pool.map(lambda pack: list(records_of(self._holdings, pack)), small):
                for header, payload in records:
                    if type_named(header.type).storage is Storage.META:
                        self._take(header, payload)
        for id, place in wanted.items():
            if id not in self._found:
                size = min(place.stored_length + HEADER_BYTES, META_BYTES_MAX + HEADER_BYTES)
                header, payload = _split(memoryview(_range(self._holdings, place.pack, place.offset, size)))
                self._take(header, payload)

    def _take(self, header: RecordHeader, payload: memoryview) -> None:
        """Decodes a record. Errors: `BadAnswer` where its bytes do not have its id."""
        url = self._holdings.remote.url
        if header.base is not None or header.plain_length > META_BYTES_MAX:
            raise BrokenRemote(f"{url}: {header.type}:{header.id} is not stored as META is")
        try:
            check_stored(header, payload, url)
            plain = bytes(self._codecs.numbered(header.codec).decode(payload, header.plain_length))
        except Corrupt as error:
            raise BadAnswer(f"{url}: {error.message}", hint="run the command again") from error
        if hash_bytes(plain) != header.id:
            raise BadAnswer(f"{url}: the bytes of {header.type}:{header.id} do not have that id")
        self._found[header.id] = (header.type, plain)


def children_first(children: Mapping[Link, Sequence[Link]]) -> Iterator[Link]:
    """The keys, each after those of its children that are keys: what is cut off anywhere is complete so far (I1)."""
    done: set[Link] = set()
    for root in children:
        todo = [(root, False)]
        while todo:
            link, is_open = todo.pop()
            if link in done:
                continue
            if is_open:
                done.add(link)
                yield link
                continue
            todo.append((link, True))
            todo.extend((child, False) for child in children[link] if child in children and child not in done)


def records_of(holdings: Holdings, pack: ObjectId) -> Iterator[tuple[RecordHeader, memoryview]]:
    """Every record of a small pack, read whole; the stored bytes are not yet checked. Errors: `BadAnswer`."""
    data = memoryview(_range(holdings, pack, 0, holdings.size_of(pack)))
    at, end = len(MAGIC), len(data) - FOOTER_BYTES
    while at < end:
        header, payload = _split(data[at:end])
        yield header, payload
        at += header.size + header.stored_length


def _range(holdings: Holdings, pack: ObjectId, start: int, length: int) -> bytes:
    try:
        return holdings.remote.get_range(pack_key(pack), start, length)
    except NoSuchKey as error:
        raise BrokenRemote(f"{holdings.remote.url}: its log names {pack_key(pack)}, which is not there") from error


def _split(data: memoryview) -> tuple[RecordHeader, memoryview]:
    try:
        header = decode_header(data)
    except Corrupt as error:
        raise BadAnswer(f"a record of META: {error.message}", hint="run the command again") from error
    payload = data[header.size : header.size + header.stored_length]
    if len(payload) != header.stored_length:
        raise BadAnswer("a record of META is cut short", hint="run the command again")
    return header, payload


def meta_children(link: Link, data: bytes) -> list[Link]:
    """The META objects that one names."""
    kind = type_named(link.type)
    return [child for child in kind.references(kind.decode(data)) if type_named(child.type).storage is Storage.META]
