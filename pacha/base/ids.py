"""Object ids: 32 bytes of BLAKE3, and the only door to the package `blake3`."""

import re
from dataclasses import dataclass

from blake3 import blake3

from pacha.base.errors import Usage

DIGEST_BYTES = 32
HEX_DIGITS = 64
SHORT_DIGITS = 12

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PREFIX = re.compile(r"[0-9a-f]{8,64}", re.ASCII)


class BadId(Usage):
    """A text is not 64 lower-case hexadecimal digits."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectId:
    """A BLAKE3 digest. Shape: 32 raw bytes; printed as 64 lower-case hexadecimal digits.

    >>> str(ObjectId.parse("d74981efa70a0c880b8d8c1985d075dbcbf679b99a5f9914e5aaf96b831a9e24"))[:8]
    'd74981ef'
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != DIGEST_BYTES:
            raise BadId(f"an object id has {DIGEST_BYTES} bytes, not {len(self.raw)}")

    @classmethod
    def parse(cls, text: str) -> "ObjectId":
        """Reads 64 lower-case hexadecimal digits. Errors: `BadId`."""
        if not isinstance(text, str) or not _HEX.fullmatch(text):
            raise BadId(f"not an object id: {text!r}", hint="an id is 64 lower-case hexadecimal digits")
        return cls(bytes.fromhex(text))

    @property
    def hex(self) -> str:
        """64 lower-case hexadecimal digits."""
        return self.raw.hex()

    @property
    def short(self) -> str:
        """The first 12 digits, for people."""
        return self.raw.hex()[:SHORT_DIGITS]

    def __str__(self) -> str:
        return self.raw.hex()


def is_prefix(text: str) -> bool:
    """Tells whether `text` can abbreviate an id: 8 to 64 lower-case hexadecimal digits.

    >>> is_prefix("3f2a9c01"), is_prefix("3f2a"), is_prefix("3F2A9C01")
    (True, False, False)
    """
    return _PREFIX.fullmatch(text) is not None


class Hasher:
    """A running BLAKE3 over pieces of one byte string."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = blake3()

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Appends `data`."""
        self._state.update(data)

    def id(self) -> ObjectId:
        """Returns the id of everything given so far."""
        return ObjectId(self._state.digest())


def hash_bytes(data: bytes | bytearray | memoryview) -> ObjectId:
    """Returns the id of `data`, on one thread.

    >>> hash_bytes(b"hello world").short
    'd74981efa70a'
    """
    return ObjectId(blake3(data).digest())
