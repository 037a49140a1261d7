"""joblib puts raw arrays between the opcodes of a pickle: the walk goes on behind them, and is led astray by none."""

import bz2
import gzip
import lzma
import pickle
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.formats import stream
from pacha.formats.inspect import inspect
from pacha.formats.inspection import BytesSource, Inspection

BADGE = "pickle: loading it runs code"
EVIL = "suspicious import: posix.system"
#: Bytes of an array that would be read as an import if they were taken for opcodes.
BAIT = b"cposix\nsystem\n".ljust(24, b"0")
ATTACK = b"cposix\nsystem\n0"


def of(data: bytes, name: str = "m.joblib") -> Inspection:
    found = inspect(name, BytesSource(data))
    assert found is not None
    return found


def value(thing: object) -> bytes:
    """The opcodes that make a value, without what begins and ends a pickle."""
    return pickle.dumps(thing, 2)[2:-1]


def dtype(code: str = "f8", parts: tuple[object, ...] = (None, None, None)) -> bytes:
    return b"cnumpy\ndtype\n" + value(code) + b"\x85R" + value((3, "<", *parts, -1, -1, 0)) + b"b"


def wrapper(*, shape: bytes = value((3,)), element: bytes = dtype(), padded: bool = False) -> bytes:
    """An array's stand-in, up to where its bytes begin."""
    state = b"".join(
        (
            value("subclass"), b"cnumpy\nndarray\n", value("shape"), shape, value("order"), value("C"),
            value("dtype"), element, value("allow_mmap"), b"\x88",
            value("numpy_array_alignment_bytes") + value(16) if padded else b"",
        )
    )  # fmt: skip
    return b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + state + b"ub"


def test_the_walk_goes_on_behind_an_array() -> None:
    found = of(b"\x80\x04" + wrapper() + BAIT + ATTACK + b".")
    assert found.warnings == (BADGE, EVIL) and found.summary["tensors"] == 1
    numbers = bytes(24)
    clean = of(b"\x80\x04" + wrapper() + numbers + wrapper(padded=True) + b"\x04\xff\xff\xff\xff" + numbers + b"\x86.")
    assert clean.warnings == (BADGE,) and clean.summary["tensors"] == 2


def test_the_walk_looks_into_an_array_of_objects_and_goes_on_behind_it() -> None:
    inner = b"\x80\x04" + ATTACK + b"N."
    for data in (
        wrapper(element=dtype("O8")) + inner,
        wrapper(element=dtype("O8")) + pickle.dumps([1, "x"]) + ATTACK,
    ):
        assert of(b"\x80\x04" + data + b".").warnings == (BADGE, EVIL)


@pytest.mark.parametrize(
    "stand_in",
    [
        wrapper(element=dtype("f")),
        wrapper(element=dtype("U5")),
        wrapper(element=dtype("V8", (None, ("a",), {"a": 1}))),
        wrapper(element=dtype("f8", ((1, 2), None, None))),
        wrapper(element=b"cevil\nmake\n)R"),
        wrapper(shape=value([3])),
        wrapper(shape=value((-3,))),
        wrapper(shape=value((2**32, 2**32))),
        wrapper(shape=value((1 << 5000,))),
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}" + value("shape") + value((3,)) + b"sb",
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81ccollections\nOrderedDict\n)Rb",
        b"cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81Nb",
    ],
)
def test_an_array_that_is_not_wholly_told_ends_the_walk_with_a_warning(stand_in: bytes) -> None:
    found = of(b"\x80\x04" + stand_in + BAIT + b".")
    assert any(warning.startswith("not followed: ") for warning in found.warnings)


@pytest.mark.parametrize("element", [dtype(), dtype("O8")])
def test_an_array_in_the_middle_of_a_frame_hides_nothing(element: bytes) -> None:
    """The loader reads a frame ahead: it would run what this walk takes for the array."""
    stand_in = wrapper(element=element)
    hidden = ATTACK.ljust(24, b"0")
    frame = b"\x95" + (len(stand_in) + len(hidden)).to_bytes(8, "little")
    found = of(b"\x80\x04" + frame + stand_in + hidden + b".")
    assert "not followed: an array in the middle of a frame" in found.warnings
    whole = b"\x95" + len(stand_in).to_bytes(8, "little")
    array = bytes(24) if element == dtype() else pickle.dumps([], 2)
    assert of(b"\x80\x04" + whole + stand_in + array + b".").warnings == (BADGE,)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, bz2.compress, lzma.compress])
def test_what_is_packed_is_walked_and_a_bomb_ends_at_its_limit(pack: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(pack)
    monkeypatch.setattr(stream, "UNPACKED_BYTES_MAX", 1 << 20)
    assert of(pack(b"\x80\x04" + wrapper() + BAIT + ATTACK + b".")).warnings == (BADGE, EVIL)
    bomb = of(pack(b"\x80\x04" + wrapper(shape=value((1 << 20,))) + bytes(8 << 20) + b"."))
    assert any("unpacks to more than 1 MiB" in warning for warning in bomb.warnings)
    cut = pack(b"\x80\x04" + ATTACK * 50 + b".")
    for length in range(8, len(cut) - 8):
        found = of(cut[:length]).warnings
        # What lacks nothing but the checksum at its end is whole.
        assert found == of(cut).warnings or any(item.startswith(("not followed", "malformed")) for item in found)


def test_a_pickle_without_magic_that_imports_is_a_pickle_in_every_format() -> None:
    for name in ("m.pkl", "m.joblib", "m.pt", "m.ckpt"):
        for data in (b"N0" + ATTACK + b"N.", b"I1\n0" + ATTACK + b"\xff"):
            assert {BADGE, EVIL} <= set(of(data, name).warnings)
        assert of(b"hello, this is text", name).warnings[0].startswith("malformed: ")


class _Canary:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return open, (self.path, "w")


def test_no_canary_is_made(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    evil = pickle.dumps(_Canary(str(canary)))
    for data in (evil, gzip.compress(evil), b"\x80\x04" + wrapper(element=dtype("O8")) + evil + b"."):
        for name in ("m.pkl", "m.joblib", "m.pt"):
            inspect(name, BytesSource(data))
    assert not canary.exists()
    pickle.loads(evil).close()
    assert canary.exists(), "the canary itself must work"


@given(st.data())
def test_flipped_bytes_of_a_joblib_file_are_an_inspection(data: st.DataObject) -> None:
    whole = bytearray(b"\x80\x04" + wrapper(padded=True) + b"\x02\xff\xff" + BAIT + wrapper(element=dtype("O8")))
    whole += pickle.dumps([1]) + b"."
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    assert of(bytes(whole)).format
