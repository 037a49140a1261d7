"""What each route of the remote's protocol does. Plain calls: a request in, an answer out, a `PachaError` for a no."""

import re
from collections.abc import Callable
from itertools import islice

from pacha import __version__
from pacha.base.canonical import encode_compact
from pacha.base.errors import PachaError
from pacha.base.files import NewFile, NoSuchFile, NotRegular
from pacha.base.ids import ObjectId
from pacha.remotes.keys import CHECKPOINTS, DELTAS, FORMAT, INDEXES, LOG, PACKS, PROBE, is_key
from pacha.server.asking import Answer, Ask, FilePart, NoRange, NothingThere, Refusal, Unacceptable
from pacha.server.depot import Depot
from pacha.server.policy import RULES
from pacha.server.tokens import Role
from pacha.server.v1 import Shelf

#: The version of the protocol below `/r/`.
PROTOCOL = 1
#: Keys in one answer to a listing; the next page begins after the last.
PAGE_KEYS_MAX = 1000
#: Values that are named by their content never change; a proxy may keep them for who may read them.
_FOREVER = "private, max-age=31536000, immutable"
_FOLDERS = (LOG, CHECKPOINTS, DELTAS, PACKS, INDEXES, PROBE)
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_FRONT = """\
This is a server of Pacha {version}: a registry of machine-learning artifacts.

  pacha clone pacha+https://HOST/
  GET /capabilities     what it can do, and what your token allows
  GET /r/KEY            the remote, as files
  GET /api/v1/models    the models, as JSON
"""


class BadRequest(Refusal):
    """A request is not one that this server understands."""


class Handlers:
    """The routes of the table in `policy`, by name."""

    def __init__(self, depot: Depot, shelf: Shelf) -> None:
        self._depot = depot
        self._shelf = shelf

    def named(self, name: str) -> Callable[[Ask], Answer]:
        """What answers a route."""
        found: Callable[[Ask], Answer] = getattr(self._shelf if name.startswith("v1_") else self, name)
        return found

    # -- about the server ------------------------------------------------------------------------------------------

    def front(self, ask: Ask) -> Answer:
        """A page for people."""
        del ask
        return Answer(
            headers={"Content-Type": "text/plain; charset=utf-8"}, body=_FRONT.format(version=__version__).encode()
        )

    def capabilities(self, ask: Ask) -> Answer:
        """What the server can do, and what the caller may."""
        role = ask.caller.role
        limits = self._depot.limits
        return json_answer(
            {
                "pacha": __version__,
                "protocol": PROTOCOL,
                "may": None if role is None else role.name.lower(),
                "refs": list(ask.caller.refs) if ask.caller.may(Role.PUSH) else [],
                "routes": [f"{rule.method} {rule.path}" for rule in RULES],
                "writes_down": True,
                "limits": {
                    "pack_bytes": limits.pack_bytes,
                    "index_bytes": limits.index_bytes,
                    "entry_bytes": limits.entry_bytes,
                    "page_keys": PAGE_KEYS_MAX,
                    "requests_per_second": int(limits.requests_per_second),
                },
            }
        )

    def nothing_there(self, ask: Ask) -> Answer:
        """Every other path."""
        del ask
        raise NothingThere("there is nothing of that name", hint="GET /capabilities lists what there is")

    # -- reading ---------------------------------------------------------------------------------------------------

    def list_keys(self, ask: Ask) -> Answer:
        """Keys with sizes and times, one a line; the last line says whether there are more."""
        prefix, name = f"{ask.names['folder']}/", ask.names.get("after", "")
        if prefix not in _FOLDERS:
            raise NothingThere(f"there are {', '.join(_FOLDERS)}")
        after = _key(f"{prefix}{name}") if name else ""
        found = list(islice(self._depot.list(prefix, after=after), PAGE_KEYS_MAX + 1))
        lines = [f"{stored.key} {stored.size} {stored.modified:.6f}" for stored in found[:PAGE_KEYS_MAX]]
        lines.append("more" if len(found) > PAGE_KEYS_MAX else "end")
        return Answer(
            headers={"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"},
            body="".join(f"{line}\n" for line in lines).encode("ascii"),
        )

    def get_value(self, ask: Ask) -> Answer:
        """A value, or a range of it."""
        key = _key(ask.names["key"])
        if key != FORMAT and not key.startswith(_FOLDERS):
            raise NothingThere(f"there is no {key}", key=key)
        try:
            file = self._depot.open(key)
        except (NoSuchFile, NotRegular) as error:
            raise NothingThere(f"there is no {key}", key=key) from error
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "attachment",
            "Accept-Ranges": "bytes",
            "Cache-Control": _FOREVER if key.startswith((PACKS, INDEXES)) else "no-store",
        }
        return ranged(file, headers, ask.headers.get("range"))

    # -- writing ---------------------------------------------------------------------------------------------------

    def put_format(self, ask: Ask) -> Answer:
        """Says which repository this is, once."""
        return _written(self._depot.put_format(_body(ask)))

    def put_entry(self, ask: Ask) -> Answer:
        """Takes a log entry."""
        number = self._depot.number(ask.names["name"])
        is_new = self._depot.put_entry(number, _body(ask), ask.caller)
        if is_new:
            self._depot.write_down(number)
        return _written(is_new)

    def put_pack(self, ask: Ask) -> Answer:
        """Takes a pack."""
        self._depot.put_pack(_id(ask, ".pack"), _body(ask))
        return _written(True)

    def put_index(self, ask: Ask) -> Answer:
        """Takes an index."""
        self._depot.put_index(_id(ask, ".idx"), _body(ask))
        return _written(True)

    def put_probe(self, ask: Ask) -> Answer:
        """Takes a value of chance, by which a client tries what this place can do."""
        return _written(self._depot.put_probe(_key(f"{PROBE}{ask.names['name']}"), _body(ask)))

    def delete_probe(self, ask: Ask) -> Answer:
        """Removes such a value."""
        self._depot.delete(_key(f"{PROBE}{ask.names['name']}"))
        return Answer(status=204)

    def delete_pack(self, ask: Ask) -> Answer:
        """Removes a pack that the log does not name."""
        id = _id(ask, ".pack")
        self._depot.delete(f"{PACKS}{id}.pack", id=id)
        return Answer(status=204)

    def delete_index(self, ask: Ask) -> Answer:
        """Removes an index that the log does not name."""
        id = _id(ask, ".idx")
        self._depot.delete(f"{INDEXES}{id}.idx", id=id)
        return Answer(status=204)

    def delete_checkpoint(self, ask: Ask) -> Answer:
        """Removes a checkpoint: readers go by the one before."""
        return self._delete_derived(CHECKPOINTS, ask)

    def delete_delta(self, ask: Ask) -> Answer:
        """Removes a delta."""
        return self._delete_derived(DELTAS, ask)

    def _delete_derived(self, folder: str, ask: Ask) -> Answer:
        self._depot.number(ask.names["name"])
        self._depot.delete(_key(f"{folder}{ask.names['name']}"))
        return Answer(status=204)


def ranged(file: FilePart, headers: dict[str, str], wanted: str | None) -> Answer:
    """A file, or the one range of it that is wanted. Errors: `NoRange`."""
    size = file.length
    match = _RANGE.fullmatch(wanted or "")
    if match is None or match.group(0) == "bytes=-":
        # What is not one plain range may be answered with the whole. Source: RFC 9110, section 14.2.
        return Answer(headers={**headers, "Content-Length": str(size)}, body=file)
    first, last = match.groups()
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        error = NoRange(f"the value has {size} bytes, and none in the range asked for")
        error.headers = {"Content-Range": f"bytes */{size}"}
        raise error
    return Answer(
        status=206,
        headers={**headers, "Content-Length": str(end - start), "Content-Range": f"bytes {start}-{end - 1}/{size}"},
        body=FilePart(file=file.file, start=start, length=end - start),
    )


def json_answer(value: object, *, status: int = 200) -> Answer:
    """A document, never kept by anybody on the way."""
    return Answer(
        status=status,
        headers={"Content-Type": "application/json", "Cache-Control": "no-store"},
        body=encode_compact(value) + b"\n",
    )


def _written(is_new: bool) -> Answer:
    return json_answer({"is_new": is_new}, status=201 if is_new else 200)


def _key(text: str) -> str:
    """A key, as far as there can be one. Errors: `NothingThere`; no path is ever made of anything else."""
    if not is_key(text):
        raise NothingThere("there is nothing of that name")
    return text


def _body(ask: Ask) -> NewFile:
    assert ask.body is not None, "the table says that this route has a body"
    return ask.body


def _id(ask: Ask, suffix: str) -> ObjectId:
    name = ask.names["name"]
    try:
        return ObjectId.parse(name.removesuffix(suffix) if name.endswith(suffix) else "")
    except PachaError as error:
        raise Unacceptable(f"not the name of a {suffix}: {name[:80]!r}") from error
