"""A small HTTP client for remotes: the only door to urllib3.

It believes little: an answer has the length that was asked for or is an error, no redirect is followed (credentials
must not travel to where a server points), every read is bounded in size and in time. Reading is tried again and goes
on where it stopped, and so is a PUT, which does no more when it is sent twice; a POST is sent once.

Longer than most modules by its rule: no other may speak HTTP.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from pacha.base.errors import PachaError
from pacha.remotes.options import BadUrl, Options, check_plain, split_url
from pacha.remotes.patience import Patience
from pacha.remotes.remote import AccessDenied, BadAnswer, NoSuchKey, RemoteRefused, Source, Unreachable, pieces_of
from pacha.remotes.whole_head import WholeHead

CONNECTIONS = 16
#: A host that is there answers within a few seconds.
CONNECT_SECONDS = 10
#: A read that stalls is noticed early enough to be tried twice more before it is given up.
STALLS = 3
PIECE_BYTES = 1 << 20
#: What is read of an answer that was not expected: it may say why.
REFUSAL_BYTES_MAX = 4096
_SAID_CHARACTERS_MAX = 200
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(?:\d{1,15}|\*)", re.ASCII)
_LENGTH = re.compile(r"\d{1,15}", re.ASCII)
#: The server is there and asks for another try.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
_MISSING = frozenset({404, 410})
_DENIED = frozenset({401, 403, 407})
#: Methods that do no more when they are sent twice. Source: RFC 9110, section 9.2.2.
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server said. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Talks to one server below one path. Any thread may call."""

    def __init__(self, url: str, options: Options) -> None:
        import urllib3

        parts = split_url(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadUrl(f"not the URL of a server: {parts.scheme}://{parts.hostname or ''}")
        if options.token:
            check_plain(parts, options)
        self.url = url.rstrip("/")
        self._options = options
        self._base = f"{parts.scheme}://{parts.netloc}{quote(parts.path.rstrip('/'), safe='/%')}"
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "pacha"}
        if options.token:
            self._headers["Authorization"] = f"Bearer {_header_value(options.token)}"
        named: dict[str, Any] = {"maxsize": CONNECTIONS, "retries": False}
        self._pool: Any = (
            urllib3.ProxyManager(options.proxy, **named) if options.proxy else urllib3.PoolManager(**named)
        )
        self._pool.pool_classes_by_scheme = _pools()

    def close(self) -> None:
        """Lets go of all connections."""
        self._pool.clear()

    def patience(self) -> Patience:
        """How long to try one operation."""
        return Patience(stall_seconds=self._options.stall_seconds)

    def request(
        self,
        method: str,
        key: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Source | None = None,
        expected: Collection[int] = (200,),
        size_max: int = REFUSAL_BYTES_MAX,
    ) -> Answer:
        """Sends one request, and again where it failed and is no POST. `key` is escaped here.

        Errors: `NoSuchKey`, `AccessDenied`, `RemoteRefused` for any status that is not expected; `Unreachable`, after
        which a write may have happened; `BadAnswer` for a body beyond `size_max`.
        """
        patience = self.patience()
        while True:
            try:
                with _Exchange(self, method, key, headers or {}, _watched(body, patience), expected) as exchange:
                    return exchange.answer(size_max)
            except (Unreachable, RemoteRefused) as error:
                if method not in _REPEATABLE or not _may_pass(error):
                    raise
                patience.again(error)

    def get(self, key: str, *, size_max: int) -> bytes:
        """Reads a whole value. Errors: those of `request`."""
        return self.request("GET", key, size_max=size_max).body

    def size(self, key: str) -> int | None:
        """A value's size, None if there is none. Errors: those of `request`."""
        try:
            answer = self.request("HEAD", key)
        except NoSuchKey:
            return None
        length = answer.headers.get("content-length", "")
        if not _LENGTH.fullmatch(length):
            raise BadAnswer(f"{self.url}: does not say how long {key} is", key=key)
        return int(length)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Reads a part of a value. A server without ranges sends it from its beginning, and most is thrown away.

        Errors: `BadAnswer` for another part than was asked for, those of `request`.
        """
        patience = self.patience()
        pieces: list[bytes] = []
        have = 0
        while have < length:
            headers = {"Range": f"bytes={start + have}-{start + length - 1}"}
            try:
                with _Exchange(self, "GET", key, headers, None, (200, 206, 416)) as exchange:
                    for piece in exchange.part(start + have, length - have):
                        pieces.append(piece)
                        have += len(piece)
                        patience.moved()
            except (Unreachable, RemoteRefused) as error:
                if not _may_pass(error):
                    raise
                patience.again(error)
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class _Watched:
    """A source that tells when it moves."""

    source: Source
    patience: Patience

    @property
    def size(self) -> int:
        return self.source.size

    def pieces(self) -> Iterator[bytes | memoryview]:
        for piece in pieces_of(self.source):
            self.patience.lives()
            yield piece


def _watched(body: bytes | Source | None, patience: Patience) -> bytes | Source | None:
    return body if body is None or isinstance(body, bytes) else _Watched(body, patience)


class _Exchange:
    """One request and its answer; the connection is used again only if the answer was read to its end."""

    def __init__(
        self,
        client: Client,
        method: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes | Source | None,
        expected: Collection[int],
    ) -> None:
        self._client = client
        self._key = key
        self._is_head = method == "HEAD"
        sent = {**client._headers, **headers}
        if body is not None:
            sent["Content-Length"] = str(len(body) if isinstance(body, bytes) else body.size)
        self._response = self._send(method, sent, body)
        try:
            self._check(expected)
        except PachaError:
            self._drop()
            raise

    def __enter__(self) -> "_Exchange":
        return self

    def __exit__(self, *_: object) -> None:
        self._drop()

    def _drop(self) -> None:
        """Hands the connection back if little of the answer is left on it, and closes it otherwise."""
        left = self._response.length_remaining
        if left is not None and left <= REFUSAL_BYTES_MAX:
            with suppress(PachaError):
                any(self._pieces(left + 1))
        if not self._response.closed:
            self._response.close()
        self._response.release_conn()

    def _send(self, method: str, headers: Mapping[str, str], body: bytes | Source | None) -> Any:
        import urllib3

        stall = self._client._options.stall_seconds
        # A server that takes in a large value answers only when all of it is safe.
        patient = urllib3.Timeout(
            connect=min(CONNECT_SECONDS, stall), read=stall if body is not None else stall / STALLS
        )
        try:
            return self._client._pool.request(
                method,
                f"{self._client._base}/{quote(self._key, safe='/')}",
                headers=headers,
                body=body if body is None or isinstance(body, bytes) else body.pieces(),
                timeout=patient,
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        import urllib3

        causes = {
            urllib3.exceptions.NameResolutionError: "has a host name that is not known",
            urllib3.exceptions.NewConnectionError: "cannot be reached",
            urllib3.exceptions.TimeoutError: "did not answer in time",
            urllib3.exceptions.SSLError: "has no certificate that this machine trusts",
            urllib3.exceptions.ProxyError: "cannot be reached through the proxy",
        }
        cause = next((text for kind, text in causes.items() if isinstance(error, kind)), "broke the connection off")
        return Unreachable(f"{self._client.url}: {cause}", hint="check the address and the network, and try again")

    def _check(self, expected: Collection[int]) -> None:
        status = self._response.status
        if status in expected:
            if self._response.headers.get("content-encoding", "identity").lower() != "identity":
                raise BadAnswer(f"{self._client.url}: sends {self._key} in an encoding that was not asked for")
            return
        raise self._refusal(status)

    def _refusal(self, status: int) -> PachaError:
        url, key = self._client.url, self._key
        if status in _MISSING:
            return NoSuchKey(f"{url}: has no {key}", key=key)
        if status in _DENIED:
            return AccessDenied(
                f"{url}: access denied (HTTP {status}){self._said()}",
                hint="ask who keeps the server for a token, and set PACHA_TOKEN=HOST=TOKEN",
                status=status,
            )
        if 300 <= status < 400:
            return RemoteRefused(
                f"{url}: answers that {key} is elsewhere (HTTP {status}), and redirects are not followed",
                hint="give the address that it points to, if you trust it",
                status=status,
            )
        return RemoteRefused(f"{url}: refuses {key} (HTTP {status}){self._said()}", status=status)

    def _said(self) -> str:
        """What the server gives as its reason, where it is short, plain text."""
        if self._is_head or not self._response.headers.get("content-type", "").startswith("text/plain"):
            return ""
        try:
            data = b"".join(self._pieces(REFUSAL_BYTES_MAX))
        except PachaError:
            return ""
        text = " ".join(data.decode("utf-8", "replace").split())
        shown = "".join(character for character in text if character.isprintable())[:_SAID_CHARACTERS_MAX]
        return f": {shown}" if shown else ""

    def answer(self, size_max: int) -> Answer:
        """Reads the body. Errors: `BadAnswer`, `Unreachable`."""
        headers = {name.lower(): value for name, value in self._response.headers.items()}
        body = b"" if self._is_head else self._whole(size_max)
        return Answer(status=self._response.status, headers=headers, body=body)

    def _whole(self, size_max: int) -> bytes:
        length = self._response.length_remaining
        if length is None and not self._response.chunked:
            # The end of such a body cannot be told from a connection that broke.
            raise BadAnswer(f"{self._client.url}: does not say how long {self._key} is", key=self._key)
        if length is not None and length > size_max:
            raise self._too_large(size_max)
        body = b"".join(self._pieces(size_max + 1))
        if len(body) > size_max:
            raise self._too_large(size_max)
        return body

    def _too_large(self, size_max: int) -> BadAnswer:
        url, key = self._client.url, self._key
        return BadAnswer(f"{url}: {key} is larger than the {size_max} bytes that it may have", key=key)

    def part(self, start: int, length: int) -> Iterator[bytes]:
        """Yields the bytes of a value from `start`. Errors: `BadAnswer`, `Unreachable`."""
        skip = self._skipped(start, length)
        for piece in self._pieces(skip + length):
            if skip >= len(piece):
                skip -= len(piece)
                continue
            kept = piece[skip:]
            skip = 0
            length -= len(kept)
            yield kept
        if length:
            raise self._ends_early(start + length)

    def _skipped(self, start: int, length: int) -> int:
        """How many bytes come before those that were asked for. Errors: `BadAnswer`."""
        there = self._response.length_remaining
        if self._response.status == 200:
            if there is not None and there < start + length:
                raise self._ends_early(start + length)
            return start
        if self._response.status == 416:
            raise self._ends_early(start + length)
        match = _RANGE.fullmatch(self._response.headers.get("content-range", ""))
        if match is None or int(match.group(1)) != start or int(match.group(2)) >= start + length:
            raise BadAnswer(f"{self._client.url}: sends another part of {self._key} than was asked for", key=self._key)
        if int(match.group(2)) != start + length - 1:
            raise self._ends_early(start + length)
        if there is not None and there != length:
            raise BadAnswer(f"{self._client.url}: announces {there} bytes of {self._key} for {length}", key=self._key)
        return 0

    def _ends_early(self, end: int) -> BadAnswer:
        return BadAnswer(f"{self._client.url}: {self._key} ends before {end}", key=self._key)

    def _pieces(self, size_max: int) -> Iterator[bytes]:
        """Yields at most so many bytes of the body. Errors: `Unreachable` where it breaks off."""
        import urllib3

        left = size_max
        try:
            while left and (piece := self._response.read(min(PIECE_BYTES, left))):
                left -= len(piece)
                yield piece
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error


@cache
def _pools() -> dict[str, Any]:
    """The pools of urllib3, with connections that insist on a whole head."""
    import urllib3

    pools = {}
    for scheme, pool in (("http", urllib3.HTTPConnectionPool), ("https", urllib3.HTTPSConnectionPool)):
        connection = type("Connection", (pool.ConnectionCls,), {"response_class": WholeHead})
        pools[scheme] = type("Pool", (pool,), {"ConnectionCls": connection})
    return pools


def _may_pass(error: PachaError) -> bool:
    return isinstance(error, Unreachable) or error.nouns.get("status") in _PASSING


def _header_value(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise BadUrl("a token is printable ASCII", hint="it was copied with something else around it")
    return text
