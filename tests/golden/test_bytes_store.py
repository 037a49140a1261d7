"""A store of tensors by planes and differences, written once by the first version that had them: read for ever.

`python -m tests.golden.test_bytes_store` wrote it. It refuses to write again: a newer version adds a store of its own.
"""

import json
import os
import shutil
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pacha.base.files import Durability, Root
from pacha.base.ids import ObjectId
from pacha.repo.layout import prepare_private
from pacha.store.chains import chain
from pacha.store.codec.planes import ELEMENT_CODES
from pacha.store.data import DataStore
from pacha.store.record import RecordHeader
from tests.conftest import Project

STORE = Path(__file__).parent / "bytes-store"
#: Tensors by the name of their type in safetensors. Each is a little less than what is cut alone, so each is a run.
ELEMENTS = {
    "F64": ("f64", "d"), "F32": ("f32", "f"), "F16": ("f16", "e"), "BF16": ("bf16", ""),
    "I64": ("i64", "q"), "I32": ("i32", "i"), "I16": ("i16", "h"), "I8": ("i8", "b"),
}  # fmt: skip
TENSOR_BYTES = 17 << 10
VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
RAW, ZSTD, PLANES, DELTA = range(4)
#: The size of a checkout counts; the store shows what a reader must know, not how much it can hold.
STORE_BYTES_MAX = 200_000


def noise(seed: int) -> Iterator[float]:
    """Numbers from -1 to 1 that are the same on every machine and in every version of Python."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) & (1 << 64) - 1
        yield (state >> 40) / (1 << 23) - 1


def values(dtype: str, step: int) -> list[float]:
    """Weights, or small integers with zeros among them, after some steps of training that move every other one."""
    width = 2 if dtype == "BF16" else struct.calcsize(ELEMENTS[dtype][1])
    count = TENSOR_BYTES // width
    found, moves = noise(len(dtype) + width), [noise(100 * turn + width) for turn in range(1, step + 1)]
    if dtype.startswith("I"):
        if dtype == "I16":
            # Words of a small vocabulary in no order: packed by matches, where a third of the others is zero.
            words = [[float(round(next(found) * 120)) for _ in range(9)] for _ in range(24)]
            whole = [value for _ in range(count) for value in words[round((next(found) + 1) * 11.5)]][:count]
        else:
            whole = [float(round(next(found) * 40) if at % 3 else 0) for at in range(count)]
        for move in moves:
            whole = [value + (at % 9 == 0) * round(next(move) * 2) for at, value in enumerate(whole)]
        return whole
    weights = [next(found) * 0.05 for _ in range(count)]
    for move in moves:
        weights = [value * (1 + (at % 2) * next(move) * 2e-3) for at, value in enumerate(weights)]
    return weights


def tensor(dtype: str, step: int) -> bytes:
    """The bytes of a tensor."""
    numbers = values(dtype, step)
    if dtype == "BF16":
        return b"".join(struct.pack("<f", value)[2:] for value in numbers)
    letter = ELEMENTS[dtype][1]
    typed = [int(value) for value in numbers] if dtype.startswith("I") else numbers
    return struct.pack(f"<{len(typed)}{letter}", *typed)


def model(step: int) -> bytes:
    """A safetensors file with a tensor of each type."""
    header: dict[str, object] = {"__metadata__": {"step": str(step)}}
    body = b""
    for dtype in ELEMENTS:
        data = tensor(dtype, step)
        count = len(data) // (2 if dtype == "BF16" else struct.calcsize(ELEMENTS[dtype][1]))
        header[dtype.lower()] = {"dtype": dtype, "shape": [count], "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    raw = json.dumps(header).encode("ascii")
    raw += b" " * (-len(raw) % 8)
    return struct.pack("<Q", len(raw)) + raw + body


def data_store(folder: Path) -> DataStore:
    """The packs of a `.pacha`."""
    return DataStore(Root(str(folder), durability=Durability.NONE))


def records(store: DataStore) -> Iterator[tuple[RecordHeader, memoryview]]:
    """Every record with its stored bytes."""
    for _, place in store.records():
        yield store.record(place)


def depth(store: DataStore, id: ObjectId) -> int:
    """How many bases away from a whole record an object is."""
    return len(chain(store, id))


@pytest.fixture
def opened(make_project: Callable[[str], Project]) -> Project:
    """The golden store in a work tree."""
    made = make_project("golden")
    shutil.rmtree(made.path / ".pacha")
    shutil.copytree(STORE, made.path / ".pacha")
    prepare_private(Root(str(made.path / ".pacha"), durability=Durability.NONE))
    return made


def test_every_version_is_read_byte_for_byte(opened: Project) -> None:
    for step, version in enumerate(VERSIONS):
        assert opened("cat", f"model/net:{version}").raw == model(step)
    assert opened("cat", "rows:1.0.0").raw == b"a,b\n1,2\n"
    opened("fsck")
    opened("verify")


def test_it_holds_every_element_by_planes_and_by_differences_of_every_depth(opened: Project) -> None:
    store = data_store(opened.path / ".pacha")
    names = {code: element for element, code in ELEMENT_CODES.items()}
    found = defaultdict(set)
    for header, payload in records(store):
        found[header.codec].add(names[payload[1]] if header.codec in (PLANES, DELTA) else "")
    assert found[DELTA] == {element for element, _ in ELEMENTS.values()}
    assert found[PLANES] == found[DELTA] - {"i8"}, "one plane alone is what zstd packs anyway"
    assert found.keys() == {RAW, ZSTD, PLANES, DELTA}
    assert {depth(store, header.id) for header, _ in records(store)} == {0, 1, 2}


def test_it_holds_every_packing_of_a_plane(opened: Project) -> None:
    found = set()
    for header, payload in records(data_store(opened.path / ".pacha")):
        if header.codec in (PLANES, DELTA):
            width = {1: 8, 2: 4, 3: 2, 4: 2, 5: 8, 6: 4, 7: 2, 8: 1}[payload[1]]
            found |= {payload[2 + 5 * plane] for plane in range(width)}
    assert found == {0, 1, 2, 3, 4}


def test_a_later_version_goes_on_from_it(opened: Project) -> None:
    added = opened.commit("net.safetensors", model(len(VERSIONS)))
    assert opened("cat", f"manifest:{added}").raw == model(len(VERSIONS))
    opened("fsck")


def test_a_byte_that_is_changed_is_found(opened: Project) -> None:
    pack = max((opened.path / ".pacha/objects/pack").glob("*.pack"), key=lambda path: path.stat().st_size)
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.write_bytes(data)
    opened("fsck", code=5)


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in STORE.rglob("*") if path.is_file()) < STORE_BYTES_MAX


def write(folder: Path) -> None:
    """Makes the store in an empty folder of the name `golden`."""
    project = Project(folder)
    project("init")
    project.commit("rows.csv", "a,b\n1,2\n", "--date", "2026-03-01", "--tag", "1.0.0")
    for step, version in enumerate(VERSIONS):
        project.write("net.safetensors", model(step))
        words = ("-m", f"step {step}", "--date", f"2026-03-0{step + 1}", "--tag", version)
        project("commit", "net.safetensors", *words)


if __name__ == "__main__":
    import sys
    import tempfile

    if STORE.exists():
        sys.exit(f"{STORE} was written once, and is read for ever")
    os.environ.update(PACHA_AUTHOR_NAME="Ada", PACHA_AUTHOR_EMAIL="ada@example.org", NO_COLOR="1", PACHA_JOBS="1")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "golden"
        path.mkdir()
        write(path)
        shutil.copytree(path / ".pacha", STORE, ignore=shutil.ignore_patterns("local", ".git", "*.idx"))
