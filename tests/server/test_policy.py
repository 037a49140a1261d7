"""Nobody gets in by another door than the table of routes, and each row lets in whom it says."""

import base64
from pathlib import Path
from typing import Any

import pytest

from pacha.remotes.folder import FolderRemote
from pacha.remotes.keys import log_key
from pacha.server.policy import ELSEWHERE, RULES, Need, Rule
from pacha.server.tokens import Role
from tests.server.conftest import Served, first_entry, send_entry, send_packs

NAMES = {
    "key:path": "log/00000001", "name": "00000001", "folder": "log", "after": "00000001", "model": "fraud",
    "version": "1.0.0", "rest:path": "nowhere",
}  # fmt: skip
SUFFIXES = {"packs": f"{'a' * 64}.pack", "indexes": f"{'a' * 64}.idx", "probe": "x"}


def path_of(rule: Rule) -> str:
    path = rule.path
    folder = path.split("/")[2] if path.startswith("/r/") else ""
    for name, value in NAMES.items():
        path = path.replace(f"{{{name}}}", SUFFIXES.get(folder, value) if name == "name" else value)
    assert "{" not in path
    return path


def rows_of(app: Any) -> set[tuple[str, str]]:
    """Every method and path that an application answers, but for the row that says no."""
    return {
        (method, route.path)
        for route in app.routes
        if route.path != ELSEWHERE.path
        for method in route.methods - {"HEAD"}
    }


def test_every_route_of_the_application_declares_its_policy(served: Served) -> None:
    assert rows_of(served.app()) == {(rule.method, rule.path) for rule in RULES}


def test_the_walk_finds_a_route_without_a_policy(served: Served) -> None:
    """The negative control."""
    from starlette.routing import Route

    app = served.app()
    app.router.routes.insert(0, Route("/secret", lambda request: None, methods=["GET"]))
    assert rows_of(app) != {(rule.method, rule.path) for rule in RULES}


#: Who may do what; everybody else gets 401 without a good token, 403 with one.
WHO = {
    "no token": set(),
    "wrong token": set(),
    "malformed token": set(),
    "expired": set(),
    "revoked": set(),
    "read": {Need.READ},
    "push": {Need.READ, Need.PUSH},
    "push of another scope": {Need.READ, Need.PUSH},
    "admin": {Need.READ, Need.PUSH, Need.ADMIN},
}


def token_of(served: Served, who: str) -> str | None:
    if who == "no token":
        return None
    if who == "malformed token":
        return "pacha_x"
    token = served.token(
        Role.ADMIN
        if who in ("admin", "expired", "revoked", "wrong token")
        else Role.READ
        if who == "read"
        else Role.PUSH,
        *(["data/other*"] if who == "push of another scope" else []),
        expires="2026-03-03T12:00:01Z" if who == "expired" else None,
    )
    if who == "wrong token":
        return token[:-1] + ("A" if token[-1] != "A" else "B")
    if who == "revoked":
        served.tokens.revoke(token.split("_")[1])
    if who == "expired":
        served.clock.time = "2026-03-03T12:00:01Z"
    return token


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("rule", [*RULES, ELSEWHERE], ids=lambda rule: f"{rule.method} {rule.path}")
def test_a_route_lets_in_whom_its_policy_says(served: Served, who: str, rule: Rule) -> None:
    served.token()
    token = token_of(served, who)
    asked = served.asked(token)
    methods = {"GET": ["GET", "HEAD"], "*": ["GET", "POST", "PATCH", "OPTIONS", "BREW"]}.get(rule.method, [rule.method])
    for method in methods:
        answer = asked(method, path_of(rule), b"x" if rule.body else None)
        is_good = token is None or (who in ("read", "admin") or who.startswith("push"))
        if rule.need is Need.NOTHING and is_good:
            assert answer.status == 200
        elif rule.need in WHO[who]:
            assert answer.status not in (401, 403, 500), answer.body
        else:
            expected = 403 if WHO[who] else 401
            assert answer.status == expected, (answer.status, answer.body)
            if method != "HEAD":
                assert set(answer.json) == {"code", "message", "hint"}


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH", "BREW"])
def test_a_path_that_is_only_read_is_not_written(served: Served, method: str) -> None:
    asked = served.asked(served.token(Role.ADMIN))
    for path in ("/", "/capabilities", "/r/deltas/00000016", "/r/secrets", "/r/config/x", "/api/v1/models"):
        if (method, path) != ("DELETE", "/r/deltas/00000016"):
            assert asked(method, path, b"x").status == 404
    assert list(Path(served.folder).rglob("*")) == [served.folder / "tmp"] or not list(served.folder.iterdir())


def test_a_token_in_a_url_is_refused_and_not_written_down(served: Served) -> None:
    """Its owner must hear that it does not work so, also beside a good one and on a server that is public."""
    token = served.token(Role.ADMIN)
    secret = token.split("_", 2)[2]
    served.is_public = True
    for path in (
        f"/list/log/?token={token}", f"/list/log/?access_token={token}", f"/list/log/?x={token}", "/list/log/?token=x",
        f"/r/{token}", f"/{token}/list/log/", f"/api/v1/models?cursor={token}",
    ):  # fmt: skip
        for sent in (None, token):
            answer = served.asked(sent)("GET", path)
            assert (answer.status, answer.json["code"]) == (400, "BadRequest"), path
            assert secret.encode() not in answer.body
    assert secret not in served.log.getvalue()
    basic = base64.b64encode(f"user:{token}".encode()).decode()
    assert served.asked()("GET", "/list/log/", headers={"Authorization": f"Basic {basic}"}).status == 401


@pytest.mark.parametrize(("scope", "status"), [("data/other*", 403), ("model/frau", 403), ("model/fraud*", 201)])
def test_a_token_pushes_only_within_its_scope(served: Served, staged: FolderRemote, scope: str, status: int) -> None:
    asked = served.asked(served.token(Role.PUSH, scope))
    send_packs(staged, asked)
    assert send_entry(asked, first_entry(staged)).status == status
    assert (served.remote.size(log_key(1)) is not None) is (status == 201)


def test_without_tokens_a_public_server_is_read_and_not_written(served: Served) -> None:
    served.is_public = True
    asked = served.asked()
    assert asked("GET", "/list/log/").body == b"end\n"
    assert asked("PUT", f"/r/{log_key(1)}", b"x").status == 403
    assert asked("GET", "/list/log/", token="pacha_000000000000_" + "A" * 43).status == 401


def test_a_server_that_is_not_public_tells_strangers_nothing(served: Served) -> None:
    served.remote.create("log/00000001", b"secret")
    asked = served.asked()
    answers = {asked("GET", f"/r/log/0000000{number}").body for number in (1, 2)}
    assert len(answers) == 1, "whether a key is there shows"


# -- what browsers and proxies could be made to do ---------------------------------------------------------------------


def test_only_names_of_this_server_are_answered(served: Served) -> None:
    asked = served.asked(served.token())
    for host in ("evil.example", "evil.example:8750", "", "localhost.evil.example", "127.0.0.1.evil.example:8750"):
        asked.host = host
        assert asked("GET", "/").status == 421, host
    for host in ("localhost", "LOCALHOST:8750", "127.0.0.1:8750", "[::1]:8750"):
        asked.host = host
        assert asked("GET", "/").status == 200, host


def test_a_page_of_another_site_is_refused(served: Served) -> None:
    asked = served.asked(served.token())
    assert asked("GET", "/list/log/", headers={"Sec-Fetch-Site": "cross-site"}).status == 403
    assert asked("GET", "/list/log/", headers={"Sec-Fetch-Site": "none"}).status == 200


def test_no_header_lets_a_page_read_an_answer(served: Served) -> None:
    answer = served.asked(served.token())("GET", "/list/log/", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "set-cookie"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("name", ["host", "authorization", "content-length", "range"])
def test_a_header_that_two_servers_could_read_differently_is_refused(served: Served, name: str) -> None:
    asked = served.asked()
    assert asked("GET", "/", headers=[(name, "1"), (name, "2")]).status == 400


def test_the_log_has_every_request_and_no_secret(served: Served) -> None:
    token = served.token(Role.READ)
    asked = served.asked(token)
    asked("GET", "/list/log/")
    asked("PUT", "/r/log/00000001", b"x")
    asked("GET", "/r/log/%0a{}\x7f", token=None)
    lines = served.lines()
    assert [line["status"] for line in lines] == [200, 403, 400]
    assert [line["token"] for line in lines] == [token.split("_")[1]] * 2 + ["-"]
    assert token.split("_", 2)[2] not in served.log.getvalue()
    assert all(len(line) < 2000 and line.isprintable() for line in served.log.getvalue().splitlines())
