"""Where the columns of a Parquet file's row groups lie, by its footer: the store cuts there, and no value is looked at.

Source: https://github.com/apache/parquet-format, parquet.thrift, ColumnChunk and ColumnMetaData.
"""

from typing import Any

from pacha.formats.inspection import Source
from pacha.formats.parquet import MAGIC, footer_of
from pacha.formats.thrift import BINARY, I64, LIST, STRUCT, Reader

_SIZE, _DATA_AT, _DICTIONARY_AT = 7, 9, 11


def tensor_rows(source: Source) -> list[dict[str, Any]]:
    """A row for each column of each row group, with its place; it is to be cut by its content. Errors: `Malformed`."""
    reader = footer_of("the file", source)
    found: list[dict[str, Any]] = []
    for number, kind in reader.fields():
        if number == 4 and kind == LIST:
            for _ in reader.list_of(STRUCT):
                _row_group(reader, found)
        else:
            reader.skip(kind)
    return found


def _row_group(reader: Reader, found: list[dict[str, Any]]) -> None:
    for number, kind in reader.fields():
        if number == 1 and kind == LIST:
            for _ in reader.list_of(STRUCT):
                place = _place(reader)
                if place:
                    found.append({"name": f"column {len(found)}", "dtype": "", "is_content": True, **place})
        else:
            reader.skip(kind)


def _place(reader: Reader) -> dict[str, int]:
    """Where one column lies, its dictionary included; empty where that is not said, or it lies in another file."""
    told: dict[int, int] = {}
    is_elsewhere = False
    for number, kind in reader.fields():
        if number == 3 and kind == STRUCT:
            told = _numbers(reader)
        else:
            is_elsewhere |= number == 1 and kind == BINARY
            reader.skip(kind)
    # Some writers say that there is no dictionary by a place in which none can be.
    starts = [told[at] for at in (_DATA_AT, _DICTIONARY_AT) if told.get(at, 0) >= len(MAGIC)]
    if is_elsewhere or not starts or _SIZE not in told:
        return {}
    return {"offset": min(starts), "bytes": told[_SIZE]}


def _numbers(reader: Reader) -> dict[int, int]:
    found = {}
    for number, kind in reader.fields():
        if number in (_SIZE, _DATA_AT, _DICTIONARY_AT) and kind == I64:
            found[number] = reader.integer()
        else:
            reader.skip(kind)
    return found
