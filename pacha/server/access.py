"""The access log: one JSON object a line for each request. Never a token, a header or a body."""

import json
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TextIO

#: A longer path is not one of Pacha's.
PATH_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One request. `token` is the id of a token, never its secret. Units: bytes, milliseconds."""

    time: str
    client: str
    token: str
    method: str
    path: str
    status: int
    received: int
    sent: int
    milliseconds: int
    error: str | None = None
    traceback: str | None = None


class AccessLog:
    """Writes lines to a stream or appends them to a file. Any thread may call."""

    def __init__(self, path: str | None = None, *, stream: TextIO | None = None) -> None:
        self._lock = threading.Lock()
        self._stream = stream or (sys.stderr if path is None else open(path, "a", encoding="ascii", buffering=1))

    def write(self, access: Access) -> None:
        """Writes one line. JSON escapes what could steer a terminal or begin a line of its own."""
        plain = {name: value for name, value in asdict(access).items() if value is not None}
        plain["path"] = access.path[:PATH_CHARACTERS_MAX]
        plain["method"] = access.method[:PATH_CHARACTERS_MAX]
        with self._lock:
            self._stream.write(json.dumps(plain, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n")
            self._stream.flush()
