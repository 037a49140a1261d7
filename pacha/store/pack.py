"""One pack file: header, records one after another, footer. Reading it; writing it is in `packwriter`.

A pack's id is the BLAKE3 of its header and its record headers. These hold each payload's checksum, so the id vouches
for the whole file and no byte is hashed twice. Source: docs/format.md, "Packs".
"""

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager

from pacha.base.errors import Corrupt
from pacha.base.files import Root, naming, read_exactly
from pacha.base.ids import DIGEST_BYTES, Hasher, ObjectId, hash_bytes
from pacha.store.packindex import Row
from pacha.store.record import (
    HEADER_BYTES,
    BadChecksum,
    BadHeader,
    RecordHeader,
    checksum_of,
    decode_header,
)

MAGIC = b"PACHPACK\x01\0\0\0\0\0\0\0"
_FOOTER = struct.Struct("<8sQ32s")
FOOTER_MAGIC = b"PACHPEND"
FOOTER_BYTES = _FOOTER.size
#: Headers are read this much at a time when a pack is scanned.
_HEADER_READ = HEADER_BYTES + DIGEST_BYTES


class BadPack(Corrupt):
    """A file is not a whole pack: it is cut short, or its footer does not match its records."""


class HashMismatch(Corrupt):
    """An object's bytes do not have its id."""


def encode_footer(count: int, digest: ObjectId) -> bytes:
    """The last bytes of a pack: magic, number of records, the pack's id."""
    return _FOOTER.pack(FOOTER_MAGIC, count, digest.raw)


class PackFile:
    """A pack opened for reading. Threads may share it: every read names its own offset."""

    def __init__(self, root: Root, relative: str, id: ObjectId) -> None:
        self.root = root
        self.relative = relative
        self.id = id
        self._descriptor = root.open_file(relative)
        self._whole: bytes | None = None
        self.size = os.fstat(self._descriptor).st_size

    @property
    def path(self) -> str:
        """The path as a person would type it."""
        return self.root.full(self.relative)

    def __del__(self) -> None:
        # Threads share an open pack; the last one to let go of it closes it.
        descriptor = getattr(self, "_descriptor", None)
        if descriptor is not None:
            os.close(descriptor)

    def load(self) -> None:
        """Reads the whole file at once: for small packs of which every record is wanted."""
        with naming(self.path):
            self._whole = read_exactly(self._descriptor, self.size, 0)

    def _read(self, length: int, offset: int) -> bytes:
        if self._whole is not None:
            return self._whole[offset : offset + length]
        return read_exactly(self._descriptor, length, offset)

    def read_at(self, offset: int, length: int) -> bytes:
        """Reads bytes as they lie. Errors: `BadPack` if the file ends before."""
        with naming(self.path):
            data = self._read(length, offset)
        if len(data) != length:
            raise BadPack(f"{self.path}: ends before {offset + length}", path=self.path, offset=offset)
        return data

    def record_at(self, offset: int, stored_length: int) -> tuple[RecordHeader, memoryview]:
        """Reads one record: its header, checked, and its stored bytes, not yet checked.

        Errors: `BadHeader`, `BadPack` if the file ends before the record does.
        """
        with naming(self.path):
            data = self._read(_HEADER_READ + stored_length, offset)
        header = self._header(data, offset)
        payload = memoryview(data)[header.size : header.size + header.stored_length]
        if len(payload) != header.stored_length:
            raise BadPack(f"{self.path}: the record at {offset} is cut short", path=self.path, offset=offset)
        return header, payload

    def header_at(self, offset: int) -> RecordHeader:
        """Reads one record's header alone, checked. Errors: `BadHeader`, `BadPack`."""
        with naming(self.path):
            data = self._read(_HEADER_READ, offset)
        return self._header(data, offset)

    def _header(self, data: bytes | memoryview, offset: int) -> RecordHeader:
        try:
            return decode_header(data)
        except BadHeader as error:
            raise BadHeader(f"{self.path}: at {offset}: {error.message}", path=self.path, offset=offset) from error

    def scan(self) -> Iterator[tuple[int, RecordHeader]]:
        """Yields offset and header of every record, and checks the footer at the end. Errors: `BadPack`."""
        self._check_start()
        hasher = Hasher()
        hasher.update(MAGIC)
        offset = len(MAGIC)
        count = 0
        end = self.size - FOOTER_BYTES
        while offset < end:
            with naming(self.path):
                data = self._read(_HEADER_READ, offset)
            header = self._header(data, offset)
            hasher.update(data[: header.size])
            yield offset, header
            offset += header.size + header.stored_length
            count += 1
        with naming(self.path):
            footer = self._read(FOOTER_BYTES, offset)
        if offset != end or footer != encode_footer(count, hasher.id()) or hasher.id() != self.id:
            raise BadPack(
                f"{self.path}: the footer does not match the {count} records before it",
                path=self.path,
                pack=self.id.hex,
            )

    def _check_start(self) -> None:
        with naming(self.path):
            start = read_exactly(self._descriptor, len(MAGIC), 0)
        if self.size < len(MAGIC) + FOOTER_BYTES or start != MAGIC:
            raise BadPack(f"{self.path}: not a pack", path=self.path, pack=self.id.hex)

    def rows(self) -> list[Row]:
        """The rows of this pack's index, made from the records themselves. Errors: `BadPack`, `BadHeader`."""
        return [
            Row(header.id, offset, header.stored_length, header.plain_length, header.type, header.codec)
            for offset, header in self.scan()
        ]


def check_stored(header: RecordHeader, payload: memoryview, path: str) -> None:
    """Checks a record's stored bytes without decoding them. Errors: `BadChecksum`."""
    if checksum_of(payload) != header.checksum:
        raise BadChecksum(
            f"{path}: the stored bytes of {header.type}:{header.id} are damaged",
            path=path,
            object=f"{header.type}:{header.id}",
        )


@contextmanager
def naming_record(header: RecordHeader, path: str) -> Iterator[None]:
    """Names the record and its file in what goes wrong while it is decoded."""
    try:
        yield
    except Corrupt as error:
        raise type(error)(f"{path}: {header.type}:{header.id}: {error.message}", hint=error.hint, path=path) from error


def check_id(header: RecordHeader, plain: bytes | memoryview, path: str) -> None:
    """Checks a record's decoded bytes against its id. Errors: `HashMismatch`."""
    if hash_bytes(plain) != header.id:
        raise HashMismatch(
            f"{path}: the bytes of {header.type}:{header.id} do not have that id",
            path=path,
            object=f"{header.type}:{header.id}",
        )
