"""Opening what lies elsewhere. Loaded as commands are, when it is asked for: all others start without it."""

from pacha.cli.progress import Watched
from pacha.cli.render import Output
from pacha.porcelain.connect import connect, remotes_of
from pacha.porcelain.elsewhere import Elsewhere
from pacha.porcelain.view import open_view
from pacha.porcelain.workspace import Workspace
from pacha.repo.environment import Environment


def view(url: str, *, start: str, environment: Environment, output: Output) -> Workspace:
    """A remote as a repository that can only be read."""
    return open_view(url, start=start, environment=environment, progress=Watched(output))


def fill_from(workspace: Workspace, name: str) -> None:
    """Lets bytes that are not here come from a remote when they are read."""
    Elsewhere(workspace, lambda: connect(workspace, remotes_of(workspace).find(name))).attach(with_meta=False)
