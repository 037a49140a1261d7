"""Numbers apart into planes of bytes, and together again; the only door to the package `numpy` here.

Plane 0 holds the lowest byte of every number, the last plane the highest. Each step is one pass of a vector
instruction over memory that is used again. numpy is imported when the first tensor is met, not before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pacha.base.spans import ELEMENT_BYTES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Plane: TypeAlias = NDArray[np.uint8]
    Numbers: TypeAlias = NDArray[Any]

#: The first bits of a float: by how many its exponent's last eight lie beside the two highest bytes. The exponent of
#: a double has eleven bits, of which the lowest eight change; a half's five stay together with the fraction's first.
_EXPONENT_SHIFT: Final = {"f64": 4, "f32": 1, "f16": 1, "bf16": 1}
#: Memory that is kept from record to record. A larger one is rare, and its memory is given back.
KEPT_BYTES_MAX: Final = 4 << 20
#: How many bytes of a plane tell the share of its zeros.
_SOME: Final = 4_096
_BLOCK: Final = 1 << 16


class PlaneWork:
    """Splits and joins, with memory of its own. Serves one thread; what `split` returns holds until its next call."""

    def __init__(self) -> None:
        self._kept: dict[str, bytearray] = {}

    def split(self, data: bytes | memoryview, element: str, base: bytes | memoryview | None = None) -> list[Plane]:
        """Returns the planes of `data`, the lowest first, tail left out; with a base, those of the zigzag difference."""
        import numpy as np

        width = ELEMENT_BYTES[element]
        numbers, signs = _numbers(data, width), None
        is_bare = base is None and element in _EXPONENT_SHIFT
        if not is_bare:
            numbers, signs = self._doubled(numbers, None if base is None else _numbers(base, width))
        planes = self._array("planes", len(numbers) * width, 1).reshape(width, -1)
        np.copyto(planes[0], numbers, casting="unsafe")
        for index in range(1, width):
            np.right_shift(numbers, 8 * index, out=planes[index], casting="unsafe")
        if is_bare:
            self._bare_exponent(planes[-1], planes[-2], _EXPONENT_SHIFT[element])
        if signs is not None:
            np.bitwise_xor(planes, signs, out=planes)
        return list(planes)

    def join(
        self,
        planes: Sequence[bytes | memoryview | int],
        tail: memoryview,
        length: int,
        element: str,
        base: bytes | memoryview | None = None,
    ) -> memoryview:
        """Returns the `length` bytes of the numbers whose planes these are, each bytes or one value for all; tail last."""
        import numpy as np

        data: Plane = np.empty(length, np.uint8)
        data[length - len(tail) :] = np.frombuffer(tail, np.uint8) if tail else 0
        width = ELEMENT_BYTES[element]
        numbers = _numbers(data.data, width)
        columns = [
            plane if isinstance(plane, int) else np.frombuffer(plane, np.uint8, count=len(numbers)) for plane in planes
        ]
        if base is None and element in _EXPONENT_SHIFT:
            columns[-2:] = self._whole_sign(columns[-1], columns[-2], len(numbers), _EXPONENT_SHIFT[element])
        np.copyto(numbers, columns[-1], casting="unsafe")
        for column in columns[-2::-1]:
            np.left_shift(numbers, 8, out=numbers)
            if not isinstance(column, int) or column:
                np.bitwise_or(numbers, column, out=numbers, casting="unsafe")
        if base is not None or element not in _EXPONENT_SHIFT:
            self._halve(numbers, columns[0])
        if base is not None:
            np.add(numbers, _numbers(base, width), out=numbers)
        return data.data

    def _doubled(self, numbers: Numbers, base: Numbers | None) -> tuple[Numbers, Plane]:
        """The first half of zigzag, by which 0, -1, 1, -2 become 0, 1, 2, 3 and leave the upper planes zero.

        Returns twice the numbers, or twice their difference modulo the width, and 255 for each that is negative: with it
        every plane is turned over, which is done on bytes and so four times as fast.
        """
        import numpy as np

        width = numbers.itemsize
        work = self._array("work", len(numbers), width)
        if base is not None:
            numbers = np.subtract(numbers, base, out=work)
        signs = self._array("signs", len(numbers), 1)
        np.right_shift(numbers.view(f"<i{width}"), 8 * width - 1, out=signs.view(np.int8), casting="unsafe")
        return np.left_shift(numbers, 1, out=work), signs

    def _halve(self, numbers: Numbers, lowest: Plane | int) -> None:
        """The inverse of zigzag, in place; the sign is the lowest bit of the lowest plane."""
        import numpy as np

        np.right_shift(numbers, 1, out=numbers)
        if isinstance(lowest, int):
            if lowest & 1:
                np.invert(numbers, out=numbers)
            return
        signs = self._array("signs", len(numbers), 1)
        np.bitwise_and(lowest, 1, out=signs)
        np.negative(signs, out=signs)
        signed = numbers.view(f"<i{numbers.itemsize}")
        np.bitwise_xor(signed, signs.view(np.int8), out=signed)

    def _bare_exponent(self, top: Plane, second: Plane, shift: int) -> None:
        """Eight bits of the exponent to themselves in the top plane; the bits before them join the fraction's first."""
        import numpy as np

        before = self._array("signs", len(top), 1)
        after = self._array("work", len(top), 1)
        mask = 0xFF >> shift
        np.bitwise_and(top, 0xFF ^ mask, out=before)
        np.left_shift(top, shift, out=top)
        np.right_shift(second, 8 - shift, out=after)
        np.bitwise_or(top, after, out=top)
        np.bitwise_and(second, mask, out=second)
        np.bitwise_or(second, before, out=second)

    def _whole_sign(self, top: Plane | int, second: Plane | int, count: int, shift: int) -> list[Plane | int]:
        """The inverse of `_bare_exponent`: the second plane and the top one as the number has them."""
        import numpy as np

        mask = 0xFF >> shift
        pair = self._array("planes", count * 2, 1).reshape(2, -1)
        part = self._array("work", count, 1)
        low, high = pair
        np.copyto(low, top, casting="unsafe")
        np.right_shift(low, shift, out=high)
        np.left_shift(low, 8 - shift, out=low)
        np.bitwise_and(second, 0xFF ^ mask, out=part, casting="unsafe")
        np.bitwise_or(high, part, out=high)
        np.bitwise_and(second, mask, out=part, casting="unsafe")
        np.bitwise_or(low, part, out=low)
        return [low, high]

    def _array(self, use: str, count: int, width: int) -> Numbers:
        """Memory that this use had before, or new."""
        import numpy as np

        size = count * width
        kept = self._kept.get(use)
        if kept is None or len(kept) < size:
            kept = bytearray(size)
            if size <= KEPT_BYTES_MAX:
                self._kept[use] = kept
        return np.frombuffer(kept, f"<u{width}", count=count)


def only_value(plane: Plane) -> int | None:
    """The one value that fills a plane, or None."""
    if len(plane) == 0 or plane[0] != plane[-1] or plane[0] != plane[len(plane) // 2]:
        return None
    return int(plane[0]) if bool((plane == plane[0]).all()) else None


def zeros_share(plane: Plane) -> float:
    """About how much of a plane is zero, by every so many of its bytes."""
    import numpy as np

    some = plane[:: max(1, len(plane) // _SOME)]
    return 1 - np.count_nonzero(some) / len(some) if len(some) else 0.0


def without_zeros(plane: Plane) -> tuple[Plane, Plane]:
    """A bit for each byte, set where it is not zero, the first in the lowest; and the bytes that are not zero."""
    import numpy as np

    is_set = plane != 0
    return np.packbits(is_set, bitorder="little"), np.compress(is_set, plane)


def marks(mask: bytes | memoryview | int, size: int) -> tuple[Numbers, int]:
    """Each bit of a mask of `size` bytes, as truth values, and how many are set."""
    import numpy as np

    packed = np.full(size, mask, np.uint8) if isinstance(mask, int) else np.frombuffer(mask, np.uint8, count=size)
    is_set = np.unpackbits(packed, bitorder="little").view(np.bool_)
    return is_set, int(np.count_nonzero(is_set))


def with_zeros(is_set: Numbers, values: bytes | memoryview | int, count: int) -> memoryview:
    """The inverse of `without_zeros`: `count` bytes, zero where no value is. In blocks, for a place takes eight bytes."""
    import numpy as np

    plane: Plane = np.zeros(count, np.uint8)
    others = None if isinstance(values, int) else np.frombuffer(values, np.uint8)
    done = 0
    for start in range(0, count, _BLOCK):
        where = np.flatnonzero(is_set[start : start + _BLOCK])
        plane[start : start + _BLOCK][where] = values if others is None else others[done : done + len(where)]
        done += len(where)
    return plane.data


def _numbers(data: bytes | bytearray | memoryview, width: int) -> Numbers:
    import numpy as np

    return np.frombuffer(data, f"<u{width}", count=len(data) // width)
