"""Parts of a file that belong together: what an inspector tells the store of a tensor or a column, as plain values."""

from dataclasses import dataclass
from typing import Final

#: Bytes of one element, by its kind. An integer of any sign is only its width.
ELEMENT_BYTES: Final = {"f64": 8, "f32": 4, "bf16": 2, "f16": 2, "i64": 8, "i32": 4, "i16": 2, "i8": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A tensor's bytes in a file. Units: bytes. `element` is a key of `ELEMENT_BYTES`, or None where that is unknown.

    `name` is what the same tensor of another version is found by. A column of a table `is_content`: rows are put in and
    taken out, so inside it only its content tells what is the same.
    """

    name: str
    start: int
    length: int
    element: str | None
    is_content: bool = False
