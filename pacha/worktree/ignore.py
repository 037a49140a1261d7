"""Which files of a folder are not part of an artifact: `.pachaignore`, in Git's syntax, and a few names always.

The only door to the package `pathspec`, which is not even imported where no `.pachaignore` exists.
"""

import os
from typing import Protocol

from pacha.base.files import naming

FILE = ".pachaignore"
#: Never part of an artifact: other tools' state and caches.
ALWAYS = frozenset({".git", ".pacha", "__pycache__", ".venv", ".ipynb_checkpoints", ".DS_Store", FILE})
#: An ignore file is written by hand.
BYTES_MAX = 1 << 20


class _Spec(Protocol):
    def check_file(self, file: str) -> object: ...


class IgnoreRules:
    """The rules in force below one folder; a nested file's rules come after those above it."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._specs: dict[str, _Spec | None] = {}

    def is_ignored(self, path: str, *, is_folder: bool) -> bool:
        """Tells whether a path, relative to the top, is left out. Its folders have been asked already."""
        folder, _, name = path.rpartition("/")
        if name in ALWAYS:
            return True
        verdict = False
        parts = folder.split("/") if folder else []
        for depth in range(len(parts) + 1):
            base = "/".join(parts[:depth])
            spec = self._spec(base)
            if spec is not None:
                inner = path[len(base) + 1 :] if base else path
                # None says that no rule of this file speaks of the path; True and False overrule those above.
                include = getattr(spec.check_file(inner + ("/" if is_folder else "")), "include", None)
                verdict = verdict if include is None else include
        return verdict

    def _spec(self, folder: str) -> _Spec | None:
        if folder not in self._specs:
            path = os.path.join(self._top, folder, FILE) if folder else os.path.join(self._top, FILE)
            self._specs[folder] = _load(path) if os.path.isfile(path) else None
        return self._specs[folder]


def _load(path: str) -> _Spec:
    import pathspec

    with naming(path), open(path, encoding="utf-8", errors="replace") as file:
        spec: _Spec = pathspec.GitIgnoreSpec.from_lines(file.read(BYTES_MAX).splitlines())
    return spec
