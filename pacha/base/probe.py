"""Tries what the durable writer needs from a file system: the answers decide speed and safety, not correctness."""

import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass

from pacha.base.files import Root, naming


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """One property of a file system: whether it holds, in words, and what to do where it does not."""

    name: str
    is_good: bool
    found: str
    advice: str


def probe(root: Root) -> list[Probed]:
    """Tries hard links, exclusive creation, locks, flushes of folders, case and links, in the temporary folder."""
    root.make_folder(root.temporary)
    folder = root.full(f"{root.temporary}/probe.{os.getpid()}.{os.urandom(4).hex()}")
    with naming(folder):
        os.mkdir(folder)
    try:
        return [
            _try(
                "hard links", lambda: _links(folder), "works, by renaming; exFAT and some network mounts are like this"
            ),
            _try(
                "exclusive creation",
                lambda: _exclusive(folder),
                "do not use this file system: two writers could both win",
            ),
            _try("flush of folders", lambda: _flush_folder(folder), "a power cut may lose the newest commits here"),
            _try("advisory locks", lambda: _lock(folder), "works; several writers at once are slower"),
            _try(
                "names keep their case",
                lambda: _case(folder),
                "two files whose names differ in case only cannot both exist",
            ),
        ]
    finally:
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                os.unlink(os.path.join(folder, name))
            os.rmdir(folder)


def _try(name: str, attempt: Callable[[], bool], advice: str) -> Probed:
    try:
        is_good = attempt()
        found = "yes" if is_good else "no"
    except OSError as error:
        is_good, found = False, f"no: {error.strerror}"
    return Probed(name=name, is_good=is_good, found=found, advice=advice)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))


def _links(folder: str) -> bool:
    _touch(os.path.join(folder, "one"))
    os.link(os.path.join(folder, "one"), os.path.join(folder, "two"))
    return os.stat(os.path.join(folder, "two")).st_nlink == 2


def _exclusive(folder: str) -> bool:
    _touch(os.path.join(folder, "once"))
    try:
        _touch(os.path.join(folder, "once"))
    except OSError:
        return True
    return False


def _flush_folder(folder: str) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def _lock(folder: str) -> bool:
    path = os.path.join(folder, "lock")
    first = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    second = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
    finally:
        os.close(first)
        os.close(second)


def _case(folder: str) -> bool:
    _touch(os.path.join(folder, "case"))
    return not os.path.exists(os.path.join(folder, "CASE"))
