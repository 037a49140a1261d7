"""Codecs 2 and 3: any bytes survive, vectors that are written down decode for ever, damage is told or harmless."""

import random
import struct
import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacha.base.spans import ELEMENT_BYTES
from pacha.store.codec import BadFrame, Codec, Codecs
from pacha.store.codec.planes import CONSTANT, ELEMENT_CODES, HUFFMAN, MATCHES, RAW, SPARSE
from pacha.store.codec.zstd import PlaneFrames
from pacha.store.planes import PlaneWork
from tests.store.planes_vectors import DELTA, PLANES, numbers

PLANES_CODEC = Codecs().numbered(2)
DELTA_CODEC = Codecs().numbered(3)
ELEMENTS = sorted(ELEMENT_BYTES)
WIDE = [element for element in ELEMENTS if ELEMENT_BYTES[element] > 1]
#: Not a number, infinity, a denormal and the negative zero, as 64 bits; the upper 32 and 16 are the narrow ones.
ODD_FLOATS = bytes.fromhex("010000000000f87f 000000000000f0ff 0100000000000000 0000000000000080 ffffffffffffffff")

runs = st.tuples(st.binary(min_size=1, max_size=9), st.integers(1, 200)).map(lambda pair: pair[0] * pair[1])
noise = st.tuples(st.integers(0, 99), st.integers(0, 999)).map(lambda pair: random.Random(pair[0]).randbytes(pair[1]))
some_bytes = st.lists(runs | noise | st.binary(max_size=40) | st.just(ODD_FLOATS), max_size=5).map(b"".join)


def packings(stored: bytes | memoryview | None, element: str) -> list[int]:
    assert stored is not None
    return [stored[2 + 5 * index] for index in range(ELEMENT_BYTES[element])]


def weights(count: int, seed: int = 1) -> list[float]:
    chance = random.Random(seed)
    return [chance.gauss(0, 0.05) for _ in range(count)]


def f32(values: list[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


# -- what is written down ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("element", WIDE)
def test_planes_written_down_decode_for_ever(element: str) -> None:
    plain = numbers(element)
    assert PLANES_CODEC.decode(bytes.fromhex(PLANES[element]), len(plain)) == plain


@pytest.mark.parametrize("element", ELEMENTS)
def test_differences_written_down_decode_for_ever(element: str) -> None:
    plain, base = numbers(element, moved=True), numbers(element)
    assert DELTA_CODEC.decode(bytes.fromhex(DELTA[element]), len(plain), base=base) == plain


def test_the_vectors_cover_what_this_version_writes_of_small_planes() -> None:
    seen = {packing for element in WIDE for packing in packings(bytes.fromhex(PLANES[element]), element)}
    seen |= {packing for element in ELEMENTS for packing in packings(bytes.fromhex(DELTA[element]), element)}
    assert seen == {RAW, HUFFMAN, CONSTANT, SPARSE}


def test_codes_of_elements_are_for_ever() -> None:
    assert ELEMENT_CODES == {"f64": 1, "f32": 2, "f16": 3, "bf16": 4, "i64": 5, "i32": 6, "i16": 7, "i8": 8}
    assert ELEMENT_CODES.keys() == ELEMENT_BYTES.keys()


def test_a_payload_without_frames_is_what_the_format_says() -> None:
    plain = struct.pack("<4f", 1.0, -1.0, 1.5, -1.25) * 20 + b"xyz"
    # Sign and fraction's first seven bits in plane 2, the whole exponent 127 in plane 3.
    stored = PLANES_CODEC.encode(plain, element="f32")
    assert stored is not None
    assert bytes(stored[:12]) == bytes.fromhex("01 02 03 01000000 03 01000000")
    assert bytes(stored[-4:]) == b"\x7fxyz"
    raw = bytes.fromhex(f"01 02 {'03 01000000' * 2} 00 50000000 03 01000000 00 00 {'008040a0' * 20} 7f") + b"xyz"
    assert PLANES_CODEC.decode(raw, len(plain)) == plain


# -- any bytes survive ---------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(data=some_bytes, element=st.sampled_from(ELEMENTS))
def test_any_bytes_survive_planes(data: bytes, element: str) -> None:
    stored = PLANES_CODEC.encode(data, element=element)
    if stored is not None:
        assert len(stored) < len(data)
        assert PLANES_CODEC.decode(stored, len(data)) == data


@settings(max_examples=300, deadline=None)
@given(data=some_bytes, other=some_bytes, element=st.sampled_from(ELEMENTS), share=st.integers(0, 100))
def test_any_bytes_survive_a_difference_to_any_base(data: bytes, other: bytes, element: str, share: int) -> None:
    """The base begins as the data and ends as something else."""
    same = len(data) * share // 100
    base = (data[:same] + other).ljust(len(data), b"\x5a")[: len(data)]
    stored = DELTA_CODEC.encode(data, element=element, base=base)
    if stored is not None:
        assert DELTA_CODEC.decode(stored, len(data), base=base) == data


@settings(max_examples=300, deadline=None)
@given(data=some_bytes, element=st.sampled_from(ELEMENTS), has_base=st.booleans())
def test_splitting_and_joining_lose_nothing_even_where_nothing_is_won(
    data: bytes, element: str, has_base: bool
) -> None:
    work, base = PlaneWork(), data[::-1] if has_base else None
    planes = [plane.tobytes() for plane in work.split(data, element, base)]
    tail = memoryview(data)[len(data) - len(data) % ELEMENT_BYTES[element] :]
    assert work.join(planes, tail, len(data), element, base) == data


@pytest.mark.parametrize("element", WIDE)
@pytest.mark.parametrize("count", [0, 1, 2, 3, 8191, 1 << 18])
def test_records_of_any_size_take_turns_in_one_codec(element: str, count: int) -> None:
    chance = random.Random(count)
    plain = bytes(chance.choices(range(32), k=count)) + b"\0" * (count % 7)
    for data in (plain, plain[: count // 3], plain):
        stored = PLANES_CODEC.encode(memoryview(b"." + data)[1:], element=element)
        assert stored is None or PLANES_CODEC.decode(memoryview(stored), len(data)) == data


def test_what_was_decoded_stays_when_more_is_decoded() -> None:
    first, second = f32(weights(3_000)), f32(weights(3_000, seed=2))
    stored = [PLANES_CODEC.encode(plain, element="f32") for plain in (first, second)]
    assert stored[0] is not None and stored[1] is not None
    decoded = [PLANES_CODEC.decode(each, len(first)) for each in stored]
    assert decoded == [first, second]


# -- what is won ---------------------------------------------------------------------------------------------------


def test_weights_cost_their_noise_and_the_entropy_of_their_exponents() -> None:
    plain = f32(weights(50_000))
    stored = PLANES_CODEC.encode(plain, element="f32")
    assert packings(stored, "f32") == [RAW, RAW, RAW, HUFFMAN]
    assert stored is not None and len(stored) <= len(plain) * 0.84


def test_a_small_step_costs_much_less_than_the_weights() -> None:
    before = weights(50_000)
    chance = random.Random(2)
    plain = f32([value + chance.gauss(0, 1e-6) for value in before])
    stored = DELTA_CODEC.encode(plain, element="f32", base=f32(before))
    assert stored is not None and len(stored) <= len(plain) * 0.45


def test_zeros_of_a_pruned_tensor_cost_next_to_nothing() -> None:
    chance = random.Random(3)
    plain = f32([value if chance.random() < 0.1 else 0.0 for value in weights(20_000)])
    stored = PLANES_CODEC.encode(plain, element="f32")
    assert packings(stored, "f32") == [SPARSE] * 4
    assert stored is not None and len(stored) <= len(plain) * 0.15


def test_equal_bytes_of_a_plane_are_one_byte() -> None:
    stored = PLANES_CODEC.encode(struct.pack("<100q", *range(100)), element="i64")
    assert packings(stored, "i64")[1:] == [CONSTANT] * 7
    same = DELTA_CODEC.encode(b"seven by" * 50, element="f64", base=b"seven by" * 50)
    assert same is not None and len(same) == 2 + 8 * 5 + 8


def test_exponents_that_come_again_in_the_same_order_are_found() -> None:
    chance = random.Random(4)
    rows = [[chance.randrange(64, 192) for _ in range(12)] for _ in range(200)]
    exponents = [exponent for _ in range(1_000) for exponent in chance.choice(rows)]
    plain = b"".join(struct.pack("<I", exponent << 23 | chance.getrandbits(23)) for exponent in exponents)
    stored = PLANES_CODEC.encode(plain, element="f32")
    assert packings(stored, "f32") == [RAW, RAW, HUFFMAN, MATCHES]
    assert stored is not None and PLANES_CODEC.decode(stored, len(plain)) == plain


def test_nothing_is_offered_where_nothing_is_won() -> None:
    random_bytes = random.Random(5).randbytes(4_096)
    assert PLANES_CODEC.encode(random_bytes, element="f32") is None
    assert PLANES_CODEC.encode(b"\0" * 4_096, element=None) is None
    assert PLANES_CODEC.encode(b"\0" * 4_096, element="i8") is None
    assert DELTA_CODEC.encode(random_bytes, element="f32", base=random.Random(6).randbytes(4_096)) is None
    assert DELTA_CODEC.encode(b"\0" * 4_096, element="f32") is None
    assert DELTA_CODEC.encode(b"\0" * 4_096, element="f32", base=b"\0" * 4_092) is None
    assert DELTA_CODEC.encode(b"\0" * 4_096, element=None, base=b"\0" * 4_096) is None


# -- damage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [None, b"", b"\0" * 99, b"\0" * 101])
def test_a_difference_without_its_base_is_a_bad_frame(base: bytes | None) -> None:
    stored = DELTA_CODEC.encode(b"\1" * 100, element="f32", base=b"\0" * 100)
    assert stored is not None
    with pytest.raises(BadFrame):
        DELTA_CODEC.decode(stored, 100, base=base)


def vectors() -> list[tuple[Codec, bytes, int, bytes | None]]:
    alone = [(PLANES_CODEC, bytes.fromhex(PLANES[e]), len(numbers(e)), None) for e in WIDE]
    beside = [(DELTA_CODEC, bytes.fromhex(DELTA[e]), len(numbers(e)), numbers(e)) for e in ELEMENTS]
    return [*alone, *beside]


@pytest.mark.parametrize(("codec", "stored", "length", "base"), vectors())
def test_every_truncation_and_every_other_length_is_a_bad_frame(
    codec: Codec, stored: bytes, length: int, base: bytes | None
) -> None:
    for cut in (*(stored[:end] for end in range(len(stored))), stored + b"\0", b"\2" + stored[1:]):
        with pytest.raises(BadFrame):
            codec.decode(cut, length, base=base)
    for other in (0, 1, length - 1, length + 1, length * 2, 1 << 22):
        with pytest.raises(BadFrame):
            codec.decode(stored, other, base=base and base.ljust(other, b"\0")[:other])


@pytest.mark.parametrize(("codec", "stored", "length", "base"), vectors())
def test_any_damaged_byte_is_a_bad_frame_or_other_bytes_and_costs_no_memory(
    codec: Codec, stored: bytes, length: int, base: bytes | None
) -> None:
    plain = bytes(codec.decode(stored, length, base=base))
    outcomes = set()
    tracemalloc.start()
    try:
        for place in range(len(stored)):
            for change in (1, 2, 4, 8, 16, 32, 64, 128, 255):
                damaged = bytearray(stored)
                damaged[place] ^= change
                try:
                    found = codec.decode(bytes(damaged), length, base=base)
                    assert len(found) == length
                    outcomes.add("same" if found == plain else "other")
                except BadFrame:
                    outcomes.add("bad")
        assert tracemalloc.get_traced_memory()[1] < 256 << 10
    finally:
        tracemalloc.stop()
    assert {"bad", "other"} <= outcomes


def frame_of(plain: bytes) -> bytes:
    return PlaneFrames().huffman(plain)


@pytest.mark.parametrize(
    "parts",
    [
        [(RAW, b"\0" * 9)],
        [(CONSTANT, b"\0\0")],
        [(CONSTANT, b"")],
        [(HUFFMAN, frame_of(b"\0" * (1 << 24)))],
        [(HUFFMAN, frame_of(b"\0" * 10) + b"\0")],
        [(MATCHES, b"")],
        [(5, b"\0" * 10)],
        [(SPARSE, b"")],
        [(SPARSE, struct.pack("<BIBI", RAW, 2, RAW, 3) + b"\1\1\5")],
        [(SPARSE, struct.pack("<BIBI", RAW, 2, RAW, 1) + b"\1\1\5")],
        [(SPARSE, struct.pack("<BIBI", RAW, 2, RAW, 3) + b"\1\x05\5\5\5")],
        [(SPARSE, struct.pack("<BIBI", SPARSE, 2, RAW, 2) + b"\1\1\5\5")],
        [(SPARSE, struct.pack("<BIBI", RAW, 2**32 - 1, RAW, 2) + b"\1\1\5\5")],
    ],
)
def test_planes_that_lie_are_bad_frames(parts: list[tuple[int, bytes]]) -> None:
    sound = (SPARSE, struct.pack("<BIBI", RAW, 2, RAW, 2) + b"\1\1\5\6")
    assert PLANES_CODEC.decode(payload("i8", [sound]), 10) == b"\xfd\0\0\0\0\0\0\0\3\0"
    with pytest.raises(BadFrame):
        PLANES_CODEC.decode(payload("i8", parts), 10)


def payload(element: str, parts: list[tuple[int, bytes]]) -> bytes:
    heads = b"".join(struct.pack("<BI", packing, len(stored)) for packing, stored in parts)
    return bytes((1, ELEMENT_CODES[element])) + heads + b"".join(stored for _, stored in parts)


def test_codecs_import_numpy_only_when_a_tensor_is_met() -> None:
    script = """
import sys
from pacha.store.codec import Codecs
codecs = Codecs()
codecs.numbered(1).decode(codecs.numbered(1).encode(b"text" * 99), 396)
assert codecs.numbered(2).encode(b"text" * 99) is None and codecs.numbered(3).encode(b"text" * 99) is None
assert "numpy" not in sys.modules
codecs.numbered(2).encode(b"text" * 99, element="f32")
assert "numpy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
