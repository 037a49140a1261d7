"""A head of an HTTP answer that is cut off is no head. Python's own reader takes the end of a connection for that of
the head, and so a `Content-Length` that lost its last digits for a length.
"""

import io
from http.client import HTTPResponse, RemoteDisconnected
from typing import Any


class _Lines:
    """A file in which there is a line wherever one is read."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file

    def readline(self, limit: int = -1) -> bytes:
        """The next line. Errors: `RemoteDisconnected` where it does not end."""
        line = self._file.readline(limit)
        if not line.endswith(b"\n") and len(line) != limit:
            raise RemoteDisconnected("the connection ended within a line")
        return line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class WholeHead(HTTPResponse):
    """An answer whose head has come to its end."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fp: Any = _Lines(self.fp)
