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
    """The rules in force below one folder; a nested file's rules come after those above it. Folders are '' or a path."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._specs: dict[str, tuple[tuple[str, _Spec], ...]] = {}

    def is_ignored(self, folder: str, name: str, *, is_folder: bool) -> bool:
        """Tells whether a name in a folder, relative to the top, is left out. The folder has been asked already."""
        if name in ALWAYS:
            return True
        verdict = False
        for base, spec in self._in_force(folder):
            path = f"{folder}/{name}" if folder else name
            inner = path[len(base) + 1 :] if base else path
            # None says that no rule of this file speaks of the path; True and False overrule those above.
            include = getattr(spec.check_file(inner + ("/" if is_folder else "")), "include", None)
            verdict = verdict if include is None else include
        return verdict

    def _in_force(self, folder: str) -> tuple[tuple[str, _Spec], ...]:
        """The rules that speak of what is in a folder, each with the folder that it lies in, the outermost first."""
        found = self._specs.get(folder)
        if found is None:
            above = self._in_force(folder.rpartition("/")[0]) if folder else ()
            path = os.path.join(self._top, folder, FILE)
            found = self._specs[folder] = (*above, (folder, _load(path))) if os.path.isfile(path) else above
        return found


def _load(path: str) -> _Spec:
    import pathspec

    with naming(path), open(path, encoding="utf-8", errors="replace") as file:
        spec: _Spec = pathspec.GitIgnoreSpec.from_lines(file.read(BYTES_MAX).splitlines())
    return spec
