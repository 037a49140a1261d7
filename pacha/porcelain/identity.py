"""Who is the author: flags, then Pacha's own settings, then Git's; never a guess from the machine."""

from pacha.base.errors import Usage
from pacha.porcelain.workspace import Workspace
from pacha.repo.git import Git

#: An author stands in every log line.
AUTHOR_BYTES_MAX = 1024


class NoAuthor(Usage):
    """Nobody has said who the author is."""


def author(workspace: Workspace, given: str | None) -> str:
    """The author as documents carry it, `Name <address>`. `given` is what a flag says. Errors: `NoAuthor`."""
    if given is not None:
        return _checked(given)
    config = workspace.repository.config
    name, address = config.text("user.name"), config.text("user.email")
    git = workspace.repository.git or _outside(workspace)
    name = name or git.setting("user.name")
    address = address or git.setting("user.email")
    if not name:
        raise NoAuthor(
            "who is the author?",
            hint='say it once with `pacha config set user.name "Ada Lovelace"`, or with --author, '
            "PACHA_AUTHOR_NAME, or `git config user.name`",
        )
    return _checked(f"{name} <{address}>" if address else name)


def _outside(workspace: Workspace) -> Git:
    """Git's settings of this user, where no Git repository is."""
    variables = tuple(workspace.repository.environment.variables.items())
    return Git(work_tree="/", git_dir="", common="", variables=variables)


def _checked(text: str) -> str:
    text = text.strip()
    if not text or "\n" in text or len(text.encode("utf-8", "surrogatepass")) > AUTHOR_BYTES_MAX:
        raise NoAuthor(f"not an author: {text[:60]!r}", hint="write for instance 'Ada Lovelace <ada@example.org>'")
    return text
