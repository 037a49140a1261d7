"""What a move may say, beyond what every type keeps."""

from typing import Any

import pytest

from pacha.base.canonical import encode_lines
from pacha.base.errors import Corrupt
from pacha.objects.move import DISPLACED_MAX, decode, encode

WHOLE: dict[str, Any] = {
    "type": "move", "artifact": "data/rows", "version": "1.0.0", "from": "staging", "to": "production", "reason": "",
    "who": "Ada", "when": "2026-03-03T12:00:00Z", "nonce": "x", "number": 1,
}  # fmt: skip


def test_a_reason_may_be_empty() -> None:
    assert encode(decode(encode_lines(WHOLE))) == encode_lines(WHOLE)


@pytest.mark.parametrize(
    "stage", ["", "Staging", "pro duction", "1.0", "latest", "head", "../x", "a--b", "x" * 33, "ﬁ"]
)
def test_a_stage_is_a_plain_word(stage: str) -> None:
    for changed in (
        {**WHOLE, "from": stage},
        {**WHOLE, "to": stage},
        {**WHOLE, "displaced": [{"version": "1.1.0", "to": stage}]},
    ):
        with pytest.raises(Corrupt):
            decode(encode_lines(changed))


@pytest.mark.parametrize(
    "displaced",
    [
        [{"version": "1.0.0", "to": "staging"}],
        [{"version": "1.1.0", "to": "staging"}, {"version": "1.1.0", "to": "archived"}],
        [{"version": f"2.{number}.0", "to": "staging"} for number in range(DISPLACED_MAX + 1)],
        [{"version": "1.1.0", "to": "staging", "more": 1}],
        [{"version": "1.1.0"}],
        ["1.1.0"],
    ],
    ids=["itself", "twice", "too many", "more", "less", "a text"],
)
def test_what_gives_way_is_named_once_and_whole(displaced: list[object]) -> None:
    with pytest.raises(Corrupt):
        decode(encode_lines({**WHOLE, "displaced": displaced}))


@pytest.mark.parametrize("member", ["replays", "rolls_back"])
def test_what_a_move_names_is_a_move(member: str) -> None:
    for wrong in ("tag:" + "0" * 64, "move:123", "", None, 7):
        with pytest.raises(Corrupt):
            decode(encode_lines({**WHOLE, member: wrong}))
    raw = encode_lines({**WHOLE, member: "move:" + "0" * 64})
    assert encode(decode(raw)) == raw
