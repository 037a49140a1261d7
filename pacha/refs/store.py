"""The refs of one checkout: read, list, create-if-absent, remove. One line a file, `type:hex`.

Readers see an unfinished transaction of a dead process whole or not at all, through an `Overlay`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pacha.base.errors import Corrupt, PachaError
from pacha.base.files import NoSuchFile, NotRegular, Root, TooLarge
from pacha.objects.types import Link
from pacha.refs.names import BadRefName, RefName, check_ref_name

#: A ref is one line of less than 100 bytes; what Git leaves of a conflict over one fits in here as well.
CONTENT_BYTES_MAX = 4096
_CONFLICT_MARKERS = (b"<<<<<<<", b"=======", b">>>>>>>")


class BadRef(Corrupt):
    """A ref's file does not hold one link. `check` is the name of what is wrong, as fsck reports it."""

    def __init__(self, message: str, *, check: str, hint: str | None = None, path: str = "") -> None:
        super().__init__(message, hint=hint, check=check, path=path)
        self.check = check


class RefConflict(BadRef):
    """Git left conflict markers in a ref."""

    exit_code = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What unfinished transactions of dead processes add to and take from what lies on disk."""

    created: Mapping[RefName, Link] = field(default_factory=dict)
    removed: frozenset[RefName] = frozenset()
    written: Mapping[str, bytes] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()


NOTHING = Overlay()


def encode_ref(link: Link) -> bytes:
    """The content of a ref's file."""
    return f"{link}\n".encode("ascii")


def encode_fork(mine: Link, theirs: Link) -> bytes:
    """What a ref holds of which two sides say different things, in the form that Git leaves behind.

    Reading it is a `RefConflict` until somebody settles it.
    """
    first, middle, last = _CONFLICT_MARKERS
    return b"".join((first, b" here\n", encode_ref(mine), middle, b"\n", encode_ref(theirs), last, b" remote\n"))


def decode_ref(data: bytes, *, path: str) -> Link:
    """Reads a ref's file; CRLF is tolerated, nothing else is. Errors: `BadRef`, `RefConflict`."""
    if any(marker in data for marker in _CONFLICT_MARKERS):
        raise RefConflict(
            f"{path}: Git left conflict markers in this ref",
            check="refConflictMarkers",
            hint="`pacha resolve` shows both sides and settles it",
            path=path,
        )
    hint = "restore the file with `git checkout`, or remove it and run `pacha fsck`"
    line, newline, rest = data.replace(b"\r\n", b"\n").partition(b"\n")
    if rest:
        raise BadRef(f"{path}: more than one line in a ref", check="trailingRefContent", hint=hint, path=path)
    if not newline:
        raise BadRef(f"{path}: a ref without its line end", check="refMissingNewline", hint=hint, path=path)
    try:
        return Link.parse(line.decode("ascii"))
    except (UnicodeDecodeError, PachaError) as error:
        raise BadRef(f"{path}: not a link: {line[:80]!r}", check="badRefContent", hint=hint, path=path) from error


class RefStore:
    """The refs below one `.pacha`. Values read are links; a ref is true of an object, it does not hold it."""

    def __init__(self, root: Root, overlay: Overlay = NOTHING) -> None:
        self.root = root
        self.overlay = overlay

    def read(self, name: RefName) -> Link | None:
        """Returns what a ref names, or None. Errors: `BadRef`."""
        if name in self.overlay.removed:
            return None
        if name in self.overlay.created:
            return self.overlay.created[name]
        return self.read_file(name)

    def read_file(self, name: RefName) -> Link | None:
        """Returns what the file itself says, without the overlay. Errors: `BadRef`."""
        try:
            descriptor = self.root.open_folder(name.folder)
        except NoSuchFile:
            return None
        except NotRegular as error:
            raise self._symlink(error, name) from error
        try:
            return self._read_in(descriptor, name)
        finally:
            os.close(descriptor)

    def _read_in(self, folder: int, name: RefName) -> Link | None:
        """Reads a ref's file in its folder, which is open."""
        path = self.root.full(name.text)
        try:
            descriptor = self.root.open_in(folder, name.last, name.text)
        except NoSuchFile:
            return None
        except NotRegular as error:
            raise self._symlink(error, name) from error
        try:
            return decode_ref(self.root.read_open(descriptor, name.text, size_max=CONTENT_BYTES_MAX), path=path)
        except TooLarge as error:
            raise BadRef(error.message, check="trailingRefContent", path=path) from error
        finally:
            os.close(descriptor)

    def _symlink(self, error: NotRegular, name: RefName) -> BadRef:
        return BadRef(error.message, check="symlinkRef", hint=error.hint, path=self.root.full(name.text))

    def names(self, folder: str) -> list[RefName]:
        """The refs directly in a folder, sorted, whatever their files hold. Alien names are left out."""
        found = set()
        for entry in self.root.entries(folder):
            if entry.is_folder:
                continue
            try:
                found.add(RefName(f"{folder}/{entry.name}"))
            except BadRefName:
                continue
        found.update(name for name in self.overlay.created if name.folder == folder)
        return sorted(found - self.overlay.removed, key=lambda name: name.text)

    def names_like(self, folder: str, is_like: Callable[[str], bool]) -> list[RefName]:
        """Those of `names` whose last component is as asked: of many, only these are looked at."""
        is_any = self.overlay != NOTHING or any(map(is_like, self.root.names(folder)))
        return [name for name in self.names(folder) if is_like(name.last)] if is_any else []

    def is_empty(self, folder: str) -> bool:
        """Tells whether there is no ref directly in a folder, by its first one."""
        if self.overlay != NOTHING:
            return not self.names(folder)
        return not self.root.has_file(folder, lambda name: _is_ref(f"{folder}/{name}"))

    def read_all(self, folder: str) -> list[tuple[RefName, Link]]:
        """The refs directly in a folder with what they name, sorted. Errors: `BadRef`."""
        names = self.names(folder)
        found = {name: self.overlay.created[name] for name in names if name in self.overlay.created}
        try:
            descriptor = self.root.open_folder(folder)
        except NoSuchFile:
            return list(found.items())
        try:
            # Opened once: of ten thousand refs, each from the root would take half a second.
            links = [(name, found.get(name) or self._read_in(descriptor, name)) for name in names]
        finally:
            os.close(descriptor)
        return [(name, link) for name, link in links if link is not None]

    def folders(self, folder: str) -> list[str]:
        """The names of the folders directly in a folder, sorted, those of the overlay included."""
        found = {entry.name for entry in self.root.entries(folder) if entry.is_folder}
        for name in self.overlay.created:
            if name.text.startswith(f"{folder}/"):
                rest = name.text[len(folder) + 1 :]
                if "/" in rest:
                    found.add(rest.partition("/")[0])
        return sorted(found)

    def walk(self, folder: str = "refs") -> Iterator[RefName]:
        """Every well-named ref below a folder."""
        yield from self.names(folder) if folder.count("/") >= 1 else ()
        for inner in self.folders(folder):
            yield from self.walk(f"{folder}/{inner}")

    def create(self, name: RefName, link: Link, *, durable: bool = True) -> Link:
        """Creates a ref unless it exists; returns what it names now: `link`, or what somebody else wrote.

        Crash: nothing, or the whole ref.
        """
        present = self.root.create(name.text, encode_ref(link), durable=durable)
        return link if present == encode_ref(link) else decode_ref(present, path=self.root.full(name.text))

    def remove(self, name: RefName) -> bool:
        """Removes a ref's file; False if there was none. For heads that a newer one supersedes."""
        return self.root.remove(name.text)


def _is_ref(text: str) -> bool:
    try:
        check_ref_name(text)
    except BadRefName:
        return False
    return True
