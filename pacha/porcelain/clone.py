"""`pacha clone`: makes a repository out of a remote: its id, its refs, and with them the bytes of every head."""

import itertools
import os
from dataclasses import dataclass

from pacha.base.errors import Conflict, NotFound
from pacha.base.files import Durability
from pacha.base.progress import Progress
from pacha.porcelain.connect import EmptyRemote, connect, remote_format, remotes_of
from pacha.porcelain.pull import Pulled, PullOptions, pull
from pacha.porcelain.workspace import ON_DEMAND, Workspace
from pacha.remotes.named import DEFAULT, NamedRemote, NamedRemotes
from pacha.remotes.opening import open_remote
from pacha.repo.config import load_config
from pacha.repo.environment import Environment
from pacha.repo.layout import create
from pacha.repo.repository import open_repository


class FolderTaken(Conflict):
    """There is something where a clone was to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloned:
    """A new repository. `pulled` says what came."""

    path: str
    id: str
    url: str
    pulled: Pulled


def clone(
    remote: NamedRemote,
    folder: str,
    *,
    environment: Environment,
    with_data: bool = True,
    progress: Progress | None = None,
) -> Cloned:
    """Clones into a new or empty folder. Errors: `FolderTaken`, `EmptyRemote`, those of `pull`.

    Crash: a repository that lacks bytes or refs; `pacha pull` in it goes on.
    """
    target = os.path.abspath(folder)
    if os.path.lexists(target) and (not os.path.isdir(target) or os.listdir(target)):
        raise FolderTaken(f"{folder}: is there already, and not empty", hint="name another folder", path=folder)
    if not os.path.isdir(os.path.dirname(target)):
        raise NotFound(f"{os.path.dirname(target)}: no such folder", hint="make it first", path=folder)
    opened = open_remote(remote.url, remote.settings, environment=environment)
    found = remote_format(opened)
    opened.close()
    if found is None:
        raise EmptyRemote(
            f"{opened.url}: nothing was pushed there yet", hint="check the place, or push to it first", url=opened.url
        )
    os.makedirs(target, exist_ok=True)
    durability = Durability(load_config(environment, {}, None).text("core.durability") or "batch")
    path = create(target, id=found.id, durability=durability)
    workspace = Workspace(open_repository(target, environment=environment, progress=progress))
    try:
        name = _name(remotes_of(workspace), remote.url)
        remotes_of(workspace).add(NamedRemote(name=name, url=remote.url, settings=remote.settings))
        if not with_data:
            workspace.repository.root.create(ON_DEMAND, f"{name}\n".encode("ascii"))
        connection = connect(workspace, remotes_of(workspace).find(name))
        options = PullOptions(join=True, write_out=with_data, manifests=None if with_data else ())
        pulled = pull(workspace, connection, options)
    finally:
        workspace.close()
    return Cloned(path=path, id=found.id, url=opened.url, pulled=pulled)


def _name(remotes: NamedRemotes, url: str) -> str:
    """What the place is called here: origin, unless another clone of this repository calls another place so."""
    taken = {remote.name: remote.url for remote in remotes.all()}
    names = itertools.chain([DEFAULT], (f"{DEFAULT}-{number}" for number in itertools.count(2)))
    return next(name for name in names if taken.get(name, url) == url)
