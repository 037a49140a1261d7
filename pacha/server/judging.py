"""The rules for the next log entry, as far as refs go. Pure: what the entry says, against what the remote says now."""

from collections.abc import Callable

from pacha.base.errors import PachaError
from pacha.base.ids import hash_bytes
from pacha.objects.move import Move
from pacha.objects.tag import Tag
from pacha.objects.types import Link, type_named
from pacha.refs.names import RefName
from pacha.remotes.entries import LogEntry, Update
from pacha.remotes.state import State
from pacha.server.asking import NotAllowed, Stale, Unacceptable
from pacha.server.tokens import Caller, Role

#: What the refs of each namespace name.
_NAMED = {"heads": "manifest", "runs": "manifest", "versions": "tag", "stages": "move", "attestations": "attestation"}
#: Refs that are written once.
_WRITE_ONCE = frozenset({"versions", "stages"})


def check_follows(entry: LogEntry, state: State) -> None:
    """Checks that an entry is the next one. Errors: `Stale`, `Unacceptable`."""
    if entry.number > state.number + 1:
        raise Stale(f"the log has {state.number} entries; {entry.number} is not the next")
    if entry.prev != state.entry:
        raise Unacceptable(f"entry {entry.number} does not name the entry {state.number} that lies here")


def check_updates(entry: LogEntry, state: State, caller: Caller) -> None:
    """Checks what an entry does to refs and takes away. Errors: `NotAllowed`, `Stale`, `Unacceptable`."""
    refs = [update.ref for update in entry.updates]
    if len(set(refs)) != len(refs):
        raise Unacceptable("an entry moves one ref twice")
    for update in entry.updates:
        _check_update(update, state, caller)
    if (entry.packs_removed or entry.indexes_removed) and not caller.may(Role.ADMIN):
        raise NotAllowed("this token may not take packs away")


def _check_update(update: Update, state: State, caller: Caller) -> None:
    ref, held = update.ref, state.link(update.ref)
    if not caller.may_move(ref):
        raise NotAllowed(f"this token may not push {ref}", hint=f"it is for {', '.join(caller.refs)}", ref=str(ref))
    if update.old != held:
        raise Stale(f"{ref} names {held or 'nothing'} here, not {update.old or 'nothing'}", ref=str(ref))
    if held is not None and ref.namespace in _WRITE_ONCE:
        raise NotAllowed(f"{ref} was written once and never changes", hint="choose another version", ref=str(ref))
    if update.new is not None and update.new.type != _NAMED[ref.namespace]:
        raise Unacceptable(f"{ref} cannot name a {update.new.type}", ref=str(ref))
    if update.body is not None and (update.new is None or hash_bytes(update.body) != update.new.id):
        raise Unacceptable(f"the document that comes with {ref} is another than it names", ref=str(ref))


def check_named(update: Update, read: Callable[[Link], bytes]) -> None:
    """Checks that what a ref names is about what the ref is about. Errors: `Unacceptable`, those of `read`.

    Else a token for one artifact could publish another under its name.
    """
    if update.new is None:
        return
    try:
        value = type_named(update.new.type).decode(read(update.new))
    except PachaError as error:
        raise Unacceptable(f"{update.new}: {error.message}") from error
    if _place_of(value, update.ref) != str(update.ref):
        raise Unacceptable(f"{update.ref} names {update.new}, which is about something else", ref=str(update.ref))


def _place_of(value: object, ref: RefName) -> str:
    """Where a ref that names a value must lie."""
    if isinstance(value, Tag):
        return f"refs/versions/{value.artifact}/{value.version}"
    if isinstance(value, Move):
        return f"refs/stages/{value.artifact}/{ref.last}" if int(ref.last or 0) == value.number else ""
    if ref.namespace == "heads":
        return f"refs/heads/{getattr(value, 'artifact', '')}/{ref.last}"
    return str(ref)
