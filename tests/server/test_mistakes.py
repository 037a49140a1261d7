"""A mistake of the server's own is one answer and one line in its log; where it happened shows only to who debugs."""

from collections.abc import Iterator

import pytest

from pacha.server import handlers
from pacha.server.asking import Answer, Ask, Pieces
from pacha.server.tokens import Role
from tests.server.conftest import Served


def _broken(self: handlers.Handlers, ask: Ask) -> Answer:
    raise ZeroDivisionError("the secret of /srv/registry")


@pytest.mark.parametrize("is_debug", [False, True])
@pytest.mark.parametrize(("method", "path", "handler"), [
    ("GET", "/r/log/00000001", "get_value"),
    ("PUT", "/r/log/00000001", "put_entry"),
    ("GET", "/nowhere", "nothing_there"),
])  # fmt: skip
def test_a_mistake_is_one_answer_and_one_line(
    served: Served, monkeypatch: pytest.MonkeyPatch, is_debug: bool, method: str, path: str, handler: str
) -> None:
    monkeypatch.setattr(handlers.Handlers, handler, _broken)
    served.is_debug = is_debug
    answer = served.asked(served.token(Role.PUSH))(method, path, b"x" if method == "PUT" else None)
    assert answer.status == 500
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == {"code", "message", "hint"}
    assert b"secret" not in answer.body and b"Traceback" not in answer.body
    (line,) = served.lines()
    assert line["status"] == 500 and line["error"] == "Bug: ZeroDivisionError: the secret of /srv/registry"
    assert ("_broken" in line.get("traceback", "")) is is_debug


def test_a_body_that_fails_on_its_way_is_a_second_line(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"ab"
        raise ZeroDivisionError("late")

    monkeypatch.setattr(
        handlers.Handlers, "get_value", lambda self, ask: Answer(body=Pieces(pieces=pieces(), length=4))
    )
    with pytest.raises(ZeroDivisionError):
        served.asked(served.token())("GET", "/r/log/00000001")
    assert [line.get("error") for line in served.lines()] == [None, "Bug: ZeroDivisionError: late"]
