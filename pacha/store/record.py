"""One record of a pack: a fixed header that describes itself, then the stored bytes. Pure values, no I/O.

Source: docs/format.md, "Records".
"""

import struct
import zlib
from dataclasses import dataclass

from pacha.base.errors import Corrupt
from pacha.base.ids import DIGEST_BYTES, ObjectId, hash_bytes

#: A record is held in memory whole, once stored and once plain.
RECORD_PLAIN_MAX = 64 << 20
#: No codec may grow its input by more than this; bounds what a reader allocates.
RECORD_STORED_MAX = RECORD_PLAIN_MAX + (1 << 16)
TYPE_NAME_BYTES = 12
CHECKSUM_BYTES = 16
FLAG_BASE = 1

_BODY = struct.Struct("<12sBBHQQ32s16s")
_HEADER = struct.Struct("<12sBBHQQ32s16sI")
HEADER_BYTES = _HEADER.size


class BadHeader(Corrupt):
    """A record's header is damaged or promises what a record may not hold."""


class BadChecksum(Corrupt):
    """A record's stored bytes are not those that were written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordHeader:
    """What a record says of itself. Units: lengths in bytes; `checksum` is 16 bytes of BLAKE3 of the stored bytes."""

    type: str
    codec: int
    plain_length: int
    stored_length: int
    id: ObjectId
    checksum: bytes
    base: ObjectId | None = None

    @property
    def size(self) -> int:
        """Bytes before the stored bytes."""
        return HEADER_BYTES + (DIGEST_BYTES if self.base else 0)

    def encode(self) -> bytes:
        """Returns the header's bytes: fixed part with CRC-32, then the base's id if there is one."""
        flags = FLAG_BASE if self.base else 0
        body = _BODY.pack(
            self.type.encode("ascii"),
            self.codec,
            flags,
            0,
            self.plain_length,
            self.stored_length,
            self.id.raw,
            self.checksum,
        )
        base = self.base.raw if self.base else b""
        return body + struct.pack("<I", zlib.crc32(base, zlib.crc32(body))) + base


def checksum_of(stored: bytes | memoryview) -> bytes:
    """The first 16 bytes of the BLAKE3 of the stored bytes; of a raw record that is the start of its own id."""
    return hash_bytes(stored).raw[:CHECKSUM_BYTES]


def decode_header(data: bytes | memoryview) -> RecordHeader:
    """Reads a header from the start of `data`. Errors: `BadHeader`."""
    if len(data) < HEADER_BYTES:
        raise BadHeader("a record's header is cut short")
    name, codec, flags, reserved, plain, stored, raw_id, checksum, crc = _HEADER.unpack_from(data)
    base_raw = bytes(data[HEADER_BYTES : HEADER_BYTES + DIGEST_BYTES]) if flags & FLAG_BASE else b""
    if zlib.crc32(base_raw, zlib.crc32(data[: _BODY.size])) != crc:
        raise BadHeader("a record's header does not match its checksum")
    if reserved or flags & ~FLAG_BASE or len(base_raw) not in (0, DIGEST_BYTES):
        raise BadHeader("a record's header uses fields that this version does not know")
    if plain > RECORD_PLAIN_MAX or stored > RECORD_STORED_MAX:
        raise BadHeader(f"a record promises {plain} bytes; the most is {RECORD_PLAIN_MAX}")
    try:
        type_name = name.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise BadHeader("a record's type is not a name") from error
    return RecordHeader(
        type=type_name,
        codec=codec,
        plain_length=plain,
        stored_length=stored,
        id=ObjectId(raw_id),
        checksum=checksum,
        base=ObjectId(base_raw) if base_raw else None,
    )
