"""HDF5 as far as models need it: groups, datasets and attributes of the usual layouts, walked within bounds.

Read are superblocks 0 to 3, object headers 1 and 2, groups as B-trees and as links, and attributes in headers. Not
read, and said so: groups and attributes in fractal heaps, links to other files, types of one's own that are shared.
Source: HDF5 File Format Specification 3.0, sections II to IV.

Longer than most modules: the layouts are read in one walk, with one bound on all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pacha.formats.hdf5_values import Attribute, Heap, attribute_of, dataspace_of, datatype_of
from pacha.formats.inspection import Malformed, Source

MAGIC = b"\x89HDF\r\n\x1a\n"
#: Where a superblock may lie, before it is given up.
_PLACES = (0, 512, 1024, 2048)
#: A network has some thousand groups and weights.
OBJECTS_MAX = 100_000
MESSAGES_MAX = 1_000_000
HEADER_BYTES_MAX = 1 << 20
#: Headers of all objects together: they may lie over one another.
HEADERS_BYTES_MAX = 256 << 20
NAME_BYTES_MAX = 1_024
DEPTH_MAX = 64
NOTES_MAX = 20
_DATASPACE, _LINK_INFO, _DATATYPE, _LINK, _LAYOUT, _ATTRIBUTE, _CONTINUATION, _TABLE, _ATTRIBUTE_INFO = (
    0x01, 0x02, 0x03, 0x06, 0x08, 0x0C, 0x10, 0x11, 0x15,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """An array: its path, element type and shape, and its place if it lies in one piece. Units: bytes."""

    path: str
    dtype: str
    shape: tuple[int, ...]
    offset: int | None = None
    length: int | None = None


@dataclass(slots=True)
class Contents:
    """What a file holds. `notes` says what was not read."""

    superblock: int
    attributes: dict[str, Any] = field(default_factory=dict)
    datasets: list[Dataset] = field(default_factory=list)
    groups: int = 0
    notes: list[str] = field(default_factory=list)

    def note(self, said: str) -> None:
        """Says once what was not read."""
        if said not in self.notes and len(self.notes) < NOTES_MAX:
            self.notes.append(said)


def read_hdf5(source: Source) -> Contents:
    """Walks a file from its root. Errors: `Malformed`."""
    return _Walk(source).contents()


@dataclass(slots=True)
class _Object:
    """An object's header, taken apart."""

    dtype: str = "unknown"
    shape: tuple[int, ...] | None = None
    layout: bytes = b""
    table: tuple[int, int] | None = None
    links: list[tuple[str, int]] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)


class _Walk:
    def __init__(self, source: Source) -> None:
        self._source = source
        place = next((at for at in _PLACES if source.read(at, 8) == MAGIC), None)
        if place is None:
            raise Malformed("not an HDF5 file")
        self._messages = self._header_bytes = 0
        self._base = 0
        head = source.read(place, 96)
        if len(head) < 48 or head[8] > 3:
            raise Malformed("its superblock is cut off or of an unknown version")
        is_old = head[8] < 2
        # Versions 0 and 1 keep the sizes of addresses and lengths at 13, later ones at 9.
        self._width, self._length = head[13:15] if is_old else head[9:11]
        if self._width not in (4, 8) or self._length not in (4, 8):
            raise Malformed("its superblock has addresses of no known size")
        start = (28 if head[8] else 24) if is_old else 12
        addresses = [head[start + n * self._width : start + (n + 1) * self._width] for n in range(6)]
        self._base, _, end = (int.from_bytes(raw, "little") for raw in addresses[:3])
        if end > source.size:
            raise Malformed(f"it ends at {end} by its superblock, and has {source.size} bytes")
        self._root = int.from_bytes(addresses[5 if is_old else 3], "little")
        self._contents = Contents(head[8])
        self._heap = Heap(self._bytes, self._width, self._length)

    def contents(self) -> Contents:
        """Everything from the root on; each object once, whatever leads to it."""
        found, entered = self._contents, {self._root}
        todo: list[tuple[str, int, int]] = [("", self._root, 0)]
        while todo:
            path, address, depth = todo.pop()
            item = self._object(address)
            if not path:
                found.attributes = {it.name: self._heap.value(it) for it in item.attributes}
            if item.shape is not None:
                found.datasets.append(self._dataset(path, item))
                continue
            found.groups += 1
            fresh = []
            for name, child in sorted(self._children(item)):
                if child not in entered and depth < DEPTH_MAX:
                    entered.add(child)
                    fresh.append((f"{path}/{name}" if path else name, child, depth + 1))
                else:
                    found.note("an object that several names lead to is listed once")
            todo.extend(reversed(fresh))
            if len(entered) > OBJECTS_MAX:
                raise Malformed(f"more than {OBJECTS_MAX} objects")
        return found

    def _bytes(self, address: int, length: int) -> bytes:
        """Bytes at an address. Errors: `Malformed` if they are not there."""
        data = self._source.read(self._base + address, length) if self._base + address < self._source.size else b""
        if len(data) < length:
            raise Malformed(f"{length} bytes lie at {address}, beyond its end")
        return data

    def _number(self, raw: bytes, at: int, width: int | None = None) -> int:
        width = self._width if width is None else width
        if len(raw) < at + width:
            raise Malformed("a record is cut off")
        return int.from_bytes(raw[at : at + width], "little")

    def _object(self, address: int) -> _Object:
        found = _Object()
        for kind, flags, body in self._headers(address):
            self._messages += 1
            if self._messages > MESSAGES_MAX:
                raise Malformed(f"more than {MESSAGES_MAX} messages")
            if flags & 2 and kind in (_DATASPACE, _DATATYPE, _ATTRIBUTE):
                self._contents.note("types and attributes that are shared are not read")
            elif kind == _DATASPACE:
                found.shape = dataspace_of(body, self._length)
            elif kind == _DATATYPE:
                found.dtype = datatype_of(body).name
            elif kind == _LAYOUT:
                found.layout = body
            elif kind == _ATTRIBUTE:
                found.attributes.append(attribute_of(body, self._length))
            elif kind == _TABLE:
                found.table = self._number(body, 0), self._number(body, self._width)
            elif kind == _LINK:
                self._link(body, found)
            elif kind in (_LINK_INFO, _ATTRIBUTE_INFO):
                self._dense(kind, body)
        return found

    def _dense(self, kind: int, body: bytes) -> None:
        """Notes a fractal heap, in which many links or attributes lie."""
        flags = self._number(body, 1, 1)
        at = 2 + ((8 if kind == _LINK_INFO else 2) if flags & 1 else 0)
        if self._number(body, at) != (1 << (8 * self._width)) - 1:
            self._contents.note(f"{'groups' if kind == _LINK_INFO else 'attributes'} in a fractal heap are not read")

    def _link(self, body: bytes, found: _Object) -> None:
        flags, at = self._number(body, 1, 1), 2
        kind = self._number(body, at, 1) if flags & 8 else 0
        at += (1 if flags & 8 else 0) + (8 if flags & 4 else 0) + (1 if flags & 16 else 0)
        width = 1 << (flags & 3)
        length = self._number(body, at, width)
        at += width
        if length > NAME_BYTES_MAX or at + length > len(body):
            raise Malformed(f"a link with a name of {length} bytes")
        if kind == 0:
            name = body[at : at + length].decode("utf-8", "backslashreplace")
            found.links.append((name, self._number(body, at + length)))
        else:
            self._contents.note("external: links to other files or places are not followed")

    def _headers(self, address: int) -> Iterator[tuple[int, int, bytes]]:
        """Kind, flags and body of each message of a header."""
        head = self._bytes(address, 16)
        if head[:4] == b"OHDR":
            yield from self._headers_2(address, head)
            return
        if head[0] != 1:
            raise Malformed(f"an object of the unknown version {head[0]}")
        left = self._number(head, 2, 2)
        todo = [(address + 16, self._number(head, 8, 4))]
        while todo:
            block, at = self._block(*todo.pop(0)), 0
            while left > 0 and at + 8 <= len(block):
                kind, size = self._number(block, at, 2), self._number(block, at + 2, 2)
                body = block[at + 8 : at + 8 + size]
                at, left = at + 8 + size, left - 1
                if kind == _CONTINUATION:
                    todo.append((self._number(body, 0), self._number(body, self._width, self._length)))
                else:
                    yield kind, block[at - size - 4], body

    def _headers_2(self, address: int, head: bytes) -> Iterator[tuple[int, int, bytes]]:
        flags = head[5]
        at = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = int.from_bytes(self._bytes(address + at, width), "little")
        # Each later block begins with four letters and ends with four bytes of checksum.
        todo = [(address + at + width, size)]
        extra, seen = (2 if flags & 4 else 0), 0
        while todo:
            block, at = self._block(*todo.pop(0)), 0
            seen += 1
            if seen > MESSAGES_MAX:
                raise Malformed("a header without end")
            while at + 4 + extra <= len(block):
                kind, size, marks = block[at], self._number(block, at + 1, 2), block[at + 3]
                body = block[at + 4 + extra : at + 4 + extra + size]
                at += 4 + extra + size
                if kind == _CONTINUATION:
                    length = self._number(body, self._width, self._length)
                    todo.append((self._number(body, 0) + 4, max(0, length - 8)))
                    self._messages += 1
                elif kind or size:
                    yield kind, marks, body

    def _block(self, address: int, size: int) -> bytes:
        self._messages += 1
        self._header_bytes += size
        if size > HEADER_BYTES_MAX or self._messages > MESSAGES_MAX or self._header_bytes > HEADERS_BYTES_MAX:
            raise Malformed(f"a header of {size} bytes, or one without end")
        return self._bytes(address, size)

    def _children(self, item: _Object) -> list[tuple[str, int]]:
        if item.table is None:
            return item.links
        tree, heap = item.table
        head = self._bytes(heap, 8 + 2 * self._length + self._width)
        if head[:4] != b"HEAP":
            raise Malformed("a group without its names")
        names, size = self._number(head, 8 + 2 * self._length), self._number(head, 8, self._length)
        return [
            (self._name(names, size, at), address)
            for node in self._nodes(tree)
            for at, address in self._entries(node)
        ]  # fmt: skip

    def _name(self, names: int, size: int, at: int) -> str:
        if at >= size:
            raise Malformed("a name that is not there")
        raw = self._bytes(names + at, min(NAME_BYTES_MAX, size - at)).partition(b"\0")[0]
        return raw.decode("utf-8", "backslashreplace")

    def _nodes(self, tree: int) -> Iterator[int]:
        """The leaves of a group's B-tree."""
        todo, entered = [tree], {tree}
        while todo:
            address = todo.pop()
            head = self._bytes(address, 8 + 2 * self._width)
            if head[:4] != b"TREE" or head[4] != 0:
                raise Malformed("a group without its tree")
            level, count = head[5], self._number(head, 6, 2)
            step = self._length + self._width
            raw = self._bytes(address + len(head), count * step + self._length)
            children = [self._number(raw, at * step + self._length) for at in range(count)]
            if level == 0:
                yield from children
                continue
            fresh = [child for child in children if child not in entered]
            entered.update(fresh)
            todo.extend(reversed(fresh))
            if len(entered) > OBJECTS_MAX:
                raise Malformed(f"a tree of more than {OBJECTS_MAX} nodes")

    def _entries(self, node: int) -> Iterator[tuple[int, int]]:
        head = self._bytes(node, 8)
        if head[:4] != b"SNOD":
            raise Malformed("a group without its entries")
        count, step = self._number(head, 6, 2), 2 * self._width + 24
        self._messages += count
        if self._messages > MESSAGES_MAX:
            raise Malformed(f"more than {MESSAGES_MAX} entries")
        raw = self._bytes(node + 8, count * step)
        for at in range(0, count * step, step):
            if self._number(raw, at + 2 * self._width, 4) == 2:
                self._contents.note("external: links to other files or places are not followed")
            else:
                yield self._number(raw, at), self._number(raw, at + self._width)

    def _dataset(self, path: str, item: _Object) -> Dataset:
        offset = length = None
        # Version 3 and 4, class 1: in one piece. An address of all ones is one that was never written.
        if len(item.layout) >= 2 + self._width + self._length and item.layout[0] in (3, 4) and item.layout[1] == 1:
            address = self._number(item.layout, 2)
            if address != (1 << (8 * self._width)) - 1:
                offset = self._base + address
                length = self._number(item.layout, 2 + self._width, self._length)
                if offset + length > self._source.size:
                    raise Malformed(f"{path!r:.80} reaches beyond the end")
        return Dataset(path=path, dtype=item.dtype, shape=item.shape or (), offset=offset, length=length)
