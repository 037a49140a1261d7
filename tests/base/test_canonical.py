"""Canonical JSON: one value, one spelling; RFC 8785's own library as the oracle."""

import json
import random

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from pacha.base.canonical import (
    DEPTH_MAX,
    INTEGER_MAX,
    NotCanonical,
    Unrepresentable,
    decode_compact,
    decode_lines,
    encode_compact,
    encode_lines,
    number_text,
)

DOCUMENTS = 100_000
TEXTS = [
    "",
    "a",
    "ß",
    "€",
    "\U0001f600",
    "\ufb33",
    "\u2028",
    '"',
    "\\",
    "/",
    "\b\f\n\r\t",
    "\x00\x1f\x7f",
    "\r",
    "é",
    "1",
    "\u0080",
]
EDGE_NUMBERS = [
    0, -0.0, 1, -1, 0.1, 1e21, 1e20, 999999999999999868928.0, 1e-6, 1e-7, 123456789012345680.0, 5e-324,
    1.7976931348623157e308, 333333333.33333329, 1e23, 4.5, 2e-3, 0.000001, INTEGER_MAX, -INTEGER_MAX, 2**53 - 2.0,
    295147905179352825856.0, 9.5e-7, 100.0, 1e2, 3.0,
]  # fmt: skip


def document(random_: random.Random, depth: int = 0) -> object:
    choice = random_.random()
    if depth < 4 and choice < 0.25:
        return {text(random_): document(random_, depth + 1) for _ in range(random_.randrange(5))}
    if depth < 4 and choice < 0.4:
        return [document(random_, depth + 1) for _ in range(random_.randrange(5))]
    if choice < 0.6:
        return text(random_)
    if choice < 0.75:
        return random_.choice(EDGE_NUMBERS)
    if choice < 0.85:
        return random_.randrange(-INTEGER_MAX, INTEGER_MAX)
    if choice < 0.95:
        return random_.uniform(-1, 1) * 10.0 ** random_.randrange(-320, 300)
    return random_.choice([True, False, None])


def text(random_: random.Random) -> str:
    return "".join(random_.choice(TEXTS) for _ in range(random_.randrange(4)))


def test_a_hundred_thousand_documents_are_spelled_as_rfc8785_spells_them() -> None:
    random_ = random.Random(8785)
    for number in range(DOCUMENTS):
        value = {"n": number, "v": document(random_)}
        spelled = encode_compact(value)
        assert spelled == rfc8785.dumps(value), value
        assert encode_compact(decode_compact(spelled)) == spelled


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_is_spelled_as_rfc8785_spells_it(value: float) -> None:
    assert number_text(value).encode() == rfc8785.dumps(value)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(plain)
def test_lines_hold_what_json_dumps_lays_out(value: object) -> None:
    ordered = json.loads(rfc8785.dumps(value))
    wanted = json.dumps(ordered, indent=1, separators=(",", ": "), ensure_ascii=False) + "\n"
    assert encode_lines(value) == wanted.replace("\x7f", "\x7f").encode("utf-8")
    assert decode_lines(encode_lines(value)) == ordered


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 2**53, -(2**53), "\ud800", {1: 2}, b"x", {1, 2}]
)
def test_what_has_no_spelling_is_refused(value: object) -> None:
    with pytest.raises(Unrepresentable):
        encode_compact({"v": value} if not isinstance(value, dict) else value)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'{"a": 1}', b'{"a":1.0}', b'{"a":1e0}', b'{"a":-0}', b'{"a":NaN}',
        b'{"a":Infinity}', b'{"a":1e999}', b'{"a":9007199254740993}', b'{"a":' + b"9" * 5000 + b"}", b'{"a":"\\u0041"}',
        b'{"a":"\\/"}', b'{"a":1}\n', b' {"a":1}', b'\xef\xbb\xbf{"a":1}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"", b"{",
        b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)  # fmt: skip
def test_any_other_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(NotCanonical):
        decode_compact(raw)
    with pytest.raises(NotCanonical):
        decode_lines(raw)


def test_depth_is_bounded_exactly() -> None:
    value: object = 1
    for _ in range(DEPTH_MAX):
        value = [value]
    assert decode_compact(encode_compact(value)) == value
    with pytest.raises(Unrepresentable):
        encode_compact([value])


def test_names_are_sorted_by_utf16() -> None:
    assert encode_compact({"\ufb33": 1, "\U0001f600": 2}) == '{"\U0001f600":2,"\ufb33":1}'.encode()
