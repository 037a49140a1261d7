"""An S3 server in this process that lies as it is told: what a probe must find out."""

import contextlib
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape


class Stub(ThreadingHTTPServer):
    """Holds one bucket in memory. `refusal` is a status that every request gets, `refusals`
    those that the next ones get; `asked` are the requests so far."""

    daemon_threads = True

    def __init__(
        self,
        *,
        conditions: bool = True,
        ranges: bool = True,
        lists: bool = True,
        refusal: int = 0,
        widens: bool = False,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.conditions, self.ranges, self.lists, self.refusal = conditions, ranges, lists, refusal
        self.widens = widens
        self.refusals: list[int] = []
        self.values: dict[str, bytes] = {}
        self.lock = threading.Lock()
        self.asked: list[tuple[str, str, dict[str, str]]] = []

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _key(self) -> str:
        self.server.asked.append((self.command, self.path, {name.lower(): text for name, text in self.headers.items()}))
        return unquote(urlsplit(self.path).path).split("/", 2)[2] if self.path.count("/") > 1 else ""

    def _refused(self) -> int:
        return self.server.refusals.pop(0) if self.server.refusals else self.server.refusal

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        named = {"Content-Length": str(len(body)), "ETag": '"x"', "Last-Modified": formatdate(0, usegmt=True)}
        for name, text in {**named, **{name.replace("_", "-"): text for name, text in headers.items()}}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        key, data = self._key(), self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if status := self._refused():
            return self._answer(status)
        with self.server.lock:
            if self.server.conditions and self.headers.get("If-None-Match") == "*" and key in self.server.values:
                return self._answer(412)
            self.server.values[key] = data
        self._answer(200)

    def do_GET(self) -> None:
        key = self._key()
        if status := self._refused():
            return self._answer(status, b"<Error><Code>\x1b[31mno</Code></Error>")
        if not key:
            return self._listing()
        data = self.server.values.get(key)
        if data is None:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        if not asked or not self.server.ranges:
            return self._answer(200, data)
        start, _, last = asked.partition("-")
        end = len(data) if self.server.widens else min(int(last) + 1, len(data))
        self._answer(206, data[int(start) : end], Content_Range=f"bytes {start}-{end - 1}/{len(data)}")

    do_HEAD = do_GET

    def do_DELETE(self) -> None:
        self.server.values.pop(self._key(), None)
        self._answer(204)

    def _listing(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        prefix, after = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        keys = sorted(key for key in self.server.values if key.startswith(prefix) and key > after)
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(self.server.values[key])}</Size>"
            "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>x</ETag></Contents>"
            for key in (keys if self.server.lists else ())
        )
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>"
        self._answer(200, text.encode())


@contextlib.contextmanager
def stub(**told: object) -> Iterator[Stub]:
    """Runs the server until the end of the block."""
    server = Stub(**told)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
