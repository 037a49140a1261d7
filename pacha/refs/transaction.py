"""Many refs at once (I2). A journal line says what a command will change; it is durable before the first change.

A transaction: one ref that may be refused (a version, a move), refs that cannot (heads), refs to remove, and small
files of this machine's own state. If the process dies, readers overlay the line, all of it if its refusable ref was
won and nothing otherwise, and the next writing command carries it out. The writer's own file in `inflight/` also names
the packs that it reuses (I10).

Longer than most modules: what writes a journal, what reads it and what finishes it agree line by line.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pacha.base.errors import MachineFailed, PachaError
from pacha.base.files import (
    SYNCFS_FILES_MIN,
    Journal,
    NoSuchFile,
    NotRegular,
    Root,
    TooLarge,
    is_journal_open,
)
from pacha.base.ids import ObjectId, hash_bytes
from pacha.base.owner import Owner
from pacha.objects.types import Link
from pacha.refs.names import RefName
from pacha.refs.store import BadRef, Overlay, RefStore, encode_ref

FOLDER = "local/inflight"
#: Says which checkout this is, wherever it lies: it may be moved, mounted elsewhere or reached through a link.
CHECKOUT_FILE = "local/checkout"
CHECKOUT_BYTES_MAX = 64
#: Larger ones are not read.
JOURNAL_BYTES_MAX = 64 << 20
#: A long session's journal is closed here, and a new one begun.
JOURNAL_BYTES_USUAL = 1 << 20
#: Local state files are small; larger ones are not carried in a journal.
STATE_BYTES_MAX = 8 << 20
_SUM_DIGITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A change to a file of this machine's own state, made only if the file still holds `old` (None: is not there)."""

    path: str
    old: bytes | None
    new: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What one command changes together."""

    refusable: tuple[RefName, Link] | None = None
    create: tuple[tuple[RefName, Link], ...] = ()
    remove: tuple[RefName, ...] = ()
    state: tuple[StateChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Journaled:
    """A journal as it was read: its owner, its checkout, and what is unfinished in it, in order."""

    path: str
    owner: Owner | None
    checkout: str
    is_alive: bool
    packs: frozenset[ObjectId]
    unfinished: tuple[Transaction, ...]


class Writer:
    """A process's own journal over one checkout. Close it: what is still to be flushed is flushed then."""

    def __init__(self, *, shared: Root, refs: RefStore, owner: Owner) -> None:
        self._shared = shared
        self._refs = refs
        self._owner = owner
        self._journal: Journal | None = None
        self._unflushed: list[tuple[str, list[str]]] = []
        self._unfinished: set[str] = set()
        self._count = 0

    @property
    def journal(self) -> str | None:
        """Where the journal lies below `shared`; None before the first line."""
        return None if self._journal is None else self._journal.relative

    def claim(self, pack: ObjectId) -> None:
        """Says that this process relies on a pack (I10)."""
        self._append({"packs": [pack.hex]}, durable=False)

    def apply(self, transaction: Transaction) -> Link | None:
        """Carries out a transaction. Returns None, or what the refusable ref names if somebody else won it.

        Crash: before the journal line is durable, nothing happened; after it, all of it did, unless the refusable ref
        was not won. Errors: `MachineFailed` where nothing has happened; what is decided and could not be finished, on
        a disk that has become full, is left to the next command like that of a dead process.
        """
        name = f"{self._count}"
        self._count += 1
        begun = 0 if self._journal is None else self._journal.size
        self._append({"begin": name, **encode_transaction(transaction)}, durable=True)
        self._unfinished.add(name)
        if transaction.refusable is not None:
            ref, link = transaction.refusable
            present = self._refs.create(ref, link)
            if present != link:
                self._end(name)
                return present
        try:
            touched = _create_refs(self._refs, transaction)
        except MachineFailed:
            if transaction.refusable is None:
                self._take_back(name, begun)
                raise
            return None
        try:
            touched += _tidy(self._refs, transaction, durable=False)
        except MachineFailed:
            return None
        self._unflushed.append((name, touched))
        if len(self._unflushed) >= SYNCFS_FILES_MIN:
            self.flush()
        return None

    def flush(self) -> None:
        """Makes every change so far durable and says so in the journal.

        Where that fails, nothing is lost: the journal, which is durable, is kept for the next command.
        """
        try:
            self._flush_refs()
            for name, _ in self._unflushed:
                self._end(name)
        except MachineFailed:
            return
        self._unflushed.clear()
        if self._journal is not None and self._journal.size > JOURNAL_BYTES_USUAL and not self._unfinished:
            self._journal.close(remove=True)
            self._journal = None

    def _flush_refs(self) -> None:
        flush_paths(self._refs.root, {path for _, touched in self._unflushed for path in touched})

    def close(self) -> None:
        """Flushes and removes the journal; where something is unfinished, leaves it for the next command."""
        if self._journal is None:
            return
        try:
            self._flush_refs()
            self._unfinished -= {name for name, _ in self._unflushed}
            self._unflushed.clear()
        except MachineFailed:
            # What is decided is durable in the journal; only its being carried out is not.
            pass
        finally:
            self._journal.close(remove=not self._unfinished)
            self._journal = None

    def _take_back(self, name: str, begun: int) -> None:
        """Takes a transaction's line away again: cutting a file needs no space, as saying that it ended would."""
        assert self._journal is not None
        self._journal.cut(begun)
        self._unfinished.discard(name)

    def _end(self, name: str) -> None:
        self._append({"end": name}, durable=False)
        self._unfinished.discard(name)

    def _append(self, value: Mapping[str, object], *, durable: bool) -> None:
        if self._journal is None:
            self._journal = Journal(self._shared, f"{FOLDER}/{os.getpid()}.{os.urandom(8).hex()}")
            owner = {"owner": self._owner.to_json(), "checkout": checkout_id(self._refs.root)}
            self._journal.append(_encode_line(owner), durable=False)
        self._journal.append(_encode_line(value), durable=durable)


def _is_due(change: StateChange, present: bytes | None) -> bool:
    """Tells whether a file still is what it was, or the new one cut short: a power cut can leave a name without its bytes."""
    is_torn = (
        present is not None and change.new is not None and change.new != present and change.new.startswith(present)
    )
    return present == change.old or is_torn


def checkout_id(root: Root) -> str:
    """What journals call this checkout: the id that it was given when it was first written to, else its path."""
    try:
        return root.read(CHECKOUT_FILE, size_max=CHECKOUT_BYTES_MAX).decode("ascii", "replace").strip() or root.path
    except (NoSuchFile, NotRegular, TooLarge):
        return root.path


def carry_out(refs: RefStore, transaction: Transaction) -> None:
    """Makes the changes that cannot be refused, durably; each may already have been made, whole or cut short."""
    for ref, link in transaction.create:
        try:
            refs.create(ref, link)
        except BadRef:
            refs.root.replace(ref.text, encode_ref(link))
    _tidy(refs, transaction, durable=True)


def _create_refs(refs: RefStore, transaction: Transaction) -> list[str]:
    """Creates refs that are not flushed yet: the journal vouches for them until they are."""
    created: list[RefName] = []
    try:
        for ref, link in transaction.create:
            refs.create(ref, link, durable=False)
            created.append(ref)
    except MachineFailed:
        if transaction.refusable is None:
            for ref in created:
                refs.remove(ref)
        raise
    return [ref.text for ref in created]


def _tidy(refs: RefStore, transaction: Transaction, *, durable: bool) -> list[str]:
    touched = [ref.text for ref in transaction.remove if refs.remove(ref)]
    for change in transaction.state:
        if not _is_due(change, _read_state(refs.root, change.path)):
            continue
        if change.new is None:
            refs.root.remove(change.path)
        else:
            refs.root.replace(change.path, change.new, durable=durable)
        touched.append(change.path)
    return touched


def flush_paths(root: Root, paths: set[str]) -> None:
    """Makes files and their folders durable, one by one or all at once, whichever is cheaper."""
    if len(paths) >= SYNCFS_FILES_MIN:
        root.flush_all()
        return
    for path in sorted(paths):
        root.flush_file(path)
    for folder in sorted({path.rpartition("/")[0] for path in paths}):
        root.flush_folder(folder)


def _read_state(root: Root, path: str) -> bytes | None:
    try:
        return root.read(path, size_max=STATE_BYTES_MAX)
    except NoSuchFile:
        return None


def read_journals(shared: Root, *, now: float) -> list[Journaled]:
    """Reads every journal. `now` is the file system's time in seconds, for processes of other machines."""
    found = []
    for entry in sorted(shared.entries(FOLDER), key=lambda entry: entry.name):
        path = f"{FOLDER}/{entry.name}"
        try:
            state = shared.stat(path)
            data = shared.read(path, size_max=JOURNAL_BYTES_MAX)
        except (NoSuchFile, NotRegular, TooLarge):
            continue
        if state is not None:
            journal = _read_journal(path, data, idle_seconds=now - state.st_mtime)
            if journal.owner == Owner.current() and not is_journal_open(shared, path):
                journal = replace(journal, is_alive=False)
            found.append(journal)
    return found


def _read_journal(path: str, data: bytes, *, idle_seconds: float) -> Journaled:
    owner: Owner | None = None
    checkout = ""
    packs: set[ObjectId] = set()
    begun: dict[str, Transaction] = {}
    for value in _decode_lines(data):
        if "owner" in value:
            owner = Owner.from_json(value["owner"])
            checkout = str(value.get("checkout", ""))
        elif "packs" in value:
            packs.update(ObjectId.parse(text) for text in _texts(value["packs"]))
        elif "begin" in value:
            begun[str(value["begin"])] = decode_transaction(value)
        elif "end" in value:
            begun.pop(str(value["end"]), None)
    return Journaled(
        path=path,
        owner=owner,
        checkout=checkout,
        # A journal without an owner was cut off in its first line: its process had acknowledged nothing.
        is_alive=owner is not None and owner.is_alive(idle_seconds=idle_seconds),
        packs=frozenset(packs),
        unfinished=tuple(begun.values()),
    )


def overlay_of(journals: Sequence[Journaled], refs: RefStore) -> Overlay:
    """What dead processes left unfinished in this checkout, as readers must see it."""
    created: dict[RefName, Link] = {}
    removed: set[RefName] = set()
    written: dict[str, bytes] = {}
    deleted: set[str] = set()
    for transaction in _due(journals, refs):
        for ref, link in transaction.create:
            created[ref] = link
            removed.discard(ref)
        for ref in transaction.remove:
            created.pop(ref, None)
            removed.add(ref)
        for change in transaction.state:
            before = written.get(change.path, _read_state(refs.root, change.path))
            if change.path in deleted:
                before = None
            if not _is_due(change, before):
                continue
            if change.new is None:
                written.pop(change.path, None)
                deleted.add(change.path)
            else:
                written[change.path] = change.new
                deleted.discard(change.path)
    return Overlay(created=created, removed=frozenset(removed), written=written, deleted=frozenset(deleted))


def recover(journals: Sequence[Journaled], refs: RefStore, shared: Root) -> list[Transaction]:
    """Carries out what dead processes left unfinished in this checkout; returns what that was."""
    done = list(_due(journals, refs))
    for transaction in done:
        carry_out(refs, transaction)
    for journal in _dead(journals, refs):
        shared.remove(journal.path)
    return done


def _dead(journals: Sequence[Journaled], refs: RefStore) -> Iterator[Journaled]:
    here = ("", refs.root.path, checkout_id(refs.root)) if journals else ()
    for journal in journals:
        if not journal.is_alive and journal.checkout in here:
            yield journal


def _due(journals: Sequence[Journaled], refs: RefStore) -> Iterator[Transaction]:
    for journal in _dead(journals, refs):
        for transaction in journal.unfinished:
            if transaction.refusable is None or refs.read_file(transaction.refusable[0]) == transaction.refusable[1]:
                yield transaction


def encode_transaction(transaction: Transaction) -> dict[str, object]:
    """A transaction as the plain values of a journal line."""
    return {
        "refusable": None if transaction.refusable is None else [str(part) for part in transaction.refusable],
        "create": [[str(ref), str(link)] for ref, link in transaction.create],
        "remove": [str(ref) for ref in transaction.remove],
        "state": [[change.path, _hex(change.old), _hex(change.new)] for change in transaction.state],
    }


def decode_transaction(value: Mapping[str, object]) -> Transaction:
    """Reads `encode_transaction`'s answer. Errors: `PachaError` for a line that Pacha did not write."""
    refusable = value.get("refusable")
    return Transaction(
        refusable=_ref_and_link(refusable) if refusable else None,
        create=tuple(_ref_and_link(pair) for pair in _items(value.get("create"))),
        remove=tuple(RefName(text) for text in _texts(value.get("remove"))),
        state=tuple(_state_change(item) for item in _items(value.get("state"))),
    )


def _state_change(item: object) -> StateChange:
    path, old, new = _items(item)
    if not isinstance(path, str) or not path.startswith("local/") or ".." in path.split("/"):
        raise PachaError(f"a journal names a file outside local/: {path!r}")
    return StateChange(path=path, old=_unhex(old), new=_unhex(new))


def _ref_and_link(pair: object) -> tuple[RefName, Link]:
    ref, link = _texts(pair)
    return RefName(ref), Link.parse(link)


def _items(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _texts(value: object) -> list[str]:
    return [str(item) for item in _items(value)]


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()


def _unhex(text: object) -> bytes | None:
    return bytes.fromhex(text) if isinstance(text, str) else None


def _encode_line(value: Mapping[str, object]) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode("ascii")
    return hash_bytes(body).hex[:_SUM_DIGITS].encode("ascii") + b" " + body + b"\n"


def _decode_lines(data: bytes) -> Iterator[dict[str, object]]:
    """Yields the values of the whole lines; the first torn or damaged one ends the journal."""
    for line in data.split(b"\n")[:-1]:
        digest, _, body = line.partition(b" ")
        if hash_bytes(body).hex[:_SUM_DIGITS].encode("ascii") != digest:
            return
        value = json.loads(body)
        if not isinstance(value, dict):
            return
        yield value
