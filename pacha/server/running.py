"""Runs a server: where it may listen, and its patience with those who connect. The only door to uvicorn.

Beyond this machine it listens only with TLS and with tokens; whoever wants it otherwise says so with a flag.
"""

import contextlib
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pacha.base.errors import MachineFailed, Unsupported, Usage
from pacha.server.limits import Limits

BACKLOG = 128
#: Requests that were accepted and wait; beyond it, a connection is closed at once.
_REFUSED_FACTOR = 2


class NotBound(MachineFailed):
    """An address cannot be listened at."""


class Exposed(Usage):
    """A server would be open to others than it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Where to listen, and what protects it. `certificate` and `key` are paths of PEM files."""

    host: str = "127.0.0.1"
    port: int = 8750
    certificate: str | None = None
    key: str | None = None
    is_public: bool = False
    is_insecure: bool = False

    @property
    def has_tls(self) -> bool:
        """Tells whether what goes over the line is encrypted."""
        return self.certificate is not None

    @property
    def is_local(self) -> bool:
        """Tells whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def check_binding(binding: Binding, *, has_tokens: bool) -> None:
    """Refuses what would let strangers in, or nobody. Errors: `Exposed`."""
    if not has_tokens and not binding.is_public:
        raise Exposed(
            "nobody could use this server: it has no tokens",
            hint="`pacha serve token create FOLDER --role push` makes one; --public lets everybody read",
        )
    if (binding.certificate is None) != (binding.key is None):
        raise Exposed("a certificate and its key go together", hint="give --tls-cert and --tls-key")
    if binding.is_local or binding.is_insecure:
        return
    if not binding.has_tls:
        raise Exposed(
            f"beyond this machine, tokens and data would travel unencrypted to {binding.host}",
            hint="give --tls-cert and --tls-key, or stay on 127.0.0.1 behind a proxy that has TLS; --insecure-bind "
            "lets everybody on the way read and use the tokens",
        )
    if binding.is_public or not has_tokens:
        raise Exposed(
            f"everybody who reaches {binding.host} could read everything",
            hint="leave --public out and make tokens, or say --insecure-bind if that is meant",
        )


def hosts_of(binding: Binding, allowed: tuple[str, ...]) -> frozenset[str]:
    """The host names that a server answers for."""
    names = {"localhost", "127.0.0.1", "::1", *(name.lower().strip("[]") for name in allowed)}
    if binding.host not in ("0.0.0.0", "::"):
        names.add(binding.host.lower())
    return frozenset(names)


def listen(binding: Binding) -> socket.socket:
    """Begins to listen. Errors: `NotBound`."""
    try:
        family = socket.AF_INET6 if ":" in binding.host else socket.AF_INET
        return socket.create_server((binding.host, binding.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise NotBound(
            f"cannot listen at {binding.host}:{binding.port}: {error.strerror}",
            hint="another server may be there; --port 0 takes any that is free",
        ) from error


def run(app: Any, listener: socket.socket, binding: Binding, limits: Limits, *, started: Callable[[], None]) -> None:
    """Serves until it is told to stop, then lets what runs finish. Errors: `Unsupported`, `Exposed`."""
    try:
        import uvicorn
    except ImportError as error:
        raise no_server() from error
    try:
        config = uvicorn.Config(
            app,
            http=_guarded(limits),
            ws="none",
            lifespan="off",
            log_config=None,
            # What it would say stands in the access log; and with it a traceback, on a terminal.
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ssl_certfile=binding.certificate,
            ssl_keyfile=binding.key,
            limit_concurrency=limits.connections,
            timeout_keep_alive=int(limits.head_seconds),
            timeout_graceful_shutdown=int(limits.stop_seconds),
            h11_max_incomplete_event_size=limits.header_bytes,
        )
        config.load()
    except OSError as error:
        raise Exposed(
            f"the certificate or its key cannot be used: {error.strerror or type(error).__name__}",
            hint="both are PEM files; the certificate's comes with those above it",
        ) from error
    server = _Stopping(uvicorn.Server(config))
    server.run(listener, started)


def no_server() -> Unsupported:
    """What to do where the packages that serving needs are not installed."""
    return Unsupported("serving needs starlette and uvicorn", hint="pip install 'pacha-registry[server]'")


class _Stopping:
    """A server that stops at SIGTERM and SIGINT, and then returns: uvicorn itself would raise the signal again."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._server.capture_signals = self._signals

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        former = {each: signal.signal(each, self._server.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in former.items():
                signal.signal(each, handler)

    def run(self, listener: socket.socket, started: Callable[[], None]) -> None:
        with listener:
            started()
            self._server.run(sockets=[listener])


def _guarded(limits: Limits) -> Any:
    """uvicorn's own protocol, with an end to its patience: with heads that do not come and readers that do not read."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Guarded(H11Protocol):
        """One connection. A timer runs while a head is awaited, and while the other side does not take what it asked for."""

        _timer: Any = None
        _reader: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(self.connections) > limits.connections * _REFUSED_FACTOR:
                transport.abort()
            else:
                self._await_head()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._is_between():
                self._await_head()
            else:
                self._stop("_timer")

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop("_timer")
            self._stop("_reader")
            super().connection_lost(exc)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._stop("_reader")
            self._reader = self.loop.call_later(limits.stall_seconds, self.transport.abort)

        def resume_writing(self) -> None:
            self._stop("_reader")
            super().resume_writing()

        def _is_between(self) -> bool:
            return self.cycle is None or self.cycle.response_complete

        def _await_head(self) -> None:
            """The first byte starts the clock, and no later one turns it back."""
            if self._timer is None:
                self._timer = self.loop.call_later(limits.head_seconds, self._is_late)

        def _is_late(self) -> None:
            self._timer = None
            if self._is_between() and not self.transport.is_closing():
                self.transport.abort()

        def _stop(self, name: str) -> None:
            timer = getattr(self, name)
            if timer is not None:
                timer.cancel()
                setattr(self, name, None)

    return Guarded
