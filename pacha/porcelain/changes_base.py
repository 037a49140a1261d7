"""Which commit of Git `pacha changes` compares with: one that was named, or where this line of work began."""

from dataclasses import dataclass

from pacha.base.errors import Usage
from pacha.porcelain.workspace import Workspace
from pacha.repo.git import Git, NoSuchRevision, ShallowHistory

#: The branch that work is merged into, tried in this order.
DEFAULT_BRANCHES = (
    "refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main",
    "refs/heads/master",
)  # fmt: skip
#: Ends a name whose merge base with this checkout is meant, as in `git diff main...`.
MERGE_BASE_ENDING = "..."


class NoGit(Usage):
    """There is no Git repository, and so no revision to compare with."""


class NoBase(Usage):
    """Nothing was named, and no default branch is here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A commit of Git. `text` is how it was chosen, for people."""

    commit: str
    text: str


def git_of(workspace: Workspace) -> Git:
    """The Git repository around this checkout. Errors: `NoGit`."""
    git = workspace.repository.git
    if git is None:
        raise NoGit(
            f"{workspace.repository.work_tree}: not in a Git repository of yours, so there is no revision to compare with",
            hint="`pacha diff A B` compares two versions without Git",
        )
    return git


def choose_base(git: Git, revision: str | None) -> Base:
    """The commit to compare with. `NAME...` is the merge base of NAME and HEAD; None that of the default branch.

    Errors: `NoSuchRevision`, `ShallowHistory`, `NoBase`.
    """
    if revision is not None and not revision.endswith(MERGE_BASE_ENDING):
        return Base(commit=git.commit(revision), text=revision)
    head = git.find_commit("HEAD")
    if head is None:
        raise NoSuchRevision("this Git repository has no commit yet", hint="commit `.pacha` to Git first")
    name = _default_branch(git) if revision is None else revision.removesuffix(MERGE_BASE_ENDING)
    other = git.commit(name)
    common = git.merge_base(other, head)
    shown = name.removeprefix("refs/remotes/").removeprefix("refs/heads/")
    if common is None and git.is_shallow():
        raise ShallowHistory(f"where HEAD and {shown} parted is not in this shallow clone", revision=shown)
    if common is None:
        raise NoSuchRevision(
            f"HEAD and {shown} have no common history", hint=f"compare with it as it is: `pacha changes {shown}`"
        )
    return Base(commit=common, text=f"the merge base with {shown}")


def _default_branch(git: Git) -> str:
    for name in DEFAULT_BRANCHES:
        if git.find_commit(name) is not None:
            return name
    if git.is_shallow():
        raise ShallowHistory("the default branch is not in this shallow clone")
    tried = ", ".join(name.removeprefix("refs/remotes/").removeprefix("refs/heads/") for name in DEFAULT_BRANCHES)
    raise NoBase(
        f"no branch to compare with: none of {tried} is here",
        hint="name a revision, for instance `pacha changes HEAD~1`",
    )
