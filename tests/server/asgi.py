"""Asks an application without a network: one request in, what it sends out."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What an application sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Asked:
    """An application that is asked by one client."""

    app: Any
    token: str | None = None
    host: str = "localhost:8750"
    address: str = "127.0.0.1"

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        stalls: bool = False,
    ) -> Answer:
        """Sends a request. `token` "" is the client's own, None is none. `stalls`: the body never ends."""
        token = self.token if token == "" else token
        sent = [("host", self.host), *(headers.items() if isinstance(headers, Mapping) else headers)]
        if token is not None:
            sent.append(("authorization", f"Bearer {token}"))
        if isinstance(body, bytes):
            sent.append(("content-length", str(len(body))))
        pieces = [body] if isinstance(body, bytes) else list(body or ())
        return asyncio.run(self._ask(method, path, sent, pieces, stalls))

    async def _ask(
        self, method: str, path: str, headers: list[tuple[str, str]], pieces: list[bytes], stalls: bool
    ) -> Answer:
        raw, _, query = path.partition("?")
        from urllib.parse import unquote

        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
            "path": unquote(raw), "raw_path": raw.encode("latin-1"), "query_string": query.encode(), "root_path": "",
            "scheme": "http", "server": ("localhost", 8750), "client": (self.address, 50000), "state": {},
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        }  # fmt: skip
        left = list(pieces)
        sent: list[dict[str, Any]] = []
        done = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if left:
                return {"type": "http.request", "body": left.pop(0), "more_body": bool(left) or stalls}
            if stalls:
                await asyncio.Event().wait()
            if not pieces and not getattr(receive, "is_over", False):
                receive.is_over = True  # type: ignore[attr-defined]
                return {"type": "http.request", "body": b"", "more_body": False}
            await done.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                done.set()

        await self.app(scope, receive, send)
        start = sent[0]
        return Answer(
            start["status"],
            {name.decode(): value.decode("latin-1") for name, value in start["headers"]},
            b"".join(message.get("body", b"") for message in sent[1:]),
        )
