"""A remote as a repository that can only be read: `--repo URL`, `pacha.open("s3://…")`. Needs no Git and no `.pacha`.

Refs are those of the remote's log, objects come when they are read, and nothing is ever written to the remote. What is
read lies in a folder of this user's cache for as long as the view is open; the log and the indexes stay for the next.
"""

import os
import tempfile

from pacha.base.errors import MachineFailed
from pacha.base.files import Durability, Root, remove_tree
from pacha.base.ids import hash_bytes
from pacha.base.progress import Progress, Silent
from pacha.porcelain.connect import Connection, EmptyRemote, connect_to, remote_format
from pacha.porcelain.elsewhere import Elsewhere
from pacha.porcelain.workspace import REMEMBERED, Workspace
from pacha.refs.store import Overlay, RefStore
from pacha.remotes.named import NamedRemote
from pacha.remotes.opening import open_remote
from pacha.repo.config import load_config
from pacha.repo.environment import Environment
from pacha.repo.layout import FORMAT_FILE
from pacha.repo.repository import Repository
from pacha.store.data import DataStore
from pacha.store.meta import MetaStore
from pacha.store.objects import Objects

FOLDER = "views"
DATA_PREFIX = "data-"
#: Folders that a killed process left are removed by the next one after so long. Units: seconds.
LEFT_SECONDS = 24 * 3600


class View(Workspace):
    """A workspace over a remote."""

    def __init__(self, repository: Repository, folders: tuple[str, ...], elsewhere: Connection) -> None:
        super().__init__(repository)
        self._folders = folders
        Elsewhere(self, lambda: elsewhere).attach(with_meta=True)

    def close(self) -> None:
        """Closes what is open, and removes the bytes that were read."""
        super().close()
        if self.elsewhere is not None:
            self.elsewhere.close()
        for folder in self._folders:
            remove_tree(folder)


def open_view(url: str, *, start: str, environment: Environment, progress: Progress | None = None) -> View:
    """Opens a remote for reading. Errors: `EmptyRemote`, `NewerFormat`, those of `Remote`."""
    place = url if "://" in url else os.path.join(start, os.path.expanduser(url))
    remote = open_remote(place, {}, environment=environment)
    format = remote_format(remote)
    if format is None:
        raise EmptyRemote(f"{remote.url}: nothing was pushed there yet", hint="check the place", url=remote.url)
    # By repository too: what was seen at a place says nothing of another that is there now.
    kept = _kept(environment, f"{format.id} {remote.url}")
    root = kept or _passing()
    root.create(FORMAT_FILE, format.encode())
    connection = connect_to(
        remote, NamedRemote(name="view", url=place), root=root, folder=f"{REMEMBERED}/view", format=format
    )
    data = Root(tempfile.mkdtemp(prefix=DATA_PREFIX, dir=root.path), temporary="tmp", durability=Durability.NONE)
    refs = RefStore(root, Overlay(created={ref: held.link for ref, held in connection.state.refs.items()}))
    repository = Repository(
        root=root,
        shared=root,
        format=format,
        config=load_config(environment, {}, None),
        environment=environment,
        git=None,
        objects=Objects(MetaStore(root), DataStore(data, folder="pack", trash="trash")),
        refs=refs,
        progress=progress or Silent(),
        is_view=True,
    )
    return View(repository, (data.path,) if kept else (root.path,), connection)


def _kept(environment: Environment, name: str) -> Root | None:
    """A folder of this user's cache for the next time; None where there can be none."""
    path = os.path.join(environment.cache_folder, FOLDER, hash_bytes(name.encode("utf-8")).hex[:32], ".pacha")
    try:
        os.makedirs(path, exist_ok=True)
        if os.access(path, os.W_OK):
            root = Root(path, durability=Durability.NONE)
            _tidy(root)
            return root
    except OSError:
        return None
    return None


def _passing() -> Root:
    """A folder that is gone with the view. Errors: `MachineFailed`."""
    try:
        return Root(tempfile.mkdtemp(prefix="pacha-view-"), durability=Durability.NONE)
    except OSError as error:
        raise MachineFailed(f"no folder to work in: {error.strerror}", hint="set PACHA_CACHE_DIR or TMPDIR") from error


def _tidy(root: Root) -> None:
    """Removes what killed processes left behind."""
    oldest = root.clock_ns() / 1e9 - LEFT_SECONDS
    for name, state in root.folder_states(""):
        if name.startswith(DATA_PREFIX) and state.st_mtime < oldest:
            remove_tree(root.full(name))
