"""Writing an answer into a file that the person named."""

import contextlib
import os

from pacha.base.errors import Conflict, NotFound
from pacha.base.files import naming
from pacha.cli.app import App


class NoFolderThere(NotFound):
    """A file was to be written into a folder that does not exist."""


class FileExists(Conflict):
    """A file that was to be written exists, and holds something else."""


def write_file(path: str, data: bytes, *, shown: str) -> None:
    """Writes a file over whatever lies there. `shown` is what errors call it. Errors: `NoFolderThere`, `MachineFailed`."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise NoFolderThere(f"{shown}: there is no folder {os.path.dirname(shown)}", hint="make it first", path=shown)
    with naming(shown), open(path, "wb") as file:
        file.write(data)


def export_file(app: App, target: str, data: bytes, *, force: bool) -> None:
    """Writes what `--export FILE` asks for and says so; `-` is stdout. Errors: `FileExists`, `MachineFailed`."""
    if target == "-":
        app.output.raw(data)
        return
    path = os.path.join(app.start, target)
    if not force and os.path.lexists(path) and not _holds(path, data):
        raise FileExists(f"{target}: exists already", hint="--force writes over it", path=target)
    write_file(path, data, shown=target)
    app.output.line(f"written   {target}")


def _holds(path: str, data: bytes) -> bool:
    with contextlib.suppress(OSError), open(path, "rb") as file:
        return file.read(len(data) + 1) == data
    return False
