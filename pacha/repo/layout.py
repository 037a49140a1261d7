"""The `.pacha` folder: what lies where, its `format` file, finding it, making it.

`objects/pack` and `local` each hold a minimal nested `.git`, so that `git clean -xdf` and `git stash --all` pass them
by. Git never tracks a path with `.git` in it, so the marker also proves that no clone brought the folder.
"""

import os
import re
from dataclasses import dataclass

from pacha.base.errors import Corrupt, NotFound, Unsupported, Untrusted, Usage
from pacha.base.files import Durability, NoSuchFile, Root, publish_folder
from pacha.refs.transaction import CHECKOUT_FILE

FOLDER = ".pacha"
FORMAT_FILE = "format"
CONFIG_FILE = "config.toml"
#: What an older registry has in a folder of the same name.
OLD_REGISTRY_FILE = "registry.db"
FORMAT_VERSION = 1
FORMAT_BYTES_MAX = 4096
#: Features that this version understands; a store that requires another is not touched.
KNOWN_FEATURES: frozenset[str] = frozenset()
REPOSITORY_ID_DIGITS = 32
#: The folders that only this machine fills.
PRIVATE_FOLDERS = ("objects/pack", "local")

GITIGNORE = "!*\n!*/\n/objects/pack/\n/local/\n"
GITATTRIBUTES = """\
* -text -ident -filter !working-tree-encoding merge=text
objects/** -text -ident -filter !working-tree-encoding merge=text linguist-generated
"""
CONFIG = """\
# Settings that everybody who works on this project shares. It can name no command, no key and no credential.
# `pacha config list` shows what is in force and where it comes from.
"""
#: Two checkouts of one repository never draw the same.
CHECKOUT_BYTES = 16
_NESTED_HEAD = "ref: refs/heads/none\n"
_ID = re.compile(rf"[0-9a-f]{{{REPOSITORY_ID_DIGITS}}}", re.ASCII)
_FEATURE = re.compile(r"[a-z0-9-]{1,40}", re.ASCII)


class NotARepository(NotFound):
    """No `.pacha` folder here or above."""


class BadFormat(Corrupt):
    """The `format` file is damaged."""


class NewerFormat(Unsupported):
    """A newer Pacha made this store."""


class NotOurs(Untrusted):
    """A folder that only this machine may fill came from elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The first thing read of any store."""

    version: int
    id: str
    requires: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """The file's bytes."""
        lines = [
            f"pacha {self.version}",
            *(f"requires {name}" for name in self.requires),
            *(f"optional {name}" for name in self.optional),
            f"id {self.id}",
        ]
        return "".join(f"{line}\n" for line in lines).encode("ascii")


def decode_format(data: bytes, *, path: str) -> Format:
    """Reads a `format` file. Errors: `BadFormat`, `NewerFormat`."""
    try:
        lines = data.decode("ascii").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise BadFormat(f"{path}: not a format file", path=path) from error
    name, _, version = lines[0].partition(" ")
    if name != "pacha" or not version.isdecimal() or len(version) > 6:
        raise BadFormat(f"{path}: the first line must be `pacha {FORMAT_VERSION}`", path=path)
    if int(version) != FORMAT_VERSION:
        raise NewerFormat(
            f"{path}: this store has format {version}, and this Pacha knows {FORMAT_VERSION}",
            hint="install a newer pacha-registry; nothing was touched",
            path=path,
        )
    found: dict[str, list[str]] = {"requires": [], "optional": [], "id": []}
    for line in lines[1:-1]:
        key, _, value = line.partition(" ")
        pattern = _ID if key == "id" else _FEATURE
        if key not in found or not pattern.fullmatch(value):
            raise BadFormat(f"{path}: cannot read the line {line[:60]!r}", path=path)
        found[key].append(value)
    if len(found["id"]) != 1 or lines[-1]:
        raise BadFormat(f"{path}: exactly one `id` line is needed, and a line end after it", path=path)
    unknown = sorted(set(found["requires"]) - KNOWN_FEATURES)
    if unknown:
        raise NewerFormat(
            f"{path}: this store requires {', '.join(unknown)}, which this Pacha does not know",
            hint="install a newer pacha-registry; nothing was touched",
            path=path,
        )
    return Format(
        version=FORMAT_VERSION,
        id=found["id"][0],
        requires=tuple(found["requires"]),
        optional=tuple(found["optional"]),
    )


def discover(start: str) -> str:
    """Returns the nearest `.pacha` folder at or above `start`. Errors: `NotARepository`."""
    folder = os.path.abspath(start)
    while True:
        candidate = os.path.join(folder, FOLDER)
        if os.path.isdir(candidate) and not _is_old_registry(candidate):
            return candidate
        parent = os.path.dirname(folder)
        if parent == folder:
            raise NotARepository(
                f"{os.path.abspath(start)}: not inside a Pacha repository",
                hint="run `pacha init` in your project's folder, or name another with -C",
                path=os.path.abspath(start),
            )
        folder = parent


def _is_old_registry(folder: str) -> bool:
    """An older program of the same name kept its registry in `~/.pacha`: that is imported, never taken for a store."""
    return os.path.isfile(os.path.join(folder, OLD_REGISTRY_FILE)) and not os.path.lexists(
        os.path.join(folder, FORMAT_FILE)
    )


def read_format(root: Root) -> Format:
    """Reads and checks the `format` file. Errors: `BadFormat`, `NewerFormat`, `NotARepository`."""
    try:
        data = root.read(FORMAT_FILE, size_max=FORMAT_BYTES_MAX)
    except NoSuchFile as error:
        raise NotARepository(
            f"{root.path}: has no `format` file, so it is not a Pacha store",
            hint="if Git left it out, run `git status`; else move the folder away and run `pacha init`",
            path=root.path,
        ) from error
    return decode_format(data, path=root.full(FORMAT_FILE))


def create(work_tree: str, *, id: str, durability: Durability) -> str:
    """Makes a `.pacha` folder and returns its path. Crash: nothing, or all of it."""
    target = os.path.join(work_tree, FOLDER)
    if os.path.lexists(target):
        raise Usage(f"{target}: already exists", hint="it is ready to use; see `pacha status`", path=target)
    draft = Root(f"{target}.{id[:12]}.new", temporary="tmp", durability=durability)
    os.makedirs(draft.path)
    files = {
        FORMAT_FILE: Format(version=FORMAT_VERSION, id=id).encode(),
        CONFIG_FILE: CONFIG.encode(),
        ".gitignore": GITIGNORE.encode(),
        ".gitattributes": GITATTRIBUTES.encode(),
    }
    for name, data in files.items():
        draft.create(name, data)
    prepare_private(draft)
    draft.remove_folder(draft.temporary)
    publish_folder(draft.path, target, durability=durability)
    return target


def prepare_private(root: Root) -> None:
    """Makes the folders that only this machine fills, each with the nested `.git` that protects and marks it.

    The checkout is given an id that no other has, by which the journals that it shares with others know their own.
    """
    for folder in PRIVATE_FOLDERS:
        if root.stat(f"{folder}/.git") is None:
            root.make_folder(f"{folder}/.git/objects")
            root.make_folder(f"{folder}/.git/refs")
            root.create(f"{folder}/.git/HEAD", _NESTED_HEAD.encode())
    if root.stat(CHECKOUT_FILE) is None:
        root.create(CHECKOUT_FILE, f"{os.urandom(CHECKOUT_BYTES).hex()}\n".encode("ascii"))


def check_private(root: Root) -> None:
    """Refuses private folders that Pacha did not make here. Errors: `NotOurs`."""
    for folder in PRIVATE_FOLDERS:
        if root.stat(folder) is not None and root.stat(f"{folder}/.git/HEAD") is None:
            raise NotOurs(
                f"{root.full(folder)}: not made by Pacha on this machine, so it is not read",
                hint=f"if you trust nothing in it, remove it: rm -r {root.full(folder)}",
                path=root.full(folder),
            )
