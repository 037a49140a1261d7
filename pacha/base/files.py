"""The durable writer: the only place that creates, links, renames, locks, fsyncs or removes a file.

Everything happens beneath a `Root`: each component of a path is opened with O_NOFOLLOW, and only regular files are
read, so that a hostile folder full of links and pipes can do nothing but be refused. A name is published with
create-if-absent; whatever the system answers, the truth is what is read back (network file systems lie in their
error numbers). No function here follows a symbolic link below its root or overwrites a shared file.

The recipe (docs/format.md, "Writing"): temporary file, flush, link to the final name, flush the folder.

Longer than most modules by its rule: no storage call may be made anywhere else.
"""

import contextlib
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType

from pacha.base.errors import Busy, Corrupt, MachineFailed, NotFound

#: From this many files on, two flushes of the whole file system cost less than a flush a file (measured: 4.5 ms a
#: file against 0.1); below it they would also wait for strangers' data.
SYNCFS_FILES_MIN = 16
#: Folders that one session keeps open, the first that it meets; far fewer than the descriptors that a process may have.
FOLDERS_KEPT_MAX = 64
#: Mode of everything written; Git resets modes anyway.
FILE_MODE = 0o644
FOLDER_MODE = 0o755

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_F_FULLFSYNC = 51


class NoSuchFile(NotFound):
    """Nothing lies at a path below a root."""


class NotRegular(Corrupt):
    """A link, a pipe, a device or a folder lies where a regular file must be."""


class TooLarge(Corrupt):
    """A file is larger than its place allows."""


class Durability(Enum):
    """How much a flush costs. FULL: every file; BATCH: one barrier a command; NONE: nothing, for tests
    and for what can be written again."""

    FULL = "full"
    BATCH = "batch"
    NONE = "none"


def machine_failed(error: OSError, path: str) -> MachineFailed:
    """Turns a system error into one line with the path and the cause."""
    hints = {
        errno.ENOENT: "check the path",
        errno.ENOSPC: "free some space and run the command again; nothing was lost",
        errno.EDQUOT: "your quota is used up; free some space and run the command again",
        errno.EROFS: "the file system is read-only; reading commands work here, writing ones do not",
        errno.EACCES: "check who owns it and its permissions",
        errno.EPERM: "check who owns it and its permissions",
        errno.EMFILE: "too many files are open; raise the limit with `ulimit -n`",
    }
    cause = error.strerror or str(error)
    return MachineFailed(f"{path}: {cause}", hint=hints.get(error.errno or 0), path=path, errno=error.errno)


class naming:
    """Turns any system error inside into `MachineFailed` with this path."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise machine_failed(error, self._path) from error


def _flush(descriptor: int) -> None:
    """Makes a file's or folder's content durable; on macOS fsync alone does not."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, _F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _flush_file_system(descriptor: int) -> bool:
    """Flushes the whole file system; False where the system has no such call."""
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return False
    if call(descriptor) != 0:
        raise OSError(ctypes.get_errno(), "syncfs failed")
    return True


def open_to_read(path: str) -> int:
    """Opens a file that a person named and returns its descriptor; the caller closes it, and looks what it is.

    A pipe that came into the file's place is opened too: waiting for its other end could last for ever.
    Errors: `OSError`.
    """
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def write_all(descriptor: int, pieces: Sequence[bytes | bytearray | memoryview], offset: int) -> None:
    """Writes `pieces` one after another at `offset`, however short the system's writes are."""
    left = [memoryview(piece) for piece in pieces if len(piece)]
    while left:
        written = os.pwritev(descriptor, left, offset)
        if written == 0:
            raise OSError(errno.EIO, "a write made no progress")
        offset += written
        while left and written >= len(left[0]):
            written -= len(left.pop(0))
        if written:
            left[0] = left[0][written:]


def read_exactly(descriptor: int, length: int, offset: int) -> bytes:
    """Reads up to `length` bytes at `offset`; shorter only at the end of the file."""
    data = os.pread(descriptor, length, offset)
    if len(data) == length or not data:
        return data
    pieces = [data]
    got = len(data)
    while got < length and (more := os.pread(descriptor, length - got, offset + got)):
        pieces.append(more)
        got += len(more)
    return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of a listed folder. A link or a pipe is neither file nor folder."""

    name: str
    is_folder: bool
    is_file: bool


class Root:
    """A folder beneath which files are read and written, never through a link.

    Paths are relative, '/'-separated and made by Pacha itself. `temporary` is the folder for unfinished files; it
    must be on the same file system.
    """

    def __init__(self, path: str, *, temporary: str = "local/tmp", durability: Durability = Durability.BATCH) -> None:
        self.path = path
        self.temporary = temporary
        self.durability = durability
        self._kept: dict[str, tuple[int, tuple[int, int]]] | None = None

    def __repr__(self) -> str:
        return f"Root({self.path!r})"

    def full(self, relative: str) -> str:
        """The path as a person would type it."""
        return f"{self.path}/{relative}" if relative else self.path

    # -- folders ---------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def keeping_folders(self) -> Iterator[None]:
        """Inside, folders that were opened are kept open: one look replaces opening every component again.

        Bounded, and nothing is closed before the end: a thread may be using it. Within another, it is that one.
        """
        if self._kept is not None:
            yield
            return
        self._kept = {}
        try:
            yield
        finally:
            kept, self._kept = self._kept, None
            for descriptor, _ in kept.values():
                os.close(descriptor)

    def open_folder(self, relative: str, *, create: bool = False) -> int:
        """Opens a folder below the root and returns its descriptor; the caller closes it.

        Errors: `NoSuchFile`, `NotRegular` for a link or a file on the way, `MachineFailed`.
        """
        descriptor, done = self._open_kept(relative)
        rest = relative[len(done) :].strip("/")
        for part in rest.split("/") if rest else ():
            try:
                inner = self._open_or_make(part, descriptor, relative, create=create)
            finally:
                os.close(descriptor)
            descriptor = inner
            done = f"{done}/{part}" if done else part
            self._keep(done, descriptor)
        return descriptor

    def _open_kept(self, relative: str) -> tuple[int, str]:
        """Opens the nearest folder above or at a path that is kept and still lies there, else the root; and says which."""
        nearest = relative
        while self._kept:
            found = self._kept.get(nearest)
            # A folder that somebody moved or removed must not be written into; its number cannot be another's meanwhile.
            if found is not None and self._identity(nearest) == found[1]:
                return os.dup(found[0]), nearest
            if not nearest:
                break
            nearest = nearest.rpartition("/")[0]
        descriptor = self._open_part(self.path, None, relative)
        self._keep("", descriptor)
        return descriptor, ""

    def _keep(self, relative: str, descriptor: int) -> None:
        if self._kept is not None and relative not in self._kept and len(self._kept) < FOLDERS_KEPT_MAX:
            state = os.fstat(descriptor)
            mine = os.dup(descriptor)
            if self._kept.setdefault(relative, (mine, (state.st_dev, state.st_ino)))[0] != mine:
                # Another thread was faster.
                os.close(mine)

    def _identity(self, relative: str) -> tuple[int, int] | None:
        try:
            state = os.stat(self.full(relative), follow_symlinks=False)
        except OSError:
            return None
        return state.st_dev, state.st_ino

    def _open_or_make(self, part: str, parent: int, relative: str, *, create: bool) -> int:
        try:
            return self._open_part(part, parent, relative)
        except NoSuchFile:
            if not create:
                raise
        with naming(self.full(relative)):
            # Somebody may make the same folder at this moment: opening it decides, not the answer of mkdir.
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, FOLDER_MODE, dir_fd=parent)
            if self.durability is not Durability.NONE:
                _flush(parent)
        return self._open_part(part, parent, relative)

    def _open_part(self, part: str, parent: int | None, relative: str) -> int:
        try:
            return os.open(part, _FOLDER_FLAGS, dir_fd=parent)
        except FileNotFoundError as error:
            raise NoSuchFile(f"no such folder: {self.full(relative)}", path=self.full(relative)) from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                raise NotRegular(
                    f"{self.full(relative)}: a link or a file lies where a folder must be",
                    hint="Pacha never follows links inside its own folder; remove it",
                    path=self.full(relative),
                ) from error
            raise machine_failed(error, self.full(relative)) from error

    def make_folder(self, relative: str) -> None:
        """Makes a folder and those above it; an existing one is fine."""
        os.close(self.open_folder(relative, create=True))

    def entries(self, relative: str) -> list[Found]:
        """Lists a folder, unsorted; a folder that does not exist is empty."""
        try:
            descriptor = self.open_folder(relative)
        except NoSuchFile:
            return []
        try:
            with naming(self.full(relative)), os.scandir(descriptor) as entries:
                return [
                    Found(e.name, e.is_dir(follow_symlinks=False), e.is_file(follow_symlinks=False)) for e in entries
                ]
        finally:
            os.close(descriptor)

    def has_file(self, relative: str, is_it: Callable[[str], bool]) -> bool:
        """Tells whether a folder has an entry, other than a folder, of a name as asked; stops at the first."""
        try:
            descriptor = self.open_folder(relative)
        except NoSuchFile:
            return False
        try:
            with naming(self.full(relative)), os.scandir(descriptor) as entries:
                return any(is_it(entry.name) and not entry.is_dir(follow_symlinks=False) for entry in entries)
        finally:
            os.close(descriptor)

    def list_states(self, relative: str) -> list[tuple[str, os.stat_result]]:
        """Lists the regular files of a folder with their state, unsorted; a missing folder is empty."""
        try:
            descriptor = self.open_folder(relative)
        except NoSuchFile:
            return []
        try:
            found = []
            with naming(self.full(relative)), os.scandir(descriptor) as entries:
                for entry in entries:
                    # Whoever owns a file may take it away while we look.
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_file(follow_symlinks=False):
                            found.append((entry.name, entry.stat(follow_symlinks=False)))
            return found
        finally:
            os.close(descriptor)

    def folder_states(self, relative: str) -> list[tuple[str, os.stat_result]]:
        """Lists the folders in a folder with their state, unsorted; a missing folder is empty, a link is no folder."""
        try:
            descriptor = self.open_folder(relative)
        except NoSuchFile:
            return []
        try:
            found = []
            with naming(self.full(relative)), os.scandir(descriptor) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        if entry.is_dir(follow_symlinks=False):
                            found.append((entry.name, entry.stat(follow_symlinks=False)))
            return found
        finally:
            os.close(descriptor)

    def names(self, relative: str) -> list[str]:
        """The names in a folder, whatever they are, unsorted; a missing folder is empty."""
        try:
            descriptor = self.open_folder(relative)
        except NoSuchFile:
            return []
        try:
            with naming(self.full(relative)):
                return os.listdir(descriptor)
        finally:
            os.close(descriptor)

    def clock_ns(self) -> int:
        """The file system's own time in nanoseconds: what a file written now would get; 0 where none may be written."""
        if not self.is_writable():
            return 0
        new = self.new_file()
        try:
            new.write(b"\0")
            return os.fstat(new.descriptor).st_mtime_ns
        finally:
            new.discard()

    def walk(self, relative: str) -> Iterator[str]:
        """Yields every file below a folder as a relative path, links and pipes included, in no order."""
        folders = [relative]
        while folders:
            folder = folders.pop()
            for found in self.entries(folder):
                path = f"{folder}/{found.name}" if folder else found.name
                if found.is_folder:
                    folders.append(path)
                else:
                    yield path

    # -- reading ---------------------------------------------------------------------------------------------------

    def stat(self, relative: str) -> os.stat_result | None:
        """The entry's own state, links not followed; None if there is none."""
        folder, _, name = relative.rpartition("/")
        try:
            parent = self.open_folder(folder)
        except NoSuchFile:
            return None
        try:
            return os.stat(name or ".", dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise machine_failed(error, self.full(relative)) from error
        finally:
            os.close(parent)

    def open_file(self, relative: str) -> int:
        """Opens a regular file for reading and returns its descriptor; the caller closes it."""
        folder, _, name = relative.rpartition("/")
        parent = self.open_folder(folder)
        try:
            return self.open_in(parent, name, relative)
        finally:
            os.close(parent)

    def open_in(self, folder: int, name: str, relative: str) -> int:
        """Opens a regular file in an open folder. Errors: `NoSuchFile`, `NotRegular`, `MachineFailed`."""
        try:
            descriptor = os.open(name, _READ_FLAGS, dir_fd=folder)
        except FileNotFoundError as error:
            raise NoSuchFile(f"no such file: {self.full(relative)}", path=self.full(relative)) from error
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO):
                raise self._not_regular(relative) from error
            raise machine_failed(error, self.full(relative)) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._not_regular(relative)
        return descriptor

    def _not_regular(self, relative: str) -> NotRegular:
        return NotRegular(
            f"{self.full(relative)}: not a regular file",
            hint="Pacha never reads links, pipes or devices inside its own folder; remove it",
            path=self.full(relative),
        )

    def read(self, relative: str, *, size_max: int) -> bytes:
        """Reads a whole file of at most `size_max` bytes. Errors: as `open_in`, and `TooLarge`."""
        descriptor = self.open_file(relative)
        try:
            return self.read_open(descriptor, relative, size_max=size_max)
        finally:
            os.close(descriptor)

    def read_open(self, descriptor: int, relative: str, *, size_max: int) -> bytes:
        """Reads a whole open file of at most `size_max` bytes."""
        with naming(self.full(relative)):
            # Asking for all that is allowed would set that much memory aside for each small file.
            data = read_exactly(descriptor, min(os.fstat(descriptor).st_size, size_max) + 1, 0)
        if len(data) > size_max:
            raise TooLarge(
                f"{self.full(relative)}: larger than {size_max} bytes, the most that its place allows",
                path=self.full(relative),
            )
        return data

    def read_folder(self, relative: str, *, size_max: int) -> Iterator[tuple[str, bytes | Corrupt]]:
        """Yields name and content of every file of one folder; a file that must not be read yields its error."""
        try:
            folder = self.open_folder(relative)
        except NoSuchFile:
            return
        try:
            with naming(self.full(relative)):
                names = sorted(os.listdir(folder))
            for name in names:
                path = f"{relative}/{name}"
                try:
                    descriptor = self.open_in(folder, name, path)
                except NoSuchFile:
                    continue
                except NotRegular as error:
                    yield name, error
                    continue
                try:
                    yield name, self.read_open(descriptor, path, size_max=size_max)
                except TooLarge as error:
                    yield name, error
                finally:
                    os.close(descriptor)
        finally:
            os.close(folder)

    # -- writing ---------------------------------------------------------------------------------------------------

    def new_file(self) -> "NewFile":
        """Opens an unfinished file under a fresh name."""
        name = f"{os.getpid()}.{os.urandom(8).hex()}"
        folder = self.open_folder(self.temporary, create=True)
        try:
            with naming(self.full(self.temporary)):
                descriptor = os.open(name, _CREATE_FLAGS, FILE_MODE, dir_fd=folder)
        finally:
            os.close(folder)
        return NewFile(root=self, name=name, descriptor=descriptor)

    def create(self, relative: str, data: bytes, *, durable: bool = True) -> bytes:
        """Creates a file unless it exists and returns what is there now: `data`, or what somebody else wrote.

        Crash: nothing, or the whole file. The answer is read back, never taken from an error number.
        """
        batch = Batch(self, durable=durable)
        batch.create(relative, data)
        return batch.barrier()[relative]

    def replace(self, relative: str, data: bytes, *, durable: bool = True) -> None:
        """Writes a file of this machine's own state, over an older one. Never for shared facts."""
        new = self.new_file()
        try:
            new.write(data)
            if durable:
                new.flush()
            new.rename(relative, durable=durable)
        finally:
            new.discard()

    def remove(self, relative: str) -> bool:
        """Removes a file; False if it was not there. Folders stay: removing them races with those who write."""
        folder, _, name = relative.rpartition("/")
        try:
            parent = self.open_folder(folder)
        except NoSuchFile:
            return False
        try:
            os.unlink(name, dir_fd=parent)
            return True
        except FileNotFoundError:
            return False
        except OSError as error:
            raise machine_failed(error, self.full(relative)) from error
        finally:
            os.close(parent)

    def remove_folder(self, relative: str) -> bool:
        """Removes an empty folder of this machine's own state; False if it is not empty or not there."""
        folder, _, name = relative.rpartition("/")
        try:
            parent = self.open_folder(folder)
        except NoSuchFile:
            return False
        try:
            os.rmdir(name, dir_fd=parent)
            return True
        except OSError:
            return False
        finally:
            os.close(parent)

    def move(self, source: str, target: str) -> None:
        """Renames a file below the root, over nothing of value (trash, quarantine). Errors: `NoSuchFile`."""
        source_folder, _, source_name = source.rpartition("/")
        target_folder, _, target_name = target.rpartition("/")
        left = self.open_folder(source_folder)
        try:
            right = self.open_folder(target_folder, create=True)
            try:
                os.rename(source_name, target_name, src_dir_fd=left, dst_dir_fd=right)
                if self.durability is not Durability.NONE:
                    _flush(right)
                    _flush(left)
            finally:
                os.close(right)
        except FileNotFoundError as error:
            raise NoSuchFile(f"no such file: {self.full(source)}", path=self.full(source)) from error
        except OSError as error:
            raise machine_failed(error, self.full(source)) from error
        finally:
            os.close(left)

    def touch(self, relative: str) -> None:
        """Sets a file's modification time to now: gc's grace starts again."""
        folder, _, name = relative.rpartition("/")
        parent = self.open_folder(folder)
        try:
            with naming(self.full(relative)):
                os.utime(name, dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(parent)

    def flush_folder(self, relative: str) -> None:
        """Makes the names in a folder durable."""
        if self.durability is Durability.NONE:
            return
        folder = self.open_folder(relative)
        try:
            with naming(self.full(relative)):
                _flush(folder)
        finally:
            os.close(folder)

    def flush_file(self, relative: str) -> None:
        """Makes a file's content durable; one that is gone needs nothing."""
        if self.durability is Durability.NONE:
            return
        try:
            descriptor = self.open_file(relative)
        except NoSuchFile:
            return
        try:
            with naming(self.full(relative)):
                _flush(descriptor)
        finally:
            os.close(descriptor)

    def flush_all(self) -> None:
        """Makes everything written below the root so far durable, by one flush of the file system."""
        if self.durability is Durability.NONE:
            return
        folder = self.open_folder("")
        try:
            with naming(self.path):
                if not _flush_file_system(folder):
                    os.sync()
        finally:
            os.close(folder)

    def is_writable(self) -> bool:
        """Tells whether this process may create files in the root, and the place for unfinished ones has been made."""
        first = self.temporary.partition("/")[0]
        return os.access(self.path, os.W_OK | os.X_OK) and os.path.isdir(os.path.join(self.path, first))

    def free_bytes(self) -> int:
        """Space left for this user, in bytes."""
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize


@dataclass(slots=True)
class NewFile:
    """An unfinished file under a temporary name: invisible until linked or renamed into place."""

    root: Root
    name: str
    descriptor: int
    size: int = 0
    is_open: bool = True
    is_named: bool = True

    @property
    def path(self) -> str:
        """Where the unfinished file lies, below the root."""
        return f"{self.root.temporary}/{self.name}"

    def write(self, *pieces: bytes | bytearray | memoryview) -> None:
        """Appends bytes."""
        with naming(self.root.full(self.path)):
            write_all(self.descriptor, pieces, self.size)
        self.size += sum(len(piece) for piece in pieces)

    def write_at(self, pieces: Sequence[bytes | bytearray | memoryview], offset: int) -> None:
        """Writes at an offset that the caller has set aside; threads may do so side by side."""
        with naming(self.root.full(self.path)):
            write_all(self.descriptor, pieces, offset)

    def reserve(self, size: int) -> None:
        """Sets space aside for a file of known size, where the system can; a full disk is then found at once."""
        if size and hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(self.descriptor, 0, size)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                    raise machine_failed(error, self.root.full(self.path)) from error

    def make_executable(self) -> None:
        """Lets everybody run the file."""
        with naming(self.root.full(self.path)):
            os.fchmod(self.descriptor, FILE_MODE | 0o111)

    def flush(self) -> None:
        """Makes the content durable. A failed flush is final: the file is useless and must be written again."""
        if self.root.durability is not Durability.NONE:
            with naming(self.root.full(self.path)):
                _flush(self.descriptor)

    def link(self, relative: str, *, size_max: int | None = None) -> bytes | None:
        """Publishes under `relative` unless that exists.

        Returns None if this file is now there, else the content of the file that is. Never trusts the error: a name
        that exists is reported with EEXIST here, EPERM on sshfs, and a reply may be lost on NFS.
        """
        folder, _, name = relative.rpartition("/")
        left = self.root.open_folder(self.root.temporary)
        right = self.root.open_folder(folder, create=True)
        try:
            try:
                os.link(self.name, name, src_dir_fd=left, dst_dir_fd=right, follow_symlinks=False)
                return None
            except OSError as error:
                return self._settle(error, left, right, relative, size_max)
        finally:
            os.close(left)
            os.close(right)

    def _settle(self, error: OSError, left: int, right: int, relative: str, size_max: int | None) -> bytes | None:
        name = relative.rpartition("/")[2]
        present = self._present(right, name, relative, size_max)
        if present is not None:
            return None if self._is_same_file(right, name) else present
        # No hard links here (exFAT, some FUSE): a rename that refuses to replace is the same promise.
        if _rename_noreplace(left, self.name, right, name):
            self.is_named = False
            return None
        present = self._present(right, name, relative, size_max)
        if present is not None:
            return present
        raise machine_failed(error, self.root.full(relative)) from error

    def _present(self, folder: int, name: str, relative: str, size_max: int | None) -> bytes | None:
        try:
            descriptor = self.root.open_in(folder, name, relative)
        except NoSuchFile:
            return None
        try:
            limit = max(self.size, 4096) if size_max is None else size_max
            return read_exactly(descriptor, limit, 0)
        finally:
            os.close(descriptor)

    def _is_same_file(self, folder: int, name: str) -> bool:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        mine = os.fstat(self.descriptor)
        return (there.st_ino, there.st_dev) == (mine.st_ino, mine.st_dev)

    def rename(self, relative: str, *, durable: bool = True) -> None:
        """Publishes under `relative`, replacing what is there."""
        folder, _, name = relative.rpartition("/")
        left = self.root.open_folder(self.root.temporary)
        right = self.root.open_folder(folder, create=True)
        try:
            with naming(self.root.full(relative)):
                os.rename(self.name, name, src_dir_fd=left, dst_dir_fd=right)
                self.is_named = False
                if durable and self.root.durability is not Durability.NONE:
                    _flush(right)
        finally:
            os.close(left)
            os.close(right)

    def discard(self) -> None:
        """Closes the file and removes the temporary name, if either is left."""
        if self.is_open:
            self.is_open = False
            os.close(self.descriptor)
        if self.is_named:
            self.is_named = False
            # What stays behind is litter that gc collects; it must not hide the error that led here.
            with contextlib.suppress(MachineFailed, NoSuchFile):
                self.root.remove(self.path)


class Placing:
    """Writes whole files below a root, replacing what is there, one after another; the folders met last stay open.

    Serves one thread, and flushes nothing. Crash: each file is the old one or the new one, or lies unfinished in the
    temporary folder.
    """

    def __init__(self, root: Root) -> None:
        self._root = root
        self._temporary = root.open_folder(root.temporary, create=True)
        self._folder: tuple[str, int] | None = None
        self._stem = f"{os.getpid()}.{os.urandom(8).hex()}"
        self._count = 0

    def __enter__(self) -> "Placing":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()
        os.close(self._temporary)

    def put(self, relative: str, data: bytes | memoryview, *, is_executable: bool) -> None:
        """Writes one file. Errors: `NotRegular`, `MachineFailed`."""
        folder, _, name = relative.rpartition("/")
        if self._folder is None or self._folder[0] != folder:
            self._leave()
            self._folder = (folder, self._root.open_folder(folder, create=True))
        unfinished = f"{self._stem}{self._count:x}"
        self._count += 1
        with naming(self._root.full(relative)):
            descriptor = os.open(unfinished, _CREATE_FLAGS, FILE_MODE, dir_fd=self._temporary)
            try:
                try:
                    write_all(descriptor, [data], 0)
                    if is_executable:
                        os.fchmod(descriptor, FILE_MODE | 0o111)
                finally:
                    os.close(descriptor)
                os.rename(unfinished, name, src_dir_fd=self._temporary, dst_dir_fd=self._folder[1])
            except OSError:
                # What stays behind is litter that gc collects; it must not hide the error that led here.
                with contextlib.suppress(OSError):
                    os.unlink(unfinished, dir_fd=self._temporary)
                raise

    def _leave(self) -> None:
        if self._folder is not None:
            os.close(self._folder[1])
            self._folder = None


def _rename_noreplace(left: int, source: str, right: int, target: str) -> bool:
    import ctypes

    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    return bool(call(left, os.fsencode(source), right, os.fsencode(target), _RENAME_NOREPLACE) == 0)


@dataclass(slots=True)
class _Pending:
    relative: str
    file: NewFile
    data: bytes


@dataclass(slots=True)
class Batch:
    """Files that become visible and durable together at one barrier, in the order they were given.

    Crash: before the barrier only temporary files exist; within it any prefix of the links, each to a complete and
    durable file.
    """

    root: Root
    durable: bool = True
    _pending: list[_Pending] = field(default_factory=list)

    def create(self, relative: str, data: bytes) -> None:
        """Queues a file to be created unless it exists."""
        new = self.root.new_file()
        try:
            new.write(data)
        except MachineFailed:
            new.discard()
            raise
        self._pending.append(_Pending(relative, new, data))
        if len(self._pending) > SYNCFS_FILES_MIN and self.root.durability is not Durability.FULL:
            os.close(new.descriptor)
            new.is_open = False

    def barrier(self) -> dict[str, bytes]:
        """Publishes what is queued; returns what now lies under each name: one's own bytes or somebody else's."""
        pending, self._pending = self._pending, []
        if not pending:
            return {}
        flushing = self.durable and self.root.durability is not Durability.NONE
        together = len(pending) > SYNCFS_FILES_MIN and self.root.durability is not Durability.FULL
        try:
            if flushing and together:
                self.root.flush_all()
            elif flushing:
                for item in pending:
                    item.file.flush()
            present = {}
            for item in pending:
                found = item.file.link(item.relative)
                present[item.relative] = item.data if found is None else found
            if flushing and together:
                self.root.flush_all()
            elif flushing:
                for folder in sorted({item.relative.rpartition("/")[0] for item in pending}):
                    self.root.flush_folder(folder)
            return present
        finally:
            for item in pending:
                item.file.discard()

    def discard(self) -> None:
        """Forgets what is queued."""
        pending, self._pending = self._pending, []
        for item in pending:
            item.file.discard()


class Journal:
    """An append-only file of this process: each line durable when `append` returns, a torn last line ignored.

    The file keeps its temporary-free name from birth; readers check every line themselves.
    """

    def __init__(self, root: Root, relative: str) -> None:
        self._root = root
        self.relative = relative
        folder, _, name = relative.rpartition("/")
        parent = root.open_folder(folder, create=True)
        try:
            with naming(root.full(relative)):
                self._descriptor = os.open(name, _CREATE_FLAGS, FILE_MODE, dir_fd=parent)
        finally:
            os.close(parent)
        # Only this process asks, about its own journals: elsewhere an advisory lock proves nothing.
        with contextlib.suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.size = 0
        self._is_name_durable = False

    def append(self, line: bytes, *, durable: bool) -> None:
        """Appends one line. With `durable`, it and all before it survive a power cut from here on."""
        with naming(self._root.full(self.relative)):
            write_all(self._descriptor, [line], self.size)
            self.size += len(line)
            if durable and self._root.durability is not Durability.NONE:
                _flush(self._descriptor)
        if durable and not self._is_name_durable:
            self._root.flush_folder(self.relative.rpartition("/")[0])
            self._is_name_durable = True

    def cut(self, size: int) -> None:
        """Takes away everything from a former size on."""
        with naming(self._root.full(self.relative)):
            os.ftruncate(self._descriptor, size)
            if self._root.durability is not Durability.NONE:
                _flush(self._descriptor)
        self.size = size

    def close(self, *, remove: bool) -> None:
        """Closes the file; with `remove`, it is not needed any more."""
        os.close(self._descriptor)
        if remove:
            self._root.remove(self.relative)


def is_journal_open(root: Root, relative: str) -> bool:
    """Tells whether a journal that this very process began is still open in it."""
    try:
        descriptor = root.open_file(relative)
    except NoSuchFile:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)


class Queue:
    """A polite queue for writers on one machine: it makes them fast, never correct.

    An advisory lock does nothing across clients of a network file system, so nothing may rely on it; where it cannot
    be had at all, the work goes on without.
    """

    def __init__(self, root: Root, relative: str) -> None:
        self._root = root
        self._relative = relative
        self._descriptor: int | None = None

    def __enter__(self) -> "Queue":
        folder, _, name = self._relative.rpartition("/")
        parent = self._root.open_folder(folder, create=True)
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            with naming(self._root.full(self._relative)):
                self._descriptor = os.open(name, flags, FILE_MODE, dir_fd=parent)
        finally:
            os.close(parent)
        with contextlib.suppress(OSError):
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def publish_folder(source: str, target: str, *, durability: Durability) -> None:
    """Renames a finished folder to its final name, which must not exist. Crash: the one name or the other."""
    with naming(target):
        os.rename(source, target)
    if durability is not Durability.NONE:
        Root(os.path.dirname(target), durability=durability).flush_folder("")


def remove_tree(path: str) -> None:
    """Removes a folder of this process's own, with all that is in it; one that is gone already is fine."""
    for folder, _, names in os.walk(path, topdown=False, followlinks=False):
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(folder, name))
        with contextlib.suppress(OSError):
            os.rmdir(folder)


@contextlib.contextmanager
def claim(root: Root, relative: str, *, owner: bytes, is_stale: Callable[[bytes], bool]) -> Iterator[None]:
    """Holds a lock file, made with create-if-absent, for work that only one process may do (gc).

    `owner` says who holds it and must be unique; `is_stale` judges the owner that was found. Errors: `Busy`.
    """
    present = root.create(relative, owner)
    if present != owner and is_stale(present):
        root.move(relative, f"{root.temporary}/stale.{os.urandom(8).hex()}")
        present = root.create(relative, owner)
    if present != owner:
        raise Busy(
            f"another process is at work: {present.decode('utf-8', 'replace').strip()}",
            hint=f"wait for it; if it is certainly dead, remove {root.full(relative)}",
            path=root.full(relative),
        )
    try:
        yield
    finally:
        root.remove(relative)
