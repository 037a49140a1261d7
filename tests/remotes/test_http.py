"""The HTTP client against servers that answer strangely, one answer a connection, each written out here."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from pacha.base.errors import PachaError
from pacha.remotes.http import Client
from pacha.remotes.options import BadUrl, Options
from pacha.remotes.remote import AccessDenied, BadAnswer, NoSuchKey, RemoteRefused, Unreachable
from tests.remotes.stub import stub
from tests.remotes.test_contract import Bytes

QUICK = Options(stall_seconds=0.6)


@contextlib.contextmanager
def saying(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives one answer to each connection, the last one again and again, and then closes.

    Yields its URL and the heads of the requests that came.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    came: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                head = b""
                while b"\r\n\r\n" not in head and (piece := connection.recv(4096)):
                    head += piece
                came.append(head)
                connection.sendall(answers[min(len(came), len(answers)) - 1])

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", came
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def answer(status: str, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_a_value_that_breaks_off_is_asked_for_again() -> None:
    with saying(answer("200 OK", b"123", length=5), answer("200 OK", b"12345")) as (url, came):
        assert Client(url, QUICK).get("format", size_max=10) == b"12345"
        assert len(came) == 2


def test_a_range_goes_on_where_it_stopped() -> None:
    first = answer("206 Partial Content", b"23", "Content-Range: bytes 2-5/9", length=4)
    second = answer("206 Partial Content", b"45", "Content-Range: bytes 4-5/9")
    with saying(first, second) as (url, came):
        assert Client(url, QUICK).get_range("packs/a.pack", 2, 4) == b"2345"
        assert b"bytes=2-5" in came[0]
        assert b"bytes=4-5" in came[1]


def test_a_value_that_always_breaks_off_is_given_up() -> None:
    with saying(answer("200 OK", b"123", length=5)) as (url, _), pytest.raises(Unreachable, match="broke"):
        Client(url, QUICK).get("format", size_max=10)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="did not answer in time"):
        Client(f"http://127.0.0.1:{silent.getsockname()[1]}", QUICK).get("format", size_max=10)


@pytest.mark.parametrize(
    "bad",
    [
        answer("206 Partial Content", b"2345", "Content-Range: bytes 3-6/9"),
        answer("206 Partial Content", b"2345"),
        answer("206 Partial Content", b"2345", "Content-Range: bytes 2-5/9; bytes"),
        answer("206 Partial Content", b"23456", "Content-Range: bytes 2-5/9"),
        answer("206 Partial Content", b"234", "Content-Range: bytes 2-4/5"),
        answer("206 Partial Content", b"2345", "Content-Range: bytes 2-99999999999999999999/9"),
        answer("200 OK", b"01234"),
        answer("416 Range Not Satisfiable"),
        answer("206 Partial Content", b"2345", "Content-Range: bytes 2-5/9", "Content-Encoding: gzip"),
    ],
)
def test_another_part_than_was_asked_for_is_a_bad_answer(bad: bytes) -> None:
    with saying(bad) as (url, _), pytest.raises(BadAnswer):
        Client(url, QUICK).get_range("packs/a.pack", 2, 4)


@pytest.mark.parametrize(
    "bad",
    [
        b"HTTP/1.1 200 OK\r\n\r\nno length",
        answer("200 OK", b"x" * 11),
        answer("200 OK", b"x", length=1 << 60),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11 + b"\r\n0\r\n\r\n",
        answer("200 OK", b"x", "Content-Encoding: gzip"),
    ],
)
def test_a_value_of_unknown_or_too_great_length_is_a_bad_answer(bad: bytes) -> None:
    with saying(bad) as (url, _), pytest.raises(BadAnswer):
        Client(url, QUICK).get("format", size_max=10)


def test_a_chunked_value_is_read_whole() -> None:
    with saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n") as (url, _):
        assert Client(url, QUICK).get("format", size_max=5) == b"abcde"


def test_a_head_that_is_cut_off_says_nothing() -> None:
    whole = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 123456\r\n\r\n"
    for end in range(len(whole)):
        with saying(whole[:end]) as (url, _), pytest.raises(Unreachable):
            Client(url, Options(stall_seconds=0.01)).size("format")
    with saying(whole) as (url, _):
        assert Client(url, QUICK).size("format") == 123456


@pytest.mark.parametrize(
    "noise",
    [b"", b"\x00" * 50, b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n12345", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000,
     b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
)  # fmt: skip
def test_noise_is_one_error(noise: bytes) -> None:
    with saying(noise) as (url, _):
        for ask in (
            lambda client: client.get("format", size_max=10),
            lambda client: client.get_range("format", 0, 10),
            lambda client: client.size("format"),
        ):
            client = Client(url, Options(stall_seconds=0.3))
            with contextlib.suppress(PachaError):
                ask(client)


def test_a_redirect_is_told_and_never_followed() -> None:
    with stub() as other:
        there = f"Location: {other.endpoint}/pacha/format"
        for status in ("301 Moved", "302 Found", "307 Temporary", "308 Permanent"):
            with saying(answer(status, b"", there)) as (url, _), pytest.raises(RemoteRefused, match="not followed"):
                Client(url, Options(token="secret", stall_seconds=0.6)).get("format", size_max=10)
        assert other.asked == []


def test_the_token_goes_to_the_server_and_into_no_message() -> None:
    with saying(answer("401 Unauthorized")) as (url, came):
        with pytest.raises(AccessDenied) as refused:
            Client(url, Options(token="s3cr3t-token", stall_seconds=0.6)).get("format", size_max=10)
        assert b"Authorization: Bearer s3cr3t-token" in came[0]
    assert "s3cr3t" not in f"{refused.value} {refused.value.hint} {refused.value.nouns} {Options(token='s3cr3t')!r}"


def test_a_token_never_travels_in_the_open_to_another_machine() -> None:
    with pytest.raises(BadUrl, match="unencrypted"):
        Client("http://models.example.org", Options(token="x"))
    Client("https://models.example.org", Options(token="x"))
    Client("http://models.example.org", Options(token="x", allow_http=True))


@pytest.mark.parametrize("token", ["a\r\nX: y", "ä", "\x00"])
def test_a_token_that_is_no_header_is_refused(token: str) -> None:
    with pytest.raises(BadUrl):
        Client("http://127.0.0.1:1", Options(token=token))


@pytest.mark.parametrize(
    ("status", "error"),
    [("404 Not Found", NoSuchKey), ("410 Gone", NoSuchKey), ("401 No", AccessDenied), ("403 No", AccessDenied),
     ("400 Bad", RemoteRefused), ("500 Oops", RemoteRefused), ("503 Later", RemoteRefused), ("204 Empty", RemoteRefused)],
)  # fmt: skip
def test_each_status_has_its_error(status: str, error: type[PachaError]) -> None:
    with saying(answer(status)) as (url, _), pytest.raises(error):
        Client(url, QUICK).get("format", size_max=10)


def test_a_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    with saying(answer("503 Later"), answer("429 Slow"), answer("200 OK", b"x")) as (url, came):
        assert Client(url, Options(stall_seconds=30)).get("format", size_max=10) == b"x"
        assert len(came) == 3


def test_what_a_server_says_reaches_the_terminal_as_plain_text() -> None:
    said = answer("400 Bad", "no\x1b[31m such\n thing\u202e".encode(), "Content-Type: text/plain")
    with saying(said) as (url, _), pytest.raises(RemoteRefused) as refused:
        Client(url, QUICK).get("format", size_max=10)
    assert str(refused.value).endswith("(HTTP 400): no[31m such thing")


def test_a_post_is_sent_once_and_a_put_again() -> None:
    def tries(method: str) -> int:
        with saying(b"") as (url, came), contextlib.suppress(PachaError):
            Client(url, Options(stall_seconds=2)).request(method, "log/00000001", body=b"x")
        return len(came)

    assert tries("POST") == 1
    assert tries("PUT") > 1


def test_a_source_is_sent_in_pieces_with_its_length() -> None:
    with stub() as server:
        client = Client(f"{server.endpoint}/pacha", QUICK)
        data = bytes(range(256)) * 40_000
        client.request("PUT", "packs/a.pack", body=Bytes(data), headers={"X-Asked": "1"})
        assert server.values == {"packs/a.pack": data}
        headers = server.asked[0][2]
        assert headers["content-length"] == str(len(data))
        assert headers["x-asked"] == "1"
        assert "transfer-encoding" not in headers


@pytest.mark.parametrize(
    "url",
    ["http://user:secret@host/x", "http://user@host", "http://host/?token=secret", "http://host/#secret", "http://",
     "http://host:99999", "http://ho st", "http://host/\n", "ftp://host", "http://host/" + "x" * 5000, "http://[::1"],
)  # fmt: skip
def test_a_url_that_says_too_much_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadUrl) as refused:
        Client(url, Options())
    assert "secret" not in f"{refused.value} {refused.value.hint}"
    assert refused.value.exit_code == 2


def test_a_path_of_the_url_is_escaped_once() -> None:
    with stub() as server:
        for url in (f"{server.endpoint}/b/my%20models/", f"{server.endpoint}/b/my%20models"):
            with contextlib.suppress(NoSuchKey):
                Client(url, QUICK).get("format", size_max=1)
        assert {path for _, path, _ in server.asked} == {"/b/my%20models/format"}


def test_a_connection_is_used_again() -> None:
    with stub() as server:
        server.values["format"] = b"x" * 1000
        seen = set()
        process = server.process_request

        def note(request: object, address: tuple[str, int]) -> None:
            seen.add(address)
            process(request, address)  # type: ignore[arg-type]

        server.process_request = note  # type: ignore[assignment]
        client = Client(f"{server.endpoint}/pacha", QUICK)
        for _ in range(5):
            assert client.get("format", size_max=1000) == b"x" * 1000
            assert client.get_range("format", 10, 10) == b"x" * 10
            assert client.size("format") == 1000
            assert client.size("none") is None
        assert len(seen) == 1
