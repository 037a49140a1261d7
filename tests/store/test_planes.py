"""Planes and differences: any bytes survive, the layout is the one that is written down, damage is refused."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.spans import ELEMENT_BYTES
from pacha.store.codec import BadFrame, Codecs
from pacha.store.codec.planes import BYTES_MIN

PLANES, DELTA = 2, 3
#: 64 numbers 1.0 + n/256, and the same with every eighth a little larger: what a step of training leaves.
F32 = struct.pack("<64f", *(1 + n / 256 for n in range(64)))
F32_NEXT = struct.pack("<64f", *(1 + n / 256 + (n % 8 == 0) / 65536 for n in range(64)))


def encode(number: int, data: bytes, element: str, base: bytes | None = None) -> bytes:
    packed = Codecs().numbered(number).encode(data, element=element, base=base)
    assert packed is not None
    return bytes(packed)


def decode(number: int, stored: bytes, length: int, base: bytes | None = None) -> bytes:
    return bytes(Codecs().numbered(number).decode(stored, length, base=base))


@pytest.mark.parametrize("element", ELEMENT_BYTES)
@given(data=st.binary(min_size=BYTES_MIN, max_size=2_000), seed=st.integers(0, 2**32))
def test_any_bytes_survive(element: str, data: bytes, seed: int) -> None:
    assert decode(PLANES, encode(PLANES, data, element), len(data)) == data
    source = random.Random(seed)
    base = bytes(byte if source.random() < 0.9 else source.randrange(256) for byte in data)
    assert decode(DELTA, encode(DELTA, data, element, base), len(data), base) == data


@pytest.mark.parametrize("element", ELEMENT_BYTES)
def test_every_exponent_and_sign_survives(element: str) -> None:
    data = random.Random(3).randbytes(1 << 16) + b"\0\0\0\0\x80\xff\x7f\x7f" * 64 + b"odd"
    base = data[8:] + data[:8]
    assert decode(PLANES, encode(PLANES, data, element), len(data)) == data
    assert decode(DELTA, encode(DELTA, data, element, base), len(data), base) == data


def test_the_layout_is_the_one_that_is_written_down() -> None:
    """Bytes that earlier versions wrote: docs/format.md, "Planes". A frame's own bytes are Zstandard's affair."""
    assert encode(PLANES, F32, "f32")[:2] == bytes([2, 0])
    # Sign to the low end: 1.0 is 3f800000, turned 7f000000. The exponents are one byte, the lowest plane is another.
    assert encode(PLANES, F32, "f32")[2:7] == bytes([2]) + struct.pack("<I", 1)
    stored = bytes([2, 0]) + b"".join(
        struct.pack("<BI", packing, length) for packing, length in ((2, 1), (0, 64), (2, 1), (2, 1))
    )
    stored += b"\x7f" + bytes(range(64)) + b"\0" + b"\0"
    assert decode(PLANES, stored, 256) == F32
    delta = bytes([2, 0]) + b"".join(
        struct.pack("<BI", packing, length) for packing, length in ((2, 1), (2, 1), (0, 64), (2, 1))
    )
    delta += b"\0\0" + bytes(n % 8 == 0 for n in range(64)) + b"\0"
    assert decode(DELTA, delta, 256, F32) == F32_NEXT


def test_what_is_no_tensor_or_has_no_fitting_base_is_left_to_others() -> None:
    codecs = Codecs()
    assert codecs.numbered(PLANES).encode(F32) is None
    assert codecs.numbered(PLANES).encode(F32[:100], element="f32") is None
    assert codecs.numbered(DELTA).encode(F32, element="f32") is None
    assert codecs.numbered(DELTA).encode(F32, element="f32", base=F32[:-4]) is None


def test_a_base_of_another_length_or_for_the_wrong_codec_is_refused() -> None:
    stored = encode(DELTA, F32_NEXT, "f32", F32)
    for base in (None, F32[:-1], F32 + b"x"):
        with pytest.raises(BadFrame):
            decode(DELTA, stored, 256, base)
    for number in (0, 1, PLANES):
        with pytest.raises(BadFrame):
            decode(number, stored, 256, F32)


@pytest.mark.parametrize(("number", "base"), [(PLANES, None), (DELTA, F32)])
def test_damage_is_refused_or_gives_as_many_bytes(number: int, base: bytes | None) -> None:
    stored = encode(number, F32_NEXT + b"xyz", "f32", base and base + b"xyz")
    base = base and base + b"xyz"
    for length in range(len(stored)):
        with pytest.raises(BadFrame):
            decode(number, stored[:length], 259, base)
    survived = 0
    for at in range(len(stored)):
        damaged = bytearray(stored)
        damaged[at] ^= 0x55
        try:
            assert len(decode(number, bytes(damaged), 259, base)) == 259
            survived += 1
        except BadFrame:
            continue
    # The control: damage to what is stored as it is can only be found by the id, and the loop did get that far.
    assert survived > 0


def test_real_looking_weights_come_near_the_limit_of_the_idea() -> None:
    source = random.Random(11)
    weights = struct.pack("<16384f", *(source.gauss(0, 0.02) for _ in range(16384)))
    assert len(encode(PLANES, weights, "f32")) < 0.85 * len(weights)
    nearly = struct.pack("<16384f", *(value + source.gauss(0, 1e-6) for (value,) in struct.iter_unpack("<f", weights)))
    assert len(encode(DELTA, nearly, "f32", weights)) < 0.5 * len(weights)
