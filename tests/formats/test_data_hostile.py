"""Hand-made footers, lying lengths and shared tables of Parquet and Arrow, and .ald files: told in bounded time."""

import io
import struct
import time

import pyarrow
import pyarrow.ipc
import pytest

from pacha.formats import ald, thrift
from pacha.formats.arrow import read_arrow
from pacha.formats.inspection import BytesSource, Malformed
from pacha.formats.parquet import FOOTER_BYTES_MAX, read_footer

SMALL = pyarrow.table({
    "i8": pyarrow.array([1, None, -3], pyarrow.int8()), "text": pyarrow.array(["a", "ü", None]),
    "deep": pyarrow.array([[[[1]]], [], None]),
})  # fmt: skip


def arrow_of(table: pyarrow.Table, *, stream: bool = False, **options: bool) -> bytes:
    out = io.BytesIO()
    make = pyarrow.ipc.new_stream if stream else pyarrow.ipc.new_file
    with make(out, table.schema, options=pyarrow.ipc.IpcWriteOptions(**options)) as writer:
        for batch in table.to_batches(max_chunksize=2):
            writer.write_batch(batch)
    return out.getvalue()


def test_a_stream_of_the_older_form_is_read() -> None:
    new, old = (
        read_arrow("t.arrow", BytesSource(arrow_of(SMALL, stream=True, use_legacy_format=old))) for old in (False, True)
    )
    assert new == old and (new.rows, new.batches, new.is_stream) == (3, 2, True)


def tried(name: str, raw: bytes) -> bool:
    """Tells whether a file is read at all; nothing but one kind of error may come of it."""
    read = read_footer if name.endswith("parquet") else read_arrow
    try:
        found = read(name, BytesSource(raw))
        assert found.schema.encode()
        return True
    except Malformed as error:
        assert len(error.message) < 600
        return False


def footer(body: bytes) -> bytes:
    return b"PAR1" + body + struct.pack("<I", len(body)) + b"PAR1"


def quickly(name: str, raw: bytes) -> str:
    started = time.process_time()
    with pytest.raises(Malformed) as caught:
        (read_footer if name.endswith("parquet") else read_arrow)(name, BytesSource(raw))
    assert time.process_time() - started < 30
    return caught.value.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\x1c" * 5_000, "levels deep"),  # structs in structs
        (b"\x19" + b"\x19" * 5_000, "levels deep"),  # lists of lists
        (b"\x18\xff\xff\xff\xff\x0f", "a text of 4294967295 bytes"),
        (b"\x29\xfc\xff\xff\xff\xff\x0f", "a list of 4294967295 items"),
        (b"\x16" + b"\xff" * 20, "more than 64 bits"),
        (b"\x1b\xff\xff\x03\x88" + b"\0" * 10, "a map of"),
        (b"\x1d\x00", "no such type: 13"),
        (b"\x00", "how many rows"),
        (b"\x36\x02\x00", "no schema"),
    ],
)  # fmt: skip
def test_lying_lengths_and_deep_nesting_in_a_footer_are_told(body: bytes, said: str) -> None:
    assert said in quickly("t.parquet", footer(body))


def element(name: bytes, children: int | None = None) -> bytes:
    """A SchemaElement: with children a group, else an INT32."""
    if children is None:
        return b"\x15\x02\x38" + bytes([len(name)]) + name + b"\x00"
    return b"\x48" + bytes([len(name)]) + name + b"\x15" + varint(children * 2) + b"\x00"


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def schema(*elements: bytes) -> bytes:
    count = bytes([len(elements) << 4 | 12]) if len(elements) < 15 else b"\xfc" + varint(len(elements))
    return b"\x29" + count + b"".join(elements) + b"\x16\x02\x00"


def test_a_footer_made_by_hand_is_read() -> None:
    found = read_footer("t.parquet", BytesSource(footer(schema(element(b"root", 2), element(b"a"), element(b"b")))))
    assert found.schema.names == ("a", "b") and found.rows == 1


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        ([element(b"root", 3), element(b"a")], "fewer children than it says"),
        ([element(b"root", 1), element(b"a"), element(b"b")], "1 elements belong to no group"),
        ([element(b"root", 2**30), element(b"a")], "columns, more than"),
        ([element(b"r", 1)] * 3_000 + [element(b"a")], "levels deep"),
        ([element(b"root", 2), element(b"a"), element(b"a")], "two columns are named 'a'"),
        ([element(b"root", 1), element(b"g", 2**20), element(b"a")], "fewer children than it says"),
        ([element(b"root", 1), element(b"")], "name has 1 to"),
    ],
)  # fmt: skip
def test_a_schema_that_is_no_tree_is_told(elements: list[bytes], said: str) -> None:
    assert said in quickly("t.parquet", footer(schema(*elements)))


def test_a_footer_of_very_many_values_ends() -> None:
    assert f"more than {thrift.STEPS_MAX} values" in quickly(
        "t.parquet", footer(b"\x19\xf5" + varint(8 << 20) + b"\0" * (8 << 20))
    )
    huge = b"PAR1" + b"\0" * 8 + struct.pack("<I", FOOTER_BYTES_MAX + 1) + b"PAR1"
    assert "a footer of" in quickly("t.parquet", huge)


def test_what_is_encrypted_or_too_old_is_told() -> None:
    assert "encrypted" in quickly("t.parquet", b"PARE" + b"\0" * 20 + b"PARE")
    assert "Feather 1" in quickly("t.feather", b"FEA1" + b"\0" * 40)


def test_tables_that_share_their_bytes_do_not_multiply() -> None:
    """A schema whose every list of children names itself: without a limit it would never end."""
    raw = bytearray(arrow_of(SMALL.select(["deep"]), stream=True))
    for place in range(8, 400, 4):
        for target in range(0, 120, 4):
            damaged = bytearray(raw)
            damaged[place : place + 4] = struct.pack("<I", target)
            tried("s.arrow", bytes(damaged))


def test_lying_counts_of_arrow_batches_are_told() -> None:
    raw = arrow_of(SMALL)
    length = struct.unpack("<i", raw[-10:-6])[0]
    at = raw.rfind(struct.pack("<I", 2), len(raw) - 10 - length, len(raw) - 10)
    assert at > 0
    for count in (2**31, 2**32 - 1, 10**6):
        tried("t.arrow", raw[:at] + struct.pack("<I", count) + raw[at + 4 :])


# -- .ald ----------------------------------------------------------------------------------------------------------


def ald_of(*, schema_block: bytes, rows: int = 7, payload: int = 10, flags: int = 2) -> bytes:
    head = b"ALDF" + bytes([1, 2]) + struct.pack("<HIIIBBHQ", 1, 3, payload, 40, 2, flags, len(schema_block), rows)
    return head + b"\x80\x80\x80" + schema_block + b"\0" * 10 + b"\0" * 4


def test_an_ald_file_tells_its_rows_and_where_it_can_its_schema() -> None:
    block = io.BytesIO()
    pyarrow.ipc.new_stream(block, pyarrow.schema([("id", pyarrow.int64()), ("x", pyarrow.float32())])).close()
    found = ald.inspect_source("t.ald", BytesSource(ald_of(schema_block=block.getvalue())))
    assert found.summary["rows"] == 7 and found.summary["columns"] == 2
    assert [column["dtype"] for column in found.detail["columns"]] == ["Int64", "Float32"]
    assert found.detail["flags"] == ["signed"] and found.detail["version"] == "1.2"
    other = ald.inspect_source("t.ald", BytesSource(ald_of(schema_block=b"whatever")))
    assert other.summary == {"format": "ald", "rows": 7} and any(
        "schema-unread" in warning for warning in other.warnings
    )


def test_every_cut_of_an_ald_file_is_one_error() -> None:
    raw = ald_of(schema_block=b"whatever")
    for length in range(len(raw)):
        with pytest.raises(Malformed):
            ald.inspect_source("t.ald", BytesSource(raw[:length]))
    with pytest.raises(Malformed, match="tells of"):
        ald.inspect_source("t.ald", BytesSource(ald_of(schema_block=b"x", payload=2**32 - 1)))
