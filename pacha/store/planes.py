"""Tensors as planes: the bytes of their elements by significance, the exponent whole. The only door to `numpy` here.

Of floats the sign goes to the low end first, so that the exponent begins with the first plane. A difference to a base
is that of the elements as whole numbers, modulo their width, with the sign at the low end (zigzag). Bytes behind the
last whole element are left over. Source: docs/format.md, "Planes"; docs/decisions/0029-planes.md.
"""

from typing import Any, Final

from pacha.base.spans import ELEMENT_BYTES

#: The number of each element in stored bytes, for ever.
ELEMENT_NUMBERS: Final = {"f64": 1, "f32": 2, "bf16": 3, "f16": 4, "i64": 5, "i32": 6, "i16": 7, "i8": 8}
ELEMENTS: Final = {number: name for name, number in ELEMENT_NUMBERS.items()}
#: So many bytes of a plane tell how it is best packed.
SAMPLE: Final = 4_096
#: Bits a byte above which a plane is noise: a Huffman code would spare less than a hundredth.
NOISE_BITS: Final = 7.9
#: Below this, equal bytes come in runs, which a Huffman code alone does not find.
RUNS_BITS: Final = 1.2

_Array = Any


class Planes:
    """Splits and joins. Holds working memory, so an instance serves one thread."""

    def __init__(self) -> None:
        import numpy

        # Loading it takes as long as a whole small command: only who meets a tensor waits for it.
        self._numpy = numpy
        self._spare: dict[tuple[str, int], _Array] = {}

    def split(self, data: bytes | memoryview, element: str, base: bytes | memoryview | None = None) -> list[memoryview]:
        """The planes of the whole elements of some bytes, the most significant first.

        Shape: one plane a byte of the element, each as long as there are elements. They are valid until the next call.
        """
        width = ELEMENT_BYTES[element]
        count = len(data) // width
        words = self._numpy.frombuffer(data, dtype=f"<u{width}", count=count)
        turned = self._buffer("turned", words.dtype.str, count)
        if base is not None:
            other = self._numpy.frombuffer(base, dtype=f"<u{width}", count=count)
            self._numpy.subtract(words, other, out=turned)
            self._zigzag(turned, width)
        elif element in ("f64", "f32", "bf16", "f16"):
            self._rotate(words, turned, width)
        else:
            turned = words
        planes = self._buffer("planes", "|u1", count * width).reshape(width, count)
        self._numpy.copyto(planes, turned.view(self._numpy.uint8).reshape(count, width).T[::-1])
        return [plane.data for plane in planes]

    def join(
        self,
        planes: list[bytes | memoryview],
        count: int,
        element: str,
        base: bytes | memoryview | None,
        out: bytearray,
    ) -> None:
        """Puts planes of `count` elements together again, into the start of `out`."""
        width = ELEMENT_BYTES[element]
        words = self._numpy.frombuffer(out, dtype=f"<u{width}", count=count)
        columns = words.view(self._numpy.uint8).reshape(count, width)
        for number, plane in enumerate(planes):
            columns[:, width - 1 - number] = self._numpy.frombuffer(plane, dtype=self._numpy.uint8, count=count)
        if base is not None:
            self._unzigzag(words)
            self._numpy.add(words, self._numpy.frombuffer(base, dtype=words.dtype, count=count), out=words)
        elif element in ("f64", "f32", "bf16", "f16"):
            spare = self._buffer("spare", words.dtype.str, count)
            self._numpy.left_shift(words, 8 * width - 1, out=spare)
            self._numpy.right_shift(words, 1, out=words)
            self._numpy.bitwise_or(words, spare, out=words)

    def bits(self, plane: memoryview) -> float:
        """The order-0 entropy of a sample of a plane, in bits a byte; 0.0 only if all of it is one byte."""
        whole = self._numpy.frombuffer(plane, dtype=self._numpy.uint8)
        part = whole[:: max(1, len(whole) // SAMPLE)]
        counts = self._numpy.bincount(part, minlength=256)
        shares = counts[counts > 0] / len(part)
        found = float(-(shares * self._numpy.log2(shares)).sum())
        return found if found > 0 or bool((whole == whole[0]).all()) else RUNS_BITS / 2

    def _buffer(self, use: str, dtype: str, count: int) -> _Array:
        """Memory that is used again: fresh pages cost as much as the work on them."""
        held = self._spare.get((use, len(dtype) and int(dtype[2:])))
        if held is None or len(held) < count:
            held = self._spare[(use, int(dtype[2:]))] = self._numpy.empty(count, dtype=dtype)
        return held[:count]

    def _rotate(self, words: _Array, turned: _Array, width: int) -> None:
        spare = self._buffer("spare", words.dtype.str, len(words))
        self._numpy.right_shift(words, 8 * width - 1, out=spare)
        self._numpy.left_shift(words, 1, out=turned)
        self._numpy.bitwise_or(turned, spare, out=turned)

    def _zigzag(self, words: _Array, width: int) -> None:
        spare = self._buffer("spare", words.dtype.str, len(words))
        signed = words.view(f"<i{width}")
        self._numpy.right_shift(signed, 8 * width - 1, out=spare.view(f"<i{width}"))
        self._numpy.left_shift(words, 1, out=words)
        self._numpy.bitwise_xor(words, spare, out=words)

    def _unzigzag(self, words: _Array) -> None:
        spare = self._buffer("spare", words.dtype.str, len(words))
        self._numpy.bitwise_and(words, 1, out=spare)
        self._numpy.negative(spare, out=spare)
        self._numpy.right_shift(words, 1, out=words)
        self._numpy.bitwise_xor(words, spare, out=words)
