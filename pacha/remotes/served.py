"""A remote that `pacha serve` hands out: `pacha+https://host:port/`. Read and written, with a token where one is wanted.

The server looks at everything before it lets others see it, so a push may be refused for what it says, and it writes
down checkpoints itself. The token is sent to this host alone: no redirect is followed.
"""

import json
from collections.abc import Iterator
from typing import NoReturn

from pacha.base.errors import PachaError
from pacha.remotes.http import Answer, Client
from pacha.remotes.keys import CHECKPOINTS, DELTAS, BadKey, check_key
from pacha.remotes.options import BadUrl, Options, split_url
from pacha.remotes.remote import AccessDenied, BadAnswer, RemoteRefused, Source, Stored

SCHEMES = ("pacha+http", "pacha+https")
_PREFIX = "pacha+"
#: A page of a listing: a thousand keys, and what is said of each.
PAGE_BYTES_MAX = 1 << 20
_CAPABILITIES_BYTES_MAX = 64 << 10
_ANSWERED = (200, 201)
#: Somebody was first, or the remote moved on: the caller reads again.
_LOST = frozenset({409, 412})
#: Refusals that come with a reason and that no second try changes.
_REFUSED = (400, 401, 403, 405, 411, 413, 421, 422, 507)


class ServedRemote:
    """Values lie below `/r/` of a server."""

    can_write = True
    can_list = True

    def __init__(self, url: str, options: Options) -> None:
        plain = url[len(_PREFIX) :].rstrip("/")
        if not split_url(plain).hostname:
            raise BadUrl(f"names no host: {url[:80]!r}", hint="write for instance pacha+https://registry.example.com/")
        self.url = f"{_PREFIX}{plain}/"
        self._server = Client(plain, options)
        self._values = Client(f"{plain}/r", options)

    def get(self, key: str, *, size_max: int) -> bytes:
        """Reads a value. Errors: `NoSuchKey`, `BadAnswer`."""
        return self._values.get(check_key(key), size_max=size_max)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """Reads a part of a value. Errors: `NoSuchKey`, `BadAnswer`."""
        return self._values.get_range(check_key(key), start, length)

    def size(self, key: str) -> int | None:
        """A value's size."""
        return self._values.size(check_key(key))

    def create(self, key: str, data: bytes) -> bool:
        """Writes a value unless the key exists. Checkpoints and deltas are the server's own to write.

        Errors: `RemoteRefused` with the server's reason, `AccessDenied`.
        """
        if check_key(key).startswith((CHECKPOINTS, DELTAS)):
            return False
        answer = self._put(key, data, {"If-None-Match": "*"}, expected=(*_ANSWERED, *_LOST))
        return answer.status in _ANSWERED

    def put(self, key: str, source: Source) -> None:
        """Writes a value that is named by its content. Errors: `RemoteRefused`, `AccessDenied`."""
        self._put(check_key(key), source, {}, expected=_ANSWERED)

    def _put(self, key: str, body: bytes | Source, headers: dict[str, str], *, expected: tuple[int, ...]) -> Answer:
        answer = self._values.request("PUT", key, headers=headers, body=body, expected=(*expected, *_REFUSED))
        if answer.status not in expected:
            self._refuse(key, answer)
        return answer

    def list(self, prefix: str, *, after: str = "") -> Iterator[Stored]:
        """The values under a first component, page by page."""
        folder = prefix.rstrip("/")
        while True:
            last = after.rpartition("/")[2]
            page = f"list/{check_key(folder)}/{last}" if last else f"list/{check_key(folder)}/"
            lines = self._server.get(page, size_max=PAGE_BYTES_MAX).decode("ascii", "replace").split("\n")
            if len(lines) < 2 or lines[-1] or lines[-2] not in ("more", "end"):
                raise BadAnswer(f"{self.url}: the list of {prefix} is cut short")
            for line in lines[:-2]:
                stored = self._stored(line)
                if not stored.key.startswith(prefix) or stored.key <= after:
                    raise BadAnswer(f"{self.url}: lists {stored.key} where it does not belong")
                after = stored.key
                yield stored
            if lines[-2] == "end" or len(lines) == 2:
                return

    def _stored(self, line: str) -> Stored:
        try:
            key, size, modified = line.split(" ")
            return Stored(key=check_key(key), size=int(size), modified=float(modified))
        except (ValueError, BadKey) as error:
            raise BadAnswer(f"{self.url}: lists what is no key: {line[:80]!r}") from error

    def delete(self, key: str) -> None:
        """Removes a value that the log does not name; needs a token that may keep the server in order."""
        answer = self._values.request("DELETE", check_key(key), expected=(204, *_REFUSED, *_LOST))
        if answer.status != 204:
            self._refuse(key, answer)

    def close(self) -> None:
        """Lets go of connections."""
        self._server.close()
        self._values.close()

    def capabilities(self) -> dict[str, object]:
        """What the server says that it can, and what the token allows. Errors: `BadAnswer`, those of `Remote`."""
        data = self._server.get("capabilities", size_max=_CAPABILITIES_BYTES_MAX)
        value = _document(data)
        if value.get("protocol") != 1:
            raise BadAnswer(f"{self.url}: is no server of Pacha, or speaks a newer protocol")
        return value

    def _refuse(self, key: str, answer: Answer) -> NoReturn:
        """Tells a refusal in the server's words, as far as they are plain. Errors: always."""
        said = _document(answer.body)
        message, hint = _plain(said.get("message")), _plain(said.get("hint"))
        text = f"{self.url}: refuses {key} (HTTP {answer.status}){f': {message}' if message else ''}"
        kind: type[PachaError] = AccessDenied if answer.status in (401, 403) else RemoteRefused
        raise kind(text, hint=hint or None, status=answer.status, reason=_plain(said.get("code")))


def _document(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _plain(value: object) -> str:
    """What may be shown of a stranger's words."""
    return "".join(character for character in value if character.isprintable())[:300] if isinstance(value, str) else ""


def open_remote(url: str, options: Options) -> ServedRemote:
    """Opens a `pacha+http://` or `pacha+https://` URL. Errors: `BadUrl`."""
    scheme, _, rest = url.partition("://")
    return ServedRemote(f"{scheme.lower()}://{rest}", options)
