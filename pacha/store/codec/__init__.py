"""How a record's bytes are encoded. A codec is found by its module's place here; each has a number for ever."""

import pkgutil
from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, runtime_checkable

from pacha.base.errors import Corrupt, Unsupported


class BadFrame(Corrupt):
    """Stored bytes are not a well-formed encoding of the declared length."""


class UnknownCodec(Unsupported):
    """A record was written with a codec that this version does not know."""


class Codec(Protocol):
    """Encodes and decodes one record's bytes. Instances hold working memory and serve one thread at a time."""

    number: int
    name: str
    needs_base: bool

    def encode(
        self, data: bytes | memoryview, *, element: str | None = None, base: bytes | memoryview | None = None
    ) -> bytes | memoryview | None:
        """Returns the stored form of `data`, or None where this codec has nothing to offer.

        `element` is what `data` holds, a key of `ELEMENT_BYTES`; `base` what a difference may be taken to.
        """

    def decode(
        self, stored: bytes | memoryview, plain_length: int, *, base: bytes | memoryview | None = None
    ) -> bytes | memoryview:
        """Returns exactly `plain_length` bytes. Errors: `BadFrame`. Memory: bounded by `plain_length`."""


@runtime_checkable
class Together(Protocol):
    """A codec that packs many small records at less cost than one after another."""

    def encode_all(self, data: Sequence[bytes]) -> Sequence[bytes | memoryview]:
        """Returns the stored form of each, as `encode` would. Memory: that of all of them."""


class Codecs:
    """One instance of every codec, for one thread."""

    def __init__(self) -> None:
        codecs: list[Codec] = [
            import_module(f"{__name__}.{module.name}").CODEC() for module in pkgutil.iter_modules(__path__)
        ]
        self._by_number = {codec.number: codec for codec in codecs}

    def numbered(self, number: int) -> Codec:
        """Returns the codec of that number. Errors: `UnknownCodec`."""
        codec = self._by_number.get(number)
        if codec is None:
            raise UnknownCodec(
                f"codec {number} is not known to this version of Pacha", hint="install a newer pacha-registry"
            )
        return codec

    def names(self) -> dict[int, str]:
        """The name of each number."""
        return {number: codec.name for number, codec in sorted(self._by_number.items())}

    def without_bases(self) -> frozenset[int]:
        """The numbers of the codecs whose records are whole. A number that is not known may name a base."""
        return frozenset(number for number, codec in self._by_number.items() if not codec.needs_base)
