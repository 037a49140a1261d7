"""The transaction log of a remote: its entries as values, and their bytes.

An entry says which refs one push moved and which packs it brought. Its file also repeats the entries before it, back
to the last delta, so that a reader who was away gets them with one request. `prev` chains the entries: one that was
taken back, or put in another's place, shows.

Shape of the file: one canonical document a line, the newest entry first, then a line with the BLAKE3 of all before it:
a bit that flips on its way is found before anything is believed. Source: docs/format.md, "Remotes".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pacha.base.canonical import NotCanonical, decode_compact, encode_compact
from pacha.base.errors import Corrupt, PachaError
from pacha.base.ids import DIGEST_BYTES, ObjectId, hash_bytes
from pacha.objects.types import Link, Storage
from pacha.refs.names import RefName
from pacha.remotes.keys import NUMBER_MAX

#: What an entry's file repeats of those before it; more would be sent again with each push.
RECENT_BYTES_MAX = 256 << 10
#: The most that one push may move: the file of an entry is held in memory.
ENTRY_BYTES_MAX = 64 << 20
#: The bytes of a tag or a stage move ride along up to this size: to say which versions there are and what is in
#: production, all of them are needed.
BODY_BYTES_MAX = 4096
_NONCE_BYTES = 16
_WRITER_CHARACTERS_MAX = 200


class BadEntry(Corrupt):
    """A document of a remote's log is not what it must be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One ref that a push moved. `old` None: it was created; `new` None: it was removed.

    `body` is the document itself of a version or a stage move, where it is small.
    """

    ref: RefName
    old: Link | None = None
    new: Link | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemotePack:
    """A pack that lies on a remote. Units: `size` in bytes."""

    id: ObjectId
    size: int
    storage: Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteIndex:
    """A file that says where the records of some packs lie. Units: `size` in bytes."""

    id: ObjectId
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One push. `prev` is the id of the entry before, `time` RFC 3339."""

    number: int
    prev: ObjectId | None
    updates: tuple[Update, ...] = ()
    packs_added: tuple[RemotePack, ...] = ()
    packs_removed: tuple[ObjectId, ...] = ()
    indexes_added: tuple[RemoteIndex, ...] = ()
    indexes_removed: tuple[ObjectId, ...] = ()
    writer: str
    nonce: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chained:
    """An entry with the bytes of its line, by which the next one names it."""

    entry: LogEntry
    line: bytes

    @property
    def id(self) -> ObjectId:
        """The BLAKE3 of the line."""
        return hash_bytes(self.line)


def chained(entry: LogEntry) -> Chained:
    """An entry that was just made. Errors: `BadEntry` for one that no reader would take: a log with it were dead."""
    line = encode_compact(_plain(entry))
    if len(line) > ENTRY_BYTES_MAX - RECENT_BYTES_MAX:
        raise BadEntry(
            f"a push of {len(entry.updates)} refs is too large for one entry of the log",
            hint="push with --only, one artifact after the other",
        )
    if decode_entry(line, where="the new log entry") != entry:
        raise BadEntry("the new log entry would be read otherwise than it was written")
    return Chained(entry=entry, line=line)


def writer_text(author: str) -> str:
    """An author as an entry may name one: printable, and of bounded length."""
    return "".join(each if each.isprintable() else " " for each in author)[:_WRITER_CHARACTERS_MAX]


def encode_file(newest: Chained, recent: Sequence[Chained]) -> bytes:
    """The bytes of an entry's file. `recent` are those before it, the newest first, as far as they fit."""
    lines = [newest.line]
    left = RECENT_BYTES_MAX
    for each in recent:
        left -= len(each.line)
        if left < 0:
            break
        lines.append(each.line)
    return seal(b"".join(line + b"\n" for line in lines))


def decode_file(data: bytes, *, number: int, where: str) -> tuple[Chained, ...]:
    """Reads the file of an entry: that entry, then those before it that it repeats. Errors: `BadEntry`."""
    with_place = f"{where}: log entry {number}"
    lines = unseal(data, where=with_place).split(b"\n")[:-1]
    found: list[Chained] = []
    for line in lines:
        entry = decode_entry(line, where=with_place)
        expected = number if not found else found[-1].entry.number - 1
        if entry.number != expected or (found and found[-1].entry.prev != hash_bytes(line)):
            raise BadEntry(f"{with_place}: its lines do not follow from each other", number=number)
        found.append(Chained(entry=entry, line=line))
    if not found:
        raise BadEntry(f"{with_place}: is empty", number=number)
    return tuple(found)


def seal(text: bytes) -> bytes:
    """A document of a remote: its lines, and one with the BLAKE3 of them all."""
    return text + f"{hash_bytes(text)}\n".encode("ascii")


def unseal(data: bytes, *, where: str) -> bytes:
    """The lines of a sealed document. Errors: `BadEntry` if a bit of it is another."""
    at = len(data) - 2 * DIGEST_BYTES - 1
    if at < 1 or data[at - 1 : at] != b"\n" or data[at:] != f"{hash_bytes(data[:at])}\n".encode("ascii"):
        raise BadEntry(f"{where}: is damaged: its last line is not the BLAKE3 of those before it")
    return data[:at]


def decode_entry(line: bytes, *, where: str) -> LogEntry:
    """Reads one entry. Errors: `BadEntry`."""
    fields = Fields(line, where=where)
    number = fields.number("number")
    prev = fields.id_or_none("prev")
    if not 1 <= number <= NUMBER_MAX or (prev is None) != (number == 1):
        raise BadEntry(f"{where}: an entry has a number from 1 on, and all but the first name the one before")
    return LogEntry(
        number=number,
        prev=prev,
        updates=tuple(_update(item, where) for item in fields.objects("updates")),
        packs_added=tuple(pack_of(item, where) for item in fields.objects("packs_added")),
        packs_removed=tuple(_id(item, where) for item in fields.items("packs_removed")),
        indexes_added=tuple(index_of(item, where) for item in fields.objects("indexes_added")),
        indexes_removed=tuple(_id(item, where) for item in fields.items("indexes_removed")),
        writer=fields.text("writer", size_max=_WRITER_CHARACTERS_MAX),
        nonce=fields.text("nonce", size_max=2 * _NONCE_BYTES),
        time=fields.text("time", size_max=40),
    )


class Fields:
    """The members of a document that came from a remote, each looked at before it is used. Errors: `BadEntry`."""

    def __init__(self, data: bytes | Mapping[str, object], *, where: str) -> None:
        self._where = where
        if isinstance(data, bytes):
            try:
                value = decode_compact(data)
            except NotCanonical as error:
                raise BadEntry(f"{where}: {error.message}") from error
        else:
            value = data
        if not isinstance(value, dict):
            raise BadEntry(f"{where}: not a document")
        self._value: Mapping[str, object] = value

    def _fail(self, name: str, wanted: str) -> BadEntry:
        return BadEntry(f"{self._where}: `{name}` is not {wanted}")

    def number(self, name: str) -> int:
        """A whole number from 0 on."""
        value = self._value.get(name)
        if type(value) is not int or value < 0:
            raise self._fail(name, "a number")
        return value

    def text(self, name: str, *, size_max: int) -> str:
        """A text of printable characters."""
        value = self._value.get(name)
        if not isinstance(value, str) or len(value) > size_max or not value.isprintable():
            raise self._fail(name, f"a text of at most {size_max} printable characters")
        return value

    def text_or_none(self, name: str, *, size_max: int) -> str | None:
        """A text that may hold line ends, or nothing."""
        value = self._value.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > size_max):
            raise self._fail(name, f"a text of at most {size_max} characters")
        return value

    def items(self, name: str) -> list[object]:
        """A list of anything."""
        value = self._value.get(name)
        if not isinstance(value, list):
            raise self._fail(name, "a list")
        return value

    def objects(self, name: str) -> list[Mapping[str, object]]:
        """A list of objects."""
        found = self.items(name)
        objects: list[Mapping[str, object]] = [item for item in found if isinstance(item, dict)]
        if len(objects) != len(found):
            raise self._fail(name, "a list of objects")
        return objects

    def id(self, name: str) -> ObjectId:
        """An id of 64 digits."""
        return _id(self._value.get(name), self._where)

    def id_or_none(self, name: str) -> ObjectId | None:
        """An id, or nothing."""
        return None if self._value.get(name) is None else self.id(name)

    def link_or_none(self, name: str) -> Link | None:
        """A link, or nothing."""
        text = self._value.get(name)
        try:
            return None if text is None else Link.parse(str(text))
        except PachaError as error:
            raise self._fail(name, "a link") from error

    def ref(self, name: str) -> RefName:
        """The name of a ref."""
        try:
            return RefName(str(self._value.get(name)))
        except PachaError as error:
            raise self._fail(name, "the name of a ref") from error

    def storage(self, name: str) -> Storage:
        """A storage class."""
        try:
            return Storage(self._value.get(name))
        except ValueError as error:
            raise self._fail(name, "a storage class") from error


def _id(value: object, where: str) -> ObjectId:
    try:
        return ObjectId.parse(str(value))
    except PachaError as error:
        raise BadEntry(f"{where}: {error.message}") from error


def _update(item: Mapping[str, object], where: str) -> Update:
    fields = Fields(item, where=where)
    update = Update(
        ref=fields.ref("ref"),
        old=fields.link_or_none("old"),
        new=fields.link_or_none("new"),
        body=body_of(fields, where),
    )
    if update.old is None and update.new is None:
        raise BadEntry(f"{where}: {update.ref} moves from nothing to nothing")
    return update


def body_of(fields: Fields, where: str) -> bytes | None:
    """The document that rides along with a ref; whether its id fits is looked at when it is used."""
    del where
    text = fields.text_or_none("body", size_max=BODY_BYTES_MAX)
    return None if text is None else text.encode("utf-8", "surrogatepass")


def pack_of(item: Mapping[str, object], where: str) -> RemotePack:
    """Reads a pack's place. Errors: `BadEntry`."""
    fields = Fields(item, where=where)
    return RemotePack(id=fields.id("id"), size=fields.number("size"), storage=fields.storage("class"))


def index_of(item: Mapping[str, object], where: str) -> RemoteIndex:
    """Reads an index's place. Errors: `BadEntry`."""
    fields = Fields(item, where=where)
    return RemoteIndex(id=fields.id("id"), size=fields.number("size"))


def plain_pack(pack: RemotePack) -> dict[str, object]:
    """A pack's place as plain values."""
    return {"id": pack.id.hex, "size": pack.size, "class": pack.storage.value}


def plain_index(index: RemoteIndex) -> dict[str, object]:
    """An index's place as plain values."""
    return {"id": index.id.hex, "size": index.size}


def _plain(entry: LogEntry) -> dict[str, object]:
    return {
        "number": entry.number,
        "prev": None if entry.prev is None else entry.prev.hex,
        "updates": [_plain_update(update) for update in entry.updates],
        "packs_added": [plain_pack(pack) for pack in entry.packs_added],
        "packs_removed": [pack.hex for pack in entry.packs_removed],
        "indexes_added": [plain_index(index) for index in entry.indexes_added],
        "indexes_removed": [index.hex for index in entry.indexes_removed],
        "writer": entry.writer,
        "nonce": entry.nonce,
        "time": entry.time,
    }


def _plain_update(update: Update) -> dict[str, object]:
    plain: dict[str, object] = {"ref": str(update.ref)}
    if update.old is not None:
        plain["old"] = str(update.old)
    if update.new is not None:
        plain["new"] = str(update.new)
    if update.body is not None:
        plain["body"] = update.body.decode("utf-8", "surrogatepass")
    return plain
