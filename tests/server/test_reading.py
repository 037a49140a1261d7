"""What lies in a served folder is handed out exactly, and nothing beside it."""

import pytest

from pacha.server.handlers import PAGE_KEYS_MAX
from pacha.server.tokens import Role
from tests.server.conftest import Served

VALUE = bytes(range(256)) * 20


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        (None, 200, VALUE),
        ("bytes=0-0", 206, VALUE[:1]),
        ("bytes=10-19", 206, VALUE[10:20]),
        ("bytes=5110-", 206, VALUE[5110:]),
        ("bytes=-7", 206, VALUE[-7:]),
        ("bytes=-999999", 206, VALUE),
        ("bytes=5119-99999", 206, VALUE[5119:]),
        ("bytes=5120-", 416, None),
        ("bytes=9-3", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=-", 200, VALUE),
        ("bytes=0-1,4-5", 200, VALUE),
        ("items=0-1", 200, VALUE),
        ("bytes=" + "9" * 400 + "-", 200, VALUE),
    ],
)
def test_a_range_is_exactly_the_range(served: Served, wanted: str | None, status: int, part: bytes | None) -> None:
    served.remote.create("packs/a.pack", VALUE)
    asked = served.asked(served.token(Role.READ))
    headers = {} if wanted is None else {"Range": wanted}
    answer = asked("GET", "/r/packs/a.pack", headers=headers)
    assert answer.status == status
    if part is not None:
        assert answer.body == part
        assert answer.headers["content-length"] == str(len(part))
        head = asked("HEAD", "/r/packs/a.pack", headers=headers)
        assert (head.status, head.body, head.headers["content-length"]) == (status, b"", str(len(part)))


#: Each asks for something outside; none of these may reach a file system.
TRAVERSALS = [
    f"{start}{path}"
    for start in ("/r/", "/r/log/", "/r/packs/", "/list/", "/list/log/", "/")
    for path in (
        "..", "../canary", "../../canary", "%2e%2e/canary", "%2e%2e%2fcanary", "%252e%252e%252fcanary", "..%2fcanary",
        "..;/canary", "..\\canary", "..%5ccanary", "/canary", "//canary", "%2fetc%2fpasswd", "etc/passwd", "canary%00",
        "canary\x00", "%c0%ae%c0%ae/canary", "%e0%80%ae/canary", ".%2e/canary", "canary.", "CANARY", "log/../canary",
        "a/b/c", "tmp/x", ".git/config", "~/canary", "file:///canary", "http://evil.example/", "canary?x#y", "%",
        "%zz", "log/%0a", "a" * 5000,
    )
]  # fmt: skip


def test_nothing_outside_of_the_folder_is_handed_out(served: Served) -> None:
    (served.folder.parent / "canary").write_bytes(b"canary")
    (served.folder / "tmp").mkdir()
    (served.folder / "tmp" / "x").write_bytes(b"canary")
    (served.folder / "log").mkdir()
    (served.folder / "log" / "00000001").symlink_to(served.folder.parent / "canary")
    asked = served.asked(served.token(Role.ADMIN))
    for path in [*TRAVERSALS, "/r/log/00000001", "*", "http://evil.example/r/log/00000001"]:
        for method in ("GET", "PUT", "DELETE"):
            answer = asked(method, path, b"owned" if method == "PUT" else None)
            # Any well-formed name may begin a page of a list.
            allowed = (200, 400, 404) if method == "GET" and path.startswith("/list/") else (400, 404, 422)
            assert answer.status in allowed, (method, path, answer.status)
            assert b"canary\n" not in answer.body and answer.body != b"canary"
            assert str(served.folder).encode() not in answer.body
    assert (served.folder.parent / "canary").read_bytes() == b"canary"


def test_keys_are_listed_page_by_page(served: Served) -> None:
    log = served.folder / "log"
    log.mkdir()
    for number in range(1, PAGE_KEYS_MAX + 12):
        (log / f"{number:08d}").write_bytes(b"x")
    (log / "READ\nME").write_bytes(b"not a key")
    asked = served.asked(served.token(Role.READ))
    first = asked("GET", "/list/log/").body.decode().splitlines()
    assert (len(first), first[-1]) == (PAGE_KEYS_MAX + 1, "more")
    last = first[-2].split(" ")[0].split("/")[1]
    second = asked("GET", f"/list/log/{last}").body.decode().splitlines()
    assert second[-1] == "end"
    assert [line.split(" ")[:2] for line in second[:-1]] == [[f"log/{n:08d}", "1"] for n in range(1001, 1012)]


def test_what_is_served_says_what_it_can(served: Served) -> None:
    asked = served.asked(served.token(Role.PUSH, "model/fraud*"))
    said = asked("GET", "/capabilities").json
    assert (said["protocol"], said["may"], said["refs"]) == (1, "push", ["model/fraud*"])
    assert asked("GET", "/capabilities", token=None).json["may"] is None
    assert "pacha clone" in asked("GET", "/", token=None).body.decode()
