"""Contracts that every object type keeps, and the golden vectors of docs/format.md."""

import contextlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.canonical import encode_compact, encode_lines
from pacha.base.errors import Corrupt
from pacha.base.ids import hash_bytes
from pacha.objects.types import BadLink, Link, Storage, all_types, type_named
from pacha.store.codec import Codecs
from pacha.store.pack import MAGIC
from pacha.store.packindex import PackIndex, Row, encode_index
from pacha.store.record import decode_header

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")
VECTORS = re.findall(r"```vector ([a-z]+):([0-9a-f]{64})\n(.*?)```", PAGE, flags=re.DOTALL)


def raw_of(type_name: str, text: str) -> bytes:
    return text.encode() if type_named(type_name).storage is Storage.META else text.rstrip("\n").encode()


def test_every_type_but_the_blob_has_a_golden_vector() -> None:
    assert {name for name, _, _ in VECTORS} == {kind.name for kind in all_types()} - {"blob"}


@pytest.mark.parametrize(
    ("name", "digits", "text"), VECTORS, ids=[f"{name}-{digits[:8]}" for name, digits, _ in VECTORS]
)
class TestGolden:
    """Each vector keeps the contract of its type."""

    def test_has_its_id(self, name: str, digits: str, text: str) -> None:
        assert hash_bytes(raw_of(name, text)).hex == digits

    def test_is_read_and_written_the_same(self, name: str, digits: str, text: str) -> None:
        kind = type_named(name)
        assert kind.encode(kind.decode(raw_of(name, text))) == raw_of(name, text)

    def test_names_every_link_that_its_text_names(self, name: str, digits: str, text: str) -> None:
        kind = type_named(name)
        found = {str(link) for link in kind.references(kind.decode(raw_of(name, text)))}
        assert found == set(re.findall(r'"([a-z]+:[0-9a-f]{64})"', text))

    def test_is_not_read_as_another_type(self, name: str, digits: str, text: str) -> None:
        for kind in all_types():
            if kind.name not in (name, "blob"):
                with pytest.raises(Corrupt):
                    kind.decode(raw_of(name, text))

    def test_every_cut_and_every_flip_is_refused_or_another_value(self, name: str, digits: str, text: str) -> None:
        kind, raw = type_named(name), raw_of(name, text)
        for at in range(0, len(raw), 3):
            for damaged in (raw[:at], raw[:at] + bytes([raw[at] ^ 0x01]) + raw[at + 1 :]):
                try:
                    value = kind.decode(damaged)
                except Corrupt:
                    continue
                assert kind.encode(value) == damaged

    def test_a_missing_member_or_one_of_a_wrong_kind_is_refused(self, name: str, digits: str, text: str) -> None:
        kind = type_named(name)
        spell = encode_lines if kind.storage is Storage.META else encode_compact
        whole = json.loads(text)
        for member in whole:
            for wrong in (None, 7, -1, "x", [], {}, [None], {"a": 1}, True, 1.5):
                if type(wrong) is type(whole[member]) and member in (
                    "message",
                    "reason",
                    "who",
                    "author",
                    "nonce",
                    "keyid",
                    "payloadType",
                    "to",
                    "from",
                    "card",
                ):
                    continue
                if (member, wrong) in (("size", 7), ("number", 7), ("path", "x"), ("entries", [])):
                    continue
                with pytest.raises(Corrupt):
                    kind.decode(spell({**whole, member: wrong}))
            if member not in ("path", "files", "parents", "card", "displaced", "replays", "rolls_back"):
                with pytest.raises(Corrupt):
                    kind.decode(spell({name_: value for name_, value in whole.items() if name_ != member}))


@pytest.mark.parametrize("name", ["manifest", "tag", "move", "attestation"])
def test_meta_keeps_members_of_later_versions(name: str) -> None:
    text = next(text for found, _, text in VECTORS if found == name)
    raw = encode_lines({**json.loads(text), "x_later": {"a": [1]}})
    kind = type_named(name)
    assert kind.encode(kind.decode(raw)) == raw


@pytest.mark.parametrize("name", ["tree", "chunklist"])
def test_data_refuses_members_of_later_versions(name: str) -> None:
    text = next(text for found, _, text in VECTORS if found == name)
    with pytest.raises(Corrupt):
        type_named(name).decode(encode_compact({**json.loads(text), "x_later": 1}))


@given(st.binary(max_size=200))
def test_no_bytes_make_a_type_fail_in_another_way(raw: bytes) -> None:
    for kind in all_types():
        with contextlib.suppress(Corrupt):
            kind.decode(raw)


@pytest.mark.parametrize(
    "text",
    [
        "blob",
        "blob:",
        "blob:xyz",
        "thing:" + "a" * 64,
        "blob:" + "A" * 64,
        "blob:" + "a" * 63,
        " blob:" + "a" * 64,
        "types:" + "a" * 64,
    ],
)
def test_a_bad_link_is_refused(text: str) -> None:
    with pytest.raises(BadLink):
        Link.parse(text)


def test_the_golden_pack_and_its_index() -> None:
    hexes = re.search(r"```pack\n(.*?)```", PAGE, flags=re.DOTALL)
    digits = re.search(r"its id is\s+`([0-9a-f]{64})`", PAGE)
    index = re.search(r"has ([0-9,]+) bytes and the BLAKE3\s+`([0-9a-f]{64})`", PAGE)
    assert hexes and digits and index
    raw = bytes.fromhex(hexes.group(1).replace("\n", ""))
    header = decode_header(raw[len(MAGIC) :])
    payload = raw[len(MAGIC) + header.size :][: header.stored_length]
    assert Codecs().numbered(header.codec).decode(payload, header.plain_length) == b"hello world"
    assert hash_bytes(raw[: len(MAGIC) + header.size]).hex == digits.group(1)
    built = encode_index(
        [(hash_bytes(raw[: len(MAGIC) + header.size]), [Row(header.id, len(MAGIC), 11, 11, "blob", 0)])]
    )
    assert (len(built), hash_bytes(built).hex) == (int(index.group(1).replace(",", "")), index.group(2))
    assert PackIndex(built).find(header.id)[0].offset == len(MAGIC)
