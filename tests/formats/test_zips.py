"""ZIP archives are read as the standard library reads honest ones, and dishonest ones are refused within bounds."""

import io
import struct
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.formats.inspection import BytesSource, Malformed
from pacha.formats.zips import Archive


def made(files: dict[str, bytes], method: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.comment = comment
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


names = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\\/:"), min_size=1, max_size=12)


@given(st.dictionaries(names, st.binary(max_size=300), max_size=5), st.sampled_from([0, 8]), st.binary(max_size=20))
def test_honest_archives_are_read_as_the_standard_library_reads_them(
    files: dict[str, bytes], method: int, comment: bytes
) -> None:
    if b"PK\x05\x06" in comment:
        return
    data = made(files, method, comment)
    found = Archive(BytesSource(data))
    assert {member.name: found.read(member, size_max=1_000) for member in found.members} == files
    for member in found.members:
        source = found.source(member, size_max=1_000)
        assert source.read(0, source.size) == files[member.name]
        if member.is_stored:
            start = found.offset(member)
            assert data[start : start + member.size] == files[member.name]


def test_large_sizes_are_read_from_their_own_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 40)
    data = made({"a": bytes(100), "b": bytes(50), "c": b"x"})
    assert b"PK\x06\x06" in data
    found = Archive(BytesSource(data))
    assert [(member.name, member.size) for member in found.members] == [("a", 100), ("b", 50), ("c", 1)]
    assert found.read(found["c"], size_max=10) == b"x"
    place = data.index(b"PK\x06\x06")
    for at in (24, 32, 40, 48):
        lie = data[: place + at] + struct.pack("<Q", 2**60) + data[place + at + 8 :]
        with pytest.raises(Malformed):
            Archive(BytesSource(lie))


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def test_a_size_that_lies_is_refused_before_it_is_unpacked() -> None:
    bomb = made({"a": bytes(50 << 20)}, zipfile.ZIP_DEFLATED)
    entry = bomb.rindex(b"PK\x01\x02")
    short = changed(bomb, entry + 24, struct.pack("<I", 100))
    tracemalloc.start()
    found = Archive(BytesSource(short))
    with pytest.raises(Malformed, match="is not 100 bytes"):
        found.read(found["a"], size_max=1 << 30)
    assert len(Archive(BytesSource(bomb)).read(Archive(BytesSource(bomb))["a"], size_max=1_000)) == 1_000
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        (lambda data: b"MZ" + data, "not a ZIP archive"),
        (lambda data: b"PK\x03\x04" + data, "directory is not where"),
        (lambda data: data + b"more", "bytes after its end"),
        (lambda data: data[:-30], "without its end"),
        (lambda data: changed(data, len(data) - 12, struct.pack("<H", 9)), "in parts"),
        (lambda data: changed(data, len(data) - 10, struct.pack("<I", 1)), "directory is not where"),
        (lambda data: changed(data, data.rindex(b"PK\x01\x02") + 42, struct.pack("<I", 0)), "lies over"),
        (lambda data: changed(data, data.rindex(b"PK\x01\x02") + 20, struct.pack("<I", 2**31)), "lies over"),
        (lambda data: changed(data, data.rindex(b"PK\x01\x02") + 46, b"a"), "one name"),
        (lambda data: changed(data, data.rindex(b"PK\x01\x02") + 24, struct.pack("<I", 2**32 - 1)), "large sizes"),
    ],
)  # fmt: skip
def test_an_archive_that_contradicts_itself_is_refused(lie, said: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(Malformed, match=said):
        Archive(BytesSource(lie(made({"a": b"one", "b": b"two"}))))


@pytest.mark.parametrize(
    ("at", "value", "said"),
    [(30, b"z", "another name"), (8, b"\x08\x00", "another name or packing"), (28, b"\x01", "lies over")],
)
def test_the_header_before_a_member_says_the_same_as_the_directory(at: int, value: bytes, said: str) -> None:
    found = Archive(BytesSource(changed(made({"a": b"one"}), at, value)))
    with pytest.raises(Malformed, match=said):
        found.read(found["a"], size_max=10)


def test_what_is_packed_otherwise_or_encrypted_is_not_read() -> None:
    found = Archive(BytesSource(made({"a": bytes(1_000)}, zipfile.ZIP_BZIP2)))
    with pytest.raises(Malformed, match="packed in a way"):
        found.read(found["a"], size_max=10)
    plain = made({"a": b"one"})
    hidden = Archive(BytesSource(changed(plain, plain.rindex(b"PK\x01\x02") + 8, b"\x01\x00")))
    assert not hidden["a"].is_stored
    with pytest.raises(Malformed, match="encrypted"):
        hidden.read(hidden["a"], size_max=10)
