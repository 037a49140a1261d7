"""The environment in which a recipe is registered: Python, the system, packages, lock files, named variables.

Only variables that the recipe names are looked at, and no value of one whose name or value looks secret is kept.
"""

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pacha.base.errors import PachaError
from pacha.base.files import Root, naming, read_exactly
from pacha.base.ids import Hasher, ObjectId
from pacha.repo.environment import Environment

LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml", "requirements.txt")
#: The largest lock files that anybody commits are some MiB.
LOCK_BYTES_MAX = 64 << 20
#: How far above a recipe a lock file is looked for, should no folder end the search.
FOLDERS_MAX = 16
#: An environment of more packages is not one that a person made for a recipe.
PACKAGES_MAX = 10_000
VALUE_MAX = 1024
_PIECE_BYTES = 1 << 20

_SECRET_PART = re.compile(r"PASSW|PASSPHRASE|SECRET|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY")
#: Whole words of a name, so that TOKENIZERS_PARALLELISM and AUTHOR may be told.
_SECRET_WORDS = frozenset(
    {"TOKEN", "TOKENS", "KEY", "KEYS", "AUTH", "PWD", "DSN", "COOKIE", "COOKIES", "SESSION", "CERT", "AUTHORIZATION"}
)
_SECRET_VALUE = re.compile(
    r"://[^/\s:@]*:[^/\s@]*@|\b(?:gh[pousr]_|hf_|sk-|xox[abp]-|glpat-|AKIA)[A-Za-z0-9_-]{16}|-----BEGIN "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockFile:
    """A lock file near the recipe. `path` is relative to the folder in which the search ended."""

    path: str
    size: int
    digest: ObjectId


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedEnvironment:
    """What was found. A variable whose value is None is set, and its value is not kept; one that is not set is absent."""

    python_version: str
    implementation: str
    system: str
    machine: str
    packages: Mapping[str, str] = field(default_factory=dict)
    lock_files: tuple[LockFile, ...] = ()
    variables: Mapping[str, str | None] = field(default_factory=dict)

    def captured_document(self) -> dict[str, Any]:
        """The whole, for a manifest's `facts_detail`."""
        return {
            **self.captured_summary(),
            "packages": dict(self.packages),
            "lock_files": {
                lock.path: {"blake3": lock.digest.hex, "size": lock.size} for lock in self.lock_files
            },
            "variables": dict(self.variables),
        }  # fmt: skip

    def captured_summary(self) -> dict[str, Any]:
        """What fits into a manifest's `facts`."""
        return {
            "python": self.python_version,
            "implementation": self.implementation,
            "system": self.system,
            "machine": self.machine,
            "package_count": len(self.packages),
            "lock_hashes": {lock.path: lock.digest.hex for lock in self.lock_files[:8] if len(lock.path) <= 200},
        }


def capture_environment(
    environment: Environment, *, folder: str, top: str, variables: Iterable[str] = ()
) -> CapturedEnvironment:
    """Looks at this process, and for lock files from `folder` up to `top`, the nearest of each name first.

    `variables` are the names that the recipe says. A lock file that is a link, or cannot be read, is passed over.
    """
    system = os.uname()
    return CapturedEnvironment(
        python_version=".".join(map(str, sys.version_info[:3])),
        implementation=sys.implementation.name,
        system=f"{system.sysname} {system.release}",
        machine=system.machine,
        packages=installed_packages(),
        lock_files=tuple(_lock_files(folder, top)),
        variables={
            name: None if looks_secret(name, value) else value[:VALUE_MAX]
            for name in sorted(set(variables))
            if (value := environment.variables.get(name)) is not None
        },
    )


def looks_secret(name: str, value: str = "") -> bool:
    """Tells whether an environment variable is one whose value belongs nowhere.

    >>> looks_secret("HF_TOKEN"), looks_secret("DATABASE_URL", "postgres://me:pw@host/x"), looks_secret("OMP_NUM_THREADS", "4")
    (True, True, False)
    """
    upper = name.upper()
    words = re.split(r"[^A-Z]+", upper)
    is_word = any(word in _SECRET_WORDS or word.endswith("TOKEN") for word in words)
    return is_word or bool(_SECRET_PART.search(upper) or _SECRET_VALUE.search(value))


def installed_packages() -> dict[str, str]:
    """What is installed for this Python, by normal names, sorted. The first on the path counts, as in an import."""
    # Slow to import, and needed by no other command.
    from importlib import metadata

    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"] if distribution.metadata else None
        if isinstance(name, str) and distribution.version and len(found) < PACKAGES_MAX:
            found.setdefault(normal_name(name)[:128], str(distribution.version)[:128])
    return dict(sorted(found.items()))


def normal_name(package: str) -> str:
    """A package's name as the index compares it.

    >>> normal_name("Ruamel.Yaml"), normal_name("huggingface_hub")
    ('ruamel-yaml', 'huggingface-hub')
    """
    return re.sub(r"[-_.]+", "-", package).lower()


def _lock_files(folder: str, top: str) -> Iterable[LockFile]:
    folder, top = os.path.abspath(folder), os.path.abspath(top)
    seen: set[str] = set()
    for _ in range(FOLDERS_MAX):
        for name in LOCK_FILES:
            if name not in seen and (lock := _lock_file(Root(folder), name, top)) is not None:
                seen.add(name)
                yield lock
        if folder in (top, os.path.dirname(folder)) or not folder.startswith(top):
            return
        folder = os.path.dirname(folder)


def _lock_file(root: Root, name: str, top: str) -> LockFile | None:
    try:
        descriptor = root.open_file(name)
    except PachaError:
        return None
    try:
        size = os.fstat(descriptor).st_size
        if size > LOCK_BYTES_MAX:
            return None
        hasher, at = Hasher(), 0
        with naming(root.full(name)):
            while at < LOCK_BYTES_MAX and (piece := read_exactly(descriptor, _PIECE_BYTES, at)):
                hasher.update(piece)
                at += len(piece)
        return LockFile(path=os.path.relpath(root.full(name), top), size=at, digest=hasher.id())
    finally:
        os.close(descriptor)
