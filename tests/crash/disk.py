"""A disk that can stop: counts the durable writer's storage calls, stops at one, and shows what would be left.

After the stop every further call stops too, so no clean-up runs, as after `kill -9`. What is left is rebuilt at the
same path in one of these ways:

- KILLED: everything that was called has happened (the process died, the machine went on);
- LOST: only what was flushed is there (power cut, nothing else reached the disk);
- REORDERED: every name is there, but files hold only what was flushed (power cut, names overtook contents);
- MIXED: each unflushed name and content is there or not, by the toss of a seeded coin.
"""

import os
import random
import shutil
import stat
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from pacha.base import files


class Left(Enum):
    """What is left after the stop."""

    KILLED = "killed"
    LOST = "lost"
    REORDERED = "reordered"
    MIXED = "mixed"


class Stopped(BaseException):
    """The process died here."""


class Disk:
    """Stands in for the `os` of `pacha.base.files`, over one real folder."""

    def __init__(self, top: Path, graveyard: Path) -> None:
        self.top = top
        self.calls = 0
        self.stop_at: int | None = None
        self.is_stopped = False
        self.log: list[str] = []
        #: Flushed content by inode, flushed names by folder's inode.
        self.content: dict[int, bytes] = {}
        self.names: dict[int, dict[str, int]] = {}
        self._graveyard = graveyard
        graveyard.mkdir(exist_ok=True)
        self._graves = 0
        self.flush_everything()

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> "Disk":
        """Puts the disk beneath the durable writer."""
        monkeypatch.setattr(files, "os", self)
        monkeypatch.setattr(files, "_flush_file_system", self._syncfs)
        return self

    # -- the calls -------------------------------------------------------------------------------------------------

    def _call(self, name: str) -> None:
        if self.is_stopped:
            raise Stopped
        self.calls += 1
        self.log.append(name)
        if self.stop_at is not None and self.calls >= self.stop_at:
            self.is_stopped = True
            raise Stopped

    def open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_CREAT:
            self._call("create")
            descriptor = os.open(path, flags, mode, dir_fd=dir_fd)
            if not os.fstat(descriptor).st_size:
                self.content.setdefault(os.fstat(descriptor).st_ino, b"")
            return descriptor
        return os.open(path, flags, mode, dir_fd=dir_fd)

    def mkdir(self, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._call("mkdir")
        os.mkdir(path, mode, dir_fd=dir_fd)
        self.names[os.stat(path, dir_fd=dir_fd).st_ino] = {}

    def unlink(self, path: Any, *, dir_fd: int | None = None) -> None:
        self._call("unlink")
        self._bury(path, dir_fd)
        os.unlink(path, dir_fd=dir_fd)

    def rename(self, source: Any, target: Any, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        self._call("rename")
        self._bury(target, dst_dir_fd)
        os.rename(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    def _bury(self, path: Any, dir_fd: int | None) -> None:
        """Keeps the inode of a file that goes, so that its number is not given to another."""
        try:
            if stat.S_ISREG(os.stat(path, dir_fd=dir_fd, follow_symlinks=False).st_mode):
                self._graves += 1
                os.link(path, self._graveyard / str(self._graves), src_dir_fd=dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            pass

    def fsync(self, descriptor: int) -> None:
        self._call("fsync")
        self._flush(descriptor)

    def _flush(self, descriptor: int) -> None:
        state = os.fstat(descriptor)
        if stat.S_ISDIR(state.st_mode):
            self.names[state.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
        else:
            self.content[state.st_ino] = os.pread(descriptor, state.st_size, 0)

    def _syncfs(self, descriptor: int) -> bool:
        self._call("syncfs")
        self.flush_everything()
        return True

    def flush_everything(self) -> None:
        """Everything that is there now survives a power cut."""
        for folder, _folders, names in os.walk(self.top):
            at = os.stat(folder).st_ino
            self.names[at] = {entry.name: entry.inode() for entry in os.scandir(folder)}
            for name in names:
                path = os.path.join(folder, name)
                self.content[os.stat(path).st_ino] = Path(path).read_bytes()

    # -- what is left ----------------------------------------------------------------------------------------------

    def rebuild(self, target: Path, left: Left, seed: int = 0) -> None:
        """Writes what would be left to a folder that does not exist yet."""
        if left is Left.KILLED:
            shutil.copytree(self.top, target, symlinks=True)
            return
        kinds = {}
        for folder, _folders, names in os.walk(self.top):
            kinds[os.stat(folder).st_ino] = Path(folder)
            kinds.update({os.stat(os.path.join(folder, name)).st_ino: Path(folder, name) for name in names})
        self._rebuild(os.stat(self.top).st_ino, target, left, random.Random(seed), kinds)

    def _rebuild(self, inode: int, target: Path, left: Left, coin: random.Random, there: dict[int, Path]) -> None:
        target.mkdir()
        now = {entry.name: entry.inode() for entry in os.scandir(there[inode])} if inode in there else {}
        names = self._choose(self.names.get(inode, {}), now, left, coin)
        for name, inner in sorted(names.items()):
            if there[inner].is_dir() if inner in there else inner in self.names:
                self._rebuild(inner, target / name, left, coin, there)
                continue
            flushed = self.content.get(inner, b"")
            current = there[inner].read_bytes() if inner in there else flushed
            if left is Left.MIXED:
                # What was flushed of a file that has only grown since does not go again.
                least = len(flushed) if current.startswith(flushed) else 0
                torn = current[: max(least, len(current) // 2)]
                flushed = coin.choice([flushed, current, torn]) if flushed != current else flushed
            (target / name).write_bytes(flushed)

    def _choose(self, flushed: dict[str, int], now: dict[str, int], left: Left, coin: random.Random) -> dict[str, int]:
        if left is Left.LOST:
            return flushed
        if left is Left.REORDERED:
            return now
        chosen = {}
        for name in sorted({*flushed, *now}):
            inode = coin.choice([flushed.get(name), now.get(name)])
            if inode is not None:
                chosen[name] = inode
        return chosen


def _counted(name: str) -> Any:
    def call(self: Disk, *arguments: Any, **named: Any) -> Any:
        self._call(name)
        return getattr(os, name)(*arguments, **named)

    return call


for _name in ("ftruncate", "link", "rmdir", "pwritev", "fchmod", "posix_fallocate", "utime"):
    setattr(Disk, _name, _counted(_name))
