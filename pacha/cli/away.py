"""Opening what lies elsewhere. Loaded as commands are, when it is asked for: all others start without it."""

from pacha.cli.app import App
from pacha.cli.progress import Watched
from pacha.cli.remoted import connected, print_refs
from pacha.cli.render import Output
from pacha.porcelain.connect import connect, remotes_of
from pacha.porcelain.elsewhere import Elsewhere
from pacha.porcelain.held import remote_status
from pacha.porcelain.view import open_view
from pacha.porcelain.workspace import Workspace
from pacha.repo.environment import Environment

#: The answer is no: there are bytes that only this machine has.
LACKS_CODE = 1


def view(url: str, *, start: str, environment: Environment, output: Output) -> Workspace:
    """A remote as a repository that can only be read."""
    return open_view(url, start=start, environment=environment, progress=Watched(output))


def print_remote_status(app: App, name: str, *, schema: str) -> int:
    """Answers `pacha status --remote`: 1 if the remote lacks bytes that this checkout names."""
    with connected(app, name) as connection:
        found = remote_status(app.workspace, connection)
    if app.output.is_json:
        app.output.data(schema, found)
    elif found.lacks_bytes_of or found.not_there or found.not_here:
        app.output.line(f"{found.remote} at entry {found.number}")
        print_refs(app, "lacks the bytes of", "red", found.lacks_bytes_of)
        print_refs(app, "lacks", "yellow", [ref for ref in found.not_there if ref not in found.lacks_bytes_of])
        print_refs(app, "also has", "dim", found.not_here)
        if found.lacks_bytes_of or found.not_there:
            app.output.hint(f"`pacha push {found.remote}` sends what it lacks")
    else:
        app.output.line(f"{found.remote} has all that this checkout names")
    return LACKS_CODE if found.lacks_bytes_of else 0


def fill_from(workspace: Workspace, name: str) -> None:
    """Lets bytes that are not here come from a remote when they are read."""
    Elsewhere(workspace, lambda: connect(workspace, remotes_of(workspace).find(name))).attach(with_meta=False)
