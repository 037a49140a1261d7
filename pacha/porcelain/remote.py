"""`pacha remote` and `pacha ls-remote`: which remotes there are, and which refs one has."""

from dataclasses import dataclass

from pacha.base.errors import Conflict
from pacha.base.files import NoSuchFile
from pacha.base.toml import set_value
from pacha.porcelain.connect import Connection, forget, remotes_of
from pacha.porcelain.workspace import Workspace
from pacha.remotes.named import SECTION, NamedRemote, NoSuchRemote, check_name
from pacha.repo.config import CONFIG_BYTES_MAX
from pacha.repo.layout import CONFIG_FILE
from pacha.repo.session import Session


class RemoteTaken(Conflict):
    """A remote of that name is there already, and elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRow:
    """A remote. `is_shared`: the project's own file names it too; `is_trusted`: this user has said that it is right."""

    name: str
    url: str
    is_shared: bool
    is_trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteRef:
    """A ref of a remote, and the entry of its log that set it."""

    ref: str
    link: str
    entry: int


def list_remotes(workspace: Workspace) -> list[RemoteRow]:
    """Every remote, by name."""
    return [_row(remote) for remote in remotes_of(workspace).all()]


def add_remote(workspace: Workspace, remote: NamedRemote, *, shared: bool, force: bool) -> RemoteRow:
    """Names a remote; the same again changes nothing. Errors: `RemoteTaken`, `BadRemoteName`."""
    check_name(remote.name)
    remotes = remotes_of(workspace)
    there = {known.name: known for known in remotes.all()}.get(remote.name)
    if there is not None and there.url != remote.url and not force:
        raise RemoteTaken(
            f"{remote.name} is {there.url}", hint="name it otherwise, or replace it with --force", name=remote.name
        )
    remotes.add(remote)
    if shared:
        _share(workspace, remote)
    return RemoteRow(name=remote.name, url=remote.url, is_shared=shared, is_trusted=True)


def _share(workspace: Workspace, remote: NamedRemote) -> None:
    """Writes a remote into the project's file."""
    root = workspace.repository.root
    try:
        text = root.read(CONFIG_FILE, size_max=CONFIG_BYTES_MAX).decode("utf-8")
    except NoSuchFile:
        text = ""
    for key, value in {"url": remote.url, **remote.settings}.items():
        text = set_value(text, f"{SECTION}.{remote.name}.{key}", value)
    with Session(workspace.repository) as session:
        root.replace(CONFIG_FILE, text.encode("utf-8"))
        session.touch(CONFIG_FILE)


def remove_remote(workspace: Workspace, name: str) -> RemoteRow:
    """Forgets a remote, and what this machine remembers of it. Errors: `NoSuchRemote`."""
    remotes = remotes_of(workspace)
    there = {remote.name: remote for remote in remotes.all()}.get(name)
    if there is None or not remotes.remove(name):
        hint = (
            f"take [{SECTION}.{name}] out of .pacha/{CONFIG_FILE}" if there is not None else "see `pacha remote list`"
        )
        raise NoSuchRemote(f"you have named no remote {name!r}", hint=hint, name=name)
    forget(workspace.repository.shared, there.url)
    return _row(there)


def trust_remote(workspace: Workspace, name: str) -> RemoteRow:
    """Says that a remote which only the project names is right. Errors: `NoSuchRemote`."""
    return _row(remotes_of(workspace).find(check_name(name), trust=True))


def forget_remote(workspace: Workspace, name: str) -> RemoteRow:
    """Forgets what this machine saw of a remote's log. Errors: `NoSuchRemote`."""
    remote = remotes_of(workspace).find(check_name(name), trust=False)
    forget(workspace.repository.shared, remote.url)
    return _row(remote)


def list_refs(connection: Connection) -> list[RemoteRef]:
    """The refs of a remote, sorted."""
    return [
        RemoteRef(ref=str(ref), link=str(held.link), entry=held.at)
        for ref, held in sorted(connection.state.refs.items())
    ]


def _row(remote: NamedRemote) -> RemoteRow:
    return RemoteRow(name=remote.name, url=remote.url, is_shared=remote.is_shared, is_trusted=remote.is_trusted)
