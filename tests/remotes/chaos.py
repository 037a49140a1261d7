"""A proxy on loopback that does one kind of harm, at one offset of the first connections, to what one side sends."""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

#: pass: nothing. reset: the connection is reset; truncate: it ends; flip: one bit is another; delay: it pauses;
#: stall: nothing more comes, and the connection stays.
MODES = ("pass", "reset", "truncate", "flip", "delay", "stall")
DELAY_SECONDS = 0.1
_PIECE_BYTES = 1 << 16
#: What a client writes begins with a request, or goes on after a head without a body.
_REQUEST = re.compile(rb"(?:^|\r\n\r\n)([A-Z]+) (\S+) HTTP/1\.1\r\n")


class Proxy:
    """Forwards connections to a server. `is_up`: what clients send is harmed, and not what the server answers.

    `harmed` counts the connections to which it did its harm, `longest` the bytes of the longest of that side, and
    `requests` are the methods and targets of what was asked.
    """

    def __init__(self, url: str, mode: str, offset: int, *, times: int, is_up: bool = False) -> None:
        assert mode in MODES
        self._is_up = is_up
        self.longest = 0
        self.requests: list[tuple[str, str]] = []
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._mode, self._offset, self._times = mode, offset, times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.harmed = 0
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Ends all connections."""
        self._ended.set()
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
            except OSError:
                return
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # What comes in two pieces must not wait.
            self._open += [client, server]
            up = threading.Thread(target=_quietly, args=(self._up, client, server), daemon=True)
            up.start()
            threading.Thread(target=_quietly, args=(self._down, client, server, up), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        try:
            self._forward(client, server, is_up=True)
        except OSError:
            # The server hears of it, and the client when that lets go of it.
            _end(client, server)
            raise
        server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket, up: threading.Thread) -> None:
        try:
            self._forward(server, client, is_up=False)
        finally:
            _end(client, server)
            up.join()
            client.close()
            server.close()

    def _forward(self, source: socket.socket, target: socket.socket, *, is_up: bool) -> None:
        sent = 0
        is_harmed = is_up is self._is_up
        while piece := source.recv(_PIECE_BYTES):
            at = self._offset - sent
            sent += len(piece)
            if is_up:
                self.requests.extend((method.decode(), path.decode()) for method, path in _REQUEST.findall(piece))
            if is_harmed:
                self.longest = max(self.longest, sent)
            if is_harmed and 0 <= at < len(piece) and self._mode != "pass" and self._may_harm():
                piece = self._harm(target, piece, at)
            target.sendall(piece)

    def _may_harm(self) -> bool:
        with self._lock:
            self.harmed += 1
            return self.harmed <= self._times

    def _harm(self, target: socket.socket, piece: bytes, at: int) -> bytes:
        """Returns what is sent on. Errors: `OSError` where the connection is to end here."""
        if self._mode == "flip":
            return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
        target.sendall(piece[:at])
        if self._mode == "delay":
            self._ended.wait(DELAY_SECONDS)
            return piece[at:]
        if self._mode == "stall":
            self._ended.wait()
        if self._mode == "reset":
            target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise OSError(self._mode)


def _end(*connections: socket.socket) -> None:
    """Ends connections: a socket that another thread waits on is not closed until that one wakes."""
    for each in connections:
        with contextlib.suppress(OSError):
            is_reset = each.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER)
            each.shutdown(socket.SHUT_RD if is_reset else socket.SHUT_RDWR)


def _quietly(forward: Callable[..., None], *arguments: object) -> None:
    with contextlib.suppress(OSError):
        forward(*arguments)


@contextlib.contextmanager
def chaos(url: str, mode: str, offset: int, *, times: int = 1, is_up: bool = False) -> Iterator[Proxy]:
    """Runs the proxy before a server until the end of the block."""
    proxy = Proxy(url, mode, offset, times=times, is_up=is_up)
    try:
        yield proxy
    finally:
        proxy.close()
