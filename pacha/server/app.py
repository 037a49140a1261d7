"""The application: the only door to starlette. It makes the routes of `policy`'s table and nothing else.

For each request, in this order: is it for this host; who asks; may they; do they ask too often; is the body one to take.
Only then does the handler run, on a thread. What goes wrong on the way is one JSON object, and one line in the log.

Longer than most modules: what guards the door stands in one place, so that no request passes by another.
"""

import asyncio
import ipaddress
import re
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from pacha.base.clock import Clock
from pacha.base.errors import PachaError
from pacha.base.files import NewFile, read_exactly
from pacha.server.access import Access, AccessLog
from pacha.server.asking import Answer, Ask, FilePart, NotAllowed, NoToken, Pieces, status_of
from pacha.server.handlers import BadRequest, Handlers, json_answer
from pacha.server.limits import BadBody, Limits, NoLength, Pace, Rate, TooLarge, TooSlow
from pacha.server.policy import ELSEWHERE, RULES, Rule, allows, wanted
from pacha.server.tokens import NOBODY, Caller, Role, Tokens

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

_Value = TypeVar("_Value")
#: So much of a body is written, and of a file sent, at a time.
PIECE_BYTES = 1 << 20
#: A refused body up to this size is read all the same, so that its sender hears why.
DRAINED_BYTES_MAX = 1 << 20
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
#: What a token looks like, whole or in part; one in a URL is refused, and not written down.
_SECRET = re.compile(r"pacha_[0-9a-f]{12}_[A-Za-z0-9_-]*|[?&](?:access_)?token=", re.ASCII)
_ANYTHING = re.compile(r"^(?P<rest>[\s\S]*)$")
#: Twice in a request, these mean that two servers on the way could read it differently.
_ONCE = frozenset({"host", "authorization", "content-length", "content-type", "range", "if-none-match"})


class BadHost(BadRequest):
    """A request is for another host than this server answers for: a page of a stranger may have sent it here."""

    status = 421


class Bug(PachaError):
    """Something failed that should not: the mistake is Pacha's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What an application needs. `is_public`: who has no token may read. `hosts`: names that it answers for.

    `is_debug`: the log has the traceback of what failed by a mistake of Pacha's own; an answer never has it.
    """

    handlers: Handlers
    tokens: Tokens
    limits: Limits
    clock: Clock
    log: AccessLog
    hosts: frozenset[str]
    new_file: Callable[[], NewFile]
    is_public: bool = False
    is_any_address: bool = False
    is_debug: bool = False


def build(setting: Setting) -> "Starlette":
    """The application. Each of its routes is a row of the table, or the one that answers all else."""
    from starlette.applications import Starlette
    from starlette.routing import Route

    front = _Front(setting)
    routes = [Route(rule.path, front.endpoint(rule), methods=[rule.method], name=rule.handler) for rule in RULES]
    routes.append(Route(ELSEWHERE.path, front.endpoint(ELSEWHERE), name=ELSEWHERE.handler))
    # Whatever the method and the path, line ends and the absolute form of a URL included: nothing gets past this row.
    routes[-1].methods, routes[-1].path_regex = None, _ANYTHING
    app = Starlette(routes=routes, debug=False)
    app.router.redirect_slashes = False
    return app


class _Front:
    """What every request passes, whatever its route."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._rate = Rate(setting.limits)
        self._checks = asyncio.Semaphore(setting.limits.checks_at_once)

    def endpoint(self, rule: Rule) -> "Callable[[Request], Awaitable[Response]]":
        """Answers one route."""

        async def answer(request: "Request") -> "Response":
            return await _Exchange(self._setting, self._rate, self._checks, rule, request).run()

        return answer


class _Exchange:
    """One request on its way through."""

    def __init__(self, setting: Setting, rate: Rate, checks: asyncio.Semaphore, rule: Rule, request: "Request") -> None:
        self._setting = setting
        self._rate = rate
        self._checks = checks
        self._rule = rule
        self._request = request
        self._caller = NOBODY
        self._received = 0
        headers = request.headers
        self._is_body_left = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        self._since = time.monotonic()

    async def run(self) -> "Response":
        """Answers, whatever happens, and writes it down."""
        error: PachaError | None = None
        try:
            answer = await self._answered()
        except PachaError as raised:
            error = raised
            answer = self._refused(raised)
            answer = await self._after_drain(answer)
        self._write_down(answer, error)
        return self._response(answer)

    async def _answered(self) -> Answer:
        """Errors: `PachaError` alone."""
        try:
            return await self._answer()
        except PachaError:
            raise
        except Exception as error:
            raise Bug(f"{type(error).__name__}: {error}") from error

    async def _answer(self) -> Answer:
        self._check_headers()
        self._caller = self._authenticate()
        self._rate.take(self._caller.name if self._caller is not NOBODY else self._client())
        if not allows(self._rule, self._caller):
            if self._caller.role is None:
                raise NoToken("this needs a token")
            raise NotAllowed(f"this token may not {wanted(self._rule)}")
        if self._rule.body is None:
            return await self._handled(self._ask(None))
        async with self._checks:
            file = await _in_thread(self._setting.new_file)
            try:
                await self._receive(file, getattr(self._setting.limits, self._rule.body))
                return await self._handled(self._ask(file))
            finally:
                await _in_thread(file.discard)

    async def _handled(self, ask: Ask) -> Answer:
        return await _in_thread(partial(self._setting.handlers.named(self._rule.handler), ask))

    def _ask(self, body: NewFile | None) -> Ask:
        request = self._request
        return Ask(
            method=request.method,
            caller=self._caller,
            names={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            headers={name: value for name, value in request.headers.items()},
            body=body,
        )

    # -- who and whether -------------------------------------------------------------------------------------------

    def _check_headers(self) -> None:
        headers = self._request.headers
        names = [name for name, _ in headers.items()]
        for name in _ONCE:
            if names.count(name) > 1:
                raise BadRequest(f"the header {name} stands there more than once")
        if "transfer-encoding" in headers and "content-length" in headers:
            raise BadRequest("a body cannot have a Content-Length and be chunked")
        raw_path: bytes = self._request.scope.get("raw_path") or b""
        if _SECRET.search(f"{self._request.url.path}?{self._request.url.query}"):
            raise BadRequest(
                "a token stands in the URL",
                hint="send it in the header Authorization, and take this one back: URLs are written into logs",
            )
        if b"%" in raw_path and not raw_path.startswith(b"/api/"):
            raise BadRequest("no key of a remote needs escapes")
        self._check_host(headers.get("host", ""))
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise NotAllowed("a page of another site may not ask this server", hint=NotAllowed.usual_hint)

    def _check_host(self, host: str) -> None:
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        name = name.lower().strip("[]")
        if name in self._setting.hosts or (self._setting.is_any_address and _is_address(name)):
            return
        raise BadHost(
            f"this server does not answer for {name[:100]!r}",
            hint="whoever keeps it allows a name with `pacha serve --allow-host NAME`",
        )

    def _authenticate(self) -> Caller:
        """Who asks. A token that is not good is refused everywhere: its owner should hear of it at once."""
        header = self._request.headers.get("authorization")
        if header is None:
            anyone = Caller(name=self._client(), role=Role.READ)
            return anyone if self._setting.is_public else NOBODY
        scheme, _, text = header.partition(" ")
        now = self._setting.clock.now()
        found = self._setting.tokens.caller(text.strip(), now=now) if scheme.lower() == "bearer" else None
        if found is None:
            self._rate.take(self._client())
            raise NoToken("this token is not known here, was revoked or has expired")
        return found

    def _client(self) -> str:
        client = self._request.client
        return "unknown" if client is None else client.host

    # -- the body --------------------------------------------------------------------------------------------------

    async def _receive(self, file: NewFile, size_max: int) -> None:
        size = self._length(size_max)
        pace = Pace(self._setting.limits)
        left = bytearray()
        async for piece in self._pieces():
            self._received += len(piece)
            if self._received > size:
                raise BadBody("the body is longer than its Content-Length")
            pace.check(self._received)
            left += piece
            if len(left) >= PIECE_BYTES:
                await _in_thread(partial(file.write, bytes(left)))
                left.clear()
        if self._received != size:
            raise BadBody(f"the body ends after {self._received} of {size} bytes")
        if left:
            await _in_thread(partial(file.write, bytes(left)))

    def _length(self, size_max: int) -> int:
        headers = self._request.headers
        text = headers.get("content-length", "")
        if headers.get("content-encoding", "identity") != "identity":
            raise BadBody("a compressed body is not taken")
        if "transfer-encoding" in headers or not (text.isascii() and text.isdigit() and len(text) < 16):
            raise NoLength("the body does not say how long it is")
        if int(text) > size_max:
            raise TooLarge(f"{text} bytes are more than the {size_max} that may be sent there")
        return int(text)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while True:
            try:
                message = await asyncio.wait_for(self._request.receive(), self._setting.limits.stall_seconds)
            except TimeoutError as error:
                raise TooSlow("the body did not go on") from error
            self._is_body_left = message.get("more_body", False)
            if message["type"] != "http.request":
                raise BadBody("the connection was closed within the body")
            if message.get("body"):
                yield message["body"]
            if not message.get("more_body"):
                return

    # -- answering -------------------------------------------------------------------------------------------------

    def _refused(self, error: PachaError) -> Answer:
        status = status_of(error, is_write=self._request.method not in ("GET", "HEAD"))
        is_ours = status >= 500
        document = {
            "code": "ServerFailed" if is_ours else error.code,
            "message": "the server failed; its own log says why" if is_ours else error.message,
            "hint": None if is_ours else error.hint,
        }
        answer = json_answer(document, status=status)
        return replace(answer, headers={**answer.headers, **getattr(error, "headers", {})})

    async def _after_drain(self, answer: Answer) -> Answer:
        """Reads a small body that was refused; the connection of any other is closed."""
        if not self._is_body_left:
            return answer
        try:
            async with asyncio.timeout(self._setting.limits.stall_seconds):
                drained = 0
                async for piece in self._pieces():
                    drained += len(piece)
                    if drained > DRAINED_BYTES_MAX:
                        break
                if not self._is_body_left:
                    return answer
        except (TimeoutError, PachaError):
            pass
        return replace(answer, headers={**answer.headers, "Connection": "close"})

    def _write_down(self, answer: Answer, error: PachaError | None) -> None:
        request = self._request
        self._setting.log.write(
            Access(
                time=self._setting.clock.now(),
                client=self._client(),
                token=self._caller.name if request.headers.get("authorization") else "-",
                method=request.method,
                path=_SECRET.sub("[token]", request.url.path),
                status=answer.status,
                received=self._received,
                sent=len(answer.body) if isinstance(answer.body, bytes) else answer.body.length,
                milliseconds=int((time.monotonic() - self._since) * 1000),
                error=None if error is None else f"{error.code}: {error.message}",
                traceback=self._traceback(error),
            )
        )

    def _traceback(self, error: PachaError | None) -> str | None:
        cause = None if error is None else error.__cause__
        if not isinstance(error, Bug) or cause is None or not self._setting.is_debug:
            return None
        return "".join(traceback.format_exception(cause))

    async def _sent(self, answer: Answer, body: FilePart | Pieces) -> AsyncIterator[bytes]:
        """Sends a body; where that fails the connection breaks off, and the log has a second line that says why."""
        try:
            async for piece in _read(body):
                yield piece
        except PachaError as error:
            self._write_down(answer, error)
            raise
        except Exception as error:
            self._write_down(answer, Bug(f"{type(error).__name__}: {error}"))
            raise

    def _response(self, answer: Answer) -> "Response":
        from starlette.responses import Response, StreamingResponse

        headers = {**_HEADERS, **answer.headers}
        if isinstance(answer.body, bytes):
            return Response(answer.body, status_code=answer.status, headers=headers)
        if self._request.method == "HEAD":
            return Response(b"", status_code=answer.status, headers=headers)
        return StreamingResponse(self._sent(answer, answer.body), status_code=answer.status, headers=headers)


async def _read(body: FilePart | Pieces) -> AsyncIterator[bytes]:
    if isinstance(body, Pieces):
        pieces = iter(body.pieces)
        while (piece := await _in_thread(lambda: next(pieces, None))) is not None:
            yield bytes(piece)
        return
    at, end = body.start, body.start + body.length
    while at < end:
        piece = await _in_thread(partial(read_exactly, body.file.descriptor, min(PIECE_BYTES, end - at), at))
        if not piece:
            return
        yield piece
        at += len(piece)


async def _in_thread(work: Callable[[], _Value]) -> _Value:
    """Runs what may wait for a disk where nobody else waits for it."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(work)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
