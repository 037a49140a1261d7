"""Lists the files of one artifact: a file, or a folder and all below it. Links, pipes and unsafe names are refused."""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from pacha.base.errors import NotFound, Usage
from pacha.base.files import machine_failed, naming
from pacha.base.paths import DEPTH_MAX, BadPath, check_entry_name, check_path, check_siblings
from pacha.worktree.ignore import IgnoreRules

#: More files in one artifact would need more memory than the promise of flat memory allows.
FILES_MAX = 5_000_000
#: What the system says of a file that was found, where something else lies there since, or nothing.
GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE})


class NoSuchPath(NotFound):
    """A path of the work tree does not exist."""


class SymlinkFound(Usage):
    """A symbolic link where a file or folder must be."""


class SpecialFile(Usage):
    """A pipe, a socket or a device."""


class FoundFile(NamedTuple):
    """A regular file: `path` as the artifact names it, `full` where it lies, and the state that the cache compares.

    A tuple, since there is one for each of thousands of files, and a tuple is made in a fifth of the time.
    """

    path: str
    full: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    executable: bool

    @property
    def state(self) -> tuple[int, int, int, int]:
        """What must be equal for the content to be taken as unchanged."""
        return self[2:6]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """An artifact as it lies in the work tree. `shape` is file or folder; a file's path is its base name."""

    shape: str
    files: tuple[FoundFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def found(path: str, full: str, state: os.stat_result) -> FoundFile:
    """A file with its state."""
    return FoundFile(
        path, full, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, bool(state.st_mode & 0o111)
    )


def is_same(file: FoundFile, state: os.stat_result) -> bool:
    """Tells whether a file still is what was found: a pipe, a folder or another file in its place is not."""
    return (state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino) == file[2:6]


def is_untouched(file: FoundFile) -> bool:
    """Tells whether what was found still lies there. Errors: `MachineFailed`."""
    try:
        return is_same(file, os.stat(file.full))
    except OSError as error:
        if error.errno in GONE:
            return False
        raise machine_failed(error, file.full) from error


def scan(full: str, *, shown: str, dereference: bool = False) -> Scan:
    """Lists an artifact, sorted by path. `shown` is what errors call it.

    Errors: `NoSuchPath`, `SymlinkFound`, `SpecialFile`, `BadPath`, `MachineFailed`.
    """
    try:
        state = os.stat(full) if dereference else os.lstat(full)
    except FileNotFoundError as error:
        raise NoSuchPath(f"{shown}: no such file or folder", hint="check the path", path=shown) from error
    except OSError:
        with naming(shown):
            raise
    if stat.S_ISLNK(state.st_mode):
        raise _symlink(shown)
    if stat.S_ISDIR(state.st_mode):
        # By path: texts are in the order of their UTF-8 forms.
        files = sorted(_walk(full, shown, dereference), key=itemgetter(0))
        if len(files) > FILES_MAX:
            raise Usage(f"{shown}: more than {FILES_MAX} files", hint="track its folders one by one")
        return Scan(shape="folder", files=tuple(files))
    if not stat.S_ISREG(state.st_mode):
        raise SpecialFile(f"{shown}: not a regular file", hint="only files and folders can be tracked", path=shown)
    name = check_path(os.path.basename(full))
    return Scan(shape="file", files=(found(name, full, state),))


def _walk(top: str, shown: str, dereference: bool) -> Iterator[FoundFile]:
    rules = IgnoreRules(top)
    folders: list[tuple[str, tuple[str, ...]]] = [("", (os.path.realpath(top),))]
    while folders:
        folder, above = folders.pop()
        full = os.path.join(top, folder) if folder else top
        prefix = f"{folder}/" if folder else ""
        names = []
        with naming(os.path.join(shown, folder)), os.scandir(full) as entries:
            for entry in entries:
                name = entry.name
                is_folder = entry.is_dir(follow_symlinks=dereference)
                if rules.is_ignored(folder, name, is_folder=is_folder):
                    continue
                path = prefix + name
                names.append(name)
                _check(path, name, shown)
                if not dereference and entry.is_symlink():
                    raise _symlink(os.path.join(shown, path))
                if is_folder:
                    real = os.path.realpath(entry.path) if dereference else entry.path
                    if real in above:
                        raise SymlinkFound(f"{os.path.join(shown, path)}: a link that leads back to its own folder")
                    folders.append((path, (*above, real)))
                else:
                    yield _file(path, entry, shown, dereference)
        try:
            check_siblings(names)
        except BadPath as error:
            raise BadName(f"{os.path.join(shown, folder)}: {error.message}", hint=error.hint) from error


def _file(path: str, entry: os.DirEntry[str], shown: str, dereference: bool) -> FoundFile:
    try:
        state = entry.stat(follow_symlinks=dereference)
    except FileNotFoundError as error:
        name = os.path.join(shown, path)
        raise NoSuchPath(f"{name}: a link to nothing", hint="remove it or mend it", path=name) from error
    if not stat.S_ISREG(state.st_mode):
        name = os.path.join(shown, path)
        raise SpecialFile(f"{name}: not a regular file", hint="move it away, or name it in .pachaignore", path=name)
    return found(path, entry.path, state)


def _check(path: str, name: str, shown: str) -> None:
    """Checks what a folder holds; the folder itself has been checked as a path."""
    try:
        # What is too short to be too long or too deep needs no second look at its folders.
        if len(path) <= DEPTH_MAX:
            check_entry_name(name)
        else:
            check_path(path)
    except BadPath as error:
        raise BadName(f"{os.path.join(shown, path)!r}: {error.message}", hint=error.hint, path=path) from error


class BadName(Usage):
    """A file in the work tree has a name that could not be restored everywhere."""


def _symlink(shown: str) -> SymlinkFound:
    return SymlinkFound(
        f"{shown}: a symbolic link",
        hint="add it with --dereference to store what it points to (folders of a Hugging Face cache need it)",
        path=shown,
    )
