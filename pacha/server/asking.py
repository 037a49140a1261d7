"""A request and its answer as plain values, and the refusals. Nothing here knows HTTP's wire or any framework."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pacha.base.errors import PachaError, RemoteFailed
from pacha.base.files import NewFile
from pacha.server.tokens import Caller


class Refusal(RemoteFailed):
    """A request is answered with no. `status` is HTTP's number for why, `headers` go along with it."""

    status = 400
    headers: Mapping[str, str] = {}


class NoToken(Refusal):
    """A request came without a token that is known, or with one that is no longer good."""

    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": 'Bearer realm="pacha"'}
    usual_hint = "set PACHA_TOKEN=HOST=TOKEN; whoever keeps the server makes one with `pacha serve token create`"


class NotAllowed(Refusal):
    """A token is good, and does not allow this."""

    status = 403
    usual_hint = "ask whoever keeps the server for a token that may do this"


class NothingThere(Refusal):
    """There is nothing of that name."""

    status = 404


class Stale(Refusal):
    """The remote moved on since the sender read it."""

    status = 409
    usual_hint = "read the log again and push again; nothing was changed"


class ExistsAlready(Refusal):
    """A key that is written once holds something else."""

    status = 412


class Unacceptable(Refusal):
    """What was sent was read whole, and is not what it must be."""

    status = 422


class NoRange(Refusal):
    """A range lies outside of the value."""

    status = 416


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request. `names` are the parts of its path by the name that the route gives them; `body` was received whole."""

    method: str
    caller: Caller
    names: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: NewFile | None = None


class OpenFile:
    """An open file. Whoever lets go of it last closes it, also when nobody came to read it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """Bytes of an open file that are to be sent. Units: bytes."""

    file: OpenFile
    start: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Bytes that are made while they are sent. Units: `length` in bytes."""

    pieces: Iterable[bytes | memoryview]
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back. A HEAD gets the same, without the body."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FilePart | Pieces = b""


def status_of(error: PachaError, *, is_write: bool) -> int:
    """HTTP's number for an error.

    >>> status_of(NoToken("who?"), is_write=False)
    401
    """
    if isinstance(error, Refusal):
        return error.status
    by_exit_code = {2: 400, 3: 404, 4: 409, 5: 422 if is_write else 500, 9: 422, 10: 507 if is_write else 500}
    return by_exit_code.get(error.exit_code, 500)
