"""Content addresses: `blake3:<64 hex>`, and the forms in which older registries wrote them."""

import re
from dataclasses import dataclass

from pacha.base.errors import Usage
from pacha.base.ids import ObjectId

_ADDRESS = re.compile(
    r"(?:blake3:)?([0-9a-fA-F]{64})(?::([0-9]{1,19}):([a-z]{1,16}))?", re.ASCII
)  # fmt: skip


class BadContentAddress(Usage):
    """A text is not a content address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentAddress:
    """The BLAKE3 of some bytes. `size` and `compression` are what an old address says; None where it says nothing.

    >>> address = ContentAddress.parse("blake3:" + "0f" * 32 + ":11:none")
    >>> str(address) == "blake3:" + "0f" * 32, address.size, address.compression
    (True, 11, 'none')
    """

    digest: ObjectId
    size: int | None = None
    compression: str | None = None

    @classmethod
    def parse(cls, text: str) -> "ContentAddress":
        """Reads `blake3:<hex>`, the old `blake3:<hex>:<size>:<compression>`, or bare digits. Errors: `BadContentAddress`."""
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise BadContentAddress(
                f"not a content address: {text[:80]!r}", hint="it is blake3: and 64 hexadecimal digits"
            )
        digits, size, compression = match.groups()
        return cls(
            digest=ObjectId.parse(digits.lower()), size=None if size is None else int(size), compression=compression
        )

    def __str__(self) -> str:
        return f"blake3:{self.digest}"
