"""Packs that are put together from records as they lie, without decoding them: what a push sends.

A pack's id follows from its record headers alone, so it is known before a byte of payload is read, and an interrupted
push that begins again makes the same packs. Payloads are read when they are sent, and checked then.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pacha.base.ids import Hasher, ObjectId
from pacha.store.pack import FOOTER_BYTES, MAGIC, PackFile, check_stored, encode_footer
from pacha.store.packindex import Row
from pacha.store.record import RecordHeader

#: So much is read and handed on at a time.
PIECE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record where it lies in a pack."""

    header: RecordHeader
    pack: PackFile
    offset: int

    @property
    def size(self) -> int:
        """Units: bytes, header included."""
        return self.header.size + self.header.stored_length


@dataclass(frozen=True, slots=True)
class MadeRecord:
    """A record that was just encoded."""

    header: RecordHeader
    stored: bytes | memoryview

    @property
    def size(self) -> int:
        """Units: bytes, header included."""
        return self.header.size + self.header.stored_length


@dataclass(frozen=True, slots=True)
class AnewRecord:
    """A record that is encoded anew each time its bytes are asked for: a large one need not be held until it goes."""

    header: RecordHeader
    encode: Callable[[], bytes | memoryview]

    @property
    def size(self) -> int:
        """Units: bytes, header included."""
        return self.header.size + self.header.stored_length

    @property
    def stored(self) -> bytes | memoryview:
        """The stored bytes. Errors: `BadChecksum` where they are not those of the header."""
        data = self.encode()
        check_stored(self.header, memoryview(data), "a record that is encoded anew")
        return data


Outgoing = KeptRecord | MadeRecord | AnewRecord


class OutgoingPack:
    """A pack that exists nowhere yet. `pieces` yields its file, as often as it is asked."""

    def __init__(self, records: Sequence[Outgoing]) -> None:
        self.records = tuple(records)
        hasher = Hasher()
        hasher.update(MAGIC)
        self.rows: list[Row] = []
        end = len(MAGIC)
        for record in self.records:
            header = record.header
            hasher.update(header.encode())
            self.rows.append(Row(header.id, end, header.stored_length, header.plain_length, header.type, header.codec))
            end += record.size
        self.id: ObjectId = hasher.id()
        self.size = end + FOOTER_BYTES

    def pieces(self) -> Iterator[bytes | memoryview]:
        """Yields the bytes of the file. Errors: `BadChecksum`, `BadHeader` where the local copy is damaged."""
        yield MAGIC
        at = 0
        while at < len(self.records):
            record = self.records[at]
            if isinstance(record, KeptRecord):
                run = self._run(at, record)
                yield _checked(run)
                at += len(run)
            else:
                yield record.header.encode()
                yield record.stored
                at += 1
        yield encode_footer(len(self.records), self.id)

    def _run(self, at: int, first: KeptRecord) -> list[KeptRecord]:
        """Records that lie one after another in one pack, as many as are read at once."""
        run = [first]
        end, size = first.offset + first.size, first.size
        for record in self.records[at + 1 :]:
            if not isinstance(record, KeptRecord) or record.pack is not first.pack or record.offset != end:
                break
            if size + record.size > PIECE_BYTES:
                break
            run.append(record)
            end, size = end + record.size, size + record.size
        return run


def _checked(run: Sequence[KeptRecord]) -> memoryview:
    """The bytes of some records that lie side by side, each looked at."""
    pack, start = run[0].pack, run[0].offset
    data = memoryview(pack.read_at(start, sum(record.size for record in run)))
    for record in run:
        at = record.offset - start
        head, end = at + record.header.size, at + record.size
        if data[at:head] != record.header.encode():
            # It was read a moment ago, so the file was changed or is failing.
            pack.header_at(record.offset)
        check_stored(record.header, data[head:end], pack.path)
    return data
